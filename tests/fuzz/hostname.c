/* SPDX-License-Identifier: MIT */
/* Host names: what is wrong with one, whether it is an address, and how it is compared. */
#include "policy/hostname.h"
#include "fuzz.h"

#include <arpa/inet.h>

static void check_fault(const char *name, size_t length)
{
	size_t at = SIZE_MAX, width = SIZE_MAX;
	const char *fault = hostname_fault(name, length, &at, &width);

	if (!fault) {
		require(length > 0 && length <= HOSTNAME_MOST + 1);
		require(!hostname_is_numeric(name, length));
		return;
	}
	require(fault[0] == ' ');
	require(at <= length && width <= length - at);
}

static void check_fold(const char *name, size_t length)
{
	char *folded = malloc(length + 1), *again = malloc(length + 1);
	size_t at, width, folded_length;

	require(folded && again);
	folded_length = hostname_fold(folded, name, length);
	require(folded_length <= length && folded[folded_length] == '\0');
	if (!hostname_fault(name, length, &at, &width)) {
		require(!hostname_fault(folded, folded_length, &at, &width));
		require(hostname_fold(again, folded, folded_length) == folded_length);
		require(strcmp(folded, again) == 0);
	}
	free(folded);
	free(again);
}

/* What the C library takes for an address is one here. It stops at a blank; names have none. */
static void check_numeric(const char *name, size_t length)
{
	struct in_addr address;
	struct in6_addr address6;
	char *text;

	if (length == 0 || memchr(name, '\0', length))
		return;
	text = malloc(length + 1);
	require(text);
	memcpy(text, name, length);
	text[length] = '\0';
	if ((!strpbrk(text, " \t\n\v\f\r") && inet_aton(text, &address)) ||
	    inet_pton(AF_INET6, text, &address6) == 1)
		require(hostname_is_numeric(name, length));
	hostname_is_foreign(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *name = exact_copy(bytes, length);

	check_fault(name, length);
	check_fold(name, length);
	check_numeric(name, length);
	free(name);
	return 0;
}
