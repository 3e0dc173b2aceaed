/* SPDX-License-Identifier: MIT */
/*
 * Whether memory that a program names can be read. The kernel answers a bad pointer with EFAULT;
 * whoever looks before the kernel does must not die of it.
 */
#ifndef TFO_SHIM_READABLE_H
#define TFO_SHIM_READABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asks the kernel, page by page (futex(2) with nobody to wake reads a word and does nothing else;
 * every sandbox allows it). For paths that are taken once a connection. Any thread, any signal
 * handler; keeps errno. */
bool is_readable(const void *memory, size_t size);

/* Without asking: whether a pointer is one that no program can mean. */
static inline bool is_absurd(const void *memory)
{
	return (intptr_t)memory < 4096;
}

#endif
