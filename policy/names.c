/* SPDX-License-Identifier: MIT */
/*
 * A hash table that only grows: chains whose nodes never change once they can be seen, new nodes
 * put in front by compare-and-swap. So a reader needs no lock, and a signal handler that comes
 * between any two instructions of an insertion finds a whole table.
 */
#include "names.h"

#include "address.h"
#include "chunk.h"
#include "hostname.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define BUCKETS 4096 /* a power of two */

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	       "a signal handler must not meet a lock");

struct learned_name {
	const struct learned_name *next; /* in the chain; other addresses may be there too */
	struct address address;
	bool is_alias;
	char text[];
};

static _Atomic(const struct learned_name *) buckets[BUCKETS];
static atomic_uint count;
static atomic_bool overflowed;

/* FNV-1a, folded: the last bytes of an address differ the most. */
static size_t bucket_of(const struct address *address)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619U;
	return (hash ^ hash >> 16) & (BUCKETS - 1);
}

/* Whether the pair stands in the chain between two nodes, `end` excluded. */
static bool is_known(const struct learned_name *node, const struct learned_name *end,
		     const struct address *address, const char *text, bool is_alias)
{
	for (; node != end; node = node->next) {
		if (address_equal(&node->address, address) && node->is_alias == is_alias &&
		    strcmp(node->text, text) == 0)
			return true;
	}
	return false;
}

/* The bound is on what was taken, so that memory is bounded whatever the races. */
static struct learned_name *new_name(const struct address *address, const char *text, size_t length)
{
	struct learned_name *node;

	if (atomic_load(&count) >= NAMES_MOST || atomic_fetch_add(&count, 1) >= NAMES_MOST)
		return NULL;
	node = chunk_take(sizeof(*node) + length + 1);
	if (!node)
		return NULL;
	node->address = *address;
	memcpy(node->text, text, length + 1);
	return node;
}

static void insert(const struct address *address, const char *text, size_t length, bool is_alias)
{
	_Atomic(const struct learned_name *) *bucket = &buckets[bucket_of(address)];
	const struct learned_name *head = atomic_load(bucket);
	struct learned_name *node;

	if (is_known(head, NULL, address, text, is_alias))
		return;
	node = new_name(address, text, length);
	if (!node) {
		atomic_store(&overflowed, true);
		return;
	}
	node->is_alias = is_alias;
	node->next = head;
	while (!atomic_compare_exchange_weak(bucket, &head, node)) {
		/* Only what came in front since the last look can be the same pair. */
		if (is_known(head, node->next, address, text, is_alias))
			return;
		node->next = head;
	}
}

static void learn(const char *name, const struct sockaddr *address, socklen_t length, bool is_alias)
{
	char folded[HOSTNAME_MOST + 1];
	struct address plain;
	size_t name_length = name ? strnlen(name, HOSTNAME_MOST + 2) : 0;

	if (name_length == 0 || hostname_is_numeric(name, name_length) ||
	    !address_from_socket(&plain, NULL, address, length))
		return;
	/* One more for a final dot; what is longer no name server knows, but /etc/hosts may. */
	if (name_length > HOSTNAME_MOST + (name[name_length - 1] == '.')) {
		atomic_store(&overflowed, true);
		return;
	}
	name_length = hostname_fold(folded, name, name_length);
	insert(&plain, folded, name_length, is_alias);
}

void names_learn(const char *name, const struct sockaddr *address, socklen_t length)
{
	learn(name, address, length, false);
}

void names_learn_alias(const char *name, const struct sockaddr *address, socklen_t length)
{
	learn(name, address, length, true);
}

const struct learned_name *names_next(const struct sockaddr *address, socklen_t length,
				      const struct learned_name *after)
{
	const struct learned_name *node;
	struct address plain;

	if (!address_from_socket(&plain, NULL, address, length))
		return NULL;
	node = after ? after->next : atomic_load(&buckets[bucket_of(&plain)]);
	while (node && !address_equal(&node->address, &plain))
		node = node->next;
	return node;
}

const char *names_text(const struct learned_name *name)
{
	return name->text;
}

bool names_is_alias(const struct learned_name *name)
{
	return name->is_alias;
}

bool names_overflowed(void)
{
	return atomic_load(&overflowed);
}
