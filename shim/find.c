/* SPDX-License-Identifier: MIT */
/* Finds what glibc kept apart from libc.so.6 until 2.34. musl never did. */
#include "shim/find.h"

#include <dlfcn.h>
#include <string.h>

/* They may be missing where this is loaded. */
#pragma weak dlsym
#pragma weak pthread_attr_setstacksize
#pragma weak pthread_create
#pragma weak pthread_testcancel

/* What an old glibc loads its own modules with (nsswitch, iconv); gone with 2.34. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
__attribute__((weak)) void *__libc_dlopen_mode(const char *name, int mode);
__attribute__((weak)) void *__libc_dlsym(void *library, const char *name);
/* NOLINTEND(bugprone-reserved-identifier) */

/* The mode that it asks for: __RTLD_DLOPEN of glibc's include/dlfcn.h. */
enum { LIBC_ASKS = (int)0x80000000 };

struct thread_functions threads;

static void *load(const char *library)
{
	return __libc_dlopen_mode && __libc_dlsym
		       ? __libc_dlopen_mode(library, RTLD_NOW | LIBC_ASKS)
		       : NULL;
}

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises the copy works. */
static void find_in(void *library, const char *name, void *pointer_to_function)
{
	void *found = library ? __libc_dlsym(library, name) : NULL;

	memcpy(pointer_to_function, &found, sizeof(found));
}

/* Without libdl the functions of libc are found all the same, if not other preloads'. */
static void *find_without_dlsym(const char *name)
{
	static void *(*found_dlsym)(void *, const char *);
	static void *libc;

	if (!found_dlsym && !libc) {
		find_in(load("libdl.so.2"), "dlsym", (void *)&found_dlsym);
		libc = load("libc.so.6");
	}
	if (found_dlsym)
		return found_dlsym(RTLD_NEXT, name);
	return libc ? __libc_dlsym(libc, name) : NULL;
}

void *find_next(const char *name)
{
	return dlsym ? dlsym(RTLD_NEXT, name) : find_without_dlsym(name);
}

void find_threads(void)
{
	void *libpthread;

	if (pthread_create && pthread_attr_setstacksize && pthread_testcancel) {
		threads.create = pthread_create;
		threads.set_stack_size = pthread_attr_setstacksize;
		threads.test_cancel = pthread_testcancel;
		return;
	}
	libpthread = load("libpthread.so.0");
	find_in(libpthread, "pthread_create", (void *)&threads.create);
	find_in(libpthread, "pthread_attr_setstacksize", (void *)&threads.set_stack_size);
	find_in(libpthread, "pthread_testcancel", (void *)&threads.test_cancel);
}
