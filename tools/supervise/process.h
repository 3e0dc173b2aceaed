/* SPDX-License-Identifier: MIT */
/* The supervisor's processes: how they come to be beside the program, and what they keep. */
#ifndef TFO_TOOLS_SUPERVISE_PROCESS_H
#define TFO_TOOLS_SUPERVISE_PROCESS_H

#include <stdbool.h>

/* Where the command line lies, which the new processes do not share: who looks for the program by
 * that (pkill -f) must not find them. Called first. */
void process_remember_words(int count, char **words);

/* As fork(2), but the new process is not a child of this one (a program that waits for all its
 * children must not wait for it), is in a session of its own, and cannot be interrupted. */
int process_leave_behind(void);

/* Closes what was inherited, but for these two, which may get other numbers, and, if it is written
 * to, standard error. */
void process_leave_all_but(int *one, int *other);

/* Stays in memory, as far as that is permitted, and is the last to be killed for want of it. */
void process_hold_on(void);

/* Makes the supervisor and goes on in it: true. False in the guard, when the supervisor has died,
 * and not of its own will; when that ends in order, so does the guard. */
bool process_is_watched(void);

#endif
