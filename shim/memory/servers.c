/* SPDX-License-Identifier: MIT */
/* Servers in the memory: few, found by looking at each. Claimed and believed as destinations are.
 */
#include "shim/memory/servers.h"

#include <string.h>
#include <time.h>

#include "shim/memory/file.h"
#include "shim/memory/tally.h"

static uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

static bool is_entry_of(const struct memory_server *entry, const struct memory_place *place)
{
	return atomic_load_explicit(&entry->port, memory_order_acquire) ==
		       (place->port | MEMORY_PORT_SET) &&
	       atomic_load(&entry->address[0]) == place->address[0] &&
	       atomic_load(&entry->address[1]) == place->address[1];
}

/* The port comes last: until then nobody believes the entry. */
static void make_new(struct memory_server *entry, const struct memory_place *place)
{
	atomic_store(&entry->port, 0);
	atomic_store(&entry->backlog, 0);
	atomic_store(&entry->accepted, 0);
	atomic_store(&entry->in_syn, 0);
	atomic_store(&entry->listened_s, 0);
	atomic_store(&entry->last_s, 0);
	atomic_store(&entry->address[0], place->address[0]);
	atomic_store(&entry->address[1], place->address[1]);
	atomic_store_explicit(&entry->port, place->port | MEMORY_PORT_SET, memory_order_release);
}

static uint32_t last_used(const struct memory_server *entry)
{
	uint32_t listened = atomic_load(&entry->listened_s), last = atomic_load(&entry->last_s);

	return last > listened ? last : listened;
}

/* Its entry, else a free one, else the one that was not used for the longest time. *before is the
 * tag for which it was chosen. */
static struct memory_server *choose(struct memory_file *file, const struct memory_place *place,
				    uint64_t *before)
{
	struct memory_server *stalest = NULL;

	for (unsigned int i = 0; i < MEMORY_SERVERS; i++) {
		struct memory_server *entry = &file->header.servers[i];
		uint64_t tag = atomic_load_explicit(&entry->tag, memory_order_acquire);

		if (tag == place->tag) {
			*before = tag;
			return entry;
		}
		if (!stalest || (*before && (!tag || last_used(entry) < last_used(stalest)))) {
			*before = tag;
			stalest = entry;
		}
	}
	return stalest;
}

/* NULL: there is no memory, or somebody else took the entry at this moment. */
static struct memory_server *entry_for(const struct sockaddr *address, socklen_t length)
{
	struct memory_file *file = memory_file();
	struct memory_server *entry;
	struct memory_place place;
	uint64_t before;

	if (!file || !memory_place_of(address, length, &place))
		return NULL;
	entry = choose(file, &place, &before);
	if (before == place.tag && is_entry_of(entry, &place))
		return entry;
	if (!atomic_compare_exchange_strong(&entry->tag, &before, place.tag))
		return NULL;
	make_new(entry, &place);
	return entry;
}

void memory_server_listens(const struct sockaddr *address, socklen_t length, uint32_t backlog)
{
	struct memory_server *entry = entry_for(address, length);

	if (!entry)
		return;
	atomic_store(&entry->backlog, backlog);
	atomic_store(&entry->listened_s, now_s());
}

void memory_server_accepted(const struct sockaddr *address, socklen_t length, bool in_syn)
{
	struct memory_server *entry = entry_for(address, length);

	tally_accepted(in_syn);
	if (!entry)
		return;
	atomic_fetch_add_explicit(&entry->accepted, 1, memory_order_relaxed);
	if (in_syn)
		atomic_fetch_add_explicit(&entry->in_syn, 1, memory_order_relaxed);
	atomic_store_explicit(&entry->last_s, now_s(), memory_order_relaxed);
}

static bool recall(const struct memory_server *entry, struct remembered_server *server)
{
	uint32_t port = atomic_load_explicit(&entry->port, memory_order_acquire);
	struct memory_place place =
				    {
					    .address = {atomic_load(&entry->address[0]),
							atomic_load(&entry->address[1])},
					    .port = port & 0xffff,
				    },
			    check;

	if (!(port & MEMORY_PORT_SET))
		return false;
	memory_address_of(&place, &server->address);
	server->backlog = atomic_load(&entry->backlog);
	server->listened_s = atomic_load(&entry->listened_s);
	server->last_s = atomic_load(&entry->last_s);
	server->accepted = atomic_load(&entry->accepted);
	server->in_syn = atomic_load(&entry->in_syn);
	return memory_place_of(&server->address.any, sizeof(server->address), &check) &&
	       check.tag == atomic_load(&entry->tag);
}

void memory_each_server(void (*visit)(const struct remembered_server *server, void *context),
			void *context)
{
	struct memory_file *file = memory_file();

	for (unsigned int i = 0; file && i < MEMORY_SERVERS; i++) {
		struct remembered_server server;

		if (recall(&file->header.servers[i], &server))
			visit(&server, context);
	}
}

void memory_forget_servers(void)
{
	struct memory_file *file = memory_file();

	for (unsigned int i = 0; file && i < MEMORY_SERVERS; i++) {
		atomic_store(&file->header.servers[i].port, 0);
		atomic_store(&file->header.servers[i].tag, 0);
	}
}
