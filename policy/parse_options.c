/* SPDX-License-Identifier: MIT */
/* The options of a rule, `name=value`: one row in a table and one function each. */
#include "parse.h"

#include <limits.h>

#define HOLD_MOST_US	1000000u
#define MINRTT_MOST_US	10000000u
#define SUSPEND_MOST_US 86400000000ull
#define CONTROL_MOST	65536u
#define MAX_MOST	65535u
#define BACKLOG_MOST	65535u

static const struct {
	const char *suffix;
	uint64_t us;
} units[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000ull}, {"h", 3600000000ull},
};

/* The factor of a unit, or 0. */
static uint64_t unit_us(struct span suffix)
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

/* A duration from `least_us` to `most_us`; `range` is the sentence for others. */
static int parse_duration(const struct parse *parse, struct span value, uint64_t least_us,
			  uint64_t most_us, const char *range, uint64_t *us)
{
	struct span digits = {value.at, digits_length(value)};
	struct span suffix = span_from(value, value.at + digits.length);
	uint64_t unit = unit_us(suffix);
	unsigned int number;

	/* Nothing is nothing in every unit. */
	if (span_is(value, "0") && least_us == 0) {
		*us = 0;
		return 0;
	}
	if (digits.length == 0 || unit == 0)
		return parse_refuse(parse, value,
				    "@ is not a duration: expected a number and us, ms, s, m or h, "
				    "as in 5ms");
	if (!parse_number(digits, (unsigned int)(most_us / unit), &number) ||
	    number * unit < least_us)
		return parse_refuse(parse, value, range);
	*us = number * unit;
	return 0;
}

static int parse_hold(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	uint64_t us = 0;

	if (parse_duration(parse, value, 1, HOLD_MOST_US,
			   "@ is out of range: a hold lasts more than 0 and at most 1s", &us) != 0)
		return -1;
	rule->hold_us = (unsigned int)us;
	return 0;
}

static int parse_minrtt(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	uint64_t us = 0;

	if (parse_duration(parse, value, 0, MINRTT_MOST_US,
			   "@ is out of range: minrtt is at most 10s", &us) != 0)
		return -1;
	rule->minrtt_us = (unsigned int)us;
	return 0;
}

static int parse_suspend(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	uint64_t us = 0;

	if (parse_duration(parse, value, 1000000, SUSPEND_MOST_US,
			   "@ is out of range: a suspension lasts from 1s to 24h", &us) != 0)
		return -1;
	rule->suspend_s = (unsigned int)(us / 1000000);
	return 0;
}

static int parse_verify(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (!span_is(value, "on") && !span_is(value, "off"))
		return parse_refuse(parse, value, "verify is on or off, not @");
	rule->verify = span_is(value, "on");
	return 0;
}

static int parse_control(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	struct span share = span_from(value, value.at + 2);

	if (value.length < 3 || value.at[0] != '1' || value.at[1] != '/' ||
	    !parse_number(share, CONTROL_MOST, &rule->control_share) || rule->control_share < 2)
		return parse_refuse(parse, value,
				    "@ is not a share: expected 1/N with N from 2 to 65536, "
				    "as in 1/16");
	return 0;
}

static int parse_max(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (!parse_number(value, MAX_MOST, &rule->max_bytes) || rule->max_bytes == 0)
		return parse_refuse(parse, value,
				    "@ is not a number of bytes: expected 1 to 65535");
	return 0;
}

/* A name is compared byte by byte, so whatever looks like more than a name is refused. */
static int parse_program(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (span_find(value, '/'))
		return parse_refuse(parse, value,
				    "@ is a path: expected the program's name without directories");
	if (span_find(value, '*') || span_find(value, '?') || span_find(value, '"'))
		return parse_refuse(parse, value,
				    "@ is not the exact name of a program: there are no patterns "
				    "and no quotes here");
	if (value.length > NAME_MAX)
		return parse_refuse(parse, value, "@ is longer than a file name may be");
	rule->program = arena_copy(&parse->policy->arena, value.at, value.length);
	return rule->program ? 0 : parse_no_memory(parse);
}

