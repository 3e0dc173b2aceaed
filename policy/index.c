/* SPDX-License-Identifier: MIT */
/* Asking the index. Building it is in index_build.c. */
#include "index.h"

#include "hash.h"
#include "image.h"

static uint64_t hash_string(uint64_t hash, const char *string)
{
	return hash_bytes(hash, string, strlen(string));
}

uint64_t index_hash_network(sa_family_t family, unsigned int bits, const uint8_t network[16],
			    const char *program)
{
	uint64_t hash = hash_word(HASH_START, INDEX_NETWORK << 16 | (uint64_t)family << 8 | bits);

	return hash_string(hash_bytes(hash, network, 16), program);
}

uint64_t index_hash_name(enum index_kind kind, const char *name, const char *program)
{
	return hash_string(hash_string(hash_word(HASH_START, kind), name), program);
}

static bool is_sound(const struct index *index, const void *at, size_t size)
{
	return !index->image || image_check(index->image, at, size);
}

/* The last range that begins at or before the port. */
static uint32_t rule_in(const struct index *index, const struct index_slot *slot, uint16_t port)
{
	const struct index_range *ranges;
	uint32_t low = 0, high = slot->range_count;

	if (slot->range_count > index->range_count ||
	    slot->first_range > index->range_count - slot->range_count)
		return INDEX_NO_RULE;
	ranges = index->ranges + slot->first_range;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!is_sound(index, &ranges[middle], sizeof(*ranges)))
			return INDEX_NO_RULE;
		if (ranges[middle].first_port <= port)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? ranges[low - 1].rule : INDEX_NO_RULE;
}

uint32_t index_find(const struct index *index, uint64_t hash, uint16_t port, uint32_t *slot)
{
	uint32_t mask = index->slot_count - 1;

	while (*slot < index->slot_count) {
		const struct index_slot *here = &index->slots[(hash + *slot) & mask];

		if (!is_sound(index, here, sizeof(*here)) || here->range_count == 0)
			break;
		++*slot;
		if (here->hash == hash)
			return rule_in(index, here, port);
	}
	*slot = INDEX_NO_RULE;
	return INDEX_NO_RULE;
}
