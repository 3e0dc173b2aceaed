/* SPDX-License-Identifier: MIT */
/* What the client asks of libc and musl or an older glibc has not: the system calls by number. */
#include "client.h"

#ifdef CLIENT_FOR_ANY_GLIBC
extern const char loader[];
#if defined(__x86_64__)
const char loader[] __attribute__((section(".interp"))) = "/lib64/ld-linux-x86-64.so.2";
#elif defined(__aarch64__)
const char loader[] __attribute__((section(".interp"))) = "/lib/ld-linux-aarch64.so.1";
#endif
#endif

#ifdef CLIENT_FOR_OLD_LIBC

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAME(error)                                                                                \
	case error:                                                                                \
		return #error

const char *strerrorname_np(int error)
{
	switch (error) {
		NAME(EADDRINUSE);
		NAME(EADDRNOTAVAIL);
		NAME(EAGAIN);
		NAME(EALREADY);
		NAME(EBADF);
		NAME(ECONNABORTED);
		NAME(ECONNREFUSED);
		NAME(ECONNRESET);
		NAME(EHOSTUNREACH);
		NAME(EINPROGRESS);
		NAME(EINTR);
		NAME(EINVAL);
		NAME(EISCONN);
		NAME(ENETUNREACH);
		NAME(ENOENT);
		NAME(ENOPROTOOPT);
		NAME(ENOSYS);
		NAME(ENOTCONN);
		NAME(EOPNOTSUPP);
		NAME(EPIPE);
		NAME(ETIMEDOUT);
	default:
		return strerror(error);
	}
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return syscall(SYS_preadv2, fd, parts, count, offset, 0, flags);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

void closefrom(int first)
{
	close_range((unsigned int)first, UINT_MAX, 0);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int most, const struct timespec *timeout,
		 const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait2, epoll, events, most, timeout, mask, _NSIG / 8);
}

#endif
