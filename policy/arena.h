/* SPDX-License-Identifier: MIT */
/*
 * Memory for things that are built once and freed together: bump allocation from anonymous
 * mappings. No malloc, so a policy can be read inside connect(2), in a signal handler, and under
 * any allocator that the host brings.
 */
#ifndef TFO_POLICY_ARENA_H
#define TFO_POLICY_ARENA_H

#include <stddef.h>

struct arena_block;

/* An arena is valid when zeroed. One thread at a time may allocate from it. */
struct arena {
	struct arena_block *blocks;
	size_t left; /* bytes left in the first block */
};

/* Returns `size` zeroed bytes aligned for any object, or NULL when there is no memory.
 * Async-signal-safe for an arena that no other context uses. */
void *arena_take(struct arena *arena, size_t size);

/* A NUL-terminated copy of `length` bytes, or NULL. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);

/* Gives everything back and leaves the arena empty and usable. */
void arena_free(struct arena *arena);

#endif
