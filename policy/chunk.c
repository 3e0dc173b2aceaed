/* SPDX-License-Identifier: MIT */
/* Chunks from anonymous mappings, filled by an atomic counter. */
#include "chunk.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2,
	       "a signal handler must not meet a lock");

struct chunk {
	atomic_size_t used; /* may run past the end: then the chunk is full */
};

static _Atomic(struct chunk *) current_chunk;

/* Puts an empty chunk in the place of `full`, unless somebody else did so meanwhile. */
static bool renew_chunk(struct chunk *full)
{
	struct chunk *fresh =
		mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		return false;
	atomic_init(&fresh->used, alignof(max_align_t));
	if (!atomic_compare_exchange_strong(&current_chunk, &full, fresh))
		munmap(fresh, CHUNK_SIZE);
	return true;
}

void *chunk_take(size_t size)
{
	struct chunk *chunk = atomic_load(&current_chunk);

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	for (;;) {
		size_t at = chunk ? atomic_fetch_add(&chunk->used, size) : CHUNK_SIZE;

		if (at + size <= CHUNK_SIZE)
			return (char *)chunk + at;
		if (!renew_chunk(chunk))
			return NULL;
		chunk = atomic_load(&current_chunk);
	}
}
