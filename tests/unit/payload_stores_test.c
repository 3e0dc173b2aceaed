/* SPDX-License-Identifier: MIT */
/*
 * Which bytes to a Redis or memcached may ride in a SYN: commands that read, and no beginning of
 * one that writes.
 */
#include "payload_check.h"

struct text_example {
	const char *text;
	size_t length;
};

/* Behind so many bytes the text is refused. */
struct refused_text {
	const char *text;
	size_t length, liked;
};

#define TEXT(text) text, sizeof(text) - 1

static const struct text_example redis_accepted[] = {
	/* The examples of the protocol's description and of the command pages. */
	{TEXT("*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n")},
	{TEXT("*1\r\n$4\r\nPING\r\n")},
	{TEXT("PING\r\n")},
	{TEXT("EXISTS somekey\r\n")},
	{TEXT("*2\r\n$5\r\nhello\r\n$1\r\n3\r\n")},
	{TEXT("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n")},
	{TEXT("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"
	      "*2\r\n$3\r\nget\r\n$1\r\nk\r\n")},
	{TEXT("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$0\r\n\r\n")},
	{TEXT("*3\r\n$7\r\ncluster\r\n$7\r\nKEYSLOT\r\n$1\r\na\r\n")},
	{TEXT("*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$1\r\nm\r\n")},
	{TEXT("*2\r\n$3\r\nGET\r\n$10\r\n\0\r\n\xff SET a\r\n")},
	{TEXT("*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n")},
	{TEXT("CLIENT GETNAME\r\nmget a b  c \nTYPE k")},
	{TEXT("CONFIG GET save\n")},
	{TEXT("GET a\r\n*1\r\n$4\r\nPING\r\n")},
	/* Cut short, but known. */
	{TEXT("GET ")},
	{TEXT("GET\n")},
	{TEXT("*2\r\n$3\r\nGET")},
	{TEXT("*2\r\n$3\r\nGET\r\n$536870912\r\nabc")},
	{TEXT("*3\r\n$6\r\nCLIENT\r\n$2\r\nID")},
	{TEXT("object freq ")},
};

/* Too short to tell: what it is, or what the last of several is. */
static const struct text_example redis_open[] = {
	{TEXT("*")},
	{TEXT("G")},
	{TEXT("GET")},
	{TEXT("*2\r\n$3\r\nGE")},
	{TEXT("*2\r\n$3\r\nDE")},
	{TEXT("CLIENT ")},
	{TEXT("CLIENT ID")},
	{TEXT("*2\r\n$6\r\nCLIENT\r\n$2\r\nI")},
	{TEXT("GET a\r\nDE")},
	{TEXT("GET a\r\n*1\r\n$3\r\n")},
};

static const struct refused_text redis_refused[] = {
	{TEXT("\r\nGET a\r\n"), 0},
	{TEXT(" GET a\r\n"), 0},
	{TEXT("\"GET\" a\r\n"), 0},
	{TEXT("GET \"a b\"\r\n"), 4},
	{TEXT("GET 'a\r\n"), 4},
	{TEXT("GET a\\\r\n"), 5},
	{TEXT("GET a\0\r\n"), 5},
	{TEXT("GET a\rb\r\n"), 6},
	{TEXT("GET\ta\r\n"), 3},
	{TEXT("GET a\r\nSET a b\r\n"), 10},
	{TEXT("GET a\r\n\r\n"), 7},
	{TEXT("POST / HTTP/1.1\r\n"), 4},
	{TEXT("CLIENT\r\n"), 6},
	{TEXT("CLIENT  GETNAME\r\n"), 7},
	{TEXT("CLIENT KILL TYPE normal\r\n"), 11},
	{TEXT("*0\r\n"), 3},
	{TEXT("*-1\r\n"), 1},
	{TEXT("*01\r\n"), 2},
	{TEXT("*1048577\r\n"), 7},
	{TEXT("*1\n$4\r\nPING\r\n"), 2},
	{TEXT("*1\r$4\r\nPING\r\n"), 3},
	{TEXT("*1\r\n+PING\r\n"), 4},
	{TEXT("*1\r\n$0\r\n\r\n"), 7},
	{TEXT("*1\r\n$4\r\nPI\xce\xb7\r\n"), 10},
	{TEXT("*1\r\n$4\r\nPINGx\r\n"), 12},
	{TEXT("*1\r\n$4\r\nPING\rx"), 13},
	{TEXT("*1\r\n$6\r\nCLIENT\r\n"), 13},
	{TEXT("*2\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n"), 23},
	{TEXT("*2\r\n$6\r\nCLIENT\r\n$0\r\n\r\n"), 19},
	{TEXT("*2\r\n$9\r\nCLIENT|ID\r\n"), 14},
	{TEXT("*1\r\n$33\r\nabcdefghijklmnopqrstuvwxyzabcdefghi\r\n"), 41},
	{TEXT("*2\r\n$3\r\nGET\r\n$1\r\na*1"), 18},
	{TEXT("*2\r\n$3\r\nGET\r\n$-1\r\n"), 14},
	{TEXT("*2\r\n$3\r\nGET\r\n$536870913\r\n"), 22},
	{TEXT("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n"), 30},
};

