/* SPDX-License-Identifier: MIT */
/* How a connection comes under a hold. Emission and release are elsewhere. */
#include "shim/socket/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "shim/clock.h"
#include "shim/log.h"
#include "shim/memory/recent.h"
#include "shim/next.h"
#include "shim/readable.h"
#include "shim/settings.h"
#include "shim/socket/holds.h"
#include "shim/socket/keeper.h"
#include "shim/socket/release.h"

/* A hold can win nothing more against a plain connect after one round trip. */
#define DEADLINE_UNKNOWN_NS (20 * NS_PER_MS)
#define DEADLINE_LEAST_NS   (5 * NS_PER_MS)
#define DEADLINE_MOST_NS    (100 * NS_PER_MS)

bool socket_is_blocking(int fd)
{
	int flags = next.fcntl(fd, F_GETFL, 0);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static uint64_t hold_time_ns(const struct policy_rule *rule, uint32_t rtt_us)
{
	uint64_t rtt_ns = rtt_us * NS_PER_US;

	if (rule->hold_us)
		return rule->hold_us * NS_PER_US;
	if (!rtt_us)
		return DEADLINE_UNKNOWN_NS;
	if (rtt_ns < DEADLINE_LEAST_NS)
		return DEADLINE_LEAST_NS;
	return rtt_ns < DEADLINE_MOST_NS ? rtt_ns : DEADLINE_MOST_NS;
}

static struct tracked facts_of(int fd, const struct sockaddr *address, socklen_t length,
			       const struct policy_rule *rule, uint32_t rtt_us)
{
	uint64_t now = clock_now_ns();
	struct tracked facts = {
		.address_length = length,
		.identity = socket_identity(fd),
		.rule = rule,
		.reason = SYN_NOT_HELD,
		.blocking = socket_is_blocking(fd),
		.rtt_us = rtt_us,
	};

	memcpy(&facts.address, address, length);
	atomic_init(&facts.connected_ns, now);
	atomic_init(&facts.deadline_ns, now + hold_time_ns(rule, rtt_us));
	atomic_init(&facts.epoll_set, EPOLL_SET_NONE);
	atomic_init(&facts.holder, (uintptr_t)pthread_self());
	return facts;
}

static int tell_connected(struct tracking *tracking)
{
	atomic_store(&tracking->socket->told_connected, true);
	return 0;
}

static int tell_in_progress(void)
{
	errno = EINPROGRESS;
	return -1;
}

/* What a held connect() answers: as if the handshake had ended (blocking) or had begun. A
 * descriptor that sits in an edge-triggered epoll set gets the kernel's own 0, because no edge
 * would ever come. */
static int answer_held(struct tracking *tracking)
{
	bool edge_triggered = table_is_marked(tracking->fd, MARK_EDGE_TRIGGERED);

	if (edge_triggered)
		note_epoll_set(tracking, EPOLL_SET_UNKNOWN);
	if (tracking->socket->blocking || edge_triggered)
		return tell_connected(tracking);
	return tell_in_progress();
}

/* An ordinary connection under a rule: it is told apart from others only by what is remembered of
 * it, and by the option that sticks to its socket: a later connect() must not be held unseen. */
static int follow_ordinary(int fd, const struct tracked *facts, int result)
{
	int saved = errno;

	if (result == 0 || saved == EINPROGRESS || saved == EINTR) {
		struct tracking tracking;

		table_add(fd, SOCKET_CONNECTING, facts);
		tracking = table_peek(fd);
		if (result == 0 && table_state(&tracking) == SOCKET_CONNECTING)
			handshake_has_ended(&tracking);
	} else {
		hold_disarm(fd);
		handshake_was_refused(facts, saved);
	}
	errno = saved;
	return result;
}

static int connect_ordinarily(int fd, const struct tracked *facts)
{
	return follow_ordinary(fd, facts,
			       next.connect(fd, &facts->address.any, facts->address_length));
}

/* Held, and may not be: the SYN goes without data, and the program gets what an ordinary connect()
 * gives. */
static int connect_released(int fd, const struct tracked *facts)
{
	int result;

	if (!release_untracked(fd, facts)) {
		hold_disarm(fd);
		return connect_ordinarily(fd, facts);
	}
	if (!facts->blocking)
		return follow_ordinary(fd, facts, tell_in_progress());
	result = next.connect(fd, &facts->address.any, facts->address_length);
	/* SO_SNDTIMEO has ended the wait: the program's one connect() says it in other words. */
	if (result != 0 && errno == EALREADY)
		errno = EINPROGRESS;
	return follow_ordinary(fd, facts, result);
}

static int keep_hold(int fd, const struct tracked *facts)
{
	struct tracking tracking;

	/* Twice: nothing may be held without a keeper, and once it is there it must be told. */
	if (!keeper_expect(atomic_load(&facts->deadline_ns))) {
		log_connect(facts, "plain: no thread could be started to keep the deadline");
		return connect_released(fd, facts);
	}
	if (facts->identity == 0 || !table_add(fd, SOCKET_HELD, facts)) {
		log_connect(facts, "plain: no room to track it");
		return connect_released(fd, facts);
	}
	keeper_expect(atomic_load(&facts->deadline_ns));
	tracking = table_peek(fd);
	return tracking.socket ? answer_held(&tracking) : 0;
}

/* What sits in an epoll set is looked at by whoever waits on that set. */
static bool bears_holding(int fd)
{
	return hold_in_use()->bears_looking ||
	       !(table_is_marked(fd, MARK_IN_EPOLL) || table_is_marked(fd, MARK_EDGE_TRIGGERED));
}

static int connect_with_hold(int fd, const struct tracked *facts, enum advice advice)
{
	struct attempt attempt = hold_in_use()->connect(fd, facts);

	if (attempt.came_to == ATTEMPT_HELD && advice == ADVICE_HOLD && bears_holding(fd))
		return keep_hold(fd, facts);
	if (attempt.came_to == ATTEMPT_HELD) {
		log_connect(facts, advice == ADVICE_HOLD
					   ? "plain: it is in an epoll set"
					   : "plain: not reached lately, verified first");
		return connect_released(fd, facts);
	}
	log_connect(facts, attempt.why_not);
	if (attempt.came_to == ATTEMPT_ASKED)
		return follow_ordinary(fd, facts, attempt.result);
	return attempt.result;
}

/* One connection in so many stays plain, so that the others can be compared with it. */
static bool is_in_control_group(const struct tracked *facts)
{
	unsigned int share = facts->rule->control_share;

	/* The kernel's numbers for sockets and the clock are as random as this needs. */
	return share &&
	       (facts->identity * 0x9e3779b97f4a7c15ull + atomic_load(&facts->connected_ns)) %
			       share ==
		       0;
}

/* The kernel connects to an address of this host instead, and tells that one. */
static bool is_wildcard(const union socket_address *address)
{
	return address->any.sa_family == AF_INET ? address->ip4.sin_addr.s_addr == htonl(INADDR_ANY)
						 : IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr);
}

