/* SPDX-License-Identifier: MIT */
/*
 * Threads, signal handlers and children that use sockets at random, and the same numbers over and
 * over:
 *
 *   stress SECONDS THREADS SEED RECORD ADDRESS ECHO-PORT SINK-PORT
 *
 * Each connection carries one message that names itself and tells apart each of its bytes. What
 * goes to the echoing server is read back and compared here. Of what goes to the other one RECORD
 * gets a line, "ID BYTES FNV", once all of it was written and the socket was closed; the server's
 * report must have that connection once, whole, and with a clean end. Prints at the end
 *
 *   connections=9120 handlers=812 children=240 retried=0 failed=0
 *
 * and exits with 0 if nothing failed; 3 when a thread has made no progress for 20 s.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 64
#define MESSAGE_MOST 30000
#define STUCK_S	     20
#define POLL_MS	     15000
#define FNV_START    0xcbf29ce484222325ULL /* FNV-1a, as the test server has it */
#define FNV_PRIME    0x100000001b3ULL

struct worker {
	pthread_t thread;
	uint64_t random;
	_Atomic(uint64_t) progress;
	_Atomic(const char *) doing;
	unsigned int number;
	int own_number; /* a descriptor number that only this thread uses, with dup2 */
	char message[MESSAGE_MOST], back[MESSAGE_MOST];
};

static struct sockaddr_in echo, sink;
static struct worker workers[THREADS_MOST];
static unsigned int thread_count;
static int record;
static pid_t own_pid;
static _Atomic(bool) ending;
static _Atomic(uint64_t) next_id, connections, handlers, children, retried, failed;