/* What must never ride, however much of it is written first: as words. Among them every command
 * that begins as one of the table does, and those that the table leaves out for a reason. */
static const char *const redis_unsafe[] = {
	"SET k v",
	"SETEX k 1 v",
	"SETNX k v",
	"SETRANGE k 0 v",
	"GETSET k v",
	"GETDEL k",
	"GETEX k EX 1",
	"MSET k v",
	"MSETNX k v",
	"APPEND k v",
	"INCR k",
	"INCRBY k 1",
	"DECR k",
	"DEL k",
	"UNLINK k",
	"TOUCH k",
	"EXPIRE k 1",
	"PEXPIRE k 1",
	"EXPIREAT k 1",
	"PERSIST k",
	"RENAME k l",
	"MOVE k 1",
	"COPY k l",
	"SORT k STORE l",
	"RESTORE k 0 v",
	"MIGRATE h 1 k",
	"FLUSHALL",
	"FLUSHDB",
	"SWAPDB 0 1",
	"OBJECT HELP",
	"HSET h f v",
	"HSETNX h f v",
	"HDEL h f",
	"HINCRBY h f 1",
	"HMSET h f v",
	"LPUSH l v",
	"LPOP l",
	"LREM l 0 v",
	"LTRIM l 0 1",
	"LSET l 0 v",
	"LINSERT l B a",
	"LMOVE a b L R",
	"RPOPLPUSH a b",
	"BLPOP l 0",
	"BLMOVE a b L R",
	"SADD s v",
	"SREM s v",
	"SPOP s",
	"SMOVE a b v",
	"SDIFFSTORE a b",
	"SINTERSTORE a b",
	"SUNIONSTORE a b",
	"ZADD z 1 v",
	"ZREM z v",
	"ZINCRBY z 1 v",
	"ZPOPMIN z",
	"BZPOPMIN z 0",
	"ZRANGESTORE a b",
	"ZDIFFSTORE a 1",
	"ZUNIONSTORE a 1",
	"ZREMRANGEBYRANK z 0 1",
	"PFADD k v",
	"PFCOUNT k",
	"PFMERGE a b",
	"BITOP AND a b",
	"BITFIELD k SET u8 0 1",
	"SETBIT k 0 1",
	"GEOADD k 1 1 v",
	"GEORADIUS k 1 1 1 m STORE a",
	"GEOSEARCHSTORE a b",
	"XADD s * f v",
	"XDEL s 1",
	"XREAD BLOCK 0 STREAMS s 0",
	"XREADGROUP GROUP g c STREAMS s 0",
	"XACK s g 1",
	"XGROUP CREATE s g 0",
	"XCLAIM s g c 0 1",
	"XAUTOCLAIM s g c 0 0",
	"XTRIM s MAXLEN 0",
	"EVAL script 0",
	"EVALSHA sha 0",
	"EVAL_RO script 0",
	"FCALL f 0",
	"FCALL_RO f 0",
	"SCRIPT LOAD s",
	"FUNCTION LOAD s",
	"MULTI",
	"EXEC",
	"DISCARD",
	"WATCH k",
	"SUBSCRIBE c",
	"PSUBSCRIBE c",
	"SSUBSCRIBE c",
	"PUBLISH c m",
	"MONITOR",
	"SYNC",
	"PSYNC ? -1",
	"REPLCONF a b",
	"REPLICAOF h 1",
	"SLAVEOF h 1",
	"SHUTDOWN",
	"SAVE",
	"BGSAVE",
	"BGREWRITEAOF",
	"DEBUG SLEEP 1",
	"WAIT 1 0",
	"FAILOVER",
	"CONFIG SET a b",
	"CONFIG REWRITE",
	"CONFIG RESETSTAT",
	"CLIENT KILL a",
	"CLIENT PAUSE 1",
	"CLIENT UNBLOCK 1",
	"CLIENT REPLY OFF",
	"ACL SETUSER u",
	"CLUSTER MEET h 1",
	"CLUSTER RESET",
	"MODULE LOAD m",
	"SLOWLOG RESET",
	"MEMORY PURGE",
	"LATENCY RESET",
	"SENTINEL SET a b c",
	"SENTINEL FAILOVER m",
	"RESET",
	"NOSUCHCOMMAND k",
	"GETX k",
};

