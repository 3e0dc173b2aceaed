/* SPDX-License-Identifier: MIT */
/* IP addresses: from sockets, from text, to text, in blocks. No resolver, no sockets. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

unsigned int address_bits(sa_family_t family)
{
	return family == AF_INET ? 32 : 128;
}

bool address_unmap(struct address *address)
{
	struct address plain = {.family = AF_INET};

	if (address->family != AF_INET6 ||
	    memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return false;
	memcpy(plain.bytes, address->bytes + sizeof(mapped_prefix), 4);
	*address = plain;
	return true;
}

/* Copies instead of casting: the program's buffer may be aligned in any way. */
static bool from_inet(struct address *address, uint16_t *port, const void *socket, socklen_t length)
{
	struct sockaddr_in inet;

	if (length < sizeof(inet))
		return false;
	memcpy(&inet, socket, sizeof(inet));
	*address = (struct address){.family = AF_INET};
	memcpy(address->bytes, &inet.sin_addr, sizeof(inet.sin_addr));
	*port = ntohs(inet.sin_port);
	return true;
}

/* The kernel takes IPv6 addresses without the scope id too (SIN6_LEN_RFC2133). */
static bool from_inet6(struct address *address, uint16_t *port, const void *socket,
		       socklen_t length)
{
	struct sockaddr_in6 inet6;

	if (length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memcpy(&inet6, socket, offsetof(struct sockaddr_in6, sin6_scope_id));
	address->family = AF_INET6;
	memcpy(address->bytes, &inet6.sin6_addr, sizeof(inet6.sin6_addr));
	*port = ntohs(inet6.sin6_port);
	address_unmap(address);
	return true;
}

bool address_from_socket(struct address *address, uint16_t *port, const struct sockaddr *socket,
			 socklen_t length)
{
	sa_family_t family;
	uint16_t ignored;

	if (!socket || length < offsetof(struct sockaddr, sa_family) + sizeof(family))
		return false;
	memcpy(&family, (const char *)socket + offsetof(struct sockaddr, sa_family),
	       sizeof(family));
	if (!port)
		port = &ignored;
	if (family == AF_INET)
		return from_inet(address, port, socket, length);
	if (family == AF_INET6)
		return from_inet6(address, port, socket, length);
	return false;
}

bool address_from_text(struct address *address, sa_family_t family, const char *text, size_t length)
{
	char copy[INET6_ADDRSTRLEN];

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*address = (struct address){.family = family};
	/* inet_pton only reads its arguments, in glibc and in musl: no locale, no memory. */
	return inet_pton(family, copy, address->bytes) == 1;
}

bool address_clear_below(struct address *address, unsigned int bits)
{
	bool found = false;

	for (unsigned int i = bits / 8; i < address_bits(address->family) / 8; i++) {
		unsigned int kept = i == bits / 8 ? bits % 8 : 0;
		uint8_t mask = (uint8_t)(0xff00 >> kept);

		found |= (address->bytes[i] & ~mask) != 0;
		address->bytes[i] &= mask;
	}
	return found;
}

bool address_is_in(const struct address *address, sa_family_t family, const uint8_t *network,
		   unsigned int bits)
{
	size_t whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	if (address->family != family || memcmp(address->bytes, network, whole) != 0)
		return false;
	return bits % 8 == 0 || ((address->bytes[whole] ^ network[whole]) & mask) == 0;
}

bool address_equal(const struct address *one, const struct address *other)
{
	return one->family == other->family &&
	       memcmp(one->bytes, other->bytes, sizeof(one->bytes)) == 0;
}

static void add_hex(struct text *text, unsigned int group)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && group >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		text_add_byte(text, digits[group >> shift & 0xf]);
}

static size_t zeros_from(const unsigned int *groups, size_t at)
{
	size_t count = 0;

	while (at + count < 8 && groups[at + count] == 0)
		count++;
	return count;
}

static void add_inet6(struct text *text, const uint8_t *bytes)
{
	unsigned int groups[8];
	size_t gap = 8, gap_length = 1; /* `::` stands for two groups or more */

	for (size_t i = 0; i < 8; i++)
		groups[i] = (unsigned int)bytes[2 * i] << 8 | bytes[2 * i + 1];
	for (size_t i = 0; i < 8; i++) {
		if (zeros_from(groups, i) > gap_length) {
			gap = i;
			gap_length = zeros_from(groups, i);
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == gap) {
			text_add(text, "::");
			i += gap_length - 1;
			continue;
		}
		if (i > 0 && i != gap + gap_length)
			text_add_byte(text, ':');
		add_hex(text, groups[i]);
	}
}

void text_add_address(struct text *text, const struct address *address)
{
	if (address->family == AF_INET6) {
		add_inet6(text, address->bytes);
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			text_add_byte(text, '.');
		text_add_number(text, address->bytes[i]);
	}
}
