/* SPDX-License-Identifier: MIT */
/* The destination column: `*`, an address, a block, a host name, `*.suffix`. */
#include "address.h"
#include "hostname.h"
#include "parse.h"

/* `10.1.2.3/8` is a slip of the pen, for one address or for the whole block: never guess. */
static int refuse_host_bits(const struct parse *parse, struct span column,
			    const struct address *block, unsigned int bits)
{
	struct text text = parse_problem(parse, column);

	text_add_quoted(&text, column.at, column.length);
	text_add(&text, " has bits set below the prefix: the block is ");
	text_add_address(&text, block);
	text_add_byte(&text, '/');
	text_add_number(&text, bits);
	return -1;
}

static int refuse_prefix_length(const struct parse *parse, struct span prefix, unsigned int most)
{
	struct text text = parse_problem(parse, prefix);

	text_add_quoted(&text, prefix.at, prefix.length);
	text_add(&text, " is not a prefix length: expected 0 to ");
	text_add_number(&text, most);
	return -1;
}

static void set_network(struct policy_rule *rule, struct address address, unsigned int bits)
{
	if (address_unmap(&address)) /* then bits >= 96, else the ffff would be host bits */
		bits -= 96;
	rule->destination = POLICY_NETWORK;
	rule->family = address.family;
	rule->prefix_bits = bits;
	memcpy(rule->network, address.bytes, sizeof(rule->network));
}

/* `prefix` is what stands behind the slash; its `at` is NULL if there is none. */
static int parse_network(const struct parse *parse, struct policy_rule *rule, struct span column,
			 struct address address, struct span prefix)
{
	unsigned int most = address_bits(address.family);
	unsigned int bits = most;

	if (prefix.at && !parse_number(prefix, most, &bits))
		return refuse_prefix_length(parse, prefix, most);
	if (address_clear_below(&address, bits))
		return refuse_host_bits(parse, column, &address, bits);
	set_network(rule, address, bits);
	return 0;
}

static int parse_inet6(const struct parse *parse, struct policy_rule *rule, struct span column,
		       struct span text, struct span prefix)
{
	struct address address;

	if (!address_from_text(&address, AF_INET6, text.at, text.length))
		return parse_refuse(parse, text,
				    "@ is not an IPv6 address; ports stand in the next column");
	return parse_network(parse, rule, column, address, prefix);
}

static int parse_bracketed(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	const char *close = span_find(column, ']');
	struct span inner, behind, prefix = {0};

	if (!close)
		return parse_refuse(parse, column, "@ has no closing bracket");
	inner = span_from(span_before(column, close), column.at + 1);
	behind = span_from(column, close + 1);
	if (span_begins(behind, "/"))
		prefix = span_from(behind, behind.at + 1);
	else if (behind.length > 0)
		return parse_refuse(parse, behind,
				    "@ stands behind the bracket: expected a prefix length such "
				    "as /64 or a blank, ports stand in the next column");
	return parse_inet6(parse, rule, column, inner, prefix);
}

static int parse_inet(const struct parse *parse, struct policy_rule *rule, struct span column,
		      struct span text, struct span prefix)
{
	struct address address;

	if (address_from_text(&address, AF_INET, text.at, text.length))
		return parse_network(parse, rule, column, address, prefix);
	if (prefix.at && !hostname_is_numeric(text.at, text.length))
		return parse_refuse(parse, text,
				    "@ is not an address: only addresses take a prefix length");
	return parse_refuse(parse, text, "@ is not an IPv4 address such as 192.0.2.1");
}

static int parse_name(const struct parse *parse, struct policy_rule *rule, struct span column,
		      struct span name)
{
	size_t at, width;
	const char *fault = hostname_fault(name.at, name.length, &at, &width);
	char *folded;

	if (fault) {
		struct text text = parse_problem(parse, (struct span){name.at + at, width});

		text_add_quoted(&text, column.at, column.length);
		text_add(&text, fault);
		return -1;
	}
	folded = arena_take(&parse->policy->arena, column.length + 1);
	if (!folded)
		return parse_no_memory(parse);
	if (rule->destination == POLICY_SUFFIX)
		*folded = '.';
	hostname_fold(folded + (rule->destination == POLICY_SUFFIX), name.at, name.length);
	rule->name = folded;
	return 0;
}

static bool is_all_digits_and_dots(struct span span)
{
	for (size_t i = 0; i < span.length; i++) {
		if ((span.at[i] < '0' || span.at[i] > '9') && span.at[i] != '.')
			return false;
	}
	return true;
}

int parse_destination(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	const char *slash = span_find(column, '/');
	struct span address = slash ? span_before(column, slash) : column;
	struct span prefix = {0};

	if (slash)
		prefix = span_from(column, slash + 1);
	if (span_is(column, "*")) {
		rule->destination = POLICY_ANY_HOST;
		return 0;
	}
	if (span_begins(column, "["))
		return parse_bracketed(parse, rule, column);
	if (span_find(address, ':'))
		return parse_inet6(parse, rule, column, address, prefix);
	if (slash || is_all_digits_and_dots(column))
		return parse_inet(parse, rule, column, address, prefix);
	if (span_begins(column, "*.")) {
		rule->destination = POLICY_SUFFIX;
		return parse_name(parse, rule, column, span_from(column, column.at + 2));
	}
	rule->destination = POLICY_HOST;
	return parse_name(parse, rule, column, column);
}
