/* SPDX-License-Identifier: MIT */
/*
 * The runtime: all that a container takes along, in one directory that can be copied anywhere.
 *   libtfo-preload.so  tfo-run  policy
 *   tfoctl  tfo-supervise  (static: the image may have another libc, or none)
 */
#ifndef TFO_TOOLS_TFOCTL_RUNTIME_H
#define TFO_TOOLS_TFOCTL_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct runtime_part {
	const char *name;
	mode_t mode;
};

/* In the order in which they are to be put into place: what people start comes last. */
extern const struct runtime_part runtime_parts[];
extern const size_t runtime_part_count;

#define RUNTIME_LIBRARY "libtfo-preload.so"
#define RUNTIME_SCRIPT	"tfo-run"
#define RUNTIME_POLICY	"policy"
#define RUNTIME_TFOCTL	"tfoctl"

/* Finds the runtime that this tfoctl is part of, or was built or installed with; an absolute path.
 * False, with the reason said, if there is none, or `size` (give PATH_MAX) is too small. */
bool runtime_find(char *directory, size_t size);

/* Whether the directory has all parts. Says which one is missing. */
bool runtime_is_whole(const char *directory);

#endif
