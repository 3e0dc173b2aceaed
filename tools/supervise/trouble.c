/* SPDX-License-Identifier: MIT */
/* What a supervisor takes of the kernel, as far as it can be seen without one; for tfoctl, too. */
#include "supervise.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* From then on a listener learns that nobody is under its filter any more, and so when to end. */
#define LINUX_MAJOR 5ul
#define LINUX_MINOR 9ul

static bool kernel_is_older(void)
{
	struct utsname names;
	unsigned long major, minor;
	char *behind;

	if (uname(&names) != 0)
		return false;
	major = strtoul(names.release, &behind, 10);
	minor = *behind == '.' ? strtoul(behind + 1, NULL, 10) : 0;
	return major < LINUX_MAJOR || (major == LINUX_MAJOR && minor < LINUX_MINOR);
}

static bool has_listener(void)
{
	const uint32_t action = SECCOMP_RET_USER_NOTIF;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

const char *supervise_trouble(void)
{
	if (kernel_is_older())
		return "it takes Linux 5.9";
	if (!has_listener())
		return "this kernel, or a seccomp filter here, has no seccomp listener";
	if (syscall(SYS_pidfd_getfd, -1, -1, 0) != 0 && errno != EBADF)
		return "pidfd_getfd is missing, or forbidden here";
	return NULL;
}
