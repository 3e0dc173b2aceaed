/* SPDX-License-Identifier: MIT */
/* Which rule speaks for a destination. Reads only what never changes: rules and learned names. */
#include "address.h"
#include "hostname.h"
#include "names.h"
#include "rules.h"

#include <string.h>

static bool ports_match(const struct policy_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		if (port >= rule->ports[i].first && port <= rule->ports[i].last)
			return true;
	}
	return rule->port_count == 0;
}

/* The suffix has its dot, so `.example.com` is not under itself nor above `badexample.com`. */
static bool is_under(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* A learned name outside ASCII (AI_IDN) may be any xn-- name: then a deny rule might mean it and
 * an allow rule might not. */
static bool name_matches(const struct policy_rule *rule, const char *name)
{
	if (!name)
		return false;
	if (hostname_is_foreign(name))
		return rule->verb == POLICY_DENY;
	return rule->destination == POLICY_HOST ? strcmp(name, rule->name) == 0
						: is_under(name, rule->name);
}

static bool destination_matches(const struct policy_rule *rule, const struct address *address,
				const char *name)
{
	switch (rule->destination) {
	case POLICY_ANY_HOST:
		return true;
	case POLICY_NETWORK:
		return address_is_in(address, rule->family, rule->network, rule->prefix_bits);
	case POLICY_HOST:
	case POLICY_SUFFIX:
		return name_matches(rule, name);
	}
	return false;
}

static const struct policy_rule *first_match(const struct policy *policy,
					     const struct address *address, uint16_t port,
					     const char *name)
{
	const struct policy_rule *rule = policy->first;

	while (rule && !(ports_match(rule, port) && destination_matches(rule, address, name)))
		rule = rule->next;
	return rule;
}

static bool same_class(const struct policy_rule *one, const struct policy_rule *other)
{
	if (one->payload != other->payload || one->prefix_length != other->prefix_length)
		return false;
	return one->payload != POLICY_PAYLOAD_PREFIX ||
	       memcmp(one->prefix, other->prefix, one->prefix_length) == 0;
}

static const struct policy_rule *narrower(const struct policy_rule *one,
					  const struct policy_rule *other)
{
	if (same_class(one, other))
		return one->position < other->position ? one : other;
	if (one->payload == POLICY_PAYLOAD_ANY)
		return other;
	return other->payload == POLICY_PAYLOAD_ANY ? one : NULL;
}

static const struct policy_rule *more_cautious(const struct policy_rule *one,
					       const struct policy_rule *other)
{
	if (one && one->verb == POLICY_DENY)
		return one;
	if (other && other->verb == POLICY_DENY)
		return other;
	return one && other ? narrower(one, other) : NULL;
}

const struct policy_rule *policy_decide(const struct policy *policy, const struct sockaddr *address,
					socklen_t length)
{
	const struct learned_name *name;
	const struct policy_rule *verdict;
	struct address plain;
	uint16_t port;

	if (!policy || !address_from_socket(&plain, &port, address, length))
		return NULL;
	if (!policy->has_names)
		return first_match(policy, &plain, port, NULL);
	name = names_next(address, length, NULL);
	if (!name)
		return names_overflowed() ? NULL : first_match(policy, &plain, port, NULL);
	verdict = first_match(policy, &plain, port, names_text(name));
	while ((name = names_next(address, length, name)))
		verdict =
			more_cautious(verdict, first_match(policy, &plain, port, names_text(name)));
	return verdict;
}
