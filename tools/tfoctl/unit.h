/* SPDX-License-Identifier: MIT */
/* What the files of tfoctl_unit*.c share: what is asked for, and what is to be said about it. */
#ifndef TFO_TOOLS_TFOCTL_UNIT_H
#define TFO_TOOLS_TFOCTL_UNIT_H

#include "unit_file.h"

#include <stdbool.h>
#include <stddef.h>

/* What the drop-in is to add to the environment. */
struct unit_variable {
	const char *name, *value;
};

struct unit_wish {
	const struct unit_variable *variables;
	size_t count;
	bool force; /* whatever the program is */
};

/* What the service itself gives a variable, in Environment=; NULL: nothing. *file is where,
 * *is_later whether that is read after our drop-in and so has the last word. Specifiers are as they
 * stand there. The caller frees. */
char *unit_environment(const struct unit *unit, const char *name, const char **file,
		       bool *is_later);

/* Whether the drop-in would do what it is for. If not, says why on standard error; what may be in
 * its way is said, too, but does not make it false. */
bool unit_judge(const struct unit *unit, const struct unit_wish *wish);

#endif
