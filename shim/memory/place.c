/* SPDX-License-Identifier: MIT */
/* Addresses and ports as keys. */
#include "shim/memory/place.h"

#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* splitmix64's finaliser: every bit of the address reaches the set's number. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
	return value ^ (value >> 31);
}

bool memory_place_of(const struct sockaddr *address, socklen_t length, struct memory_place *place)
{
	uint8_t bytes[16];

	if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;

		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + sizeof(mapped), &ip4->sin_addr, 4);
		place->port = ntohs(ip4->sin_port);
	} else if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;

		memcpy(bytes, &ip6->sin6_addr, 16);
		place->port = ntohs(ip6->sin6_port);
	} else {
		return false;
	}
	memcpy(place->address, bytes, sizeof(bytes));
	place->tag = mix(mix(mix(place->address[0]) + place->address[1]) + place->port);
	place->tag += place->tag == 0;
	return true;
}

void memory_address_of(const struct memory_place *place, union memory_address *address)
{
	uint16_t port = htons((uint16_t)place->port);
	uint8_t bytes[16];

	memset(address, 0, sizeof(*address));
	memcpy(bytes, place->address, sizeof(bytes));
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		address->ip4.sin_family = AF_INET;
		address->ip4.sin_port = port;
		memcpy(&address->ip4.sin_addr, bytes + sizeof(mapped), 4);
	} else {
		address->ip6.sin6_family = AF_INET6;
		address->ip6.sin6_port = port;
		memcpy(&address->ip6.sin6_addr, bytes, 16);
	}
}
