/* SPDX-License-Identifier: MIT */
/* Servers under a rule. Never changes what listen(2) or accept(2) answers. */
#include "shim/socket/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "policy/key.h"
#include "policy/text.h"
#include "shim/clock.h"
#include "shim/log.h"
#include "shim/memory/servers.h"
#include "shim/next.h"
#include "shim/settings.h"
#include "shim/socket/table.h"

#ifndef TCPI_OPT_SYN_DATA
#define TCPI_OPT_SYN_DATA 32 /* linux/tcp.h */
#endif

#define SYSCTL	   "/proc/sys/net/ipv4/tcp_fastopen"
#define SERVER_BIT 2

#ifndef TCP_FASTOPEN_KEY
#define TCP_FASTOPEN_KEY 33 /* linux/tcp.h, Linux 4.15 */
#endif

/* How often a server that accepts looks whether its key file has changed. */
#define KEY_LOOK_NS NS_PER_S

#define ADDRESS_WORDS ((sizeof(union socket_address) + 7) / 8)

_Atomic(int) listeners_plain[LISTENER_PLACES];

/* A socket under a rule. Each field is atomic by itself; whoever finds fields of two sockets there
 * finds another identity than its own. */
struct listener {
	_Atomic(uint64_t) identity; /* as in table.h; 0: nobody */
	_Atomic(const struct policy_rule *) rule;
	_Atomic(uint64_t) key_stamp;   /* of the key file when it was read last; 0: never */
	_Atomic(uint64_t) key_look_ns; /* when to look at it again */
	_Atomic(uint64_t) address[ADDRESS_WORDS];
	_Atomic(socklen_t) length; /* of the address */
	_Atomic(int) backlog;	   /* what the kernel made of the rule's */
	_Atomic(bool) has_key;	   /* the socket has what was in it then, or before */
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

static void put_address(struct listener *listener, const union socket_address *address,
			socklen_t length)
{
	uint64_t words[ADDRESS_WORDS] = {0};

	memcpy(words, address, sizeof(*address));
	for (size_t i = 0; i < ADDRESS_WORDS; i++)
		atomic_store(&listener->address[i], words[i]);
	atomic_store(&listener->length, length);
}

static socklen_t get_address(const struct listener *listener, union socket_address *address)
{
	uint64_t words[ADDRESS_WORDS] = {0};

	for (size_t i = 0; i < ADDRESS_WORDS; i++)
		words[i] = atomic_load(&listener->address[i]);
	memcpy(address, words, sizeof(*address));
	return atomic_load(&listener->length);
}

/* What is known of the socket behind this number; NULL: nothing. */
static struct listener *known(int fd)
{
	struct listener *listener = listener_at(fd);
	uint64_t identity = atomic_load(&listener->identity);

	return identity && identity == socket_identity(fd) ? listener : NULL;
}

static void note_plain(int fd)
{
	atomic_store(&listener_at(fd)->identity, 0);
	atomic_store(&listeners_plain[fd & (LISTENER_PLACES - 1)], fd + 1);
}

static void note_under_rule(const struct look *look, int backlog)
{
	struct listener *listener = listener_at(look->fd);

	if (!known(look->fd)) {
		atomic_store(&listener->identity, 0);
		atomic_store(&listener->key_stamp, 0);
		atomic_store(&listener->has_key, false);
	}
	atomic_store(&listener->key_look_ns, 0);
	atomic_store(&listener->rule, look->rule);
	atomic_store(&listener->backlog, backlog);
	put_address(listener, &look->address, look->length);
	atomic_store(&listener->identity, socket_identity(look->fd));
	atomic_store(&listeners_plain[look->fd & (LISTENER_PLACES - 1)], 0);
	memory_server_listens(&look->address.any, look->length, (uint32_t)backlog);
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

/* Linux before 5.4 takes one key only. */
static bool set_key(int fd, const struct key *key)
{
	return next.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key->bytes, key->length) == 0 ||
	       next.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key->bytes, KEY_BYTES) == 0;
}

