/* SPDX-License-Identifier: MIT */
/* What is done to a socket, one system call or a few. Includes linux/tcp.h, whose struct tcp_info
 * is newer than the one of netinet/tcp.h. */
#include "sockets.h"

#include <errno.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef IPPROTO_TCP
#define IPPROTO_TCP 6
#endif

/* include/net/tcp_states.h of the kernel; the enum is part of the TCP_INFO interface. */
#define KERNEL_TCP_SYN_SENT 2

/* A connect() that waits, because the program has cleared O_NONBLOCK in between, is interrupted by
 * SIGALRM after this time. */
#define WAIT_US 20000

bool socket_disarm(int fd)
{
	const int off = 0;

	return setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off)) == 0;
}

/* No segment has left yet. */
bool socket_is_held(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_state == KERNEL_TCP_SYN_SENT && info.tcpi_segs_out == 0;
}

int socket_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	const struct itimerval soon = {.it_value.tv_usec = WAIT_US}, never = {0};
	int error;

	setitimer(ITIMER_REAL, &soon, NULL);
	error = connect(fd, address, length) == 0 ? 0 : errno;
	setitimer(ITIMER_REAL, &never, NULL);
	return error == EINTR ? EINPROGRESS : error;
}

/* With the client bit of net.ipv4.tcp_fastopen switched off meanwhile no Fast Open call does
 * anything, and only starting over helps. */
static void connect_plainly(int fd, const struct connection *connection)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	/* The kernel may not even take the option back, and would hold again what can never be
	 * sent: then the association stays dissolved. */
	if (connect(fd, &nobody, sizeof(nobody)) == 0 && socket_disarm(fd))
		socket_connect(fd, &connection->address.any, connection->length);
}

bool socket_release(int fd, const struct connection *connection)
{
	/* In flight it would take the error of a refused connection, which is the program's. */
	if (!socket_is_held(fd))
		return false;
	if (send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) != 0 && errno == EOPNOTSUPP)
		connect_plainly(fd, connection);
	return true;
}
