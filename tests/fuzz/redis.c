/* SPDX-License-Identifier: MIT */
/*
 * The payload class redis. What is safe is read again as Redis reads it, as far as it goes, and no
 * command of it may be one of those that change something.
 */
#include "class.h"

#include <strings.h>

static const char *const changing[] = {
	"set",	     "setex",	 "getset",  "getdel", "getex",	  "del",     "unlink", "incr",
	"append",    "expire",	 "rename",  "sort",   "flushall", "flushdb", "hset",   "lpush",
	"lpop",	     "blpop",	 "sadd",    "spop",   "zadd",	  "pfcount", "pfadd",  "bitfield",
	"setbit",    "geoadd",	 "xadd",    "xread",  "eval",	  "multi",   "exec",   "watch",
	"subscribe", "publish",	 "monitor", "debug",  "config",	  "client",  "object", "memory",
	"script",    "shutdown", "save",    "wait",   "touch",
};

/* Those of the list that have safe second words. */
static bool is_container(const char *name, size_t length)
{
	return (length == 6 &&
		(!strncasecmp(name, "config", 6) || !strncasecmp(name, "client", 6) ||
		 !strncasecmp(name, "object", 6) || !strncasecmp(name, "memory", 6)));
}

static void check_name(const char *name, size_t length)
{
	require(length > 0);
	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++) {
		if (strlen(changing[i]) == length && !is_container(name, length))
			require(strncasecmp(name, changing[i], length) != 0);
	}
}

/* The rest behind "\r\n", or NULL. */
static const char *next_line(const char *at, const char *end)
{
	const char *line_end = memchr(at, '\r', (size_t)(end - at));

	return line_end && line_end + 2 <= end ? line_end + 2 : NULL;
}

/* Reads one command and returns what is behind it, or NULL if it is cut short. */
static const char *check_array(const char *at, const char *end)
{
	long count = strtol(at + 1, NULL, 10);

	require(count > 0);
	at = next_line(at, end);
	for (long i = 0; i < count; i++) {
		size_t size;

		if (!at || at == end)
			return NULL;
		require(*at == '$');
		size = (size_t)strtoul(at + 1, NULL, 10);
		at = next_line(at, end);
		if (!at || (size_t)(end - at) < size)
			return NULL;
		if (i == 0)
			check_name(at, size);
		if ((size_t)(end - at) < size + 2)
			return NULL;
		at += size + 2;
	}
	return at;
}

static const char *check_line(const char *at, const char *end)
{
	const char *line_end = memchr(at, '\n', (size_t)(end - at));
	const char *name_end = at;

	while (name_end < end && !strchr(" \r\n", *name_end))
		name_end++;
	check_name(at, (size_t)(name_end - at));
	return line_end ? line_end + 1 : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text;

	if (check_class(payload_redis, bytes, length) != PAYLOAD_SAFE)
		return 0;
	text = malloc(length + 1); /* numbers end at the NUL, if at nothing else */
	require(text);
	memcpy(text, bytes, length);
	text[length] = '\0';
	for (const char *at = text; at && at < text + length;)
		at = *at == '*' ? check_array(at, text + length) : check_line(at, text + length);
	free(text);
	return 0;
}
