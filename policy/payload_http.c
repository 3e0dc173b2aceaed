/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/1 request of a safe method (RFC 9110 section 9.2.1) without a body: it only asks. What
 * could make the server read on, wait or change the protocol is refused. A request that is cut
 * short is safe once its method is known: a server that acted on it would do what that method does.
 */
#include "http.h"

static void read_method(struct scan *scan)
{
	switch (scan_peek(scan)) {
	case 'G':
		scan_literal(scan, "GET ");
		return;
	case 'H':
		scan_literal(scan, "HEAD ");
		return;
	case 'O':
		scan_literal(scan, "OPTIONS ");
		return;
	default:
		scan_expect(scan, false);
	}
}

static void read_request_line(struct scan *scan)
{
	uint8_t minor;

	read_method(scan);
	scan_settle(scan);
	scan_expect(scan, http_is_target(scan_byte(scan)));
	while (http_is_target(scan_peek(scan)))
		scan_byte(scan);
	scan_literal(scan, " HTTP/1.");
	minor = scan_byte(scan);
	scan_expect(scan, minor == '0' || minor == '1');
	http_line_end(scan);
}

/* A body, an answer that the server waits for, another protocol on this connection, or another
 * method, as some frameworks have it. */
static bool is_refused_field(const uint8_t *name, size_t length)
{
	static const char *const refused[] = {
		"transfer-encoding",	  "expect",	   "upgrade",
		"x-http-method-override", "x-http-method", "x-method-override",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (http_field_is(name, length, refused[i]))
			return true;
	}
	return false;
}

static void read_zero(struct scan *scan)
{
	http_skip_blanks(scan);
	scan_literal(scan, "0");
	http_skip_blanks(scan);
}

static void skip_value(struct scan *scan)
{
	while (http_is_value(scan_peek(scan)))
		scan_byte(scan);
}

/* A folded line begins with a blank, which no field name does. */
static void read_field(struct scan *scan)
{
	const uint8_t *name = scan->at;
	size_t length;

	while (http_is_token(scan_peek(scan)))
		scan_byte(scan);
	length = (size_t)(scan->at - name);
	scan_expect(scan, length > 0);
	scan_literal(scan, ":");
	scan_expect(scan, !is_refused_field(name, length));
	if (http_field_is(name, length, "content-length"))
		read_zero(scan);
	else
		skip_value(scan);
	http_line_end(scan);
}

enum payload_verdict payload_http(const uint8_t *bytes, size_t length)
{
	struct scan scan = scan_of(bytes, length);

	read_request_line(&scan);
	while (scan_is_going(&scan) && scan_peek(&scan) != '\r' && scan_peek(&scan) != '\n')
		read_field(&scan);
	http_line_end(&scan);
	scan_expect_end(&scan);
	return scan_verdict(&scan);
}
