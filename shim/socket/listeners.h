/* SPDX-License-Identifier: MIT */
/*
 * Servers: sockets that listen under a rule get Fast Open. A socket is looked at when it begins to
 * listen, and at its first accept() if it came here listening (socket activation, an exec, another
 * process). What is known of it is in a small table by number, checked by the socket's identity.
 *
 * Any thread, any signal handler; no locks. Everything here keeps errno.
 */
#ifndef TFO_SHIM_SOCKET_LISTENERS_H
#define TFO_SHIM_SOCKET_LISTENERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "shim/hidden.h"

/* A power of two. Numbers that differ by a multiple of it share a place: the last one has it. */
#define LISTENER_PLACES 1024

/* Numbers, plus one, of sockets that were looked at and are under no rule. */
extern HIDDEN _Atomic(int) listeners_plain[LISTENER_PLACES];

/* All that accept() does where no rule is: one load and a branch. A number that was closed and came
 * back listening without listen() stays as it was. */
static inline bool listener_is_plain(int fd)
{
	return __builtin_expect(atomic_load_explicit(&listeners_plain[fd & (LISTENER_PLACES - 1)],
						     memory_order_relaxed) == fd + 1,
				1);
}

/* Before listen(2): turns Fast Open on if a rule says so and the program has not decided. */
void listener_before_listen(int fd);

/* After a listen(2) that succeeded: the same for a socket that had no port before. */
void listener_after_listen(int fd);

/* Before and after an accept(2) on a socket that is not plain; `connection` is what came. */
void listener_before_accept(int fd);
void listener_after_accept(int fd, int connection);

#endif
