/* SPDX-License-Identifier: MIT */
/*
 * Ways in which libc or the kernel use a socket without the program calling write() or close(),
 * each a few lines; without and with the library they must print the same lines:
 *
 *   door ADDRESS PORT NAME [held | in-flight]
 *
 * "held": a blocking connection, nothing written. "in-flight": a non-blocking one, GREETING written
 * at once. What the doors send themselves is no request that may ride in a SYN. The socket is
 * descriptor SOCKET; those that are about stdin, stdout or stderr say so.
 */
#include <aio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <wordexp.h>

#define SOCKET	      9
#define REPORT	      90 /* what is printed goes there: 1 may be the socket */
#define GREETING      "GET / HTTP/1.0\r\n\r\n"
#define GREETING_SIZE (sizeof(GREETING) - 1)
#define POST	      "POST / HTTP/1.0\r\n\r\n" /* not for a SYN */
#define POST_SIZE     (sizeof(POST) - 1)

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static struct sockaddr_in address;
static const char *state = "held";
static struct timespec started;

static void say(const char *what, long result)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "%s: %ld\n", what, result);

	if (result < 0)
		length = snprintf(line, sizeof(line), "%s: %s\n", what, strerrorname_np(errno));
	if (write(REPORT, line, (size_t)length) < 0)
		_exit(3);
}

_Noreturn static void die(const char *what)
{
	say(what, -1);
	_exit(2);
}

static void start_clock(void)
{
	clock_gettime(CLOCK_MONOTONIC, &started);
}

