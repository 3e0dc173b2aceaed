/* SPDX-License-Identifier: MIT */
/* Why a rule speaks for a place or does not: decide.c with reasons, one rule at a time. */
#include "address.h"
#include "rules.h"

#include <string.h>

static bool has_port(const struct policy_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		if (port >= rule->ports[i].first && port <= rule->ports[i].last)
			return true;
	}
	return rule->port_count == 0;
}

static bool is_named(const struct policy_rule *rule, const char *name)
{
	size_t length = strlen(name), rule_length = strlen(rule->name);

	if (rule->destination == POLICY_HOST)
		return strcmp(name, rule->name) == 0;
	return length > rule_length && strcmp(name + length - rule_length, rule->name) == 0;
}

static enum policy_fit fit_network(const struct policy_rule *rule,
				   const struct policy_question *question)
{
	struct address address;

	if (!question->address)
		return POLICY_NEEDS_ADDRESS;
	if (!address_from_socket(&address, NULL, question->address, question->length) ||
	    !address_is_in(&address, rule->family, rule->network, rule->prefix_bits))
		return POLICY_OTHER_HOST;
	return POLICY_FITS;
}

enum policy_fit policy_rule_fit(const struct policy_rule *rule,
				const struct policy_question *question, uint16_t port)
{
	if (!has_port(rule, port))
		return POLICY_OTHER_PORT;
	if (rule->program && (!question->program || strcmp(rule->program, question->program) != 0))
		return POLICY_OTHER_PROGRAM;
	if (rule->destination == POLICY_ANY_HOST)
		return POLICY_FITS;
	if (rule->destination == POLICY_NETWORK)
		return fit_network(rule, question);
	if (!question->name)
		return POLICY_NEEDS_NAME;
	return is_named(rule, question->name) ? POLICY_FITS : POLICY_OTHER_HOST;
}
