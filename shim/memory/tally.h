/* SPDX-License-Identifier: MIT */
/*
 * What one run of `tfo-run -s` came to: counters that its processes share, and nobody else. Made by
 * tfoctl, which names them in TFO_SUMMARY; without that nothing here costs more than a look at a
 * pointer.
 *
 * Any thread and any signal handler may call tally_note() and tally_accepted(); errno is kept.
 */
#ifndef TFO_SHIM_MEMORY_TALLY_H
#define TFO_SHIM_MEMORY_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/memory/destinations.h"

#define TALLY_MAGIC "tfo-run tally 1" /* 16 bytes, the NUL included */

enum tally_count {
	TALLY_CONNECTIONS, /* held, or in want of a cookie */
	TALLY_HELD,
	TALLY_IN_SYN,	    /* with data in their SYN */
	TALLY_ACKNOWLEDGED, /* of these */
	TALLY_REPEATED,	    /* SYNs that were lost */
	TALLY_RESET,	    /* SYNs with data; connected plainly afterwards */
	TALLY_FAILED,
	TALLY_SUSPENSIONS,
	TALLY_ROUND_TRIPS, /* saved */
	TALLY_US,	   /* saved, in microseconds */
	TALLY_ACCEPTED,	   /* by servers */
	TALLY_ACCEPTED_IN_SYN,
	TALLY_COUNTS,
};

/* All of a file that nobody can make shorter. */
struct tally {
	char magic[16];
	_Atomic(uint64_t) counts[TALLY_COUNTS];
};

/* Takes part in the tally of this name, if it is one; NULL: in none. Called once, before the rest,
 * by one thread. */
void tally_open(const char *path);

/* A connection has fared like this; see memory_record(). `rtt_us` is what a round trip there takes.
 */
void tally_note(const struct experience *experience, uint32_t rtt_us, bool suspended);

/* All that another one has counted. */
void tally_add(const struct tally *other);

/* A server has accepted a connection. */
void tally_accepted(bool in_syn);

#endif