static void say_in_time(const char *what, long limit_ms)
{
	struct timespec now;
	long took;

	clock_gettime(CLOCK_MONOTONIC, &now);
	took = (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
	say(what, took <= limit_ms ? 0 : took);
}

static void wait_until_connected(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	if (errno != EINPROGRESS || poll(&pollfd, 1, 5000) != 1)
		die("connect");
}

/* The socket as descriptor `number`, made there and not moved there: moving ends a hold. */
static void connect_at(int number)
{
	int flags = strcmp(state, "held") ? SOCK_NONBLOCK : 0, below[128], count = 0, fd;

	close(number);
	while ((fd = socket(AF_INET, SOCK_STREAM | flags, 0)) >= 0 && fd < number)
		below[count++] = fd;
	if (fd != number)
		die("socket");
	while (count > 0)
		close(below[--count]);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		wait_until_connected(fd);
	if (flags && write(fd, GREETING, GREETING_SIZE) != (ssize_t)GREETING_SIZE)
		die("write");
}

static int new_pipe_with_post(void)
{
	int ends[2];

	if (pipe(ends) != 0 || write(ends[1], POST, POST_SIZE) != (ssize_t)POST_SIZE)
		die("pipe");
	close(ends[1]);
	return ends[0];
}

static int new_file_with_post(void)
{
	int file = memfd_create("post", 0);

	if (file < 0 || write(file, POST, POST_SIZE) != (ssize_t)POST_SIZE ||
	    lseek(file, 0, SEEK_SET) != 0)
		die("memfd_create");
	return file;
}

static void say_child(const char *what, pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(what);
	say(what, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int post(void *unused)
{
	(void)unused;
	return write(SOCKET, POST, POST_SIZE) == (ssize_t)POST_SIZE ? 0 : 1;
}

/* ---- libc does it by itself ---- */

static void say_aio(const char *what, struct aiocb *request)
{
	const struct aiocb *const list[] = {request};

	aio_suspend(list, 1, NULL);
	errno = aio_error(request);
	say(what, errno ? -1 : aio_return(request));
}

static void door_aio_write(void)
{
	struct aiocb request = {
		.aio_fildes = SOCKET, .aio_buf = (void *)POST, .aio_nbytes = POST_SIZE};

	connect_at(SOCKET);
	if (aio_write(&request) != 0)
		die("aio_write");
	say_aio("aio_write", &request);
}

static void door_lio_listio(void)
{
	struct aiocb request = {.aio_fildes = SOCKET,
				.aio_buf = (void *)POST,
				.aio_nbytes = POST_SIZE,
				.aio_lio_opcode = LIO_WRITE};
	struct aiocb *list[] = {NULL, &request};

	connect_at(SOCKET);
	if (lio_listio(LIO_WAIT, list, 2, NULL) != 0)
		die("lio_listio");
	say_aio("lio_listio", &request);
}

/* The server speaks first, and the hold would outlast it. */
static void door_aio_read(void)
{
	char bytes[64];
	struct aiocb request = {
		.aio_fildes = SOCKET, .aio_buf = bytes, .aio_nbytes = sizeof(bytes)};

	connect_at(SOCKET);
	start_clock();
	if (aio_read(&request) != 0)
		die("aio_read");
	say_aio("aio_read", &request);
	say_in_time("in time", 300);
}

static void door_freopen(void)
{
	connect_at(STDIN_FILENO);
	if (!freopen("/dev/null", "r", stdin))
		die("freopen");
	_exit(0);
}

static void door_freopen_stream(void)
{
	FILE *stream;

	connect_at(SOCKET);
	stream = fdopen(SOCKET, "w");
	if (!strcmp(state, "held"))
		fputs(POST, stream);
	stream = freopen("/dev/null", "w", stream);
	if (!stream)
		die("freopen");
	_exit(0);
}

static void door_login_tty(void)
{
	int master, slave;
	pid_t pid;

	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		die("openpty");
	pid = fork();
	if (pid != 0) {
		say_child("child", pid);
		return;
	}
	connect_at(SOCKET);
	dup2(SOCKET, STDERR_FILENO);
	close(SOCKET);
	setsid();
	if (login_tty(slave) != 0)
		die("login_tty");
	_exit(0);
}

static void door_wordexp(void)
{
	wordexp_t words;

	connect_at(SOCKET);
	say("wordexp", wordexp("$(printf 'POST / HTTP/1.0\\r\\n\\r\\n' >&9)", &words, 0));
}

static void door_stdout(void)
{
	connect_at(STDOUT_FILENO);
	say("printf", printf("%s", POST));
	fflush(stdout);
}

static void door_perror(void)
{
	connect_at(STDERR_FILENO);
	errno = ENOENT;
	perror("POST / HTTP/1.0");
}

static void door_backtrace(void)
{
	void *here[] = {(void *)1};

	connect_at(SOCKET);
	backtrace_symbols_fd(here, 1, SOCKET);
}

/* ---- how a process ends ---- */

static void door_abort(void)
{
	connect_at(SOCKET);
	abort();
}

static void last_words(void)
{
	if (write(SOCKET, GREETING, GREETING_SIZE) < 0)
		_exit(4);
}

static void door_at_quick_exit(void)
{
	(void)at_quick_exit(last_words);
	connect_at(SOCKET);
	quick_exit(0);
}

static void exit_in_time(void)
{
	say_in_time("in time", 500);
}

static void *write_greeting(void *unused)
{
	struct timespec pause = {.tv_nsec = 50000000};

	(void)unused;
	nanosleep(&pause, NULL);
	connect_at(SOCKET);
	if (write(SOCKET, GREETING, GREETING_SIZE) < 0)
		_exit(4);
	start_clock();
	return NULL;
}

static void door_pthread_exit(void)
{
	atexit(exit_in_time);
	connect_at(SOCKET);
	if (!strcmp(state, "held") && write(SOCKET, GREETING, GREETING_SIZE) < 0)
		die("write");
	start_clock();
	pthread_exit(NULL);
}

static void door_thrd_exit(void)
{
	atexit(exit_in_time);
	connect_at(SOCKET);
	if (!strcmp(state, "held") && write(SOCKET, GREETING, GREETING_SIZE) < 0)
		die("write");
	start_clock();
	thrd_exit(0);
}

/* The last thread is not main's, and has the socket. */
static void door_last_thread(void)
{
	pthread_t thread;

	atexit(exit_in_time);
	if (pthread_create(&thread, NULL, write_greeting, NULL) != 0)
		die("pthread_create");
	pthread_exit(NULL);
}

/* ---- questions ---- */

static void door_outq(void)
{
	int queued = -1, unread = -1;

	connect_at(SOCKET);
	say("SIOCOUTQ", ioctl(SOCKET, SIOCOUTQ, &queued) < 0 ? -1 : queued);
	say("FIONREAD", ioctl(SOCKET, FIONREAD, &unread) < 0 ? -1 : unread);
}

/* Waits until all is acknowledged, and then ends the connection with a reset. */
static void door_outq_reset(void)
{
	struct linger none = {1, 0};
	struct timespec pause = {.tv_nsec = 1000000};
	int queued = 1;

	connect_at(SOCKET);
	for (int i = 0; i < 5000 && ioctl(SOCKET, SIOCOUTQ, &queued) == 0 && queued; i++)
		nanosleep(&pause, NULL);
	say("queued", queued);
	setsockopt(SOCKET, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(SOCKET);
	pause.tv_nsec = 300000000;
	nanosleep(&pause, NULL);
}

static void door_maxseg(void)
{
	int size = 0;
	socklen_t length = sizeof(size);

	connect_at(SOCKET);
	say("TCP_MAXSEG", getsockopt(SOCKET, IPPROTO_TCP, TCP_MAXSEG, &size, &length) ? -1 : size);
}

/* ---- what a connection can be besides ---- */

static void door_zerocopy(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	say("SO_ZEROCOPY", setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)));
	say("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
	say("send", send(fd, GREETING, GREETING_SIZE, MSG_ZEROCOPY));
	say("shutdown", shutdown(fd, SHUT_WR));
}

static void door_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		die("socket");
	say("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
	say("write", write(fd, GREETING, GREETING_SIZE));
	say("shutdown", shutdown(fd, SHUT_WR));
}

static void door_repair(void)
{
	int on = 1, off = -1; /* without a window probe */
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	connect_at(SOCKET);
	say("TCP_REPAIR", setsockopt(SOCKET, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)));
	getsockopt(SOCKET, IPPROTO_TCP, TCP_INFO, &info, &length);
	say("established", info.tcpi_state == TCP_ESTABLISHED);
	say("TCP_REPAIR", setsockopt(SOCKET, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)));
	say("write", write(SOCKET, POST, POST_SIZE));
}

/* As inetd does. */
static void door_inetd(void)
{
	connect_at(SOCKET);
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		dup2(SOCKET, standard);
	close(SOCKET);
	execl("/bin/sh", "sh", "-c", "printf 'POST / HTTP/1.0\\r\\n\\r\\n'", (char *)NULL);
}

/* ---- system calls by their numbers ---- */

static void door_number_sendfile(void)
{
	connect_at(SOCKET);
	say("sendfile", syscall(SYS_sendfile, SOCKET, new_file_with_post(), NULL, POST_SIZE));
}

static void door_number_splice(void)
{
	connect_at(SOCKET);
	say("splice", syscall(SYS_splice, new_pipe_with_post(), NULL, SOCKET, NULL, POST_SIZE, 0));
}

static void door_number_pwritev2(void)
{
	struct iovec part = {(void *)POST, POST_SIZE};

	connect_at(SOCKET);
	say("pwritev2", syscall(SYS_pwritev2, SOCKET, &part, 1, -1L, -1L, 0));
}

static void door_number_preadv2(void)
{
	char bytes[64];
	struct iovec part = {bytes, sizeof(bytes)};

	connect_at(SOCKET);
	start_clock();
	say("preadv2", syscall(SYS_preadv2, SOCKET, &part, 1, -1L, -1L, 0));
	say_in_time("in time", 300);
}

static void door_number_recvmmsg(void)
{
	char bytes[64];
	struct iovec part = {bytes, sizeof(bytes)};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	connect_at(SOCKET);
	start_clock();
	say("recvmmsg", syscall(SYS_recvmmsg, SOCKET, &message, 1, 0, NULL));
	say_in_time("in time", 300);
}

static void door_number_epoll_pwait2(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct timespec second = {1, 0};
	int set = epoll_create1(0);

	connect_at(SOCKET);
	epoll_ctl(set, EPOLL_CTL_ADD, SOCKET, &event);
	start_clock();
	say("epoll_pwait2", syscall(SYS_epoll_pwait2, set, &event, 1, &second, NULL, 0));
	say_in_time("in time", 300);
}

static void door_number_execveat(void)
{
	const char *arguments[] = {"sh", "-c", "printf 'POST / HTTP/1.0\\r\\n\\r\\n' >&9", NULL};

	connect_at(SOCKET);
	say("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/sh", arguments, environ, 0));
}

