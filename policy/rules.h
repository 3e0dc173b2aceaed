/* SPDX-License-Identifier: MIT */
/* What a policy is made of. Inside the policy room only. */
#ifndef TFO_POLICY_RULES_H
#define TFO_POLICY_RULES_H

#include "arena.h"
#include "policy.h"

struct policy {
	struct arena arena; /* everything lives here, this struct too */
	struct policy_rule *first, *last;
	unsigned int count;
	bool has_names;
};

#endif
