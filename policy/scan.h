/* SPDX-License-Identifier: MIT */
/*
 * Reading a payload from left to right. A byte may be refused for what came before it, never for
 * what is missing behind it: running out of bytes ends the scan as "truncated". What was settled by
 * then is safe; before, it is too early to tell. Inside the policy room only.
 */
#ifndef TFO_POLICY_SCAN_H
#define TFO_POLICY_SCAN_H

#include "payload.h"

enum scan_state { SCAN_GOING, SCAN_TRUNCATED, SCAN_REFUSED };

struct scan {
	const uint8_t *at, *end;
	enum scan_state state; /* leaves SCAN_GOING once and for all */
	bool settled;	       /* what is asked is known: something that is safe to repeat */
};

static inline struct scan scan_of(const uint8_t *bytes, size_t length)
{
	return (struct scan){.at = bytes, .end = length ? bytes + length : bytes};
}

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

static inline void scan_skip(struct scan *scan, size_t bytes)
{
	size_t there = (size_t)(scan->end - scan->at);

	if (scan->state != SCAN_GOING)
		return;
	if (bytes > there)
		scan->state = SCAN_TRUNCATED;
	scan->at += bytes > there ? there : bytes;
}

static inline void scan_literal(struct scan *scan, const char *literal)
{
	for (; *literal; literal++)
		scan_expect(scan, scan_byte(scan) == (uint8_t)*literal);
}

/* Nothing may be behind what was read. */
static inline void scan_expect_end(struct scan *scan)
{
	scan_expect(scan, scan->at == scan->end);
}

/* Whether another command of a pipeline begins here. */
static inline bool scan_has_more(const struct scan *scan)
{
	return scan->state == SCAN_GOING && scan->at < scan->end;
}

/* From here on nothing that follows makes another request of this one. */
static inline void scan_settle(struct scan *scan)
{
	if (scan->state == SCAN_GOING)
		scan->settled = true;
}

static inline enum payload_verdict scan_verdict(const struct scan *scan)
{
	if (scan->state == SCAN_REFUSED)
		return PAYLOAD_REFUSED;
	return scan->settled ? PAYLOAD_SAFE : PAYLOAD_OPEN;
}

#endif
