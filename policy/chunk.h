/* SPDX-License-Identifier: MIT */
/*
 * Memory that is never given back, for what lives as long as the process: lock-free, so that
 * threads and signal handlers may take of it at any moment. Inside the policy room only.
 */
#ifndef TFO_POLICY_CHUNK_H
#define TFO_POLICY_CHUNK_H

#include <stddef.h>

/* Zeroed bytes, aligned for any object; `size` is far below 64 KiB. NULL: no memory. */
void *chunk_take(size_t size);

#endif
