/* SPDX-License-Identifier: MIT */
/*
 * Whose files may say what is allowed: those that nobody can write to but root or the effective
 * user. Inside the policy room only.
 */
#ifndef TFO_POLICY_TRUST_H
#define TFO_POLICY_TRUST_H

#include "problem.h"

#include <sys/stat.h>

/* Refuses a file or directory that others could change: 0, or -1 with the problem filled in. `path`
 * is only for the message and for telling what lies in /etc. Async-signal-safe. */
int trust_check(const struct stat *status, const char *path, struct policy_problem *problem);

#endif
