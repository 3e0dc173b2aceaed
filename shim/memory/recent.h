/* SPDX-License-Identifier: MIT */
/*
 * The memory, asked and told by a process that connects to the same destinations all the time: what
 * it says of a good one is believed for some milliseconds, and what has gone well is written down
 * together. Whatever else happens goes through at once. Touching the memory's file takes a look at
 * it first (memory_file()), which costs more than anything else about a connection nearby.
 *
 * Any thread and any signal handler may call anything here; errno is kept.
 */
#ifndef TFO_SHIM_MEMORY_RECENT_H
#define TFO_SHIM_MEMORY_RECENT_H

#include "shim/memory/destinations.h"

/* memory_advice() */
enum advice recent_advice(const struct sockaddr *address, socklen_t length,
			  const struct policy_rule *rule, uint32_t *rtt_us);

/* True: it is noted, and recent_flush() is to be called soon. False: memory_record() is to be
 * called now. */
bool recent_note(const struct sockaddr *address, socklen_t length, const struct policy_rule *rule,
		 const struct experience *experience);

/* Writes down what has not been. */
bool recent_is_behind(void);
void recent_flush(void);

/* In the child of a fork: what was not written down is its parent's to write. */
void recent_after_fork(void);

#endif
