/* SPDX-License-Identifier: MIT */
/* What closing means for a tracked socket, for the doors by which descriptors are closed. */
#ifndef TFO_SHIM_INTERPOSE_CLOSE_H
#define TFO_SHIM_INTERPOSE_CLOSE_H

#include <stdbool.h>

/* fd is about to be closed by the program: a hold is released, a handshake in flight is seen
 * through by the keeper. False: the number is the keeper's own, and nothing of the program's. Keeps
 * errno. */
bool before_close(int fd);

/* `target` is about to be replaced (dup2): the same, and a number of the keeper's is vacated. */
void before_replacement(int target);

/* The process is about to end: holds go, and handshakes that the program counts on are seen
 * through. */
void before_exit(void);

#endif
