/* SPDX-License-Identifier: MIT */
/*
 * Redis commands (https://redis.io/docs/latest/develop/reference/protocol-spec/): arrays of bulk
 * strings, or lines of words. Only commands of the table below, which read, or change nothing but
 * the connection that was duplicated. A command that is cut short is safe once its name, and the
 * second word where that decides, is complete.
 */
#include "scan.h"

#include <string.h>

#define WORDS_MOST     32			   /* longer than any of the table */
#define ARGUMENTS_MOST ((size_t)1024 * 1024)	   /* Redis itself takes no more */
#define BULK_MOST      ((size_t)512 * 1024 * 1024) /* proto-max-bulk-len */

/* Where the second word decides, both are given, as Redis itself writes them. Not here: what
 * blocks (BLPOP, XREAD, WAIT), subscribes, opens a transaction or runs scripts; what may store its
 * answer (SORT, GEORADIUS) or keeps something beside it (PFCOUNT, TOUCH, GETEX). */
static const char *const commands[] = {
	/* the connection's own state */
	"auth",
	"client|getname",
	"client|id",
	"client|info",
	"client|list",
	"client|setinfo",
	"client|setname",
	"echo",
	"hello",
	"ping",
	"readonly",
	"readwrite",
	"select",
	/* the server */
	"acl|whoami",
	"cluster|info",
	"cluster|keyslot",
	"cluster|myid",
	"cluster|nodes",
	"cluster|shards",
	"cluster|slots",
	"command",
	"config|get",
	"dbsize",
	"info",
	"lastsave",
	"pubsub|channels",
	"pubsub|numpat",
	"pubsub|numsub",
	"role",
	"sentinel|get-master-addr-by-name",
	"sentinel|master",
	"sentinel|masters",
	"sentinel|replicas",
	"sentinel|sentinels",
	"sentinel|slaves",
	"slowlog|get",
	"slowlog|len",
	"time",
	/* keys of any type */
	"dump",
	"exists",
	"expiretime",
	"keys",
	"memory|usage",
	"object|encoding",
	"object|freq",
	"object|idletime",
	"object|refcount",
	"pexpiretime",
	"pttl",
	"randomkey",
	"scan",
	"sort_ro",
	"ttl",
	"type",
	/* strings and bitmaps */
	"bitcount",
	"bitfield_ro",
	"bitpos",
	"get",
	"getbit",
	"getrange",
	"lcs",
	"mget",
	"strlen",
	"substr",
	/* hashes */
	"hexists",
	"hget",
	"hgetall",
	"hkeys",
	"hlen",
	"hmget",
	"hrandfield",
	"hscan",
	"hstrlen",
	"hvals",
	/* lists */
	"lindex",
	"llen",
	"lpos",
	"lrange",
	/* sets */
	"scard",
	"sdiff",
	"sinter",
	"sintercard",
	"sismember",
	"smembers",
	"smismember",
	"srandmember",
	"sscan",
	"sunion",
	/* sorted sets */
	"zcard",
	"zcount",
	"zdiff",
	"zinter",
	"zintercard",
	"zlexcount",
	"zmscore",
	"zrandmember",
	"zrange",
	"zrangebylex",
	"zrangebyscore",
	"zrank",
	"zrevrange",
	"zrevrangebylex",
	"zrevrangebyscore",
	"zrevrank",
	"zscan",
	"zscore",
	"zunion",
	/* places, streams */
	"geodist",
	"geohash",
	"geopos",
	"georadius_ro",
	"georadiusbymember_ro",
	"geosearch",
	"xinfo",
	"xlen",
	"xpending",
	"xrange",
	"xrevrange",
};

/* The words that say what a command does, as the table has them. */
struct words {
	char at[WORDS_MOST + 1];
	size_t length;
};

enum known { UNKNOWN, NEEDS_A_WORD, KNOWN };

static enum known look_up(const struct words *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strncmp(commands[i], words->at, words->length) != 0)
			continue;
		if (commands[i][words->length] == '\0')
			return KNOWN;
		if (commands[i][words->length] == '|' && !memchr(words->at, '|', words->length))
			return NEEDS_A_WORD;
	}
	return UNKNOWN;
}