static void door_number_clone3(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, size, tls;
	} arguments = {.exit_signal = SIGCHLD};
	long pid;

	connect_at(SOCKET);
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0)
		syscall(SYS_exit_group, post(NULL));
	say_child("clone3", (pid_t)pid);
}

static void door_number_ulp(void)
{
	connect_at(SOCKET);
	say("TCP_ULP", syscall(SYS_setsockopt, SOCKET, IPPROTO_TCP, 31, "tls", 3));
}

/* Into an edge-triggered set by number, before it connects. */
static void door_number_epoll_ctl(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	int set = epoll_create1(0), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ready = 0;

	syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, &event);
	while (epoll_wait(set, &event, 1, 0) > 0)
		continue;
	/* 0 and no event, or EINPROGRESS and an event. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		ready = epoll_wait(set, &event, 1, 2000) == 1 ? 0 : 1;
	say("lost wake-ups", ready);
	say("write", write(fd, GREETING, GREETING_SIZE));
}

static void door_number_unshare(void)
{
	connect_at(SOCKET);
	say("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
}

static void door_io_submit(void)
{
	aio_context_t context = 0;
	struct iocb request = {.aio_fildes = SOCKET,
			       .aio_lio_opcode = IOCB_CMD_PWRITE,
			       .aio_buf = (uintptr_t)POST,
			       .aio_nbytes = POST_SIZE};
	struct iocb *list[] = {&request};
	struct io_event event;

	connect_at(SOCKET);
	if (syscall(SYS_io_setup, 1, &context) != 0)
		die("io_setup");
	say("io_submit", syscall(SYS_io_submit, context, 1, list));
	say("io_getevents", syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
	errno = event.res < 0 ? (int)-event.res : 0;
	say("written", (long)event.res);
}

static void *map_ring(int ring, size_t size, off_t offset)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset);

	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

static void door_io_uring(void)
{
	struct io_uring_params about = {0};
	struct io_uring_sqe *entry;
	struct io_uring_cqe *done;
	unsigned char *submissions, *completions;
	int ring = (int)syscall(SYS_io_uring_setup, 1, &about);

	if (ring < 0)
		die("io_uring_setup");
	submissions = map_ring(ring, about.sq_off.array + sizeof(unsigned int), IORING_OFF_SQ_RING);
	completions = map_ring(ring, about.cq_off.cqes + 2 * sizeof(*done), IORING_OFF_CQ_RING);
	entry = map_ring(ring, sizeof(*entry), IORING_OFF_SQES);
	connect_at(SOCKET);
	*entry = (struct io_uring_sqe){
		.opcode = IORING_OP_SEND, .fd = SOCKET, .addr = (uintptr_t)POST, .len = POST_SIZE};
	__atomic_store_n((unsigned int *)(submissions + about.sq_off.tail), 1, __ATOMIC_RELEASE);
	say("io_uring_enter",
	    syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	done = (struct io_uring_cqe *)(completions + about.cq_off.cqes);
	errno = done->res < 0 ? -done->res : 0;
	say("sent", done->res);
}

/* ---- other names, and numbers that come back ---- */

