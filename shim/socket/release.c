/* SPDX-License-Identifier: MIT */
/* Releases, and the ends of handshakes. */
#include "shim/socket/release.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <poll.h>

#include "policy/names.h"
#include "shim/clock.h"
#include "shim/log.h"
#include "shim/memory/outcome.h"
#include "shim/memory/recent.h"
#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/holds.h"
#include "shim/socket/keeper.h"

/* How long a handshake usually takes at the most: some round trips, or this where none is known. */
#define PATIENCE_ROUND_TRIPS 3ull
#define PATIENCE_LEAST_NS    (100 * NS_PER_MS)
#define GIVEN_UP_ROUND_TRIPS 2ull
#define GIVEN_UP_LEAST_NS    (200 * NS_PER_MS)
#define PATIENCE_UNKNOWN_NS  (1 * NS_PER_S)

/* When the client bit of net.ipv4.tcp_fastopen was switched off in the meantime no Fast Open call
 * does anything, and only starting over helps. */
static bool send_plain_syn(int fd, const struct tracked *facts)
{
	if (hold_in_use()->release(fd, facts) == 0)
		return true;
	if (errno != EOPNOTSUPP)
		return false;
	return hold_connect_plainly(fd, facts, false) == 0 || errno == EINPROGRESS;
}

bool release_untracked(int fd, const struct tracked *facts)
{
	int saved = errno;
	bool released = send_plain_syn(fd, facts);

	errno = saved;
	return released;
}

/* Errors that come from the network; the others say nothing about the destination. */
static bool is_network_error(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET || error == ETIMEDOUT ||
	       error == EHOSTUNREACH || error == ENETUNREACH;
}

static void note_failure(struct tracked *socket, int error)
{
	atomic_store(&socket->failure, error);
	if (!is_network_error(error))
		socket->judged = true;
}

int release_failure(const struct tracking *tracking)
{
	return tracking->socket ? atomic_exchange(&tracking->socket->failure, 0) : 0;
}

void release(struct tracking *tracking, enum syn_reason reason)
{
	int saved = errno, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (tracking->socket && table_seize(tracking)) {
		tracking->socket->reason = reason;
		atomic_store(&tracking->socket->syn_ns, clock_now_ns());
		if (!send_plain_syn(tracking->fd, tracking->socket))
			note_failure(tracking->socket, errno);
		table_settle(tracking, SOCKET_IN_FLIGHT);
	}
	pthread_setcancelstate(cancel_state, NULL);
	errno = saved;
}

void release_for_reading(int fd, bool nonblocking_call)
{
	struct tracking tracking = table_find(fd);

	switch (table_state(&tracking)) {
	case SOCKET_HELD:
		if (hold_in_use()->bears_looking && (nonblocking_call || !socket_is_blocking(fd)))
			atomic_store(&tracking.socket->wants_to_read, true);
		else
			release(&tracking, SYN_PROGRAM_READS);
		break;
	case SOCKET_CONNECTING:
	case SOCKET_IN_FLIGHT:
		handshake_has_ended(&tracking);
		break;
	case SOCKET_TIMED:
		first_byte_looked_for(&tracking);
		break;
	default:
		break;
	}
}

void release_unseen(int fd)
{
	struct tracking tracking = table_find(fd);

	release(&tracking, SYN_PROGRAM_SHARES);
}

void release_for_sharing(int fd)
{
	struct tracking tracking = table_find(fd);

	if (tracking.socket)
		atomic_store(&tracking.socket->shared, true);
	release(&tracking, SYN_PROGRAM_SHARES);
}

void release_before_look(int fd)
{
	if (!hold_in_use()->bears_looking) {
		struct tracking tracking = table_find(fd);

		release(&tracking, SYN_OTHER_CALL);
	}
}

