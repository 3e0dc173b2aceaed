/* SPDX-License-Identifier: MIT */
/*
 * An address and a port as the memory finds them: IPv4 as IPv4-mapped IPv6. Pure functions. Inside
 * the memory room only.
 */
#ifndef TFO_SHIM_MEMORY_PLACE_H
#define TFO_SHIM_MEMORY_PLACE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct memory_place {
	uint64_t address[2]; /* network byte order */
	uint32_t port;	     /* host byte order */
	uint64_t tag;	     /* a hash of both, never 0 */
};

/* False for other families and for addresses cut short. */
bool memory_place_of(const struct sockaddr *address, socklen_t length, struct memory_place *place);

union memory_address {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

/* And back. */
void memory_address_of(const struct memory_place *place, union memory_address *address);

#endif
