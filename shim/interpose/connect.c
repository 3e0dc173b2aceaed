/* SPDX-License-Identifier: MIT */
/* connect(2), and the numbers it is called with. */
#include <errno.h>

#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/holds.h"
#include "shim/socket/release.h"

/* For the kernel "connecting" ends only when connect() is called once more, with 0; a program that
 * had its 0 from us expects EISCONN. */
static int connect_connected(const struct tracking *tracking, const struct sockaddr *address,
			     socklen_t length)
{
	int result = next.connect(tracking->fd, address, length);

	if (result != 0 || address->sa_family == AF_UNSPEC ||
	    !atomic_load(&tracking->socket->told_connected))
		return result;
	errno = EISCONN;
	return -1;
}

static inline int connect_new(int fd, const struct sockaddr *address, socklen_t length)
{
	if (hold_is_out_of_question(address, length))
		return next.connect(fd, address, length);
	return hold_connect(fd, address, length);
}

static SLOW_PATH int connect_noted(int fd, const struct sockaddr *address, socklen_t length)
{
	struct tracking tracking = table_find(fd);

	hold_note_dissolution(fd, address, length);
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
			return connect_connected(&tracking, address, length);
		table_move(&tracking, SOCKET_UNTRACKED);
		break;
	default:
		break;
	}
	return connect_new(fd, address, length);
}

static NO_INLINE int connect_stream(int fd, const struct sockaddr *address, socklen_t length)
{
	if (sockets_are_noted())
		return connect_noted(fd, address, length);
	return connect_new(fd, address, length);
}

/* Of nothing but streams anything is noted. */
INTERPOSER int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (table_is_other(fd))
		return next.connect(fd, address, length);
	return connect_stream(fd, address, length);
}

static enum new_socket kind_of(int domain, int type, int protocol)
{
	if ((domain != AF_INET && domain != AF_INET6) || (type & 0xf) != SOCK_STREAM)
		return NEW_OTHER;
	return (protocol == 0 || protocol == IPPROTO_TCP) && next_socket_is_libcs ? NEW_TCP
										  : NEW_STREAM;
}

INTERPOSER int socket(int domain, int type, int protocol)
{
	int fd = next.socket(domain, type, protocol);

	if (fd >= 0)
		table_note_socket(fd, kind_of(domain, type, protocol));
	return fd;
}

INTERPOSER_ALIAS(__connect, connect);
