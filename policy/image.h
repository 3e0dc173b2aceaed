/* SPDX-License-Identifier: MIT */
/*
 * A policy as one piece of memory without pointers, which `tfoctl policy compile` writes next to
 * the policy and every process maps: the rules in order, their words, and the index.
 *
 * Nothing in it is trusted: every part is looked at within bounds, and every page is compared with
 * its hash before it is used for the first time, so that opening costs the same whatever the size.
 * In a damaged image no rule is found. Inside the policy room only.
 */
#ifndef TFO_POLICY_IMAGE_H
#define TFO_POLICY_IMAGE_H

#include "arena.h"
#include "policy.h"

#include <stdatomic.h>

#define IMAGE_MAGIC   "tfo-run policy\n"
#define IMAGE_VERSION 4u
#define IMAGE_ORDER   0x01020304u /* reads otherwise on a machine with another byte order */
#define IMAGE_PAGE    4096u
#define IMAGE_NOTHING UINT32_MAX /* a word that is not there */

enum image_part {
	IMAGE_HASHES,  /* uint64_t of each page behind the one in which the hashes end */
	IMAGE_SOURCES, /* struct image_source */
	IMAGE_RULES,   /* struct image_rule, in order */
	IMAGE_LISTEN,  /* struct image_rule: those for servers, in order */
	IMAGE_PORTS,   /* struct policy_ports */
	IMAGE_SLOTS,   /* struct index_slot */
	IMAGE_RANGES,  /* struct index_range */
	IMAGE_WORDS,   /* bytes: strings with their NUL, prefixes */
	IMAGE_PARTS,
};

struct image_header {
	char magic[16];
	uint32_t version, order;
	uint64_t size;	    /* of the whole image: a multiple of IMAGE_PAGE */
	uint64_t head_hash; /* of the pages up to the end of the hashes, with 0 in this place */
	struct {
		uint64_t at; /* bytes from the beginning */
		uint64_t count;
	} parts[IMAGE_PARTS];
	uint64_t lengths[2][3]; /* struct index_lengths, IPv4 and IPv6 */
	uint32_t has_names, has_programs;
	uint32_t named_denial, unused;
	struct port_filter allowed_ports;
};

/* A file or directory that the policy came from. */
struct image_source {
	uint64_t device, inode, size, modified_ns, changed_ns;
	uint64_t hash; /* of a file's bytes; 0 for a directory */
	uint32_t path; /* in the words */
	uint32_t is_directory;
};

struct image_rule {
	uint32_t verb, destination, family, prefix_bits;
	uint8_t network[16];
	uint32_t ports, port_count;
	uint32_t name, program, prefix, prefix_length, file, text; /* in the words */
	uint32_t payload, hold_us, verify, minrtt_us, suspend_s, max_bytes, control_share;
	uint32_t supervise;
	uint32_t backlog, key; /* the key's path in the words */
	uint32_t line;
};

struct image {
	const uint8_t *bytes;
	const struct image_header *header;
	size_t head;		   /* where the pages begin that are not checked yet */
	_Atomic(uint8_t) *checked; /* for each of them: 1 when it was found good */
	_Atomic(bool) damaged;
};

/* The image in these bytes, page-aligned, which must stay; memory from the arena. NULL if they are
 * none, or one of another version, or there is no memory. */
struct image *image_open(struct arena *arena, const uint8_t *bytes, size_t size);

/* A hash of the first `head` bytes of an image, with 0 for the hash in its header. */
uint64_t image_hash_head(const uint8_t *bytes, size_t head);

/* Whether these bytes of an image are in it and as they were written. */
bool image_check(struct image *image, const void *at, size_t size);

/* `count` things of a part from `first` on, each of `size` bytes; NULL: not there, or damaged. */
const void *image_at(struct image *image, enum image_part part, uint64_t first, uint64_t count,
		     size_t size);

/* A string of the words, or NULL. */
const char *image_string(struct image *image, uint32_t at);

/* A rule of a part as the rest of the room knows it; NULL: no memory, or damaged. */
struct policy_rule *image_read_rule(const struct policy *policy, enum image_part part,
				    uint32_t position);

/* An empty policy becomes the one in these bytes, which must stay mapped. False if they are no
 * image that fits its sources as they are now. */
bool image_adopt(struct policy *policy, const uint8_t *bytes, size_t size);

#endif
