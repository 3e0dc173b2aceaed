/* SPDX-License-Identifier: MIT */
/* Reading a ClientHello, cut into records or cut short. What it means is for others to say. */
#include "hello.h"

#define RECORD_HANDSHAKE      22    /* RFC 8446 section 5.1 */
#define RECORD_MOST	      16384 /* RFC 8446 section 5.1 */
#define HANDSHAKE_HELLO	      1	    /* RFC 8446 section 4 */
#define EXTENSION_SERVER_NAME 0	    /* RFC 8446 section 4.2, as the next */
#define EXTENSION_EARLY_DATA  42
#define RANDOM_LENGTH	      32 /* RFC 8446 section 4.1.2, as the next */
#define SESSION_ID_MOST	      32

/* 3.1 is TLS 1.0; no byte of another protocol looks like this. */
static void read_version(struct hello *hello, uint8_t (*next)(struct hello *), uint8_t newest)
{
	uint8_t minor;

	scan_expect(&hello->scan, next(hello) == 3);
	minor = next(hello);
	scan_expect(&hello->scan, minor >= 1 && minor <= newest);
}

static uint8_t raw_byte(struct hello *hello)
{
	return scan_byte(&hello->scan);
}

static void read_record_header(struct hello *hello)
{
	size_t length;

	scan_expect(&hello->scan, raw_byte(hello) == RECORD_HANDSHAKE);
	read_version(hello, raw_byte, 4);
	length = (size_t)raw_byte(hello) << 8;
	scan_expect(&hello->scan, length <= RECORD_MOST);
	length |= raw_byte(hello);
	/* An empty record is not allowed for handshakes and would never end. */
	scan_expect(&hello->scan, length > 0 && length <= RECORD_MOST);
	hello->record_left = length;
}

/* A byte of the handshake, which may be cut into any number of records. */
static uint8_t handshake_byte(struct hello *hello)
{
	if (hello->record_left == 0)
		read_record_header(hello);
	if (scan_is_going(&hello->scan))
		hello->record_left--;
	return raw_byte(hello);
}

static uint8_t message_byte(struct hello *hello)
{
	scan_expect(&hello->scan, hello->left > 0);
	if (scan_is_going(&hello->scan))
		hello->left--;
	return handshake_byte(hello);
}

static size_t read_number(struct hello *hello, size_t bytes)
{
	size_t number = 0;

	while (bytes-- > 0)
		number = number << 8 | message_byte(hello);
	return number;
}

static void skip(struct hello *hello, size_t bytes)
{
	scan_expect(&hello->scan, bytes <= hello->left);
	while (bytes-- > 0 && scan_is_going(&hello->scan))
		message_byte(hello);
}

static void read_handshake_header(struct hello *hello)
{
	scan_expect(&hello->scan, handshake_byte(hello) == HANDSHAKE_HELLO);
	scan_settle(&hello->scan);
	for (int i = 0; i < 3; i++)
		hello->left = hello->left << 8 | handshake_byte(hello);
}

static void read_session_id(struct hello *hello)
{
	size_t length = read_number(hello, 1);

	scan_expect(&hello->scan, length <= SESSION_ID_MOST);
	skip(hello, length);
}

static void read_cipher_suites(struct hello *hello)
{
	size_t length = read_number(hello, 2);

	scan_expect(&hello->scan, length >= 2 && length % 2 == 0);
	skip(hello, length);
}

static void read_compression_methods(struct hello *hello)
{
	size_t length = read_number(hello, 1);

	scan_expect(&hello->scan, length >= 1);
	skip(hello, length);
}

static void read_server_name(struct hello *hello, size_t length)
{
	for (size_t i = 0; i < length && scan_is_going(&hello->scan); i++) {
		uint8_t byte = message_byte(hello);

		if (i < sizeof(hello->server_name))
			hello->server_name[i] = byte;
	}
	if (!scan_is_going(&hello->scan))
		return;
	hello->server_name_length = length;
	hello->server_names++;
}

static void read_extension(struct hello *hello)
{
	size_t type = read_number(hello, 2);
	size_t length;

	if (scan_is_going(&hello->scan) && type == EXTENSION_EARLY_DATA)
		hello->early_data = true;
	length = read_number(hello, 2);
	scan_expect(&hello->scan, length <= hello->left);
	if (type == EXTENSION_SERVER_NAME)
		read_server_name(hello, length);
	else
		skip(hello, length);
}

/* Before TLS 1.3 a hello may end without extensions. */
static void read_extensions(struct hello *hello)
{
	size_t length;

	if (hello->left == 0)
		return;
	length = read_number(hello, 2);
	scan_expect(&hello->scan, length == hello->left);
	while (hello->left > 0 && scan_is_going(&hello->scan))
		read_extension(hello);
}

void hello_read(struct hello *hello)
{
	read_handshake_header(hello);
	read_version(hello, message_byte, 3);
	skip(hello, RANDOM_LENGTH);
	read_session_id(hello);
	read_cipher_suites(hello);
	read_compression_methods(hello);
	read_extensions(hello);
}
