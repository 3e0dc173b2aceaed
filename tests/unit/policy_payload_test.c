/* SPDX-License-Identifier: MIT */
/*
 * Which bytes may ride in a SYN: messages with a length, and requests of HTTP. Beside the tables:
 * no prefix of what is accepted is refused, for the examples and for a great many bent copies of
 * them, because the kernel cuts where it likes.
 */
#include "payload_check.h"

static const char *const http_accepted[] = {
	"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"HEAD /a?b=c#d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nX-Empty:\r\nY:  \t\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	"GET http://a.example/ HTTP/1.1\nHost: a.example\nCONTENT-length:0 \n\n",
	"GET / HTTP/1.1\r\nCookie: a=\xc3\xbc\tb\r\nConnection: keep-alive, Upgrade\r\n\r\n",
	"GET / HTTP/1.1\r\nExpected: x\r\nUpgrade-Insecure-Requests: 1\r\nTE: trailers\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nContent-Len",
	"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ",
	"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding",
	"GET ",
	"OPTIONS ",
	"HEAD /very/long/path",
};

/* A refused text, and behind how many bytes: at the fault, no earlier and no later. */
static const struct {
	const char *text;
	size_t length, liked;
} http_refused[] = {
#define TEXT(text) text, sizeof(text) - 1
	{TEXT("POST / HTTP/1.1\r\n\r\n"), 0},
	{TEXT("PUT / HTTP/1.1\r\n\r\n"), 0},
	{TEXT("get / HTTP/1.1\r\n\r\n"), 0},
	{TEXT("GEX / HTTP/1.1\r\n\r\n"), 2},
	{TEXT("TRACE / HTTP/1.1\r\n\r\n"), 0},
	{TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0},
	{TEXT("\r\nGET / HTTP/1.1\r\n\r\n"), 0},
	{TEXT(" GET / HTTP/1.1\r\n\r\n"), 0},
	{TEXT("GET  / HTTP/1.1\r\n\r\n"), 4},
	{TEXT("GET /\r\n"), 5},
	{TEXT("GET / x HTTP/1.1\r\n\r\n"), 6},
	{TEXT("GET / HTTP/2.0\r\n\r\n"), 11},
	{TEXT("GET / HTTP/1.2\r\n\r\n"), 13},
	{TEXT("GET / HTTP/1.1 \r\n\r\n"), 14},
	{TEXT("GET /\xc3\xbc HTTP/1.1\r\n\r\n"), 5},
	{TEXT("GET /\0 HTTP/1.1\r\n\r\n"), 5},
	{TEXT("GET / HTTP/1.1\rX: y\r\n\r\n"), 15},
	{TEXT("GET / HTTP/1.1\r\n folded\r\n\r\n"), 16},
	{TEXT("GET / HTTP/1.1\r\nA: b\r\n\tfolded\r\n\r\n"), 22},
	{TEXT("GET / HTTP/1.1\r\nA : b\r\n\r\n"), 17},
	{TEXT("GET / HTTP/1.1\r\n: b\r\n\r\n"), 16},
	{TEXT("GET / HTTP/1.1\r\nA\r\n\r\n"), 17},
	{TEXT("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"), 21},
	{TEXT("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"), 20},
	{TEXT("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n"), 20},
	{TEXT("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), 32},
	{TEXT("GET / HTTP/1.1\r\nContent-Length: 05\r\n\r\nhello"), 33},
	{TEXT("GET / HTTP/1.1\r\nContent-Length: 0, 5\r\n\r\nhello"), 33},
	{TEXT("GET / HTTP/1.1\r\ncontent-LENGTH:\r\n\r\n"), 31},
	{TEXT("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 33},
	{TEXT("GET / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n"), 33},
	{TEXT("GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"), 22},
	{TEXT("GET / HTTP/1.1\r\nUPGRADE: h2c\r\n\r\n"), 23},
	{TEXT("GET / HTTP/1.1\r\nX-HTTP-Method-Override: DELETE\r\n\r\n"), 38},
	{TEXT("GET / HTTP/1.1\r\nx-method-override: DELETE\r\n\r\n"), 33},
	{TEXT("GET / HTTP/1.1\r\n\r\nx"), 18},
	{TEXT("GET / HTTP/1.1\r\n\r\n\n"), 18},
	{TEXT("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 18},
	{TEXT("GET / HTTP/1.1\n\nx"), 16},
#undef TEXT
};

/* The methods of the registry (RFC 9110 section 16.1) that change something, and some that share a
 * beginning with those that do not. */
static const char *const http_unsafe[] = {
	"POST / HTTP/1.1\r\n",	 "PUT / HTTP/1.1\r\n",	      "DELETE / HTTP/1.1\r\n",
	"PATCH / HTTP/1.1\r\n",	 "ORDERPATCH / HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\r\n",
	"LINK / HTTP/1.1\r\n",	 "GETX / HTTP/1.1\r\n",	      "HEADER / HTTP/1.1\r\n",
	"OPTION / HTTP/1.1\r\n", "GET\t/ HTTP/1.1\r\n",	      "GET\r\n",
};

static void test_http(void)
{
	struct bytes payload;

	for (size_t i = 0; i < COUNT(http_accepted); i++) {
		set_text(&payload, http_accepted[i], strlen(http_accepted[i]));
		check_accepted(payload_http, &payload, http_accepted[i]);
		check_bent(payload_http, &payload, http_accepted[i]);
	}
	for (size_t i = 0; i < COUNT(http_refused); i++) {
		set_text(&payload, http_refused[i].text, http_refused[i].length);
		check_refused(payload_http, &payload, http_refused[i].liked, http_refused[i].text);
	}
	for (size_t i = 0; i < COUNT(http_unsafe); i++) {
		set_text(&payload, http_unsafe[i], strlen(http_unsafe[i]));
		check_never_safe(payload_http, &payload, http_unsafe[i]);
	}
}

#define RANDOM "0001020304050607 08090a0b0c0d0e0f 1011121314151617 18191a1b1c1d1e1f"
/* A hello without extensions: 41 bytes, 29 in hexadecimal. */
#define PLAIN                                                                                      \
	"0303" RANDOM "00"                                                                         \
	"0002 1301"                                                                                \
	"01 00"

/* What OpenSSL 3.0 sends for www.example.com. */
static const char openssl_hello[] =
	"1603010200010001fc030304688154ff830c989bb264a62859d0f7ae029027a46c2ba38a7e2d86f4"
	"adae1d20c11f2bcac3655ee30e238eee176db644b44a184644c3de1b8e5eae21b29bc99300241302"
	"13031301c02cc030c02bc02fcca9cca8c024c028c023c027009f009e006b006700ff0100018f0000"
	"0014001200000f7777772e6578616d706c652e636f6d000b000403000102000a00160014001d0017"
	"001e0019001801000101010201030104002300000016000000170000000d002a0028040305030603"
	"080708080809080a080b080408050806040105010601030303010302040205020602002b00050403"
	"040303002d00020101003300260024001d0020427e371da5a8021048b3fddc860fd5cc1ac2db35e8"
	"855aa87fd0688624528c2c001500de00000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000";

static const struct {
	const char *what, *hex;
} tls_accepted[] = {
	{"openssl", openssl_hello},
	{"no extensions", "16 0301 002d 01 000029" PLAIN},
	{"TLS 1.0", "16 0301 002d 01 000029 0301" RANDOM "00 0002 0035 0100"},
	{"empty extensions", "16 0303 002f 01 00002b" PLAIN "0000"},
	{"one extension", "16 0304 0037 01 000033" PLAIN "0008 0015 0004 00000000"},
	{"a session id", "16 0301 004d 01 000049 0303" RANDOM "20" RANDOM "0002 1301 0100"},
	{"two records", "16 0301 0003 01 0000 16 0301 002a 29" PLAIN},
	{"three records", "16 0301 0001 01 16 0303 0003 000029 16 0301 0029" PLAIN},
	{"a record for each fragment of four bytes",
	 "16 0301 0004 01000029 16 0301 0004 03030001 16 0301 0025 02030405060708090a0b0c0d0e0f"
	 "1011121314151617 18191a1b1c1d1e1f 00 0002 1301 0100"},
	{"a record that begins within a length",
	 "16 0301 0030 01 000035" PLAIN "000a 00 16 0301 0009 15 0000 0033 0002 0000"},
	{"ECH and GREASE in odd order, the name last",
	 "16 0301 0052 01 00004e" PLAIN
	 "0023 fe0d 0004 01020304 0a0a 0001 00 0010 0005 0003 02 6832"
	 "0000 0009 0007 00 0004 612e6462"},
	{"a pre_shared_key without early data",
	 "16 0301 003b 01 000037" PLAIN "000c 0015 0000 0029 0004 00000000"},
	{"truncated", "16 0301 0200 01 0001fc 0303" RANDOM "20 0102"},
	{"a key share without early data", "16 0301 0035 01 000031" PLAIN "0006 0033 0002 0000"},
};

/* What is refused, and behind how many bytes. */
static const struct {
	const char *what, *hex;
	size_t liked;
} tls_refused[] = {
	{"application data", "17 0303 0005 68656c6c6f", 0},
	{"an alert", "15 0303 0002 0100", 0},
	{"SSLv2 hello", "802e 01 0301 0015 0000 0010 000035", 0},
	{"SSLv3", "16 0300 002d 01 000029" PLAIN, 2},
	{"version 4.0", "16 0400 002d", 1},
	{"version 3.5", "16 0305 002d", 2},
	{"an empty record", "16 0301 0000 16 0301 002d 01 000029" PLAIN, 4},
	{"a long record", "16 0301 4001 01 003ffd 0303", 4},
	{"a very long record", "16 0301 4100 01 003ffd 0303", 3},
	{"a ServerHello", "16 0301 002d 02 000029" PLAIN, 5},
	{"hello of version 3.4", "16 0301 002d 01 000029 0304", 10},
	{"early data", "16 0301 0039 01 000035" PLAIN "000a 002a 0000 0015 0002 0000", 53},
	{"early data last", "16 0301 0039 01 000035" PLAIN "000a 0015 0002 0000 002a 0000", 59},
	{"early data in the second record",
	 "16 0301 0030 01 000035" PLAIN "000a 00 16 0301 0009 2a 0000 0015 0002 0000", 58},
	{"early data cut behind its type", "16 0301 0039 01 000035" PLAIN "000a 002a", 53},
	{"early data before ECH",
	 "16 0301 003b 01 000037" PLAIN "000c 002a 0000 fe0d 0004 01020304", 53},
	{"an empty record in the middle", "16 0301 0004 01000029 16 0301 0000", 13},
	{"an alert in the middle", "16 0301 0004 01000029 15 0301 0002 0100", 9},
	{"application data in the middle", "16 0301 0004 01000029 17 0303 0002 0100", 9},
	{"early data behind", "16 0301 002d 01 000029" PLAIN "17 0303 0001 00", 50},
	{"a handshake of 16 MiB", "16 0301 4000 01 ffffff 0303" RANDOM "00 0002 1301 0100 0001",
	 51},
	{"SSLv2 hello with three bytes of length", "002e 00 01 0301", 0},
	{"a byte behind", "16 0301 002d 01 000029" PLAIN "16", 50},
	{"a second hello", "16 0301 005a 01 000029" PLAIN "01 000029" PLAIN, 49},
	{"change cipher spec behind", "16 0301 002d 01 000029" PLAIN "14 0303 0001 01", 50},
	{"long session id", "16 0301 004d 01 000049 0303" RANDOM "21", 43},
	{"odd cipher suites", "16 0301 002e 01 00002a 0303" RANDOM "00 0003 130100 0100", 45},
	{"no cipher suites", "16 0301 002b 01 000027 0303" RANDOM "00 0000 0100", 45},
	{"no compression", "16 0301 002c 01 000028 0303" RANDOM "00 0002 1301 00", 48},
	{"extensions too long", "16 0301 002f 01 00002b" PLAIN "0001", 51},
	{"extensions too short", "16 0301 0030 01 00002c" PLAIN "0000 00", 51},
	{"an extension too long", "16 0301 0033 01 00002f" PLAIN "0004 0015 0001", 55},
	{"half an extension", "16 0301 0031 01 00002d" PLAIN "0002 0015", 53},
	{"a hello too short", "16 0301 000e 01 00000a 0303 0001020304050607", 10},
	{"http", "474554202f", 0},
};

/* What is cut short is safe from the byte on that says what it is. */
static void check_settled(payload_class class, const char *hex, size_t expected)
{
	struct bytes payload;
	size_t length;

	set_hex(&payload, hex);
	length = safe_length(class, &payload);
	check(length == expected, "%s: safe from %zu bytes on, expected %zu", hex, length,
	      expected);
}

static void test_tls(void)
{
	struct bytes payload;

	for (size_t i = 0; i < COUNT(tls_accepted); i++) {
		set_hex(&payload, tls_accepted[i].hex);
		check_accepted(payload_tls, &payload, tls_accepted[i].what);
		check_bent(payload_tls, &payload, tls_accepted[i].what);
	}
	for (size_t i = 0; i < COUNT(tls_refused); i++) {
		set_hex(&payload, tls_refused[i].hex);
		check_refused(payload_tls, &payload, tls_refused[i].liked, tls_refused[i].what);
	}
	check_settled(payload_tls, openssl_hello, 6);
}

#define QUESTION "03777777 07 6578616d706c65 03636f6d 00 0001 0001" /* 21 bytes */
#define OPT	 "00 0029 04d0 00000000 0000"			    /* 11 bytes */
#define TSIG	 "01 6b 00 00fa 00ff 00000000 0004 01020304"	    /* 17 bytes */

static const struct {
	const char *what, *hex;
} dns_accepted[] = {
	{"a query", "0021 1234 0100 0001 0000 0000 0000" QUESTION},
	{"with EDNS", "002c 1234 0120 0001 0000 0000 0001" QUESTION OPT},
	{"with EDNS and TSIG", "003d 1234 0010 0001 0000 0000 0002" QUESTION OPT TSIG},
	{"the root's NS", "0011 0000 0000 0001 0000 0000 0000 00 0002 0001"},
	{"ANY", "0011 0000 0000 0001 0000 0000 0000 00 00ff 0001"},
	{"truncated", "0021 1234 0100 0001 0000 0000 0000 0377"},
};

static const struct {
	const char *what, *hex;
	size_t liked;
} dns_refused[] = {
	{"too short a length", "0010 1234 0100", 1},
	{"a response", "0021 1234 8180 0001", 4},
	{"an update", "0021 1234 2800 0001", 4},
	{"a notification", "0021 1234 2400 0001", 4},
	{"truncation bit", "0021 1234 0200 0001", 4},
	{"an rcode", "0021 1234 0101 0001", 5},
	{"no question", "0021 1234 0100 0000", 7},
	{"two questions", "0036 1234 0100 0002" QUESTION QUESTION, 7},
	{"an answer", "0021 1234 0100 0001 0001", 9},
	{"an authority", "0021 1234 0100 0001 0000 0001", 11},
	{"three additional", "0021 1234 0100 0001 0000 0000 0003", 13},
	{"AXFR", "0011 0000 0000 0001 0000 0000 0000 00 00fc 0001", 16},
	{"IXFR", "0011 0000 0000 0001 0000 0000 0000 00 00fb 0001", 16},
	{"TKEY", "0011 0000 0000 0001 0000 0000 0000 00 00f9 0001", 16},
	{"OPT as a question", "0011 0000 0000 0001 0000 0000 0000 00 0029 0001", 16},
	{"a pointer in the question", "0021 1234 0100 0001 0000 0000 0000 c00c", 14},
	{"a label over the end", "0011 1234 0100 0001 0000 0000 0000 10", 14},
	{"a byte behind", "0021 1234 0100 0001 0000 0000 0000" QUESTION "00", 35},
	{"a second query", "0021 1234 0100 0001 0000 0000 0000" QUESTION "0021", 35},
	{"length too long", "0022 1234 0100 0001 0000 0000 0000" QUESTION, 34},
	{"length too short", "0020 1234 0100 0001 0000 0000 0000" QUESTION, 33},
	{"an additional A", "0030 1234 0100 0001 0000 0000 0001" QUESTION "00 0001 0001", 37},
	{"additional too long",
	 "002c 1234 0100 0001 0000 0000 0001" QUESTION "00 0029 04d0 00000000 0001", 45},
	{"additional missing", "0021 1234 0100 0001 0000 0000 0001" QUESTION, 34},
};

static void test_dns(void)
{
	struct bytes payload;

	for (size_t i = 0; i < COUNT(dns_accepted); i++) {
		set_hex(&payload, dns_accepted[i].hex);
		check_accepted(payload_dns, &payload, dns_accepted[i].what);
		check_bent(payload_dns, &payload, dns_accepted[i].what);
	}
	for (size_t i = 0; i < COUNT(dns_refused); i++) {
		set_hex(&payload, dns_refused[i].hex);
		check_refused(payload_dns, &payload, dns_refused[i].liked, dns_refused[i].what);
	}
	check_settled(payload_dns, dns_accepted[0].hex, 5);
}

/* A name of 255 bytes with its root label is the longest. */
static void test_long_dns_name(void)
{
	struct bytes payload = {.at = {1, 15, 0, 0, 1, 0, 0, 1}, .length = 14};

	for (size_t i = 0; i < 127; i++) {
		payload.at[payload.length++] = 1;
		payload.at[payload.length++] = 'a';
	}
	payload.length += 5;
	payload.at[payload.length - 3] = 1;
	payload.at[payload.length - 1] = 1;
	payload.at[1] = (uint8_t)(payload.length - 2);
	check_accepted(payload_dns, &payload, "a name of 255 bytes");
	payload.at[1] += 1;
	payload.at[payload.length - 7] = 2;
	memmove(payload.at + payload.length - 4, payload.at + payload.length - 5, 5);
	payload.length++;
	check(!is_safe(payload_dns, &payload), "a name of 256 bytes is accepted");
}

/* The rule decides which class is asked. */
static const struct {
	const char *rule, *payload;
	bool safe;
} dispatched[] = {
	{"allow * 1 any", "POST", true},
	{"allow * 1 any", "", false},
	{"allow * 1 http", "GET /", true},
	{"allow * 1 http", "POST /", false},
	{"allow * 1 tls", "GET /", false},
	{"allow * 1 tls", "\x16\x03\x01", false},
	{"allow * 1 tls", "\x16\x03\x01\x01\x01\x01", true},
	{"allow * 1 redis", "GET x", true},
	{"allow * 1 redis", "SET x y", false},
	{"allow * 1 memcached", "get x", true},
	{"allow * 1 memcached", "GET x", false},
	{"allow * 1 dns", "POST /", false},
	{"allow * 1 prefix:\"GET \"", "GET x", true},
	{"allow * 1 prefix:\"GET \"", "GET ", true},
	{"allow * 1 prefix:\"GET \"", "GE", false},
	{"allow * 1 prefix:\"GET \"", "GETx", false},
	{"allow * 1 prefix:\"GET \"", "SET x", false},
	{"allow * 1 prefix:\"GET \"", "", false},
	{"deny * 1", "GET /", false},
};

static void test_dispatch(void)
{
	for (size_t i = 0; i < COUNT(dispatched); i++) {
		struct policy *policy = policy_new();
		struct policy_problem problem;
		bool safe;

		check(policy_add_text(policy, "test", dispatched[i].rule,
				      strlen(dispatched[i].rule), &problem) == 0,
		      "%s", dispatched[i].rule);
		safe = payload_is_safe(policy_first_rule(policy), dispatched[i].payload,
				       strlen(dispatched[i].payload));
		check(safe == dispatched[i].safe, "%s: \"%s\": %d", dispatched[i].rule,
		      dispatched[i].payload, safe);
		policy_free(policy);
	}
}

int main(void)
{
	test_http();
	test_tls();
	test_dns();
	test_long_dns_name();
	test_dispatch();
	return check_result();
}
