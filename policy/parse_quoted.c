/* SPDX-License-Identifier: MIT */
/* A string in double quotes, with its escapes. */
#include "parse.h"

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

int parse_quoted(const struct parse *parse, struct span quoted, uint8_t *to, size_t *length)
{
	const char *close = closing_quote(quoted);
	struct span inner = span_from(span_before(quoted, close), quoted.at + 1);

	if (close + 1 != quoted.at + quoted.length)
		return parse_refuse(parse, span_from(quoted, close + 1),
				    "@ stands behind the closing quote: expected a blank");
	return parse_bytes(parse, inner, to, length);
}
