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
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

#include "policy/payload.h"
#include "shim/clock.h"
#include "shim/find.h"
#include "shim/log.h"
#include "shim/memory/outcome.h"
#include "shim/next.h"
#include "shim/readable.h"
#include "shim/settings.h"
#include "shim/socket/hold.h"
#include "shim/socket/holds.h"
#include "shim/socket/release.h"

/* The longest host name (RFC 1035 section 2.3.4, as text) and its NUL. */
#define HOST_NAME_SIZE 254

/* Parts of a scattered transmission that are sent in one call when the rest follows. */
#define PARTS_MOST 64

#define PAGE_LEAST 4096u

/* Flags under which the first write means what it means without them. */
#define HARMLESS_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR | MSG_CONFIRM)

/* The beginning of a transmission, in one piece. */
struct payload {
	const char *bytes;
	size_t size;
	char copy[PAYLOAD_LOOKED_AT];
};

/* Whether a transmission is one that the kernel would accept: what is wrong with others is the
 * kernel's to say. */
static bool is_sound(const struct transmission *transmission, size_t *total)
{
	*total = 0;
	if (transmission->count > IOV_MAX ||
	    (!transmission->own_parts &&
	     !is_readable(transmission->parts, transmission->count * sizeof(*transmission->parts))))
		return false;
	for (size_t i = 0; i < transmission->count; i++) {
		if (transmission->parts[i].iov_len > (size_t)SSIZE_MAX - *total)
			return false;
		*total += transmission->parts[i].iov_len;
	}
	return true;
}

/* What is looked at must not change afterwards. False when a part cannot be read. */
static bool gather(const struct transmission *transmission, size_t most, struct payload *payload)
{
	payload->bytes = payload->copy;
	payload->size = 0;
	for (size_t i = 0; i < transmission->count && payload->size < most; i++) {
		const struct iovec *part = &transmission->parts[i];
		size_t room = most - payload->size;
		size_t size = part->iov_len < room ? part->iov_len : room;

		if (!is_readable(part->iov_base, size))
			return false;
		if (size)
			memcpy(payload->copy + payload->size, part->iov_base, size);
		payload->size += size;
	}
	return true;
}

/* The kernel would send what it can read of the first page, where it refuses all of it to a socket
 * that is connected. What is looked at fits into two pages. */
static bool ends_readable(const struct iovec *part, size_t size)
{
	const char *last = (const char *)part->iov_base + size - 1;

	return (uintptr_t)part->iov_base / PAGE_LEAST == (uintptr_t)last / PAGE_LEAST ||
	       is_readable(last, 1);
}

/* What nobody looks at stays where it is; whether it can be read the kernel says. */
static bool take(const struct transmission *transmission, const struct tracked *socket,
		 struct payload *payload)
{
	const struct iovec *part = transmission->parts;

	if (transmission->count > 1 || socket->rule->payload != POLICY_PAYLOAD_ANY ||
	    policy_has_names(socket->policy))
		return gather(transmission, PAYLOAD_LOOKED_AT, payload);
	payload->bytes = part->iov_base;
	payload->size = part->iov_len < PAYLOAD_LOOKED_AT ? part->iov_len : PAYLOAD_LOOKED_AT;
	return ends_readable(part, payload->size);
}

/* The parts from byte `sent` on, as many as fit; *bytes is what they hold. */
static size_t parts_from(const struct transmission *transmission, size_t sent,
			 struct iovec parts[PARTS_MOST], size_t *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < transmission->count && count < PARTS_MOST; i++) {
		struct iovec part = transmission->parts[i];

		if (sent >= part.iov_len) {
			sent -= part.iov_len;
			continue;
		}
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= sent;
		sent = 0;
		*bytes += part.iov_len;
		parts[count++] = part;
	}
	return count;
}

/* Sends what is left of a blocking transmission, as the kernel would have gone on. Returns how much
 * of all was sent, or -1 if nothing was. */
