/* SPDX-License-Identifier: MIT */
/* The payload column of an allow rule: a class, or the bytes that a payload must begin with. */
#include "parse.h"

static const struct {
	const char *word;
	enum policy_payload payload;
} classes[] = {
	{"any", POLICY_PAYLOAD_ANY},	 {"tls", POLICY_PAYLOAD_TLS},
	{"http", POLICY_PAYLOAD_HTTP},	 {"dns", POLICY_PAYLOAD_DNS},
	{"redis", POLICY_PAYLOAD_REDIS}, {"memcached", POLICY_PAYLOAD_MEMCACHED},
};

static int parse_prefix(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	struct span quoted = span_from(column, column.at + strlen("prefix:"));
	uint8_t *bytes;

	if (!span_begins(quoted, "\""))
		return parse_refuse(parse, column,
				    "the bytes of a prefix stand in quotes, as in prefix:\"GET \"");
	if (quoted.length == 2)
		return parse_refuse(
			parse, column,
			"an empty prefix matches everything: write any if that is meant");
	bytes = arena_take(&parse->policy->arena, quoted.length);
	if (!bytes)
		return parse_no_memory(parse);
	rule->payload = POLICY_PAYLOAD_PREFIX;
	rule->prefix = bytes;
	return parse_quoted(parse, quoted, bytes, &rule->prefix_length);
}

int parse_payload(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (span_is(column, classes[i].word)) {
			rule->payload = classes[i].payload;
			return 0;
		}
	}
	if (span_begins(column, "prefix:"))
		return parse_prefix(parse, rule, column);
	return parse_refuse(parse, column,
			    "unknown payload @: expected any, tls, http, dns, redis, memcached "
			    "or prefix:\"bytes\"");
}

const char *policy_payload_word(enum policy_payload payload)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (classes[i].payload == payload)
			return classes[i].word;
	}
	return payload == POLICY_PAYLOAD_PREFIX ? "prefix" : "none";
}
