/* SPDX-License-Identifier: MIT */
/*
 * Where programs wait for the server to speak first, a hold that only its deadline ends costs up to
 * a round trip, and a supervisor does not see them wait. So it notes where deadlines have passed,
 * and lets the SYN go at once there: with the cookie the server may still begin at once.
 */
#ifndef TFO_TOOLS_SUPERVISE_HABITS_H
#define TFO_TOOLS_SUPERVISE_HABITS_H

#include "shim/memory/place.h"

#include <stdbool.h>

/* A deadline has passed; a first write came in time. */
void habits_note_deadline(const union memory_address *address);
void habits_note_data(const union memory_address *address);

/* Whether the last holds there were in vain. */
bool habits_release_at_once(const union memory_address *address);

/* The same for a connection that is made now: one in some is held all the same, to see. */
bool habits_advise_release(const union memory_address *address);

#endif
