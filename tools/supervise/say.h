/* SPDX-License-Identifier: MIT */
/* What the supervisor says, and only when asked to (TFO_LOG): one line a decision, in the form of
 * the library's. */
#ifndef TFO_TOOLS_SUPERVISE_SAY_H
#define TFO_TOOLS_SUPERVISE_SAY_H

#include "policy/policy.h"

#include <stdbool.h>

/* `where` is TFO_LOG: "stderr", an absolute path, or NULL for silence. */
void say_open(const char *where);

/* Whether standard error is written to, and so must stay open. */
bool say_is_on_stderr(void);

void say_policy_refused(const struct policy_problem *problem, bool another_stays_in_force);

/* Of a connection. `rule` may be NULL. */
void say_connection(const struct sockaddr *address, const struct policy_rule *rule,
		    const char *what);

/* The same of one that was held for `held_ns`, or until its first write, whenever that was. */
#define SAY_UNTIL_WRITE UINT64_MAX
void say_held(const struct sockaddr *address, const struct policy_rule *rule, uint64_t held_ns,
	      const char *what);

/* Of the supervisor itself. */
void say_line(const char *what);

#endif