static ssize_t send_rest(const struct transmission *transmission, size_t sent, size_t total)
{
	struct iovec parts[PARTS_MOST];

	while (sent < total) {
		struct msghdr message = {.msg_iov = parts};
		size_t bytes;
		ssize_t now;

		message.msg_iovlen = parts_from(transmission, sent, parts, &bytes);
		now = next.sendmsg(transmission->fd, &message,
				   transmission->flags | (sent + bytes < total ? MSG_MORE : 0));
		if (now < 0)
			return sent > 0 ? (ssize_t)sent : -1;
		sent += (size_t)now;
		if ((size_t)now < bytes)
			break; /* a signal or the send timeout */
	}
	return (ssize_t)sent;
}

/* No connection came of SYN+data. A path or server that answers it with a reset may take an
 * ordinary SYN: once, within the same write. What it refuses then is the program's. */
static ssize_t finish_refused(struct tracking *tracking, const struct transmission *transmission,
			      size_t total)
{
	int error = 0;
	socklen_t length = sizeof(error);
	bool connected = false;

	next.getsockopt(tracking->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error ? error : ECONNABORTED;
	if (errno == ECONNREFUSED) {
		log_retry(tracking->socket);
		tracking->socket->reset = true;
		connected = hold_connect_plainly(tracking->fd, tracking->socket, true) == 0;
	}
	handshake_has_ended(tracking);
	return connected ? send_rest(transmission, 0, total) : -1;
}

/* poll(2)'s timeout for SO_SNDTIMEO. */
static int send_timeout_ms(int fd)
{
	struct timeval timeout = {0};
	socklen_t length = sizeof(timeout);

	if (next.getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &length) != 0 ||
	    (timeout.tv_sec == 0 && timeout.tv_usec == 0) || timeout.tv_sec > INT_MAX / 1000 - 1)
		return -1;
	return (int)(timeout.tv_sec * 1000 + (timeout.tv_usec + 999) / 1000);
}

/*
 * A blocking program has written: it goes on when the handshake has ended, or when its send timeout
 * or a signal would have ended its connect(). An error of a connection that was established is not
 * touched: the next call reports it, as ever.
 */
static ssize_t finish_blocking(struct tracking *tracking, const struct transmission *transmission,
			       size_t sent, size_t total)
{
	struct pollfd pollfd = {.fd = tracking->fd, .events = POLLOUT};
	int ready = next.poll(&pollfd, 1, send_timeout_ms(tracking->fd));

	if (ready > 0) {
		struct outcome outcome = outcome_of(tracking->fd);

		if (outcome.handshake == HANDSHAKE_FAILED)
			return finish_refused(tracking, transmission, total);
		handshake_is_seen(tracking, &outcome);
	}
	if (ready == 0) {
		atomic_store(&tracking->socket->waited_in_vain, true);
		return (ssize_t)sent;
	}
	/* Interrupted with a rest to send: the kernel knows whether that call is to be restarted.
	 */
	return send_rest(transmission, sent, total);
}

static bool is_nonblocking(const struct transmission *transmission)
{
	return (transmission->flags & MSG_DONTWAIT) || !socket_is_blocking(transmission->fd);
}

/* SYN+data has left, and the handshake goes on. */
static ssize_t finish(struct tracking *tracking, const struct transmission *transmission,
		      size_t sent, size_t total)
{
	if (!is_nonblocking(transmission))
		return finish_blocking(tracking, transmission, sent, total);
	if (sent == total || !tracking->socket->awaited_until_ns)
		return (ssize_t)sent;
	/* The program has waited for its connection, as one that blocks, and may not look at the
	 * count: to a connected socket all of it would have gone. */
	connection_await_for_sending(tracking);
	return send_rest(transmission, sent, total);
}

