/* SPDX-License-Identifier: MIT */
/* What a fuzz target is: a function that is given bytes, and stops when a promise is broken. */
#ifndef TFO_TESTS_FUZZ_H
#define TFO_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, and by replay.c; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A copy that is exactly as long as it is, so that a read past its end is seen. Free it. */
static inline void *exact_copy(const void *bytes, size_t length)
{
	void *copy = calloc(length ? length : 1, 1);

	require(copy);
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

#endif
