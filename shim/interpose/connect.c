/* SPDX-License-Identifier: MIT */
/* connect(2). */
#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/release.h"

static int connect_noted(int fd, const struct sockaddr *address, socklen_t length)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) == SOCKET_IN_FLIGHT ||
	    table_state(&tracking) == SOCKET_CONNECTING)
		handshake_has_ended(&tracking);
	switch (table_state(&tracking)) {
	case SOCKET_HELD:
	case SOCKET_BUSY:
	case SOCKET_IN_FLIGHT:
		return hold_connect_again(&tracking, address, length);
	case SOCKET_CONNECTING:
	case SOCKET_TIMED:
	case SOCKET_WATCHED:
		/* Connected or connecting, it cannot be disarmed, and this is no new connection. */
		if (!hold_disarm(fd))
			return next.connect(fd, address, length);
		table_move(&tracking, SOCKET_UNTRACKED);
		break;
	default:
		break;
	}
	return hold_connect(fd, address, length);
}

INTERPOSER int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (sockets_are_noted())
		return connect_noted(fd, address, length);
	return hold_connect(fd, address, length);
}

INTERPOSER_ALIAS(__connect, connect);
