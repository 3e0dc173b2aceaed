/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit hash for tables and for telling whether bytes have changed. Not for secrets: whoever
 * relies on two things being the same compares them. Inside the policy room only.
 */
#ifndef TFO_POLICY_HASH_H
#define TFO_POLICY_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START 0x9e3779b97f4a7c15ull

static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	return hash ^ hash >> 32;
}

/* Goes on from `hash`, which is HASH_START at first. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; length >= sizeof(word); length -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = hash_word(hash, word);
	}
	word = (uint64_t)length << 56;
	memcpy(&word, at, length);
	return hash_word(hash, word);
}

#endif