extern int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);

static void door_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	connect_at(SOCKET);
	say_child("__clone", __clone(post, stack + sizeof(stack), SIGCHLD, NULL));
}

static long call_inline(long number, long first, long second, long third)
{
#ifdef __x86_64__
	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return number;
#else
	register long call __asm__("x8") = number;
	register long result __asm__("x0") = first;
	register long argument __asm__("x1") = second;
	register long last __asm__("x2") = third;

	__asm__ volatile("svc 0" : "+r"(result) : "r"(call), "r"(argument), "r"(last) : "memory");
	return result;
#endif
}

static void close_inline(int fd)
{
	call_inline(SYS_close, fd, 0, 0);
}

/* A descriptor in an edge-triggered set is closed by an inline system call: what gets its number
 * next is in no set. */
static void door_stale_edge(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int set = epoll_create1(0), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), again;

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	close_inline(fd);
	again = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	say("another number", again != fd);
	say("connect", connect(again, (struct sockaddr *)&address, sizeof(address)));
	wait_until_connected(again);
	say("write", write(again, GREETING, GREETING_SIZE));
}

static void make_udp(int ends[2])
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t size = sizeof(here);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
	ends[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(ends[0], (struct sockaddr *)&here, size) != 0 ||
	    getsockname(ends[0], (struct sockaddr *)&here, &size) != 0 ||
	    connect(ends[1], (struct sockaddr *)&here, size) != 0)
		die("udp");
}

/* The number of a connection, held maybe, is given to something else by an inline system call. */
static void give_number_away(int to)
{
	connect_at(SOCKET);
	if (call_inline(SYS_dup3, to, SOCKET, 0) != SOCKET)
		die("dup3");
	close_inline(to);
}

static void write_to_other(const char *what, const int ends[2], size_t size)
{
	char bytes[8192];

	memset(bytes, 'x', sizeof(bytes));
	give_number_away(ends[1]);
	say(what, write(SOCKET, bytes, size));
	close(SOCKET);
	if (ends[0] < 0)
		return;
	while (size > 0) {
		ssize_t arrived = read(ends[0], bytes, sizeof(bytes));

		say("arrived", arrived);
		if (arrived <= 0)
			break;
		size -= (size_t)arrived;
	}
	close(ends[0]);
}