/* Whether a connection is to be held; NULL if so, else why not. */
static const char *why_plain(int fd, const union socket_address *address, enum advice advice)
{
	if (is_wildcard(address))
		return "plain: the address is that of no host";
	if (advice == ADVICE_PLAIN)
		return "plain: suspended";
	if (advice == ADVICE_NO_GAIN)
		return "plain: too near to gain anything";
	if (!hold_is_possible(fd))
		return "plain: not a TCP socket, or in the program's own hands";
	return NULL;
}

/* What the policy says of a destination. */
struct verdict {
	const struct policy *policy;
	const struct policy_rule *rule; /* NULL: none */
	bool by_name;			/* only if the payload names the host */
};

static int connect_under_rule(int fd, const struct sockaddr *address, socklen_t length,
			      const struct verdict *verdict)
{
	int saved = errno;
	uint32_t rtt_us;
	enum advice advice = recent_advice(address, length, verdict->rule, &rtt_us);
	struct tracked facts = facts_of(fd, address, length, verdict->rule, rtt_us);
	const char *why = why_plain(fd, &facts.address, advice);

	facts.policy = verdict->policy;
	facts.by_name = verdict->by_name;
	errno = saved;
	if (why) {
		log_connect(&facts, why);
		return next.connect(fd, address, length);
	}
	if (advice == ADVICE_HOLD && is_in_control_group(&facts)) {
		facts.control = true;
		log_connect(&facts, "plain: in the control group");
		return connect_ordinarily(fd, &facts);
	}
	return connect_with_hold(fd, &facts, advice);
}

static struct verdict ask_policy(const struct sockaddr *address, socklen_t length)
{
	const struct policy_question question = {
		.address = address, .length = length, .program = settings.program};
	struct verdict verdict = {.policy = settings_policy()};
	const struct policy_rule *expected;

