/* SPDX-License-Identifier: MIT */
/* How systemd writes what stands in a unit file. Reads no file. */
#include "unit_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".service"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), more = strlen(end);

	return length > more && strcmp(text + length - more, end) == 0;
}

static bool is_other_kind(const char *name)
{
	static const char *const others[] = {".socket", ".timer",     ".target", ".path",
					     ".mount",	".automount", ".swap",	 ".slice",
					     ".scope",	".device"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ends_with(name, others[i]))
			return true;
	return false;
}

const char *unit_name(const char *typed, char name[UNIT_NAME_SIZE])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.\\@";

	if (is_other_kind(typed))
		return "not a service, and only services have an environment";
	if ((size_t)snprintf(name, UNIT_NAME_SIZE, "%s%s", typed,
			     ends_with(typed, SUFFIX) ? "" : SUFFIX) >= UNIT_NAME_SIZE)
		return "too long for the name of a unit";
	if (!*typed || *typed == '.' || *typed == '@' || typed[strspn(typed, allowed)])
		return "not the name of a unit";
	return NULL;
}

static const char *at_sign(const char *name)
{
	return strchr(name, '@');
}

bool unit_is_template(const char *name)
{
	const char *at = at_sign(name);

	return at && strcmp(at + 1, SUFFIX) == 0;
}

bool unit_is_instance(const char *name)
{
	return at_sign(name) && !unit_is_template(name);
}

void unit_template_of(const char *instance, char template[UNIT_NAME_SIZE])
{
	snprintf(template, UNIT_NAME_SIZE, "%.*s@" SUFFIX, (int)(at_sign(instance) - instance),
		 instance);
}

/* The digits of \x41 and \101; the number of characters, 0 if they are not there. */
static size_t read_number(const char *at, char *byte)
{
	const size_t digits = *at == 'x' ? 2 : 3;
	const int base = *at == 'x' ? 16 : 8;
	const char *first = at + (*at == 'x');
	char text[4] = "", *end;
	unsigned long value;

	memcpy(text, first, strnlen(first, digits));
	value = strtoul(text, &end, base);
	if (end != text + digits || !isxdigit((unsigned char)text[0]) || value == 0 ||
	    value > UINT8_MAX)
		return 0;
	*byte = (char)value;
	return (size_t)(first - at) + digits;
}

/* What stands behind a backslash; the number of characters, 0 if systemd has no such escape. */
static size_t read_escape(const char *at, char *byte)
{
	static const char letters[] = "abfnrtv\\\"'s", bytes[] = "\a\b\f\n\r\t\v\\\"' ";
	const char *letter = *at ? strchr(letters, *at) : NULL;

	if (!letter)
		return read_number(at, byte);
	*byte = bytes[letter - letters];
	return 1;
}

char *unit_next_word(const char **at)
{
	const char *from = *at + strspn(*at, " \t\n\r");
	char *word = malloc(strlen(from) + 1), *to = word, quote = '\0';

	if (!word || !*from) {
		free(word);
		return NULL;
	}
	for (; *from && (quote || !strchr(" \t\n\r", *from)); from++) {
		if (*from == '\\') {
			size_t length = read_escape(from + 1, to++);

			if (!length) {
				free(word);
				return NULL;
			}
			from += length;
		} else if (!quote && (*from == '"' || *from == '\'')) {
			quote = *from;
		} else if (quote && *from == quote) {
			quote = '\0';
		} else {
			*to++ = *from;
		}
	}
	if (quote) {
		free(word);
		return NULL;
	}
	*to = '\0';
	*at = from;
	return word;
}

/* The length of the UTF-8 sequence here; 0 if there is none. systemd takes no other text. */
static size_t utf8_length(const unsigned char *at)
{
	const size_t length = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;

	if ((*at >= 0x80 && *at < 0xc2) || *at > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static bool can_be_held(const char *word)
{
	const unsigned char *at = (const unsigned char *)word;
	size_t length;

	for (; *at; at += length) {
		length = utf8_length(at);
		if (!length || ((*at < ' ' || *at == 0x7f) && *at != '\t' && *at != '\n'))
			return false;
	}
	return true;
}

char *unit_quote(const char *word)
{
	static const char plain[] = "\\\"\n\t", written[] = "\\\"nt";
	char *quoted = can_be_held(word) ? malloc(2 * strlen(word) + 3) : NULL, *to = quoted;

	if (!quoted)
		return NULL;
	*to++ = '"';
	for (; *word; word++) {
		const char *special = strchr(plain, *word);

		if (special) {
			*to++ = '\\';
			*to++ = written[special - plain];
		} else {
			*to++ = *word;
		}
	}
	*to++ = '"';
	*to = '\0';
	return quoted;
}

char *unit_without_specifiers(const char *text)
{
	char *written = malloc(2 * strlen(text) + 1), *to = written;

	if (!written)
		return NULL;
	for (; *text; text++) {
		if (*text == '%')
			*to++ = '%';
		*to++ = *text;
	}
	*to = '\0';
	return written;
}

/* What a specifier stands for: `length` characters; NULL for one that is not known here. */
static const char *specifier(char letter, const char *name, size_t *length)
{
	const char *end = name + strlen(name) - strlen(SUFFIX), *at = at_sign(name);

	switch (letter) {
	case '%':
		*length = 1;
		return "%";
	case 'n':
		*length = strlen(name);
		return name;
	case 'N':
		*length = (size_t)(end - name);
		return name;
	case 'p':
		*length = (size_t)((at ? at : end) - name);
		return name;
	case 'i':
		*length = at ? (size_t)(end - at) - 1 : 0;
		return at ? at + 1 : "";
	default:
		return NULL;
	}
}

char *unit_fill_in(const char *text, const char *name)
{
	char *filled = malloc(strlen(text) * UNIT_NAME_SIZE + 1), *to = filled;

	for (; filled && *text; text++) {
		size_t length = 1;
		const char *part = *text == '%' ? specifier(*++text, name, &length) : text;

		if (!part) {
			free(filled);
			return NULL;
		}
		memcpy(to, part, length);
		to += length;
	}
	if (filled)
		*to = '\0';
	return filled;
}