/* A datagram that is not for the peer. */
static void send_past_peer(bool as_message)
{
	struct sockaddr_in there;
	socklen_t size = sizeof(there);
	struct iovec part = {(char *)GREETING, GREETING_SIZE};
	struct msghdr message = {
		.msg_name = &there, .msg_namelen = size, .msg_iov = &part, .msg_iovlen = 1};
	int ends[2], others[2];
	char bytes[100];

	make_udp(ends);
	make_udp(others);
	if (getsockname(others[0], (struct sockaddr *)&there, &size) != 0)
		die("getsockname");
	give_number_away(ends[1]);
	if (as_message)
		say("sendmsg", sendmsg(SOCKET, &message, 0));
	else
		say("sendto",
		    sendto(SOCKET, GREETING, GREETING_SIZE, 0, (struct sockaddr *)&there, size));
	say("at its peer", recv(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT));
	say("at the other", recv(others[0], bytes, sizeof(bytes), MSG_DONTWAIT));
	close(SOCKET);
	close(ends[0]);
	close(others[0]);
	close(others[1]);
}

static volatile sig_atomic_t broken_pipes;

static void count_broken_pipe(int number)
{
	(void)number;
	broken_pipes++;
}

static void write_to_broken_pipe(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		die("socketpair");
	close(ends[0]);
	give_number_away(ends[1]);
	signal(SIGPIPE, count_broken_pipe);
	say("broken pipe", write(SOCKET, GREETING, GREETING_SIZE));
	say("signals", broken_pipes);
	close(SOCKET);
}

static void door_stale_held(void)
{
	static const size_t sizes[] = {30, 5000};

	write_to_broken_pipe();
	send_past_peer(false);
	send_past_peer(true);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		int ends[2];

		if (pipe(ends) == 0)
			write_to_other("pipe", ends, sizes[i]);
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
			write_to_other("stream", ends, sizes[i]);
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0)
			write_to_other("datagram", ends, sizes[i]);
		make_udp(ends);
		write_to_other("UDP", ends, sizes[i]);
		ends[0] = -1;
		ends[1] = socket(AF_INET, SOCK_STREAM, 0);
		write_to_other("TCP, not connected", ends, sizes[i]);
		ends[1] = open("/dev/null", O_RDONLY);
		write_to_other("not to be written to", ends, sizes[i]);
	}
}

static void door_setuid(void)
{
	connect_at(SOCKET);
	start_clock();
	say("setuid", setuid(getuid()));
	say("setgid", setgid(getgid()));
	say_in_time("in time", 300);
}

static const struct {
	const char *name;
	void (*run)(void);
} doors[] = {
	{"aio_write", door_aio_write},
	{"aio_read", door_aio_read},
	{"lio_listio", door_lio_listio},
	{"freopen", door_freopen},
	{"freopen-stream", door_freopen_stream},
	{"login_tty", door_login_tty},
	{"wordexp", door_wordexp},
	{"stdout", door_stdout},
	{"perror", door_perror},
	{"backtrace", door_backtrace},
	{"abort", door_abort},
	{"at_quick_exit", door_at_quick_exit},
	{"pthread_exit", door_pthread_exit},
	{"thrd_exit", door_thrd_exit},
	{"last-thread", door_last_thread},
	{"outq", door_outq},
	{"outq-reset", door_outq_reset},
	{"maxseg", door_maxseg},
	{"zerocopy", door_zerocopy},
	{"mptcp", door_mptcp},
	{"repair", door_repair},
	{"inetd", door_inetd},
	{"sendfile", door_number_sendfile},
	{"splice", door_number_splice},
	{"pwritev2", door_number_pwritev2},
	{"preadv2", door_number_preadv2},
	{"recvmmsg", door_number_recvmmsg},
	{"epoll_pwait2", door_number_epoll_pwait2},
	{"execveat", door_number_execveat},
	{"clone3", door_number_clone3},
	{"ulp", door_number_ulp},
	{"epoll_ctl", door_number_epoll_ctl},
	{"unshare", door_number_unshare},
	{"io_submit", door_io_submit},
	{"io_uring", door_io_uring},
	{"clone", door_clone},
	{"stale-edge", door_stale_edge},
	{"stale-held", door_stale_held},
	{"setuid", door_setuid},
};

int main(int argc, char **argv)
{
	if (argc < 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: door ADDRESS PORT NAME [held | in-flight]\n");
		return 2;
	}
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	if (argc > 4)
		state = argv[4];
	if (dup2(STDOUT_FILENO, REPORT) < 0)
		return 2;
	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
		if (strcmp(argv[3], doors[i].name) != 0)
			continue;
		doors[i].run();
		return 0;
	}
	fprintf(stderr, "door: there is no %s\n", argv[3]);
	return 2;
}
