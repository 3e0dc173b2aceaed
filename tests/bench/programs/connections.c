/* SPDX-License-Identifier: MIT */
/*
 * How many connections a program makes in a second, each with a request and its answer:
 *
 *   connections [-k COUNT] connect|fastopen THREADS SECONDS ADDRESS ADDRESSES PORT
 *
 * connect is what most programs do: socket, connect, send, recv, close. fastopen is the same
 * written for Fast Open: sendto with MSG_FASTOPEN in the place of connect and send. The threads go
 * round ADDRESSES addresses from ADDRESS on. -k first opens that many sockets more, non-blocking,
 * connects them to the port above PORT and writes to them, and keeps them. Whoever calls sees to it
 * that no SYN arrives there: so they stay in flight. With 0 THREADS it then waits until it is
 * killed.
 *
 * Prints connections a second, microseconds of CPU (of the whole process) a connection; and of the
 * sockets of -k the KiB of memory that they took, the microseconds that each took, and how many
 * took the write at once, which is the mark of Fast Open:
 *   rate=21034.5 cpu=38.21 kib=0 each=0.00 sent=0
 * A connection that fails ends it with status 1. With -k it ends by SIGKILL, since to exit would be
 * to wait for what is in flight.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
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
	static const char name[] = "RssAnon:";
	char line[128];
	long kib = -1;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name), NULL, 10);
	if (status)
		fclose(status);
	return kib;
}

static bool keep_one(unsigned int number)
{
	struct sockaddr_in to = destination(number);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket of -k");
	to.sin_port = htons(port + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		die("connect of -k");
	return send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0;
}

static struct {
	unsigned int count, sent;
	double each_us;
	long kib;
} kept;

static void keep_all(void)
{
	double began = now();

	kept.kib = memory_kib();
	for (unsigned int i = 0; i < kept.count; i++)
		kept.sent += keep_one(i);
	kept.each_us = (now() - began) / kept.count * 1e6;
	kept.kib = memory_kib() - kept.kib;
}

static void report(double rate, double cpu_us)
{
	printf("rate=%.1f cpu=%.2f kib=%ld each=%.2f sent=%u\n", rate, cpu_us, kept.kib,
	       kept.each_us, kept.sent);
	fflush(stdout);
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
	pthread_t *threads = count > 0 ? calloc(count, sizeof(*threads)) : NULL;

	if (!threads)
		die("calloc");
	for (unsigned int i = 1; i < count; i++)
		if (pthread_create(&threads[i], NULL, make_connections, (void *)(uintptr_t)i) != 0)
			die("pthread_create");
	make_connections(NULL);
	for (unsigned int i = 1; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
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
	unsigned int threads;
	double began, used;
	int option;

	while ((option = getopt(argc, argv, "k:")) != -1) {
		if (option != 'k')
			usage();
		kept.count = (unsigned int)strtoul(optarg, NULL, 10);
	}
	argv += optind;
	if (argc - optind != 6 || inet_pton(AF_INET, argv[3], &address) != 1)
		usage();
	natively = strcmp(argv[0], "fastopen") == 0;
	threads = (unsigned int)strtoul(argv[1], NULL, 10);
	first_address = ntohl(address.s_addr);
	addresses = (unsigned int)strtoul(argv[4], NULL, 10);
	port = (uint16_t)strtoul(argv[5], NULL, 10);
	if (addresses == 0)
		usage();
	allow_many_descriptors();
	/* What happens once is not counted. */
	for (unsigned int i = 0; i < addresses; i++)
		make_connection(i);
	if (kept.count)
		keep_all();
	if (threads == 0) {
		report(0, 0);
		pause();
	}
	used = cpu();
	began = now();
	until = began + strtod(argv[2], NULL);
	run_threads(threads);
	report((double)made / (now() - began), (cpu() - used) / (double)made * 1e6);
	if (kept.count)
		raise(SIGKILL);
	return 0;
}
