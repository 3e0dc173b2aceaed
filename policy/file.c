/* SPDX-License-Identifier: MIT */
/* A policy file, read whole. Runs inside connect(2) of a stranger: no stdio, no waiting. */
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST ((off_t)16 * 1024 * 1024)

/* strerror() asks the locale and may allocate. */
static const char *reason(int error)
{
	switch (error) {
	case ENOENT:
		return "there is no such file";
	case EACCES:
	case EPERM:
		return "permission denied";
	case ENOTDIR:
		return "part of its path is not a directory";
	case ELOOP:
		return "too many symbolic links";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case ENAMETOOLONG:
		return "its path is too long";
	case ENXIO:
		return "it is not a regular file";
	case EIO:
		return "input/output error";
	default:
		return NULL;
	}
}

static int refuse_file(struct policy_problem *problem, const char *path, const char *what)
{
	struct text text = problem_with_file(problem, path);

	text_add(&text, what);
	return -1;
}

static int refuse_errno(struct policy_problem *problem, const char *path, const char *what,
			int error)
{
	struct text text = problem_with_file(problem, path);

	text_add(&text, what);
	if (reason(error)) {
		text_add(&text, reason(error));
		return -1;
	}
	text_add(&text, "error ");
	text_add_number(&text, (unsigned int)error);
	return -1;
}

/* What a file is that is not a regular one. */
static const char *kind_fault(mode_t mode)
{
	if (S_ISDIR(mode))
		return "this is a directory: a policy is a regular file";
	if (S_ISFIFO(mode))
		return "this is a FIFO or a pipe: a policy is a regular file";
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return "this is a device: a policy is a regular file";
	return "this is not a regular file";
}

static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, bytes + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

/* `size` is one byte more than the file had: a file that fills it is being written to. */
static int add_bytes(struct policy *policy, const char *path, int fd, char *bytes, size_t size,
		     struct policy_problem *problem)
{
	ssize_t length = read_all(fd, bytes, size);

	if (length < 0)
		return refuse_errno(problem, path, "cannot be read: ", errno);
	if ((size_t)length == size)
		return refuse_file(problem, path, "the file grew while it was read");
	return policy_add_text(policy, path, bytes, (size_t)length, problem);
}

static int add_open_file(struct policy *policy, const char *path, int fd,
			 struct policy_problem *problem)
{
	struct stat status;
	size_t size;
	char *bytes;
	int result;

	if (fstat(fd, &status) < 0)
		return refuse_errno(problem, path, "cannot be examined: ", errno);
	if (!S_ISREG(status.st_mode))
		return refuse_file(problem, path, kind_fault(status.st_mode));
	if (!source_add(policy, path, &status))
		return refuse_file(problem, path, "there is not enough memory for the policy");
	if (status.st_size > FILE_MOST)
		return refuse_file(problem, path, "the file is larger than 16 MiB");
	size = (size_t)status.st_size + 1;
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return refuse_file(problem, path, "there is not enough memory for the policy");
	result = add_bytes(policy, path, fd, bytes, size, problem);
	munmap(bytes, size);
	return result;
}

/* O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever. */
static int open_file(const char *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int policy_add_file(struct policy *policy, const char *path, struct policy_problem *problem)
{
	int cancel, result, fd;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = open_file(path);
	if (fd < 0) {
		result = refuse_errno(problem, path, "cannot be opened: ", errno);
	} else {
		result = add_open_file(policy, path, fd, problem);
		close(fd);
	}
	pthread_setcancelstate(cancel, NULL);
	return result;
}
