/* SPDX-License-Identifier: MIT */
/* File name patterns, without glob(3) and fnmatch(3): they allocate and ask the locale. Pure
 * functions. Inside the policy room only. */
#ifndef TFO_POLICY_GLOB_H
#define TFO_POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a name has any of * ? [ and so is a pattern. */
bool glob_is_pattern(const char *name, size_t length);

/*
 * Whether a file name matches: * is any run of bytes, ? one character (of UTF-8), [...] one byte of
 * a set, with ranges; [!...] and [^...] one byte outside of it. A [ that does not close stands for
 * itself, and so does a backslash. Names that begin with a dot match only patterns that do.
 */
bool glob_matches(const char *pattern, const char *name);

#endif
