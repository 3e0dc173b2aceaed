/* SPDX-License-Identifier: MIT */
/* Calls that end something: close and its kin, shutdown, exit. */
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/clock.h"
#include "shim/interpose/close.h"
#include "shim/memory/recent.h"
#include "shim/next.h"
#include "shim/socket/keeper.h"
#include "shim/socket/release.h"

bool before_close(int fd)
{
	struct tracking tracking = table_peek(fd);

	if ((!tracking.socket && !table_has_marks(fd)) || !table_is_ours())
		return true;
	table_unmark(fd);
	/* Stale or not: there is nothing to be done but to forget it. */
	if (table_state(&tracking) == SOCKET_WATCHED && !end_matters(&tracking) &&
	    table_move(&tracking, SOCKET_UNTRACKED))
		return true;
	tracking = table_find(fd);
	if (table_state(&tracking) == SOCKET_HELD || table_state(&tracking) == SOCKET_BUSY)
		release(&tracking, SYN_PROGRAM_CLOSES);
	if (table_state(&tracking) == SOCKET_CONNECTING && !handshake_has_ended(&tracking))
		connection_is_given_up(&tracking);
	if (table_state(&tracking) == SOCKET_IN_FLIGHT && !handshake_has_ended(&tracking)) {
		connection_is_given_up(&tracking);
		keeper_take_over(&tracking);
	}
	if (table_state(&tracking) == SOCKET_TIMED)
		first_byte_looked_for(&tracking);
	if (table_state(&tracking) == SOCKET_WATCHED || table_state(&tracking) == SOCKET_TIMED) {
		connection_ends(&tracking);
		early_answer_avoid(&tracking);
	}
	if (table_state(&tracking) != SOCKET_UNTRACKED && table_state(&tracking) < SOCKET_HELD)
		table_move(&tracking, SOCKET_UNTRACKED);
	return table_state(&tracking) != SOCKET_KEPT;
}

void before_replacement(int target)
{
	struct tracking kept;

	if (before_close(target))
		return;
	kept = table_find(target);
	if (table_state(&kept) == SOCKET_KEPT)
		keeper_vacate(&kept);
	/* If the keeper is closing it at this moment, it is not to close what comes here. */
	before_close(target);
}

static SLOW_PATH int close_noted(int fd)
{
	if (before_close(fd))
		return next.close(fd);
	errno = EBADF; /* the program has no such descriptor */
	return -1;
}

INTERPOSER int close(int fd)
{
	if (sockets_are_noted())
		return close_noted(fd);
	return next.close(fd);
}

/* stdio closes its descriptor without telling us. What it still has must be sent before that is
 * judged: 0, or the error for which it cannot be, and is in the stream no more. */
static int before_stream_closes(FILE *stream)
{
	int fd, error = 0;

	if (!sockets_are_noted() || !stream || (fd = fileno_unlocked(stream)) < 0)
		return 0;
	if (table_is_marked(fd, MARK_STREAM) && fflush(stream) != 0)
		error = errno;
	before_close(fd);
	return error;
}

INTERPOSER int fclose(FILE *stream)
{
	int error = before_stream_closes(stream), result = next.fclose(stream);

	if (!error)
		return result;
	errno = error;
	return EOF;
}

INTERPOSER FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	before_stream_closes(stream);
	return next.freopen(path, mode, stream);
}

INTERPOSER FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	before_stream_closes(stream);
	return next.freopen64(path, mode, stream);
}

/* The terminal replaces the standard descriptors. */
INTERPOSER int login_tty(int fd)
{
	if (sockets_are_noted())
		for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
			before_replacement(standard);
	return next.login_tty(fd);
}

/* A range of descriptors, and the numbers in it that are the keeper's. */
struct closing {
	unsigned int first, last;
	int flags;
	int result;
};

static bool before_close_in_range(struct tracking *tracking, void *context)
{
	const struct closing *closing = context;

	if ((unsigned int)tracking->fd >= closing->first &&
	    (unsigned int)tracking->fd <= closing->last)
		before_close(tracking->fd);
	return true;
}

static bool close_up_to_kept(struct tracking *tracking, void *context)
{
	struct closing *closing = context;
	unsigned int kept = (unsigned int)tracking->fd;

	if (kept < closing->first || kept > closing->last)
		return true;
	if (kept > closing->first)
		closing->result = next.close_range(closing->first, kept - 1, closing->flags);
	closing->first = kept + 1;
	return closing->result == 0;
}

static void before_closing(struct closing *closing)
{
	if (!table_is_ours())
		return;
	table_each(SOCKET_HELD, before_close_in_range, closing);
	table_each(SOCKET_IN_FLIGHT, before_close_in_range, closing);
	table_each(SOCKET_CONNECTING, before_close_in_range, closing);
	table_each(SOCKET_TIMED, before_close_in_range, closing);
	table_each(SOCKET_WATCHED, before_close_in_range, closing);
	table_unmark_range(closing->first, closing->last);
}

