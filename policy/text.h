/* SPDX-License-Identifier: MIT */
/*
 * Words put together in a buffer of fixed size, cut where it ends, always NUL-terminated. Stands
 * in for snprintf, which is not async-signal-safe. For the policy room and for the log.
 */
#ifndef TFO_POLICY_TEXT_H
#define TFO_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *to;
	size_t size; /* of the buffer, at least 1 */
	size_t length;
	bool cut; /* something did not fit */
};

/* An empty text in `size` bytes at `to`. */
struct text text_in(char *to, size_t size);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_byte(struct text *text, char byte);
void text_add_number(struct text *text, uint64_t number);

/* The same as text_add_bytes, but control characters other than tab, and bytes that are not UTF-8,
 * become `?`: what stands in a policy file must not move the cursor of the terminal that shows the
 * message. */
void text_add_visible(struct text *text, const char *bytes, size_t length);

/* Bytes in double quotes, visible, cut to a few words with an ellipsis. */
void text_add_quoted(struct text *text, const char *bytes, size_t length);

/* Whether a byte continues a UTF-8 character (RFC 3629 section 3) that began before it. */
bool text_continues_character(char byte);

/* The bytes of the UTF-8 character that begins here, within `left`; 0 if none does. No overlong
 * forms, no surrogates, nothing above U+10FFFF (RFC 3629 section 4). */
size_t text_character_length(const char *at, size_t left);

/* Characters in `length` bytes of UTF-8, as text_add_visible() shows them. */
unsigned int text_characters(const char *bytes, size_t length);

#endif
