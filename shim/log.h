/* SPDX-License-Identifier: MIT */
/*
 * What the library says, and only when asked to (TFO_LOG): one line a decision, one write(2) a
 * line. No stdio, no malloc: any thread, any signal handler. Everything here keeps errno.
 */
#ifndef TFO_SHIM_LOG_H
#define TFO_SHIM_LOG_H

#include "shim/memory/outcome.h"
#include "shim/socket/table.h"

/* Remembers which file descriptor 2 is, so that nothing is ever written to another one that has
 * taken its number. Called by the constructor. */
void log_open(void);

/* The policy is bad; `text` says where and why, and may have several lines. */
void log_policy_refused(const char *text, bool another_stays_in_force);

/* TFO_HOLD names no hold. */
void log_hold_unknown(const char *name);

/* A destination that no rule, or a deny rule, speaks for. `rule` may be NULL. */
void log_not_allowed(const struct sockaddr *address, socklen_t length,
		     const struct policy_rule *rule);

/* A socket that listens, and what was done about it. `rule` may be NULL. */
void log_listener(const union socket_address *address, socklen_t length,
		  const struct policy_rule *rule, const char *what);

/* A connection under a rule that is not held, and why not. */
void log_connect(const struct tracked *socket, const char *why_not);

/* SYN+data was answered with a reset; an ordinary connect follows. */
void log_retry(const struct tracked *socket);

/* How a held connection fared. */
void log_outcome(const struct tracked *socket, const struct outcome *outcome);

#endif
