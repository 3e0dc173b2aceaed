/* SPDX-License-Identifier: MIT */
/*
 * Programs that the library has harmed once, each a few lines long; without and with it they must
 * print the same lines:
 *
 *   hazard ADDRESS PORT NAME [ARG...]
 *
 * The names are in the table at the end, and each function says what it is about. STATE is "held"
 * (a blocking connect, nothing written) or "in-flight" (non-blocking, "hello" written at once); so
 * these sockets are with the library when it holds, without it they are simply connected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELLO	   "hello"
#define HELLO_SIZE ((ssize_t)sizeof(HELLO) - 1)
#define POST	   "POST / HTTP/1.0\r\n\r\n" /* not for a SYN */
#define POST_SIZE  (sizeof(POST) - 1)

static struct sockaddr_in address;

/* ---- what they have in common ---- */

/* Results go out at once: the next line may be the last. */
static void say_text(const char *what, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%s: %s\n", what, text);

	if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(3);
}

static void say(const char *what, long result)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", result);
	say_text(what, result < 0 ? strerrorname_np(errno) : text);
}

_Noreturn static void die(const char *what)
{
	say(what, -1);
	_exit(2);
}

static int number(const char *text)
{
	return text ? (int)strtol(text, NULL, 10) : 0;
}

static void sleep_ms(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say_within(const char *what, long started_ms, long limit_ms)
{
	long took = now_ms() - started_ms;

	if (took <= limit_ms)
		say_text(what, "in time");
	else
		say(what, took);
}

static int new_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int connect_socket(int fd)
{
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int blocking_connection(void)
{
	int fd = new_socket(0);

	if (connect_socket(fd) != 0)
		die("connect");
	return fd;
}

static int nonblocking_connection(void)
{
	int fd = new_socket(SOCK_NONBLOCK), error = 0;
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(error);

	if (connect_socket(fd) != 0 && errno != EINPROGRESS)
		die("connect");
	if (poll(&pollfd, 1, 10000) != 1)
		die("poll");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || (errno = error))
		die("connection");
	return fd;
}

static void send_hello(int fd)
{
	if (write(fd, HELLO, HELLO_SIZE) != HELLO_SIZE)
		die("write");
}

static int connection_in(const char *state)
{
	int fd;

	if (!strcmp(state, "held"))
		return blocking_connection();
	fd = nonblocking_connection();
	send_hello(fd);
	return fd;
}

/* Blocking, whatever the socket is. */
static ssize_t read_some(int fd, char *bytes, size_t size)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	if (poll(&pollfd, 1, 5000) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return read(fd, bytes, size);
}

/* What is in flight and non-blocking says EAGAIN for a while, as any connection may. */
static ssize_t write_in_time(int fd, const char *bytes, size_t size)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	ssize_t written = write(fd, bytes, size);

	if (written >= 0 || errno != EAGAIN)
		return written;
	poll(&pollfd, 1, 5000);
	return write(fd, bytes, size);
}

/* Of a server that echoes. */
static void say_echo(int fd, size_t size)
{
	char bytes[4096];
	size_t seen = 0;
	ssize_t now = 1;

	while (seen < size && now > 0) {
		now = read_some(fd, bytes, sizeof(bytes));
		seen += now > 0 ? (size_t)now : 0;
	}
	say("echoed", now < 0 ? now : (long)seen);
}

static void say_child(const char *what, pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(what);
	say(what, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* How long an exit may take is not the question. */
static void end_at_once(void)
{
	raise(SIGKILL);
}

/* ---- many connections ---- */

/* N. The keeper closed some of them before their SYN had been answered. */
static void close_at_once(char **args)
{
	for (int left = number(args[0]); left > 0; left--)
		close(blocking_connection());
	sleep_ms(200);
}

static void *write_and_close(void *times)
{
	for (int left = *(const int *)times; left > 0; left--) {
		int fd = nonblocking_connection();

		send_hello(fd);
		close(fd);
	}
	return NULL;
}

/* THREADS N, each. */
static void write_and_close_often(char **args)
{
	pthread_t threads[16];
	int count = number(args[0]), times = number(args[1]);

	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, write_and_close, &times) != 0)
			die("pthread_create");
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	sleep_ms(200);
}

