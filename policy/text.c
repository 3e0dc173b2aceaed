/* SPDX-License-Identifier: MIT */
/* Words put together in a buffer of fixed size. Pure functions, no stdio, no locale. */
#include "text.h"

#include <string.h>

/* The most bytes of a policy file that a sentence repeats. */
#define QUOTED_MOST 64

struct text text_in(char *to, size_t size)
{
	struct text text = {.to = to, .size = size};

	to[0] = '\0';
	return text;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->size - 1 - text->length;

	if (length > room) {
		length = room;
		text->cut = true;
	}
	memcpy(text->to + text->length, bytes, length);
	text->length += length;
	text->to[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_byte(struct text *text, char byte)
{
	text_add_bytes(text, &byte, 1);
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[3 * sizeof(number)];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	text_add_bytes(text, digits + at, sizeof(digits) - at);
}

size_t text_character_length(const char *at, size_t left)
{
	const unsigned char *bytes = (const unsigned char *)at;
	unsigned char lead = left > 0 ? bytes[0] : 0xff;
	size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead > 0xf4 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (!text_continues_character(at[i]))
			return 0;
	}
	if ((lead == 0xe0 && bytes[1] < 0xa0) || (lead == 0xed && bytes[1] > 0x9f) ||
	    (lead == 0xf0 && bytes[1] < 0x90) || (lead == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return length;
}

/* Of the control characters only the tab; those of C1 are two bytes, U+0080 to U+009F. */
static bool is_visible(const char *at, size_t length)
{
	unsigned char byte = (unsigned char)at[0];

	if (length == 1)
		return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
	return length > 0 && !(byte == 0xc2 && (unsigned char)at[1] < 0xa0);
}

void text_add_visible(struct text *text, const char *bytes, size_t length)
{
	size_t step;

	for (size_t i = 0; i<length; i += step> 0 ? step : 1) {
		step = text_character_length(bytes + i, length - i);
		if (is_visible(bytes + i, step))
			text_add_bytes(text, bytes + i, step);
		else
			text_add_byte(text, '?');
	}
}

bool text_continues_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

unsigned int text_characters(const char *bytes, size_t length)
{
	unsigned int count = 0;
	size_t step;

	for (size_t i = 0; i<length; i += step> 0 ? step : 1) {
		step = text_character_length(bytes + i, length - i);
		count++;
	}
	return count;
}

void text_add_quoted(struct text *text, const char *bytes, size_t length)
{
	size_t shown = length;

	if (length > QUOTED_MOST) {
		shown = QUOTED_MOST;
		while (shown > 0 && text_continues_character(bytes[shown]))
			shown--;
	}
	text_add_byte(text, '"');
	text_add_visible(text, bytes, shown);
	if (shown < length)
		text_add(text, "...");
	text_add_byte(text, '"');
}
