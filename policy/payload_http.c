/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/1 request of a safe method (RFC 9110 section 9.2.1) without a body: it only asks. What
 * could make the server read on, wait or change the protocol is refused.
 */
#include "payload.h"

#include "scan.h"

#include <string.h>

/* RFC 9110 section 5.6.2 */
static bool is_token(uint8_t byte)
{
	if ((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'))
		return true;
	return byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

/* What a request target is made of: visible ASCII (RFC 3986 section 2). */
static bool is_target(uint8_t byte)
{
	return byte > 0x20 && byte < 0x7f;
}

/* RFC 9110 section 5.5, with the bytes outside ASCII that old servers know. */
static bool is_value(uint8_t byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static void read_literal(struct scan *scan, const char *literal)
{
	for (; *literal; literal++)
		scan_expect(scan, scan_byte(scan) == (uint8_t)*literal);
}

static void read_method(struct scan *scan)
{
	switch (scan_peek(scan)) {
	case 'G':
		read_literal(scan, "GET ");
		return;
	case 'H':
		read_literal(scan, "HEAD ");
		return;
	case 'O':
		read_literal(scan, "OPTIONS ");
		return;
	default:
		scan_expect(scan, false);
	}
}

/* A server may take a bare LF for the end of a line (RFC 9112 section 2.2); a bare CR is one to
 * some and not to others, so it is refused. */
static void read_line_end(struct scan *scan)
{
	uint8_t byte = scan_byte(scan);

	if (byte == '\r')
		byte = scan_byte(scan);
	scan_expect(scan, byte == '\n');
}

static void read_request_line(struct scan *scan)
{
	uint8_t minor;

	read_method(scan);
	scan_expect(scan, is_target(scan_byte(scan)));
	while (is_target(scan_peek(scan)))
		scan_byte(scan);
	read_literal(scan, " HTTP/1.");
	minor = scan_byte(scan);
	scan_expect(scan, minor == '0' || minor == '1');
	read_line_end(scan);
}

/* Compares a token with letters and hyphens in lower case. Setting 0x20 maps only capitals to
 * letters, and only the hyphen itself (of the bytes of a token) to a hyphen. */
static bool field_is(const uint8_t *name, size_t length, const char *lower)
{
	if (length != strlen(lower))
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((name[i] | 0x20) != lower[i])
			return false;
	}
	return true;
}

/* A body, or an answer that the server waits for, or another protocol on this connection. */
static bool is_refused_field(const uint8_t *name, size_t length)
{
	return field_is(name, length, "transfer-encoding") || field_is(name, length, "expect") ||
	       field_is(name, length, "upgrade");
}

static void skip_blanks(struct scan *scan)
{
	while (is_blank(scan_peek(scan)))
		scan_byte(scan);
}

static void read_zero(struct scan *scan)
{
	skip_blanks(scan);
	read_literal(scan, "0");
	skip_blanks(scan);
}

static void skip_value(struct scan *scan)
{
	while (is_value(scan_peek(scan)))
		scan_byte(scan);
}

/* A folded line begins with a blank, which no field name does. */
static void read_field(struct scan *scan)
{
	const uint8_t *name = scan->at;
	size_t length;

	while (is_token(scan_peek(scan)))
		scan_byte(scan);
	length = (size_t)(scan->at - name);
	scan_expect(scan, length > 0);
	read_literal(scan, ":");
	scan_expect(scan, !is_refused_field(name, length));
	if (field_is(name, length, "content-length"))
		read_zero(scan);
	else
		skip_value(scan);
	read_line_end(scan);
}

bool payload_is_safe_http_request(const uint8_t *bytes, size_t length)
{
	struct scan scan = {.at = bytes, .end = bytes + length};

	if (length == 0)
		return false;
	read_request_line(&scan);
	while (scan_is_going(&scan) && scan_peek(&scan) != '\r' && scan_peek(&scan) != '\n')
		read_field(&scan);
	read_line_end(&scan);
	scan_expect_end(&scan);
	return scan.state != SCAN_REFUSED;
}
