/* SPDX-License-Identifier: MIT */
/* Watched sockets: a table of fixed size, and two lists by the time when something is due. */
#include "sockets.h"

#include "habits.h"
#include "listener.h"
#include "say.h"
#include "target.h"

#include "shim/clock.h"
#include "shim/memory/destinations.h"
#include "shim/memory/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WATCHED_MOST 8192

/* A hold can win nothing more against a plain connect after one round trip. */
#define HOLD_UNKNOWN_NS (20 * NS_PER_MS)
#define HOLD_LEAST_NS	(5 * NS_PER_MS)
#define HOLD_MOST_NS	(100 * NS_PER_MS)

/* A handshake that does not end is only followed on as long as its program has the socket; the SYN
 * has been repeated after 1, 3 and 7 s then. */
#define LOOK_NS (8 * NS_PER_S)

/* How many calls may wait for the end of a handshake. */
#define AFTERWARDS_MOST 512

struct watched {
	uint64_t identity; /* SO_COOKIE */
	uint64_t began_ns, released_ns;
	uint64_t due_ns;
	struct list *list;
	struct watched *before, *after;
	struct connection connection;
	int fd;
	enum beginning beginning;
	int untold_error; /* see sockets_note_untold() */
	bool untold;
	bool held; /* at its beginning, and not released since: it may have been written to */
	bool deadline_passed;
};

/* By what is due first. */
struct list {
	struct watched *first, *last;
};

static struct watched table[WATCHED_MOST];
static struct watched *unused;
static unsigned int count;
static struct list held, in_flight;
static int events;

static struct {
	struct watched *watched;
	uint64_t call;
} afterwards[AFTERWARDS_MOST];
static unsigned int afterwards_count;

void sockets_open(int epoll)
{
	events = epoll;
	for (unsigned int i = WATCHED_MOST; i-- > 0; unused = &table[i])
		table[i].after = unused;
}

unsigned int sockets_count(void)
{
	return count;
}

bool sockets_have_room(void)
{
	return unused != NULL;
}

/* ---- lists ---- */

static void leave_list(struct watched *watched)
{
	struct list *list = watched->list;

	*(watched->before ? &watched->before->after : &list->first) = watched->after;
	*(watched->after ? &watched->after->before : &list->last) = watched->before;
}

/* Most are due after all that are there. */
static void join_list(struct watched *watched, struct list *list, uint64_t due_ns)
{
	struct watched *before = list->last;

	while (before && before->due_ns > due_ns)
		before = before->before;
	watched->due_ns = due_ns;
	watched->list = list;
	watched->before = before;
	watched->after = before ? before->after : list->first;
	*(before ? &before->after : &list->first) = watched;
	*(watched->after ? &watched->after->before : &list->last) = watched;
}

static void move(struct watched *watched, struct list *list, uint64_t due_ns)
{
	leave_list(watched);
	join_list(watched, list, due_ns);
}

/* ---- beginning ---- */

static uint64_t identity_of(int fd)
{
	uint64_t identity = 0;
	socklen_t length = sizeof(identity);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &identity, &length) == 0 ? identity : 0;
}

static uint64_t hold_ns(const struct connection *connection)
{
	uint64_t rtt_ns = connection->rtt_us * NS_PER_US;

	if (connection->rule->hold_us)
		return connection->rule->hold_us * NS_PER_US;
	if (!rtt_ns)
		return HOLD_UNKNOWN_NS;
	if (rtt_ns < HOLD_LEAST_NS)
		return HOLD_LEAST_NS;
	return rtt_ns < HOLD_MOST_NS ? rtt_ns : HOLD_MOST_NS;
}

/* Edges only: while it is held it is writable all the time, and the end of the handshake is an
 * edge. */
static bool follow_events(struct watched *watched)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.ptr = watched};

	return epoll_ctl(events, EPOLL_CTL_ADD, watched->fd, &event) == 0;
}

struct watched *sockets_watch(int fd, const struct connection *connection, enum beginning beginning)
{
	struct watched *watched = unused, *next;
	uint64_t now = clock_now_ns();

