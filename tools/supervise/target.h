/* SPDX-License-Identifier: MIT */
/* Reaching into a process: its memory and its descriptors. As a debugger may (ptrace(2)). A process
 * is named by the thread that made a call; whether that still waits for its answer is to be asked
 * afterwards, since numbers are used again. */
#ifndef TFO_TOOLS_SUPERVISE_TARGET_H
#define TFO_TOOLS_SUPERVISE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of `size` bytes, or false. */
bool target_read(pid_t thread, uint64_t address, void *bytes, size_t size);

/* A descriptor of our own (O_CLOEXEC) of what the process has under that number; -1 if it cannot be
 * had. */
int target_take(pid_t thread, int fd);

/* The base name of what the process has executed, as it was named then; false if it cannot be had.
 */
bool target_program(pid_t thread, char *name, size_t size);

#endif
