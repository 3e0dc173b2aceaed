/* SPDX-License-Identifier: MIT */
/*
 * How many connections a program makes in a second, each with a request and its answer:
 *
 *   connections [-k COUNT] connect|fastopen THREADS SECONDS ADDRESS ADDRESSES PORT
 *
 * connect is what most programs do: socket, connect, send, recv, close. fastopen is the same
 * written for Fast Open: sendto with MSG_FASTOPEN in the place of connect and send. The threads go
 * round ADDRESSES addresses from ADDRESS on. -k first opens that many sockets more and connects
 * them to the port above PORT, without a word: the library holds them until the end. Those of
 * fastopen, and of connect if the library is not there, are not connected.
 *
 * Prints connections a second, microseconds of CPU (of the whole process) a connection, the KiB of
 * memory that the sockets of -k took, and the microseconds that each of them took:
 *   rate=21034.5 cpu=38.21 kib=0 kept=0.00
 * A connection that fails ends it with status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

static bool natively;
static uint32_t first_address;
static unsigned int addresses;
static uint16_t port;
static double until;
static atomic_long made;

static void die(const char *what)
{
	fprintf(stderr, "connections: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds_of(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return seconds_of(&time);
}

static double cpu(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return seconds_of(&time);
}

static struct sockaddr_in destination(unsigned int number)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	to.sin_addr.s_addr = htonl(first_address + number % addresses);
	return to;
}

static bool start(int fd, const struct sockaddr_in *to)
{
	const ssize_t size = sizeof(request) - 1;

	if (natively)
		return sendto(fd, request, size, MSG_FASTOPEN | MSG_NOSIGNAL,
			      (const struct sockaddr *)to, sizeof(*to)) == size;
	return connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 &&
	       send(fd, request, size, MSG_NOSIGNAL) == size;
}

static void make_connection(unsigned int number)
{
	struct sockaddr_in to = destination(number);
	char answer[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (!start(fd, &to))
		die("connect");
	if (recv(fd, answer, sizeof(answer), 0) <= 0)
		die("recv");
	close(fd);
}

static void *make_connections(void *first)
{
	unsigned int number = (unsigned int)(uintptr_t)first;
	long count = 0;

	for (; now() < until; count++)
		make_connection(number++);
	atomic_fetch_add(&made, count);
	return NULL;
}

/* Private and anonymous memory that is there, in KiB. */
static long memory_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

static bool is_preloaded(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "libtfo-preload");
}

static void keep_one(unsigned int number, bool connected)
{
	struct sockaddr_in to = destination(number);
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket of -k");
	if (!connected)
		return;
	to.sin_port = htons(port + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		die("connect of -k");
	/* Nobody listens there: what is not held has been refused by now. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
	    info.tcpi_state != TCP_SYN_SENT) {
		errno = ENOTCONN;
		die("not held");
	}
}

static void allow_many_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void run_threads(unsigned int count)
{
	pthread_t threads[count];

	for (unsigned int i = 1; i < count; i++)
		if (pthread_create(&threads[i], NULL, make_connections, (void *)(uintptr_t)i) != 0)
			die("pthread_create");
	make_connections(NULL);
	for (unsigned int i = 1; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void usage(void)
{
	fputs("usage: connections [-k COUNT] connect|fastopen THREADS SECONDS ADDRESS ADDRESSES "
	      "PORT\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	struct in_addr address;
	unsigned int keep = 0, threads;
	double began, used, kept_us = 0;
	long kib = 0;
	int option;

	while ((option = getopt(argc, argv, "k:")) != -1) {
		if (option != 'k')
			usage();
		keep = (unsigned int)strtoul(optarg, NULL, 10);
	}
	argv += optind;
	if (argc - optind != 6 || inet_pton(AF_INET, argv[3], &address) != 1)
		usage();
	natively = strcmp(argv[0], "fastopen") == 0;
	threads = (unsigned int)strtoul(argv[1], NULL, 10);
	first_address = ntohl(address.s_addr);
	addresses = (unsigned int)strtoul(argv[4], NULL, 10);
	port = (uint16_t)strtoul(argv[5], NULL, 10);
	if (threads == 0 || addresses == 0)
		usage();
	allow_many_descriptors();
	/* What happens once is not counted. */
	for (unsigned int i = 0; i < addresses; i++)
		make_connection(i);
	if (keep) {
		kib = memory_kib();
		began = now();
		for (unsigned int i = 0; i < keep; i++)
			keep_one(i, !natively && is_preloaded());
		kept_us = (now() - began) / keep * 1e6;
		kib = memory_kib() - kib;
	}
	used = cpu();
	began = now();
	until = began + strtod(argv[2], NULL);
	run_threads(threads);
	printf("rate=%.1f cpu=%.2f kib=%ld kept=%.2f\n", (double)made / (now() - began),
	       (cpu() - used) / (double)made * 1e6, kib, kept_us);
	return 0;
}