/* Closes a range around the keeper's descriptors. */
static int close_around_kept(struct closing *closing)
{
	before_closing(closing);
	table_each(SOCKET_KEPT, close_up_to_kept, closing);
	if (closing->result != 0 || closing->first > closing->last)
		return closing->result;
	return next.close_range(closing->first, closing->last, closing->flags);
}

INTERPOSER int close_range(unsigned int first, unsigned int last, int flags)
{
	struct closing closing = {first, last, flags, 0};

	if (!sockets_are_noted() || first > last || (flags & CLOSE_RANGE_CLOEXEC))
		return next.close_range(first, last, flags);
	if (flags & CLOSE_RANGE_UNSHARE) {
		/* From then on the keeper has a table of descriptors of its own. */
		release_all(SYN_PROGRAM_CLOSES);
		handshakes_see_through_exec();
		return next.close_range(first, last, flags);
	}
	return close_around_kept(&closing);
}

INTERPOSER void closefrom(int first)
{
	struct closing closing = {first > 0 ? (unsigned int)first : 0, UINT_MAX, 0, 0};

	if (!sockets_are_noted() || close_around_kept(&closing) != 0)
		next.closefrom(first);
}

/* In flight a shutdown disconnects: the data is lost and the server sees a reset. */
INTERPOSER int shutdown(int fd, int how)
{
	if (sockets_are_live())
		release_and_await(fd);
	return next.shutdown(fd, how);
}

static bool end_connecting(struct tracking *tracking, void *unused)
{
	(void)unused;
	if (table_is_same_socket(tracking) && !tracking->socket->inherited &&
	    !handshake_has_ended(tracking))
		connection_is_given_up(tracking);
	return true;
}

static bool end_connected(struct tracking *tracking, void *unused)
{
	(void)unused;
	if (table_is_same_socket(tracking)) {
		connection_ends(tracking);
		early_answer_keep_out(tracking);
	}
	return true;
}

static bool end_timed(struct tracking *tracking, void *unused)
{
	if (table_is_same_socket(tracking))
		first_byte_looked_for(tracking);
	return end_connected(tracking, unused);
}

/* Whatever else the process does before it ends may still write and read. */
static void see_connections_through(void)
{
	if ((!sockets_are_noted() && !recent_is_behind()) || !table_is_ours())
		return;
	release_all(SYN_PROGRAM_CLOSES);
	handshakes_see_through_exit();
	table_each(SOCKET_CONNECTING, end_connecting, NULL);
	recent_flush();
}

/* Nobody may read from here on. */
static void end_connections(void)
{
	if (!sockets_are_noted() || !table_is_ours())
		return;
	table_each(SOCKET_WATCHED, end_connected, NULL);
	table_each(SOCKET_TIMED, end_timed, NULL);
	recent_flush();
}

void before_exit(void)
{
	see_connections_through();
	end_connections();
}

INTERPOSER void _exit(int status)
{
	before_exit();
	next._exit(status);
	__builtin_unreachable();
}

INTERPOSER void _Exit(int status)
{
	before_exit();
	next._Exit(status);
	__builtin_unreachable();
}

/* A handler of SIGABRT may leave by a jump, and the program live on. */
static bool may_survive_abort(void)
{
	struct sigaction action;

	return sigaction(SIGABRT, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
	       action.sa_handler != SIG_IGN;
}

INTERPOSER void abort(void)
{
	see_connections_through();
	if (!may_survive_abort())
		end_connections();
	next.abort();
	__builtin_unreachable();
}

/* The process ends with its last thread, which must not be the keeper's: from now on that leaves
 * when it has nothing to do. */
static void before_thread_exit(void)
{
	if (next.syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) == getpid())
		keeper_outlives_main();
}

INTERPOSER void pthread_exit(void *result)
{
	before_thread_exit();
	next.pthread_exit(result);
	__builtin_unreachable();
}

INTERPOSER void thrd_exit(int result)
{
	before_thread_exit();
	next.thrd_exit(result);
	__builtin_unreachable();
}

/* exit() and the return from main: libc closes the sockets without asking us. The destructors of
 * other libraries may come after ours, and talk to their servers. glibc calls all of them before
 * the handler that was registered first; musl calls handlers before destructors. The second of the
 * two is the last that is called, and only what is left in streams is written after it. */
static void before_normal_exit(void)
{
	static bool is_last;

	see_connections_through();
	if (is_last)
		end_connections();
	is_last = true;
}

__attribute__((destructor)) static void as_destructor(void)
{
	before_normal_exit();
}

static void as_handler(void *unused)
{
	(void)unused;
	before_normal_exit();
}

/* The C++ ABI's atexit(): with NULL the handler belongs to no object, whose destructors would call
 * it. */
int __cxa_atexit(void (*handler)(void *), void *argument, void *object);

/* quick_exit() has handlers too; the first to be registered comes last. */
__attribute__((constructor)) static void register_handlers(void)
{
	__cxa_atexit(as_handler, NULL, NULL);
	next_at_quick_exit(before_exit);
}

INTERPOSER_ALIAS(__close, close);
INTERPOSER_ALIAS(_IO_fclose, fclose);
