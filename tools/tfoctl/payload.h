/* SPDX-License-Identifier: MIT */
/* What `tfoctl probe` sends: something that a server may see twice and answers at once. */
#ifndef TFO_TOOLS_TFOCTL_PAYLOAD_H
#define TFO_TOOLS_TFOCTL_PAYLOAD_H

#include "place.h"

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MOST 65536u

struct payload {
	uint8_t bytes[PAYLOAD_MOST];
	size_t length;
};

/* GET / of HTTP/1.0. */
void payload_http_request(struct payload *payload, const struct place *place);

/* A TLS 1.2 and 1.3 ClientHello without keys, so that the server answers with a ServerHello or
 * asks for some with a HelloRetryRequest. */
void payload_client_hello(struct payload *payload, const struct place *place);

/* A file's bytes; false, after complain(), when it cannot be read, is empty or is too long. */
bool payload_file(struct payload *payload, const char *path);

#endif