/* The words of a line as an array. */
static void set_array(struct bytes *payload, const char *line)
{
	char arguments[1024] = "";
	size_t at = 0;
	int count = 0;

	while (*line) {
		size_t length = strcspn(line, " ");

		at += (size_t)snprintf(arguments + at, sizeof(arguments) - at, "$%zu\r\n%.*s\r\n",
				       length, (int)length, line);
		line += length + (line[length] == ' ');
		count++;
	}
	payload->length = (size_t)snprintf((char *)payload->at, sizeof(payload->at), "*%d\r\n%s",
					   count, arguments);
}

static void set_line(struct bytes *payload, const char *line)
{
	payload->length =
		(size_t)snprintf((char *)payload->at, sizeof(payload->at), "%s\r\n", line);
}

static void check_texts(payload_class class, const struct text_example *accepted, size_t count,
			const struct refused_text *refused, size_t refused_count)
{
	struct bytes payload;

	for (size_t i = 0; i < count; i++) {
		set_text(&payload, accepted[i].text, accepted[i].length);
		check_accepted(class, &payload, accepted[i].text);
		check_bent(class, &payload, accepted[i].text);
	}
	for (size_t i = 0; i < refused_count; i++) {
		set_text(&payload, refused[i].text, refused[i].length);
		check_refused(class, &payload, refused[i].liked, refused[i].text);
	}
}

static void check_open(payload_class class, const struct text_example *open, size_t count)
{
	struct bytes payload;

	for (size_t i = 0; i < count; i++) {
		set_text(&payload, open[i].text, open[i].length);
		check(judge(class, payload.at, payload.length) == PAYLOAD_OPEN, "%s: not open",
		      open[i].text);
	}
}

static void test_redis(void)
{
	struct bytes payload;

	check_texts(payload_redis, redis_accepted, COUNT(redis_accepted), redis_refused,
		    COUNT(redis_refused));
	check_open(payload_redis, redis_open, COUNT(redis_open));
	for (size_t i = 0; i < COUNT(redis_unsafe); i++) {
		set_array(&payload, redis_unsafe[i]);
		check_never_safe(payload_redis, &payload, redis_unsafe[i]);
		set_line(&payload, redis_unsafe[i]);
		check_never_safe(payload_redis, &payload, redis_unsafe[i]);
	}
}

#define KEY_50	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define KEY_250 KEY_50 KEY_50 KEY_50 KEY_50 KEY_50
#define OPAQUE	"\x01\x02\x03\x04\0\0\0\0\0\0\0\0"

static const struct text_example memcached_accepted[] = {
	{TEXT("get key\r\n")},
	{TEXT("get a b  c \r\n")},
	{TEXT("gets a\n")},
	{TEXT("get " KEY_250 "\r\n")},
	{TEXT("get \xc3\xbc\r\nget b\r\nversion\r\n")},
	{TEXT("version\r\n")},
	{TEXT("mn\r\n")},
	{TEXT("mg key\r\n")},
	{TEXT("mg key b c f h k l O123 q s t v\r\nmn\r\n")},
	{TEXT("mg key v \r\n")},
	/* Cut short, but known. */
	{TEXT("get ")},
	{TEXT("gets a b")},
	{TEXT("version\r")},
	{TEXT("mn\r\nget ")},
	/* doc/protocol-binary.txt: get, getk, a pipeline that ends in noop, version */
	{TEXT("\x80\0\0\5\0\0\0\0\0\0\0\5" OPAQUE "Hello")},
	{TEXT("\x80\x09\0\1\0\0\0\0\0\0\0\1" OPAQUE "a\x80\x0d\0\1\0\0\0\0\0\0\0\1" OPAQUE "b"
	      "\x80\x0a\0\0\0\0\0\0\0\0\0\0" OPAQUE)},
	{TEXT("\x80\x0b\0\0\0\0\0\0\0\0\0\0" OPAQUE)},
	{TEXT("\x80\0")},
	{TEXT("\x80\x0c\0\xfa\0\0\0\0\0\0\0\xfa" OPAQUE "abc")},
};

static const struct text_example memcached_open[] = {
	{TEXT("g")},	      {TEXT("get")},
	{TEXT("version")},    {TEXT("mg key")},
	{TEXT("mg key v\r")}, {TEXT("get a\r\nset")},
	{TEXT("\x80")},	      {TEXT("\x80\x0a\0\0\0\0\0\0\0\0\0\0" OPAQUE "\x80")},
};

