/* SPDX-License-Identifier: MIT */
/* Steps that make, connect, ask, duplicate and close a socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "client.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

void need_socket(void)
{
	if (at->fd < 0)
		at->fd = socket(address.ss_family, SOCK_STREAM, 0);
	if (at->fd < 0)
		die("socket");
}

/* Made and closed: the next descriptor has its number. */
static void open_other_before(const char *kind)
{
	int family = strcmp(kind, "unix") == 0 ? AF_UNIX : AF_INET;

	close(socket(family, SOCK_DGRAM, 0));
}

static bool run_making(const struct step *step)
{
	if (!strcmp(step->name, "socket"))
		need_socket();
	else if (!strcmp(step->name, "socket-by-number"))
		at->fd = (int)syscall(SYS_socket, address.ss_family, SOCK_STREAM, 0);
	else if (!strcmp(step->name, "number-of"))
		open_other_before(step->rest);
	else
		return false;
	return true;
}

static void set_nonblocking(bool on)
{
	int flags;

	need_socket();
	flags = fcntl(at->fd, F_GETFL);
	fcntl(at->fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static int connect_now(void)
{
	need_socket();
	return connect(at->fd, (struct sockaddr *)&address, address_length);
}

static int socket_error(void)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(at->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return -1;
	errno = error;
	return error ? -1 : 0;
}

/* 0 when it is connected, else -1 and its error. */
static int await_connection(void)
{
	struct pollfd pollfd = {.fd = at->fd, .events = POLLOUT};
	int ready;

	do
		ready = poll(&pollfd, 1, 10000);
	while (interrupted(ready));
	if (ready == 1)
		return socket_error();
	errno = ETIMEDOUT;
	return -1;
}

/* connect() that was interrupted goes on by itself, and is not called again. */
static void step_connect(const char *name)
{
	int result = connect_now();

	say(name, interrupted(result) ? await_connection() : result);
}

static void step_connect_wait(const char *name)
{
	if (connect_now() != 0 && errno != EINPROGRESS && !interrupted(-1))
		say(name, -1);
	else
		say(name, await_connection());
}

static void step_unconnect(const char *name)
{
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	say(name, connect(at->fd, &nobody, sizeof(nobody)));
}

/* The part of an address that says nothing of a peer. */
static unsigned char *rest_of(struct sockaddr_storage *name, size_t *size)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)name;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)name;

	*size = name->ss_family == AF_INET ? sizeof(ip4->sin_zero) : sizeof(ip6->sin6_scope_id);
	return name->ss_family == AF_INET ? ip4->sin_zero : (unsigned char *)&ip6->sin6_scope_id;
}

static bool is_tidy(struct sockaddr_storage *name)
{
	size_t size;
	const unsigned char *rest = rest_of(name, &size);

	for (size_t i = 0; i < size; i++)
		if (rest[i])
			return false;
	return true;
}

static void make_untidy(void)
{
	size_t size;
	unsigned char *rest = rest_of(&address, &size);

	memset(rest, 1, size);
}

static void step_name(const char *name, int (*ask)(int, struct sockaddr *, socklen_t *),
		      bool with_port)
{
	struct sockaddr_storage told = {0};
	socklen_t length = sizeof(told);
	char host[INET6_ADDRSTRLEN], text[80];
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&told;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&told;

	if (ask(at->fd, (struct sockaddr *)&told, &length) != 0) {
		say(name, -1);
		return;
	}
	inet_ntop(told.ss_family,
		  told.ss_family == AF_INET ? (void *)&ip4->sin_addr : (void *)&ip6->sin6_addr,
		  host, sizeof(host));
	snprintf(text, sizeof(text), "%s:%d length %u%s", host,
		 with_port ? ntohs(told.ss_family == AF_INET ? ip4->sin_port : ip6->sin6_port) : 0,
		 length, is_tidy(&told) ? "" : " untidy");
	say_text(name, text);
}

static void set_timeout(int option, int ms)
{
	struct timeval timeout = {ms / 1000, ms % 1000 * 1000L};

	need_socket();
	setsockopt(at->fd, SOL_SOCKET, option, &timeout, sizeof(timeout));
}

static void bind_anywhere(void)
{
	struct sockaddr_storage any = {.ss_family = address.ss_family};

	need_socket();
	if (bind(at->fd, (struct sockaddr *)&any, address_length) != 0)
		die("bind");
}

static void step_mark(const struct step *step)
{
	need_socket();
	say(step->name, setsockopt(at->fd, SOL_SOCKET, SO_MARK, &step->number, sizeof(int)));
}

