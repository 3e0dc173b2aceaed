/* SPDX-License-Identifier: MIT */
/* The environment and the policy. Nothing here acts on sockets. */
#include "shim/settings.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "policy/arena.h"
#include "shim/log.h"
#include "shim/memory/destinations.h"

struct settings settings;

static struct arena environment_copies;

static const char *copy_of(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		return NULL;
	return arena_copy(&environment_copies, value, strlen(value));
}

void settings_read(void)
{
	if (getauxval(AT_SECURE))
		return;
	settings = (struct settings){
		.policy = copy_of("TFO_POLICY"),
		.rules = copy_of("TFO_RULES"),
		.xdg_config_home = copy_of("XDG_CONFIG_HOME"),
		.home = copy_of("HOME"),
		.hold = copy_of("TFO_HOLD"),
		.log = copy_of("TFO_LOG"),
	};
	memory_configure(copy_of("TFO_STATE"), copy_of("XDG_RUNTIME_DIR"));
}

void settings_check(void)
{
	if (!settings.hold || strcmp(settings.hold, "kernel") == 0 ||
	    strcmp(settings.hold, "user") == 0)
		return;
	log_hold_unknown(settings.hold);
	settings.hold = NULL;
}

static const struct policy *read_policy(void)
{
	struct policy_problem problem;
	char text[1024];
	const struct policy *policy = policy_load(
		settings.policy, settings.rules, settings.xdg_config_home, settings.home, &problem);

	if (!policy) {
		policy_problem_text(&problem, text, sizeof(text));
		log_policy_refused(text);
	}
	return policy;
}

const struct policy *settings_policy(void)
{
	static _Atomic(const struct policy *) in_force;
	static _Atomic(bool) begun;
	const struct policy *policy = atomic_load_explicit(&in_force, memory_order_acquire);
	int saved = errno;

	/* Whoever comes while it is being read (another thread, a signal handler) does without it:
	 * waiting could be waiting for oneself. */
	if (policy || atomic_exchange(&begun, true))
		return policy;
	policy = read_policy();
	atomic_store_explicit(&in_force, policy, memory_order_release);
	errno = saved;
	return policy;
}
