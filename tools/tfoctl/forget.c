/* SPDX-License-Identifier: MIT */
/* tfoctl forget: takes destinations out of the memory. */
#include "place.h"
#include "shim/memory/destinations.h"
#include "tfoctl.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Destinations that were reached by a name, one at a time: what is remembered changes while it is
 * gone through. */
struct search {
	const char *name;
	int port; /* 0: any */
	bool found;
	struct remembered remembered;
};

static void compare_name(const struct remembered *remembered, void *context)
{
	struct search *search = context;

	if (search->found || strcasecmp(remembered->name, search->name) != 0 ||
	    (search->port && port_of(&remembered->address.any) != search->port))
		return;
	search->found = true;
	search->remembered = *remembered;
}

static unsigned int forget_named(const char *name, int port)
{
	struct search search = {.name = name, .port = port};
	unsigned int count = 0, more;

	do {
		search.found = false;
		memory_each(compare_name, &search);
		more = search.found ? memory_forget(&search.remembered.address.any,
						    sizeof(search.remembered.address))
				    : 0;
		count += more;
	} while (more);
	return count;
}

static unsigned int forget_addresses(const struct addrinfo *addresses)
{
	unsigned int count = 0;

	for (; addresses; addresses = addresses->ai_next)
		count += memory_forget(addresses->ai_addr, addresses->ai_addrlen);
	return count;
}

/* A name that does not resolve any more can still be remembered: nothing is said then. */
static struct addrinfo *addresses_if_any(const struct place *place)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	const char *service = place->service[0] ? place->service : NULL;
	struct addrinfo *found = NULL;

	return getaddrinfo(place->host, service, &hints, &found) == 0 ? found : NULL;
}

/* Returns how many were forgotten, -1 if the word is no destination. */
static int forget(const char *word)
{
	struct addrinfo *addresses;
	struct place place;
	unsigned int count;
	int port;

	if (!place_read(word, &place) || (port = place_port(&place)) < 0)
		return -1;
	addresses = addresses_if_any(&place);
	count = forget_addresses(addresses);
	if (addresses)
		freeaddrinfo(addresses);
	if (place.is_name)
		count += forget_named(place.host, port);
	return (int)count;
}

static void say_count(unsigned int count)
{
	printf("forgot %u destination%s\n", count, count == 1 ? "" : "s");
}

static int forget_everything(void)
{
	bool paused = memory_paused_until();
	unsigned int count = memory_forget(NULL, 0);

	if (paused)
		puts("the pause is over");
	say_count(count);
	return EXIT_SUCCESS;
}

int forget_verb(int count, char **words)
{
	int status = EXIT_SUCCESS;
	unsigned int forgotten = 0;

	find_memory();
	if (count == 0)
		return forget_everything();
	for (int i = 0; i < count; i++) {
		int more = forget(words[i]);

		if (more < 0)
			return STATUS_USAGE;
		if (more == 0) {
			complain("%s: not remembered", words[i]);
			status = STATUS_TROUBLE;
		}
		forgotten += (unsigned int)more;
	}
	say_count(forgotten);
	return status;
}
