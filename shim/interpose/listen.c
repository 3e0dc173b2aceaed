/* SPDX-License-Identifier: MIT */
/* Calls of servers: listen and accept. */
#include "shim/next.h"
#include "shim/socket/listeners.h"
#include "shim/socket/release.h"

INTERPOSER int listen(int fd, int backlog)
{
	int result;

	if (sockets_are_live())
		release_before_look(fd);
	listener_before_listen(fd);
	result = next.listen(fd, backlog);
	if (result == 0)
		listener_after_listen(fd);
	return result;
}

static SLOW_PATH int accept_under_rule(int fd, struct sockaddr *address, socklen_t *length)
{
	int connection;

	listener_before_accept(fd);
	connection = next.accept(fd, address, length);
	if (connection >= 0)
		listener_after_accept(fd, connection);
	return connection;
}

INTERPOSER int accept(int fd, struct sockaddr *address, socklen_t *length)
{
	if (listener_is_plain(fd))
		return next.accept(fd, address, length);
	return accept_under_rule(fd, address, length);
}

static SLOW_PATH int accept4_under_rule(int fd, struct sockaddr *address, socklen_t *length,
					int flags)
{
	int connection;

	listener_before_accept(fd);
	connection = next.accept4(fd, address, length, flags);
	if (connection >= 0)
		listener_after_accept(fd, connection);
	return connection;
}

INTERPOSER int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	if (listener_is_plain(fd))
		return next.accept4(fd, address, length, flags);
	return accept4_under_rule(fd, address, length, flags);
}
