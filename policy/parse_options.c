/* SPDX-License-Identifier: MIT */
/* The options of an allow rule, `name=value`: one row in a table and one function each. */
#include "parse.h"

#define HOLD_MOST_US 1000000

static const struct {
	const char *suffix;
	unsigned int us;
} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};

/* The factor of a unit, or 0. */
static unsigned int unit_us(struct span suffix)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (span_is(suffix, units[i].suffix))
			return units[i].us;
	}
	return 0;
}

static size_t digits_length(struct span span)
{
	size_t count = 0;

	while (count < span.length && span.at[count] >= '0' && span.at[count] <= '9')
		count++;
	return count;
}

static int parse_hold(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	struct span digits = {value.at, digits_length(value)};
	unsigned int unit = unit_us(span_from(value, value.at + digits.length));
	unsigned int number;

	if (digits.length == 0 || unit == 0)
		return parse_refuse(parse, value,
				    "@ is not a duration: expected a number and us, ms or s, "
				    "as in 5ms");
	if (!parse_number(digits, HOLD_MOST_US / unit, &number) || number == 0)
		return parse_refuse(parse, value,
				    "@ is out of range: a hold lasts more than 0 and at most 1s");
	rule->hold_us = number * unit;
	return 0;
}

static const struct option {
	const char *name;
	const char *example;
	int (*parse)(const struct parse *parse, struct policy_rule *rule, struct span value);
} options[] = {
	{"hold", "hold=5ms", parse_hold},
};

#define OPTION_COUNT (sizeof(options) / sizeof(*options))

_Static_assert(OPTION_COUNT <= 32, "parse_options() keeps a bit for each option");

static int refuse_unknown(const struct parse *parse, struct span name)
{
	struct text text = parse_problem(parse, name);
	const char *separator = " ";

	text_add(&text, "unknown option ");
	text_add_quoted(&text, name.at, name.length);
	text_add(&text, ": the known ones are");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		text_add(&text, separator);
		text_add(&text, options[i].name);
		text_add_byte(&text, '=');
		separator = ", ";
	}
	return -1;
}

static int refuse_without_value(const struct parse *parse, struct span column,
				const struct option *option)
{
	struct text text = parse_problem(parse, column);

	text_add(&text, "option ");
	text_add_quoted(&text, column.at, column.length);
	text_add(&text, " has no value: expected something such as ");
	text_add(&text, option->example);
	return -1;
}

int parse_option(const struct parse *parse, struct policy_rule *rule, struct span column,
		 unsigned int *seen)
{
	const char *equals = span_find(column, '=');
	struct span name = equals ? span_before(column, equals) : column;
	struct span value = span_from(column, equals ? equals + 1 : column.at + column.length);
	size_t i = 0;

	while (i < OPTION_COUNT && !span_is(name, options[i].name))
		i++;
	if (i == OPTION_COUNT)
		return refuse_unknown(parse, name);
	if (value.length == 0)
		return refuse_without_value(parse, column, &options[i]);
	if (*seen & 1U << i)
		return parse_refuse(parse, name, "option @ stands twice in this rule");
	*seen |= 1U << i;
	return options[i].parse(parse, rule, value);
}