	if (!watched)
		return NULL;
	next = watched->after;
	*watched = (struct watched){
		.connection = *connection,
		.fd = fd,
		.identity = identity_of(fd),
		.beginning = beginning,
		.held = beginning == BEGAN_HELD,
		.began_ns = now,
		.released_ns = now,
	};
	if (!follow_events(watched)) {
		watched->after = next;
		return NULL;
	}
	unused = next;
	count++;
	if (beginning == BEGAN_HELD)
		join_list(watched, &held, now + hold_ns(connection));
	else
		join_list(watched, &in_flight, now + LOOK_NS);
	return watched;
}

static struct watched *find_in(const struct list *list, uint64_t identity)
{
	struct watched *watched = list->first;

	while (watched && watched->identity != identity)
		watched = watched->after;
	return watched;
}

struct watched *sockets_find(int fd)
{
	uint64_t identity = count ? identity_of(fd) : 0;
	struct watched *watched = identity ? find_in(&held, identity) : NULL;

	return watched || !identity ? watched : find_in(&in_flight, identity);
}

/* ---- end ---- */

/* Before Linux 5.5 the kernel does not say why data was not acknowledged; sending the data alone
 * again is one retransmission, a lost SYN makes it two. */
static bool syn_was_repeated(bool with_data, const struct outcome *outcome)
{
	if (!with_data)
		return outcome->retransmissions > 0;
	if (outcome->client_fail)
		return outcome->client_fail == CLIENT_FAIL_SYN_RETRANSMITTED;
	return !outcome->syn_data_acknowledged && outcome->retransmissions > 1;
}

static void remember(const struct connection *connection, const struct experience *experience)
{
	memory_record(&connection->address.any, connection->length, connection->rule, experience,
		      NULL);
}

static void say_end(const struct watched *watched, const struct outcome *outcome)
{
	const struct connection *connection = &watched->connection;
	const char *what = "no data in the SYN: not reached lately, verified first";

	if (watched->beginning == BEGAN_ASKING)
		return;
	if (watched->held && outcome->handshake != HANDSHAKE_DONE)
		what = "data in the SYN, connection failed";
	else if (watched->held && outcome->syn_data_acknowledged)
		what = "data in the SYN, acknowledged";
	else if (watched->held && syn_was_repeated(true, outcome))
		what = "data in the SYN, lost and sent again";
	else if (watched->held)
		what = "data in the SYN, not acknowledged: sent again";
	else if (watched->deadline_passed)
		what = "no data in the SYN: nothing was written before the deadline";
	else if (watched->beginning == BEGAN_HELD)
		what = "no data in the SYN: the program shuts it down or ends";
	else if (habits_release_at_once(&connection->address))
		what = "no data in the SYN: programs have let the deadline pass here";
	say_held(&connection->address.any, connection->rule,
		 watched->held ? SAY_UNTIL_WRITE : watched->released_ns - watched->began_ns, what);
}

static void learn(const struct watched *watched, const struct outcome *outcome)
{
	const struct connection *connection = &watched->connection;
	struct experience experience = {
		.syn = SYN_EMPTY,
		.established = outcome->handshake == HANDSHAKE_DONE,
		.cookie_expected = connection->rtt_us != 0,
		.acknowledged = outcome->syn_data_acknowledged,
		.retransmitted = syn_was_repeated(watched->held, outcome),
		.rtt_us = outcome->rtt_us,
	};

	if (watched->beginning == BEGAN_ASKING)
		experience.syn = SYN_ASKED_FOR_COOKIE;
	else if (watched->held)
		experience.syn = SYN_CARRIED_DATA;
	remember(connection, &experience);
	if (watched->held)
		habits_note_data(&connection->address);
}

static bool lingers(int fd)
{
	struct linger linger = {0};
	socklen_t length = sizeof(linger);

	return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff &&
	       linger.l_linger > 0;
}

/* Whether the program has it still, under the number that it had. */
static bool is_with_program(const struct watched *watched)
{
	int taken = target_take(watched->connection.thread, watched->connection.number);
	bool same = taken >= 0 && identity_of(taken) == watched->identity;

	if (taken >= 0)
		close(taken);
	return same;
}

/* close() on a socket with a linger time waits for its data, if nobody else has it; that wait
 * cannot be ours. */