/* The kernel's answer to SYN+data, when it is not a count. True if the call ends here. */
static bool answer_failure(struct tracking *tracking, const struct transmission *transmission,
			   ssize_t *result)
{
	int failure = errno;
	bool nonblocking = is_nonblocking(transmission);

	errno = failure;
	switch (failure) {
	case EINPROGRESS:
		/* The cookie is gone: the SYN left without data and nothing was consumed. Or it
		 * was because nothing can be read: the real call says that. */
		tracking->socket->reason = SYN_COOKIE_GONE;
		break;
	case EALREADY:
	case EISCONN:
	case EINVAL:
		/* Something that we cannot see has sent the SYN, or dissolved the association. */
		return false;
	case EFAULT:
		/* Not even an address of memory: nothing has left. */
		tracking->socket->reason = SYN_OTHER_CALL;
		release_untracked(tracking->fd, tracking->socket);
		return false;
	case EOPNOTSUPP:
		/* The client bit of net.ipv4.tcp_fastopen was switched off. */
		hold_found_client_bit_off();
		*result = -1;
		if (hold_connect_plainly(tracking->fd, tracking->socket, !nonblocking) != 0 &&
		    errno != EINPROGRESS)
			return true;
		break;
	default:
		*result = -1;
		return true;
	}
	/* The real call waits for the handshake, or for one that never had to. */
	if (!nonblocking || tracking->socket->blocking ||
	    !is_readable(transmission->parts->iov_base, 1))
		return false;
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

	if (threads.test_cancel)
		threads.test_cancel();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (table_seize(tracking)) {
		sent = hold_in_use()->emit(tracking->fd, socket, payload->bytes, payload->size,
					   transmission->flags | MSG_DONTWAIT);
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

/* The number was another socket's, or none's: what was sent there is what the program's own call
 * would have sent, and a broken pipe has had its signal. True if the call ends with it. */
static bool finish_other(struct tracking *tracking, const struct transmission *transmission,
			 ssize_t sent, size_t total, ssize_t *result)
{
	table_move(tracking, SOCKET_UNTRACKED);
	tracking->socket = NULL;
	*result = -1;
	if (sent < 0)
		return errno == EPIPE;
	*result =
		is_nonblocking(transmission) ? sent : send_rest(transmission, (size_t)sent, total);
	return true;
}

/* To a server that is near enough the handshake has ended by now, and nothing is left to wait for:
 * no matter whether the program would. */
static bool emit_payload(struct tracking *tracking, const struct transmission *transmission,
			 const struct payload *payload, size_t total, ssize_t *result)
{
	struct outcome outcome = {.handshake = HANDSHAKE_FAILED};
	ssize_t sent = send_syn(tracking, transmission, payload);

	if (sent == -2)
		return false;
	if (sent >= 0)
		outcome = outcome_of(tracking->fd);
	if (outcome.handshake == HANDSHAKE_DONE) {
		handshake_is_seen(tracking, &outcome);
		*result = send_rest(transmission, (size_t)sent, total);
		return true;
	}
	if (!table_is_same_socket(tracking))
		return finish_other(tracking, transmission, sent, total, result);
	if (sent < 0)
		return answer_failure(tracking, transmission, result);
	*result = finish(tracking, transmission, (size_t)sent, total);
	return true;
}

static size_t most_in_syn(const struct policy_rule *rule)
{
	return rule->max_bytes && rule->max_bytes < PAYLOAD_LOOKED_AT ? rule->max_bytes
								      : PAYLOAD_LOOKED_AT;
}

/*
 * The rule that this payload goes under. A name that it has counts as one that the program
 * resolved: where the program has a resolver of its own it is the only one. NULL: it may not go.
 */
static const struct policy_rule *rule_for(struct tracked *socket, const struct payload *payload)
{
	char name[HOST_NAME_SIZE];
	struct policy_question question = {.address = &socket->address.any,
					   .length = socket->address_length,
					   .program = settings.program,
					   .name = name};
	const struct policy_rule *rule = socket->rule;

	if (!policy_has_names(socket->policy))
		return rule;
	if (payload_host_name(payload->bytes, payload->size, name, sizeof(name)) == 0)
		return socket->by_name ? NULL : rule;
	rule = policy_decide(socket->policy, &question);
	if (!rule || rule->verb != POLICY_ALLOW)
		return NULL;
	socket->rule = rule;
	return rule;
}

/* Closed behind our back, and the number given to another socket. */
static bool is_another(struct tracking *tracking)
{
	*tracking = table_find(tracking->fd);
	return !tracking->socket;
}

static bool release_instead(struct tracking *tracking, enum syn_reason reason)
{
	if (!is_another(tracking))
		release(tracking, reason);
	return false;
}

static bool emit_held(struct tracking *tracking, const struct transmission *transmission,
		      ssize_t *result)
{
	const struct policy_rule *rule;
	struct payload payload;
	size_t total;

	if (!is_sound(transmission, &total) || (transmission->flags & ~HARMLESS_FLAGS))
		return release_instead(tracking, SYN_OTHER_CALL);
	if (total == 0) {
		*result = 0; /* as on a connected socket; the kernel would say EINPROGRESS */
		return !is_another(tracking);
	}
	if (!take(transmission, tracking->socket, &payload))
		return release_instead(tracking, SYN_OTHER_CALL);
	rule = rule_for(tracking->socket, &payload);
	if (rule && payload.size > most_in_syn(rule))
		payload.size = most_in_syn(rule);
	if (!rule || !payload_is_safe(rule, payload.bytes, payload.size))
		return release_instead(tracking, SYN_PAYLOAD_UNSAFE);
	/* A part of it may be too little for another socket: a datagram is sent whole. */
	if (payload.size < total && is_another(tracking))
		return false;
	return emit_payload(tracking, transmission, &payload, total, result);
}

/*
 * A blocking call waits here and not in the kernel: whoever sleeps in a send while the SYN is out
 * has the ACK of the server's answer delayed (tcp_rcv_synsent_state_process: a pending write makes
 * the socket interactive), which costs 40 ms where the server waits for it. With a send timeout, or
 * when a signal comes, the kernel waits as it would have.
 */
static void await_writable(struct tracking *tracking)
{
	struct pollfd pollfd = {.fd = tracking->fd, .events = POLLOUT};

	if (!handshake_has_ended(tracking) && send_timeout_ms(tracking->fd) < 0 &&
	    next.poll(&pollfd, 1, -1) > 0)
		handshake_has_ended(tracking);
}

/* A program whose connect() waited for the connection never sees EAGAIN from the handshake. */
static void await_if_connected(struct tracking *tracking, const struct transmission *transmission)
{
	if (table_state(tracking) != SOCKET_IN_FLIGHT)
		return;
	if (is_nonblocking(transmission))
		connection_await_for_sending(tracking);
	else
		await_writable(tracking);
}

bool emit(const struct transmission *transmission, ssize_t *result)
{
	int saved = errno;
	struct tracking tracking = hold_in_use()->emits_what_was_written && !transmission->addressed
					   ? table_find_unasked(transmission->fd)
					   : table_find(transmission->fd);
	bool done = false;
	int failure;

	switch (table_state(&tracking)) {
	case SOCKET_HELD:
	case SOCKET_BUSY:
		done = emit_held(&tracking, transmission, result);
		break;
	case SOCKET_CONNECTING:
		handshake_has_ended(&tracking);
		break;
	default:
		break;
	}
	failure = done ? 0 : release_failure(&tracking);
	if (failure) {
		errno = failure;
		*result = -1;
		return true;
	}
	if (!done)
		await_if_connected(&tracking, transmission);
	if (!done || *result >= 0)
		errno = saved;
	return done;
}

void release_for_sending(int fd, int flags)
{
	const struct transmission unseen = {.fd = fd, .flags = flags};
	struct tracking tracking;

	release_unseen(fd);
	tracking = table_find(fd);
	await_if_connected(&tracking, &unseen);
}
