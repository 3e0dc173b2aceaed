/* SPDX-License-Identifier: MIT */
/*
 * Calls by which a socket gets a second owner: duplicates, children, other programs, stdio. A held
 * socket is released first; a duplicate of one in flight is in flight too.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/interpose/close.h"
#include "shim/memory/recent.h"
#include "shim/next.h"
#include "shim/settings.h"
#include "shim/socket/emit.h"
#include "shim/socket/holds.h"
#include "shim/socket/keeper.h"
#include "shim/socket/release.h"

/* What has two numbers before it is connected would be held under one of them only: the other one
 * would be written to, closed and shut down without our knowing what it is. */
static void note_twins(int fd, int duplicate)
{
	union socket_address peer;
	socklen_t length = sizeof(peer);
	int saved = errno;

	if (hold_is_possible(fd) && next.getpeername(fd, &peer.any, &length) != 0 &&
	    table_is_ours()) {
		table_mark(fd, MARK_TWIN);
		table_mark(duplicate, MARK_TWIN);
	}
	errno = saved;
}

/* close, shutdown and exit are as dangerous to the new descriptor as to the old one; and the option
 * that makes the kernel hold sticks to both. */
static int follow_duplicate(int fd, int duplicate)
{
	struct tracking tracking = {0};
	struct tracked facts;

	if (duplicate < 0 || duplicate == fd)
		return duplicate;
	if (sockets_are_noted())
		tracking = table_find(fd);
	if (!tracking.socket && table_may_be_stream(fd)) {
		table_note_stream(duplicate);
		note_twins(fd, duplicate);
	}
	if (table_is_shared(fd))
		table_note_shared(duplicate);
	if (!tracking.socket || table_state(&tracking) == SOCKET_KEPT)
		return duplicate;
	facts = table_facts(tracking.socket);
	table_add(duplicate,
		  table_state(&tracking) == SOCKET_IN_FLIGHT ? SOCKET_IN_FLIGHT : SOCKET_WATCHED,
		  &facts);
	return duplicate;
}

/* A blocking connect() would have waited here at the latest; what is written to the duplicate, by
 * whoever has it, meets a connection. dup is no cancellation point. */
static void release_for_duplicate(int fd)
{
	int cancel_state;

	release_for_sharing(fd);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	handshake_await_usual(fd);
	pthread_setcancelstate(cancel_state, NULL);
}

/* Whether a duplicate is to be followed at all. */
static bool is_followed(int fd)
{
	return sockets_are_noted() || table_may_be_stream(fd);
}

static SLOW_PATH int dup_followed(int fd)
{
	if (sockets_are_noted())
		release_for_duplicate(fd);
	return follow_duplicate(fd, next.dup(fd));
}

INTERPOSER int dup(int fd)
{
	return is_followed(fd) ? dup_followed(fd) : next.dup(fd);
}

/* The target is closed by the call, if the call is going to succeed. */
static void before_replacing(int fd, int target)
{
	if (fd == target || next.fcntl(fd, F_GETFD, 0) < 0)
		return;
	release_for_duplicate(fd);
	before_replacement(target);
}

static SLOW_PATH int dup2_followed(int fd, int target)
{
	if (sockets_are_noted())
		before_replacing(fd, target);
	return follow_duplicate(fd, next.dup2(fd, target));
}

INTERPOSER int dup2(int fd, int target)
{
	return is_followed(fd) ? dup2_followed(fd, target) : next.dup2(fd, target);
}

static SLOW_PATH int dup3_followed(int fd, int target, int flags)
{
	if (sockets_are_noted())
		before_replacing(fd, target);
	return follow_duplicate(fd, next.dup3(fd, target, flags));
}

INTERPOSER int dup3(int fd, int target, int flags)
{
	return is_followed(fd) ? dup3_followed(fd, target, flags) : next.dup3(fd, target, flags);
}

