/* SPDX-License-Identifier: MIT */
/*
 * A client that does what it is told, one system call a step, and prints what each said: run with
 * and without the library, the same steps must print the same lines.
 *
 *   client ADDRESS PORT STEP...
 *
 * Steps act on one socket, made blocking at the first step that needs it; `use:N` goes on with the
 * Nth of eight (the first is 0).
 *   socket inherit:FD                          make it now; take the one that has that number
 *   socket-by-number                           make it by syscall(SYS_socket)
 *   number-of:udp|unix                         its number was that of such a socket before
 *   swap                                       back to the number from before a duplicate
 *   untidy                                     the address has more in it than a peer's
 *   mtu mss peername mark:N                    options that a connection answers; SO_MARK
 *   nonblock block cloexec bind linger0 linger:S nodelay fionbio:0|1   before or between other
 * steps connect connect-wait                       connect-wait: connect, poll for POLLOUT,
 * SO_ERROR unconnect                                  connect(AF_UNSPEC) DOOR:DATA      DOOR: write
 * send sendto sendto-to sendmsg sendmsg-to writev sendmmsg pwritev2 dprintf sendfile splice more;
 * DATA: text, @N for N bytes, =get, =post all:DOOR:DATA                              until all is
 * sent, polling when told EAGAIN write-all:DATA                             all:write:DATA fdopen
 * fprintf:DATA buffer:DATA fclose     stdio on the socket; buffer does not flush read read-dontwait
 * peek read-all read-all: until the end of the stream readv recv recvfrom recvmsg recvmmsg preadv2
 * read-n:DOOR:N N bytes, polling when told EAGAIN wait-all:N                                 N
 * bytes by MSG_WAITALL poll:EVENTS:MS ppoll:... select:... pselect:... epoll:... epoll-pwait:...
 * epoll-pwait2:... EVENTS: in, out, inout; prints what is ready await-all:EVENTS:MS polls all
 * sockets until each was ready once epoll-edge                                 adds the socket to
 * an epoll set with EPOLLET epoll-wait:MS                              waits on that set peer name
 * error                            getpeername, getsockname (address only), SO_ERROR available
 * FIONREAD ulp                                        setsockopt(TCP_ULP, "tls") dup dup2 dup3
 * dupfd dupfd-kept dup-back pass   the socket goes on under the new number (pass: through
 * SCM_RIGHTS, to the client itself) close-older                                the number from
 * before that shutdown shutdown-read shutdown-both close syscall-close close-range closefrom
 *   replace                                    dup2 of /dev/null onto the socket
 *   over:N                                     dup2 of the socket onto the Nth, which is the same
 * then fork-write:DATA fork-close exec:COMMAND spawn:COMMAND system:COMMAND   child, then wait for
 * it vfork-exec:COMMAND in-child                                   a child goes on, and its status
 * is the client's orphan                                     a child goes on, and the parent ends
 * at once thread-write:DATA                          from another thread background:STEP join in
 * another thread, and when it has ended signals:MS signals-restart:MS signals-off  a timer signal
 * every MS, without and with SA_RESTART alarm:MS                                   one SIGALRM,
 * without SA_RESTART patient                                    calls that a signal interrupts are
 * made again no-sigpipe                                 SIGPIPE is ignored sndtimeo:MS rcvtimeo:MS
 * sleep:MS port:N time                                       prints nothing; later `took:MS` prints
 * whether less exit:N _exit:N quick_exit:N syscall-exit:N return
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

struct sockaddr_storage address;
socklen_t address_length;
bool patient;

struct endpoint endpoints[SOCKETS_MOST];
_Thread_local struct endpoint *at = endpoints;

static struct timespec started;

void die(const char *what)
{
	perror(what);
	exit(2);
}

bool interrupted(long result)
{
	return patient && result < 0 && errno == EINTR;
}

static long elapsed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static void sleep_ms(int ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&time, &time) != 0 && interrupted(-1))
		continue;
}

/* The client itself, started anew with the socket and the steps that are left. */
static void start_anew(const char *name, char **argv, int done)
{
	char *rest[512] = {argv[0], argv[1], argv[2]};
	char inherit[32];
	int count = 3;

	snprintf(inherit, sizeof(inherit), "inherit:%d", at->fd);
	rest[count++] = inherit;
	if (patient)
		rest[count++] = (char *)"patient";
	for (int i = done + 1; argv[i] && count < 511; i++)
		rest[count++] = argv[i];
	if (!strcmp(name, "respawn"))
		go_on_in_spawned(name, rest);
	execv("/proc/self/exe", rest);
	die(name);
}

static bool run_own_step(const struct step *step)
{
	if (!strcmp(step->name, "inherit"))
		at->fd = step->number;
	else if (!strcmp(step->name, "use"))
		at = &endpoints[step->number % SOCKETS_MOST];
	else if (!strcmp(step->name, "port"))
		((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)step->number);
	else if (!strcmp(step->name, "patient"))
		patient = true;
	else if (!strcmp(step->name, "sleep"))
		sleep_ms(step->number);
	else if (!strcmp(step->name, "time"))
		clock_gettime(CLOCK_MONOTONIC, &started);
	else if (!strcmp(step->name, "took"))
		say_text(step->name, elapsed_ms() < step->number ? "yes" : "no, longer");
	else
		return false;
	return true;
}

struct step step_of(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	struct step step = {.rest = colon ? colon + 1 : ""};

	snprintf(step.name, sizeof(step.name), "%.*s", (int)length, text);
	step.number = (int)strtol(step.rest, NULL, 10);
	return step;
}

void run(const struct step *step)
{
	if (run_own_step(step) || run_socket_step(step) || run_wait_step(step) ||
	    run_receive_step(step) || run_process_step(step) || run_send_step(step))
		return;
	fprintf(stderr, "client: %s: no such step\n", step->name);
	exit(2);
}

static bool take_address(const char *host, const char *port)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	/* The port is at the same place in both. */
	ip4->sin_port = htons((uint16_t)strtol(port, NULL, 10));
	if (inet_pton(AF_INET, host, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		address_length = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, host, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		address_length = sizeof(*ip6);
	}
	return address_length != 0;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: client ADDRESS PORT STEP...\n");
		return 2;
	}
	if (!take_address(argv[1], argv[2])) {
		fprintf(stderr, "client: %s is not an address\n", argv[1]);
		return 2;
	}
	for (int i = 0; i < SOCKETS_MOST; i++)
		endpoints[i] = (struct endpoint){-1, -1, -1, NULL};
	for (int i = 3; i < argc; i++) {
		struct step step = step_of(argv[i]);

		if (!strcmp(step.name, "return"))
			return 0;
		if (!strcmp(step.name, "reexec") || !strcmp(step.name, "respawn"))
			start_anew(step.name, argv, i);
		run(&step);
	}
	return 0;
}
