/* SPDX-License-Identifier: MIT */
/* Memory and descriptors of another process. */
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* linux/pidfd.h, Linux 6.9: of one thread. */
#define OF_THREAD O_EXCL

bool target_read(pid_t thread, uint64_t address, void *bytes, size_t size)
{
	struct iovec here = {.iov_base = bytes, .iov_len = size};
	struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};

	return process_vm_readv(thread, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* Returns the length, or -1. */
static ssize_t read_proc(pid_t thread, const char *name, char *bytes, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, bytes, size);
	close(fd);
	return length;
}

/* The number of the process, under which older kernels know it alone. */
static pid_t process_of(pid_t thread)
{
	char status[1024];
	ssize_t length = read_proc(thread, "status", status, sizeof(status) - 1);
	const char *line;

	if (length < 0)
		return -1;
	status[length] = '\0';
	line = strstr(status, "\nTgid:");
	return line ? (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10) : -1;
}

static int open_process(pid_t thread)
{
	static bool knows_threads = true;
	int pidfd = -1;

	if (knows_threads) {
		pidfd = (int)syscall(SYS_pidfd_open, thread, OF_THREAD);
		knows_threads = pidfd >= 0 || errno != EINVAL;
	}
	if (!knows_threads)
		pidfd = (int)syscall(SYS_pidfd_open, process_of(thread), 0);
	return pidfd;
}

int target_take(pid_t thread, int fd)
{
	int pidfd = open_process(thread), taken;

	if (pidfd < 0)
		return -1;
	taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	return taken;
}

/* The path that was executed lies in the process's memory; where, its auxiliary vector says. */
static bool read_path(pid_t thread, char *path, size_t size)
{
	Elf64_auxv_t vector[64];
	ssize_t length = read_proc(thread, "auxv", (char *)vector, sizeof(vector));

	for (size_t i = 0; length > 0 && i < (size_t)length / sizeof(*vector); i++) {
		uint64_t address = vector[i].a_un.a_val, page = (uint64_t)sysconf(_SC_PAGESIZE);
		size_t to_page_end = (size_t)(page - address % page);

		if (vector[i].a_type != AT_EXECFN)
			continue;
		/* It ends with the stack, or goes on on the next page. */
		memset(path, 0, size);
		if (to_page_end >= size)
			return target_read(thread, address, path, size - 1);
		return target_read(thread, address, path, to_page_end) &&
		       (memchr(path, '\0', to_page_end) ||
			target_read(thread, address, path, size - 1));
	}
	return false;
}

bool target_program(pid_t thread, char *name, size_t size)
{
	static char path[PATH_MAX];
	const char *slash, *base;

	if (!read_path(thread, path, sizeof(path)))
		return false;
	slash = strrchr(path, '/');
	base = slash ? slash + 1 : path;
	return (size_t)snprintf(name, size, "%s", base) < size;
}