static int parse_supervise(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (!span_is(value, "yes") && !span_is(value, "no"))
		return parse_refuse(parse, value, "supervise is yes or no, not @");
	rule->supervise = span_is(value, "yes");
	return 0;
}

static int parse_backlog(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (!parse_number(value, BACKLOG_MOST, &rule->backlog) || rule->backlog == 0)
		return parse_refuse(parse, value,
				    "@ is not a number of connections: expected 1 to 65535");
	return 0;
}

/* It is opened by servers, each of which has a working directory of its own. */
static int parse_key(const struct parse *parse, struct policy_rule *rule, struct span value)
{
	if (value.at[0] != '/' || span_find(value, '"'))
		return parse_refuse(
			parse, value,
			"@ is not the path of a key file: expected one that begins with "
			"/, without quotes");
	if (value.length >= PATH_MAX)
		return parse_refuse(parse, value, "@ is longer than a path may be");
	rule->key = arena_copy(&parse->policy->arena, value.at, value.length);
	return rule->key ? 0 : parse_no_memory(parse);
}

#define OF_ALLOW  (1u << POLICY_ALLOW)
#define OF_DENY	  (1u << POLICY_DENY)
#define OF_LISTEN (1u << POLICY_LISTEN)

static const struct option {
	unsigned int verbs; /* that have it */
	const char *name;
	const char *example;
	int (*parse)(const struct parse *parse, struct policy_rule *rule, struct span value);
} options[] = {
	{OF_ALLOW, "hold", "hold=5ms", parse_hold},
	{OF_ALLOW, "verify", "verify=off", parse_verify},
	{OF_ALLOW, "minrtt", "minrtt=1ms", parse_minrtt},
	{OF_ALLOW, "max", "max=1000", parse_max},
	{OF_ALLOW, "suspend", "suspend=5m", parse_suspend},
	{OF_ALLOW, "control", "control=1/16", parse_control},
	{OF_ALLOW, "supervise", "supervise=yes", parse_supervise},
	{OF_ALLOW | OF_DENY | OF_LISTEN, "program", "program=curl", parse_program},
	{OF_LISTEN, "backlog", "backlog=256", parse_backlog},
	{OF_LISTEN, "key", "key=/etc/tfo/key", parse_key},
};

#define OPTION_COUNT (sizeof(options) / sizeof(*options))

_Static_assert(OPTION_COUNT <= 32, "parse_options() keeps a bit for each option");

static bool has_option(const struct policy_rule *rule, size_t i)
{
	return options[i].verbs >> rule->verb & 1;
}

static int refuse_unknown(const struct parse *parse, const struct policy_rule *rule,
			  struct span name)
{
	struct text text = parse_problem(parse, name);
	const char *separator = " ";

	text_add(&text, "unknown option ");
	text_add_quoted(&text, name.at, name.length);
	text_add(&text, ": the known ones are");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!has_option(rule, i))
			continue;
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

/* The number of the option that is so called, or OPTION_COUNT. */
static size_t find_option(const struct policy_rule *rule, struct span name)
{
	size_t i = 0;

	while (i < OPTION_COUNT && !(has_option(rule, i) && span_is(name, options[i].name)))
		i++;
	return i;
}

static struct span name_of(struct span column)
{
	const char *equals = span_find(column, '=');

	return equals ? span_before(column, equals) : column;
}

bool parse_is_option(const struct policy_rule *rule, struct span column)
{
	return find_option(rule, name_of(column)) < OPTION_COUNT;
}

int parse_option(const struct parse *parse, struct policy_rule *rule, struct span column,
		 unsigned int *seen)
{
	const char *equals = span_find(column, '=');
	struct span name = name_of(column);
	struct span value = span_from(column, equals ? equals + 1 : column.at + column.length);
	size_t i = find_option(rule, name);

	if (i == OPTION_COUNT)
		return refuse_unknown(parse, rule, name);
	if (value.length == 0)
		return refuse_without_value(parse, column, &options[i]);
	if (*seen & 1U << i)
		return parse_refuse(parse, name, "option @ stands twice in this rule");
	*seen |= 1U << i;
	return options[i].parse(parse, rule, value);
}
