/* SPDX-License-Identifier: MIT */
/*
 * Places of the network as people write them: HOST, HOST:PORT, [V6]:PORT, and back. A port may be
 * the name of a service. What is wrong is said by complain().
 */
#ifndef TFO_TOOLS_TFOCTL_PLACE_H
#define TFO_TOOLS_TFOCTL_PLACE_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct place {
	char host[256];	  /* without brackets */
	char service[64]; /* "" when none was given */
	bool is_name;	  /* the host is a name, not an address */
};

/* Room for any address with its port. */
#define PLACE_TEXT_SIZE 64

/* Takes the text apart; false when it is no place. An IPv6 address without brackets has no port. */
bool place_read(const char *text, struct place *place);

/* Its TCP addresses, each once; NULL when there is none. With the port of the service, or 0. The
 * caller frees them with freeaddrinfo(). */
struct addrinfo *place_addresses(const struct place *place);

/* The port of its service, in host byte order; 0 when none was given; -1 when there is no such
 * service. */
int place_port(const struct place *place);

/* Host byte order. */
uint16_t port_of(const struct sockaddr *address);

/* "192.0.2.1:80" or "[2001:db8::1]:80". Returns `text`. */
const char *place_text(const struct sockaddr *address, char text[PLACE_TEXT_SIZE]);

/* The address alone, in at least INET6_ADDRSTRLEN bytes. Returns `text`. */
const char *host_text(const struct sockaddr *address, char *text, size_t size);

#endif