/* N [quietly]. A request that the server had, and reset, was made once more. */
static void request(char **args)
{
	char bytes[16];

	for (int left = number(args[0]); left > 0; left--) {
		int fd = blocking_connection();
		ssize_t written = send(fd, HELLO, HELLO_SIZE, MSG_NOSIGNAL);

		if (!args[1])
			say("send", written);
		written = read(fd, bytes, sizeof(bytes));
		if (!args[1])
			say("read", written);
		close(fd);
	}
}

/* MS. Looks at nothing but the time between its write and its exit: that is no waiting in vain. */
static void idle_then_exit(char **args)
{
	int fd = nonblocking_connection();

	send_hello(fd);
	for (int left = number(args[0]); left > 0; left -= 10)
		poll(NULL, 0, 10);
}

static void *write_beside_end(void *has_written)
{
	int fd = blocking_connection();

	if (write(fd, "x", 1) != 1)
		die("write");
	sem_post(has_written);
	sleep_ms(30);
	if (write(fd, "y", 1) != 1)
		die("write");
	pause();
	return NULL;
}

/* exit | _exit. The process is ending, and one of its threads still writes. */
static void end_beside_writer(char **args)
{
	pthread_t thread;
	sem_t has_written;

	sem_init(&has_written, 0, 0);
	if (pthread_create(&thread, NULL, write_beside_end, &has_written) != 0)
		die("pthread_create");
	sem_wait(&has_written);
	if (!strcmp(args[0], "exit"))
		exit(3);
	_exit(3);
}

/* ---- connect() in a signal handler ---- */

static volatile sig_atomic_t handled;

static void connect_in_handler(int unused)
{
	int saved = errno, fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)unused;
	if (connect_socket(fd) == 0 && write(fd, HELLO, HELLO_SIZE) == HELLO_SIZE)
		handled = 1;
	else
		handled = 2;
	close(fd);
	errno = saved;
}

/* MICROSECONDS. The handler's connect() is the first of the process, and main is in malloc(). */
static void handler(char **args)
{
	struct sigaction action = {.sa_handler = connect_in_handler, .sa_flags = SA_RESTART};
	struct itimerval timer = {.it_value.tv_usec = number(args[0])};
	unsigned int random = (unsigned int)number(args[0]);
	char *blocks[64] = {0};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (!handled) {
		char **block = &blocks[(random >> 16) % 64];

		random = random * 1103515245 + 12345;
		free(*block);
		*block = malloc(1 + (random >> 8) % 3000);
		if (*block)
			**block = 1;
	}
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
	say("handled", handled);
}

/* ---- a destination that is dead, although there is a cookie for it ---- */

static int connection_under_way(void)
{
	int fd = new_socket(SOCK_NONBLOCK);
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	connect_socket(fd);
	poll(&pollfd, 1, 50);
	return fd;
}

static void dead_system(char **unused)
{
	long started;

	(void)unused;
	connection_under_way();
	started = now_ms();
	say("system", system("true")); /* NOLINT(cert-env33-c) */
	say_within("system", started, 1500);
	end_at_once();
}

static void dead_fork(char **unused)
{
	long started;
	pid_t pid;

	(void)unused;
	/* Without the library there is nothing to write to. */
	if (write(connection_under_way(), HELLO, HELLO_SIZE) < 0 && errno != EAGAIN)
		die("write");
	started = now_ms();
	pid = fork();
	if (pid == 0)
		_exit(0);
	say_child("child", pid);
	say_within("child", started, 1000);
	end_at_once();
}

static void dead_linger(char **unused)
{
	struct linger linger = {1, 30};
	int fd = connection_under_way();
	long started = now_ms();

	(void)unused;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	say("close", close(fd));
	say_within("close", started, 1000);
	end_at_once();
}

/* N. What is kept back of dead connections must not use up the program's descriptors. */
static void dead_often(char **args)
{
	struct rlimit limit = {64, 64};
	long started = now_ms();

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int left = number(args[0]); left > 0; left--) {
		int fd = new_socket(SOCK_NONBLOCK);
		struct timeval timeout = {.tv_usec = 1000};
		fd_set set;

		FD_ZERO(&set);
		FD_SET(fd, &set);
		connect_socket(fd);
		select(fd + 1, NULL, &set, NULL, &timeout);
		close(fd);
	}
	say_within("all", started, 20000);
	end_at_once();
}

/* ---- sendmmsg ---- */

