/* SPDX-License-Identifier: MIT */
/*
 * Reading a payload from left to right. A payload is safe only if each prefix of it is, so a byte
 * may be refused for what came before it, never for what is missing behind it: running out of
 * bytes ends the scan as "truncated", which is fine. Inside the policy room only.
 */
#ifndef TFO_POLICY_SCAN_H
#define TFO_POLICY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_state { SCAN_GOING, SCAN_TRUNCATED, SCAN_REFUSED };

struct scan {
	const uint8_t *at, *end;
	enum scan_state state; /* leaves SCAN_GOING once and for all */
};

static inline bool scan_is_going(const struct scan *scan)
{
	return scan->state == SCAN_GOING;
}

/* Refuses unless the condition holds; means nothing once the scan has ended, so conditions may be
 * about bytes that were not there. */
static inline void scan_expect(struct scan *scan, bool condition)
{
	if (scan->state == SCAN_GOING && !condition)
		scan->state = SCAN_REFUSED;
}

/* The next byte without taking it, 0 when the scan has ended. */
static inline uint8_t scan_peek(struct scan *scan)
{
	if (scan->state == SCAN_GOING && scan->at == scan->end)
		scan->state = SCAN_TRUNCATED;
	return scan->state == SCAN_GOING ? *scan->at : 0;
}

static inline uint8_t scan_byte(struct scan *scan)
{
	uint8_t byte = scan_peek(scan);

	if (scan->state == SCAN_GOING)
		scan->at++;
	return byte;
}

/* Nothing may be behind what was read. */
static inline void scan_expect_end(struct scan *scan)
{
	scan_expect(scan, scan->at == scan->end);
}

#endif
