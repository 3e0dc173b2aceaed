/* SPDX-License-Identifier: MIT */
/*
 * tfoctl prime: connections that ask for a cookie and send nothing else. The cookie goes to the
 * kernel, the success to the memory: a program's next connection is held at once.
 */
#include "connection.h"
#include "place.h"
#include "policy/policy.h"
#include "shim/memory/destinations.h"
#include "tfoctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_MS 3000

/* What the memory asks of a rule, in its plainest form. */
static const struct policy_rule plain_rule = {
	.verb = POLICY_ALLOW, .verify = true, .suspend_s = POLICY_SUSPEND_S};

/* Errors that say something about the destination. */
static bool is_network_error(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET || error == ETIMEDOUT ||
	       error == EHOSTUNREACH || error == ENETUNREACH;
}

/* A cookie that came is none that was asked for in vain. */
static void remember(const struct addrinfo *to, const struct place *place,
		     const struct connection *connection, bool cookie)
{
	const struct experience experience = {
		.syn = cookie ? SYN_EMPTY : SYN_ASKED_FOR_COOKIE,
		.established = connection->state == CONNECTION_MADE,
		.retransmitted = connection->outcome.retransmissions > 0,
		.rtt_us = connection->outcome.rtt_us,
	};

	if (experience.established || is_network_error(connection->error))
		memory_record(to->ai_addr, to->ai_addrlen, &plain_rule, &experience,
			      place->is_name ? place->host : NULL);
}

static const char *finding(const struct connection *connection, bool held, enum cookie cookie)
{
	if (connection->state != CONNECTION_MADE)
		return connection_error_text(connection);
	if (held)
		return "cookie was known";
	if (cookie == COOKIE_KNOWN)
		return "cookie received";
	if (cookie == COOKIE_EXPERIMENTAL)
		return "cookie received, by the experimental option only";
	if (connection->outcome.retransmissions)
		return "connected, no cookie: the SYN that asked for one was lost";
	return "connected, no cookie: the server does not do Fast Open, or the path strips the "
	       "option";
}

/* The memory may know better than to hold the next connection. */
static const char *reservation(const struct addrinfo *to)
{
	uint32_t rtt_us;

	if (memory_paused_until())
		return "; but all Fast Open pauses: see tfoctl status";
	if (memory_advice(to->ai_addr, to->ai_addrlen, &plain_rule, &rtt_us) == ADVICE_PLAIN)
		return "; but the destination is suspended: see tfoctl status";
	return "";
}

/* Returns whether there is a cookie now. */
static bool prime_address(const struct addrinfo *to, const struct place *place)
{
	struct connection connection = connect_asking(to, HANDSHAKE_MS);
	bool held = connection.state == CONNECTION_HELD;
	enum cookie cookie = COOKIE_NONE;
	char text[PLACE_TEXT_SIZE];

	if (held)
		connection_release(&connection, HANDSHAKE_MS);
	if (connection.state == CONNECTION_MADE)
		cookie = held ? COOKIE_KNOWN : cookie_at_hand(to, &connection, HANDSHAKE_MS);
	remember(to, place, &connection, cookie);
	printf("%s %s%s\n", place_text(to->ai_addr, text), finding(&connection, held, cookie),
	       cookie ? reservation(to) : "");
	fflush(stdout);
	connection_close(&connection);
	return cookie;
}

static bool prime(const struct place *place)
{
	struct addrinfo *addresses = place_addresses(place);
	bool cookie = false;

	for (const struct addrinfo *to = addresses; to; to = to->ai_next)
		cookie |= prime_address(to, place);
	if (addresses)
		freeaddrinfo(addresses);
	return cookie;
}

static bool read_place(const char *word, struct place *place)
{
	if (!place_read(word, place))
		return false;
	if (place->service[0])
		return true;
	complain("%s: a port is missing", word);
	return false;
}

int prime_verb(int count, char **words)
{
	int status = EXIT_SUCCESS, error = fastopen_trouble();
	struct place place;

	if (count == 0) {
		complain("prime: no HOST:PORT; try tfoctl --help");
		return STATUS_USAGE;
	}
	for (int i = 0; i < count; i++)
		if (!read_place(words[i], &place))
			return STATUS_USAGE;
	if (error) {
		say_fastopen_trouble(error);
		return STATUS_TROUBLE;
	}
	find_memory();
	if (!memory_path())
		complain("prime: no file to remember in: only the kernel will know the cookies");
	for (int i = 0; i < count; i++)
		if (!place_read(words[i], &place) || !prime(&place))
			status = STATUS_TROUBLE;
	return status;
}