/* The message behind one that did not go whole must not go. */
static void sendmmsg_short(char **unused)
{
	static char big[8000000];
	struct iovec parts[2] = {{big, sizeof(big)}, {(char *)"BBBB", 4}};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
	int fd = nonblocking_connection(), count;

	(void)unused;
	count = sendmmsg(fd, messages, 2, 0);
	say("messages", count);
	if (count == 1)
		say("sent", messages[0].msg_len);
	close(fd);
}

/* An empty message is sent without a word; what comes after it is judged as any first write is. */
static void sendmmsg_empty(char **unused)
{
	struct iovec parts[2] = {{(char *)"", 0}, {(char *)"BBBB", 4}};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
	int fd = blocking_connection();

	(void)unused;
	say("messages", sendmmsg(fd, messages, 2, 0));
	close(fd);
}

/* ---- other owners ---- */

static int pass_on(int fd, const char *how)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	char byte = 'x';
	struct iovec part = {&byte, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part,
					      .msg_iovlen = 1,
					      .msg_control = &control,
					      .msg_controllen = sizeof(control.bytes)}};
	int ends[2], received = -1;

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		die("socketpair");
	if (!strcmp(how, "sendmsg"))
		say(how, sendmsg(ends[0], &message.msg_hdr, 0));
	else
		say(how, sendmmsg(ends[0], &message, 1, 0));
	say("recvmsg", recvmsg(ends[1], &message.msg_hdr, 0));
	memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
	return received;
}

/* sendmsg or sendmmsg. */
static void pass_descriptor(char **args)
{
	int fd = blocking_connection(), received = pass_on(fd, args[0]);

	say("write", write(received, POST, POST_SIZE));
	close(received);
	close(fd);
}

/* What becomes of the socket when the process goes on as its own child: close-held, write-held,
 * write-close. */
static void daemonize(char **args)
{
	int fd;

	if (!strcmp(args[0], "write-close")) {
		fd = nonblocking_connection();
		send_hello(fd);
	} else {
		fd = blocking_connection();
	}
	if (!strcmp(args[0], "write-held"))
		send_hello(fd);
	else
		close(fd);
	if (daemon(1, 1) != 0)
		die("daemon");
}

static int post_from_clone(void *fd)
{
	return write(*(const int *)fd, POST, POST_SIZE) == (ssize_t)POST_SIZE ? 0 : 1;
}

/* A child that neither fork() nor vfork() made. */
static void clone_child(char **unused)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = blocking_connection();

	(void)unused;
	say_child("clone", clone(post_from_clone, stack + sizeof(stack), SIGCHLD, &fd));
	close(fd);
}

/* Not inlined: what a child of vfork() shares with its parent is all there is here. */
__attribute__((noinline)) static pid_t vfork_true(int fd)
{
	char *arguments[] = {(char *)"true", NULL};
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (pid == 0) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): what many programs do */
		close(fd);
		close_range(3, ~0u, 0);
		execve("/bin/true", arguments, environ);
		_exit(127);
	}
	return pid;
}

/* STATE. */
static void vfork_close(char **args)
{
	int fd = connection_in(args[0]);

	say_child("vfork", vfork_true(fd));
	say("write", write_in_time(fd, "world", 5));
	say_echo(fd, strcmp(args[0], "held") ? 10 : 5);
	close(fd);
}

/* parent|child: who connects a socket that both have, and ends at once. The other one reads. */
static void share_new_socket(char **args)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), other_ends[2];
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char answer[16];

	if (pipe(other_ends) != 0)
		die("pipe");
	if ((fork() == 0) == !strcmp(args[0], "child")) {
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			die("connect");
		say("write", write(fd, HELLO, HELLO_SIZE));
		_exit(0);
	}
	close(other_ends[1]);
	say("other", read(other_ends[0], answer, sizeof(answer)));
	say("poll", poll(&pollfd, 1, 3000));
	say("read", recv(fd, answer, sizeof(answer), MSG_DONTWAIT));
	say("read", recv(fd, answer, sizeof(answer), MSG_DONTWAIT));
}

