/* SPDX-License-Identifier: MIT */
/*
 * The two ways of holding a SYN back. The kernel's (TCP_FASTOPEN_CONNECT, Linux 4.11): connect()
 * with the option set returns at once when there is a cookie, and nothing is on the wire until the
 * first byte. The user's, for older kernels: no connect() at all until the first write; to the
 * kernel the socket is a fresh one, so whatever looks at it or waits for it releases it first.
 * Both are ended alike by sendto() with MSG_FASTOPEN (emit.h).
 *
 * Any thread, any signal handler.
 */
#ifndef TFO_SHIM_SOCKET_HOLDS_H
#define TFO_SHIM_SOCKET_HOLDS_H

#include <stdbool.h>

#include "shim/socket/table.h"

/* What came of connect(2) under a hold. */
struct attempt {
	enum {
		ATTEMPT_HELD,	    /* the SYN is held back; result is 0 */
		ATTEMPT_ASKED,	    /* an ordinary connect(), which asked for a cookie */
		ATTEMPT_LEFT_ALONE, /* an ordinary connect() */
	} came_to;
	int result; /* and errno: what connect(2) said */
	const char *why_not;
};

struct hold {
	/* connect(2) with `facts` for its arguments, for a socket that hold_is_possible() for. */
	struct attempt (*connect)(int fd, const struct tracked *facts);

	/* Lets a held SYN go without data, and never waits. 0, or -1 with errno: EOPNOTSUPP when
	 * the client bit of net.ipv4.tcp_fastopen was switched off. */
	int (*release)(int fd, const struct tracked *facts);

	/* Sends SYN+data, with MSG_* in `flags`; never waits if MSG_DONTWAIT is among them. What
	 * sendto(2) says. */
	ssize_t (*emit)(int fd, const struct tracked *facts, const void *bytes, size_t size,
			int flags);

	/* The program may ask, poll and set what it likes on a held socket. */
	bool bears_looking;

	/* emit() on any other descriptor does what the program's own send would do, or nothing: so
	 * nobody need ask first whether it is the same socket still. */
	bool emits_what_was_written;
};

/* The kernel's hold, unless TFO_HOLD says "user" or the kernel has turned out to have none. */
const struct hold *hold_in_use(void);

/* Whether this is a TCP socket (not MPTCP, not SCTP) that is in nobody else's hands: programs that
 * do Fast Open themselves, and sockets being restored, are left to their owners. */
bool hold_is_possible(int fd);

/* The program is about to set TCP_FASTOPEN_CONNECT or TCP_REPAIR: from then on each socket is asked
 * for both. */
void hold_program_sets_own(void);

/* The client bit of net.ipv4.tcp_fastopen was found to be off: nothing is held by the user's hold
 * for a moment. */
void hold_found_client_bit_off(void);

/* Makes the next connect() of a socket an ordinary one. False if it is connected or connecting.
 * Keeps errno. */
bool hold_disarm(int fd);

#endif
