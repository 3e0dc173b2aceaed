/* SPDX-License-Identifier: MIT */
/* Reading a file whole. Runs inside connect(2) of a stranger: no stdio, no waiting. */
#include "content.h"

#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

int content_refuse(struct policy_problem *problem, const char *path, const char *what)
{
	struct text text = problem_with_file(problem, path);

	text_add(&text, what);
	return -1;
}

int content_refuse_errno(struct policy_problem *problem, const char *path, const char *what,
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

/* One byte more than the file has: a file that fills it is being written to. */
static int read_bytes(struct content *content, const char *path, int fd, size_t size,
		      struct policy_problem *problem)
{
	ssize_t length;
	char *bytes =
		mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return content_refuse(problem, path, "there is not enough memory for the policy");
	content->bytes = bytes;
	content->mapped = size + 1;
	length = read_all(fd, bytes, size + 1);
	if (length < 0)
		return content_refuse_errno(problem, path, "cannot be read: ", errno);
	if ((size_t)length > size)
		return content_refuse(problem, path, "the file grew while it was read");
	content->length = (size_t)length;
	return 0;
}

static int read_open(struct content *content, struct policy *policy, const char *path, int fd,
		     struct policy_problem *problem)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return content_refuse_errno(problem, path, "cannot be examined: ", errno);
	if (!S_ISREG(status.st_mode))
		return content_refuse(problem, path, kind_fault(status.st_mode));
	if (status.st_size > (off_t)CONTENT_MOST)
		return content_refuse(problem, path, "the file is larger than 16 MiB");
	if (trust_check(&status, path, problem) < 0)
		return -1;
	if (!source_add(policy, path, &status))
		return content_refuse(problem, path, "there is not enough memory for the policy");
	content->device = status.st_dev;
	content->inode = status.st_ino;
	return read_bytes(content, path, fd, (size_t)status.st_size, problem);
}

/* O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever. */
int content_open(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int content_read(struct content *content, struct policy *policy, const char *path,
		 struct policy_problem *problem)
{
	struct stat status;
	int result, fd;

	*content = (struct content){0};
	/* Before it is opened, because opening can be an act: /dev/watchdog. */
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return content_refuse(problem, path, kind_fault(status.st_mode));
	fd = content_open(path, 0);
	content->is_missing = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return content_refuse_errno(problem, path, "cannot be opened: ", errno);
	result = read_open(content, policy, path, fd, problem);
	close(fd);
	return result;
}

void content_free(struct content *content)
{
	if (content->bytes)
		munmap(content->bytes, content->mapped);
	*content = (struct content){0};
}
