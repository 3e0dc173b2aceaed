/* SPDX-License-Identifier: MIT */
/*
 * tfoctl probe: does Fast Open work to a destination, and if not, where does it end? The same
 * payload is sent once plainly and once in a SYN, and the two are compared. The memory of
 * destinations is not touched.
 */
#include "connection.h"
#include "payload.h"
#include "place.h"
#include "tfoctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE_MS 5000 /* a lost SYN is repeated after 1 and 3 s */
#define REPLY_MS     3000
#define PULSE_MS     2000

enum reply {
	REPLY_BYTES,
	REPLY_END,   /* the stream ended without a byte */
	REPLY_RESET, /* the connection was reset */
	REPLY_NONE,  /* the server said nothing, but it acknowledges */
	REPLY_DEAD,  /* nothing passes any more */
};

/* One connection with the payload, up to the first sign of the server. */
struct exchange {
	struct connection connection;
	enum reply reply;
	size_t bytes;
	double reply_ms; /* since the SYN */
};

enum verdict {
	WORKS,
	UNREACHABLE,
	DEAD_PLAINLY,
	COOKIE_REQUEST_REFUSED,
	COOKIE_REQUEST_LOST,
	NO_COOKIE,
	DATA_REFUSED,
	DATA_VANISHED,
	DATA_LOST,
	DATA_NOT_ACKNOWLEDGED,
	RESET_LATER,
	STALLED,
	UNANSWERED,
};

static const char *const verdict_texts[] = {
	[WORKS] = "works",
	[UNREACHABLE] = "cannot be told: the destination is not reachable",
	[DEAD_PLAINLY] = "cannot be told: nothing passes even on a plain connection",
	[COOKIE_REQUEST_REFUSED] =
		"does not work: a SYN that asks for a cookie fails where a plain one does not",
	[COOKIE_REQUEST_LOST] = "does not work: the path drops a SYN that asks for a cookie, which "
				"costs a second or more",
	[NO_COOKIE] = "does not work: no cookie: the server does not do Fast Open, or the path "
		      "strips the option",
	[DATA_REFUSED] = "does not work: a SYN with data is reset or refused where a plain one is "
			 "not",
	[DATA_VANISHED] = "does not work: SYN with data lost, and the connection with it",
	[DATA_LOST] = "does not work: SYN with data lost: the path drops it, which costs a second "
		      "or more",
	[DATA_NOT_ACKNOWLEDGED] =
		"does not work: data not acknowledged: no Fast Open on that port, servers that "
		"share no key, or a path that strips the option; costs no time",
	[RESET_LATER] = "does not work: reset after the data was acknowledged, where a plain "
			"connection is not",
	[STALLED] = "does not work: stalled: the data is acknowledged, then nothing passes any "
		    "more",
	[UNANSWERED] = "does not work: the data is acknowledged, but not answered as on a plain "
		       "connection",
};

/* Whether the server is still there, of a connection on which it said nothing: does it acknowledge
 * anything after the handshake, at the least the end of our stream? */
static bool has_pulse(const struct connection *connection)
{
	double until = now_ms() + PULSE_MS;

	shutdown(connection->fd, SHUT_WR);
	while (now_ms() < until)
		if (outcome_of(connection->fd).bytes_acknowledged >
			    connection->outcome.bytes_acknowledged ||
		    connection_wait(connection, POLLIN, 20))
			return true;
	return false;
}

