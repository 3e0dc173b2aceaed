/* SPDX-License-Identifier: MIT */
/* What probe sends. */
#include "payload.h"

#include "tfoctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* All but the name of the server: a record, a message and its extensions (RFC 8446 section 4.1.2).
 * The lengths, which are zero here, and the random bytes are filled in. */
static const uint8_t hello_template[] = {
	22,   3,    1,	  0,	0, /* handshake record, its length */
	1,    0,    0,	  0,	   /* ClientHello, its length */
	3,    3,		   /* TLS 1.2, and see below */
	0,    0,    0,	  0,	0,    0,    0,	  0,	0, 0,  0, 0,  0, 0, 0, 0, /* random */
	0,    0,    0,	  0,	0,    0,    0,	  0,	0, 0,  0, 0,  0, 0, 0, 0, /* random */
	0,									  /* no session */
	0,    18,   0x13, 0x01, 0x13, 0x02, 0x13, 0x03, /* AES-GCM and ChaCha20 of TLS 1.3 */
	0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, /* ECDHE with AES-GCM */
	0xcc, 0xa9, 0xcc, 0xa8,				/* ECDHE with ChaCha20 */
	1,    0,					/* no compression */
	0,    0,					/* length of the extensions */
	0,    10,   0,	  8,	0,    6,    0,	  29,	0, 23, 0, 24, /* groups: x25519, P-256,
									 P-384 */
	0,    11,   0,	  2,	1,    0, /* points are not compressed */
	0,    13,   0,	  18,	0,    16,   4,	  3,	8, 4,  4, 1,  5, 3, 8, 5,
	5,    1,    8,	  6,	6,    1,		   /* signatures */
	0,    43,   0,	  5,	4,    3,    4,	  3,	3, /* TLS 1.3, 1.2 */
	0,    51,   0,	  2,	0,    0,		   /* no keys */
};

enum {
	RECORD_LENGTH_AT = 3,
	RECORD_AT = 5,
	MESSAGE_LENGTH_AT = 7, /* the lower two bytes */
	MESSAGE_AT = 9,
	RANDOM_AT = 11,
	RANDOM_LENGTH = 32,
	EXTENSIONS_LENGTH_AT = 66,
	EXTENSIONS_AT = 68,
};

_Static_assert(sizeof(hello_template) == EXTENSIONS_AT + 12 + 6 + 22 + 9 + 6,
	       "the extensions begin where they are said to");

static void write_length(uint8_t *at, size_t length)
{
	at[0] = (uint8_t)(length >> 8);
	at[1] = (uint8_t)length;
}

/* RFC 6066 section 3: a list of one name of the type host_name. Addresses are not sent. */
static void add_server_name(struct payload *payload, const char *name)
{
	uint8_t *at = payload->bytes + payload->length;
	size_t length = strlen(name);

	write_length(at, 0);
	write_length(at + 2, length + 5);
	write_length(at + 4, length + 3);
	at[6] = 0;
	write_length(at + 7, length);
	memcpy(at + 9, name, length);
	payload->length += length + 9;
}

void payload_client_hello(struct payload *payload, const struct place *place)
{
	uint8_t *bytes = payload->bytes;

	memcpy(bytes, hello_template, sizeof(hello_template));
	payload->length = sizeof(hello_template);
	if (place->is_name)
		add_server_name(payload, place->host);
	/* They need not be random here: no key comes of them. */
	if (getrandom(bytes + RANDOM_AT, RANDOM_LENGTH, GRND_NONBLOCK) < 0)
		memset(bytes + RANDOM_AT, 0x5a, RANDOM_LENGTH);
	write_length(bytes + RECORD_LENGTH_AT, payload->length - RECORD_AT);
	write_length(bytes + MESSAGE_LENGTH_AT, payload->length - MESSAGE_AT);
	write_length(bytes + EXTENSIONS_LENGTH_AT, payload->length - EXTENSIONS_AT);
}

void payload_http_request(struct payload *payload, const struct place *place)
{
	bool bracket = strchr(place->host, ':');

	payload->length = (size_t)snprintf((char *)payload->bytes, sizeof(payload->bytes),
					   "GET / HTTP/1.0\r\nHost: %s%s%s\r\n\r\n",
					   bracket ? "[" : "", place->host, bracket ? "]" : "");
}

bool payload_file(struct payload *payload, const char *path)
{
	FILE *file = fopen(path, "re");
	const char *fault = NULL;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	payload->length = fread(payload->bytes, 1, sizeof(payload->bytes), file);
	if (ferror(file))
		fault = strerror(errno);
	else if (payload->length == 0)
		fault = "empty: there is nothing to send";
	else if (fgetc(file) != EOF)
		fault = "longer than 64 KiB";
	fclose(file);
	if (fault)
		complain("%s: %s", path, fault);
	return !fault;
}
