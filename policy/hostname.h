/* SPDX-License-Identifier: MIT */
/*
 * What a host name looks like and how it is compared: in lower case, without a final dot, ASCII
 * only. Pure functions, independent of the locale. Inside the policy room only.
 */
#ifndef TFO_POLICY_HOSTNAME_H
#define TFO_POLICY_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>

#define HOSTNAME_LABEL_MOST 63 /* RFC 1035 section 2.3.4 */
#define HOSTNAME_MOST	    253

/* What is wrong with a name, NULL if nothing is: the end of the sentence that began with the
 * name. `at` and `width` say which bytes of the name are meant. */
const char *hostname_fault(const char *name, size_t length, size_t *at, size_t *width);

/* Whether the resolver would take this for an address: IPv6 or anything inet_aton() reads. */
bool hostname_is_numeric(const char *name, size_t length);

/* Whether a name has bytes outside ASCII. Such a name may stand for any xn-- name. */
bool hostname_is_foreign(const char *name);

/* Writes the name to `to` (length + 1 bytes) as it is compared; returns the length. */
size_t hostname_fold(char *to, const char *name, size_t length);

#endif