static void say_problem(const struct look *look, const struct policy_problem *problem)
{
	char sentence[sizeof(problem->file) + sizeof(problem->sentence) + 40];
	struct text text = text_in(sentence, sizeof(sentence));

	text_add(&text, "key not taken: ");
	text_add_visible(&text, problem->file, strlen(problem->file));
	text_add(&text, ": ");
	text_add(&text, problem->sentence);
	say(look, sentence);
}

/* A key that is not the file's, and never was as far as we know, is the program's. */
static bool has_own_key(const struct look *look, const struct key *file)
{
	struct key own = {.length = sizeof(own.bytes)};

	if (atomic_load(&listener_at(look->fd)->has_key))
		return false;
	return next.getsockopt(look->fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, own.bytes, &own.length) ==
		       0 &&
	       own.length && !key_is_of(&own, file);
}

static void apply_key(const struct look *look)
{
	struct policy_problem problem;
	struct key key;

	if (key_read(look->rule->key, &key, &problem) < 0) {
		say_problem(look, &problem);
	} else if (has_own_key(look, &key)) {
		say(look, "key not taken: the program's own stays");
	} else if (!set_key(look->fd, &key)) {
		say(look, "key not taken: the kernel refuses TCP_FASTOPEN_KEY");
	} else {
		atomic_store(&listener_at(look->fd)->has_key, true);
		say(look, key.length > KEY_BYTES ? "key taken, and its backup" : "key taken");
	}
}

/* Reads the key file if it is another one than before. One that is gone changes nothing. */
static void follow_key(const struct look *look)
{
	struct listener *listener = listener_at(look->fd);
	uint64_t stamp, before = atomic_load(&listener->key_stamp);

	atomic_store(&listener->key_look_ns, clock_now_ns() + KEY_LOOK_NS);
	stamp = key_stamp(look->rule->key);
	if (stamp && stamp != before &&
	    atomic_compare_exchange_strong(&listener->key_stamp, &before, stamp))
		apply_key(look);
}

/* Whatever the program has set stays. What we set ourselves follows the rule. */
static bool is_own_setting(const struct look *look, int backlog)
{
	const struct listener *before = known(look->fd);

	if (backlog == 0)
		return table_is_marked(look->fd, MARK_NO_FASTOPEN);
	return !before || atomic_load(&before->backlog) != backlog;
}

/* Before anything is accepted: what is wrong is said, a file that is not there too. */
static void take_key(const struct look *look)
{
	if (!look->rule->key)
		return;
	if (key_stamp(look->rule->key))
		follow_key(look);
	else
		apply_key(look);
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
	take_key(look);
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
	take_key(look);
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

/* Once a second at the most; else two loads and the time. */
static void look_at_key(int fd)
{
	struct listener *listener = listener_at(fd);
	const struct policy_rule *rule = atomic_load(&listener->rule);
	struct look look = {.fd = fd, .rule = rule};

	if (!rule->key || clock_now_ns() < atomic_load(&listener->key_look_ns) ||
	    listener != known(fd))
		return;
	look.length = get_address(listener, &look.address);
	follow_key(&look);
}

void listener_before_accept(int fd)
{
	struct look look = {.fd = fd};
	int cancel, saved = errno;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (atomic_load(&listener_at(fd)->identity))
		look_at_key(fd);
	else if (get_number(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
		look_at(&look);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}

static bool came_with_data(int connection)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	return next.getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

static void count(int fd, int connection)
{
	const struct listener *listener = known(fd);
	struct look look = {.fd = fd};
	bool in_syn;

	if (!listener) { /* another socket came to this number */
		look_at(&look);
		listener = known(fd);
	}
	if (!listener)
		return;
	in_syn = came_with_data(connection);
	look.rule = atomic_load(&listener->rule);
	look.length = get_address(listener, &look.address);
	memory_server_accepted(&look.address.any, look.length, in_syn);
	say(&look, in_syn ? "accepted, with data in the SYN" : "accepted");
}

/* A thread that is cancelled here would take the connection with it. */
void listener_after_accept(int fd, int connection)
{
	int cancel, saved = errno;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	count(fd, connection);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}