	verdict.rule = policy_decide(verdict.policy, &question);
	if (verdict.rule && verdict.rule->verb == POLICY_ALLOW)
		return verdict;
	expected = policy_expect(verdict.policy, &question);
	if (expected) {
		verdict.rule = expected;
		verdict.by_name = true;
	}
	return verdict;
}

static bool is_internet_address(const struct sockaddr *address, socklen_t length)
{
	return !is_absurd(address) && length >= sizeof(address->sa_family) &&
	       length <= sizeof(union socket_address) &&
	       (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

/* libc writes to a stream without telling us, and to the standard ones from the start; and what has
 * another number may be used under that one. */
static bool is_used_elsewhere(int fd)
{
	return fd <= STDERR_FILENO || table_is_marked(fd, MARK_STREAM) ||
	       table_is_marked(fd, MARK_TWIN);
}

static int connect_to_internet(int fd, const struct sockaddr *address, socklen_t length)
{
	int saved = errno;
	struct verdict verdict;

	verdict = ask_policy(address, length);
	if (!verdict.rule || verdict.rule->verb != POLICY_ALLOW || is_used_elsewhere(fd)) {
		log_not_allowed(address, length, verdict.rule);
		errno = saved;
		return next.connect(fd, address, length);
	}
	errno = saved;
	return connect_under_rule(fd, address, length, &verdict);
}

static bool dissolves(const struct sockaddr *address, socklen_t length)
{
	return !is_absurd(address) && length >= sizeof(address->sa_family) &&
	       address->sa_family == AF_UNSPEC;
}

void hold_note_dissolution(int fd, const struct sockaddr *address, socklen_t length)
{
	if (dissolves(address, length))
		table_doubt_tcp(fd);
}

int hold_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (is_internet_address(address, length))
		return connect_to_internet(fd, address, length);
	hold_note_dissolution(fd, address, length);
	return next.connect(fd, address, length);
}

/* Whether the program may think that it is connected: it was told so, poll may have said so, or it
 * has written. In that case a second connect() says what it says on a connected socket: 0 once
 * after EINPROGRESS, EISCONN otherwise. The kernel's own answer would be to hang (a blocking socket
 * that is held), or to contradict poll. */
static bool looks_connected(const struct tracking *tracking)
{
	return table_state(tracking) == SOCKET_HELD || table_state(tracking) == SOCKET_BUSY ||
	       tracking->socket->syn_bytes || atomic_load(&tracking->socket->told_connected) ||
	       atomic_load(&tracking->socket->seen_writable);
}

int hold_connect_again(struct tracking *tracking, const struct sockaddr *address, socklen_t length)
{
	int failure;

	if (dissolves(address, length)) {
		/* An ordinary connection would be there, and would be reset. */
		release_and_await(tracking->fd);
		return next.connect(tracking->fd, address, length);
	}
	failure = release_failure(tracking);
	if (failure) {
		errno = failure;
		return -1;
	}
	if (!looks_connected(tracking))
		return next.connect(tracking->fd, address, length);
	if (!atomic_exchange(&tracking->socket->told_connected, true))
		return 0;
	errno = EISCONN;
	return -1;
}

static int connect_without_waiting(int fd, const struct tracked *socket)
{
	struct timeval shortest = {.tv_usec = 1}, before;
	socklen_t length = sizeof(before);
	int result, saved;

	/* O_NONBLOCK belongs to the open file, which others may be using; the send timeout is
	 * looked at by nobody in this moment. */
	if (next.getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &length) != 0)
		return -1;
	next.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &shortest, sizeof(shortest));
	result = next.connect(fd, &socket->address.any, socket->address_length);
	saved = errno;
	next.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof(before));
	errno = saved;
	return result;
}

int hold_connect_plainly(int fd, const struct tracked *socket, bool wait)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (next.connect(fd, &nobody, sizeof(nobody)) != 0)
		return -1;
	table_doubt_tcp(fd);
	if (!hold_disarm(fd)) {
		/* With the client bit off the kernel does not even take the option back, and would
		 * hold again what can never be sent. The association stays dissolved. */
		errno = ECONNABORTED;
		return -1;
	}
	if (wait)
		return next.connect(fd, &socket->address.any, socket->address_length);
	return connect_without_waiting(fd, socket);
}
