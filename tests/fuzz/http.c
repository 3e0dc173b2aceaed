/* SPDX-License-Identifier: MIT */
/* The payload class http. What is safe has a safe method, no body and nothing behind its end. */
#include "class.h"

#include <strings.h>

static bool begins(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && strncasecmp(text, with, strlen(with)) == 0;
}

/* As a server would that takes a bare LF for the end of a line. */
static void check_line(const char *line, size_t length)
{
	require(!begins(line, length, "transfer-encoding:"));
	require(!begins(line, length, "upgrade:"));
	require(!begins(line, length, "expect:"));
	if (begins(line, length, "content-length:")) {
		for (size_t i = strlen("content-length:"); i < length; i++)
			require(strchr(" \t0\r", line[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes, *end = text + length, *line_end;

	if (check_class(payload_http, bytes, length) != PAYLOAD_SAFE)
		return 0;
	require(!memchr(text, '\0', length));
	require(memcmp(text, "GET ", 4) == 0 || memcmp(text, "HEAD ", 5) == 0 ||
		memcmp(text, "OPTIONS ", 8) == 0);
	for (const char *line = text; (line_end = memchr(line, '\n', (size_t)(end - line)));
	     line = line_end + 1) {
		size_t width = (size_t)(line_end - line);

		check_line(line, width);
		if (width == 0 || (width == 1 && *line == '\r')) {
			require(line_end + 1 == end);
			break;
		}
	}
	return 0;
}