void release_and_await(int fd)
{
	struct tracking tracking = table_find(fd);
	uint64_t until_ns = clock_now_ns() + HANDSHAKE_PATIENCE_NS;

	release(&tracking, SYN_PROGRAM_CLOSES);
	if (table_state(&tracking) == SOCKET_CONNECTING)
		handshake_has_ended(&tracking);
	if (table_state(&tracking) != SOCKET_IN_FLIGHT)
		return;
	if (atomic_load(&tracking.socket->waited_in_vain))
		until_ns = handshake_patience_ended_ns(tracking.socket);
	handshake_await(fd, until_ns);
	handshake_has_ended(&tracking);
}

/* Looked up again before it is released: it must still be the same socket. */
static void release_found(struct tracking *tracking, enum syn_reason reason)
{
	*tracking = table_find(tracking->fd);
	release(tracking, reason);
}

static bool is_mine(const struct tracked *socket)
{
	return atomic_load(&socket->holder) == (uintptr_t)pthread_self();
}

static bool is_in_epoll(const struct tracked *socket)
{
	return atomic_load(&socket->epoll_set) != EPOLL_SET_NONE;
}

/* A set within a set is not known: then the deadline ends the hold. */
static bool may_be_in_set(const struct tracked *socket, int epoll)
{
	int set = atomic_load(&socket->epoll_set);

	return set == epoll || set == EPOLL_SET_UNKNOWN;
}

static bool release_reader(struct tracking *tracking, void *unused)
{
	(void)unused;
	if (is_mine(tracking->socket) && atomic_load(&tracking->socket->wants_to_read))
		release_found(tracking, SYN_PROGRAM_WAITS);
	return true;
}

static bool release_sleeper(struct tracking *tracking, void *unused)
{
	(void)unused;
	if (is_mine(tracking->socket) || is_in_epoll(tracking->socket))
		release_found(tracking, SYN_PROGRAM_WAITS);
	return true;
}

void release_before_sleep(bool readers_only)
{
	table_each(SOCKET_HELD, readers_only ? release_reader : release_sleeper, NULL);
}

static bool release_in_set(struct tracking *tracking, void *epoll)
{
	if (is_mine(tracking->socket) || may_be_in_set(tracking->socket, *(int *)epoll))
		release_found(tracking, SYN_PROGRAM_WAITS);
	return true;
}

void release_before_epoll_sleep(int epoll)
{
	table_each(SOCKET_HELD, release_in_set, &epoll);
}

void release_waited_for(int fd)
{
	struct tracking tracking = table_find(fd);

	release(&tracking, SYN_PROGRAM_WAITS);
}

static bool note_seen(struct tracking *tracking, void *unused)
{
	(void)unused;
	if (is_mine(tracking->socket) || is_in_epoll(tracking->socket))
		atomic_store(&tracking->socket->seen_writable, true);
	return true;
}

void holds_were_seen(void)
{
	table_each(SOCKET_HELD, note_seen, NULL);
}

void waited_alone(int fd, uint64_t for_ns)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) == SOCKET_HELD)
		atomic_store(&tracking.socket->awaited_until_ns, clock_now_ns() + for_ns);
}

void waited_in_vain(int fd)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) == SOCKET_IN_FLIGHT)
		atomic_store(&tracking.socket->waited_in_vain, true);
}

static bool note_vain_epoll(struct tracking *tracking, void *epoll)
{
	if (may_be_in_set(tracking->socket, *(int *)epoll))
		atomic_store(&tracking->socket->waited_in_vain, true);
	return true;
}

void epoll_waited_in_vain(int epoll)
{
	table_each(SOCKET_IN_FLIGHT, note_vain_epoll, &epoll);
}

static bool release_any(struct tracking *tracking, void *reason)
{
	release_found(tracking, *(enum syn_reason *)reason);
	return true;
}

void release_all(enum syn_reason reason)
{
	table_each(SOCKET_HELD, release_any, &reason);
}

/* When a child was made or a descriptor passed the last time: what was connected before it may be
 * another process's, too. */
static _Atomic(uint64_t) last_sharing_ns;

void release_for_child(void)
{
	table_note_child();
	if (!sockets_are_noted() || !table_is_ours())
		return;
	atomic_store(&last_sharing_ns, clock_now_ns());
	release_all(SYN_PROGRAM_SHARES);
}

