/* SPDX-License-Identifier: MIT */
/* The policy in force. */
#include "policy.h"

#include "say.h"
#include "target.h"

#include "shim/clock.h"
#include "shim/memory/destinations.h"
#include "shim/memory/tally.h"

#include <limits.h>
#include <stdlib.h>

#define LOOK_NS NS_PER_S

static struct policy *in_force;
static uint64_t look_again_ns;

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void read_policy(void)
{
	struct policy_problem problem;
	struct policy *policy = policy_open(setting("TFO_POLICY"), setting("TFO_RULES"),
					    setting("XDG_CONFIG_HOME"), setting("HOME"), &problem);

	/* One that is replaced stays in memory: connections go on under its rules. */
	if (policy)
		in_force = policy;
	else
		say_policy_refused(&problem, in_force != NULL);
}

void policy_prepare(void)
{
	memory_configure(setting("TFO_STATE"), setting("XDG_RUNTIME_DIR"));
	tally_open(setting("TFO_SUMMARY"));
	memory_paused_until(); /* opens it now: later there may be no memory for that */
	say_open(setting("TFO_LOG"));
	read_policy();
	look_again_ns = clock_now_ns() + LOOK_NS;
}

static void look_for_change(void)
{
	uint64_t now = clock_now_ns();

	if (now < look_again_ns)
		return;
	if (!in_force || !policy_is_current(in_force, setting("TFO_POLICY"),
					    setting("XDG_CONFIG_HOME"), setting("HOME")))
		read_policy();
	look_again_ns = now + LOOK_NS;
}

const struct policy_rule *policy_ask(pid_t thread, const struct sockaddr *address, socklen_t length,
				     const char **why_not)
{
	static char program[NAME_MAX + 1];
	struct policy_question question = {.address = address, .length = length};
	const struct policy_rule *rule;

	look_for_change();
	*why_not = NULL;
	if (policy_has_programs(in_force)) {
		/* Without it a rule that denies might be missed. */
		if (!target_program(thread, program, sizeof(program))) {
			*why_not = "plain: what the program is called cannot be seen";
			return NULL;
		}
		question.program = program;
	}
	rule = policy_decide_unnamed(in_force, &question);
	if (!rule && policy_decide(in_force, &question))
		*why_not = "plain: a deny rule with a host name comes before the one that allows "
			   "it, and names are not known to a supervisor";
	else if (!rule || rule->verb != POLICY_ALLOW)
		*why_not = "plain";
	else if (!policy_rule_allows_supervision(rule))
		*why_not = rule->max_bytes ? "plain: a supervisor cannot keep max="
					   : "plain: a supervisor does not see the payload, and "
					     "the rule has no supervise=yes";
	return rule;
}
