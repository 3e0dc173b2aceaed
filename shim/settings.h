/* SPDX-License-Identifier: MIT */
/*
 * What the environment asked for when the process started, and the policy that follows from it.
 * The values are copies: programs overwrite their environment (setproctitle) or clear it.
 */
#ifndef TFO_SHIM_SETTINGS_H
#define TFO_SHIM_SETTINGS_H

#include "policy/policy.h"

struct settings {
	const char *policy;	     /* TFO_POLICY, or NULL */
	const char *rules;	     /* TFO_RULES, or NULL */
	const char *xdg_config_home; /* XDG_CONFIG_HOME, or NULL */
	const char *home;	     /* HOME, or NULL */
	const char *program;	     /* base name of what was executed, as ps shows it */
	const char *hold;	     /* TFO_HOLD: "kernel", "user", or NULL to find out */
	const char *log;	     /* TFO_LOG: "stderr", an absolute path, or NULL for silence */
};

extern struct settings settings;

/* Reads the environment; called once by the constructor. A privileged program (AT_SECURE) has an
 * empty one as far as this library is concerned. */
void settings_read(void);

/* What is no setting is said, and dropped; called once, when the log is open. */
void settings_check(void);

/* The policy in force, read at the first call, and again when its file has changed: looked at once
 * a second at the most. NULL while it is read for the first time, and as long as none has been
 * good: then nothing is allowed. A bad new one leaves the old one in force. Any thread, any signal
 * handler. Keeps errno. */
const struct policy *settings_policy(void);

/* In the child of a fork: a thread that was reading the policy is not there. */
void settings_after_fork(void);

#endif