/* A child ends the connection; the next one on the socket begins without an error. */
static void dissolve_in_child(char **unused)
{
	int fd = connection_in("held"), error = 0;
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(error);
	pid_t pid;

	(void)unused;
	say("write", write(fd, HELLO, HELLO_SIZE));
	pid = fork();
	if (pid == 0)
		_exit(connect(fd, &nobody, sizeof(nobody)) != 0);
	say_child("child", pid);
	say("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
	say("option", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
	say("error", error);
	say("write", write(fd, HELLO, HELLO_SIZE));
}

/* STATE. A namespace of users can be left only by a process of one thread. */
static void unshare_users(char **args)
{
	int fd = connection_in(args[0]);

	say("unshare", unshare(CLONE_NEWUSER));
	say("write", write_in_time(fd, "world", 5));
	close(fd);
}

/* ---- waiting ---- */

/* Its last part is empty: the end of the data must not be kept back for more. */
static void writev_empty_part(char **unused)
{
	static char bytes[3000];
	struct iovec parts[2] = {{bytes, sizeof(bytes)}, {bytes, 0}};
	int fd = blocking_connection();
	long started = now_ms();

	(void)unused;
	say("writev", writev(fd, parts, 2));
	say_echo(fd, sizeof(bytes));
	say("took", now_ms() - started);
	close(fd);
}

/* The socket is connected, as far as its program knows. */
static void send_dontwait(char **unused)
{
	int fd = blocking_connection();

	(void)unused;
	say("send", send(fd, "POST ", 5, MSG_DONTWAIT));
	say("send", send(fd, "more", 4, MSG_DONTWAIT));
	close(fd);
}

static void *poll_for_greeting(void *fd)
{
	struct pollfd pollfd = {.fd = *(const int *)fd, .events = POLLIN};

	say("poll", poll(&pollfd, 1, 5000));
	return NULL;
}

static void *select_for_greeting(void *fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(*(const int *)fd, &set);
	say("select", select(*(const int *)fd + 1, &set, NULL, NULL, NULL));
	return NULL;
}

static void *epoll_for_greeting(void *fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(set, EPOLL_CTL_ADD, *(const int *)fd, &event);
	say("epoll", epoll_wait(set, &event, 1, 5000));
	close(set);
	return NULL;
}

/* dup, dup2 or fcntl. Whoever duplicates a connection has one. */
static void duplicate_connection(char **args)
{
	int fd = blocking_connection(), duplicate;
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	if (!strcmp(args[0], "dup"))
		duplicate = dup(fd);
	else if (!strcmp(args[0], "dup2"))
		duplicate = dup2(fd, 50);
	else
		duplicate = fcntl(fd, F_DUPFD, 50);
	getsockopt(duplicate, IPPROTO_TCP, TCP_INFO, &info, &length);
	say("state", info.tcpi_state);
	say("write", write(duplicate, HELLO, HELLO_SIZE));
	close(duplicate);
	close(fd);
}

/* As all threads of Java: a signal, whose handler lets no other in, is kept for another thread. */
static void signal_kept_for_another(char **args)
{
	struct sigaction action = {.sa_handler = connect_in_handler};
	sigset_t kept;
	int fd;

	(void)args;
	sigfillset(&action.sa_mask);
	sigaction(SIGQUIT, &action, NULL);
	sigemptyset(&kept);
	sigaddset(&kept, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &kept, NULL);
	fd = blocking_connection();
	say("write", write(fd, HELLO, HELLO_SIZE));
	close(fd);
}

/* poll, select or epoll. One thread connects, another waits for the server to speak. */
static void thread_waits(char **args)
{
	void *(*wait)(void *) = !strcmp(args[0], "poll")     ? poll_for_greeting
				: !strcmp(args[0], "select") ? select_for_greeting
							     : epoll_for_greeting;
	int fd = blocking_connection();
	long started = now_ms();
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait, &fd) != 0)
		die("pthread_create");
	pthread_join(thread, NULL);
	say_within("greeting", started, 500);
	close(fd);
}

/* close_range or closefrom. An edge-triggered epoll set knew the socket that had this number
 * before; the new one is in none, and its connect() is under way as any other. */
static void edge_mark(char **args)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int set = epoll_create1(EPOLL_CLOEXEC), fd = new_socket(SOCK_NONBLOCK), again;

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	if (!strcmp(args[0], "closefrom"))
		closefrom(fd);
	else
		say(args[0], close_range((unsigned int)fd, (unsigned int)fd, 0));
	again = new_socket(SOCK_NONBLOCK);
	say("same number", again == fd);
	say("connect", connect_socket(again));
	say("poll", poll(&(struct pollfd){.fd = again, .events = POLLOUT}, 1, 5000));
	close(again);
}

/* ---- pointers to nowhere ---- */

