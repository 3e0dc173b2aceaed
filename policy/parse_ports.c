/* SPDX-License-Identifier: MIT */
/* The ports column: `*`, or a list of ports, ranges and names of services. */
#include "parse.h"

static int parse_port(const struct parse *parse, struct span text, uint16_t *port)
{
	unsigned int number;

	if (!parse_number(text, UINT16_MAX, &number) || number == 0)
		return parse_refuse(parse, text,
				    "@ is not a port: ports are numbers from 1 to 65535, or "
				    "names of services");
	*port = (uint16_t)number;
	return 0;
}

static int parse_range(const struct parse *parse, struct policy_ports *ports, struct span item,
		       const char *dash)
{
	struct span first = span_before(item, dash), last = span_from(item, dash + 1);

	if (first.length == 0 || last.length == 0)
		return parse_refuse(parse, item,
				    "the range @ has no end: expected two ports, as in 8000-8100");
	if (parse_port(parse, first, &ports->first) < 0 ||
	    parse_port(parse, last, &ports->last) < 0)
		return -1;
	if (ports->first > ports->last)
		return parse_refuse(parse, item,
				    "the range @ is reversed: the lower port comes first");
	return 0;
}

/* Digits and dashes are numbers and ranges; anything else that such names are made of is one. */
static bool is_service(struct span item)
{
	bool has_letter = false;

	for (size_t i = 0; i < item.length; i++) {
		char byte = item.at[i];

		if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
			has_letter = true;
		else if ((byte < '0' || byte > '9') && !strchr("-_.+", byte))
			return false;
	}
	return has_letter;
}

static int parse_one(const struct parse *parse, struct policy_ports *ports, struct span item)
{
	if (is_service(item) ? parse_service(parse, item, &ports->first)
			     : parse_port(parse, item, &ports->first))
		return -1;
	ports->last = ports->first;
	return 0;
}

static int parse_item(const struct parse *parse, struct policy_ports *ports, struct span item)
{
	const char *dash = span_find(item, '-');

	if (item.length == 0)
		return parse_refuse(parse, item,
				    "a port is missing here: expected a list such as 80,8000-8100");
	if (span_is(item, "*"))
		return parse_refuse(parse, item, "@ stands alone: it already means every port");
	if (dash && !is_service(item))
		return parse_range(parse, ports, item, dash);
	return parse_one(parse, ports, item);
}

static size_t item_count(struct span column)
{
	size_t count = 1;

	for (size_t i = 0; i < column.length; i++)
		count += column.at[i] == ',';
	return count;
}

int parse_ports(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	size_t count = item_count(column);
	struct policy_ports *ports;

	if (span_is(column, "*"))
		return 0;
	ports = arena_take(&parse->policy->arena, count * sizeof(*ports));
	if (!ports)
		return parse_no_memory(parse);
	for (size_t i = 0; i < count; i++) {
		const char *comma = span_find(column, ',');
		struct span item = comma ? span_before(column, comma) : column;

		if (parse_item(parse, &ports[i], item) < 0)
			return -1;
		if (comma)
			column = span_from(column, comma + 1);
	}
	rule->ports = ports;
	rule->port_count = count;
	return 0;
}
