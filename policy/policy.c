/* SPDX-License-Identifier: MIT */
/* A policy's life and its plain questions. Reading is in parse.c, deciding in decide.c. */
#include "index.h"
#include "rules.h"

/* So many rules are asked one by one as quickly as by the index. */
#define SCANNED_MOST 32

struct policy *policy_new(void)
{
	struct arena arena = {0};
	struct policy *policy = arena_take(&arena, sizeof(*policy));

	if (policy) {
		policy->arena = arena;
		policy->named_denial = POLICY_NO_DENIAL;
	}
	return policy;
}

void policy_free(struct policy *policy)
{
	struct arena arena;

	if (!policy)
		return;
	arena = policy->arena; /* the policy goes with its arena */
	arena_free(&arena);
}

void policy_listen(struct policy *policy, const struct policy_listener *listener)
{
	policy->listener = listener;
}

const struct policy_rule *policy_first_rule(const struct policy *policy)
{
	return policy ? policy->first : NULL;
}

const struct policy_rule *policy_first_listen_rule(const struct policy *policy)
{
	return policy ? policy->first_listen : NULL;
}

void policy_append_listen_rule(struct policy *policy, struct policy_rule *rule)
{
	rule->policy = policy;
	rule->position = policy->listen_count++;
	if (policy->last_listen)
		policy->last_listen->next = rule;
	else
		policy->first_listen = rule;
	policy->last_listen = rule;
}

bool policy_has_listen_rules(const struct policy *policy)
{
	while (policy && !policy->first_listen)
		policy = policy->behind;
	return policy != NULL;
}

const struct port_filter *policy_allowed_ports(const struct policy *policy)
{
	return policy ? &policy->allowed_ports : &port_filter_of_none;
}

bool policy_has_names(const struct policy *policy)
{
	while (policy && !policy->has_names)
		policy = policy->behind;
	return policy != NULL;
}

bool policy_has_programs(const struct policy *policy)
{
	while (policy && !policy->has_programs)
		policy = policy->behind;
	return policy != NULL;
}

bool policy_rule_allows_supervision(const struct policy_rule *rule)
{
	return rule->verb == POLICY_ALLOW && rule->supervise && rule->max_bytes == 0;
}

void policy_index(struct policy *policy)
{
	if (policy->count > SCANNED_MOST && !policy->index)
		index_build(policy);
}