/* Before Linux 5.5 the kernel does not say why data was not acknowledged; sending the data alone
 * again is one retransmission, a lost SYN makes it two. */
static bool syn_was_repeated(const struct tracked *socket, const struct outcome *outcome)
{
	if (!socket->syn_bytes)
		return outcome->retransmissions > 0;
	if (outcome->client_fail)
		return outcome->client_fail == CLIENT_FAIL_SYN_RETRANSMITTED;
	return !outcome->syn_data_acknowledged && outcome->retransmissions > 1;
}

static void remember(const struct tracked *socket, const struct experience *experience)
{
	const struct sockaddr *address = &socket->address.any;
	const struct learned_name *name;

	if (recent_note(address, socket->address_length, socket->rule, experience)) {
		/* The keeper writes it down at its next look. */
		if (!keeper_expect(clock_now_ns() + KEEPER_PACE_NS))
			recent_flush();
		return;
	}
	name = names_next(address, socket->address_length, NULL);
	memory_record(address, socket->address_length, socket->rule, experience,
		      name ? names_text(name) : NULL);
}

void handshake_is_over(const struct tracked *socket, const struct outcome *outcome)
{
	struct experience experience = {
		.syn = SYN_EMPTY,
		.established = outcome->handshake == HANDSHAKE_DONE,
		.cookie_expected = socket->rtt_us != 0,
		.acknowledged = outcome->syn_data_acknowledged && !socket->reset,
		.reset = socket->reset,
		.retransmitted = syn_was_repeated(socket, outcome),
		.rtt_us = outcome->rtt_us,
	};

	/* The user's hold does not know of the cookie before it lets the SYN go, and on kernels
	 * older than Linux 5.5 not afterwards either. */
	if (socket->reason == SYN_NOT_HELD || socket->reason == SYN_COOKIE_GONE ||
	    outcome->client_fail == CLIENT_FAIL_NO_COOKIE)
		experience.syn = SYN_ASKED_FOR_COOKIE;
	else if (socket->syn_bytes)
		experience.syn = SYN_CARRIED_DATA;
	/* A control connection asked for nothing. */
	if (!socket->control && !socket->judged)
		remember(socket, &experience);
	if (socket->reason != SYN_NOT_HELD)
		log_outcome(socket, outcome);
}

/* Connections that were held in vain prove nothing for or against. */
static bool is_timed(const struct tracked *socket)
{
	return socket->rule->control_share && (socket->control || socket->syn_bytes);
}

void first_byte_looked_for(struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;
	struct outcome outcome = outcome_of(tracking->fd);
	uint64_t since = clock_now_ns() - atomic_load(&tracking->socket->connected_ns);
	uint64_t ago = outcome.last_received_ms * NS_PER_MS;

	if (outcome.bytes_received && table_move(tracking, SOCKET_WATCHED) && since > ago)
		memory_record_first_byte(socket->rule, socket->control, (since - ago) / NS_PER_US);
}

bool handshake_is_seen(struct tracking *tracking, const struct outcome *outcome)
{
	int saved = errno;

	if (outcome->handshake == HANDSHAKE_UNDER_WAY || atomic_load(&tracking->socket->failure))
		return false;
	atomic_store(&tracking->socket->handshake_us, outcome->rtt_us);
	if (table_move(tracking, is_timed(tracking->socket) ? SOCKET_TIMED : SOCKET_WATCHED))
		handshake_is_over(tracking->socket, outcome);
	errno = saved;
	return true;
}

bool handshake_has_ended(struct tracking *tracking)
{
	struct outcome outcome = outcome_of(tracking->fd);

	return handshake_is_seen(tracking, &outcome);
}

void handshake_was_refused(const struct tracked *socket, int error)
{
	struct experience experience = {.syn = SYN_ASKED_FOR_COOKIE};

	if (is_network_error(error))
		remember(socket, &experience);
}

