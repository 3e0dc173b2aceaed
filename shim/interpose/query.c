/* SPDX-License-Identifier: MIT */
/* Calls that ask or set: a held socket has a peer, and some options want a real one. */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shim/next.h"
#include "shim/readable.h"
#include "shim/socket/holds.h"
#include "shim/socket/release.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62 /* asm-generic/socket.h, Linux 5.0 */
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30 /* linux/tcp.h, Linux 4.11 */
#endif
#ifndef TCP_ULP
#define TCP_ULP 31 /* linux/tcp.h, Linux 4.13 */
#endif

/* Without what the program's address may have beyond the peer's. */
static union socket_address as_kernel_tells(const union socket_address *given)
{
	union socket_address peer = {.any.sa_family = given->any.sa_family};

	if (given->any.sa_family == AF_INET) {
		peer.ip4.sin_port = given->ip4.sin_port;
		peer.ip4.sin_addr = given->ip4.sin_addr;
		return peer;
	}
	peer.ip6.sin6_port = given->ip6.sin6_port;
	peer.ip6.sin6_addr = given->ip6.sin6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&given->ip6.sin6_addr))
		peer.ip6.sin6_scope_id = given->ip6.sin6_scope_id;
	return peer;
}

/* The kernel writes the socket's own name first, which is as long as its peer's: so whatever is
 * wrong with the program's memory is the kernel's to say, and the rest is only a copy. */
static int tell_peer(const struct tracking *tracking, struct sockaddr *address, socklen_t *length)
{
	socklen_t room = is_readable(length, sizeof(*length)) ? *length : 0;
	union socket_address peer;

	if (next.getsockname(tracking->fd, address, length) != 0)
		return -1;
	peer = as_kernel_tells(&tracking->socket->address);
	memcpy(address, &peer, room < *length ? room : *length);
	return 0;
}

static SLOW_PATH int getpeername_live(int fd, struct sockaddr *address, socklen_t *length)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) == SOCKET_IN_FLIGHT)
		handshake_has_ended(&tracking);
	if (table_state(&tracking) < SOCKET_HELD)
		return next.getpeername(fd, address, length);
	return tell_peer(&tracking, address, length);
}

INTERPOSER int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
	if (sockets_are_live())
		return getpeername_live(fd, address, length);
	return next.getpeername(fd, address, length);
}

/* Until the handshake has ended the kernel says that nothing waits to be acknowledged. */
static SLOW_PATH int count_unacknowledged(int fd, int *count)
{
	struct tracking tracking = table_find(fd);
	int result = next.ioctl(fd, SIOCOUTQ, (long)count);

	if (result == 0 && table_state(&tracking) == SOCKET_IN_FLIGHT &&
	    !handshake_has_ended(&tracking))
		*count += (int)tracking.socket->syn_bytes;
	return result;
}

INTERPOSER_OF_WORDS(ioctl);
int words_of_ioctl(int fd, unsigned long request, long argument)
{
	if (sockets_are_live() && request == SIOCOUTQ)
		return count_unacknowledged(fd, (int *)argument);
	return next.ioctl(fd, request, argument);
}

/* The call is about a connection; a program that may think it has one waits for it. */
static SLOW_PATH void release_as_connected(int fd)
{
	struct tracking tracking = table_find(fd);

	release(&tracking, SYN_OTHER_CALL);
	if (table_state(&tracking) == SOCKET_IN_FLIGHT && counts_on_connection(tracking.socket))
		handshake_await(fd, handshake_patience_ended_ns(tracking.socket));
}

/* What a socket says of itself before connect() differs from what it says afterwards. */

INTERPOSER int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	if (sockets_are_live())
		release_before_look(fd);
	return next.getsockname(fd, address, length);
}

/* The error that the kernel does not know of. */
static void tell_failure(int fd, void *value, const socklen_t *length)
{
	struct tracking tracking = table_find(fd);
	int failure = release_failure(&tracking);

	if (failure)
		memcpy(value, &failure, *length < sizeof(failure) ? *length : sizeof(failure));
}

static SLOW_PATH int getsockopt_live(int fd, int level, int option, void *value, socklen_t *length)
{
	int result;

	if (level == IPPROTO_TCP && option == TCP_MAXSEG)
		release_as_connected(fd);
	else if (level != SOL_SOCKET || option == SO_PEERNAME)
		release_before_look(fd);
	result = next.getsockopt(fd, level, option, value, length);
	if (result == 0 && level == SOL_SOCKET && option == SO_ERROR)
		tell_failure(fd, value, length);
	return result;
}

INTERPOSER int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	if (sockets_are_live())
		return getsockopt_live(fd, level, option, value, length);
	return next.getsockopt(fd, level, option, value, length);
}

INTERPOSER int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	if (sockets_are_live())
		release_before_look(fd);
	return next.bind(fd, address, length);
}

/* From then on packets take another way, which the handshake did not take. */
static bool changes_route(int level, int option)
{
	return level == SOL_SOCKET && (option == SO_MARK || option == SO_BINDTODEVICE ||
				       option == SO_BINDTOIFINDEX || option == SO_DONTROUTE);
}

/* Options that programs set between connect() and the first write, and that are taken alike before
 * and after: they need not end a hold. */
static bool is_indifferent(int level, int option)
{
	return level == SOL_SOCKET ||
	       (level == IPPROTO_TCP &&
		(option == TCP_NODELAY || option == TCP_CORK || option == TCP_KEEPIDLE ||
		 option == TCP_KEEPINTVL || option == TCP_KEEPCNT || option == TCP_USER_TIMEOUT ||
		 option == TCP_QUICKACK));
}

/* TCP_ULP (kTLS) and IPV6_ADDRFORM are refused before the handshake has ended, and TCP_REPAIR takes
 * the socket for what it is then. */
static bool wants_connection(int level, int option)
{
	return (level == IPPROTO_TCP && (option == TCP_ULP || option == TCP_REPAIR)) ||
	       (level == IPPROTO_IPV6 && option == IPV6_ADDRFORM);
}

/* A server that turns Fast Open off by itself looks like one that never heard of it. */
static int set_fastopen(int fd, const void *value, socklen_t length)
{
	int result = next.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, value, length), backlog, saved;
	socklen_t size = sizeof(backlog);

	if (result != 0)
		return result;
	saved = errno;
	if (next.getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &backlog, &size) == 0 && backlog == 0)
		table_mark(fd, MARK_NO_FASTOPEN);
	errno = saved;
	return result;
}

/* What the program asks of Fast Open by itself is noticed. */
static int set_tcp(int fd, int option, const void *value, socklen_t length)
{
	if (option == TCP_FASTOPEN)
		return set_fastopen(fd, value, length);
	if (option == TCP_FASTOPEN_CONNECT || option == TCP_REPAIR)
		hold_program_sets_own();
	return next.setsockopt(fd, IPPROTO_TCP, option, value, length);
}

static SLOW_PATH int setsockopt_noted(int fd, int level, int option, const void *value,
				      socklen_t length)
{
	if (sockets_are_live()) {
		if (!is_indifferent(level, option))
			release_before_look(fd);
		if (wants_connection(level, option))
			release_and_await(fd);
		if (changes_route(level, option))
			release_as_connected(fd);
	}
	if (level == IPPROTO_TCP)
		return set_tcp(fd, option, value, length);
	return next.setsockopt(fd, level, option, value, length);
}

INTERPOSER int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	if (sockets_are_live() || level == IPPROTO_TCP)
		return setsockopt_noted(fd, level, option, value, length);
	return next.setsockopt(fd, level, option, value, length);
}
