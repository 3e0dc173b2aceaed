/* SPDX-License-Identifier: MIT */
/* What the kernel has, what its switches say, and whether a SYN with data gets through to itself.
 */
#include "machine.h"

#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWITCHES "/proc/sys/net/ipv4/tcp_fastopen"
#define PAUSE	 "/proc/sys/net/ipv4/tcp_fastopen_blackhole_timeout_sec"

#define TRIAL_MS 2000 /* a lost SYN is repeated after 1 s */
/* The first fetches a cookie, the second may find it outdated, the third has a new one. */
#define TRIALS 3

static long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long number = -1;

	if (file && fscanf(file, "%ld", &number) != 1) /* NOLINT(cert-err34-c): the kernel's */
		number = -1;
	if (file)
		fclose(file);
	return number;
}

static int open_listener(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	const int pending = 16;
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &pending, sizeof(pending)) == 0 &&
	    listen(fd, pending) == 0 && getsockname(fd, (struct sockaddr *)address, &length) == 0)
		return fd;
	close(fd);
	return -1;
}

static const char *why_failed(const struct connection *connection)
{
	if (connection->error == EINPROGRESS)
		return "no cookie came";
	if (connection->state != CONNECTION_MADE)
		return connection_error_text(connection);
	if (connection->outcome.retransmissions)
		return "a SYN with data was lost";
	return "data in a SYN was not acknowledged";
}

/* Without a cookie only a SYN that asks for one has left; it is seen through. */
static bool try_once(const struct addrinfo *to, struct machine *machine)
{
	struct connection connection = connect_with_data(to, "hello", 5, TRIAL_MS);
	bool worked =
		connection.state == CONNECTION_MADE && connection.outcome.syn_data_acknowledged;

	if (connection.fd >= 0 && connection.error == EINPROGRESS)
		connection_wait(&connection, POLLOUT, TRIAL_MS);
	machine->trial_why = worked ? NULL : why_failed(&connection);
	connection_close(&connection);
	return worked;
}

static void try_data(struct machine *machine)
{
	struct sockaddr_in address;
	const struct addrinfo to = {.ai_family = AF_INET,
				    .ai_addr = (struct sockaddr *)&address,
				    .ai_addrlen = sizeof(address)};
	int listener = open_listener(&address);

	if (listener < 0) {
		machine->trial_why = strerror(errno);
		return;
	}
	machine->trial = TRIAL_FAILED;
	for (int i = 0; i < TRIALS && machine->trial == TRIAL_FAILED; i++)
		if (try_once(&to, machine))
			machine->trial = TRIAL_WORKED;
	close(listener);
}

void machine_examine(struct machine *machine)
{
	int trouble = fastopen_trouble();

	*machine = (struct machine){.trial = TRIAL_NOT_MADE};
	uname(&machine->names);
	machine->switches = read_number(SWITCHES);
	machine->pause_s = read_number(PAUSE);
	/* EOPNOTSUPP: only switched off. */
	machine->has_kernel_hold = trouble == 0 || trouble == EOPNOTSUPP;
	machine->has_user_hold = machine->has_kernel_hold || machine->switches >= 0;
	if (machine->switches < 0)
		machine->trial_why = "net.ipv4.tcp_fastopen cannot be read";
	else if (!(machine->switches & FASTOPEN_CLIENT))
		machine->trial_why = "Fast Open is off for clients";
	else if (!(machine->switches & FASTOPEN_SERVER))
		machine->trial_why = "it takes a server, and Fast Open is off for those here";
	else
		try_data(machine);
}
