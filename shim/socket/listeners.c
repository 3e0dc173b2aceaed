/* SPDX-License-Identifier: MIT */
/* Servers under a rule. Never changes what listen(2) or accept(2) answers. */
#include "shim/socket/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "policy/text.h"
#include "shim/log.h"
#include "shim/next.h"
#include "shim/settings.h"
#include "shim/socket/table.h"

#ifndef TCPI_OPT_SYN_DATA
#define TCPI_OPT_SYN_DATA 32 /* linux/tcp.h */
#endif

#define SYSCTL	   "/proc/sys/net/ipv4/tcp_fastopen"
#define SERVER_BIT 2

_Atomic(int) listeners_plain[LISTENER_PLACES];

/* A socket under a rule. Each field is atomic by itself; whoever finds fields of two sockets there
 * finds another identity than its own. */
struct listener {
	_Atomic(uint64_t) identity; /* as in table.h; 0: nobody */
	_Atomic(const struct policy_rule *) rule;
	_Atomic(int) backlog; /* what the kernel made of the rule's */
};

static struct listener listeners[LISTENER_PLACES];

static struct listener *listener_at(int fd)
{
	return &listeners[fd & (LISTENER_PLACES - 1)];
}

/* A socket as it is looked at. */
struct look {
	int fd;
	union socket_address address;
	socklen_t length;
	const struct policy_rule *rule;
};

static void note_plain(int fd)
{
	atomic_store(&listener_at(fd)->identity, 0);
	atomic_store(&listeners_plain[fd & (LISTENER_PLACES - 1)], fd + 1);
}

static void note_under_rule(const struct look *look, int backlog)
{
	struct listener *listener = listener_at(look->fd);

	atomic_store(&listener->identity, 0);
	atomic_store(&listener->rule, look->rule);
	atomic_store(&listener->backlog, backlog);
	atomic_store(&listener->identity, socket_identity(look->fd));
	atomic_store(&listeners_plain[look->fd & (LISTENER_PLACES - 1)], 0);
}

/* What is known of the socket behind this number; NULL: nothing. */
static struct listener *known(int fd)
{
	struct listener *listener = listener_at(fd);
	uint64_t identity = atomic_load(&listener->identity);

	return identity && identity == socket_identity(fd) ? listener : NULL;
}

static int get_number(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return next.getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

static uint16_t port_of(const union socket_address *address)
{
	return ntohs(address->any.sa_family == AF_INET6 ? address->ip6.sin6_port
							: address->ip4.sin_port);
}

static bool is_internet(const struct look *look)
{
	return look->address.any.sa_family == AF_INET || look->address.any.sa_family == AF_INET6;
}

/* ---- what is said ---- */

/* The server's switch is the operator's: without it the kernel takes the option and does nothing.
 * -1: cannot be told. */
static int read_sysctl(void)
{
	char digits[16];
	int value = 0, fd = open(SYSCTL, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? next.read(fd, digits, sizeof(digits)) : -1;

	if (fd >= 0)
		next.close(fd);
	for (ssize_t i = 0; i < length && digits[i] >= '0' && digits[i] <= '9' && value < 0xffff;
	     i++)
		value = value * 10 + digits[i] - '0';
	return length > 0 ? value : -1;
}

static void say(const struct look *look, const char *what)
{
	log_listener(&look->address, look->length, look->rule, what);
}

static void say_backlog(const struct look *look, int backlog, const char *what)
{
	char sentence[200];
	struct text text = text_in(sentence, sizeof(sentence));
	int sysctl = read_sysctl();

	text_add(&text, what);
	text_add_number(&text, (uint64_t)backlog);
	text_add(&text, " connections may wait for their handshake");
	if (sysctl >= 0 && !(sysctl & SERVER_BIT)) {
		text_add(&text, ", but the server bit is off: sysctl -w net.ipv4.tcp_fastopen=");
		text_add_number(&text, (uint64_t)(sysctl | SERVER_BIT));
		text_add(&text, " turns it on");
	}
	say(look, sentence);
}

/* ---- what is done ---- */

/* The queue that the socket has by now; -1: it is no TCP socket. */
static int get_backlog(int fd)
{
	return get_number(fd, IPPROTO_TCP, TCP_FASTOPEN);
}

/* Whatever the program has set stays. What we set ourselves follows the rule. */
static bool is_own_setting(const struct look *look, int backlog)
{
	const struct listener *before = known(look->fd);

	if (backlog == 0)
		return table_is_marked(look->fd, MARK_NO_FASTOPEN);
	return !before || atomic_load(&before->backlog) != backlog;
}

static void turn_on(const struct look *look)
{
	int wanted = (int)look->rule->backlog, backlog;

	if (next.setsockopt(look->fd, IPPROTO_TCP, TCP_FASTOPEN, &wanted, sizeof(wanted)) != 0) {
		note_plain(look->fd);
		say(look, "listening plainly: the kernel refuses TCP_FASTOPEN");
		return;
	}
	backlog = get_backlog(look->fd); /* not more than net.core.somaxconn */
	note_under_rule(look, backlog);
	if (settings.log)
		say_backlog(look, backlog, "listening with Fast Open, ");
}

static void apply_rule(const struct look *look)
{
	int backlog = get_backlog(look->fd);

	if (backlog < 0) { /* SCTP and the like */
		note_plain(look->fd);
		return;
	}
	if (!is_own_setting(look, backlog)) {
		turn_on(look);
		return;
	}
	note_under_rule(look, backlog);
	if (settings.log)
		say_backlog(look, backlog, "listening, the program's own setting stays: ");
}

/* Asks the policy about a socket. False if it has no port yet. */
static bool look_at(struct look *look)
{
	const struct policy *policy = settings_policy();
	struct policy_question question = {.address = &look->address.any,
					   .program = settings.program};

	if (!policy_has_listen_rules(policy)) {
		note_plain(look->fd);
		return true;
	}
	look->length = sizeof(look->address);
	if (next.getsockname(look->fd, &look->address.any, &look->length) != 0 ||
	    !is_internet(look)) {
		note_plain(look->fd);
		return true;
	}
	if (port_of(&look->address) == 0)
		return false;
	question.length = look->length;
	look->rule = policy_decide_listen(policy, &question);
	if (look->rule) {
		apply_rule(look);
	} else {
		note_plain(look->fd);
		say(look, "listening plainly");
	}
	return true;
}

/* ---- the doors ask ---- */

static void forget(int fd)
{
	_Atomic(int) *plain = &listeners_plain[fd & (LISTENER_PLACES - 1)];

	if (atomic_load(plain) == fd + 1)
		atomic_store(plain, 0);
}

void listener_before_listen(int fd)
{
	struct look look = {.fd = fd};
	int saved = errno;

	if (fd >= 0) {
		forget(fd);
		look_at(&look);
	}
	errno = saved;
}

void listener_after_listen(int fd)
{
	struct look look = {.fd = fd};
	int saved = errno;

	/* listen(2) has bound it. */
	if (!listener_is_plain(fd) && !known(fd))
		look_at(&look);
	errno = saved;
}

void listener_before_accept(int fd)
{
	struct look look = {.fd = fd};
	int saved = errno;

	if (!atomic_load(&listener_at(fd)->identity) &&
	    get_number(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
		look_at(&look);
	errno = saved;
}

static bool came_with_data(int connection)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	return next.getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

void listener_after_accept(int fd, int connection)
{
	(void)fd;
	(void)connection;
	(void)came_with_data;
}
