/* SPDX-License-Identifier: MIT */
/*
 * What came to the servers that listen under a rule, counted by address and port, by every process
 * of a user: in the head of the file that remembers destinations. Lock-free; nothing in it is
 * trusted, and nothing is decided by it.
 *
 * Any thread and any signal handler may call anything here; errno is kept.
 */
#ifndef TFO_SHIM_MEMORY_SERVERS_H
#define TFO_SHIM_MEMORY_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/memory/place.h"

/* A server listens, or does so again; `backlog` is how many may wait for their handshake. */
void memory_server_listens(const struct sockaddr *address, socklen_t length, uint32_t backlog);

/* It has accepted a connection; `in_syn`: data came with the SYN. */
void memory_server_accepted(const struct sockaddr *address, socklen_t length, bool in_syn);

/* For the operator's tools. Times in seconds of CLOCK_REALTIME. */
struct remembered_server {
	union memory_address address;
	uint32_t backlog;
	uint32_t listened_s, last_s; /* when it began to listen, when something came; 0: never */
	uint64_t accepted, in_syn;
};

/* Calls `visit` for each server, in no order. */
void memory_each_server(void (*visit)(const struct remembered_server *server, void *context),
			void *context);

void memory_forget_servers(void);

#endif
