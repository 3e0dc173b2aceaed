/* SPDX-License-Identifier: MIT */
/*
 * Emission. Two facts of the kernel rule here:
 * A blocking send with MSG_FASTOPEN that a signal interrupts has its payload in the SYN already and
 * is repeated all the same: so MSG_DONTWAIT always, and the waiting is ours.
 * In flight, close, shutdown and exit destroy the data: so a blocking program is kept here until
 * the handshake has ended, as connect() would have kept it.
 */
#include "shim/socket/emit.h"

#include <errno.h>
#include <string.h>

#include "policy/payload.h"
#include "shim/clock.h"
#include "shim/log.h"
#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/release.h"

/* What a SYN can carry on an Ethernet path, and a little more; scattered payloads are gathered. */
#define GATHER_MOST 2048

/* Flags under which the first write means what it means without them. */
#define HARMLESS_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR | MSG_CONFIRM)

struct payload {
	const void *bytes;
	size_t size;
	char gathered[GATHER_MOST];
};

static size_t total_size(const struct transmission *transmission)
{
	size_t total = 0;

	for (size_t i = 0; i < transmission->count; i++)
		total += transmission->parts[i].iov_len;
	return total;
}

static void gather(const struct transmission *transmission, struct payload *payload)
{
	if (transmission->count == 1) {
		payload->bytes = transmission->parts[0].iov_base;
		payload->size = transmission->parts[0].iov_len;
		return;
	}
	payload->bytes = payload->gathered;
	payload->size = 0;
	for (size_t i = 0; i < transmission->count && payload->size < GATHER_MOST; i++) {
		const struct iovec *part = &transmission->parts[i];
		size_t room = GATHER_MOST - payload->size;
		size_t size = part->iov_len < room ? part->iov_len : room;

		memcpy(payload->gathered + payload->size, part->iov_base, size);
		payload->size += size;
	}
}

/* Sends what is left of a blocking transmission, as the kernel would have gone on. Returns how much
 * of all was sent, or -1 if nothing was. */
static ssize_t send_rest(const struct transmission *transmission, size_t sent)
{
	size_t skip = sent;

	for (size_t i = 0; i < transmission->count; i++) {
		const struct iovec *part = &transmission->parts[i];
		int more = i + 1 < transmission->count ? MSG_MORE : 0;

		if (skip >= part->iov_len) {
			skip -= part->iov_len;
			continue;
		}
		while (skip < part->iov_len) {
			ssize_t now = next.send(transmission->fd, (char *)part->iov_base + skip,
						part->iov_len - skip, transmission->flags | more);

			if (now < 0)
				return sent > 0 ? (ssize_t)sent : -1;
			skip += (size_t)now;
			sent += (size_t)now;
		}
		skip = 0;
	}
	return (ssize_t)sent;
}

/* A path or server that answers SYN+data with a reset may take an ordinary SYN: once, within the
 * same write. What it refuses then is the program's. */
static ssize_t retry_plainly(struct tracking *tracking, const struct transmission *transmission)
{
	bool connected;

	log_retry(tracking->socket);
	tracking->socket->reset = true;
	connected = hold_connect_plainly(tracking->fd, tracking->socket, true) == 0;
	handshake_has_ended(tracking);
	return connected ? send_rest(transmission, 0) : -1;
}

/*
 * A blocking program has written: it goes on when the handshake has ended. connect() on a
 * connecting socket is the kernel's own way of waiting for that: it keeps to SO_SNDTIMEO, is
 * restarted or interrupted by signals just as the program's connect() would have been, and takes
 * the error that its connect() would have returned.
 */
static ssize_t finish_blocking(struct tracking *tracking, const struct transmission *transmission,
			       size_t sent)
{
	const struct tracked *socket = tracking->socket;

	if (next.connect(tracking->fd, &socket->address.any, socket->address_length) != 0) {
		if (errno == ECONNREFUSED || errno == ECONNRESET)
			return retry_plainly(tracking, transmission);
		/* A signal or the send timeout: the payload is under way all the same. */
		if (errno == EINTR || errno == EALREADY || errno == EINPROGRESS)
			return (ssize_t)sent;
		if (errno != EISCONN)
			return -1;
	}
	handshake_has_ended(tracking);
	return send_rest(transmission, sent);
}

