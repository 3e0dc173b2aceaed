/* SPDX-License-Identifier: MIT */
/* Calls that ask or set: a held socket has a peer, and some options want a real one. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "shim/next.h"
#include "shim/readable.h"
#include "shim/socket/release.h"

#ifndef TCP_ULP
#define TCP_ULP 31 /* linux/tcp.h, Linux 4.13 */
#endif

/* As the kernel does it: cut to the room there is, the true length told. */
static int tell_peer(const struct tracked *socket, struct sockaddr *address, socklen_t *length)
{
	socklen_t size = socket->address.any.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
								   : sizeof(struct sockaddr_in);

	memcpy(address, &socket->address, *length < size ? *length : size);
	*length = size;
	return 0;
}

static SLOW_PATH int getpeername_live(int fd, struct sockaddr *address, socklen_t *length)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) == SOCKET_IN_FLIGHT)
		handshake_has_ended(&tracking);
	if (table_state(&tracking) < SOCKET_HELD || !is_readable(length, sizeof(*length)) ||
	    (int)*length < 0 || !is_readable(address, *length))
		return next.getpeername(fd, address, length);
	return tell_peer(tracking.socket, address, length);
}

INTERPOSER int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
	if (sockets_are_live())
		return getpeername_live(fd, address, length);
	return next.getpeername(fd, address, length);
}

/* TCP_ULP (kTLS) and IPV6_ADDRFORM are refused before the handshake has ended. */
static bool wants_connection(int level, int option)
{
	return (level == IPPROTO_TCP && option == TCP_ULP) ||
	       (level == IPPROTO_IPV6 && option == IPV6_ADDRFORM);
}

INTERPOSER int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	if (sockets_are_live() && wants_connection(level, option))
		release_and_await(fd);
	return next.setsockopt(fd, level, option, value, length);
}
