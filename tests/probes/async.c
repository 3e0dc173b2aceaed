/* SPDX-License-Identifier: MIT */
/*
 * A client that LD_PRELOAD does not reach: static, non-blocking, edge-triggered, and not in its
 * first thread, as programs of Go and of async Rust are: async [-v] ADDRESS PORT WHAT [NUMBER]
 *
 *   get            sends "hello\n", shuts down, prints what comes back
 *   late           the same, but 300 ms after the connection
 *   read           prints what comes first, then sends "hello\n", shuts down, reads to the end
 *   close          sends "hello\n", closes, and ends
 *   exit           sends "hello\n" and ends
 *   kill           sends "hello\n" and kills itself
 *   quiet          connects, closes, and ends
 *   many NUMBER    that many connections at once, each as get
 *   loop NUMBER    that many one after the other, each as get
 *   forks NUMBER   that many children, each as get, all waited for
 *   again PORT     connects, dissolves that (AF_UNSPEC), connects the socket to the other port
 *   flip PORT      200 times get, while another thread writes that port into the address
 *   signals        20 times get, while SIGUSR1 comes all the time
 *   early          connects and shuts down at once; prints what shutdown() says and what is read
 *   old            as get, by 32-bit x86's socketcall
 *   blocking       as get, on a socket that blocks
 *   connects NUMBER  that many times connect() alone; prints microseconds each, at the median
 *   writes NUMBER  that many times write() of a byte to /dev/null; prints nanoseconds each
 *
 * With -v the milliseconds to the first byte are printed, too. Errors are printed with the
 * name of the call, and end it with status 1. Threads and children that have nothing to print are
 * silent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address;
static const char *what;
static int number;
static bool timed;
static double first_byte_ms;

static void fail(const char *call)
{
	printf("%s: %s\n", call, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

/* Until the descriptor is ready: an edge, as it was added after connect(). */
static void await(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLET};
	int set = epoll_create1(0);

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	while (epoll_wait(set, &event, 1, 15000) < 0 && errno == EINTR)
		continue;
	close(set);
}

/* As Go does: 0 is a connection; else it is awaited and its error asked for. */
static void finish_connect(int fd, int result)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (result == 0)
		return;
	if (errno != EINPROGRESS)
		fail("connect");
	await(fd, EPOLLOUT);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error;
	if (error)
		fail("connect");
}

static void connect_to(int fd, const struct sockaddr_in *to)
{
	finish_connect(fd, connect(fd, (const struct sockaddr *)to, sizeof(*to)));
}

static void send_hello(int fd)
{
	if (write(fd, "hello\n", 6) != 6)
		fail("write");
}

/* Prints what comes, to the end or `most` bytes. */
static void receive(int fd, size_t most, bool print)
{
	char bytes[4096];

	while (most) {
		ssize_t length = read(fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes));

		if (length == 0)
			return;
		if (length > 0) {
			if (!first_byte_ms)
				first_byte_ms = now_ms();
			if (print)
				fwrite(bytes, 1, (size_t)length, stdout);
			most -= (size_t)length;
		} else if (errno == EAGAIN) {
			await(fd, EPOLLIN | EPOLLRDHUP);
		} else if (errno != EINTR) {
			fail("read");
		}
	}
}

static void talk(int fd, bool print)
{
	send_hello(fd);
	/* A connection that has failed says why to read(). */
	if (shutdown(fd, SHUT_WR) != 0 && errno != ENOTCONN)
		fail("shutdown");
	receive(fd, SIZE_MAX, print);
	close(fd);
}

static void get(bool print)
{
	int fd = new_socket();

	connect_to(fd, &address);
	talk(fd, print);
}

static void many(void)
{
	int *fds = calloc((size_t)number, sizeof(*fds));

	for (int i = 0; i < number; i++) {
		fds[i] = new_socket();
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) != 0 &&
		    errno != EINPROGRESS)
			fail("connect");
	}
	for (int i = 0; i < number; i++) {
		await(fds[i], EPOLLOUT);
		send_hello(fds[i]);
	}
	for (int i = 0; i < number; i++)
		if (shutdown(fds[i], SHUT_WR) != 0)
			fail("shutdown");
	for (int i = 0; i < number; i++) {
		receive(fds[i], SIZE_MAX, false);
		close(fds[i]);
	}
	free(fds);
}

