/* SPDX-License-Identifier: MIT */
/*
 * An IP address without a socket around it. IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2)
 * are IPv4 everywhere in this room. Pure functions. Inside the policy room only.
 */
#ifndef TFO_POLICY_ADDRESS_H
#define TFO_POLICY_ADDRESS_H

#include "text.h"

#include <stdint.h>
#include <sys/socket.h>

struct address {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];  /* network byte order; IPv4 uses 4, the rest is zero */
};

/* How many bits an address of this family has. */
unsigned int address_bits(sa_family_t family);

/* Reads a socket address; a mapped one becomes IPv4. `port`, unless NULL, is in host byte order.
 * False for other families and for addresses cut short. */
bool address_from_socket(struct address *address, uint16_t *port, const struct sockaddr *socket,
			 socklen_t length);

/* Reads the text form of one family, without brackets, prefix length or zone. A mapped address
 * stays IPv6, so that a prefix length behind it still means what was written. */
bool address_from_text(struct address *address, sa_family_t family, const char *text,
		       size_t length);

/* If the address is IPv4-mapped, makes it IPv4 and returns true. */
bool address_unmap(struct address *address);

/* Sets all bits behind the first `bits` to zero; returns whether any of them was set. */
bool address_clear_below(struct address *address, unsigned int bits);

bool address_is_in(const struct address *address, sa_family_t family, const uint8_t *network,
		   unsigned int bits);

bool address_equal(const struct address *one, const struct address *other);

/* The text form (RFC 5952). */
void text_add_address(struct text *text, const struct address *address);

#endif
