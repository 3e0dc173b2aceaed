/* SPDX-License-Identifier: MIT */
/*
 * What follows from how a connection fared: pure functions, no clock and no memory of their own.
 * A strike is given for what costs time or breaks a connection; two of them suspend a destination,
 * and after a suspension one is enough.
 */
#ifndef TFO_SHIM_MEMORY_JUDGE_H
#define TFO_SHIM_MEMORY_JUDGE_H

#include "shim/memory/destinations.h"

/* The longest suspension. */
#define SUSPENSION_MOST_S 86400u

/* A destination's standing: one word in the file, so that it changes as a whole. */
struct standing {
	uint8_t strikes;
	uint8_t level;	    /* suspensions since the last success: each doubles the next */
	uint8_t reason;	    /* enum memory_reason of the last strike */
	uint8_t asked;	    /* cookies asked for in a row without getting one */
	uint8_t misses;	    /* one bit a SYN with data, the last 8: 1 not acknowledged */
	uint8_t miss_count; /* how many of the bits count */
};

struct judgement {
	struct standing standing;
	bool suspend;		/* from now on */
	uint32_t suspend_for_s; /* if suspend */
	bool suspicious_path;	/* the suspension says something about the path, not the server */
};

/* Whether data that rode in the SYN came to an established connection; and whether it was there a
 * round trip earlier than it would have been. */
bool carried_data(const struct experience *experience);
bool saved_round_trip(const struct experience *experience);

/* `base_s`: the first suspension, in seconds. */
struct judgement judge(struct standing standing, const struct experience *experience,
		       uint32_t base_s);

#endif
