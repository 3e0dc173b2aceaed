/* SPDX-License-Identifier: MIT */
/*
 * The host that a payload names by itself. It is a host name as names are compared, it is what the
 * bytes say somewhere, and no beginning of the payload names another.
 */
#include "fuzz.h"
#include "policy/hostname.h"
#include "policy/payload.h"

#define PREFIXES_MOST 32
#define GUARD	      '#'

struct name {
	char at[HOSTNAME_MOST + 2]; /* and a guard */
	size_t length;
};

static void check_form(const struct name *name)
{
	char folded[HOSTNAME_MOST + 1];
	size_t at, width;

	require(name->length <= HOSTNAME_MOST && strlen(name->at) == name->length);
	require(!hostname_fault(name->at, name->length, &at, &width));
	require(hostname_fold(folded, name->at, name->length) == name->length);
	require(strcmp(folded, name->at) == 0);
}

static struct name name_of(const uint8_t *bytes, size_t length, size_t size)
{
	uint8_t *copy = exact_copy(bytes, length);
	struct name name;

	memset(name.at, GUARD, sizeof(name.at));
	name.length = payload_host_name(copy, length, name.at, size);
	free(copy);
	require(name.at[size] == GUARD);
	if (name.length > 0)
		check_form(&name);
	else
		name.at[0] = '\0';
	return name;
}

static void check_prefixes(const uint8_t *bytes, size_t length)
{
	size_t step = length / PREFIXES_MOST + 1;
	struct name first = {.length = 0};

	for (size_t prefix = length % step; prefix <= length; prefix += step) {
		struct name name = name_of(bytes, prefix, HOSTNAME_MOST + 1);

		if (first.length == 0)
			first = name;
		require(name.length == 0 || strcmp(name.at, first.at) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct name name = name_of(bytes, length, HOSTNAME_MOST + 1);

	check_prefixes(bytes, length);
	if (name.length == 0)
		return 0;
	require(name_of(bytes, length, name.length + 1).length == name.length);
	require(name_of(bytes, length, name.length).length == 0);
	return 0;
}
