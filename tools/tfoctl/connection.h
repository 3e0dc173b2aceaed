/* SPDX-License-Identifier: MIT */
/*
 * One connection, made step by step and watched: for verbs that try out a destination. Every wait
 * is bounded. The kernel's words (TCP_INFO) come from shim/memory/outcome.h.
 */
#ifndef TFO_TOOLS_TFOCTL_CONNECTION_H
#define TFO_TOOLS_TFOCTL_CONNECTION_H

#include "shim/memory/outcome.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

enum connection_state {
	CONNECTION_HELD, /* a cookie was at hand: the SYN waits for data */
	CONNECTION_MADE, /* and perhaps reset at once: then `error` is set */
	CONNECTION_FAILED,
};

struct connection {
	int fd; /* -1: no socket */
	enum connection_state state;
	int error;	  /* errno, or 0; ETIMEDOUT also when our time was up */
	size_t syn_bytes; /* that the SYN carried */
	double ms;	  /* from the SYN to the end of the handshake */
	struct outcome outcome;
};

/* Whether the kernel does Fast Open for clients: 0, else errno: EOPNOTSUPP when it is switched
 * off, ENOPROTOOPT when it is too old. */
int fastopen_trouble(void);

/* fastopen_trouble(), in words, by complain(). */
void say_fastopen_trouble(int error);

/* An ordinary connection. */
struct connection connect_plainly(const struct addrinfo *to, int most_ms);

/* A connection whose SYN asks for a cookie, or one that is held. */
struct connection connect_asking(const struct addrinfo *to, int most_ms);

/* Sends the SYN of a connection that is held, with the cookie and no data. */
void connection_release(struct connection *connection, int most_ms);

/* A connection whose SYN carries as much of the payload as fits. EINPROGRESS: no cookie was at
 * hand, and nothing was sent but a SYN that asked for one. */
struct connection connect_with_data(const struct addrinfo *to, const void *payload, size_t length,
				    int most_ms);

enum cookie {
	COOKIE_NONE,
	COOKIE_KNOWN,
	COOKIE_EXPERIMENTAL, /* it came when the kernel asked with the experimental option */
};

/* Whether the kernel has a cookie for this address, after a connection that asked for one. It asks
 * by a connect that is held and then dropped, so that no packet leaves; without a cookie that is a
 * connection like any other, which asks anew. */
enum cookie cookie_at_hand(const struct addrinfo *to, const struct connection *after, int most_ms);

/* Waits for `events` of poll(); false when the time is up. */
bool connection_wait(const struct connection *connection, short events, int most_ms);

void connection_close(struct connection *connection);

/* Why it failed, as a part of a sentence: "connection refused". */
const char *connection_error_text(const struct connection *connection);

double now_ms(void);

#endif