/* What did not fit in the SYN. */
static void send_rest(const struct connection *connection, const struct payload *payload)
{
	size_t done = connection->syn_bytes;

	while (done < payload->length && connection_wait(connection, POLLOUT, REPLY_MS)) {
		ssize_t sent = send(connection->fd, payload->bytes + done, payload->length - done,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		done += sent > 0 ? (size_t)sent : 0;
	}
}

static void await_reply(struct exchange *exchange, double since)
{
	char bytes[16384];
	ssize_t length;

	if (exchange->connection.error) { /* it is reset already */
		exchange->reply = REPLY_RESET;
		exchange->reply_ms = now_ms() - since;
		return;
	}
	if (!connection_wait(&exchange->connection, POLLIN, REPLY_MS)) {
		exchange->reply = has_pulse(&exchange->connection) ? REPLY_NONE : REPLY_DEAD;
		return;
	}
	exchange->reply_ms = now_ms() - since;
	length = recv(exchange->connection.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	exchange->reply = length > 0 ? REPLY_BYTES : length == 0 ? REPLY_END : REPLY_RESET;
	exchange->bytes = length > 0 ? (size_t)length : 0;
}

static struct exchange exchange_plainly(const struct addrinfo *to, const struct payload *payload)
{
	double since = now_ms();
	struct exchange exchange = {.connection = connect_plainly(to, HANDSHAKE_MS)};

	if (exchange.connection.state == CONNECTION_MADE) {
		send_rest(&exchange.connection, payload);
		await_reply(&exchange, since);
	}
	connection_close(&exchange.connection);
	return exchange;
}

/* Before Linux 5.5 the kernel does not say why: sending the data alone again is one retransmission,
 * a lost SYN makes it two. */
static bool syn_was_lost(const struct outcome *outcome)
{
	if (outcome->client_fail)
		return outcome->client_fail == CLIENT_FAIL_SYN_RETRANSMITTED;
	return !outcome->syn_data_acknowledged && outcome->retransmissions > 1;
}

static struct exchange exchange_fast(const struct addrinfo *to, const struct payload *payload)
{
	double since = now_ms();
	struct exchange exchange = {
		.connection = connect_with_data(to, payload->bytes, payload->length, HANDSHAKE_MS)};

	if (exchange.connection.state == CONNECTION_MADE &&
	    exchange.connection.outcome.syn_data_acknowledged) {
		send_rest(&exchange.connection, payload);
		await_reply(&exchange, since);
	}
	connection_close(&exchange.connection);
	return exchange;
}

static void print_reply(const struct exchange *exchange)
{
	switch (exchange->reply) {
	case REPLY_BYTES:
		printf("answered after %.1f ms (%zu bytes)\n", exchange->reply_ms, exchange->bytes);
		break;
	case REPLY_END:
		printf("closed by the server after %.1f ms\n", exchange->reply_ms);
		break;
	case REPLY_RESET:
		printf("reset after %.1f ms\n", exchange->reply_ms);
		break;
	case REPLY_NONE:
		printf("not answered within %d s\n", REPLY_MS / 1000);
		break;
	case REPLY_DEAD:
		printf("not answered within %d s, nor is anything acknowledged\n",
		       (REPLY_MS + PULSE_MS) / 1000);
		break;
	}
}

static void print_failure(const struct connection *connection)
{
	if (connection->error == ETIMEDOUT)
		printf("no answer within %d s\n", HANDSHAKE_MS / 1000);
	else
		printf("%s\n", connection_error_text(connection));
}

static enum verdict try_plainly(const struct addrinfo *to, const struct payload *payload,
				struct exchange *plain)
{
	printf("plain:   ");
	fflush(stdout);
	*plain = exchange_plainly(to, payload);
	if (plain->connection.state != CONNECTION_MADE) {
		print_failure(&plain->connection);
		return UNREACHABLE;
	}
	printf("connected after %.1f ms, %zu bytes sent, ", plain->connection.ms, payload->length);
	print_reply(plain);
	return plain->reply == REPLY_DEAD ? DEAD_PLAINLY : WORKS;
}

static enum verdict judge_request(const struct addrinfo *to, const struct connection *connection)
{
	bool lost = connection->outcome.retransmissions > 0;

	if (connection->state != CONNECTION_MADE) {
		print_failure(connection);
		return connection->error == ETIMEDOUT ? COOKIE_REQUEST_LOST
						      : COOKIE_REQUEST_REFUSED;
	}
	printf("%sconnected after %.1f ms, ", lost ? "the SYN that asked for it was lost, " : "",
	       connection->ms);
	fflush(stdout);
	switch (cookie_at_hand(to, connection, HANDSHAKE_MS)) {
	case COOKIE_KNOWN:
		puts("received");
		return WORKS;
	case COOKIE_EXPERIMENTAL:
		puts("received by the experimental option 254 only, not by 34");
		return WORKS;
	case COOKIE_NONE:
		puts("none came");
	}
	return lost ? COOKIE_REQUEST_LOST : NO_COOKIE;
}

static enum verdict try_cookie(const struct addrinfo *to)
{
	struct connection connection;
	enum verdict verdict = WORKS;

	printf("cookie:  ");
	fflush(stdout);
	connection = connect_asking(to, HANDSHAKE_MS);
	if (connection.state == CONNECTION_HELD)
		puts("known already");
	else
		verdict = judge_request(to, &connection);
	connection_close(&connection);
	return verdict;
}

/* A server that closes without having read resets, or not, as it happens to go. */
static bool is_end(enum reply reply)
{
	return reply == REPLY_END || reply == REPLY_RESET;
}

static enum verdict compare(const struct exchange *plain, const struct exchange *fast)
{
	if (fast->reply == REPLY_BYTES || fast->reply == plain->reply ||
	    (is_end(fast->reply) && is_end(plain->reply)))
		return WORKS;
	if (fast->reply == REPLY_DEAD)
		return STALLED;
	return fast->reply == REPLY_RESET ? RESET_LATER : UNANSWERED;
}

static enum verdict judge_failure(const struct connection *connection)
{
	print_failure(connection);
	if (connection->error == EINPROGRESS) /* the cookie has gone meanwhile */
		return NO_COOKIE;
	return connection->error == ETIMEDOUT ? DATA_VANISHED : DATA_REFUSED;
}

static enum verdict judge_exchange(const struct exchange *plain, const struct exchange *fast)
{
	const struct connection *connection = &fast->connection;

	if (connection->state != CONNECTION_MADE)
		return judge_failure(connection);
	if (syn_was_lost(&connection->outcome)) {
		printf("lost; connected without them after %.1f ms\n", connection->ms);
		return DATA_LOST;
	}
	if (!connection->outcome.syn_data_acknowledged) {
		printf("not acknowledged; connected after %.1f ms\n", connection->ms);
		return DATA_NOT_ACKNOWLEDGED;
	}
	printf("acknowledged after %.1f ms, ", connection->ms);
	print_reply(fast);
	return compare(plain, fast);
}

static enum verdict try_data(const struct addrinfo *to, const struct payload *payload,
			     const struct exchange *plain, struct exchange *fast)
{
	printf("data:    ");
	fflush(stdout);
	*fast = exchange_fast(to, payload);
	if (fast->connection.syn_bytes)
		printf("%zu of %zu bytes in the SYN, ", fast->connection.syn_bytes,
		       payload->length);
	return judge_exchange(plain, fast);
}

static void print_verdict(enum verdict verdict, const struct exchange *plain,
			  const struct exchange *fast)
{
	double gain = plain->reply_ms - fast->reply_ms;

	printf("verdict: %s", verdict_texts[verdict]);
	if (verdict == WORKS && (fast->reply == REPLY_NONE || fast->reply != plain->reply))
		printf(": the data is acknowledged");
	else if (verdict == WORKS && gain > 0)
		printf(": %.1f ms sooner than plainly", gain);
	else if (verdict == WORKS)
		printf(", but not sooner than plainly");
	putchar('\n');
}

/* A cookie may be one that the server does not know any more; the answer brought a new one. */
static enum verdict probe_address(const struct addrinfo *to, const struct payload *payload)
{
	struct exchange plain = {0}, fast = {0};
	enum verdict verdict;
	char text[PLACE_TEXT_SIZE];

	puts(place_text(to->ai_addr, text));
	verdict = try_plainly(to, payload, &plain);
	if (verdict == WORKS)
		verdict = try_cookie(to);
	if (verdict == WORKS) {
		verdict = try_data(to, payload, &plain, &fast);
		if (verdict == DATA_NOT_ACKNOWLEDGED)
			verdict = try_data(to, payload, &plain, &fast);
	}
	print_verdict(verdict, &plain, &fast);
	return verdict;
}

/* The first address that can be reached, as a program would take it. */
static int probe(const struct addrinfo *addresses, const struct payload *payload)
{
	enum verdict verdict = UNREACHABLE;

	for (const struct addrinfo *to = addresses; to && verdict == UNREACHABLE; to = to->ai_next)
		verdict = probe_address(to, payload);
	if (verdict == UNREACHABLE || verdict == DEAD_PLAINLY)
		return STATUS_UNREACHABLE;
	return verdict == WORKS ? EXIT_SUCCESS : STATUS_TROUBLE;
}

enum payload_kind { PAYLOAD_BY_PORT, PAYLOAD_HTTP, PAYLOAD_TLS, PAYLOAD_FILE };

struct wish {
	const char *place, *file;
	enum payload_kind kind;
};

static int read_words(int count, char **words, struct wish *wish)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], "--http") == 0)
			wish->kind = PAYLOAD_HTTP;
		else if (strcmp(words[i], "--tls") == 0)
			wish->kind = PAYLOAD_TLS;
		else if (strcmp(words[i], "--data") == 0 && i + 1 < count) {
			wish->kind = PAYLOAD_FILE;
			wish->file = words[++i];
		} else if (wish->place || words[i][0] == '-')
			return refuse_word(words[i]);
		else
			wish->place = words[i];
	}
	if (wish->place)
		return 0;
	complain("probe: no HOST:PORT; try tfoctl --help");
	return STATUS_USAGE;
}

