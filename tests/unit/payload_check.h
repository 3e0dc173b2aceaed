/* SPDX-License-Identifier: MIT */
/* Tables of payloads for the unit tests: what is accepted and what is refused, and where. */
#ifndef TFO_TESTS_PAYLOAD_CHECK_H
#define TFO_TESTS_PAYLOAD_CHECK_H

#include "policy/payload.h"
#include "policy_check.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef enum payload_verdict (*payload_class)(const uint8_t *bytes, size_t length);

struct bytes {
	uint8_t at[4096];
	size_t length;
};

/* On the heap and exactly as long as it is, so that ASan sees a read past the end. */
static enum payload_verdict judge(payload_class class, const uint8_t *bytes, size_t length)
{
	uint8_t *exact = calloc(length ? length : 1, 1);
	enum payload_verdict verdict;

	memcpy(exact, bytes, length);
	verdict = class(exact, length);
	free(exact);
	return verdict;
}

static inline bool is_safe(payload_class class, const struct bytes *payload)
{
	return judge(class, payload->at, payload->length) == PAYLOAD_SAFE;
}

/* How many bytes are not refused: where the class stops to like what it sees. */
static inline size_t liked_length(payload_class class, const struct bytes *payload)
{
	size_t length = 0;

	while (length < payload->length && judge(class, payload->at, length + 1) != PAYLOAD_REFUSED)
		length++;
	return length;
}

/* The first length at which something is safe; one more than there is when nothing is. */
static inline size_t safe_length(payload_class class, const struct bytes *payload)
{
	size_t length = 1;

	while (length <= payload->length && judge(class, payload->at, length) != PAYLOAD_SAFE)
		length++;
	return length;
}

static inline void check_accepted(payload_class class, const struct bytes *payload,
				  const char *what)
{
	size_t liked = liked_length(class, payload);

	check(is_safe(class, payload), "%s: not accepted", what);
	check(liked == payload->length, "%s: refused after %zu bytes", what, liked);
	check(judge(class, payload->at, 0) == PAYLOAD_OPEN, "%s: nothing is no payload", what);
}

/* Refused behind so many bytes, and no earlier. */
static inline void check_refused(payload_class class, const struct bytes *payload, size_t expected,
				 const char *what)
{
	size_t liked = liked_length(class, payload);

	check(judge(class, payload->at, payload->length) == PAYLOAD_REFUSED, "%s: not refused",
	      what);
	check(liked == expected, "%s: refused after %zu bytes, expected %zu", what, liked,
	      expected);
}

/* Whatever a program writes of this first, it does not ride. */
static inline void check_never_safe(payload_class class, const struct bytes *payload,
				    const char *what)
{
	size_t length = safe_length(class, payload);

	check(length > payload->length, "%s: its first %zu bytes are accepted", what, length);
}

static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void bend(struct bytes *payload, uint32_t *random)
{
	static const uint8_t likely[] = "\0\1\r\n :0,\xff\x2a\x16\x03";
	size_t at = next_random(random) % payload->length;

	switch (next_random(random) % 4) {
	case 0:
		payload->at[at] = (uint8_t)next_random(random);
		break;
	case 1:
		payload->at[at] = likely[next_random(random) % (sizeof(likely) - 1)];
		break;
	case 2: /* a byte less */
		memmove(payload->at + at, payload->at + at + 1, payload->length - at - 1);
		payload->length -= payload->length > 1;
		break;
	default: /* a byte more */
		memmove(payload->at + at + 1, payload->at + at, payload->length - at);
		payload->length++;
	}
}

static inline void check_bent(payload_class class, const struct bytes *payload, const char *what)
{
	uint32_t random = 2463534242;
	unsigned int accepted = 0;

	for (unsigned int round = 0; round < 1000; round++) {
		struct bytes bent = *payload;

		for (uint32_t i = next_random(&random) % 3 + 1; i > 0; i--)
			bend(&bent, &random);
		if (!is_safe(class, &bent))
			continue;
		accepted++;
		/* Whole prefixes are costly to try: the cut ones are tried at random. */
		for (unsigned int i = 0; i < 20; i++) {
			size_t length = next_random(&random) % bent.length + 1;

			check(judge(class, bent.at, length) != PAYLOAD_REFUSED,
			      "%s, bent: accepted, but its first %zu bytes are refused", what,
			      length);
		}
	}
	check(accepted > 0, "%s: no bent copy was accepted, so nothing was tried", what);
}

static inline void set_text(struct bytes *payload, const char *text, size_t length)
{
	memcpy(payload->at, text, length);
	payload->length = length;
}

/* Bytes written in hexadecimal; blanks and anything else that is no digit are passed over. */

static inline int digit_of(char byte)
{
	const char *digits = "0123456789abcdef";
	const char *digit = byte ? strchr(digits, byte) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

static inline void set_hex(struct bytes *payload, const char *hex)
{
	int high = -1;

	payload->length = 0;
	for (; *hex; hex++) {
		int digit = digit_of(*hex);

		if (digit < 0)
			continue;
		if (high >= 0)
			payload->at[payload->length++] = (uint8_t)(high << 4 | digit);
		high = high >= 0 ? -1 : digit;
	}
}

#endif
