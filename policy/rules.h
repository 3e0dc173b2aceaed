/* SPDX-License-Identifier: MIT */
/* What a policy is made of. Inside the policy room only. */
#ifndef TFO_POLICY_RULES_H
#define TFO_POLICY_RULES_H

#include "arena.h"
#include "policy.h"

/* A file or directory that a policy was read from, as it was then. */
struct source {
	const char *path;
	uint64_t device, inode, size, modified_ns, changed_ns; /* of stat(2), before it was read */
	struct source *next;
};

struct policy {
	struct arena arena; /* everything lives here, this struct too */
	struct policy_rule *first, *last;
	unsigned int count;
	bool has_names;
	struct source *sources; /* in no order */
};

#endif
