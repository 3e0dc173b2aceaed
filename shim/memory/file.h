/* SPDX-License-Identifier: MIT */
/*
 * The file behind the memory: finding, making, checking and mapping it. What is in it is the
 * business of destinations.c.
 */
#ifndef TFO_SHIM_MEMORY_FILE_H
#define TFO_SHIM_MEMORY_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Version 1 of the format. All integers in the machine's own byte order: the file is never moved
 * between machines, and a foreign one fails the check of its header. */
#define MEMORY_VERSION	   1u
#define MEMORY_SETS	   8192u /* a power of two */
#define MEMORY_WAYS	   8u	 /* a set's tags share a cache line */
#define MEMORY_ENTRIES	   (MEMORY_SETS * MEMORY_WAYS)
#define MEMORY_SUSPENSIONS 4u
#define MEMORY_TRIALS	   64u
#define TRIAL_BUCKETS	   96u
#define MEMORY_SERVERS	   60u

/* Everything known of a destination. Each field is atomic by itself, and each value is one that may
 * be seen with any value of the others. */
struct memory_entry {
	_Atomic(uint64_t) address[2]; /* network byte order, IPv4 as IPv4-mapped IPv6 */
	_Atomic(uint32_t) port;	      /* host byte order, plus MEMORY_PORT_SET; 0: not in use */
	_Atomic(uint32_t) last_success_s;
	_Atomic(uint32_t) last_used_s;
	_Atomic(uint32_t) suspended_until_s;
	_Atomic(uint64_t) standing; /* struct standing of judge.h */
	_Atomic(uint32_t) rtt_us;
	_Atomic(uint32_t) connections;
	_Atomic(uint32_t) in_syn;
	_Atomic(uint32_t) not_acknowledged;
	_Atomic(uint32_t) lost;
	_Atomic(uint32_t) failed;
	_Atomic(uint32_t) round_trips_saved;
	_Atomic(uint32_t) unused[3];
	_Atomic(uint64_t) saved_us;
	_Atomic(uint64_t) name[8]; /* up to 64 bytes of a host name, padded with NUL */
};
#define MEMORY_PORT_SET 0x10000u

/* A rule's control group: how long connections took from connect to the first byte, as counts in
 * buckets of an eighth of an octave. */
struct memory_trial {
	_Atomic(uint64_t) tag; /* of the rule's text; 0: free */
	_Atomic(uint32_t) suspended_until_s;
	_Atomic(uint32_t) unused;
	_Atomic(uint32_t) treated[TRIAL_BUCKETS];
	_Atomic(uint32_t) control[TRIAL_BUCKETS];
	_Atomic(uint64_t) text[16]; /* the rule, cut */
};

/* What came to a server; see servers.h. */
struct memory_server {
	_Atomic(uint64_t) tag;	      /* of its place; 0: free */
	_Atomic(uint64_t) address[2]; /* as in an entry */
	_Atomic(uint32_t) port;	      /* as in an entry */
	_Atomic(uint32_t) backlog;
	_Atomic(uint64_t) accepted, in_syn;
	_Atomic(uint32_t) listened_s, last_s;
	_Atomic(uint64_t) unused;
};

struct memory_header {
	char magic[16];
	uint32_t version, sets, ways, entry_size, trials, trial_size;
	_Atomic(uint32_t) paused_until_s;
	_Atomic(uint32_t) suspension_count;
	/* The last suspensions: seconds above, 32 bits of the tag below. */
	_Atomic(uint64_t) suspensions[MEMORY_SUSPENSIONS];
	/* Was unused, and 0, when version 1 was made: older processes leave it alone. */
	struct memory_server servers[MEMORY_SERVERS];
	char rest[4096 - 16 - 6 * 4 - 2 * 4 - MEMORY_SUSPENSIONS * 8 - MEMORY_SERVERS * 64];
};

_Static_assert(sizeof(struct memory_header) == 4096, "a page, in every version");

struct memory_file {
	struct memory_header header;
	struct memory_trial trials[MEMORY_TRIALS];
	_Alignas(4096) _Atomic(uint64_t) tags[MEMORY_ENTRIES];
	_Alignas(4096) struct memory_entry entries[MEMORY_ENTRIES];
};

/* See memory_configure(). */
void memory_file_configure(const char *setting, const char *runtime);

/*
 * The memory, opened at the first call; NULL only where there is not even memory of our own. The
 * file's presence is checked each time (one stat): if it was removed or replaced, the one that is
 * there now is opened; a truncated one is never touched again, since that would raise SIGBUS.
 */
struct memory_file *memory_file(void);

/* Makes sure that `size` bytes at `at` of the file have room on its file system (a hole in a full
 * one raises SIGBUS when it is written). */
bool memory_file_has_room(const void *at, size_t size);

/* The path, or NULL where the memory is the process's own. */
const char *memory_file_path(void);

#endif