static enum payload_kind kind_of_port(uint16_t port)
{
	return port == 80 || port == 8080 ? PAYLOAD_HTTP : PAYLOAD_TLS;
}

static bool make_payload(struct payload *payload, const struct wish *wish,
			 const struct place *place, uint16_t port)
{
	enum payload_kind kind = wish->kind == PAYLOAD_BY_PORT ? kind_of_port(port) : wish->kind;

	if (kind == PAYLOAD_FILE)
		return payload_file(payload, wish->file);
	if (kind == PAYLOAD_HTTP)
		payload_http_request(payload, place);
	else
		payload_client_hello(payload, place);
	return true;
}

static int probe_place(const struct wish *wish, const struct place *place)
{
	static struct payload payload;
	struct addrinfo *addresses = place_addresses(place);
	int status = STATUS_UNREACHABLE;

	if (!addresses)
		return status;
	if (make_payload(&payload, wish, place, port_of(addresses->ai_addr)))
		status = probe(addresses, &payload);
	else
		status = STATUS_USAGE;
	freeaddrinfo(addresses);
	return status;
}

int probe_verb(int count, char **words)
{
	struct wish wish = {0};
	struct place place;
	int status = read_words(count, words, &wish), error;

	if (status)
		return status;
	if (!place_read(wish.place, &place))
		return STATUS_USAGE;
	if (!place.service[0]) {
		complain("%s: a port is missing", wish.place);
		return STATUS_USAGE;
	}
	error = fastopen_trouble();
	if (!error)
		return probe_place(&wish, &place);
	say_fastopen_trouble(error);
	return STATUS_UNREACHABLE;
}