void connection_is_given_up(const struct tracking *tracking)
{
	struct tracked *socket = tracking->socket;
	uint64_t syn_ns = atomic_load(&socket->syn_ns), now = clock_now_ns();
	struct experience unanswered = {
		.syn = socket->syn_bytes ? SYN_CARRIED_DATA : SYN_ASKED_FOR_COOKIE,
		.retransmitted = true,
	};

	if (!syn_ns)
		syn_ns = atomic_load(&socket->connected_ns);
	if (socket->judged || socket->control ||
	    now < syn_ns + GIVEN_UP_ROUND_TRIPS * (socket->rtt_us * NS_PER_US) ||
	    now < syn_ns + GIVEN_UP_LEAST_NS)
		return;
	socket->judged = true;
	remember(socket, &unanswered);
}

/* SYN data was accepted, and then nothing came: neither data nor the end of the stream nor a word
 * on anything else that was sent. A server that is merely slow is given this time. */
#define STALL_NS (1 * NS_PER_S)

static bool is_early(const struct tracked *socket, uint64_t round_trip_us)
{
	return clock_now_ns() - socket->syn_ns < 2 * (round_trip_us * NS_PER_US);
}

/* Whether the program has read of what came. From then on the server's part and the program's are
 * earlier alike, and whatever is still to come is as early as the close that it may meet. The end
 * of the stream counts as a byte that came, and not as one to read. */
static bool is_being_read(int fd, const struct outcome *outcome)
{
	uint64_t end = outcome->peer_closed;
	int saved = errno, unread = 0;
	bool counted = outcome->bytes_received > end &&
		       next.ioctl(fd, SIOCINQ, (long)&unread) == 0 && unread >= 0;

	errno = saved;
	return counted && outcome->bytes_received > (uint64_t)unread + end;
}

/* In this order: most ends are told by what came with the handshake, and by the clock. */
bool end_matters(const struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;
	struct outcome outcome;

	if (!socket->syn_bytes)
		return false;
	if (clock_now_ns() - socket->syn_ns >= STALL_NS)
		return true;
	if (socket->handshake_us && !is_early(socket, socket->handshake_us))
		return false;
	outcome = outcome_of(tracking->fd);
	return !is_being_read(tracking->fd, &outcome);
}

void connection_ends(const struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;
	struct experience stalled = {.syn = SYN_CARRIED_DATA, .established = true, .stalled = true};
	struct outcome outcome;

	if (!socket->syn_bytes || socket->reset ||
	    clock_now_ns() - atomic_load(&tracking->socket->syn_ns) < STALL_NS)
		return;
	outcome = outcome_of(tracking->fd);
	if (outcome.syn_data_acknowledged && outcome.bytes_received == 0 && !outcome.peer_closed &&
	    outcome.bytes_acknowledged <= socket->syn_bytes + 1)
		remember(socket, &stalled);
}

void handshake_await(int fd, uint64_t until_ns)
{
	int saved = errno;

	for (;;) {
		struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
		uint64_t now = clock_now_ns();

		if (now >= until_ns || outcome_of(fd).handshake != HANDSHAKE_UNDER_WAY)
			break;
		next.poll(&pollfd, 1, (int)((until_ns - now) / NS_PER_MS) + 1);
	}
	errno = saved;
}

void connection_await(struct tracking *tracking)
{
	if (table_state(tracking) != SOCKET_IN_FLIGHT || !tracking->socket->blocking ||
	    handshake_has_ended(tracking))
		return;
	handshake_await(tracking->fd, clock_now_ns() + HANDSHAKE_PATIENCE_NS);
	handshake_has_ended(tracking);
}

static bool ended_by_itself(const struct tracked *socket)
{
	return socket->reason != SYN_WITH_PAYLOAD && socket->reason != SYN_PAYLOAD_UNSAFE &&
	       socket->reason != SYN_COOKIE_GONE;
}

/* A signal ends it, as it would have ended the program's own wait. */
static void await_until_signal(struct tracking *tracking, uint64_t until_ns)
{
	struct pollfd pollfd = {.fd = tracking->fd, .events = POLLOUT};
	uint64_t now = clock_now_ns();
	int saved = errno;

	if (now < until_ns && next.poll(&pollfd, 1, (int)((until_ns - now) / NS_PER_MS) + 1) > 0)
		handshake_has_ended(tracking);
	errno = saved;
}