static bool is_duplication(int command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

static SLOW_PATH int fcntl_duplicate(int fd, int command, long argument,
				     int (*real)(int fd, int command, long argument))
{
	if (sockets_are_noted())
		release_for_duplicate(fd);
	return follow_duplicate(fd, real(fd, command, argument));
}

INTERPOSER_OF_WORDS(fcntl);
int words_of_fcntl(int fd, int command, long argument)
{
	if (is_duplication(command))
		return fcntl_duplicate(fd, command, argument, next.fcntl);
	return next.fcntl(fd, command, argument);
}

INTERPOSER_OF_WORDS(fcntl64);
int words_of_fcntl64(int fd, int command, long argument)
{
	if (is_duplication(command))
		return fcntl_duplicate(fd, command, argument, next.fcntl64);
	return next.fcntl64(fd, command, argument);
}

/* stdio writes without telling us, now and later. */
INTERPOSER FILE *fdopen(int fd, const char *mode)
{
	FILE *stream;

	if (sockets_are_live())
		release_for_sending(fd, MSG_DONTWAIT);
	stream = next.fdopen(fd, mode);
	if (stream && socket_identity(fd))
		table_mark(fd, MARK_STREAM);
	return stream;
}

/* A child finds no held socket (release_for_child). What is in flight it knows as such; the keeper,
 * and the descriptors that are the keeper's, belong to the parent. */

static void close_orphan(int fd)
{
	next.close(fd);
}

static pid_t after_fork(pid_t pid)
{
	int saved = errno;

	if (pid == 0) {
		settings_after_fork();
		recent_after_fork();
		keeper_after_fork();
		table_after_fork(close_orphan);
	}
	errno = saved;
	return pid;
}

INTERPOSER pid_t fork(void)
{
	release_for_child();
	return after_fork(next.fork());
}

INTERPOSER pid_t _Fork(void)
{
	release_for_child();
	return after_fork(next._Fork());
}

INTERPOSER pid_t forkpty(int *terminal, char *name, const struct termios *attributes,
			 const struct winsize *size)
{
	release_for_child();
	return after_fork(next.forkpty(terminal, name, attributes, size));
}

/* A child that is no thread and has descriptors of its own, made by hand. Its pid differs, so for
 * it the table is read-only. */
INTERPOSER READS_UNPASSED_WORDS int clone(int (*run)(void *), void *stack, int flags,
					  void *argument, ...)
{
	va_list arguments;
	long parent, tls, child;

	va_start(arguments, argument);
	parent = va_arg(arguments, long);
	tls = va_arg(arguments, long);
	child = va_arg(arguments, long);
	va_end(arguments);
	if (!(flags & CLONE_THREAD)) {
		table_expect_sharer();
		release_for_child();
	}
	return next.clone(run, stack, flags, argument, parent, tls, child);
}

/* Some namespaces can only be entered by a process of one thread, and a private table of
 * descriptors leaves the keeper with the old one. */
static void before_private_namespace(void)
{
	int saved = errno;

	if (table_is_ours()) {
		if (sockets_are_live()) {
			release_all(SYN_PROGRAM_SHARES);
			handshakes_see_through_exec();
		}
		keeper_dismiss();
	}
	errno = saved;
}

INTERPOSER int unshare(int flags)
{
	before_private_namespace();
	return next.unshare(flags);
}

INTERPOSER int setns(int fd, int type)
{
	before_private_namespace();
	return next.setns(fd, type);
}

/* The parent ends inside: its sockets live on in the child. */
INTERPOSER int daemon(int keep_directory, int keep_streams)
{
	int result;

	release_for_child();
	if (sockets_are_live() && table_is_ours())
		handshakes_see_through_exec();
	result = next.daemon(keep_directory, keep_streams);
	if (!table_is_ours())
		after_fork(0);
	return result;
}

/* A program that starts another one: it gets copies of what does not close on exec, and could
 * reset a socket in flight (shutdown) without knowing. */
static void before_program(void)
{
	table_expect_sharer();
	release_for_child();
	if (sockets_are_live() && table_is_ours())
		handshakes_see_through_spawn();
}

INTERPOSER int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes, char *const arguments[],
			   char *const environment[])
{
	before_program();
	return next.posix_spawn(pid, path, actions, attributes, arguments, environment);
}

INTERPOSER int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attributes, char *const arguments[],
			    char *const environment[])
{
	before_program();
	return next.posix_spawnp(pid, file, actions, attributes, arguments, environment);
}

/* glibc 2.39 */
INTERPOSER int pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes, char *const arguments[],
			   char *const environment[])
{
	before_program();
	return next.pidfd_spawn(pidfd, path, actions, attributes, arguments, environment);
}

INTERPOSER int pidfd_spawnp(int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attributes, char *const arguments[],
			    char *const environment[])
{
	before_program();
	return next.pidfd_spawnp(pidfd, file, actions, attributes, arguments, environment);
}

INTERPOSER int system(const char *command)
{
	before_program();
	return next.system(command);
}

INTERPOSER int wordexp(const char *text, wordexp_t *words, int flags)
{
	before_program();
	return next.wordexp(text, words, flags);
}

INTERPOSER FILE *popen(const char *command, const char *type)
{
	before_program();
	return next.popen(command, type);
}

/* exec closes descriptors, and ends the keeper. In a vfork child the table is the parent's, and is
 * only read; the parent keeps what closes on exec. */
