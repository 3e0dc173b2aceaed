/* SPDX-License-Identifier: MIT */
/* What the verbs of `tfoctl policy` share. */
#ifndef TFO_TOOLS_TFOCTL_POLICY_H
#define TFO_TOOLS_TFOCTL_POLICY_H

#include "json.h"
#include "policy/policy.h"

#include <stdbool.h>

/* The policy of a file, or, with NULL, the one in force, read from text. A listener may be NULL.
 * Without one: NULL, with the problem printed, if the policy is bad. With one: what could be read;
 * *bad says whether it had any problem. */
struct policy *load_policy(const char *file, const struct policy_listener *listener, bool *bad);

/* For connections and for servers. */
unsigned int count_rules(const struct policy *policy);

/* Whether the policy in force is a good one. What is wrong with it is printed; warnings are not. */
bool policy_is_good(void);

/* The members of an object that describe a rule. */
void json_rule(struct json *json, const struct policy_rule *rule);

/* The columns of a rule in its normal form; "" for one that it does not have. */
enum rule_column { RULE_VERB, RULE_DESTINATION, RULE_PORTS, RULE_PAYLOAD, RULE_OPTIONS };
#define RULE_COLUMNS 5
struct rule_columns {
	char text[POLICY_RULE_TEXT];
	const char *columns[RULE_COLUMNS];
};
void cut_rule(struct rule_columns *cut, const struct policy_rule *rule);

/*
 * Looks for rules that say something else than they seem to: that can never match because rules
 * before them decide for all they name, or that let anything ride to servers that speak first or
 * speak TLS. Calls `warn` for each, in the order of the rules. About as long as reading took.
 */
typedef void rule_warning(const struct policy_rule *rule, const char *sentence, void *context);
void find_rule_warnings(const struct policy *policy, rule_warning *warn, void *context);

#endif
