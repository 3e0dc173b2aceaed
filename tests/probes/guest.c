/* SPDX-License-Identifier: MIT */
/*
 * What the library is a guest of, each a few lines; without and with the library they must print
 * the same lines:
 *
 *   guest ADDRESS PORT NAME [ARG...]
 *
 *   stale held|in-flight file|pipe|socket  a connection is closed by an inline system call, and
 *                                          something else gets its number
 *   high                                   connections at high numbers; what they cost in memory
 *   many COUNT                             so many connections at a time
 *   chroot DIRECTORY                       a connection before and one after
 *   secure                                 whether the kernel says that the environment is not to
 *                                          be trusted, and a connection
 *   plugin LIBRARY                         one through a library that is loaded with RTLD_DEEPBIND
 *   itself LIBRARY                         one after loading the library by dlopen
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HELLO	   "hello"
#define HELLO_SIZE ((ssize_t)sizeof(HELLO) - 1)

static struct sockaddr_in address;

static void say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
	fflush(stdout);
}

_Noreturn static void die(const char *what)
{
	say(what, -1);
	exit(2);
}

static void sleep_ms(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

static int connect_number(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno != EINPROGRESS || poll(&pollfd, 1, 5000) != 1)
		die("connect");
	return fd;
}

static int new_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void connect_write_close(const char *what)
{
	int fd = connect_number(new_socket(0));

	say(what, write(fd, HELLO, HELLO_SIZE));
	close(fd);
}

static void close_inline(int fd)
{
#ifdef __x86_64__
	long result = SYS_close;

	__asm__ volatile("syscall" : "+a"(result) : "D"(fd) : "rcx", "r11", "memory");
#else
	register long number __asm__("x8") = SYS_close;
	register long first __asm__("x0") = fd;

	__asm__ volatile("svc 0" : "+r"(first) : "r"(number) : "memory");
#endif
}

/* ---- stale ---- */

static void stale_file(int number)
{
	char back[16] = "";
	int file = memfd_create("file", 0);

	say("same number", file == number);
	say("write", write(file, HELLO, HELLO_SIZE));
	say("send", send(file, HELLO, HELLO_SIZE, 0));
	say("pread", pread(file, back, sizeof(back), 0));
	say("seek", lseek(file, 0, SEEK_SET));
	say("read", read(file, back, sizeof(back)));
	say("connect", connect(file, (struct sockaddr *)&address, sizeof(address)));
	say("shutdown", shutdown(file, SHUT_WR));
	say("close", close(file));
}

static void stale_pipe(int number)
{
	struct pollfd pollfd = {.events = POLLIN};
	char back[16];
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) != 0)
		die("pipe");
	say("same number", ends[0] == number);
	pollfd.fd = ends[0];
	say("read", read(ends[0], back, sizeof(back)));
	say("poll", poll(&pollfd, 1, 10));
	say("write", write(ends[1], HELLO, HELLO_SIZE));
	say("poll", poll(&pollfd, 1, 1000));
	say("read", read(ends[0], back, sizeof(back)));
	say("dup", close(dup(ends[0])));
	say("close", close(ends[0]));
	say("close", close(ends[1]));
}

static void stale_socket(int number)
{
	struct sockaddr_in peer = {0};
	socklen_t length = sizeof(peer);
	int fd = new_socket(0);

	say("same number", fd == number);
	say("getpeername", getpeername(fd, (struct sockaddr *)&peer, &length));
	connect_number(fd);
	say("write", write(fd, HELLO, HELLO_SIZE));
	say("shutdown", shutdown(fd, SHUT_WR));
	say("close", close(fd));
}

static void stale(char **args)
{
	int held = !strcmp(args[0], "held"),
	    fd = connect_number(new_socket(held ? 0 : SOCK_NONBLOCK));

	if (!held)
		say("write", write(fd, HELLO, HELLO_SIZE));
	close_inline(fd);
	if (!strcmp(args[1], "file"))
		stale_file(fd);
	else if (!strcmp(args[1], "pipe"))
		stale_pipe(fd);
	else
		stale_socket(fd);
	/* Long after the deadline. */
	sleep_ms(100);
}

