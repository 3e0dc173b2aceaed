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

static bool is_visible(unsigned char byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

void text_add_visible(struct text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (is_visible((unsigned char)bytes[i]))
			text_add_byte(text, bytes[i]);
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

	for (size_t i = 0; i < length; i++)
		count += !text_continues_character(bytes[i]);
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
