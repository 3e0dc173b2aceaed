/* SPDX-License-Identifier: MIT */
/*
 * A client that does what it is told, one system call a step, and prints what each said: run with
 * and without the library, the same steps must print the same lines.
 *
 *   client ADDRESS PORT STEP...
 *
 * Steps act on one socket, made blocking at the first step that needs it:
 *   nonblock block cloexec bind linger0        before or between other steps
 *   connect connect-wait                       connect-wait: connect, poll for POLLOUT, SO_ERROR
 *   unconnect                                  connect(AF_UNSPEC)
 *   write:DATA send:DATA sendto:DATA sendmsg:DATA sendmsg-to:DATA writev:DATA sendmmsg:DATA
 *   pwritev2:DATA dprintf:DATA sendfile:DATA splice:DATA more:DATA   DATA: text, or @N for N bytes
 *   write-all:DATA                             write until all is sent, polling when told EAGAIN
 *   fdopen fprintf:DATA fclose                 stdio on the socket
 *   read read-dontwait peek read-all           read-all: until the end of the stream
 *   poll:EVENTS:MS select:EVENTS:MS epoll:EVENTS:MS   EVENTS: in, out, inout; prints what is ready
 *   epoll-edge                                 adds the socket to an epoll set with EPOLLET
 *   epoll-wait:MS                              waits on that set
 *   peer name error                            getpeername, getsockname (address only), SO_ERROR
 *   ulp                                        setsockopt(TCP_ULP, "tls")
 *   dup dup2 dupfd dup-back                    the socket goes on under the new number
 *   shutdown close raw-close syscall-close close-range closefrom
 *   fork-write:DATA fork-close exec:COMMAND spawn:COMMAND system:COMMAND   child, then wait for it
 *   vfork-exec:COMMAND
 *   thread-write:DATA                          from another thread
 *   signals:MS signals-restart:MS signals-off  a timer signal every MS, without and with SA_RESTART
 *   alarm:MS                                   one SIGALRM, without SA_RESTART
 *   sndtimeo:MS rcvtimeo:MS sleep:MS port:N
 *   time                                       prints nothing; later `took:MS` prints whether less
 *   exit:N _exit:N quick_exit:N syscall-exit:N return
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static struct sockaddr_storage address;
static socklen_t address_length;
static int fd = -1, epoll_fd = -1, older_fd = -1;
static FILE *stream;
static struct timespec started;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* Results go out at once: the next step may be _exit. */
static void say(const char *step, long result)
{
	char line[256];
	int length;

	if (result < 0)
		length = snprintf(line, sizeof(line), "%s: %s\n", step, strerrorname_np(errno));
	else
		length = snprintf(line, sizeof(line), "%s: %ld\n", step, result);
	if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(3);
}

static void say_text(const char *step, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%s: %s\n", step, text);

	if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(3);
}

