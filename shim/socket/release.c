/* SPDX-License-Identifier: MIT */
/* Releases, and the ends of handshakes. */
#include "shim/socket/release.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "shim/clock.h"
#include "policy/names.h"
#include "shim/log.h"
#include "shim/memory/destinations.h"
#include "shim/memory/outcome.h"
#include "shim/next.h"
#include "shim/socket/hold.h"

/* A program that has been waiting this long, and whose wait ran out, has given its server up. */
#define GIVEN_UP_NS (200 * NS_PER_MS)

static _Atomic(uint64_t) waited_in_vain_ns;

/* A zero-length send makes the kernel send the SYN without data. It says EINPROGRESS; when the
 * client bit of net.ipv4.tcp_fastopen was switched off in the meantime it says EOPNOTSUPP for ever,
 * and only starting over helps. */
static void send_plain_syn(int fd, const struct tracked *facts)
{
	if (next.send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) != 0 && errno == EOPNOTSUPP)
		hold_connect_plainly(fd, facts, false);
}

void release_untracked(int fd, const struct tracked *facts)
{
	int saved = errno;

	send_plain_syn(fd, facts);
	errno = saved;
}

void release(struct tracking *tracking, enum syn_reason reason)
{
	int saved = errno, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (tracking->socket && table_seize(tracking)) {
		tracking->socket->reason = reason;
		atomic_store(&tracking->socket->syn_ns, clock_now_ns());
		send_plain_syn(tracking->fd, tracking->socket);
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
		if (nonblocking_call || !socket_is_blocking(fd))
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

void release_for_sharing(int fd)
{
	struct tracking tracking = table_find(fd);

	release(&tracking, SYN_PROGRAM_SHARES);
}

void release_and_await(int fd)
{
	struct tracking tracking = table_find(fd);

	release(&tracking, SYN_PROGRAM_CLOSES);
	if (table_state(&tracking) != SOCKET_IN_FLIGHT)
		return;
	handshake_await(fd, clock_now_ns() + HANDSHAKE_PATIENCE_NS);
	handshake_has_ended(&tracking);
}

/* Looked up again before it is released: it must still be the same socket. */
static void release_found(struct tracking *tracking, enum syn_reason reason)
{
	*tracking = table_find(tracking->fd);
	release(tracking, reason);
}

static bool release_if_mine(struct tracking *tracking, void *readers_only)
{
	const struct tracked *socket = tracking->socket;

	if (atomic_load(&tracking->socket->holder) != (uintptr_t)pthread_self())
		return true;
	if (readers_only && !atomic_load(&socket->wants_to_read))
		return true;
	release_found(tracking, SYN_PROGRAM_WAITS);
	return true;
}

void release_mine(bool readers_only)
{
	table_each(SOCKET_HELD, release_if_mine, readers_only ? &readers_only : NULL);
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

/* A program that was told it is connected finds its socket as such a connect() leaves it: for the
 * kernel "connecting" ends only when connect() is called once more. */
static void finish_connecting(const struct tracking *tracking)
{
	const struct tracked *socket = tracking->socket;

	if (atomic_load(&tracking->socket->told_connected))
		next.connect(tracking->fd, &socket->address.any, socket->address_length);
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
	const struct learned_name *name =
		names_next(&socket->address.any, socket->address_length, NULL);

	memory_record(&socket->address.any, socket->address_length, socket->rule, experience,
		      name ? names_text(name) : NULL);
}

void handshake_is_over(const struct tracked *socket, const struct outcome *outcome)
{
	struct experience experience = {
		.syn = SYN_EMPTY,
		.established = outcome->handshake == HANDSHAKE_DONE,
		.acknowledged = outcome->syn_data_acknowledged && !socket->reset,
		.reset = socket->reset,
		.retransmitted = syn_was_repeated(socket, outcome),
		.rtt_us = outcome->rtt_us,
	};

	if (socket->reason == SYN_NOT_HELD || socket->reason == SYN_COOKIE_GONE)
		experience.syn = SYN_ASKED_FOR_COOKIE;
	else if (socket->syn_bytes)
		experience.syn = SYN_CARRIED_DATA;
	/* A control connection asked for nothing. */
	if (!socket->control)
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

bool handshake_has_ended(struct tracking *tracking)
{
	struct outcome outcome = outcome_of(tracking->fd);
	int saved = errno;

	if (outcome.handshake == HANDSHAKE_UNDER_WAY)
		return false;
	if (table_move(tracking, is_timed(tracking->socket) ? SOCKET_TIMED : SOCKET_WATCHED)) {
		if (outcome.handshake == HANDSHAKE_DONE)
			finish_connecting(tracking);
		handshake_is_over(tracking->socket, &outcome);
	}
	errno = saved;
	return true;
}

/* Errors that come from the network; the others say nothing about the destination. */
static bool is_network_error(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET || error == ETIMEDOUT ||
	       error == EHOSTUNREACH || error == ENETUNREACH;
}

void handshake_was_refused(const struct tracked *socket, int error)
{
	struct experience experience = {.syn = SYN_ASKED_FOR_COOKIE};

	if (is_network_error(error))
		remember(socket, &experience);
}

/* SYN data was accepted, and then nothing came: neither data nor the end of the stream nor a word on
 * anything else that was sent. A server that is merely slow is given this time. */
#define STALL_NS (1 * NS_PER_S)

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

void handshake_waited_in_vain(void)
{
	atomic_store(&waited_in_vain_ns, clock_now_ns());
}

static bool is_given_up(const struct tracked *socket)
{
	return atomic_load(&waited_in_vain_ns) > atomic_load(&socket->syn_ns) + GIVEN_UP_NS;
}

struct see_through {
	uint64_t until_ns;
	bool inheritable_only;
};

static bool see_one_through(struct tracking *tracking, void *context)
{
	const struct see_through *wish = context;
	bool inheritable = !(next.fcntl(tracking->fd, F_GETFD, 0) & FD_CLOEXEC);

	if (wish->inheritable_only && !inheritable)
		return true;
	/* The parent of a fork still has the socket; its data does not depend on us. */
	if (tracking->socket->inherited && !inheritable)
		return true;
	if (!is_given_up(tracking->socket) &&
	    tracking->socket->identity == socket_identity(tracking->fd))
		handshake_await(tracking->fd, wish->until_ns);
	return true;
}

void handshakes_see_through(bool inheritable_only)
{
	int saved = errno;
	struct see_through wish = {clock_now_ns() + HANDSHAKE_PATIENCE_NS, inheritable_only};

	table_each(SOCKET_IN_FLIGHT, see_one_through, &wish);
	if (!inheritable_only)
		table_each(SOCKET_KEPT, see_one_through, &wish);
	errno = saved;
}
