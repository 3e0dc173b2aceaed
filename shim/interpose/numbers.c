/* SPDX-License-Identifier: MIT */
/*
 * syscall(2) is a function of libc as well: libuv, and so Node, closes descriptors by number. What
 * has a door goes through it; all else passes. clone(2) by number is a fork that nobody returns
 * from twice in this frame, so it can be forwarded.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/interpose/close.h"
#include "shim/next.h"
#include "shim/socket/release.h"

/* Linux 5.1, 5.3 and 5.11; the same on all architectures. */
#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define POINTER(word) ((void *)(word))

static bool closing_number(long number, const long word[6], long *result)
{
	switch (number) {
	case SYS_close:
		*result = close((int)word[0]);
		return true;
	case SYS_close_range:
		*result = close_range((unsigned int)word[0], (unsigned int)word[1], (int)word[2]);
		return true;
	case SYS_shutdown:
		*result = shutdown((int)word[0], (int)word[1]);
		return true;
	case SYS_exit_group:
		before_exit();
		return false;
	default:
		return false;
	}
}

static bool duplicating_number(long number, const long word[6], long *result)
{
	switch (number) {
	case SYS_dup:
		*result = dup((int)word[0]);
		return true;
#ifdef SYS_dup2
	case SYS_dup2:
		*result = dup2((int)word[0], (int)word[1]);
		return true;
#endif
	case SYS_dup3:
		*result = dup3((int)word[0], (int)word[1], (int)word[2]);
		return true;
	case SYS_fcntl:
		*result = fcntl((int)word[0], (int)word[1], word[2]);
		return true;
	case SYS_execve:
		*result = execve(POINTER(word[0]), POINTER(word[1]), POINTER(word[2]));
		return true;
	case SYS_execveat:
		*result = execveat((int)word[0], POINTER(word[1]), POINTER(word[2]),
				   POINTER(word[3]), (int)word[4]);
		return true;
	case SYS_unshare:
		*result = unshare((int)word[0]);
		return true;
	case SYS_setns:
		*result = setns((int)word[0], (int)word[1]);
		return true;
	case SYS_clone:
	case SYS_clone3:
#ifdef SYS_fork
	case SYS_fork:
	case SYS_vfork:
#endif
		table_expect_sharer();
		release_for_child();
		return false;
	default:
		return false;
	}
}

static bool sending_number(long number, const long word[6], long *result)
{
	switch (number) {
	case SYS_socket: /* not by our door: the socket() behind it may be the one that calls us */
		*result = next.syscall(SYS_socket, word[0], word[1], word[2], 0, 0, 0);
		if (*result >= 0)
			table_note_socket((int)*result, NEW_STREAM);
		return true;
	case SYS_connect:
		*result = connect((int)word[0], POINTER(word[1]), (socklen_t)word[2]);
		return true;
	case SYS_write:
		*result = write((int)word[0], POINTER(word[1]), (size_t)word[2]);
		return true;
	case SYS_writev:
		*result = writev((int)word[0], POINTER(word[1]), (int)word[2]);
		return true;
	case SYS_sendto:
		*result = sendto((int)word[0], POINTER(word[1]), (size_t)word[2], (int)word[3],
				 POINTER(word[4]), (socklen_t)word[5]);
		return true;
	case SYS_sendmsg:
		*result = sendmsg((int)word[0], POINTER(word[1]), (int)word[2]);
		return true;
	case SYS_sendmmsg:
		*result = sendmmsg((int)word[0], POINTER(word[1]), (unsigned int)word[2],
				   (int)word[3]);
		return true;
	case SYS_pwritev2: /* the offset's upper half is 0 on 64-bit systems */
		*result = pwritev2((int)word[0], POINTER(word[1]), (int)word[2], word[3],
				   (int)word[5]);
		return true;
	case SYS_sendfile:
		*result = sendfile((int)word[0], (int)word[1], POINTER(word[2]), (size_t)word[3]);
		return true;
	case SYS_splice:
		*result = splice((int)word[0], POINTER(word[1]), (int)word[2], POINTER(word[3]),
				 (size_t)word[4], (unsigned int)word[5]);
		return true;
	/* What these do to which descriptor is in a queue. */
	case SYS_io_submit:
	case SYS_io_uring_enter:
		release_all(SYN_OTHER_CALL);
		return false;
	default:
		return false;
	}
}