static void close_without_waiting(const struct watched *watched)
{
	static const struct linger none;

	if (lingers(watched->fd) && !is_with_program(watched))
		setsockopt(watched->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(watched->fd);
}

static void pass_waiting_calls(const struct watched *watched)
{
	for (unsigned int i = 0; i < afterwards_count;) {
		if (afterwards[i].watched != watched) {
			i++;
			continue;
		}
		listener_pass(afterwards[i].call);
		afterwards[i] = afterwards[--afterwards_count];
	}
}

/* The socket lives on where its program has it. */
static void drop(struct watched *watched)
{
	pass_waiting_calls(watched);
	epoll_ctl(events, EPOLL_CTL_DEL, watched->fd, NULL);
	close_without_waiting(watched);
	leave_list(watched);
	watched->after = unused;
	unused = watched;
	count--;
}

bool sockets_look(struct watched *watched)
{
	struct outcome outcome = outcome_of(watched->fd);

	if (outcome.handshake == HANDSHAKE_UNDER_WAY)
		return false;
	if (outcome.handshake == HANDSHAKE_FAILED)
		socket_disarm(watched->fd);
	say_end(watched, &outcome);
	learn(watched, &outcome);
	drop(watched);
	return true;
}

void sockets_event(struct watched *watched)
{
	sockets_look(watched);
}

void sockets_forget(struct watched *watched)
{
	drop(watched);
}

/* ---- in between ---- */

static void release(struct watched *watched)
{
	if (watched->held && socket_release(watched->fd, &watched->connection)) {
		watched->held = false;
		watched->released_ns = clock_now_ns();
	}
	move(watched, &in_flight, clock_now_ns() + LOOK_NS);
}

static void meet_deadline(struct watched *watched)
{
	release(watched);
	if (watched->held)
		return;
	watched->deadline_passed = true;
	habits_note_deadline(&watched->connection.address);
}

static void look_after_long(struct watched *watched)
{
	struct experience unanswered = {
		.syn = watched->held ? SYN_CARRIED_DATA : SYN_ASKED_FOR_COOKIE,
		.retransmitted = true,
	};

	if (sockets_look(watched))
		return;
	pass_waiting_calls(watched);
	if (is_with_program(watched)) {
		move(watched, &in_flight, clock_now_ns() + LOOK_NS);
		return;
	}
	remember(&watched->connection, &unanswered);
	drop(watched);
}

int sockets_due(void)
{
	uint64_t now = clock_now_ns(), due_ns = UINT64_MAX;

	while (held.first && held.first->due_ns <= now)
		meet_deadline(held.first);
	while (in_flight.first && in_flight.first->due_ns <= now)
		look_after_long(in_flight.first);
	if (held.first)
		due_ns = held.first->due_ns;
	if (in_flight.first && in_flight.first->due_ns < due_ns)
		due_ns = in_flight.first->due_ns;
	return due_ns == UINT64_MAX ? -1 : (int)((due_ns - now) / NS_PER_MS) + 1;
}

void sockets_release_all(void)
{
	while (held.first)
		release(held.first);
}

void sockets_pass_afterwards(struct watched *watched, uint64_t call)
{
	/* Where the program was told that it is connecting, that ends it, as ever. */
	if (watched->beginning != BEGAN_HELD || sockets_look(watched) ||
	    afterwards_count == AFTERWARDS_MOST) {
		listener_pass(call);
		return;
	}
	release(watched);
	afterwards[afterwards_count].watched = watched;
	afterwards[afterwards_count++].call = call;
}

void sockets_note_untold(struct watched *watched, int error)
{
	watched->untold = true;
	watched->untold_error = error;
}

bool sockets_take_untold(struct watched *watched, int *error)
{
	bool untold = watched->untold;

	*error = watched->untold_error;
	watched->untold = false;
	return untold;
}

/* Errors that come from the network; the others say nothing about the destination. */
static bool is_network_error(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET || error == ETIMEDOUT ||
	       error == EHOSTUNREACH || error == ENETUNREACH;
}

void sockets_refused(const struct connection *connection, int error)
{
	const struct experience experience = {.syn = SYN_ASKED_FOR_COOKIE};

	if (is_network_error(error))
		remember(connection, &experience);
}
