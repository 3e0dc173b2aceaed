/* SPDX-License-Identifier: MIT */
/*
 * A service as its files have it: the unit file and its drop-ins, found where systemd looks for
 * them (systemd.unit(5), "Unit File Load Path"), read in its order. Asks no systemd, so it works
 * for one that does not run. Whoever wants another root changes into it first (chroot).
 */
#ifndef TFO_TOOLS_TFOCTL_UNIT_FILE_H
#define TFO_TOOLS_TFOCTL_UNIT_FILE_H

#include "unit_text.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The name of our drop-in: what it says is not taken for the service's own. */
#define UNIT_DROP_IN "50-tfo.conf"

/* A line of a [Service] section. */
struct unit_setting {
	char *key, *value, *file;
	bool is_later; /* read after our drop-in */
};

struct unit {
	char name[UNIT_NAME_SIZE];
	bool is_users; /* of a user's systemd, not of the system's */
	bool is_known; /* there is a file of it */
	bool is_masked;
	struct unit_setting *settings;
	size_t count;
};

/* Reads everything about unit->name. Returns 0; -1, with a word on standard error, when a file
 * cannot be read. */
int unit_read(struct unit *unit);

/* Where our drop-in belongs: the directory, and the file in it. False: no such place (HOME). */
bool unit_drop_in_place(const struct unit *unit, char directory[PATH_MAX], char file[PATH_MAX]);

/* The last value of a setting, "" if there is none. */
const char *unit_value(const struct unit *unit, const char *key);

/* Whether the last value of a setting is a yes. */
bool unit_says_yes(const struct unit *unit, const char *key);

#endif
