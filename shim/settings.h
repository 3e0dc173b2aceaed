/* SPDX-License-Identifier: MIT */
/*
 * What the environment asked for when the process started, and the policy that follows from it.
 * The values are copies: programs overwrite their environment (setproctitle) or clear it.
 */
#ifndef TFO_SHIM_SETTINGS_H
#define TFO_SHIM_SETTINGS_H

#include <stdatomic.h>
#include <time.h>

#include "policy/policy.h"
#include "shim/hidden.h"

struct settings {
	const char *policy;	     /* TFO_POLICY, or NULL */
	const char *rules;	     /* TFO_RULES, or NULL */
	const char *xdg_config_home; /* XDG_CONFIG_HOME, or NULL */
	const char *home;	     /* HOME, or NULL */
	const char *program;	     /* base name of what was executed, as ps shows it */
	const char *hold;	     /* TFO_HOLD: "kernel", "user", or NULL to find out */
	const char *log;	     /* TFO_LOG: "stderr", an absolute path, or NULL for silence */
};

extern HIDDEN struct settings settings;

/* Reads the environment; called once by the constructor. A privileged program (AT_SECURE) has an
 * empty one as far as this library is concerned. */
void settings_read(void);

/* What is no setting is said, and dropped; called once, when the log is open. */
void settings_check(void);

/* For the two below. */
extern HIDDEN _Atomic(const struct port_filter *) settings_allowed_ports;
extern HIDDEN _Atomic(time_t) settings_looked_s;

/* Whether the policy was looked at in this second. The clock on the wall is the cheapest one there
 * is; it may be set back, so that only another second counts, and not a later one. */
static inline bool settings_are_of_this_second(void)
{
	return time(NULL) == atomic_load_explicit(&settings_looked_s, memory_order_acquire);
}

/* False if the policy in force allows nothing at a port, which is given as it stands in a socket
 * address; true may mean anything. For all the connections that no rule names: it costs some dozen
 * instructions, most of them for the clock. Any thread, any signal handler. Keeps errno. */
static inline bool settings_may_allow(const uint8_t port[2])
{
	return port_filter_may_have(
		       atomic_load_explicit(&settings_allowed_ports, memory_order_acquire), port) ||
	       !settings_are_of_this_second();
}

/* The policy in force, read at the first call, and again when its file has changed: looked at once
 * in every second in which somebody asks. NULL while it is read for the first time, and as long as
 * none has been good: then nothing is allowed. A bad new one leaves the old one in force. Any
 * thread, any signal handler. Keeps errno. */
const struct policy *settings_policy(void);

/* In the child of a fork: a thread that was reading the policy is not there. */
void settings_after_fork(void);

#endif