static void need_socket(void)
{
	if (fd < 0)
		fd = socket(address.ss_family, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
}

/* DATA of a step: text, or @N for N bytes of a pattern that shows loss and repetition. */
struct data {
	char *bytes;
	size_t size;
};

static struct data data_of(const char *text)
{
	struct data data = {(char *)text, strlen(text)};

	if (*text != '@')
		return data;
	data.size = strtoul(text + 1, NULL, 10);
	data.bytes = malloc(data.size + 1);
	if (!data.bytes)
		die("malloc");
	for (size_t i = 0; i < data.size; i++)
		data.bytes[i] = (char)('a' + (i * 7 + i / 26 + i / 997) % 26);
	return data;
}

static void set_nonblocking(int on)
{
	int flags;

	need_socket();
	flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static int connect_now(void)
{
	need_socket();
	return connect(fd, (struct sockaddr *)&address, address_length);
}

static int socket_error(void)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static void step_connect_wait(const char *step)
{
	struct pollfd pollfd = {.events = POLLOUT};

	if (connect_now() != 0 && errno != EINPROGRESS) {
		say(step, -1);
		return;
	}
	pollfd.fd = fd;
	if (poll(&pollfd, 1, 10000) != 1)
		errno = ETIMEDOUT;
	say(step, pollfd.revents ? socket_error() : -1);
}

static ssize_t send_message(struct data data, int named)
{
	struct iovec parts[2] = {{data.bytes, data.size / 2},
				 {data.bytes + data.size / 2, data.size - data.size / 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (named) {
		message.msg_name = &address;
		message.msg_namelen = address_length;
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t write_vector(struct data data, int offset_form)
{
	size_t third = data.size / 3;
	struct iovec parts[4] = {{data.bytes, third},
				 {data.bytes + third, 0},
				 {data.bytes + third, third},
				 {data.bytes + 2 * third, data.size - 2 * third}};

	return offset_form ? pwritev2(fd, parts, 4, -1, 0) : writev(fd, parts, 4);
}

static int send_messages(struct data data)
{
	struct iovec parts[2] = {{data.bytes, data.size / 2},
				 {data.bytes + data.size / 2, data.size - data.size / 2}};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};

	return sendmmsg(fd, messages, 2, MSG_NOSIGNAL);
}

static ssize_t send_from_file(struct data data)
{
	char name[] = "/tmp/client.XXXXXX";
	int file = mkstemp(name);
	ssize_t sent;

	if (file < 0 || write(file, data.bytes, data.size) < 0)
		die("mkstemp");
	unlink(name);
	lseek(file, 0, SEEK_SET);
	sent = sendfile(fd, file, NULL, data.size);
	close(file);
	return sent;
}

static ssize_t send_from_pipe(struct data data)
{
	int ends[2];
	ssize_t sent;

	if (pipe(ends) != 0 || write(ends[1], data.bytes, data.size) < 0)
		die("pipe");
	sent = splice(ends[0], NULL, fd, NULL, data.size, 0);
	close(ends[0]);
	close(ends[1]);
	return sent;
}

static ssize_t write_all(struct data data)
{
	size_t sent = 0;

	while (sent < data.size) {
		struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
		ssize_t now = write(fd, data.bytes + sent, data.size - sent);

		if (now >= 0)
			sent += (size_t)now;
		else if (errno == EAGAIN)
			poll(&pollfd, 1, 10000);
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)sent;
}

static void step_send(const char *step, const char *how, struct data data)
{
	ssize_t sent = -1;

	need_socket();
	if (!strcmp(how, "write"))
		sent = write(fd, data.bytes, data.size);
	else if (!strcmp(how, "write-all"))
		sent = write_all(data);
	else if (!strcmp(how, "send"))
		sent = send(fd, data.bytes, data.size, MSG_NOSIGNAL);
	else if (!strcmp(how, "more"))
		sent = send(fd, data.bytes, data.size, MSG_NOSIGNAL | MSG_MORE);
	else if (!strcmp(how, "sendto"))
		sent = sendto(fd, data.bytes, data.size, MSG_NOSIGNAL, NULL, 0);
	else if (!strcmp(how, "sendmsg"))
		sent = send_message(data, 0);
	else if (!strcmp(how, "sendmsg-to"))
		sent = send_message(data, 1);
	else if (!strcmp(how, "writev"))
		sent = write_vector(data, 0);
	else if (!strcmp(how, "pwritev2"))
		sent = write_vector(data, 1);
	else if (!strcmp(how, "sendmmsg"))
		sent = send_messages(data);
	else if (!strcmp(how, "sendfile"))
		sent = send_from_file(data);
	else if (!strcmp(how, "splice"))
		sent = send_from_pipe(data);
	else if (!strcmp(how, "dprintf"))
		sent = dprintf(fd, "%.*s", (int)data.size, data.bytes);
	else if (!strcmp(how, "fprintf"))
		sent = fprintf(stream, "%.*s", (int)data.size, data.bytes) < 0 || fflush(stream)
			       ? -1
			       : 0;
	say(step, sent);
}

static void step_read(const char *step, int flags)
{
	char bytes[65536];
	ssize_t size = recv(fd, bytes, sizeof(bytes) - 1, flags);

	if (size < 0) {
		say(step, -1);
		return;
	}
	bytes[size < 60 ? size : 60] = '\0';
	bytes[strcspn(bytes, "\r\n")] = '\0';
	say(step, size);
	say_text("  data", bytes);
}

static void step_read_all(const char *step)
{
	char bytes[65536];
	long total = 0;
	ssize_t size;

	while ((size = read(fd, bytes, sizeof(bytes))) != 0) {
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};

		if (size > 0)
			total += size;
		else if (errno == EAGAIN)
			poll(&pollfd, 1, 10000);
		else if (errno != EINTR)
			break;
	}
	say(step, size < 0 ? -1 : total);
}

static short events_of(const char *text)
{
	return (short)((strstr(text, "in") ? POLLIN : 0) | (strstr(text, "out") ? POLLOUT : 0));
}

/* What is no number counts as 0: `run` asks before it knows what a step takes. */
static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static int timeout_of(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon ? number(colon + 1) : -1;
}

static void say_ready(const char *step, int ready, unsigned int in, unsigned int out,
		      unsigned int bad)
{
	char text[64];

	if (ready < 0) {
		say(step, -1);
		return;
	}
	snprintf(text, sizeof(text), "%d%s%s%s", ready, in ? " in" : "", out ? " out" : "",
		 bad ? " err" : "");
	say_text(step, text);
}

static void step_poll(const char *step, const char *how)
{
	struct pollfd pollfd = {.fd = fd, .events = events_of(how)};
	int ready = poll(&pollfd, 1, timeout_of(how));

	say_ready(step, ready, pollfd.revents & POLLIN, pollfd.revents & POLLOUT,
		  pollfd.revents & (POLLERR | POLLNVAL));
}

static void step_select(const char *step, const char *how)
{
	fd_set in, out;
	int ms = timeout_of(how), ready;
	struct timeval timeout = {ms / 1000, ms % 1000 * 1000L};

	FD_ZERO(&in);
	FD_ZERO(&out);
	if (events_of(how) & POLLIN)
		FD_SET(fd, &in);
	if (events_of(how) & POLLOUT)
		FD_SET(fd, &out);
	ready = select(fd + 1, &in, &out, NULL, ms < 0 ? NULL : &timeout);
	say_ready(step, ready, FD_ISSET(fd, &in), FD_ISSET(fd, &out), 0);
}

static void step_epoll(const char *step, const char *how)
{
	struct epoll_event event = {.events = (uint32_t)events_of(how)};
	int set = epoll_create1(EPOLL_CLOEXEC), ready;

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	event.events = 0;
	ready = epoll_wait(set, &event, 1, timeout_of(how));
	say_ready(step, ready, event.events & EPOLLIN, event.events & EPOLLOUT,
		  event.events & EPOLLERR);
	close(set);
}

static void step_epoll_edge(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

	need_socket();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	while (epoll_wait(epoll_fd, &event, 1, 0) > 0)
		continue;
}

static void step_epoll_wait(const char *step, int ms)
{
	struct epoll_event event = {0};
	int ready = epoll_wait(epoll_fd, &event, 1, ms);

	say_ready(step, ready, event.events & EPOLLIN, event.events & EPOLLOUT,
		  event.events & EPOLLERR);
}

static void step_name(const char *step, int (*ask)(int, struct sockaddr *, socklen_t *),
		      int with_port)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	char host[INET6_ADDRSTRLEN], text[80];
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&name;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&name;

	if (ask(fd, (struct sockaddr *)&name, &length) != 0) {
		say(step, -1);
		return;
	}
	inet_ntop(name.ss_family,
		  name.ss_family == AF_INET ? (void *)&ip4->sin_addr : (void *)&ip6->sin6_addr,
		  host, sizeof(host));
	snprintf(text, sizeof(text), "%s:%d length %u", host,
		 with_port ? ntohs(name.ss_family == AF_INET ? ip4->sin_port : ip6->sin6_port) : 0,
		 length);
	say_text(step, text);
}

static void go_on_as(const char *step, int duplicate)
{
	say(step, duplicate < 0 ? -1 : 0);
	if (duplicate < 0)
		return;
	older_fd = fd;
	fd = duplicate;
}

static void say_child(const char *step, pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(step);
	say(step, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void step_fork(const char *step, struct data data)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (data.size)
			_exit(write(fd, data.bytes, data.size) == (ssize_t)data.size ? 0 : 1);
		close(fd);
		_exit(0);
	}
	say_child(step, pid);
}

/* The command sees the socket as descriptor 9. */
static void step_spawn(const char *step, const char *command)
{
	char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 9);
	if (posix_spawn(&pid, "/bin/sh", &actions, NULL, arguments, environ) != 0)
		die("posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	say_child(step, pid);
}

static void step_vfork_exec(const char *step, const char *command)
{
	char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (pid == 0) {
		execve("/bin/sh", arguments, environ);
		_exit(127);
	}
	say_child(step, pid);
}

static void *write_in_thread(void *data)
{
	struct data *bytes = data;

	return (void *)(intptr_t)write(fd, bytes->bytes, bytes->size);
}

static void step_thread(const char *step, struct data data)
{
	pthread_t thread;
	void *result;

	if (pthread_create(&thread, NULL, write_in_thread, &data) != 0)
		die("pthread_create");
	pthread_join(thread, &result);
	say(step, (long)(intptr_t)result);
}

static void ignore_signal(int number)
{
	(void)number;
}

static void step_signals(int flags, int first_ms, int every_ms)
{
	struct sigaction action = {.sa_handler = ignore_signal, .sa_flags = flags};
	struct itimerval timer = {{every_ms / 1000, every_ms % 1000 * 1000L},
				  {first_ms / 1000, first_ms % 1000 * 1000L}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void step_timeout(int option, int ms)
{
	struct timeval timeout = {ms / 1000, ms % 1000 * 1000L};

	need_socket();
	setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout));
}

static long elapsed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static void step_bind(void)
{
	struct sockaddr_storage any = {.ss_family = address.ss_family};

	need_socket();
	if (bind(fd, (struct sockaddr *)&any, address_length) != 0)
		die("bind");
}

static int run_setting(const char *name, int number)
{
	struct linger linger = {1, 0};

	if (!strcmp(name, "return"))
		return 1;
	if (!strcmp(name, "port"))
		((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)number);
	else if (!strcmp(name, "nonblock"))
		set_nonblocking(1);
	else if (!strcmp(name, "block"))
		set_nonblocking(0);
	else if (!strcmp(name, "cloexec"))
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	else if (!strcmp(name, "bind"))
		step_bind();
	else if (!strcmp(name, "linger0"))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (!strcmp(name, "epoll-edge"))
		step_epoll_edge();
	else if (!strcmp(name, "signals"))
		step_signals(0, number, number);
	else if (!strcmp(name, "signals-restart"))
		step_signals(SA_RESTART, number, number);
	else if (!strcmp(name, "signals-off"))
		step_signals(SA_RESTART, 0, 0);
	else if (!strcmp(name, "alarm"))
		step_signals(0, number, 0);
	else if (!strcmp(name, "sndtimeo"))
		step_timeout(SO_SNDTIMEO, number);
	else if (!strcmp(name, "rcvtimeo"))
		step_timeout(SO_RCVTIMEO, number);
	else if (!strcmp(name, "sleep"))
		usleep((useconds_t)number * 1000);
	else if (!strcmp(name, "time"))
		clock_gettime(CLOCK_MONOTONIC, &started);
	else
		return 0;
	return 1;
}

static int run_descriptor_step(const char *step, const char *name)
{
	if (!strcmp(name, "dup"))
		go_on_as(step, dup(fd));
	else if (!strcmp(name, "dup2"))
		go_on_as(step, dup2(fd, 17));
	else if (!strcmp(name, "dupfd"))
		go_on_as(step, fcntl(fd, F_DUPFD_CLOEXEC, 20));
	else if (!strcmp(name, "dup-back"))
		go_on_as(step, dup2(fd, older_fd));
	else if (!strcmp(name, "close-older"))
		say(step, close(older_fd));
	else if (!strcmp(name, "shutdown"))
		say(step, shutdown(fd, SHUT_WR));
	else if (!strcmp(name, "close"))
		say(step, close(fd));
	else if (!strcmp(name, "syscall-close"))
		say(step, syscall(SYS_close, fd));
	else if (!strcmp(name, "close-range"))
		say(step, close_range(3, ~0u, 0));
	else if (!strcmp(name, "closefrom"))
		closefrom(3);
	else if (!strcmp(name, "fdopen"))
		stream = fdopen(fd, "r+");
	else if (!strcmp(name, "fclose"))
		say(step, fclose(stream));
	else
		return 0;
	return 1;
}

static int run_question(const char *step, const char *name, const char *rest)
{
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (!strcmp(name, "connect"))
		say(step, connect_now());
	else if (!strcmp(name, "connect-wait"))
		step_connect_wait(step);
	else if (!strcmp(name, "unconnect"))
		say(step, connect(fd, &nobody, sizeof(nobody)));
	else if (!strcmp(name, "poll"))
		step_poll(step, rest);
	else if (!strcmp(name, "select"))
		step_select(step, rest);
	else if (!strcmp(name, "epoll"))
		step_epoll(step, rest);
	else if (!strcmp(name, "epoll-wait"))
		step_epoll_wait(step, number(rest));
	else if (!strcmp(name, "peer"))
		step_name(step, getpeername, 1);
	else if (!strcmp(name, "name"))
		step_name(step, getsockname, 0);
	else if (!strcmp(name, "error"))
		say(step, socket_error());
	else if (!strcmp(name, "ulp"))
		say(step, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	else if (!strcmp(name, "read"))
		step_read(step, 0);
	else if (!strcmp(name, "read-dontwait"))
		step_read(step, MSG_DONTWAIT);
	else if (!strcmp(name, "peek"))
		step_read(step, MSG_PEEK | MSG_DONTWAIT);
	else if (!strcmp(name, "read-all"))
		step_read_all(step);
	else if (!strcmp(name, "took"))
		say_text(step, elapsed_ms() < number(rest) ? "yes" : "no, longer");
	else
		return 0;
	return 1;
}

static int run_process_step(const char *step, const char *name, const char *rest)
{
	if (!strcmp(name, "fork-write"))
		step_fork(step, data_of(rest));
	else if (!strcmp(name, "fork-close"))
		step_fork(step, (struct data){0});
	else if (!strcmp(name, "spawn"))
		step_spawn(step, rest);
	else if (!strcmp(name, "system"))
		say(step, system(rest)); /* NOLINT(cert-env33-c) */
	else if (!strcmp(name, "vfork-exec"))
		step_vfork_exec(step, rest);
	else if (!strcmp(name, "exec"))
		execl("/bin/sh", "sh", "-c", rest, (char *)NULL);
	else if (!strcmp(name, "thread-write"))
		step_thread(step, data_of(rest));
	else if (!strcmp(name, "exit"))
		exit(number(rest));
	else if (!strcmp(name, "_exit"))
		_exit(number(rest));
	else if (!strcmp(name, "quick_exit"))
		quick_exit(number(rest));
	else if (!strcmp(name, "syscall-exit"))
		syscall(SYS_exit_group, number(rest));
	else
		return 0;
	return 1;
}

static void run(const char *step)
{
	char name[32];
	const char *colon = strchr(step, ':');
	const char *rest = colon ? colon + 1 : "";
	size_t length = colon ? (size_t)(colon - step) : strlen(step);

	snprintf(name, sizeof(name), "%.*s", (int)length, step);
	if (run_setting(name, number(rest)) || run_question(name, name, rest) ||
	    run_descriptor_step(name, name) || run_process_step(name, name, rest))
		return;
	step_send(name, name, data_of(rest));
}

int main(int argc, char **argv)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	if (argc < 4) {
		fprintf(stderr, "usage: client ADDRESS PORT STEP...\n");
		return 2;
	}
	if (inet_pton(AF_INET, argv[1], &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons((uint16_t)number(argv[2]));
		address_length = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, argv[1], &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons((uint16_t)number(argv[2]));
		address_length = sizeof(*ip6);
	} else {
		fprintf(stderr, "client: %s is not an address\n", argv[1]);
		return 2;
	}
	for (int i = 3; i < argc; i++)
		run(argv[i]);
	return 0;
}
