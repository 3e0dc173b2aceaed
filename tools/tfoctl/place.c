/* SPDX-License-Identifier: MIT */
/* Places of the network as people write them. Nothing here connects. */
#include "place.h"

#include "tfoctl.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool is_address(const char *host)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool copy_part(char *to, size_t size, const char *from, size_t length)
{
	if (length == 0 || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

static bool read_service(const char *text, struct place *place)
{
	if (*text == '\0')
		return true;
	return *text == ':' &&
	       copy_part(place->service, sizeof(place->service), text + 1, strlen(text + 1));
}

static bool read_parts(const char *text, struct place *place)
{
	const char *colon = strchr(text, ':'), *end;

	if (*text == '[') {
		end = strchr(text, ']');
		return end &&
		       copy_part(place->host, sizeof(place->host), text + 1,
				 (size_t)(end - text) - 1) &&
		       strchr(place->host, ':') && read_service(end + 1, place);
	}
	/* A second colon: IPv6 without brackets. */
	end = colon && !strchr(colon + 1, ':') ? colon : text + strlen(text);
	return copy_part(place->host, sizeof(place->host), text, (size_t)(end - text)) &&
	       read_service(end, place);
}

bool place_read(const char *text, struct place *place)
{
	*place = (struct place){0};
	if (!read_parts(text, place)) {
		complain("%s: not a HOST:PORT, ADDRESS:PORT or [IPV6]:PORT", text);
		return false;
	}
	place->is_name = !is_address(place->host);
	if (place->is_name && strchr(place->host, ':')) {
		complain("%s: not an address", text);
		return false;
	}
	for (char *at = place->host; place->is_name && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return true;
}

struct addrinfo *place_addresses(const struct place *place)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	const char *service = place->service[0] ? place->service : NULL;
	struct addrinfo *found = NULL;
	int error = getaddrinfo(place->host, service, &hints, &found);

	if (error == 0)
		return found;
	if (error == EAI_SERVICE)
		complain("%s: no such port or service", place->service);
	else
		complain("%s: %s", place->host, gai_strerror(error));
	return NULL;
}

int place_port(const struct place *place)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found;
	int port;

	if (!place->service[0])
		return 0;
	if (getaddrinfo(NULL, place->service, &hints, &found) != 0) {
		complain("%s: no such port or service", place->service);
		return -1;
	}
	port = port_of(found->ai_addr);
	freeaddrinfo(found);
	return port;
}

uint16_t port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

const char *host_text(const struct sockaddr *address, char *text, size_t size)
{
	const void *bytes = &((const struct sockaddr_in *)address)->sin_addr;

	if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (!inet_ntop(address->sa_family, bytes, text, (socklen_t)size))
		text[0] = '\0';
	return text;
}

const char *place_text(const struct sockaddr *address, char text[PLACE_TEXT_SIZE])
{
	bool bracket = address->sa_family == AF_INET6;
	char host[PLACE_TEXT_SIZE - 16];

	snprintf(text, PLACE_TEXT_SIZE, "%s%s%s:%u", bracket ? "[" : "",
		 host_text(address, host, sizeof(host)), bracket ? "]" : "",
		 (unsigned int)port_of(address));
	return text;
}
