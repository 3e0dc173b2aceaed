/* SPDX-License-Identifier: MIT */
/* The bytes of a file, checked and read whole. Inside the policy room only. */
#ifndef TFO_POLICY_CONTENT_H
#define TFO_POLICY_CONTENT_H

#include "problem.h"
#include "rules.h"

#define CONTENT_MOST ((size_t)16 * 1024 * 1024) /* of a file, and of all that a policy includes */

struct content {
	char *bytes;
	size_t length;
	size_t mapped; /* bytes in memory */
	uint64_t device, inode;
	bool is_missing; /* it could not be read because it is not there */
};

/*
 * Reads a regular file that trust.h trusts, and notes it among the policy's sources. Returns 0, or
 * -1 with the problem filled in; either way content_free() follows. Async-signal-safe.
 */
int content_read(struct content *content, struct policy *policy, const char *path,
		 struct policy_problem *problem);

void content_free(struct content *content);

/* Opens for reading without waiting for anybody: a descriptor, or -1 with errno. */
int content_open(const char *path, int flags);

/* Refuses a file because of errno: "what" and the reason in words. Always -1. */
int content_refuse_errno(struct policy_problem *problem, const char *path, const char *what,
			 int error);

/* Refuses it for another reason. Always -1. */
int content_refuse(struct policy_problem *problem, const char *path, const char *what);

#endif
