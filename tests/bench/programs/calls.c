/* SPDX-License-Identifier: MIT */
/*
 * Makes calls that are none of the library's business, many times each:
 *
 *   calls [-t] [CALL...]     all of them, or those named; calls --list says which there are
 *
 * For callgrind: each call is repeated 10 times to get what happens once out of the way, and then
 * 10 and 1010 times, each by one call of make_calls(). With -t it is repeated 5000 times by the
 * clock. Prints for each what came of it, "-" if it failed, then the reason: write 10 10 1010
 *   write 81.3                      with -t: nanoseconds a call
 *   connect-tcp - Operation not permitted
 * Each call succeeds however often it is made, so that every turn takes the same instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FEW   10
#define MORE  1000
#define TIMED 5000

static int null;	/* /dev/null: takes everything, gives nothing, is always ready */
static int spare;	/* a descriptor that may be replaced */
static int pair;	/* a stream whose other end writes no more: recv() sees its end at once */
static int udp;		/* unconnected */
static int ready_epoll; /* an epoll set with one descriptor, always ready */

static char bytes[16];
static struct iovec part = {bytes, sizeof(bytes)};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

static bool do_write(void)
{
	return write(null, bytes, sizeof(bytes)) == sizeof(bytes);
}

static bool do_writev(void)
{
	return writev(null, &part, 1) == sizeof(bytes);
}

static bool do_read(void)
{
	return read(null, bytes, sizeof(bytes)) == 0;
}

static bool do_readv(void)
{
	return readv(null, &part, 1) == 0;
}

/* Nothing is sent, or the pair would be full one day. */
static bool do_send(void)
{
	return send(pair, bytes, 0, 0) == 0;
}

static bool do_sendto(void)
{
	return sendto(pair, bytes, 0, 0, NULL, 0) == 0;
}

static bool do_sendmsg(void)
{
	static const struct msghdr nothing;

	return sendmsg(pair, &nothing, 0) == 0;
}

static bool do_recv(void)
{
	return recv(pair, bytes, sizeof(bytes), 0) == 0;
}

static bool do_recvfrom(void)
{
	return recvfrom(pair, bytes, sizeof(bytes), 0, NULL, NULL) == 0;
}

static bool do_recvmsg(void)
{
	return recvmsg(pair, &message, 0) == 0;
}

static bool do_poll(void)
{
	struct pollfd pollfd = {.fd = null, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1;
}

static bool do_select(void)
{
	struct timeval none = {0};
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(null, &readable);
	return select(null + 1, &readable, NULL, NULL, &none) == 1;
}

static bool do_epoll_wait(void)
{
	struct epoll_event event;

	return epoll_wait(ready_epoll, &event, 1, 0) == 1;
}

/* What is closed must be opened: eventfd() is nothing that the library looks at. */
static bool do_close(void)
{
	return close(eventfd(0, 0)) == 0;
}

static bool do_dup2(void)
{
	return dup2(null, spare) == spare;
}

static bool do_fcntl(void)
{
	return fcntl(null, F_GETFL) >= 0;
}

static bool do_setsockopt(void)
{
	int on = 1;

	return setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
}

static bool do_getpeername(void)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	return getpeername(pair, (struct sockaddr *)&peer, &length) == 0;
}

static bool do_syscall(void)
{
	return syscall(SYS_getppid) >= 0;
}

/* To a destination that no rule allows. */
static bool do_connect(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return connect(udp, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* Nobody listens there, and on loopback that is known at once. */
static bool do_connect_tcp(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	static int tcp = -1;

	if (tcp < 0)
		tcp = socket(AF_INET, SOCK_STREAM, 0);
	return connect(tcp, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	       errno == ECONNREFUSED;
}

/* As syslog() and the caches of names do it. */
static bool do_connect_unix(void)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	static int local = -1;

	if (local < 0)
		local = socket(AF_UNIX, SOCK_DGRAM, 0);
	return connect(local, &nobody, sizeof(nobody)) == 0;
}

static const struct call {
	const char *name;
	bool (*make)(void);
} calls[] = {
	{"write", do_write},
	{"writev", do_writev},
	{"send", do_send},
	{"sendto", do_sendto},
	{"sendmsg", do_sendmsg},
	{"read", do_read},
	{"readv", do_readv},
	{"recv", do_recv},
	{"recvfrom", do_recvfrom},
	{"recvmsg", do_recvmsg},
	{"poll", do_poll},
	{"select", do_select},
	{"epoll_wait", do_epoll_wait},
	{"close", do_close},
	{"dup2", do_dup2},
	{"fcntl", do_fcntl},
	{"setsockopt", do_setsockopt},
	{"getpeername", do_getpeername},
	{"syscall", do_syscall},
	{"connect", do_connect},
	{"connect-tcp", do_connect_tcp},
	{"connect-unix", do_connect_unix},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static bool prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ready = eventfd(1, 0), ends[2];

	null = open("/dev/null", O_RDWR);
	spare = open("/dev/null", O_RDWR);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ready_epoll = epoll_create1(0);
	if (null < 0 || spare < 0 || udp < 0 || ready_epoll < 0 || ready < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return false;
	pair = ends[0];
	return shutdown(ends[1], SHUT_WR) == 0 &&
	       epoll_ctl(ready_epoll, EPOLL_CTL_ADD, ready, &event) == 0;
}

static bool make_calls(const struct call *call, long times)
{
	for (long i = 0; i < times; i++)
		if (!call->make())
			return false;
	return true;
}

/* callgrind counts between its call and its return, so it must be a function of its own under that
 * very name: the compiler cannot know what is called here. */
static bool (*volatile repeat)(const struct call *, long) = make_calls;

static bool repeat_for_callgrind(const struct call *call)
{
	static const long times[] = {FEW, FEW, FEW + MORE};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!repeat(call, times[i]))
			return false;
	printf("%s %d %d %d\n", call->name, FEW, FEW, FEW + MORE);
	return true;
}

static bool repeat_by_the_clock(const struct call *call)
{
	struct timespec from, to;

	if (!repeat(call, FEW))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!repeat(call, TIMED))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%s %.1f\n", call->name,
	       ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
		       TIMED);
	return true;
}

static bool is_wanted(const struct call *call, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, call->name) == 0)
			return true;
	return false;
}

static int list(void)
{
	for (size_t i = 0; i < CALLS; i++)
		puts(calls[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	bool (*measure)(const struct call *) = repeat_for_callgrind;
	char **names = argv + 1;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc > 1 && strcmp(argv[1], "-t") == 0) {
		measure = repeat_by_the_clock;
		names++;
	}
	if (!prepare()) {
		perror("calls: cannot prepare");
		return 1;
	}
	for (size_t i = 0; i < CALLS; i++)
		if (is_wanted(&calls[i], names) && !measure(&calls[i]))
			printf("%s - %s\n", calls[i].name, strerror(errno));
	return 0;
}
