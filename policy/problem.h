/* SPDX-License-Identifier: MIT */
/* Filling in a policy_problem. Inside the policy room only. */
#ifndef TFO_POLICY_PROBLEM_H
#define TFO_POLICY_PROBLEM_H

#include "policy.h"
#include "text.h"

/* A piece of a line. */
struct span {
	const char *at;
	size_t length;
};

/* A problem with a file as a whole; returns the empty sentence, to be written by the caller. */
struct text problem_with_file(struct policy_problem *problem, const char *file);

/* The same for a place in a line: `span` lies in `line` (or just behind it, with length 0). */
struct text problem_in_line(struct policy_problem *problem, const char *file, unsigned int number,
			    struct span line, struct span span);

#endif
