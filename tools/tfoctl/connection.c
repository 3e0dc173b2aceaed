/* SPDX-License-Identifier: MIT */
/* One connection, made and watched. Sockets are non-blocking, so that every wait is ours to end. */
#include "connection.h"

#include "tfoctl.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30 /* linux/tcp.h, Linux 4.11 */
#endif

#define SWITCH	   "/proc/sys/net/ipv4/tcp_fastopen"
#define CLIENT_BIT 1u

double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int open_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

static int hold_next_connect(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
}

static int any_socket(void)
{
	int fd = open_socket(AF_INET);

	return fd < 0 ? open_socket(AF_INET6) : fd;
}

int fastopen_trouble(void)
{
	int fd = any_socket(), error = 0;

	if (fd < 0 || hold_next_connect(fd) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

/* The switch as it is, with the client's bit: the server's bits are not ours to clear. */
static unsigned int switch_with_client(void)
{
	FILE *file = fopen(SWITCH, "re");
	unsigned int bits = 0;

	if (file && fscanf(file, "%u", &bits) != 1) /* NOLINT(cert-err34-c): the kernel wrote it */
		bits = 0;
	if (file)
		fclose(file);
	return bits | CLIENT_BIT;
}

void say_fastopen_trouble(int error)
{
	if (error == EOPNOTSUPP)
		complain(
			"Fast Open: switched off for clients here; sysctl net.ipv4.tcp_fastopen=%u "
			"switches it on",
			switch_with_client());
	else if (error == ENOPROTOOPT)
		complain("Fast Open: this kernel has no TCP_FASTOPEN_CONNECT; it takes Linux 4.11");
	else
		complain("Fast Open: %s", strerror(error));
}

static struct connection failed(int fd, int error)
{
	return (struct connection){.fd = fd, .state = CONNECTION_FAILED, .error = error};
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool connection_wait(const struct connection *connection, short events, int most_ms)
{
	struct pollfd pollfd = {.fd = connection->fd, .events = events};
	double until = now_ms() + most_ms;
	int ready;

	do
		ready = poll(&pollfd, 1, until > now_ms() ? (int)(until - now_ms()) + 1 : 0);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* The SYN has left: sees the handshake through. */
static void see_through(struct connection *connection, double since, int most_ms)
{
	bool ready = connection_wait(connection, POLLOUT, most_ms);

	connection->ms = now_ms() - since;
	connection->outcome = outcome_of(connection->fd);
	connection->error = ready ? pending_error(connection->fd) : ETIMEDOUT;
	connection->state = CONNECTION_MADE;
	if (connection->outcome.handshake == HANDSHAKE_DONE)
		return;
	connection->state = CONNECTION_FAILED;
	if (!connection->error)
		connection->error = ECONNRESET;
}

static struct connection start(int fd, const struct addrinfo *to, int most_ms)
{
	struct connection connection = {.fd = fd};
	double since = now_ms();

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
		connection.outcome = outcome_of(fd);
		connection.state = connection.outcome.handshake == HANDSHAKE_DONE ? CONNECTION_MADE
										  : CONNECTION_HELD;
		return connection;
	}
	if (errno != EINPROGRESS)
		return failed(fd, errno);
	see_through(&connection, since, most_ms);
	return connection;
}

struct connection connect_plainly(const struct addrinfo *to, int most_ms)
{
	int fd = open_socket(to->ai_family);

	return fd < 0 ? failed(fd, errno) : start(fd, to, most_ms);
}

struct connection connect_asking(const struct addrinfo *to, int most_ms)
{
	int fd = open_socket(to->ai_family);

	if (fd < 0 || hold_next_connect(fd) != 0)
		return failed(fd, errno);
	return start(fd, to, most_ms);
}

void connection_release(struct connection *connection, int most_ms)
{
	double since = now_ms();

	if (send(connection->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0 || errno == EINPROGRESS) {
		see_through(connection, since, most_ms);
		return;
	}
	connection->state = CONNECTION_FAILED;
	connection->error = errno;
}

struct connection connect_with_data(const struct addrinfo *to, const void *payload, size_t length,
				    int most_ms)
{
	struct connection connection = {.fd = open_socket(to->ai_family)};
	double since = now_ms();
	ssize_t sent;

	if (connection.fd < 0)
		return failed(-1, errno);
	sent = sendto(connection.fd, payload, length, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
		      to->ai_addr, to->ai_addrlen);
	if (sent < 0)
		return failed(connection.fd, errno);
	connection.syn_bytes = (size_t)sent;
	see_through(&connection, since, most_ms);
	return connection;
}

static bool is_held(const struct addrinfo *to, int most_ms)
{
	struct connection connection = connect_asking(to, most_ms);
	bool held = connection.state == CONNECTION_HELD;

	connection_close(&connection);
	return held;
}

/* Linux asks with option 34 (RFC 7413) and, if no cookie comes, the next time with the older 254,
 * which many a path lets through that strips 34. So the first look may be what fetches it. */
enum cookie cookie_at_hand(const struct addrinfo *to, const struct connection *after, int most_ms)
{
	if (is_held(to, most_ms))
		return COOKIE_KNOWN;
	if (after->outcome.retransmissions)
		return COOKIE_NONE;
	return is_held(to, most_ms) ? COOKIE_EXPERIMENTAL : COOKIE_NONE;
}

void connection_close(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

const char *connection_error_text(const struct connection *connection)
{
	static char text[128];

	if (connection->error == ETIMEDOUT)
		return "no answer";
	snprintf(text, sizeof(text), "%s", strerror(connection->error));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}
