/* SPDX-License-Identifier: MIT */
/* The environment and the policy. Nothing here acts on sockets. */
#include "shim/settings.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "policy/arena.h"
#include "shim/clock.h"
#include "shim/log.h"
#include "shim/memory/destinations.h"
#include "shim/memory/tally.h"

struct settings settings;

/* How often the policy is looked at for a change; less often when it was bad. */
#define LOOK_NS		(1 * NS_PER_S)
#define REFUSED_LOOK_NS (5 * NS_PER_S)

static struct arena environment_copies;
static _Atomic(const struct policy *) in_force;
static _Atomic(uint64_t) look_again_ns; /* UINT64_MAX: somebody is at it */

static const char *copy_of(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		return NULL;
	return arena_copy(&environment_copies, value, strlen(value));
}

/* The name under which it was executed, not the file behind a link: /proc/self/comm, uncut. */
static const char *program_name(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path)
		return NULL;
	path = slash ? slash + 1 : path;
	return arena_copy(&environment_copies, path, strlen(path));
}

void settings_read(void)
{
	/* Not of the environment: a rule for a program holds for a privileged one as well. */
	settings = (struct settings){.program = program_name()};
	if (getauxval(AT_SECURE))
		return;
	settings = (struct settings){
		.policy = copy_of("TFO_POLICY"),
		.rules = copy_of("TFO_RULES"),
		.xdg_config_home = copy_of("XDG_CONFIG_HOME"),
		.home = copy_of("HOME"),
		.program = settings.program,
		.hold = copy_of("TFO_HOLD"),
		.log = copy_of("TFO_LOG"),
	};
	memory_configure(copy_of("TFO_STATE"), copy_of("XDG_RUNTIME_DIR"));
	tally_open(getenv("TFO_SUMMARY"));
}

void settings_check(void)
{
	if (!settings.hold || strcmp(settings.hold, "kernel") == 0 ||
	    strcmp(settings.hold, "user") == 0)
		return;
	log_hold_unknown(settings.hold);
	settings.hold = NULL;
}

/* Says what is wrong, but not again as long as it is the same. */
static void refuse(const struct policy_problem *problem)
{
	static char said[1024];
	char text[sizeof(said)];

	policy_problem_text(problem, text, sizeof(text));
	if (strcmp(text, said) == 0)
		return;
	memcpy(said, text, sizeof(said));
	log_policy_refused(text, atomic_load(&in_force) != NULL);
}

/* By one thread at a time. A policy that was replaced stays in memory: connections go on under its
 * rules. */
static bool read_policy(void)
{
	struct policy_problem problem;
	const struct policy *policy = policy_open(
		settings.policy, settings.rules, settings.xdg_config_home, settings.home, &problem);

	if (policy)
		atomic_store_explicit(&in_force, policy, memory_order_release);
	else
		refuse(&problem);
	return policy;
}

/* Reads the policy if it is not the one in force any more; returns when to look again. */
static uint64_t look_for_change(uint64_t now)
{
	const struct policy *policy = atomic_load_explicit(&in_force, memory_order_acquire);

	if (policy &&
	    policy_is_current(policy, settings.policy, settings.xdg_config_home, settings.home))
		return now + LOOK_NS;
	return now + (read_policy() ? LOOK_NS : REFUSED_LOOK_NS);
}

const struct policy *settings_policy(void)
{
	int saved = errno;
	uint64_t now = clock_coarse_ns(), due = atomic_load(&look_again_ns);

	/* Whoever comes while it is being read (another thread, a signal handler) does with what
	 * there is: waiting could be waiting for oneself. */
	if (now >= due && atomic_compare_exchange_strong(&look_again_ns, &due, UINT64_MAX))
		atomic_store(&look_again_ns, look_for_change(now));
	errno = saved;
	return atomic_load_explicit(&in_force, memory_order_acquire);
}

void settings_after_fork(void)
{
	uint64_t reading = UINT64_MAX;

	atomic_compare_exchange_strong(&look_again_ns, &reading, 0);
}