/* Not a constant: compilers would see through it. */
static void *volatile nowhere = (void *)8;

static void bad_connect(char **unused)
{
	char byte;
	int fd = new_socket(0);

	(void)unused;
	say("connect", connect(fd, nowhere, sizeof(address)));
	say("connect again", connect_socket(fd));
	say("read", read_some(fd, &byte, 1));
	close(fd);
}

static ssize_t bad_write(int fd, void *memory)
{
	return write(fd, memory, 10);
}

static ssize_t bad_write_size(int fd, void *memory)
{
	static size_t volatile most = (size_t)-1;

	return write(fd, memory, most);
}

/* The first 100 bytes can be read. */
static ssize_t bad_second_page(int fd, void *unused)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) != 0)
		die("mmap");
	return write(fd, pages + page - 100, 200);
}

/* No program has memory there. */
static ssize_t bad_half_of_memory(int fd, void *unused)
{
	(void)unused;
	return write(fd, (const void *)INTPTR_MIN, 10);
}

static ssize_t bad_send(int fd, void *memory)
{
	return send(fd, memory, 10, MSG_NOSIGNAL);
}

static ssize_t bad_parts(int fd, void *memory)
{
	return writev(fd, memory, 2);
}

static ssize_t bad_count(int fd, void *memory)
{
	static int volatile negative = -1;

	return writev(fd, memory, negative);
}

static ssize_t bad_part(int fd, void *memory)
{
	struct iovec parts[2] = {{(char *)"x", 1}, {memory, 100}};

	return writev(fd, parts, 2);
}

static ssize_t bad_part_size(int fd, void *memory)
{
	struct iovec part = {memory, (size_t)-1};

	return writev(fd, &part, 1);
}

static ssize_t many_parts(int fd, void *memory)
{
	struct iovec parts[1100];

	for (int i = 0; i < 1100; i++)
		parts[i] = (struct iovec){memory, 1};
	return writev(fd, parts, 1100);
}

static ssize_t many_parts_of_message(int fd, void *memory)
{
	struct iovec parts[1100];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1100};

	for (int i = 0; i < 1100; i++)
		parts[i] = (struct iovec){memory, 1};
	return sendmsg(fd, &message, 0);
}

static ssize_t bad_message(int fd, void *memory)
{
	return sendmsg(fd, memory, 0);
}

static ssize_t bad_messages(int fd, void *memory)
{
	return sendmmsg(fd, memory, 2, 0);
}

static ssize_t bad_control(int fd, void *memory)
{
	struct iovec part = {(char *)"x", 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = memory,
				 .msg_controllen = CMSG_SPACE(sizeof(int))};

	return sendmsg(fd, &message, 0);
}

static ssize_t bad_message_elsewhere(int fd, void *memory)
{
	int ends[2];

	(void)fd;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		die("socketpair");
	return sendmsg(ends[0], memory, 0);
}

static ssize_t bad_peer(int fd, void *memory)
{
	socklen_t length = sizeof(address);

	return getpeername(fd, memory, &length);
}

static ssize_t bad_peer_length(int fd, void *memory)
{
	struct sockaddr_in peer;

	return getpeername(fd, (struct sockaddr *)&peer, memory);
}

static ssize_t bad_peer_negative(int fd, void *memory)
{
	socklen_t length = (socklen_t)-5;

	return getpeername(fd, memory, &length);
}

static ssize_t bad_set(int fd, void *memory)
{
	struct timeval timeout = {1, 0};

	return select(fd + 1, memory, NULL, NULL, &timeout);
}

static void await_greeting(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		poll(&pollfd, 1, 5000);
}

static ssize_t bad_receive(int fd, void *memory)
{
	await_greeting(fd);
	return recv(fd, memory, 10, 0);
}

static ssize_t bad_receive_message(int fd, void *memory)
{
	await_greeting(fd);
	return recvmsg(fd, memory, 0);
}

static ssize_t bad_poll(int fd, void *memory)
{
	(void)fd;
	return poll(memory, 1, 100);
}

static int epoll_set_of(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll");
	return set;
}

static ssize_t bad_epoll(int fd, void *memory)
{
	return epoll_wait(epoll_set_of(fd), memory, 1, 1000);
}

static ssize_t bad_epoll_timeout(int fd, void *memory)
{
	struct epoll_event event;

	return epoll_pwait2(epoll_set_of(fd), &event, 1, memory, NULL);
}

