/* SPDX-License-Identifier: MIT */
/*
 * Finds the first rule for a destination, whatever their number. Rules that name the same
 * destination for the same program are one group, found by hash; a group is laid out over the port
 * numbers, so that each port has the first of its rules. The first rule for an address is then the
 * first among those of a few groups: `*`, each network that the address is in, and for a name
 * itself and each suffix of it.
 *
 * Flat and without pointers in it, so that it can be part of an image. Inside the policy room only.
 */
#ifndef TFO_POLICY_INDEX_H
#define TFO_POLICY_INDEX_H

#include "policy.h"

#define INDEX_NO_RULE UINT32_MAX

/* A group; empty when it has no ranges. */
struct index_slot {
	uint64_t hash;
	uint32_t first_range, range_count;
};

/* From this port on, up to the next range of the group. */
struct index_range {
	uint32_t first_port;
	uint32_t rule; /* its position, or INDEX_NO_RULE */
};

/* Which prefix lengths occur: bit n of word n / 64. */
struct index_lengths {
	uint64_t words[3];
};

struct image;

struct index {
	const struct index_slot *slots; /* a power of two of them, some empty */
	uint32_t slot_count;
	const struct index_range *ranges;
	uint32_t range_count;
	struct index_lengths inet, inet6;
	bool has_programs;
	struct image *image; /* to be checked page by page; NULL: made by this process */
};

/* What groups are found by; `program` is "" for every program. */
enum index_kind {
	INDEX_ANY,
	INDEX_NETWORK,
	INDEX_HOST,
	INDEX_SUFFIX,
	INDEX_FOREIGN, /* every deny rule with a name: decide.c says why */
	INDEX_NAMED,   /* every allow rule with a name whose payload may name the host */
};
uint64_t index_hash_network(sa_family_t family, unsigned int bits, const uint8_t network[16],
			    const char *program);
uint64_t index_hash_name(enum index_kind kind, const char *name, const char *program);

static inline bool index_has_length(const struct index_lengths *lengths, unsigned int bits)
{
	return lengths->words[bits / 64] >> bits % 64 & 1;
}

/* The first rule for a port of a group with this hash, or INDEX_NO_RULE. *slot is 0 for the first
 * such group; INDEX_NO_RULE in it says that there is no other. */
uint32_t index_find(const struct index *index, uint64_t hash, uint16_t port, uint32_t *slot);

/* Indexes a policy that was read from text. False when there is no memory; then it can still be
 * asked, rule by rule. */
bool index_build(struct policy *policy);

#endif
