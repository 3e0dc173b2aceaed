/* SPDX-License-Identifier: MIT */
/*
 * The payload class tls. What is safe is put together from its records and read again, in the
 * simplest way: it must be one ClientHello, or its beginning, without early_data.
 */
#include "class.h"

#define EARLY_DATA 42

struct message {
	uint8_t *at;
	size_t length;
	bool whole; /* no record is cut short */
};

static size_t number_at(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

static struct message put_together(const uint8_t *bytes, size_t length)
{
	struct message message = {.at = malloc(length), .whole = true};

	require(message.at);
	while (length > 0) {
		size_t size = length < 5 ? 0 : number_at(bytes + 3);

		require(bytes[0] == 22);
		if (length < 5 + size || length < 5) {
			message.whole = false;
			size = length < 5 ? 0 : length - 5;
		}
		memcpy(message.at + message.length, bytes + (length < 5 ? length : 5), size);
		message.length += size;
		bytes += length < 5 ? length : 5 + size;
		length -= length < 5 ? length : 5 + size;
	}
	return message;
}

/* The extensions that are there. */
static void check_extensions(const uint8_t *at, const uint8_t *end)
{
	while (end - at >= 4) {
		require(number_at(at) != EARLY_DATA);
		if ((size_t)(end - at) < 4 + number_at(at + 2))
			return;
		at += 4 + number_at(at + 2);
	}
	require(end - at < 2 || number_at(at) != EARLY_DATA);
}

static void check_message(const struct message *message)
{
	const uint8_t *at = message->at, *end = at + message->length;
	size_t size;

	if (message->length < 4)
		return;
	require(at[0] == 1);
	size = (size_t)at[1] << 16 | number_at(at + 2);
	require(message->length <= size + 4);
	at += 4 + 2 + 32;
	if (at + 1 > end || at + 1 + at[0] + 2 > end)
		return;
	at += 1 + at[0];
	at += 2 + number_at(at);
	if (at + 1 > end || at + 1 + at[0] + 2 > end)
		return;
	at += 1 + at[0];
	check_extensions(at + 2, end);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct message message;

	if (check_class(payload_tls, bytes, length) != PAYLOAD_SAFE)
		return 0;
	message = put_together(bytes, length);
	check_message(&message);
	free(message.at);
	return 0;
}