/* ---- many and high ---- */

static long memory_kib(void)
{
	char line[128];
	long size = -1;
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmRSS:", 6))
			size = strtol(line + 6, NULL, 10);
	if (status)
		fclose(status);
	return size;
}

static void allow_all_numbers(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void say_growth(long before, long most_kib)
{
	long growth = memory_kib() - before;

	say("KiB more than expected", growth <= most_kib ? 0 : growth);
}

/* As high as the limit goes. The number is there before the socket connects. */
static void high(char **unused)
{
	struct rlimit limit;
	long before;
	int fds[16], count = 0;

	(void)unused;
	allow_all_numbers();
	getrlimit(RLIMIT_NOFILE, &limit);
	connect_write_close("first");
	before = memory_kib();
	for (rlim_t number = 64; number < limit.rlim_cur && count < 16; number *= 2) {
		int fd = new_socket(SOCK_NONBLOCK), at = fcntl(fd, F_DUPFD, (int)number - 1);

		close(fd);
		if (at < 0)
			die("F_DUPFD");
		fds[count++] = connect_number(at);
	}
	say_growth(before, 1024);
	for (int i = 0; i < count; i++) {
		if (write(fds[i], HELLO, HELLO_SIZE) != HELLO_SIZE)
			die("write");
		close(fds[i]);
	}
	say("connections", count > 5);
}

static void many(char **args)
{
	int count = (int)strtol(args[0], NULL, 10), *fds = calloc((size_t)count, sizeof(*fds));
	long before;

	if (!fds)
		die("calloc");
	allow_all_numbers();
	connect_write_close("first");
	before = memory_kib();
	for (int i = 0; i < count; i++)
		fds[i] = connect_number(new_socket(SOCK_NONBLOCK));
	say_growth(before, 1024);
	for (int i = 0; i < count; i++) {
		if (write(fds[i], HELLO, HELLO_SIZE) != HELLO_SIZE)
			die("write");
		close(fds[i]);
	}
	free(fds);
	say("connections", count);
}

/* ---- surroundings ---- */

static void change_root(char **args)
{
	connect_write_close("before");
	if (chroot(args[0]) != 0 || chdir("/") != 0)
		die("chroot");
	connect_write_close("after");
	sleep_ms(50);
	connect_write_close("later");
}

static void secure(char **unused)
{
	(void)unused;
	say("secure", (long)getauxval(AT_SECURE));
	connect_write_close("write");
}

/* Its calls go to libc, past every preload. */
static void plugin(char **args)
{
	void *library = dlopen(args[0], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	ssize_t (*write_past)(int, const void *, size_t);
	int (*connect_past)(int, const struct sockaddr *, socklen_t);
	int fd = connect_number(new_socket(0));

	if (!library)
		die(dlerror());
	*(void **)&write_past = dlsym(library, "plugin_write");
	*(void **)&connect_past = dlsym(library, "plugin_connect");
	say("its write", write_past(fd, HELLO, HELLO_SIZE));
	close(fd);
	fd = new_socket(0);
	say("its connect", connect_past(fd, (struct sockaddr *)&address, sizeof(address)));
	say("our write", write(fd, HELLO, HELLO_SIZE));
	close(fd);
}

static void itself(char **args)
{
	void *library = dlopen(args[0], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);

	if (!library)
		die(dlerror());
	connect_write_close("write");
	say("dlclose", dlclose(library));
	connect_write_close("write");
}

static const struct {
	const char *name;
	void (*run)(char **args);
} guests[] = {
	{"stale", stale},   {"high", high},	{"many", many},	    {"chroot", change_root},
	{"secure", secure}, {"plugin", plugin}, {"itself", itself},
};

int main(int argc, char **argv)
{
	if (argc < 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: guest ADDRESS PORT NAME [ARG...]\n");
		return 2;
	}
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	for (size_t i = 0; i < sizeof(guests) / sizeof(*guests); i++) {
		if (strcmp(argv[3], guests[i].name) != 0)
			continue;
		guests[i].run(argv + 4);
		return 0;
	}
	fprintf(stderr, "guest: there is no %s\n", argv[3]);
	return 2;
}