static void before_exec(void)
{
	if (!sockets_are_live() && !recent_is_behind())
		return;
	if (!table_is_ours()) {
		handshakes_see_through_spawn();
		return;
	}
	release_all(SYN_PROGRAM_SHARES);
	handshakes_see_through_exec();
	recent_flush();
}

INTERPOSER int execve(const char *path, char *const arguments[], char *const environment[])
{
	before_exec();
	return next.execve(path, arguments, environment);
}

INTERPOSER int execv(const char *path, char *const arguments[])
{
	before_exec();
	return next.execv(path, arguments);
}

INTERPOSER int execvp(const char *file, char *const arguments[])
{
	before_exec();
	return next.execvp(file, arguments);
}

INTERPOSER int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	before_exec();
	return next.execvpe(file, arguments, environment);
}

INTERPOSER int fexecve(int fd, char *const arguments[], char *const environment[])
{
	before_exec();
	return next.fexecve(fd, arguments, environment);
}

INTERPOSER int execveat(int directory, const char *path, char *const arguments[],
			char *const environment[], int flags)
{
	before_exec();
	return next.execveat(directory, path, arguments, environment, flags);
}

static size_t count_arguments(va_list arguments)
{
	size_t count = 0;

	while (va_arg(arguments, char *))
		count++;
	return count;
}

/* Makes an array of the arguments of an execl; execle's environment follows its NULL. On the stack,
 * as in libc: execl may be called where malloc may not. */
#define EXECL(call, first, last)                                                                   \
	do {                                                                                       \
		va_list arguments;                                                                 \
		size_t count, i;                                                                   \
		char **array;                                                                      \
                                                                                                   \
		va_start(arguments, last);                                                         \
		count = 1 + count_arguments(arguments);                                            \
		va_end(arguments);                                                                 \
		array = alloca((count + 1) * sizeof(*array));                                      \
		va_start(arguments, last);                                                         \
		array[0] = (char *)(first);                                                        \
		for (i = 1; i <= count; i++)                                                       \
			array[i] = va_arg(arguments, char *);                                      \
		call;                                                                              \
		va_end(arguments);                                                                 \
	} while (0)

INTERPOSER int execl(const char *path, const char *argument, ...)
{
	int result;

	EXECL(result = execv(path, array), argument, argument);
	return result;
}

INTERPOSER int execlp(const char *file, const char *argument, ...)
{
	int result;

	EXECL(result = execvp(file, array), argument, argument);
	return result;
}

INTERPOSER int execle(const char *path, const char *argument, ...)
{
	int result;

	EXECL(result = execve(path, array, va_arg(arguments, char **)), argument, argument);
	return result;
}

/* vfork returns twice into the frame of its caller, so nothing of ours may be on the stack when it
 * is entered: release, then jump. It begins with what a processor wants to find where it jumps to
 * if the rest was compiled for that (-fcf-protection, -mbranch-protection); others take it for a
 * nop. Nothing but a function that is used is named there: a link-time optimizer does not read it.
 */
typedef pid_t vfork_function(void);
__attribute__((used, visibility("hidden"))) vfork_function *before_vfork(void);
vfork_function *before_vfork(void)
{
	table_expect_sharer();
	release_for_child();
	return next_vfork;
}

#if defined(__x86_64__)
__asm__(".text\n"
	".globl vfork\n"
	".type vfork, @function\n"
	"vfork:\n"
	"	endbr64\n"
	"	subq $8, %rsp\n"
	"	call before_vfork\n"
	"	addq $8, %rsp\n"
	"	jmp *%rax\n"
	".size vfork, . - vfork\n"
	".globl __vfork\n"
	".set __vfork, vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl vfork\n"
	".type vfork, %function\n"
	"vfork:\n"
	"	hint #34\n" /* bti c */
	"	stp x29, x30, [sp, #-16]!\n"
	"	bl before_vfork\n"
	"	ldp x29, x30, [sp], #16\n"
	"	mov x16, x0\n"
	"	br x16\n"
	".size vfork, . - vfork\n"
	".globl __vfork\n"
	".set __vfork, vfork\n");
#else
#error "vfork needs a few lines of assembly for this architecture"
#endif

INTERPOSER_ALIAS(__dup2, dup2);
INTERPOSER_ALIAS_OF_WORDS(__fcntl, fcntl);
INTERPOSER_ALIAS(__fork, fork);
INTERPOSER_ALIAS(__clone, clone);
INTERPOSER_ALIAS(_IO_fdopen, fdopen);
INTERPOSER_ALIAS(_IO_popen, popen);
