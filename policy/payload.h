/* SPDX-License-Identifier: MIT */
/*
 * Which bytes may be delivered twice (RFC 7413 section 2.1: the network may repeat a SYN). One file
 * a class, pure functions over bytes. The kernel decides how much of the bytes rides in the SYN, so
 * "safe" means that every prefix is safe too; what is not understood is not safe.
 */
#ifndef TFO_POLICY_PAYLOAD_H
#define TFO_POLICY_PAYLOAD_H

#include "policy.h"

/* Whether these first bytes of a connection are safe to repeat under the rule's payload class.
 * Zero bytes are not a payload: false. Any thread, any signal handler. */
bool payload_is_safe(const struct policy_rule *rule, const void *bytes, size_t length);

/* A TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), whole or truncated, without
 * the early_data extension and with nothing behind it. */
bool payload_is_tls_client_hello(const uint8_t *bytes, size_t length);

/* One GET, HEAD or OPTIONS request (RFC 9110 section 9.2.1), whole or truncated, HTTP/1.0 or 1.1,
 * without a body and with nothing behind it. */
bool payload_is_safe_http_request(const uint8_t *bytes, size_t length);

/* One DNS query over TCP (RFC 1035 section 4.2.2): length, QR 0, opcode QUERY, one question. */
bool payload_is_dns_query(const uint8_t *bytes, size_t length);

#endif