static bool serving_number(long number, const long word[6], long *result)
{
	switch (number) {
	case SYS_listen:
		*result = listen((int)word[0], (int)word[1]);
		return true;
	case SYS_accept:
		*result = accept((int)word[0], POINTER(word[1]), POINTER(word[2]));
		return true;
	case SYS_accept4:
		*result = accept4((int)word[0], POINTER(word[1]), POINTER(word[2]), (int)word[3]);
		return true;
	default:
		return false;
	}
}

static bool asking_number(long number, const long word[6], long *result)
{
	switch (number) {
	case SYS_getpeername:
		*result = getpeername((int)word[0], POINTER(word[1]), POINTER(word[2]));
		return true;
	case SYS_getsockopt:
		*result = getsockopt((int)word[0], (int)word[1], (int)word[2], POINTER(word[3]),
				     POINTER(word[4]));
		return true;
	case SYS_setsockopt:
		*result = setsockopt((int)word[0], (int)word[1], (int)word[2], POINTER(word[3]),
				     (socklen_t)word[4]);
		return true;
	case SYS_ioctl:
		*result = ioctl((int)word[0], (unsigned long)word[1], word[2]);
		return true;
	case SYS_epoll_ctl:
		*result = epoll_ctl((int)word[0], (int)word[1], (int)word[2], POINTER(word[3]));
		return true;
	default:
		return false;
	}
}

/* Calls that receive or wait are made as they are, after what their doors do first. */
static void before_waiting_number(long number, const long word[6])
{
	switch (number) {
	case SYS_read:
	case SYS_readv:
		release_for_reading((int)word[0], false);
		break;
	case SYS_preadv2:
		if (word[3] == -1)
			release_for_reading((int)word[0], word[5] & RWF_NOWAIT);
		break;
	case SYS_recvfrom:
	case SYS_recvmmsg:
		release_for_reading((int)word[0], word[3] & MSG_DONTWAIT);
		break;
	case SYS_recvmsg:
		release_for_reading((int)word[0], word[2] & MSG_DONTWAIT);
		break;
#ifdef SYS_poll
	case SYS_poll:
	case SYS_select:
	case SYS_epoll_wait:
#endif
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		release_before_sleep(false);
		break;
	default:
		release_before_look((int)word[0]);
		break;
	}
}

static SLOW_PATH long syscall_noted(long number, long a, long b, long c, long d, long e, long f)
{
	const long word[6] = {a, b, c, d, e, f};
	long result;

	if (closing_number(number, word, &result) || duplicating_number(number, word, &result) ||
	    sending_number(number, word, &result) || asking_number(number, word, &result) ||
	    serving_number(number, word, &result))
		return result;
	before_waiting_number(number, word);
	return next.syscall(number, a, b, c, d, e, f);
}

/* What matters for a socket that nothing is known of yet. */
#define NUMBERS 512
static const bool is_never_passed[NUMBERS] = {
	[SYS_clone] = true,   [SYS_clone3] = true,    [SYS_socket] = true,
	[SYS_connect] = true, [SYS_listen] = true,    [SYS_accept] = true,
	[SYS_accept4] = true, [SYS_epoll_ctl] = true, [SYS_setsockopt] = true,
#ifdef SYS_vfork
	[SYS_vfork] = true,
#endif
};

/* The last word is on the stack for some processors, and may not be there: it is read as what a
 * variadic function is given, never kept in its place. */
INTERPOSER long words_of_syscall(long number, long a, long b, long c, long d, long e,
				 ...) __asm__("syscall");
READS_UNPASSED_WORDS long words_of_syscall(long number, long a, long b, long c, long d, long e, ...)
{
	va_list arguments;
	long f;

	va_start(arguments, e);
	f = va_arg(arguments, long);
	va_end(arguments);
	if (sockets_are_noted() || ((unsigned long)number < NUMBERS && is_never_passed[number]))
		return syscall_noted(number, a, b, c, d, e, f);
	return next.syscall(number, a, b, c, d, e, f);
}
