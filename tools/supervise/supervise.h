/* SPDX-License-Identifier: MIT */
/*
 * tfo-supervise: Fast Open for programs that make their system calls themselves (Go, static ones).
 * A seccomp filter stops their connect() and shutdown() and asks us; a connect() that a rule allows
 * we make in their place, on a descriptor of our own of the same socket. All else is theirs.
 *
 * The processes: the program keeps the process that tfo-run was, with its number, parent, terminal
 * and exit status, so that there is nothing to pass on. The supervisor is a process beside it; it
 * ends when the last process under the filter has. Above it sits the guard, which does nothing
 * unless the supervisor dies: without anybody to answer, connect() would fail with ENOSYS.
 *
 * One thread each. After the start nothing is allocated but by a policy that has changed.
 */
#ifndef TFO_TOOLS_SUPERVISE_H
#define TFO_TOOLS_SUPERVISE_H

/* ---- start.c: from tfo-run's process to a supervised one ---- */

/* From now on this process, and all that come from it, are supervised. Returns NULL, or why that
 * cannot be: then nothing has changed. Does not return if the process can go on neither way. */
const char *supervise_start(void);

/* What supervise_start() says where somebody has supervised this process already. */
extern const char supervise_nested[];

/* connect() of descriptor -1 with no address and this length: 0 says that there is a supervisor. */
#define SUPERVISE_QUESTION 0x74666f

/* Whether it can be done on this machine, as far as that is seen without doing it: NULL, or why
 * not. */
const char *supervise_trouble(void);

/* ---- serve.c ---- */

/* Answers until nobody is under the filter any more and the last handshake has ended. */
void serve(int listener);

/* Lets every call through; for the guard, when there is nobody else. */
void serve_plainly(int listener);

#endif