static bool is_nonblocking(const struct transmission *transmission)
{
	return (transmission->flags & MSG_DONTWAIT) || !socket_is_blocking(transmission->fd);
}

/* The kernel's answer to SYN+data, when it is not a count. True if the call ends here. */
static bool answer_failure(struct tracking *tracking, bool nonblocking, ssize_t *result)
{
	switch (errno) {
	case EINPROGRESS:
		/* The cookie is gone: the SYN left without data and nothing was consumed. */
		tracking->socket->reason = SYN_COOKIE_GONE;
		break;
	case EALREADY:
	case EISCONN:
		/* Something that we cannot see has sent the SYN. */
		return false;
	case EOPNOTSUPP:
		/* The client bit of net.ipv4.tcp_fastopen was switched off. */
		*result = -1;
		if (hold_connect_plainly(tracking->fd, tracking->socket, !nonblocking) != 0 &&
		    errno != EINPROGRESS)
			return true;
		break;
	default:
		*result = -1;
		return true;
	}
	if (!nonblocking)
		return false; /* the real call waits for the handshake */
	*result = -1;
	errno = EAGAIN;
	return true;
}

/* Sends SYN+data. Returns what the kernel said, with its errno. From seizing to settling no
 * cancellation may come in between: the entry would stay torn. -2: the hold has ended already. */
static ssize_t send_syn(struct tracking *tracking, const struct transmission *transmission,
			const struct payload *payload)
{
	struct tracked *socket = tracking->socket;
	int cancel_state, failure;
	ssize_t sent = -2;

	pthread_testcancel();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (table_seize(tracking)) {
		sent = next.sendto(tracking->fd, payload->bytes, payload->size,
				   transmission->flags | MSG_FASTOPEN | MSG_DONTWAIT,
				   &socket->address.any, socket->address_length);
		failure = errno;
		socket->reason = SYN_WITH_PAYLOAD;
		socket->syn_bytes = sent > 0 ? (uint32_t)sent : 0;
		atomic_store(&socket->syn_ns, clock_now_ns());
		table_settle(tracking, SOCKET_IN_FLIGHT);
		errno = failure;
	}
	pthread_setcancelstate(cancel_state, NULL);
	return sent;
}

static bool emit_payload(struct tracking *tracking, const struct transmission *transmission,
			 const struct payload *payload, ssize_t *result)
{
	bool nonblocking = is_nonblocking(transmission);
	ssize_t sent = send_syn(tracking, transmission, payload);

	if (sent == -2)
		return false;
	if (sent < 0)
		return answer_failure(tracking, nonblocking, result);
	*result = nonblocking ? sent : finish_blocking(tracking, transmission, (size_t)sent);
	return true;
}

static bool emit_held(struct tracking *tracking, const struct transmission *transmission,
		      ssize_t *result)
{
	struct payload payload;

	if (total_size(transmission) == 0) {
		*result = 0; /* as on a connected socket; the kernel would say EINPROGRESS */
		return true;
	}
	if (transmission->flags & ~HARMLESS_FLAGS) {
		release(tracking, SYN_OTHER_CALL);
		return false;
	}
	gather(transmission, &payload);
	if (tracking->socket->rule->max_bytes && payload.size > tracking->socket->rule->max_bytes)
		payload.size = tracking->socket->rule->max_bytes;
	if (!payload_is_safe(tracking->socket->rule, payload.bytes, payload.size)) {
		release(tracking, SYN_PAYLOAD_UNSAFE);
		return false;
	}
	return emit_payload(tracking, transmission, &payload, result);
}

bool emit(const struct transmission *transmission, ssize_t *result)
{
	int saved = errno;
	struct tracking tracking = table_find(transmission->fd);
	bool done = false;

	switch (table_state(&tracking)) {
	case SOCKET_HELD:
	case SOCKET_BUSY:
		done = emit_held(&tracking, transmission, result);
		break;
	case SOCKET_CONNECTING:
	case SOCKET_IN_FLIGHT:
		handshake_has_ended(&tracking);
		break;
	default:
		break;
	}
	if (!done || *result >= 0)
		errno = saved;
	return done;
}
