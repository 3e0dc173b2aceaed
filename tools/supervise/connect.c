/* SPDX-License-Identifier: MIT */
/*
 * The decision on one connect(). What the call points to can change while we look at it, and would
 * be read again by a call that goes on. So only sockets that are left alone go on; a connection
 * under a rule is made here, to the address that was judged, and its result is the call's.
 *
 * Only sockets that do not block are held: the kernel repeats a blocking first write that anything
 * interrupts, be it only SIGSTOP and SIGCONT, and its payload is then in the stream twice.
 */
#include "connect.h"

#include "habits.h"
#include "listener.h"
#include "policy.h"
#include "say.h"
#include "sockets.h"
#include "target.h"

#include "shim/memory/destinations.h"
#include "shim/memory/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <unistd.h>

/* The address of a call, as it was when it was read. */
struct asked {
	union {
		struct sockaddr any;
		union memory_address internet;
		struct sockaddr_storage room;
	};
	socklen_t length;
};

static bool read_address(const struct seccomp_notif *notif, const struct call *call,
			 struct asked *asked)
{
	*asked = (struct asked){.length = call->length};
	if (call->length < sizeof(asked->any.sa_family))
		return false;
	if (asked->length > sizeof(asked->room))
		return false; /* EINVAL, which is the kernel's to say */
	return target_read((pid_t)notif->pid, call->address, &asked->room, asked->length);
}

/* What follows the address is not looked at by the kernel. */
static bool is_internet_address(struct asked *asked)
{
	socklen_t size = asked->any.sa_family == AF_INET ? sizeof(struct sockaddr_in)
							 : sizeof(struct sockaddr_in6);

	if (asked->any.sa_family != AF_INET && asked->any.sa_family != AF_INET6)
		return false;
	if (asked->length < size)
		return false;
	asked->length = size;
	return true;
}

/* The kernel connects to an address of this host instead, and tells that one. */
static bool is_wildcard(const union memory_address *address)
{
	return address->any.sa_family == AF_INET ? address->ip4.sin_addr.s_addr == htonl(INADDR_ANY)
						 : IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr);
}

static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

static bool is_tcp(int fd)
{
	return option_of(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
}

static bool is_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || !(flags & O_NONBLOCK);
}

/* Why nothing is done for a connection that a rule allows, or NULL. */
static const char *why_plain(int fd, const struct connection *connection, enum advice advice)
{
	if (is_wildcard(&connection->address))
		return "plain: the address is that of no host";
	if (advice == ADVICE_PLAIN)
		return "plain: suspended";
	if (advice == ADVICE_NO_GAIN)
		return "plain: too near to gain anything";
	if (!is_tcp(fd) || option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) > 0 ||
	    option_of(fd, IPPROTO_TCP, TCP_REPAIR) > 0)
		return "plain: not a TCP socket, or in the program's own hands";
	if (is_blocking(fd))
		return "plain: the socket blocks, and its first write could be repeated";
	if (!sockets_have_room())
		return "plain: no room to watch it";
	return NULL;
}

static bool arm(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) == 0;
}

/* Tells the result; what cannot be told is kept for when it is asked again. */
static void answer(const struct seccomp_notif *notif, struct watched *watched, int error)
{
	if (!listener_answer(notif->id, error) && watched)
		sockets_note_untold(watched, error);
}

/* Looks after a connection that is under way. */
static void watch(const struct seccomp_notif *notif, int fd, const struct connection *connection,
		  enum beginning beginning, int error)
{
	struct watched *watched = sockets_watch(fd, connection, beginning);

	if (watched) {
		answer(notif, watched, error);
		return;
	}
	/* Nothing may be held without a deadline. */
	socket_release(fd, connection);
	listener_answer(notif->id, EINPROGRESS);
	close(fd);
}

/* The kernel holds it, or it has made the whole connection at once. */
static void follow_up(const struct seccomp_notif *notif, int fd,
		      const struct connection *connection, enum advice advice)
{
	if (!socket_is_held(fd)) {
		watch(notif, fd, connection, BEGAN_ASKING, 0);
	} else if (advice == ADVICE_HOLD && !habits_advise_release(&connection->address)) {
		watch(notif, fd, connection, BEGAN_HELD, 0);
	} else {
		socket_release(fd, connection);
		watch(notif, fd, connection, BEGAN_RELEASED, EINPROGRESS);
	}
}

