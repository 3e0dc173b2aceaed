/* SPDX-License-Identifier: MIT */
/*
 * The real functions: the next definitions in link order, so that other preloads keep working.
 * next.write(...) may be called at any time, also before constructors have run: each pointer
 * starts at a stub that resolves it. Nothing here allocates memory for a function that exists.
 */
#ifndef TFO_SHIM_NEXT_H
#define TFO_SHIM_NEXT_H

#include <aio.h>
#include <execinfo.h>
#include <netdb.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <threads.h>
#include <utmp.h>
#include <wordexp.h>

#include "shim/functions.h"
#include "shim/hidden.h"

struct next_functions {
#define MEMBER(result, name, parameters, arguments) result(*name) parameters;
	FUNCTIONS_OF_NUMBERS(MEMBER)
	FUNCTIONS_AT_LEISURE(MEMBER)
	FUNCTIONS_OF_OTHERS(MEMBER)
	FUNCTIONS_OF_WORDS(MEMBER)
#undef MEMBER
};

/* Written by the resolver alone; a pointer is only ever replaced by the function it stands for. */
extern HIDDEN struct next_functions next;

/* Apart from the others: only assembly can call it. */
extern HIDDEN pid_t (*next_vfork)(void);

/* Resolves everything but FUNCTIONS_AT_LEISURE, so that no later call does it at a bad moment (a
 * signal handler, a child of a threaded process). Called once by the constructor. */
void next_resolve(void);

/* Whether connect(2) is libc's own: another library may connect elsewhere (a proxy), and must be
 * asked when the program connects. Known once everything is resolved. */
extern HIDDEN bool next_connect_is_libcs;

/* The same of socket(2): another library may make it MPTCP. */
extern HIDDEN bool next_socket_is_libcs;

/* at_quick_exit(3). Called by a constructor. */
void next_at_quick_exit(void (*handler)(void));

/* Exported to the host. Everything else is hidden. */
#define INTERPOSER __attribute__((visibility("default")))

/* Another name for a function that is defined in the same file; see FUNCTION_ALIASES. */
#define INTERPOSER_ALIAS(other, name)                                                              \
	extern INTERPOSER __typeof(name) other __attribute__((alias(#name)))

/* A variadic function that takes words finds them where one that names them does (System V ABI for
 * x86-64 and for AArch64), and then no list has to be made of them. So it may be defined as
 * words_of_NAME: NAME is in the headers as a variadic one. Only where all are in registers: what
 * was not passed may be read, but its place on the stack is somebody else's. */
#define INTERPOSER_OF_WORDS(name)                                                                  \
	extern INTERPOSER __typeof(*next.name) words_of_##name __asm__(#name)
#define INTERPOSER_ALIAS_OF_WORDS(other, name)                                                     \
	extern INTERPOSER __typeof(words_of_##name) other __attribute__((alias(#name)))

/* Prototypes for the definitions, where the system's headers have none. */
#define PROTOTYPE(result, name, parameters, arguments) INTERPOSER result name parameters;
FUNCTIONS_OF_NUMBERS(PROTOTYPE)
FUNCTIONS_AT_LEISURE(PROTOTYPE)
#undef PROTOTYPE

#endif
