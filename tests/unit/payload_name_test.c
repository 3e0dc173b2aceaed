/* SPDX-License-Identifier: MIT */
/* The host that a payload names by itself. */
#include "payload_check.h"

#include "policy/hostname.h"

static const char *name_in(const struct bytes *payload, size_t size)
{
	static char name[HOSTNAME_MOST + 2];
	uint8_t *exact = calloc(payload->length ? payload->length : 1, 1);
	size_t length;

	memcpy(exact, payload->at, payload->length);
	memset(name, '#', sizeof(name));
	length = payload_host_name(exact, payload->length, name, size);
	free(exact);
	check(name[size] == '#', "a byte behind the room was written");
	if (length == 0)
		return "";
	check(strlen(name) == length, "%s: length %zu", name, length);
	return name;
}

static void check_name(const struct bytes *payload, const char *expected, const char *what)
{
	const char *name = name_in(payload, HOSTNAME_MOST + 1);

	check(strcmp(name, expected) == 0, "%s: \"%s\", expected \"%s\"", what, name, expected);
}

static const struct {
	const char *text, *name;
} requests[] = {
	{"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "example.com"},
	{"GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n", "example.com"},
	{"GET / HTTP/1.1\r\nHost: example.com:\r\n\r\n", "example.com"},
	{"GET / HTTP/1.1\nA: b\nhOST:\t Example.COM. \t\n\n", "example.com"},
	{"GET / HTTP/1.1\r\nHost: a_b-c.xn--bcher-kva.example\r\n", "a_b-c.xn--bcher-kva.example"},
	{"POST / HTTP/1.0\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nxyz", "a.example"},
	{"BREW / HTTP/1.1\r\nHost: a.example\r\nTransf", "a.example"},
	{"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "localhost"},
	{"GET /http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"},
	{"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example"},
	{"GET HTTPS://b.Example:443?q HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example"},
	{"GET http://b.example HTTP/1.1\r\n\r\n", "b.example"},
	{"GET http://b.example#x HTTP/1.1\r\n", "b.example"},
	{"GET http:///path HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"},
	{"GET urn:x HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"},
	{"GET x: HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"},
	/* none */
	{"", ""},
	{"GET / HTTP/1.1\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: example.com", ""},
	{"GET / HTTP/1.1\r\nHost: example.com\r", ""},
	{"GET http://b.example/ HTTP/1.1\r", ""},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost:\r\nHost: a.example\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a..example\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a%2eexample\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a.example:80:80\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: a.example:http\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost: b\xc3\xbc"
	 "cher.example\r\n\r\n",
	 ""},
	{"GET / HTTP/1.1\r\nHost: a.example\r\n folded: x\r\n\r\n", ""},
	{"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", ""},
	{"GET / HTTP/2.0\r\nHost: a.example\r\n\r\n", ""},
	{"GET http://user@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", ""},
	{"GET http://192.0.2.1/ HTTP/1.1\r\nHost: a.example\r\n\r\n", ""},
	{"GET http://b.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ""},
	{"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", ""},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
	{"get key\r\n", ""},
};

#define RANDOM "0001020304050607 08090a0b0c0d0e0f 1011121314151617 18191a1b1c1d1e1f"
#define HELLO  "0303" RANDOM "00 0002 1301 01 00" /* 41 bytes, 29 in hexadecimal */
/* "a.Test" */
#define NAME "612e54657374"

static const struct {
	const char *what, *hex, *name;
} hellos[] = {
	{"a name", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 0009 00 0006" NAME, "a.test"},
	{"a name, more to come", "16 0301 013e 01 00013a" HELLO "010f 0000 000b 0009 00 0006" NAME,
	 "a.test"},
	{"a name and early data",
	 "16 0301 0042 01 00003e" HELLO "0013 002a 0000 0000 000b 0009 00 0006" NAME
	 "17 0303 0001 00",
	 "a.test"},
	{"a name in two records",
	 "16 0301 003b 01 00003a" HELLO "000f 0000 000b 0009 00 0006 612e54 16 0301 0003 657374",
	 "a.test"},
	{"a final dot", "16 0301 003d 01 000039" HELLO "000e 0000 000a 0008 00 0005 612e422e 2e",
	 ""},
	{"a good final dot", "16 0301 003c 01 000038" HELLO "000d 0000 0009 0007 00 0004 612e422e",
	 "a.b"},
	{"no extension", "16 0301 002d 01 000029" HELLO, ""},
	{"cut in the name", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 0009 00 0006 612e54",
	 ""},
	{"two extensions",
	 "16 0301 004d 01 000049" HELLO "001e 0000 000b 0009 00 0006" NAME
	 "0000 000b 0009 00 0006" NAME,
	 ""},
	{"two names",
	 "16 0301 0047 01 000043" HELLO "0018 0000 0014 0012 00 0006" NAME "00 0006" NAME, ""},
	{"another type of name", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 0009 01 0006" NAME,
	 ""},
	{"a list too long", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 000a 00 0006" NAME, ""},
	{"a name too short", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 0009 00 0005" NAME, ""},
	{"an empty extension", "16 0301 0033 01 00002f" HELLO "0004 0000 0000", ""},
	{"an address", "16 0301 003f 01 00003b" HELLO "0010 0000 000c 000a 00 0007 312e322e332e34",
	 ""},
	{"a NUL", "16 0301 003e 01 00003a" HELLO "000f 0000 000b 0009 00 0006 612e00657374", ""},
	{"no hello", "16 0301 003e 02 00003a" HELLO "000f 0000 000b 0009 00 0006" NAME, ""},
	{"a bad end",
	 "16 0301 0043 01 00003f" HELLO "0014 0000 000b 0009 00 0006" NAME "0015 0002 00", ""},
};

/* The longest name fits, with a final dot as well; a longer one is none. */
static void test_long_names(void)
{
	for (size_t length = HOSTNAME_MOST - 1; length <= HOSTNAME_MOST + 2; length++) {
		struct bytes payload;
		char host[300], expected[300];

		for (size_t i = 0; i < length; i++)
			host[i] = i % 50 == 49 ? '.' : 'a';
		host[length] = '\0';
		payload.length = (size_t)snprintf((char *)payload.at, sizeof(payload.at),
						  "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
		snprintf(expected, sizeof(expected), "%s", length <= HOSTNAME_MOST ? host : "");
		check_name(&payload, expected, host);
		/* the same in a ClientHello, with a final dot */
		set_hex(&payload, "16 0301 0000 01 000000" HELLO "0000 0000 0000 0000 00 0000");
		host[length++] = '.';
		memcpy(payload.at + payload.length, host, length);
		payload.length += length;
		length--;
		payload.at[4] = (uint8_t)(payload.length - 5);
		payload.at[3] = (uint8_t)((payload.length - 5) >> 8);
		payload.at[8] = (uint8_t)(payload.length - 9);
		payload.at[7] = (uint8_t)((payload.length - 9) >> 8);
		for (size_t i = 0; i < 4; i++) {
			size_t at = (size_t[]){50, 54, 56, 59}[i];
			size_t value = payload.length - at - 2;

			payload.at[at] = (uint8_t)(value >> 8);
			payload.at[at + 1] = (uint8_t)value;
		}
		check(payload_tls(payload.at, payload.length) == PAYLOAD_SAFE, "a hello with %zu",
		      length);
		check_name(&payload, expected, "a long name in a hello");
	}
}

static void test_room(void)
{
	struct bytes payload;

	set_text(&payload, requests[0].text, strlen(requests[0].text));
	for (size_t size = 0; size < 20; size++) {
		const char *name = name_in(&payload, size);

		check(strcmp(name, size > strlen("example.com") ? "example.com" : "") == 0,
		      "%zu bytes of room: \"%s\"", size, name);
	}
}

int main(void)
{
	struct bytes payload;

	for (size_t i = 0; i < COUNT(requests); i++) {
		set_text(&payload, requests[i].text, strlen(requests[i].text));
		check_name(&payload, requests[i].name, requests[i].text);
	}
	for (size_t i = 0; i < COUNT(hellos); i++) {
		set_hex(&payload, hellos[i].hex);
		check_name(&payload, hellos[i].name, hellos[i].what);
	}
	test_long_names();
	test_room();
	return check_result();
}
