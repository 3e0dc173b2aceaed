/* SPDX-License-Identifier: MIT */
/* What the fast path of every door is made of: a load, a branch and a jump. */
#ifndef TFO_SHIM_HIDDEN_H
#define TFO_SHIM_HIDDEN_H

/* A variable of this library alone: reached without the global offset table. */
#define HIDDEN __attribute__((visibility("hidden")))

/* What a door does for a tracked socket stands in a function of its own, so that the door itself
 * needs no frame. */
#define SLOW_PATH __attribute__((noinline, cold))

/* A function that needs a frame, where the door before it mostly does without. */
#define NO_INLINE __attribute__((noinline))

/* A variadic door reads as many words as its function may have, whether they were passed or not. */
#define READS_UNPASSED_WORDS __attribute__((no_sanitize("address")))

#endif