static const struct refused_text memcached_refused[] = {
	{TEXT("\r\n"), 0},
	{TEXT(" get a\r\n"), 0},
	{TEXT("GET a\r\n"), 3},
	{TEXT("get\r\n"), 3},
	{TEXT("get \r\n"), 4},
	{TEXT("get\ta\r\n"), 3},
	{TEXT("get a\tb\r\n"), 5},
	{TEXT("get a\0\r\n"), 5},
	{TEXT("get a\rb\r\n"), 6},
	{TEXT("get a" KEY_250 "\r\n"), 254},
	{TEXT("get a\r\nset a 0 0 1\r\n"), 10},
	{TEXT("get a\r\n\r\n"), 7},
	{TEXT("version 1\r\n"), 7},
	{TEXT("mn x\r\n"), 2},
	{TEXT("mg\r\n"), 2},
	{TEXT("mg a" KEY_250 "\r\n"), 253},
	{TEXT("mg  a\r\n"), 3},
	{TEXT("mg a v T30\r\n"), 10},
	{TEXT("mg a N30 v\r\n"), 8},
	{TEXT("mg a R30\r\n"), 8},
	{TEXT("mg a E1\r\n"), 7},
	{TEXT("mg a T\r\n"), 6},
	{TEXT("mg a kv\r\n"), 7},
	{TEXT("mg a  v\r\n"), 5},
	{TEXT("mg a v\rx"), 7},
	{TEXT("\x81\0\0\1"), 1},
	{TEXT("\x80\1\0\1"), 1},
	{TEXT("\x80\0\0\0"), 3},
	{TEXT("\x80\0\0\xfb"), 3},
	{TEXT("\x80\0\1\0"), 3},
	{TEXT("\x80\x0a\0\1"), 3},
	{TEXT("\x80\0\0\1\4"), 4},
	{TEXT("\x80\0\0\1\0\1"), 5},
	{TEXT("\x80\0\0\1\0\0\0\0\0\0\0\2"), 11},
	{TEXT("\x80\0\0\1\0\0\0\0\0\0\0\1" OPAQUE "aget b\r\n"), 25},
	{TEXT("get a\r\n\x80\0"), 8},
};

static const char *const memcached_unsafe[] = {
	"set k 0 0 1",
	"add k 0 0 1",
	"replace k 0 0 1",
	"append k 0 0 1",
	"prepend k 0 0 1",
	"cas k 0 0 1 1",
	"delete k",
	"incr k 1",
	"decr k 1",
	"touch k 1",
	"gat 1 k",
	"gats 1 k",
	"flush_all",
	"flush_all 10",
	"verbosity 1",
	"ms k 1",
	"md k",
	"ma k",
	"mg k N0",
	"mg k T0 v",
	"mg k v R30",
	"mg k E5",
	"stats reset",
	"shutdown",
	"slabs reassign 1 2",
	"lru mode flat",
	"getx k",
	"mgx k",
	"versions",
	"cache_memlimit 1",
	"watch fetchers",
};

static void test_memcached(void)
{
	static const uint8_t safe_opcodes[] = {0x00, 0x09, 0x0a, 0x0b, 0x0c, 0x0d};
	struct bytes payload;

	check_texts(payload_memcached, memcached_accepted, COUNT(memcached_accepted),
		    memcached_refused, COUNT(memcached_refused));
	check_open(payload_memcached, memcached_open, COUNT(memcached_open));
	for (size_t i = 0; i < COUNT(memcached_unsafe); i++) {
		set_line(&payload, memcached_unsafe[i]);
		check_never_safe(payload_memcached, &payload, memcached_unsafe[i]);
	}
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		bool safe = memchr(safe_opcodes, (int)opcode, sizeof(safe_opcodes)) != NULL;
		uint8_t bytes[] = {0x80, (uint8_t)opcode};

		check((payload_memcached(bytes, 2) == PAYLOAD_SAFE) == safe, "opcode %u", opcode);
	}
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Whether a text of the bytes below begins with a request that only reads, and says so whatever is
 * put behind it. */
static bool is_certain(const char *text)
{
	if (begins(text, "mg "))
		return strchr(text, '\n') && !memmem(text + 3, strcspn(text + 3, "\n"), " T", 2);
	return begins(text, "get ") || begins(text, "gets ") || begins(text, "mn\r") ||
	       begins(text, "mn\n");
}

/* Every text of up to `most` more bytes that the class lives with. */
static void check_longer(struct bytes *payload, unsigned int most) /* NOLINT(misc-no-recursion) */
{
	static const char telling[] = "gets\r\n mnvT1";
	char *text = (char *)payload->at;

	for (size_t i = 0; i < sizeof(telling) - 1 && most > 0; i++) {
		enum payload_verdict verdict;

		text[payload->length] = telling[i];
		text[++payload->length] = '\0';
		verdict = payload_memcached(payload->at, payload->length);
		if (verdict == PAYLOAD_SAFE && !is_certain(text))
			check(false, "%s: accepted", text);
		if (verdict != PAYLOAD_REFUSED)
			check_longer(payload, most - 1);
		payload->length--;
	}
	check(true, "looked at all");
}

int main(void)
{
	struct bytes payload = {.length = 0};

	test_redis();
	test_memcached();
	check_longer(&payload, 6);
	return check_result();
}
