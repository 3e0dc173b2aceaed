/* SPDX-License-Identifier: MIT */
/*
 * How a connection comes under a hold, and what connect(2) says of it. emit.h and release.h end
 * it; holds.h has the two ways of holding.
 */
#ifndef TFO_SHIM_SOCKET_HOLD_H
#define TFO_SHIM_SOCKET_HOLD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "shim/readable.h"
#include "shim/settings.h"
#include "shim/socket/table.h"

/* Seen at once of most connects of most programs: whether no rule can allow it. */
static inline bool hold_is_out_of_question(const struct sockaddr *address, socklen_t length)
{
	const union socket_address *to = (const union socket_address *)address;

	/* The port is in the same place in both families; what has none is not allowed, or is seen
	 * to be of another family then. What dissolves a connection is noted. */
	return !is_absurd(address) && length >= sizeof(to->ip4) && to->any.sa_family != AF_UNSPEC &&
	       !settings_may_allow((const uint8_t *)&to->ip4.sin_port);
}

/* The program is about to connect(2): to nobody (AF_UNSPEC), maybe. */
void hold_note_dissolution(int fd, const struct sockaddr *address, socklen_t length);

/*
 * connect(2) for a socket that is not tracked, or only watched: held if a rule allows it and the
 * kernel can, else the ordinary connect. Result and errno as connect(2) has them.
 * Any thread, any signal handler; a cancellation point.
 */
int hold_connect(int fd, const struct sockaddr *address, socklen_t length);

/* connect(2) for a socket that is held or in flight. */
int hold_connect_again(struct tracking *tracking, const struct sockaddr *address, socklen_t length);

/*
 * Starts over without Fast Open: dissolves the association and connects plainly, waiting as the
 * socket would (blocking) or not at all (`wait` false, whatever the socket's mode). Returns 0 or -1
 * with errno of connect(2).
 */
int hold_connect_plainly(int fd, const struct tracked *socket, bool wait);

bool socket_is_blocking(int fd);

#endif
