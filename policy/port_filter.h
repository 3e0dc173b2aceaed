/* SPDX-License-Identifier: MIT */
/*
 * Which ports some rule allows anything at. It is asked before anything else of every connection,
 * most of which no rule names: so it costs three loads and a bit, and may say yes where it is no.
 */
#ifndef TFO_POLICY_PORT_FILTER_H
#define TFO_POLICY_PORT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* A row for each low byte of a port, in it a bit for its high byte modulo 32. */
struct port_filter {
	uint32_t rows[256];
};

extern const struct port_filter port_filter_of_none;

/* Every port from the first to the last. */
void port_filter_add(struct port_filter *filter, uint16_t first, uint16_t last);

/* Every port of the other one, too. */
void port_filter_join(struct port_filter *filter, const struct port_filter *other);

/* The port as it stands in a socket address, high byte first. Any thread, any signal handler. */
static inline bool port_filter_may_have(const struct port_filter *filter, const uint8_t port[2])
{
	return filter->rows[port[1]] >> (port[0] & 31) & 1;
}

#endif
