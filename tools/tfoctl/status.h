/* SPDX-License-Identifier: MIT */
/* Inside `tfoctl status`: what is shown, and the ways to show it. */
#ifndef TFO_TOOLS_TFOCTL_STATUS_H
#define TFO_TOOLS_TFOCTL_STATUS_H

#include "shim/memory/destinations.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The memory at one moment. */
struct snapshot {
	const char *file;		 /* NULL: none is in use */
	uint32_t paused_until_s;	 /* 0: no pause */
	struct remembered *destinations; /* sorted by time saved, most first */
	size_t count;
	struct remembered_trial *trials;
	size_t trial_count;
	bool is_short; /* there was not enough memory for all of it */
};

typedef void (*snapshot_printer)(FILE *to, const struct snapshot *snapshot);

/* For people: a table. */
void print_table(FILE *to, const struct snapshot *snapshot);

/* For programs: one JSON object. */
void print_json(FILE *to, const struct snapshot *snapshot);

/* tfoctl status --listen: what came to servers (servers.c), for people and for programs. */
void print_servers(FILE *to);
void print_servers_as_json(FILE *to);

/* Calls `show` every so many seconds until SIGINT, SIGTERM or SIGHUP, and gives standard output
 * what it writes: on a terminal in place, elsewhere one block after the other. `in_place`: as far
 * as the terminal goes. */
void watch(double seconds, bool in_place, void (*show)(FILE *to));

#endif
