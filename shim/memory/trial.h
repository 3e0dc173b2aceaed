/* SPDX-License-Identifier: MIT */
/* Control groups: one record a rule in the memory's file. See memory_record_first_byte(). */
#ifndef TFO_SHIM_MEMORY_TRIAL_H
#define TFO_SHIM_MEMORY_TRIAL_H

#include <stdbool.h>

#include "shim/memory/file.h"

/* Whether the rule has lost against its control group lately. `now_s` as everywhere in the memory:
 * seconds of CLOCK_REALTIME. */
bool trial_is_suspended(struct memory_file *file, const char *rule, uint32_t now_s);

/* The end of a trial's suspension, 0 if it is not suspended. */
uint32_t trial_suspended_until(const struct memory_trial *trial, uint32_t now_s);

/* Notes one connection; suspends the rule for `suspend_s` if it has lost. */
void trial_note(struct memory_file *file, const char *rule, bool control, uint64_t us,
		uint32_t now_s, uint32_t suspend_s);

/* The median of a group in microseconds, and its size. */
uint32_t trial_median(const _Atomic(uint32_t) buckets[TRIAL_BUCKETS], uint32_t *count);

#endif