static void forks(void)
{
	int status, failed = 0;

	for (int i = 0; i < number; i++) {
		if (fork() == 0) {
			get(false);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%d failed\n", failed);
}

static void again(void)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct sockaddr_in other = address;
	int fd = new_socket();

	connect_to(fd, &address);
	if (connect(fd, &nobody, sizeof(nobody)) != 0)
		fail("connect to nobody");
	other.sin_port = htons((uint16_t)number);
	connect_to(fd, &other);
	talk(fd, true);
}

static _Atomic(bool) ended;

/* Turns the port to and fro. */
static void *flip_port(void *of)
{
	struct sockaddr_in *flipped = of;
	uint16_t one = flipped->sin_port, other = htons((uint16_t)number);

	while (!atomic_load(&ended)) {
		*(volatile uint16_t *)&flipped->sin_port = other;
		*(volatile uint16_t *)&flipped->sin_port = one;
	}
	return NULL;
}

static void flip(void)
{
	struct sockaddr_in flipped = address;
	pthread_t thread;

	pthread_create(&thread, NULL, flip_port, &flipped);
	for (int i = 0; i < 200; i++) {
		int fd = new_socket();

		connect_to(fd, &flipped);
		talk(fd, false);
	}
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
}

static void ignore(int signal)
{
	(void)signal;
}

static void *send_signals(void *unused)
{
	const struct timespec pause = {.tv_nsec = 50000};

	while (!atomic_load(&ended)) {
		kill(getpid(), SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return unused;
}

static void under_signals(void)
{
	const struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, send_signals, NULL);
	for (int i = 0; i < 20; i++)
		get(i == 0);
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
}

static void shut_down_early(void)
{
	int fd = new_socket(), result;

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS)
		fail("connect");
	result = shutdown(fd, SHUT_WR);
	printf("shutdown: %s\n", result == 0 ? "ok" : strerror(errno));
	receive(fd, SIZE_MAX, true);
	close(fd);
}

static void old(void)
{
#ifdef __x86_64__
	/* socketcall, SYS_CONNECT (linux/net.h), with its arguments below 4 GiB. */
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = new_socket();
	long result;

	memcpy(low + 8, &address, sizeof(address));
	low[0] = (uint32_t)fd;
	low[1] = (uint32_t)(uintptr_t)(low + 8);
	low[2] = sizeof(address);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(102), "b"(3), "c"(low) : "memory");
	errno = (int)-(int)result;
	finish_connect(fd, (int)result ? -1 : 0);
	talk(fd, true);
#else
	errno = ENOSYS;
	fail("socketcall");
#endif
}

static void blocking(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	talk(fd, true);
}

static int compare(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return (difference > 0) - (difference < 0);
}

static void time_connects(void)
{
	double *took = calloc((size_t)number, sizeof(*took));

	for (int i = 0; i < number; i++) {
		int fd = new_socket();
		double began = now_ms();
		int result = connect(fd, (struct sockaddr *)&address, sizeof(address));

		took[i] = now_ms() - began;
		finish_connect(fd, result);
		send_hello(fd);
		receive(fd, 1, false);
		close(fd);
	}
	qsort(took, (size_t)number, sizeof(*took), compare);
	printf("%.1f\n", took[number / 2] * 1e3);
	free(took);
}

static void time_writes(void)
{
	int fd = open("/dev/null", O_WRONLY);
	double began = now_ms();

	for (int i = 0; i < number; i++)
		if (write(fd, "x", 1) != 1)
			fail("write");
	printf("%.0f\n", (now_ms() - began) * 1e6 / number);
	close(fd);
}

/* One connection, that ends in a certain way. */
static void one(void)
{
	int fd = new_socket();

	connect_to(fd, &address);
	if (strcmp(what, "late") == 0)
		usleep(300000);
	if (strcmp(what, "late") == 0 || strcmp(what, "get") == 0) {
		talk(fd, true);
	} else if (strcmp(what, "read") == 0) {
		receive(fd, 8, true);
		talk(fd, true);
	} else {
		if (strcmp(what, "quiet") != 0)
			send_hello(fd);
		if (strcmp(what, "kill") == 0)
			kill(getpid(), SIGKILL);
		if (strcmp(what, "exit") != 0)
			close(fd);
		_exit(0);
	}
}

static void *run(void *unused)
{
	double began = now_ms();

	if (strcmp(what, "many") == 0)
		many();
	else if (strcmp(what, "forks") == 0)
		forks();
	else if (strcmp(what, "again") == 0)
		again();
	else if (strcmp(what, "flip") == 0)
		flip();
	else if (strcmp(what, "signals") == 0)
		under_signals();
	else if (strcmp(what, "early") == 0)
		shut_down_early();
	else if (strcmp(what, "old") == 0)
		old();
	else if (strcmp(what, "blocking") == 0)
		blocking();
	else if (strcmp(what, "connects") == 0)
		time_connects();
	else if (strcmp(what, "writes") == 0)
		time_writes();
	else if (strcmp(what, "loop") == 0)
		for (int i = 0; i < number; i++)
			get(false);
	else
		one();
	if (timed)
		printf("%.1f ms\n", first_byte_ms - began);
	return unused;
}

int main(int count, char **words)
{
	pthread_t thread;
	int at = 1;

	if (at < count && strcmp(words[at], "-v") == 0) {
		timed = true;
		at++;
	}
	if (count - at < 3)
		return 2;
	address.sin_family = AF_INET;
	inet_pton(AF_INET, words[at], &address.sin_addr);
	address.sin_port = htons((uint16_t)atoi(words[at + 1]));
	what = words[at + 2];
	number = count - at > 3 ? atoi(words[at + 3]) : 0;
	signal(SIGPIPE, SIG_IGN);
	if (pthread_create(&thread, NULL, run, NULL) != 0)
		return 2;
	pthread_join(thread, NULL);
	return fflush(stdout) == 0 ? 0 : 1;
}
