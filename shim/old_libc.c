/* SPDX-License-Identifier: MIT */
/*
 * What some libcs lack, for the rest of this object. The stat(2) family came to glibc's shared
 * library with 2.33; before that each program had its own.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "shim/hidden.h"
#include "shim/next.h"

HIDDEN int fstat(int fd, struct stat *status)
{
	return (int)next.syscall(SYS_fstat, fd, (long)status, 0, 0, 0, 0);
}

HIDDEN int stat(const char *path, struct stat *status)
{
	return (int)next.syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)status, 0, 0, 0);
}

HIDDEN int lstat(const char *path, struct stat *status)
{
	return (int)next.syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)status,
				 AT_SYMLINK_NOFOLLOW, 0, 0);
}