static ssize_t bad_epoll_event(int fd, void *memory)
{
	return epoll_ctl(epoll_set_of(fd), EPOLL_CTL_MOD, fd, memory);
}

static const struct {
	const char *name;
	ssize_t (*call)(int fd, void *memory);
} bad_calls[] = {
	{"write", bad_write},
	{"write -1", bad_write_size},
	{"write to the second page", bad_second_page},
	{"write of the kernel's", bad_half_of_memory},
	{"send", bad_send},
	{"writev", bad_parts},
	{"writev -1 parts", bad_count},
	{"writev part", bad_part},
	{"writev part of -1", bad_part_size},
	{"writev 1100 parts", many_parts},
	{"sendmsg 1100 parts", many_parts_of_message},
	{"sendmsg", bad_message},
	{"sendmmsg", bad_messages},
	{"sendmsg control", bad_control},
	{"sendmsg elsewhere", bad_message_elsewhere},
	{"getpeername", bad_peer},
	{"getpeername length", bad_peer_length},
	{"getpeername -5", bad_peer_negative},
	{"select", bad_set},
	{"recv", bad_receive},
	{"recvmsg", bad_receive_message},
	{"poll", bad_poll},
	{"epoll_wait", bad_epoll},
	{"epoll_pwait2 timeout", bad_epoll_timeout},
	{"epoll_ctl", bad_epoll_event},
};