void connection_await_for_sending(struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;

	if (table_state(tracking) != SOCKET_IN_FLIGHT)
		return;
	if (socket->blocking)
		connection_await(tracking);
	else if (handshake_has_ended(tracking))
		return;
	else if (socket->awaited_until_ns)
		await_until_signal(tracking, socket->awaited_until_ns);
	else if (counts_on_connection(socket) && ended_by_itself(socket))
		await_until_signal(tracking, handshake_patience_ended_ns(socket));
}

void connection_await_of(int fd)
{
	struct tracking tracking = table_peek(fd);

	if (table_state(&tracking) != SOCKET_IN_FLIGHT || !tracking.socket->blocking)
		return;
	tracking = table_find(fd);
	connection_await(&tracking);
}

void handshake_await_usual(int fd)
{
	struct tracking tracking = table_find(fd);

	if (table_state(&tracking) != SOCKET_IN_FLIGHT || !tracking.socket->blocking)
		return;
	handshake_await(fd, handshake_patience_ended_ns(tracking.socket));
	handshake_has_ended(&tracking);
}

/* Some blocking connect() was of a socket in a set: there are programs without one that have
 * thousands in flight at each of their waits. */
static _Atomic(bool) some_may_be_awaited;

void note_epoll_set(struct tracking *tracking, int set)
{
	atomic_store(&tracking->socket->epoll_set, set);
	if (tracking->socket->blocking && set != EPOLL_SET_NONE)
		atomic_store(&some_may_be_awaited, true);
}

static bool await_in_epoll(struct tracking *tracking, void *epoll)
{
	/* Who is not awaited is not even asked who it is: there may be thousands. */
	if (tracking->socket->blocking && may_be_in_set(tracking->socket, *(int *)epoll) &&
	    table_is_same_socket(tracking))
		connection_await(tracking);
	return true;
}

void connections_await_in_epoll(int epoll)
{
	if (atomic_load_explicit(&some_may_be_awaited, memory_order_relaxed))
		table_each(SOCKET_IN_FLIGHT, await_in_epoll, &epoll);
}

#define DISCARD_MOST  64
#define DISCARD_BYTES ((size_t)1 << 20)

/* An answer to data that left with the SYN may come a round trip before it could have without that.
 */
static bool answer_may_be_early(const struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;
	struct outcome outcome;

	/* Another process that has the socket may want to read it, and to write. */
	if (!socket->syn_bytes || socket->inherited || last_sharing_ns >= socket->connected_ns ||
	    table_is_shared(tracking->fd) ||
	    (socket->handshake_us && !is_early(socket, socket->handshake_us)))
		return false;
	outcome = outcome_of(tracking->fd);
	return is_early(socket, outcome.rtt_us) && !is_being_read(tracking->fd, &outcome);
}

/* FIN, unless the program wants a reset (SO_LINGER). */
static void end_before_answer(int fd)
{
	struct linger linger = {0};
	socklen_t length = sizeof(linger);

	next.getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
	if (!linger.l_onoff || linger.l_linger)
		next.shutdown(fd, SHUT_WR);
}

/* With MSG_TRUNC a stream's bytes are thrown away in the kernel (tcp(7)). */
static void answer_discard(int fd)
{
	for (int times = 0; times < DISCARD_MOST; times++)
		if (next.recv(fd, NULL, DISCARD_BYTES, MSG_DONTWAIT | MSG_TRUNC) <= 0)
			break;
}

void early_answer_avoid(const struct tracking *tracking)
{
	int saved = errno;

	if (!tracking->socket->shared && answer_may_be_early(tracking)) {
		end_before_answer(tracking->fd);
		answer_discard(tracking->fd);
	}
	errno = saved;
}

