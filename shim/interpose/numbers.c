/* SPDX-License-Identifier: MIT */
/*
 * syscall(2) is a function of libc as well: libuv, and so Node, closes descriptors by number. What
 * has a door goes through it; all else passes. clone(2) by number is a fork that nobody returns
 * from twice in this frame, so it can be forwarded.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/interpose/close.h"
#include "shim/next.h"
#include "shim/socket/release.h"

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
	case SYS_clone:
#ifdef SYS_fork
	case SYS_fork:
#endif
		release_all(SYN_PROGRAM_SHARES);
		return false;
	default:
		return false;
	}
}

static bool sending_number(long number, const long word[6], long *result)
{
	switch (number) {
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
	case SYS_getpeername:
		*result = getpeername((int)word[0], POINTER(word[1]), POINTER(word[2]));
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
	case SYS_recvfrom:
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
		release_before_sleep(false);
		break;
	case SYS_epoll_ctl:
		release_before_look((int)word[2]);
		break;
	default:
		release_before_look((int)word[0]);
		break;
	}
}

static long syscall_noted(long number, const long word[6])
{
	long result;

	if (closing_number(number, word, &result) || duplicating_number(number, word, &result) ||
	    sending_number(number, word, &result))
		return result;
	before_waiting_number(number, word);
	return next.syscall(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

INTERPOSER READS_UNPASSED_WORDS long syscall(long number, ...)
{
	va_list arguments;
	long word[6];

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		word[i] = va_arg(arguments, long);
	va_end(arguments);
	if (sockets_are_noted() || number == SYS_connect)
		return syscall_noted(number, word);
	return next.syscall(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
