/* SPDX-License-Identifier: MIT */
/* What the environment asks for, and what the policy says of a connection that is supervised. */
#ifndef TFO_TOOLS_SUPERVISE_POLICY_H
#define TFO_TOOLS_SUPERVISE_POLICY_H

#include "policy/policy.h"

#include <stdbool.h>
#include <sys/types.h>

/* Reads the environment, and the policy for the first time: what is wrong with it has been said by
 * tfo-run, and allows nothing here. */
void policy_prepare(void);

/* The rule that speaks for a destination, NULL if none does; *why_not is set to NULL if connections
 * under it may be held unseen, else to the reason. Reads a policy that has changed, looking for
 * that once a second at the most. */
const struct policy_rule *policy_ask(pid_t thread, const struct sockaddr *address, socklen_t length,
				     const char **why_not);

#endif
