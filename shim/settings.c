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
#include "shim/memory/tally.h"

struct settings settings;

/* The policy is looked at in every second in which somebody asks; one that was bad, again after so
 * many seconds. */
#define REFUSED_PAUSE_S 5

static struct arena environment_copies;
static _Atomic(const struct policy *) in_force;
static atomic_flag is_looking = ATOMIC_FLAG_INIT;
static uint64_t refused_s; /* when a policy was; 0: the last one was not */

static const struct port_filter every_port = {.rows = {[0 ... 255] = UINT32_MAX}};

_Atomic(const struct port_filter *) settings_allowed_ports = &port_filter_of_none;
_Atomic(time_t) settings_looked_s = INT64_MIN; /* never */

/* Most environments have room in a page that is written anyway. */
static const char *keep(const char *value)
{
	static char room[512];
	static size_t used;
	size_t size = strlen(value) + 1;
	char *copy = room + used;

	if (size > sizeof(room) - used)
		return arena_copy(&environment_copies, value, size - 1);
	used += size;
	return memcpy(copy, value, size);
}

static const char *copy_of(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? keep(value) : NULL;
}

/* The name under which it was executed, not the file behind a link: /proc/self/comm, uncut. */
static const char *program_name(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path)
		return NULL;
	return keep(slash ? slash + 1 : path);
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

/* Of what the operator wants to be told, nothing may be passed over. */
static void set_allowed_ports(const struct policy *policy)
{
	atomic_store_explicit(&settings_allowed_ports,
			      settings.log ? &every_port : policy_allowed_ports(policy),
			      memory_order_release);
}

void settings_check(void)
{
	set_allowed_ports(NULL);
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

/* A policy that was replaced stays in memory: connections go on under its rules. */
static void read_policy(uint64_t now_s)
{
	struct policy_problem problem;
	const struct policy *policy = policy_open(
		settings.policy, settings.rules, settings.xdg_config_home, settings.home, &problem);

	refused_s = policy ? 0 : now_s;
	if (!policy) {
		refuse(&problem);
		return;
	}
	atomic_store_explicit(&in_force, policy, memory_order_release);
	set_allowed_ports(policy);
}

/* Reads the policy if it is not the one in force any more. */
static void look_for_change(uint64_t now_s)
{
	const struct policy *policy = atomic_load_explicit(&in_force, memory_order_acquire);

	if (refused_s && now_s - refused_s < REFUSED_PAUSE_S)
		return;
	if (!policy ||
	    !policy_is_current(policy, settings.policy, settings.xdg_config_home, settings.home))
		read_policy(now_s);
}

/* Whoever comes while somebody is at it (another thread, a signal handler) does with what there is:
 * waiting could be waiting for oneself. */
static SLOW_PATH void look(void)
{
	time_t now = time(NULL);
	int saved = errno;

	if (atomic_flag_test_and_set(&is_looking))
		return;
	if (now != atomic_load(&settings_looked_s)) {
		look_for_change((uint64_t)now);
		atomic_store(&settings_looked_s, now);
	}
	atomic_flag_clear(&is_looking);
	errno = saved;
}

const struct policy *settings_policy(void)
{
	if (!settings_are_of_this_second())
		look();
	return atomic_load_explicit(&in_force, memory_order_acquire);
}

void settings_after_fork(void)
{
	atomic_flag_clear(&is_looking);
}
