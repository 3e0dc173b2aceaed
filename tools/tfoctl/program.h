/* SPDX-License-Identifier: MIT */
/* Whether LD_PRELOAD reaches a program, and if not, why. */
#ifndef TFO_TOOLS_TFOCTL_PROGRAM_H
#define TFO_TOOLS_TFOCTL_PROGRAM_H

#include "elf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum reach {
	REACH_YES,
	REACH_UNKNOWN, /* neither ELF nor a script, or it cannot be read: nothing speaks against it
			*/
	REACH_NO,
	REACH_CANNOT_RUN, /* its interpreter or its loader is missing */
};

struct program {
	enum reach reach;
	char file[PATH_MAX]; /* that runs in the end: a script's interpreter, else itself */
	bool is_script;	     /* so `file` is not what was asked about */
	struct elf elf;	     /* of that file */
	char why[2 * PATH_MAX + 128]; /* of REACH_NO and REACH_CANNOT_RUN: the end of a sentence,
					 printable, behind the program's name and ": " */
	bool is_privileged;	      /* REACH_NO because it gains privileges */
	bool is_supervisable;	      /* REACH_NO, but a supervisor reaches it */
	const char *remedy;	      /* what to do about it, a sentence; NULL if nothing */
};

/* Who runs it: privileges that are not new to him are no reason. */
struct runner {
	uid_t user;
	gid_t group;
	bool gains_nothing; /* whatever the file says: no_new_privs */
};

/* Looks at the program of this path, as this user would run it. Follows scripts to their
 * interpreters as the kernel does. */
void program_examine_for(const char *path, const struct runner *runner, struct program *program);

/* The same for the user who asks. */
void program_examine(const char *path, struct program *program);

/* The program that a search of PATH finds for a command; one with a slash is a path already. False
 * if there is none. */
bool program_find(const char *command, char *path, size_t size);

#endif
