/* SPDX-License-Identifier: MIT */
/*
 * Which bytes may be delivered twice (RFC 7413 section 2.1: the network may repeat a SYN). One file
 * a class, pure functions over bytes; what is not understood is not safe. Any thread, any signal
 * handler may call them.
 *
 * A first write may be cut anywhere: by the program, and again by the kernel, which decides how
 * much of it rides in the SYN. So
 *   - what was cut by the program is safe only if it is already certain what is asked, and that
 *     nothing which may follow makes an unsafe request of it ("GE" may become GETDEL);
 *   - no prefix of what is safe is ever refused: it is safe, or merely too short to tell. Cut by
 *     the kernel it is harmless, because the rest is known.
 */
#ifndef TFO_POLICY_PAYLOAD_H
#define TFO_POLICY_PAYLOAD_H

#include "policy.h"

/* So much of a first write is looked at, and may ride: what a SYN can carry on an Ethernet path,
 * and a little more. */
#define PAYLOAD_LOOKED_AT 2048u

enum payload_verdict {
	PAYLOAD_REFUSED, /* not of the class, or not safe to repeat, whatever follows */
	PAYLOAD_OPEN,	 /* too short to tell; not safe */
	PAYLOAD_SAFE,
};

/* What a rule's payload class says about these first bytes of a connection. None are open. */
enum payload_verdict payload_judge(const struct policy_rule *rule, const void *bytes,
				   size_t length);

/* Whether it says that they are safe to repeat. */
bool payload_is_safe(const struct policy_rule *rule, const void *bytes, size_t length);

/* A TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), whole or truncated, without
 * the early_data extension and with nothing behind it. */
enum payload_verdict payload_tls(const uint8_t *bytes, size_t length);

/* One GET, HEAD or OPTIONS request (RFC 9110 section 9.2.1), whole or truncated, HTTP/1.0 or 1.1,
 * without a body and with nothing behind it. */
enum payload_verdict payload_http(const uint8_t *bytes, size_t length);

/* One DNS query over TCP (RFC 1035 section 4.2.2): length, QR 0, opcode QUERY, one question. */
enum payload_verdict payload_dns(const uint8_t *bytes, size_t length);

/* Redis commands, as arrays or inline, that only read or only change the state of their own
 * connection; the last may be truncated. */
enum payload_verdict payload_redis(const uint8_t *bytes, size_t length);

/* memcached requests, as text or binary, that only read; the last may be truncated. */
enum payload_verdict payload_memcached(const uint8_t *bytes, size_t length);

/*
 * The host that a payload names by itself: the server name of a ClientHello (RFC 6066 section 3:
 * one name, of type host_name), or the host of an HTTP/1 request of any method but CONNECT (that of
 * an absolute target, RFC 9112 section 3.2.2, before that of the one Host field), without its port.
 * Whether the payload is safe to repeat is another question. Writes it to `name` as names are
 * compared, in lower case and without a final dot, with a NUL, and returns its length. 0 if there
 * is none, if it is an address or no host name, or does not fit (253 bytes and the NUL always do).
 * Where a ClientHello is encrypted, the name is that of the server that decrypts it.
 */
size_t payload_host_name(const void *bytes, size_t length, char *name, size_t size);

/* Whether payloads of a class name their host, as a rule. */
static inline bool payload_may_name_host(enum policy_payload payload)
{
	return payload == POLICY_PAYLOAD_TLS || payload == POLICY_PAYLOAD_HTTP;
}

#endif