static bool run_option(const struct step *step)
{
	struct linger linger = {1, step->number};
	int number = step->number, on = 1;

	if (!strcmp(step->name, "nonblock"))
		set_nonblocking(true);
	else if (!strcmp(step->name, "block"))
		set_nonblocking(false);
	else if (!strcmp(step->name, "cloexec"))
		fcntl(at->fd, F_SETFD, FD_CLOEXEC);
	else if (!strcmp(step->name, "bind"))
		bind_anywhere();
	else if (!strcmp(step->name, "untidy"))
		make_untidy();
	else if (!strcmp(step->name, "nodelay"))
		setsockopt(at->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	else if (!strcmp(step->name, "fionbio"))
		ioctl(at->fd, FIONBIO, &number);
	else if (!strcmp(step->name, "mark"))
		step_mark(step);
	else if (!strcmp(step->name, "linger0") || !strcmp(step->name, "linger"))
		setsockopt(at->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (!strcmp(step->name, "sndtimeo"))
		set_timeout(SO_SNDTIMEO, step->number);
	else if (!strcmp(step->name, "rcvtimeo"))
		set_timeout(SO_RCVTIMEO, step->number);
	else
		return false;
	return true;
}

static void step_available(const char *name)
{
	int available = 0, result = ioctl(at->fd, FIONREAD, &available);

	say(name, result < 0 ? -1 : available);
}

static void step_option(const char *name, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	say(name, getsockopt(at->fd, level, option, &value, &length) != 0 ? -1 : value);
}

static void step_peername(const char *name)
{
	struct sockaddr_storage peer;
	socklen_t length = address_length;

	say(name, getsockopt(at->fd, SOL_SOCKET, SO_PEERNAME, &peer, &length));
}

static bool run_option_question(const char *name)
{
	bool is_ip4 = address.ss_family == AF_INET;

	if (!strcmp(name, "mtu"))
		step_option(name, is_ip4 ? IPPROTO_IP : IPPROTO_IPV6, is_ip4 ? IP_MTU : IPV6_MTU);
	else if (!strcmp(name, "mss"))
		step_option(name, IPPROTO_TCP, TCP_MAXSEG);
	else if (!strcmp(name, "peername"))
		step_peername(name);
	else
		return false;
	return true;
}

static bool run_question(const char *name)
{
	if (!strcmp(name, "connect"))
		step_connect(name);
	else if (!strcmp(name, "connect-wait"))
		step_connect_wait(name);
	else if (!strcmp(name, "unconnect"))
		step_unconnect(name);
	else if (!strcmp(name, "peer"))
		step_name(name, getpeername, true);
	else if (!strcmp(name, "name"))
		step_name(name, getsockname, false);
	else if (!strcmp(name, "error"))
		say(name, socket_error());
	else if (!strcmp(name, "available"))
		step_available(name);
	else if (!strcmp(name, "ulp"))
		say(name, setsockopt(at->fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	else
		return false;
	return true;
}

/* The socket, sent through a pair of Unix sockets to ourselves. */
static int pass_to_ourselves(void)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int ends[2], received = -1;

	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &at->fd, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || sendmsg(ends[0], &message, 0) != 1)
		die("pass");
	message.msg_controllen = sizeof(control);
	if (recvmsg(ends[1], &message, 0) == 1 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&received, CMSG_DATA(&control.header), sizeof(int));
	close(ends[0]);
	close(ends[1]);
	return received;
}

static bool duplicate(const char *name, int *result)
{
	int fd = at->fd;

	if (!strcmp(name, "dup"))
		*result = dup(fd);
	else if (!strcmp(name, "dup2"))
		*result = dup2(fd, 17);
	else if (!strcmp(name, "dup3"))
		*result = dup3(fd, 18, O_CLOEXEC);
	else if (!strcmp(name, "dupfd"))
		*result = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	else if (!strcmp(name, "dupfd-kept"))
		*result = fcntl(fd, F_DUPFD, 30);
	else if (!strcmp(name, "dup-back"))
		*result = dup2(fd, at->older_fd);
	else if (!strcmp(name, "pass"))
		*result = pass_to_ourselves();
	else
		return false;
	return true;
}

static void go_on_as(const char *name, int result)
{
	say(name, result < 0 ? -1 : 0);
	if (result < 0)
		return;
	at->older_fd = at->fd;
	at->fd = result;
}

static int replace_by_nothing(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int result = dup2(nothing, at->fd);

	close(nothing);
	return result < 0 ? -1 : 0;
}

/* The other socket is closed by it. */
static int go_over(struct endpoint *other)
{
	return dup2(at->fd, other->fd) < 0 ? -1 : 0;
}

static void swap_numbers(void)
{
	int older = at->older_fd;

	at->older_fd = at->fd;
	at->fd = older;
}

static bool run_closing(const struct step *step)
{
	const char *name = step->name;

	if (!strcmp(name, "swap"))
		swap_numbers();
	else if (!strcmp(name, "close-older"))
		say(name, close(at->older_fd));
	else if (!strcmp(name, "shutdown"))
		say(name, shutdown(at->fd, SHUT_WR));
	else if (!strcmp(name, "shutdown-read"))
		say(name, shutdown(at->fd, SHUT_RD));
	else if (!strcmp(name, "shutdown-both"))
		say(name, shutdown(at->fd, SHUT_RDWR));
	else if (!strcmp(name, "close"))
		say(name, close(at->fd));
	else if (!strcmp(name, "syscall-close"))
		say(name, syscall(SYS_close, at->fd));
	else if (!strcmp(name, "close-range"))
		say(name, close_range(3, ~0u, 0));
	else if (!strcmp(name, "closefrom"))
		closefrom(3);
	else if (!strcmp(name, "replace"))
		say(name, replace_by_nothing());
	else if (!strcmp(name, "over"))
		say(name, go_over(&endpoints[step->number % SOCKETS_MOST]));
	else if (!strcmp(name, "fdopen"))
		at->stream = fdopen(at->fd, "r+");
	else if (!strcmp(name, "fclose"))
		say(name, fclose(at->stream));
	else
		return false;
	return true;
}

bool run_socket_step(const struct step *step)
{
	int result;

	if (duplicate(step->name, &result)) {
		go_on_as(step->name, result);
		return true;
	}
	return run_making(step) || run_option(step) || run_question(step->name) ||
	       run_option_question(step->name) || run_closing(step);
}
