/* SPDX-License-Identifier: MIT */
/* The payload column of an allow rule: a class, or the bytes that a payload must begin with. */
#include "parse.h"

static const struct {
	const char *word;
	enum policy_payload payload;
} classes[] = {
	{"any", POLICY_PAYLOAD_ANY},
	{"tls", POLICY_PAYLOAD_TLS},
	{"http", POLICY_PAYLOAD_HTTP},
	{"dns", POLICY_PAYLOAD_DNS},
};

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* The two digits of \xHH, or -1. */
static int hex_byte(struct span digits)
{
	int high, low;

	if (digits.length < 2)
		return -1;
	high = hex_digit(digits.at[0]);
	low = hex_digit(digits.at[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Reads one escape at the beginning of `text` (which has no NUL): how long it is, or -1. */
static int parse_escape(const struct parse *parse, struct span text, uint8_t *byte)
{
	static const char letters[] = "\"\\nrt", meanings[] = "\"\\\n\r\t";
	const char *letter = text.length > 1 ? strchr(letters, text.at[1]) : NULL;
	int value;

	if (letter) {
		*byte = (uint8_t)meanings[letter - letters];
		return 2;
	}
	if (!span_begins(text, "\\x"))
		return parse_refuse(parse, (struct span){text.at, 1},
				    "unknown escape: the known ones are \\\" \\\\ \\n \\r \\t "
				    "and \\xHH");
	value = hex_byte(span_from(text, text.at + 2));
	if (value < 0)
		return parse_refuse(parse, (struct span){text.at, 2},
				    "\\x takes two hexadecimal digits, as in \\x0a");
	*byte = (uint8_t)value;
	return 4;
}

/* Decodes what stands between the quotes; `to` has room for as many bytes. */
static int parse_bytes(const struct parse *parse, struct span inner, uint8_t *to, size_t *length)
{
	*length = 0;
	while (inner.length > 0) {
		int step = 1;

		to[*length] = (uint8_t)*inner.at;
		if (*inner.at == '\\')
			step = parse_escape(parse, inner, &to[*length]);
		if (step < 0)
			return -1;
		++*length;
		inner = span_from(inner, inner.at + step);
	}
	return 0;
}

/* The closing quote: the first one that no backslash precedes. The columns were cut at quotes, so
 * there is one. */
static const char *closing_quote(struct span text)
{
	size_t at = 1;

	while (at < text.length && text.at[at] != '"')
		at += text.at[at] == '\\' ? 2 : 1;
	return text.at + at;
}

static int parse_prefix(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	struct span quoted = span_from(column, column.at + strlen("prefix:"));
	struct span inner;
	const char *close;
	uint8_t *bytes;

	if (!span_begins(quoted, "\""))
		return parse_refuse(parse, column,
				    "the bytes of a prefix stand in quotes, as in prefix:\"GET \"");
	close = closing_quote(quoted);
	inner = span_from(span_before(quoted, close), quoted.at + 1);
	if (close + 1 != column.at + column.length)
		return parse_refuse(parse, span_from(column, close + 1),
				    "@ stands behind the closing quote: expected a blank");
	if (inner.length == 0)
		return parse_refuse(
			parse, column,
			"an empty prefix matches everything: write any if that is meant");
	bytes = arena_take(&parse->policy->arena, inner.length);
	if (!bytes)
		return parse_no_memory(parse);
	rule->payload = POLICY_PAYLOAD_PREFIX;
	rule->prefix = bytes;
	return parse_bytes(parse, inner, bytes, &rule->prefix_length);
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
			    "unknown payload @: expected any, tls, http, dns or prefix:\"bytes\"");
}
