/* SPDX-License-Identifier: MIT */
/* The words that HTTP/1 requests are made of (RFC 9110, RFC 9112). Inside the policy room only. */
#ifndef TFO_POLICY_HTTP_H
#define TFO_POLICY_HTTP_H

#include "scan.h"

#include <string.h>

/* RFC 9110 section 5.6.2 */
static inline bool http_is_token(uint8_t byte)
{
	if ((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'))
		return true;
	return byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

/* What a request target is made of: visible ASCII (RFC 3986 section 2). */
static inline bool http_is_target(uint8_t byte)
{
	return byte > 0x20 && byte < 0x7f;
}

/* RFC 9110 section 5.5, with the bytes outside ASCII that old servers know. */
static inline bool http_is_value(uint8_t byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static inline bool http_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* A server may take a bare LF for the end of a line (RFC 9112 section 2.2); a bare CR is one to
 * some and not to others, so it is refused. */
static inline void http_line_end(struct scan *scan)
{
	uint8_t byte = scan_byte(scan);

	if (byte == '\r')
		byte = scan_byte(scan);
	scan_expect(scan, byte == '\n');
}

/* Compares a token with letters and hyphens in lower case. Setting 0x20 maps only capitals to
 * letters, and only the hyphen itself (of the bytes of a token) to a hyphen. */
static inline bool http_field_is(const uint8_t *name, size_t length, const char *lower)
{
	if (length != strlen(lower))
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((name[i] | 0x20) != lower[i])
			return false;
	}
	return true;
}

static inline void http_skip_blanks(struct scan *scan)
{
	while (http_is_blank(scan_peek(scan)))
		scan_byte(scan);
}

#endif
