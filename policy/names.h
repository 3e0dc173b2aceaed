/* SPDX-License-Identifier: MIT */
/*
 * Which host names this process resolved to which address. Learned in getaddrinfo and its kin,
 * asked in connect. Lock-free, insert-only, bounded; survives fork in the child.
 */
#ifndef TFO_POLICY_NAMES_H
#define TFO_POLICY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* The most names remembered; later ones set names_overflowed(). */
#define NAMES_MOST 16384

/* Remembers that `name` resolved to `address` (its port is ignored; AF_INET and AF_INET6, a mapped
 * IPv4 address counts as IPv4). Names are kept in lower case without a final dot. Numeric hosts
 * ("192.0.2.1", "::1", "0x7f.1") are not names and are not learned. Known pairs are not stored
 * again. Any thread, any signal handler. */
void names_learn(const char *name, const struct sockaddr *address, socklen_t length);

/* The same for a name that nobody asked for but the answer has: a canonical name. Such an alias can
 * only forbid: a deny rule for it counts, no other. */
void names_learn_alias(const char *name, const struct sockaddr *address, socklen_t length);

/* The names known for an address, one a call: pass NULL first, then what was returned. NULL at the
 * end. The strings live as long as the process. Any thread, any signal handler. */
struct learned_name;
const struct learned_name *names_next(const struct sockaddr *address, socklen_t length,
				      const struct learned_name *after);
const char *names_text(const struct learned_name *name);
bool names_is_alias(const struct learned_name *name);

/* Whether something could not be remembered. Then an address without names may have one that a
 * deny rule names: policy_decide() allows nothing to it if the policy has name rules. */
bool names_overflowed(void);

#endif