/* Letters of either case, and what else stands in names. */
static bool add_byte(struct words *words, uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		byte |= 0x20;
	if ((byte < 'a' || byte > 'z') && byte != '_' && byte != '-')
		return false;
	if (words->length == WORDS_MOST)
		return false;
	words->at[words->length++] = (char)byte;
	return true;
}

/* After a word: whether it needs another. Settles the scan if it does not. */
static bool settle(struct scan *scan, struct words *words)
{
	enum known known = look_up(words);

	if (!scan_is_going(scan))
		return false;
	scan_expect(scan, words->length > 0 && known != UNKNOWN);
	if (known != NEEDS_A_WORD) {
		scan_settle(scan);
		return false;
	}
	words->at[words->length++] = '|';
	return true;
}

/* A number without leading zeros and the end of its line: Redis looks for no other byte. */
static size_t read_number(struct scan *scan, size_t most)
{
	uint8_t byte = scan_byte(scan);
	size_t number = 0;

	scan_expect(scan, byte >= '0' && byte <= '9');
	while (scan_is_going(scan) && byte != '\r') {
		scan_expect(scan, byte >= '0' && byte <= '9');
		number = number * 10 + (byte - '0');
		scan_expect(scan, number <= most);
		byte = scan_byte(scan);
		scan_expect(scan, number > 0 || byte == '\r');
	}
	scan_expect(scan, scan_byte(scan) == '\n');
	return number;
}

static size_t read_bulk_length(struct scan *scan)
{
	scan_expect(scan, scan_byte(scan) == '$');
	return read_number(scan, BULK_MOST);
}

static void read_bulk_word(struct scan *scan, struct words *words)
{
	for (size_t left = read_bulk_length(scan); left > 0 && scan_is_going(scan); left--)
		scan_expect(scan, add_byte(words, scan_byte(scan)));
}

static void read_array(struct scan *scan)
{
	struct words words = {.length = 0};
	size_t left;

	scan_byte(scan); /* the asterisk */
	left = read_number(scan, ARGUMENTS_MOST);
	scan_expect(scan, left > 0);
	read_bulk_word(scan, &words);
	left--;
	if (settle(scan, &words)) {
		scan_expect(scan, left > 0);
		scan_literal(scan, "\r\n");
		read_bulk_word(scan, &words);
		left--;
		settle(scan, &words);
	}
	scan_literal(scan, "\r\n");
	for (; left > 0 && scan_is_going(scan); left--) {
		scan_skip(scan, read_bulk_length(scan));
		scan_literal(scan, "\r\n");
	}
}

static bool ends_word(uint8_t byte)
{
	return byte == ' ' || byte == '\r' || byte == '\n';
}

/* The byte behind the word says that it is complete. */
static void read_inline_word(struct scan *scan, struct words *words)
{
	while (!ends_word(scan_peek(scan)) && scan_is_going(scan))
		scan_expect(scan, add_byte(words, scan_byte(scan)));
}

/* Quotes and escapes have rules of their own, and one that is not closed spoils the line. */
static bool is_plain(uint8_t byte)
{
	return byte >= ' ' && byte != 0x7f && byte != '"' && byte != '\'' && byte != '\\';
}

static void read_line(struct scan *scan)
{
	struct words words = {.length = 0};
	uint8_t byte;

	read_inline_word(scan, &words);
	if (settle(scan, &words)) {
		scan_expect(scan, scan_byte(scan) == ' ');
		read_inline_word(scan, &words);
		settle(scan, &words);
	}
	while (is_plain(scan_peek(scan)))
		scan_byte(scan);
	byte = scan_byte(scan);
	if (byte == '\r')
		byte = scan_byte(scan);
	scan_expect(scan, byte == '\n');
}

enum payload_verdict payload_redis(const uint8_t *bytes, size_t length)
{
	struct scan scan = scan_of(bytes, length);

	do {
		scan.settled = false;
		if (scan_peek(&scan) == '*')
			read_array(&scan);
		else
			read_line(&scan);
	} while (scan_has_more(&scan));
	return scan_verdict(&scan);
}