/* What carries data is taken for lost on its way, from now on and after the socket's close. */
static void answer_keep_out(int fd)
{
	/* A segment begins with TCP's header, whose length is in the upper half of the 13th byte,
	 * in words of 4 bytes. */
	static struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {
		.len = sizeof(instructions) / sizeof(*instructions),
		.filter = instructions,
	};

	next.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void early_answer_keep_out(const struct tracking *tracking)
{
	int saved = errno;

	if (answer_may_be_early(tracking)) {
		answer_keep_out(tracking->fd);
		answer_discard(tracking->fd);
	}
	errno = saved;
}

bool counts_on_connection(const struct tracked *socket)
{
	return socket->blocking || socket->syn_bytes || atomic_load(&socket->told_connected) ||
	       atomic_load(&socket->seen_writable);
}

uint64_t handshake_patience_ended_ns(const struct tracked *socket)
{
	uint64_t usual = PATIENCE_ROUND_TRIPS * (socket->rtt_us * NS_PER_US);

	if (!socket->rtt_us)
		usual = PATIENCE_UNKNOWN_NS;
	if (usual < PATIENCE_LEAST_NS)
		usual = PATIENCE_LEAST_NS;
	return atomic_load(&socket->syn_ns) + usual;
}

static void see_through(struct tracking *tracking, uint64_t until_ns)
{
	const struct tracked *socket = tracking->socket;

	if (!table_is_same_socket(tracking) || !counts_on_connection(socket))
		return;
	if (atomic_load(&tracking->socket->waited_in_vain) &&
	    handshake_patience_ended_ns(socket) < until_ns)
		until_ns = handshake_patience_ended_ns(socket);
	handshake_await(tracking->fd, until_ns);
}

void release_for_passing(int fd)
{
	int saved = errno;
	struct tracking tracking = table_find(fd);

	table_note_shared(fd);
	if (tracking.socket)
		atomic_store(&last_sharing_ns, clock_now_ns());
	release(&tracking, SYN_PROGRAM_SHARES);
	if (tracking.socket && table_state(&tracking) == SOCKET_IN_FLIGHT) {
		see_through(&tracking, handshake_patience_ended_ns(tracking.socket));
		handshake_has_ended(&tracking);
	}
	errno = saved;
}

static bool closes_on_exec(int fd)
{
	return next.fcntl(fd, F_GETFD, 0) & FD_CLOEXEC;
}

/* What came through fork is the parent's as well: its data does not depend on us. */
static bool see_through_exit(struct tracking *tracking, void *until_ns)
{
	if (!tracking->socket->inherited && table_is_same_socket(tracking)) {
		see_through(tracking, *(uint64_t *)until_ns);
		if (!handshake_has_ended(tracking)) {
			connection_is_given_up(tracking);
			/* There may be another look on the way out; it does not wait again. */
			atomic_store(&tracking->socket->waited_in_vain, true);
		}
	}
	return true;
}

static bool see_through_exec(struct tracking *tracking, void *until_ns)
{
	if (!tracking->socket->inherited || !closes_on_exec(tracking->fd))
		see_through(tracking, *(uint64_t *)until_ns);
	return true;
}

static bool see_through_spawn(struct tracking *tracking, void *until_ns)
{
	uint64_t usual_ns = handshake_patience_ended_ns(tracking->socket);

	if (!closes_on_exec(tracking->fd))
		see_through(tracking,
			    usual_ns < *(uint64_t *)until_ns ? usual_ns : *(uint64_t *)until_ns);
	return true;
}

static void see_all_through(bool (*visit)(struct tracking *tracking, void *until_ns), bool kept_too)
{
	int saved = errno;
	uint64_t until_ns = clock_now_ns() + HANDSHAKE_PATIENCE_NS;

	table_each(SOCKET_IN_FLIGHT, visit, &until_ns);
	if (kept_too)
		table_each(SOCKET_KEPT, visit, &until_ns);
	errno = saved;
}

void handshakes_see_through_exit(void)
{
	see_all_through(see_through_exit, true);
}

void handshakes_see_through_exec(void)
{
	see_all_through(see_through_exec, true);
	keeper_close_ended();
}

void handshakes_see_through_spawn(void)
{
	see_all_through(see_through_spawn, false);
}
