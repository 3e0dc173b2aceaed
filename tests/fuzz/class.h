/* SPDX-License-Identifier: MIT */
/* What every payload class promises. */
#ifndef TFO_TESTS_FUZZ_CLASS_H
#define TFO_TESTS_FUZZ_CLASS_H

#include "fuzz.h"
#include "policy/payload.h"

#define PREFIXES_MOST 32

typedef enum payload_verdict (*payload_class)(const uint8_t *bytes, size_t length);

/* What is refused stays refused whatever follows, so no prefix of what is safe is refused: of long
 * payloads some prefixes are tried, each at the end of one block, where a read past it is seen.
 * Returns the verdict on the whole. */
static inline enum payload_verdict check_class(payload_class class, const uint8_t *bytes,
					       size_t length)
{
	size_t step = length / PREFIXES_MOST + 1;
	enum payload_verdict before = PAYLOAD_OPEN;
	uint8_t *copy = exact_copy(bytes, length), *end = copy + length;

	require(class(end, 0) == PAYLOAD_OPEN);
	for (size_t prefix = length % step; prefix <= length; prefix += step) {
		enum payload_verdict verdict;

		memcpy(end - prefix, bytes, prefix);
		verdict = class(end - prefix, prefix);
		require(before != PAYLOAD_REFUSED || verdict == PAYLOAD_REFUSED);
		before = verdict;
	}
	free(copy);
	return before;
}

#endif