/* Takes the descriptor over. */
static void connect_under_rule(const struct seccomp_notif *notif, int fd,
			       const struct connection *connection, enum advice advice)
{
	int error;

	if (!arm(fd)) {
		say_connection(&connection->address.any, connection->rule,
			       "plain: Fast Open is off here, or the socket is in use");
		listener_pass(notif->id);
		close(fd);
		return;
	}
	error = socket_connect(fd, &connection->address.any, connection->length);
	if (error == 0) {
		follow_up(notif, fd, connection, advice);
	} else if (error == EINPROGRESS) {
		say_connection(&connection->address.any, connection->rule,
			       "plain: no cookie yet, asked for one");
		watch(notif, fd, connection, BEGAN_ASKING, error);
	} else {
		socket_disarm(fd);
		sockets_refused(connection, error);
		listener_answer(notif->id, error);
		close(fd);
	}
}

static void leave_alone(const struct seccomp_notif *notif, int fd)
{
	listener_pass(notif->id);
	if (fd >= 0)
		close(fd);
}

static void decide_on_socket(const struct seccomp_notif *notif, const struct call *call, int fd,
			     const struct asked *asked, const struct policy_rule *rule)
{
	struct connection connection = {
		.address = asked->internet,
		.length = asked->length,
		.rule = rule,
		.thread = (pid_t)notif->pid,
		.number = call->fd,
	};
	enum advice advice =
		memory_advice(&connection.address.any, connection.length, rule, &connection.rtt_us);
	const char *why = why_plain(fd, &connection, advice);

	if (why) {
		say_connection(&connection.address.any, rule, why);
		leave_alone(notif, fd);
		return;
	}
	connect_under_rule(notif, fd, &connection, advice);
}

/* A later connect() on a socket that we look after. True if that is all there is to it. */
static bool is_known(const struct seccomp_notif *notif, int fd)
{
	struct watched *watched = sockets_find(fd);
	int error;

	if (!watched)
		return false;
	if (sockets_take_untold(watched, &error)) {
		answer(notif, watched, error);
		close(fd);
		return true;
	}
	/* One that has failed may be connected anew. */
	if (sockets_look(watched))
		return false;
	leave_alone(notif, fd);
	return true;
}

/* connect(AF_UNSPEC): the association is dissolved, and what we have set on the socket with it. */
static void dissolve(const struct seccomp_notif *notif, int fd, const struct asked *asked)
{
	struct watched *watched = sockets_find(fd);
	int error;

	if (!is_tcp(fd) || option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) <= 0) {
		leave_alone(notif, fd);
		return;
	}
	error = socket_connect(fd, &asked->any, asked->length);
	socket_disarm(fd);
	if (watched)
		sockets_forget(watched);
	listener_answer(notif->id, error);
	close(fd);
}

void connect_decide(const struct seccomp_notif *notif, const struct call *call)
{
	const struct policy_rule *rule = NULL;
	const char *why_not = "";
	struct asked asked;
	bool dissolves;
	int fd = -1;

	if (!read_address(notif, call, &asked)) {
		leave_alone(notif, -1);
		return;
	}
	dissolves = asked.any.sa_family == AF_UNSPEC;
	if (is_internet_address(&asked))
		rule = policy_ask((pid_t)notif->pid, &asked.any, asked.length, &why_not);
	else if (!dissolves) {
		leave_alone(notif, -1);
		return;
	}
	/* What is left alone need not be looked at, unless it may be one of ours. */
	if (!why_not || dissolves || sockets_count())
		fd = target_take((pid_t)notif->pid, call->fd);
	/* All that was read so far was read of that process. */
	if (fd < 0 || !listener_still_waits(notif)) {
		if (why_not && *why_not && !dissolves)
			say_connection(&asked.any, rule, why_not);
		leave_alone(notif, fd);
		return;
	}
	if (dissolves) {
		dissolve(notif, fd, &asked);
	} else if (!is_known(notif, fd)) {
		if (!why_not) {
			decide_on_socket(notif, call, fd, &asked, rule);
			return;
		}
		say_connection(&asked.any, rule, why_not);
		leave_alone(notif, fd);
	}
}
