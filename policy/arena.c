/* SPDX-License-Identifier: MIT */
/* Bump allocation from anonymous mappings. Nothing is given back one by one. */
#include "arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

struct arena_block {
	alignas(max_align_t) struct arena_block *next;
	size_t size; /* of the mapping, this header included */
};

static size_t rounded_up(size_t size, size_t step)
{
	return (size + step - 1) / step * step;
}

/* Blocks are whole mappings and everything taken is a multiple of the alignment, so the end of a
 * block minus what is left is always aligned. */
static bool add_block(struct arena *arena, size_t least)
{
	size_t size = rounded_up(sizeof(struct arena_block) + least, BLOCK_SIZE);
	struct arena_block *block =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return false;
	block->next = arena->blocks;
	block->size = size;
	arena->blocks = block;
	arena->left = size - sizeof(*block);
	return true;
}

void *arena_take(struct arena *arena, size_t size)
{
	unsigned char *end;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = rounded_up(size, alignof(max_align_t));
	if (size > arena->left && !add_block(arena, size))
		return NULL;
	end = (unsigned char *)arena->blocks + arena->blocks->size;
	arena->left -= size;
	return end - arena->left - size;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t length)
{
	char *copy = length < SIZE_MAX ? arena_take(arena, length + 1) : NULL;

	if (copy)
		memcpy(copy, bytes, length);
	return copy;
}

void arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		munmap(block, block->size);
		block = next;
	}
	*arena = (struct arena){0};
}
