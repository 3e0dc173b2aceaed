/* SPDX-License-Identifier: MIT */
/*
 * A TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) at the beginning of some
 * bytes, as far as they go. Inside the policy room only.
 */
#ifndef TFO_POLICY_HELLO_H
#define TFO_POLICY_HELLO_H

#include "hostname.h"
#include "scan.h"

struct hello {
	struct scan scan;   /* settled when it is known to be a ClientHello */
	size_t record_left; /* bytes of this record that were not read */
	size_t left;	    /* the same for the message */
	bool early_data;    /* has the extension */
	/* Extensions of the type server_name, and what the last of them holds: a list of one name,
	 * with a final dot, fits. */
	unsigned int server_names;
	size_t server_name_length;
	uint8_t server_name[5 + HOSTNAME_MOST + 1];
};

/* Reads what the scan, which the caller set, has. When it is still going, it stands behind the
 * message. */
void hello_read(struct hello *hello);

#endif
