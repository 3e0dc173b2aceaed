/* SPDX-License-Identifier: MIT */
/*
 * One process that makes many requests, one after the other, each on a connection of its own:
 *
 *   loop [-n | -e] [-i] [-m MS] [-s REQUEST] ADDRESS PORT COUNT
 *
 *   -n  non-blocking sockets: connect, poll, SO_ERROR, send, poll, recv; else blocking ones
 *   -e  as -n, but sends without waiting for the connection, and waits if told EAGAIN
 *   -i  each request waits for a line on stdin; the end of stdin ends the loop
 *   -m  a request that takes longer fails (10000)
 *   -s  what is sent (a GET of HTTP)
 *
 * A request ends with the first bytes of an answer. Prints a line for each: its number, its
 * milliseconds, and "ok" or the call that failed and why:
 *   1 40.3 ok
 *   2 20.1 connect: ECONNREFUSED
 * The exit status is 1 if one failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_storage address;
static socklen_t address_length;
static const char *payload = "GET / HTTP/1.1\r\nHost: loop\r\n\r\n";
static bool nonblocking, eager;
static int most_ms = 10000;

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int open_socket(void)
{
	const struct timeval most = {most_ms / 1000, most_ms % 1000 * 1000L};
	int fd = socket(address.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);

	if (fd < 0) {
		perror("loop: socket");
		exit(2);
	}
	if (!nonblocking) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	}
	return fd;
}

/* Non-blocking: until the socket is ready. False, with errno, if that takes too long. */
static bool await(int fd, short events, double until)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	double left = until - now_ms();

	if (!nonblocking)
		return true;
	if (poll(&pollfd, 1, left > 0 ? (int)left : 0) == 1)
		return true;
	errno = ETIMEDOUT;
	return false;
}

static bool make_connection(int fd, double until)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (connect(fd, (struct sockaddr *)&address, address_length) == 0)
		return true;
	if (errno != EINPROGRESS || !nonblocking)
		return false;
	if (eager)
		return true;
	if (!await(fd, POLLOUT, until))
		return false;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error;
	return error == 0;
}

static bool send_request(int fd, double until)
{
	ssize_t size = (ssize_t)strlen(payload);
	ssize_t sent = send(fd, payload, (size_t)size, MSG_NOSIGNAL);

	if (eager && sent < 0 && errno == EAGAIN && await(fd, POLLOUT, until))
		sent = send(fd, payload, (size_t)size, MSG_NOSIGNAL);
	return sent == size;
}

/* The call that failed, or NULL. */
static const char *request(int fd, double until)
{
	char answer[4096];
	ssize_t count;

	if (!make_connection(fd, until))
		return "connect";
	if (!send_request(fd, until))
		return "send";
	if (!await(fd, POLLIN, until))
		return "poll";
	count = recv(fd, answer, sizeof(answer), 0);
	if (count == 0)
		errno = ENODATA;
	return count > 0 ? NULL : "recv";
}

static bool make_request(int number)
{
	double start = now_ms(), end;
	int fd = open_socket(), error;
	const char *failed = request(fd, start + most_ms);

	error = errno;
	end = now_ms();
	close(fd);
	if (failed)
		printf("%d %.1f %s: %s\n", number, end - start, failed, strerrorname_np(error));
	else
		printf("%d %.1f ok\n", number, end - start);
	return !failed;
}

static bool is_called_for(void)
{
	char line[64];

	return fgets(line, sizeof(line), stdin);
}

static void usage(void)
{
	fputs("usage: loop [-n | -e] [-i] [-m MS] [-s REQUEST] ADDRESS PORT COUNT\n", stderr);
	exit(2);
}

static void set_address(const char *text, const char *port)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
		address.ss_family = AF_INET;
		address_length = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
		address.ss_family = AF_INET6;
		address_length = sizeof(*ip6);
	} else {
		usage();
	}
	ip4->sin_port = htons((uint16_t)strtoul(port, NULL, 10)); /* at the same place in both */
}

int main(int argc, char **argv)
{
	bool on_call = false, all_well = true;
	int option;
	long times;

	while ((option = getopt(argc, argv, "neim:s:")) != -1) {
		switch (option) {
		case 'n':
			nonblocking = true;
			break;
		case 'e':
			nonblocking = eager = true;
			break;
		case 'i':
			on_call = true;
			break;
		case 'm':
			most_ms = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			payload = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 3)
		usage();
	set_address(argv[optind], argv[optind + 1]);
	times = strtol(argv[optind + 2], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i <= times && (!on_call || is_called_for()); i++)
		all_well &= make_request(i);
	return !all_well;
}