/* nowhere: in the first page; unreadable: memory that is there; constant: not to be written to. */
static void *memory_that_is(const char *kind)
{
	int protection = strcmp(kind, "constant") ? PROT_NONE : PROT_READ;
	void *memory;

	if (!strcmp(kind, "nowhere"))
		return nowhere;
	memory = mmap(NULL, 65536, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

/* As write_in_time. */
static ssize_t call_in_time(ssize_t (*call)(int fd, void *memory), int fd, void *memory)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	ssize_t result = call(fd, memory);

	if (result >= 0 || errno != EAGAIN)
		return result;
	poll(&pollfd, 1, 5000);
	return call(fd, memory);
}

/* STATE KIND-OF-MEMORY [CALL]. Each call is made on a connection of its own, to a server that
 * speaks first and echoes, and which is as good as before when the call has failed. In a child: it
 * may die. */
static void bad_pointers(char **args)
{
	void *memory = memory_that_is(args[1]);

	for (size_t i = 0; i < sizeof(bad_calls) / sizeof(*bad_calls); i++) {
		pid_t pid;

		if (args[2] && strcmp(args[2], bad_calls[i].name) != 0)
			continue;
		pid = fork();
		if (pid == 0) {
			int fd = connection_in(args[0]);

			say(bad_calls[i].name, call_in_time(bad_calls[i].call, fd, memory));
			if (write_in_time(fd, "world", 5) != 5)
				die("write");
			shutdown(fd, SHUT_WR);
			say_echo(fd, SIZE_MAX);
			_exit(0);
		}
		say_child(bad_calls[i].name, pid);
	}
}

/* ---- system calls by their numbers ---- */

static void number_close(int fd)
{
	say("SYS_close", syscall(SYS_close, fd));
	say("SYS_close", syscall(SYS_close, fd));
}

static void number_close_range(int fd)
{
	say("SYS_close_range", syscall(SYS_close_range, fd, ~0u, 0));
}

static void number_close_all(int fd)
{
	close(fd);
	say("SYS_close_range", syscall(SYS_close_range, 3, ~0u, 0));
}

static void number_shutdown(int fd)
{
	say("SYS_shutdown", syscall(SYS_shutdown, fd, SHUT_WR));
}

static void number_dup(int fd)
{
	int duplicate = (int)syscall(SYS_dup, fd);

	say("close", close(fd));
	say("write", write_in_time(duplicate, POST, POST_SIZE));
	say("close", close(duplicate));
}

static void number_write(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	poll(&pollfd, 1, 5000);
	say("SYS_write", syscall(SYS_write, fd, POST, POST_SIZE));
	say("close", close(fd));
}

static void number_exit(int fd)
{
	(void)fd;
	syscall(SYS_exit_group, 3);
}

static const struct {
	const char *name;
	void (*call)(int fd);
} numbers[] = {
	{"close", number_close},
	{"close_range", number_close_range},
	{"close_all", number_close_all},
	{"shutdown", number_shutdown},
	{"dup", number_dup},
	{"write", number_write},
	{"exit_group", number_exit},
};

/* STATE NAME. */
static void by_number(char **args)
{
	for (size_t i = 0; args[1] && i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(args[1], numbers[i].name))
			numbers[i].call(connection_in(args[0]));
	sleep_ms(60);
}

/* ---- errno ---- */

#define NOBODYS_ERRNO 77

static void say_errno(const char *call, long result)
{
	char line[160];
	int now = errno;

	snprintf(line, sizeof(line), "%s: %s", result < 0 ? "failed" : "done",
		 now == NOBODYS_ERRNO ? "untouched" : strerrorname_np(now));
	say_text(call, line);
}

/* What succeeds leaves errno alone. */
#define KEEPS_ERRNO(call) (errno = NOBODYS_ERRNO, say_errno(#call, (long)(call)))

static void errno_of_questions(int fd)
{
	int on = 1, set = epoll_create1(EPOLL_CLOEXEC);
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	struct epoll_event event = {.events = EPOLLOUT};

	KEEPS_ERRNO(getpeername(fd, (struct sockaddr *)&peer, &length));
	KEEPS_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	KEEPS_ERRNO(fcntl(fd, F_GETFL));
	KEEPS_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	KEEPS_ERRNO(epoll_wait(set, &event, 1, 5000));
	KEEPS_ERRNO(write(fd, "", 0));
	KEEPS_ERRNO(close(set));
}

static void errno_of_waiting(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	struct timeval timeout = {.tv_usec = 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	KEEPS_ERRNO(poll(&pollfd, 1, 0));
	KEEPS_ERRNO(poll(NULL, 0, 1));
	KEEPS_ERRNO(select(fd + 1, &set, NULL, NULL, &timeout));
	KEEPS_ERRNO(poll(&pollfd, 1, 1));
	pollfd.events = POLLOUT;
	KEEPS_ERRNO(poll(&pollfd, 1, 5000));
}

/* The first of them is the one with something to do. */
static void errno_of_write(int fd)
{
	KEEPS_ERRNO(write(fd, HELLO, HELLO_SIZE));
	KEEPS_ERRNO(send(fd, HELLO, HELLO_SIZE, MSG_NOSIGNAL));
}

static void errno_of_messages(int fd)
{
	struct iovec parts[2] = {{(char *)HELLO, HELLO_SIZE}, {(char *)"world", 5}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};

	KEEPS_ERRNO(sendmmsg(fd, messages, 2, 0));
	KEEPS_ERRNO(sendmsg(fd, &message, 0));
	KEEPS_ERRNO(writev(fd, parts, 2));
}

static void errno_of_reading(int fd)
{
	char byte;

	KEEPS_ERRNO(shutdown(fd, SHUT_WR));
	KEEPS_ERRNO(read_some(fd, &byte, 1));
}

static void errno_of_duplicates(int fd)
{
	int duplicate;

	KEEPS_ERRNO(duplicate = dup(fd));
	KEEPS_ERRNO(dup2(fd, duplicate));
	KEEPS_ERRNO(close_range((unsigned int)duplicate, (unsigned int)duplicate, 0));
}

static void errno_of_children(int fd)
{
	char *arguments[] = {(char *)"true", NULL};
	pid_t pid;

	(void)fd;
	KEEPS_ERRNO(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) ? -1 : 0);
	waitpid(pid, NULL, 0);
	KEEPS_ERRNO((pid = fork()) < 0 ? -1 : 0);
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	KEEPS_ERRNO(unshare(0));
}

static const struct {
	const char *name;
	void (*calls)(int fd);
} errno_calls[] = {
	{"questions", errno_of_questions}, {"waiting", errno_of_waiting},
	{"write", errno_of_write},	   {"messages", errno_of_messages},
	{"reading", errno_of_reading},	   {"duplicates", errno_of_duplicates},
	{"children", errno_of_children},
};

/* STATE NAME. */
static void errno_kept(char **args)
{
	int fd;

	if (!strcmp(args[0], "held")) {
		fd = new_socket(0);
		KEEPS_ERRNO(connect_socket(fd));
	} else {
		fd = connection_in(args[0]);
	}
	for (size_t i = 0; args[1] && i < sizeof(errno_calls) / sizeof(*errno_calls); i++)
		if (!strcmp(args[1], errno_calls[i].name))
			errno_calls[i].calls(fd);
	KEEPS_ERRNO(close(fd));
}

/* ---- cancelled threads ---- */

/* What a thread is in when it is cancelled. */
struct cancelled {
	const char *name;
	void *(*run)(void *fd);
	bool connects;
};

static void *connect_until_cancelled(void *fd)
{
	connect_socket(*(const int *)fd);
	pause();
	return fd;
}

static void *write_until_cancelled(void *fd)
{
	ssize_t written = write(*(const int *)fd, HELLO, HELLO_SIZE);

	(void)written;
	pause();
	return fd;
}

static void *read_until_cancelled(void *fd)
{
	char byte;
	ssize_t seen = read(*(const int *)fd, &byte, 1);

	(void)seen;
	pause();
	return fd;
}

static void *poll_until_cancelled(void *fd)
{
	struct pollfd pollfd = {.fd = *(const int *)fd, .events = POLLIN};

	poll(&pollfd, 1, -1);
	return fd;
}

static const struct cancelled cancelled_calls[] = {
	{"connect", connect_until_cancelled, true},
	{"write", write_until_cancelled, false},
	{"read", read_until_cancelled, false},
	{"poll", poll_until_cancelled, false},
};

/* Whether the server echoes what is written last. */
static bool is_alive(int fd)
{
	char byte = '\0';

	if (write(fd, "!", 1) != 1)
		return false;
	while (byte != '!')
		if (read_some(fd, &byte, 1) != 1)
			return false;
	return true;
}

static bool survives(const struct cancelled *call, long after_us)
{
	int fd = call->connects ? new_socket(0) : blocking_connection();
	struct timespec pause = {.tv_nsec = after_us * 1000};
	pthread_t thread;
	void *result;
	bool alive;

	if (pthread_create(&thread, NULL, call->run, &fd) != 0)
		die("pthread_create");
	nanosleep(&pause, NULL);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	if (call->connects && connect_socket(fd) != 0 && errno != EISCONN)
		die("connect");
	alive = result == PTHREAD_CANCELED && is_alive(fd);
	close(fd);
	return alive;
}

/* NAME ROUNDS MICROSECONDS: the cancellation comes so much later every round. */
static void cancel(char **args)
{
	size_t which = 0;
	int rounds = number(args[1]), alive = 0;

	while (strcmp(args[0], cancelled_calls[which].name) != 0)
		which++;
	for (int i = 0; i < rounds; i++)
		alive += survives(&cancelled_calls[which], (long)i * number(args[2]));
	say("alive", alive);
}

/* ---- the table ---- */

static const struct {
	const char *name;
	void (*run)(char **args);
} hazards[] = {
	{"close-at-once", close_at_once},
	{"write-and-close", write_and_close_often},
	{"request", request},
	{"idle-then-exit", idle_then_exit},
	{"end-beside-writer", end_beside_writer},
	{"share-new-socket", share_new_socket},
	{"dissolve-in-child", dissolve_in_child},
	{"handler", handler},
	{"dead-system", dead_system},
	{"dead-fork", dead_fork},
	{"dead-linger", dead_linger},
	{"dead-often", dead_often},
	{"sendmmsg-short", sendmmsg_short},
	{"sendmmsg-empty", sendmmsg_empty},
	{"pass-descriptor", pass_descriptor},
	{"daemon", daemonize},
	{"clone", clone_child},
	{"vfork-close", vfork_close},
	{"unshare", unshare_users},
	{"writev-empty-part", writev_empty_part},
	{"send-dontwait", send_dontwait},
	{"duplicate-connection", duplicate_connection},
	{"signal-kept-for-another", signal_kept_for_another},
	{"thread-waits", thread_waits},
	{"edge-mark", edge_mark},
	{"bad-connect", bad_connect},
	{"bad-pointers", bad_pointers},
	{"by-number", by_number},
	{"errno", errno_kept},
	{"cancel", cancel},
};

int main(int argc, char **argv)
{
	if (argc < 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: hazard ADDRESS PORT NAME [ARG...]\n");
		return 2;
	}
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)number(argv[2]));
	for (size_t i = 0; i < sizeof(hazards) / sizeof(*hazards); i++) {
		if (strcmp(argv[3], hazards[i].name) != 0)
			continue;
		hazards[i].run(argv + 4);
		return 0;
	}
	fprintf(stderr, "hazard: there is no %s\n", argv[3]);
	return 2;
}
