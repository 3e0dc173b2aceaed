/* SPDX-License-Identifier: MIT */
/*
 * Finds the functions that glibc kept in libdl and libpthread until 2.34. The library does not name
 * those two as needed: a small image may have libc alone, and then no program with the library in
 * it would start.
 */
#ifndef TFO_SHIM_FIND_H
#define TFO_SHIM_FIND_H

#include <pthread.h>

#include "shim/hidden.h"

/* The next definition of `name` in link order, or NULL: dlsym(3) with RTLD_NEXT. */
void *find_next(const char *name);

/* Of pthreads(7). All are NULL where there is no libpthread: then there is no thread to be had. */
struct thread_functions {
	int (*create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
		      void *argument);
	int (*set_stack_size)(pthread_attr_t *attributes, size_t bytes);
	void (*test_cancel)(void);
};
extern HIDDEN struct thread_functions threads;

/* Fills in `threads`. Called once, by the constructor: an old glibc loads a library here, which is
 * not to be done in a signal handler. */
void find_threads(void);

#endif
