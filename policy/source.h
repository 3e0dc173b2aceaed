/* SPDX-License-Identifier: MIT */
/*
 * The files and directories that a policy was read from: whether they are still what they were.
 * Async-signal-safe. Inside the policy room only.
 */
#ifndef TFO_POLICY_SOURCE_H
#define TFO_POLICY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct policy;

/* What was looked for and is not there has no inode. */
struct source {
	const char *path; /* absolute, if the working directory could be told */
	uint64_t device, inode, size, modified_ns, changed_ns; /* of stat(2), before it was read */
	bool is_directory;
	struct source *next;
};

/* Remembers that the policy was read from a file or directory whose stat(2), taken before, was
 * this; NULL: that it was not there. False: no memory. */
bool source_add(struct policy *policy, const char *path, const struct stat *status);

/* Whether nothing has happened to it since. */
bool source_is_unchanged(const struct source *source);

/* The same for a source of an image, which may have been copied together with its files: then size,
 * time of modification and `hash`, of a file's bytes, tell, and the source becomes what it is now.
 */
bool source_is_the_same(struct source *source, uint64_t hash);

/* A hash of a file's bytes; 0 for a directory and for what cannot be read. */
uint64_t source_hash(const struct source *source);

#endif
