/* SPDX-License-Identifier: MIT */
/* The payload class memcached. What is safe has no line, or binary request, that writes. */
#include "class.h"

static bool begins(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static void check_line(const char *line, size_t length, bool is_whole)
{
	require(begins(line, length, "get ") || begins(line, length, "gets ") ||
		begins(line, length, "mg ") || begins(line, length, "mn") ||
		begins(line, length, "version"));
	if (!begins(line, length, "mg "))
		return;
	/* The flags that write are not there, and cannot come. */
	require(is_whole);
	for (size_t i = 3; i + 1 < length; i++)
		require(line[i] != ' ' || !strchr("NTREIMSDC", line[i + 1]));
}

static void check_text(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));

		check_line(text, (size_t)((line_end ? line_end : end) - text), line_end != NULL);
		text = line_end ? line_end + 1 : end;
	}
}

static void check_binary(const uint8_t *bytes, size_t length)
{
	while (length >= 2) {
		size_t size;

		require(bytes[0] == 0x80);
		require(bytes[1] == 0 || (bytes[1] >= 9 && bytes[1] <= 13));
		if (length < 24)
			return;
		size = 24 + ((size_t)bytes[8] << 24 | (size_t)bytes[9] << 16 |
			     (size_t)bytes[10] << 8 | bytes[11]);
		if (length < size)
			return;
		bytes += size;
		length -= size;
	}
	require(length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (check_class(payload_memcached, bytes, length) != PAYLOAD_SAFE)
		return 0;
	if (bytes[0] == 0x80)
		check_binary(bytes, length);
	else
		check_text((const char *)bytes, length);
	return 0;
}
