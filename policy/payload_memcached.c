/* SPDX-License-Identifier: MIT */
/*
 * memcached requests (doc/protocol.txt and doc/protocol-binary.txt of memcached) that only read:
 * get, gets, version, the meta commands mn and mg, and their binary kin. gat touches what it gets,
 * and mg does, or creates it, with some of its flags: a line of mg is safe only when it is whole.
 */
#include "scan.h"

#include <string.h>

#define KEY_MOST 250

/* Binary: magic, opcode, length of the key, of the extras, data type, two bytes of vbucket, length
 * of the body, opaque, CAS. */
#define MAGIC_REQUEST  0x80
#define REST_OF_HEADER 12 /* opaque and CAS */

enum opcode {
	OPCODE_GET = 0x00,
	OPCODE_GETQ = 0x09,
	OPCODE_NOOP = 0x0a,
	OPCODE_VERSION = 0x0b,
	OPCODE_GETK = 0x0c,
	OPCODE_GETKQ = 0x0d,
};

static bool takes_key(uint8_t opcode)
{
	return opcode == OPCODE_GET || opcode == OPCODE_GETQ || opcode == OPCODE_GETK ||
	       opcode == OPCODE_GETKQ;
}

static void read_binary(struct scan *scan)
{
	uint8_t opcode;
	size_t key, body = 0;

	scan_expect(scan, scan_byte(scan) == MAGIC_REQUEST);
	opcode = scan_byte(scan);
	scan_expect(scan, takes_key(opcode) || opcode == OPCODE_NOOP || opcode == OPCODE_VERSION);
	scan_settle(scan);
	key = (size_t)scan_byte(scan) << 8;
	key |= scan_byte(scan);
	scan_expect(scan, takes_key(opcode) ? key > 0 && key <= KEY_MOST : key == 0);
	scan_expect(scan, scan_byte(scan) == 0); /* no extras */
	scan_expect(scan, scan_byte(scan) == 0); /* raw bytes, the only data type */
	scan_skip(scan, 2);
	for (int i = 0; i < 4; i++)
		body = body << 8 | scan_byte(scan);
	scan_expect(scan, body == key);
	scan_skip(scan, REST_OF_HEADER);
	scan_skip(scan, key);
}

static bool is_graphic(uint8_t byte)
{
	return byte > ' ' && byte != 0x7f;
}

/* A word of the line; its length. What is behind it is there, or the scan has ended. */
static size_t read_word(struct scan *scan)
{
	const uint8_t *word = scan->at;

	while (is_graphic(scan_peek(scan)))
		scan_byte(scan);
	return (size_t)(scan->at - word);
}

static void read_key(struct scan *scan)
{
	size_t length = 0;

	while (is_graphic(scan_peek(scan))) {
		scan_byte(scan);
		scan_expect(scan, ++length <= KEY_MOST);
	}
	scan_expect(scan, length > 0);
}

static void skip_blanks(struct scan *scan)
{
	while (scan_peek(scan) == ' ')
		scan_byte(scan);
}

static bool ends_line(uint8_t byte)
{
	return byte == '\r' || byte == '\n';
}

static void read_line_end(struct scan *scan)
{
	if (scan_peek(scan) == '\r')
		scan_byte(scan);
	scan_expect(scan, scan_byte(scan) == '\n');
}

/* Some clients leave a blank at the end of the line. */
static void read_keys(struct scan *scan)
{
	scan_expect(scan, scan_byte(scan) == ' ');
	scan_settle(scan);
	skip_blanks(scan);
	do {
		read_key(scan);
		skip_blanks(scan);
	} while (scan_is_going(scan) && !ends_line(scan_peek(scan)));
	read_line_end(scan);
}

/* What only shapes the answer; O is followed by a word for it. The others write: N creates, T sets
 * the time to live, R marks as claimed, E sets the CAS value. */
static void read_flag(struct scan *scan)
{
	const char *flag = (const char *)scan->at;
	size_t length = read_word(scan);

	if (!scan_is_going(scan))
		return;
	scan_expect(scan, length == 1 ? strchr("bcfhklOqstv", *flag) != NULL
				      : length > 1 && *flag == 'O');
}

static void read_meta_get(struct scan *scan)
{
	scan_expect(scan, scan_byte(scan) == ' ');
	read_key(scan);
	while (scan_is_going(scan) && !ends_line(scan_peek(scan))) {
		scan_expect(scan, scan_byte(scan) == ' ');
		if (!ends_line(scan_peek(scan)))
			read_flag(scan);
	}
	read_line_end(scan);
	scan_settle(scan);
}

static void read_nothing(struct scan *scan)
{
	scan_settle(scan);
	read_line_end(scan);
}

static const struct {
	const char *name;
	void (*read)(struct scan *scan); /* what stands behind the name */
} commands[] = {
	{"get", read_keys},   {"gets", read_keys},	 {"mg", read_meta_get},
	{"mn", read_nothing}, {"version", read_nothing},
};

static void read_line(struct scan *scan)
{
	const char *name = (const char *)scan->at;
	size_t length = read_word(scan);

	if (!scan_is_going(scan))
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strlen(commands[i].name) == length &&
		    memcmp(commands[i].name, name, length) == 0) {
			commands[i].read(scan);
			return;
		}
	}
	scan_expect(scan, false);
}

/* The first byte decides how a connection speaks. */
enum payload_verdict payload_memcached(const uint8_t *bytes, size_t length)
{
	struct scan scan = scan_of(bytes, length);
	void (*read)(struct scan * scan) =
		scan_peek(&scan) == MAGIC_REQUEST ? read_binary : read_line;

	do {
		scan.settled = false;
		read(&scan);
	} while (scan_has_more(&scan));
	return scan_verdict(&scan);
}
