/* SPDX-License-Identifier: MIT */
/*
 * The host that a payload names by itself. What is ambiguous names none: two names, two Host
 * fields, user information before the host.
 */
#include "hello.h"
#include "http.h"

#define NAME_TYPE_HOST 0 /* RFC 6066 section 3 */

struct piece {
	const uint8_t *at;
	size_t length; /* 0: there is none */
};

static size_t number_at(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* Length of the list, type of the name, its length, the name. */
static struct piece server_name(const struct hello *hello)
{
	const uint8_t *at = hello->server_name;
	size_t length = hello->server_name_length;

	if (hello->server_names != 1 || length < 5 || length > sizeof(hello->server_name))
		return (struct piece){.length = 0};
	if (number_at(at) != length - 2 || at[2] != NAME_TYPE_HOST ||
	    number_at(at + 3) != length - 5)
		return (struct piece){.length = 0};
	return (struct piece){at + 5, length - 5};
}

static struct piece read_while(struct scan *scan, bool (*is_part)(uint8_t byte))
{
	const uint8_t *at = scan->at;

	while (is_part(scan_peek(scan)))
		scan_byte(scan);
	return (struct piece){at, (size_t)(scan->at - at)};
}

static bool piece_is(struct piece piece, const char *text)
{
	return piece.length == strlen(text) && memcmp(piece.at, text, piece.length) == 0;
}

/* What follows "scheme://" up to the path; none for the other forms of a target. */
static struct piece authority_of(struct piece target)
{
	const uint8_t *end = target.at + target.length;
	const uint8_t *colon = memchr(target.at, ':', target.length);
	struct piece authority;

	if (*target.at == '/' || !colon || end - colon < 3 || memcmp(colon, "://", 3) != 0)
		return (struct piece){.length = 0};
	authority.at = colon + 3;
	for (end = authority.at; end < target.at + target.length; end++) {
		if (*end == '/' || *end == '?' || *end == '#')
			break;
	}
	authority.length = (size_t)(end - authority.at);
	return authority;
}

static void trim_blanks(struct piece *piece)
{
	while (piece->length > 0 && http_is_blank(*piece->at)) {
		piece->at++;
		piece->length--;
	}
	while (piece->length > 0 && http_is_blank(piece->at[piece->length - 1]))
		piece->length--;
}

/* Whether it was a Host field, and its value. What is not whole, or ends badly, is none. */
static bool read_host_field(struct scan *scan, struct piece *host)
{
	struct piece name = read_while(scan, http_is_token);
	struct piece value;

	scan_expect(scan, name.length > 0);
	scan_expect(scan, scan_byte(scan) == ':');
	value = read_while(scan, http_is_value);
	http_line_end(scan);
	if (!scan_is_going(scan) || !http_field_is(name.at, name.length, "host"))
		return false;
	trim_blanks(&value);
	*host = value;
	return true;
}

static struct piece read_request_line(struct scan *scan)
{
	struct piece method = read_while(scan, http_is_token);
	struct piece target;
	uint8_t minor;

	scan_expect(scan, method.length > 0 && !piece_is(method, "CONNECT"));
	scan_expect(scan, scan_byte(scan) == ' ');
	target = read_while(scan, http_is_target);
	scan_expect(scan, target.length > 0);
	scan_literal(scan, " HTTP/1.");
	minor = scan_byte(scan);
	scan_expect(scan, minor == '0' || minor == '1');
	http_line_end(scan);
	return scan_is_going(scan) ? authority_of(target) : (struct piece){.length = 0};
}

static struct piece host_of_request(struct scan *scan)
{
	struct piece authority = read_request_line(scan);
	struct piece host = {.length = 0};
	unsigned int hosts = 0;

	while (scan_is_going(scan) && scan_peek(scan) != '\r' && scan_peek(scan) != '\n')
		hosts += read_host_field(scan, &host);
	if (scan->state == SCAN_REFUSED || hosts > 1)
		return (struct piece){.length = 0};
	return authority.length > 0 ? authority : host;
}

/* Cuts off a port; what is left of an IPv6 literal is no host name. */
static void cut_port(struct piece *host)
{
	size_t at = host->length;

	while (at > 0 && host->at[at - 1] >= '0' && host->at[at - 1] <= '9')
		at--;
	if (at > 0 && host->at[at - 1] == ':')
		host->length = at - 1;
}

static size_t write_name(struct piece piece, char *name, size_t size)
{
	const char *text = (const char *)piece.at;
	size_t at, width;

	if (piece.length == 0 || hostname_fault(text, piece.length, &at, &width))
		return 0;
	if (piece.length - (text[piece.length - 1] == '.') >= size)
		return 0;
	return hostname_fold(name, text, piece.length);
}

size_t payload_host_name(const void *bytes, size_t length, char *name, size_t size)
{
	struct hello hello = {.scan = scan_of(bytes, length)};
	struct scan scan = hello.scan;
	struct piece host;

	hello_read(&hello);
	if (hello.scan.state != SCAN_REFUSED)
		return write_name(server_name(&hello), name, size);
	host = host_of_request(&scan);
	cut_port(&host);
	return write_name(host, name, size);
}
