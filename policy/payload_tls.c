/* SPDX-License-Identifier: MIT */
/*
 * A TLS ClientHello: it opens a handshake and commits to nothing, so a server may see it twice
 * (RFC 8446 section 8, RFC 7413 section 6.3.2). Early data would be repeated with it: refused, and
 * so is an encrypted one with early data, because its outer hello must have the extension as well.
 * Early data of a hello that is cut short is behind the cut, so it cannot ride.
 */
#include "hello.h"

enum payload_verdict payload_tls(const uint8_t *bytes, size_t length)
{
	struct hello hello = {.scan = scan_of(bytes, length)};

	hello_read(&hello);
	/* A record that is longer than the hello has another message in it. */
	scan_expect(&hello.scan, hello.record_left == 0);
	scan_expect_end(&hello.scan);
	return hello.early_data ? PAYLOAD_REFUSED : scan_verdict(&hello.scan);
}