/* Runs in handlers and children too. */
static void complain(const char *what, uint64_t id, long result)
{
	char line[160];
	int length = snprintf(line, sizeof(line), "failed: %s, message %llu, result %ld: %s\n",
			      what, (unsigned long long)id, result, strerrorname_np(errno));

	atomic_fetch_add(&failed, 1);
	if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(4);
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
	*state ^= *state << 13; /* xorshift64 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return limit ? *state % limit : 0;
}

static void pause_us(long us)
{
	struct timespec left = {us / 1000000, us % 1000000 * 1000};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

/* ---- messages ---- */

/* A request that the "http" class lets into a SYN when it is short enough to end in it; a long one
 * has a long path. */
static size_t make_message(char *message, uint64_t id, size_t size)
{
	static const char end[] = " HTTP/1.0\r\n\r\n";
	size_t at = (size_t)snprintf(message, 40, "GET /%llu/", (unsigned long long)id);

	while (at + sizeof(end) < size) {
		message[at] = (char)('a' + (at * 7 + at / 26 + id) % 26);
		at++;
	}
	memcpy(message + at, end, sizeof(end) - 1);
	return at + sizeof(end) - 1;
}

static void note_sent(uint64_t id, const char *message, size_t size)
{
	uint64_t fnv = FNV_START;
	char line[80];
	int length;

	for (size_t i = 0; i < size; i++)
		fnv = (fnv ^ (unsigned char)message[i]) * FNV_PRIME;
	length = snprintf(line, sizeof(line), "%llu %zu %016llx\n", (unsigned long long)id, size,
			  (unsigned long long)fnv);
	if (write(record, line, (size_t)length) != length)
		complain("record", id, length);
}

/* ---- what may be interrupted, or may have to be waited for ---- */

static bool wait_for(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	int ready;

	while ((ready = poll(&pollfd, 1, POLL_MS)) < 0 && errno == EINTR)
		continue;
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0;
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

/* Ports are scarce after some thousand connections a second. */
static bool out_of_ports(void)
{
	return errno == EADDRNOTAVAIL || errno == EADDRINUSE;
}

static bool connect_to(int fd, const struct sockaddr_in *to)
{
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
		return true;
	if (errno != EINPROGRESS && errno != EINTR)
		return false;
	if (!wait_for(fd, POLLOUT))
		return false;
	errno = socket_error(fd);
	return errno == 0;
}

static ssize_t send_some(int fd, const char *bytes, size_t size, unsigned int how)
{
	struct iovec parts[2] = {{(void *)bytes, size / 3},
				 {(void *)(bytes + size / 3), size - size / 3}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	switch (how % 5) {
	case 0:
		return send(fd, bytes, size, MSG_NOSIGNAL);
	case 1:
		return writev(fd, parts, 2);
	case 2:
		return sendmsg(fd, &message, MSG_NOSIGNAL);
	case 3:
		return syscall(SYS_write, fd, bytes, size);
	default:
		return write(fd, bytes, size);
	}
}

static bool send_all(int fd, const char *bytes, size_t size, unsigned int how)
{
	size_t sent = 0;

	while (sent < size) {
		ssize_t now = send_some(fd, bytes + sent, size - sent, how);

		if (now >= 0)
			sent += (size_t)now;
		else if (errno == EAGAIN ? !wait_for(fd, POLLOUT) : errno != EINTR)
			return false;
	}
	return true;
}

static ssize_t read_some(int fd, char *bytes, size_t size)
{
	for (;;) {
		ssize_t now = read(fd, bytes, size);

		if (now >= 0)
			return now;
		if (errno == EAGAIN ? !wait_for(fd, POLLIN) : errno != EINTR)
			return -1;
	}
}

static bool reads_back(struct worker *worker, int fd, size_t size)
{
	size_t seen = 0;

	while (seen < size) {
		ssize_t now = read_some(fd, worker->back + seen, size - seen);

		if (now <= 0)
			return false;
		seen += (size_t)now;
	}
	return memcmp(worker->back, worker->message, size) == 0;
}

/* ---- one connection ---- */

static void doing(struct worker *worker, const char *what)
{
	atomic_store(&worker->doing, what);
	atomic_fetch_add(&worker->progress, 1);
}

/* Between connect() and the first write. */
static int dawdle(struct worker *worker, int fd)
{
	struct sockaddr_in name;
	socklen_t length = sizeof(name);
	struct epoll_event event = {.events = EPOLLOUT};
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int other;

	switch (below(&worker->random, 10)) {
	case 0:
		pause_us((long)below(&worker->random, 6000));
		return fd;
	case 1:
		poll(&pollfd, 1, 2000);
		return fd;
	case 2:
		getpeername(fd, (struct sockaddr *)&name, &length);
		return fd;
	case 3:
		other = dup(fd);
		close(fd);
		return other;
	case 4:
		dup2(fd, worker->own_number);
		close(fd);
		return worker->own_number;
	case 5:
		other = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(other, EPOLL_CTL_ADD, fd, &event);
		epoll_wait(other, &event, 1, 2000);
		close(other);
		return fd;
	default:
		return fd;
	}
}

static bool child_sends(const char *message, size_t size, int fd)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(send_all(fd, message, size, 0) ? 0 : 1);
	atomic_fetch_add(&children, 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	errno = ECHILD;
	return pid > 0 && status == 0;
}

static void run_true(void)
{
	char *arguments[] = {(char *)"true", NULL};
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawn(&pid, "/bin/true", NULL, &attributes, arguments, environ) == 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	posix_spawnattr_destroy(&attributes);
	atomic_fetch_add(&children, 1);
}

/* All is written; the server is to see a clean end. */
static bool finish(struct worker *worker, int fd)
{
	int null, status = 0;
	char byte;

	switch (below(&worker->random, 6)) {
	case 0:
		if (shutdown(fd, SHUT_WR) != 0 || read_some(fd, &byte, 1) != 0)
			return false;
		break;
#ifndef __SANITIZE_THREAD__ /* it does not see that these close a descriptor */
	case 1:
		return syscall(SYS_close, fd) == 0;
	case 2:
		return close_range((unsigned int)fd, (unsigned int)fd, 0) == 0;
#endif
	case 3:
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		status = dup2(null, fd) == fd ? 0 : -1;
		close(null);
		break;
	default:
		break;
	}
	return close(fd) == 0 && status == 0;
}

static size_t any_size(struct worker *worker)
{
	switch (below(&worker->random, 8)) {
	case 0:
		return MESSAGE_MOST;
	case 1:
		return 1300 + below(&worker->random, 400);
	default:
		return 60 + below(&worker->random, 600);
	}
}

static void connect_once(struct worker *worker)
{
	bool echoing = below(&worker->random, 2);
	uint64_t id = atomic_fetch_add(&next_id, 1);
	size_t size = make_message(worker->message, id, any_size(worker));
	unsigned int how = (unsigned int)below(&worker->random, 5);
	bool by_child = below(&worker->random, 40) == 0;
	int fd = socket(AF_INET, SOCK_STREAM | (below(&worker->random, 2) ? SOCK_NONBLOCK : 0), 0);

	doing(worker, "connect");
	if (fd < 0 || !connect_to(fd, echoing ? &echo : &sink)) {
		if (fd >= 0 && out_of_ports()) {
			atomic_fetch_add(&retried, 1);
			pause_us(20000);
		} else {
			complain("connect", id, fd);
		}
		close(fd);
		return;
	}
	atomic_fetch_add(&connections, 1);
	doing(worker, "dawdle");
	fd = dawdle(worker, fd);
	if (below(&worker->random, 20) == 0) {
		doing(worker, "close unused");
		close(fd);
		return;
	}
	doing(worker, by_child ? "child" : "send");
	if (by_child ? !child_sends(worker->message, size, fd)
		     : !send_all(fd, worker->message, size, how)) {
		complain("send", id, (long)size);
		close(fd);
		return;
	}
	if (echoing) {
		doing(worker, "read");
		if (!reads_back(worker, fd, size))
			complain("echo", id, (long)size);
		close(fd);
		return;
	}
	if (below(&worker->random, 200) == 0) {
		doing(worker, "spawn");
		run_true();
	}
	doing(worker, "finish");
	if (finish(worker, fd))
		note_sent(id, worker->message, size);
	else
		complain("finish", id, (long)size);
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	while (!atomic_load(&ending))
		connect_once(worker);
	doing(worker, NULL);
	return NULL;
}

/* ---- handlers ---- */

/* A whole connection of its own, in the middle of anything. */
static void connect_in_handler(int number)
{
	int saved = errno, fd;
	uint64_t id;
	char message[128];
	size_t size;

	(void)number;
	/* ThreadSanitizer delivers late, and then in a child, whose numbers are its parent's. */
	if (getpid() != own_pid)
		return;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	id = atomic_fetch_add(&next_id, 1);
	size = make_message(message, id, 100);
	if (fd >= 0 && connect_to(fd, &sink)) {
		if (!send_all(fd, message, size, 4))
			complain("send in a handler", id, 0);
		else if (close(fd) != 0)
			complain("close in a handler", id, 0);
		else
			note_sent(id, message, size);
		atomic_fetch_add(&handlers, 1);
	} else {
		if (out_of_ports())
			atomic_fetch_add(&retried, 1);
		else
			complain("connect in a handler", id, fd);
		close(fd);
	}
	errno = saved;
}

static void take_signals(void)
{
	struct sigaction action = {.sa_handler = connect_in_handler};

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
}

/* ---- the watchdog, which is main ---- */

static uint64_t last_progress[THREADS_MOST];
static time_t last_change[THREADS_MOST];

static void look_after(struct worker *worker, time_t now)
{
	uint64_t progress = atomic_load(&worker->progress);
	const char *what = atomic_load(&worker->doing);

	if (progress != last_progress[worker->number] || !what) {
		last_progress[worker->number] = progress;
		last_change[worker->number] = now;
	} else if (now - last_change[worker->number] > STUCK_S) {
		printf("stuck: thread %u at %s\n", worker->number, what);
		fflush(stdout);
		_exit(3);
	}
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool all_have_ended(void)
{
	for (unsigned int i = 0; i < thread_count; i++)
		if (atomic_load(&workers[i].doing))
			return false;
	return true;
}

static void watch(time_t seconds, uint64_t random)
{
	time_t end = seconds_now() + seconds;

	while (!all_have_ended()) {
		time_t now = seconds_now();

		pause_us(3000);
		atomic_store(&ending, now >= end);
		for (unsigned int i = 0; i < thread_count; i++)
			look_after(&workers[i], now);
		if (now < end)
			pthread_kill(workers[below(&random, thread_count)].thread,
				     below(&random, 2) ? SIGUSR1 : SIGUSR2);
	}
}

static struct sockaddr_in address_of(const char *address, const char *port)
{
	struct sockaddr_in found = {.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

	if (inet_pton(AF_INET, address, &found.sin_addr) != 1)
		exit(2);
	return found;
}

static void start(uint64_t seed)
{
	for (unsigned int i = 0; i < thread_count; i++) {
		struct worker *worker = &workers[i];

		worker->number = i;
		worker->random = seed * 0x9e3779b97f4a7c15ULL + i + 1;
		worker->own_number = 300 + (int)i;
		doing(worker, "start");
		last_change[i] = seconds_now();
		if (pthread_create(&worker->thread, NULL, work, worker) != 0)
			exit(2);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed;

	if (argc != 8) {
		fputs("usage: stress SECONDS THREADS SEED RECORD ADDRESS ECHO-PORT SINK-PORT\n",
		      stderr);
		return 2;
	}
	thread_count = (unsigned int)strtoul(argv[2], NULL, 10);
	if (thread_count < 1 || thread_count > THREADS_MOST)
		return 2;
	seed = strtoull(argv[3], NULL, 10);
	record = open(argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (record < 0)
		return 2;
	echo = address_of(argv[5], argv[6]);
	sink = address_of(argv[5], argv[7]);
	own_pid = getpid();
	signal(SIGPIPE, SIG_IGN);
	take_signals();
	start(seed);
	watch((time_t)strtol(argv[1], NULL, 10), seed + 1);
	for (unsigned int i = 0; i < thread_count; i++)
		pthread_join(workers[i].thread, NULL);
	printf("connections=%llu handlers=%llu children=%llu retried=%llu failed=%llu\n",
	       (unsigned long long)connections, (unsigned long long)handlers,
	       (unsigned long long)children, (unsigned long long)retried,
	       (unsigned long long)failed);
	return failed != 0;
}
