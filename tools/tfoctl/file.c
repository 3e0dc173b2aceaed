/* SPDX-License-Identifier: MIT */
/* Files read and replaced as a whole. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MOST ((off_t)64 << 20)
#define MODE_BITS 07777u

static int read_all(int fd, char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(fd, bytes + done, size - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? errno : EIO; /* it was cut short meanwhile */
		done += (size_t)count;
	}
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, bytes, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno;
		bytes += count;
		size -= (size_t)count;
	}
	return 0;
}

static int read_open(int fd, char **bytes, size_t *size, struct stat *status)
{
	int error;

	if (fstat(fd, status) != 0)
		return errno;
	if (!S_ISREG(status->st_mode))
		return S_ISDIR(status->st_mode) ? EISDIR : EINVAL;
	if (status->st_size > FILE_MOST)
		return EFBIG;
	*size = (size_t)status->st_size;
	*bytes = malloc(*size + 1);
	if (!*bytes)
		return ENOMEM;
	(*bytes)[*size] = '\0';
	error = read_all(fd, *bytes, *size);
	if (error)
		free(*bytes);
	return error;
}

int file_read(const char *path, char **bytes, size_t *size, struct stat *status)
{
	/* O_NONBLOCK: a FIFO is not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return errno;
	error = read_open(fd, bytes, size, status);
	close(fd);
	return error;
}

/* The owner before the mode, because a change of owner takes bits from the mode. */
static int adorn(int fd, mode_t mode, const struct stat *like)
{
	struct stat own;

	if (fstat(fd, &own) != 0)
		return errno;
	if (like && (own.st_uid != like->st_uid || own.st_gid != like->st_gid) &&
	    fchown(fd, like->st_uid, like->st_gid) != 0)
		return errno;
	return fchmod(fd, mode & MODE_BITS) == 0 ? 0 : errno;
}

static int write_beside(const char *path, const void *bytes, size_t size, mode_t mode,
			const struct stat *like, char fresh[PATH_MAX])
{
	int fd, error;

	if (snprintf(fresh, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return ENAMETOOLONG;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = write_all(fd, bytes, size);
	if (!error)
		error = adorn(fd, mode, like);
	if (!error && fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (error)
		unlink(fresh);
	return error;
}

static int replace(const char *path, const void *bytes, size_t size, mode_t mode,
		   const struct stat *like)
{
	char fresh[PATH_MAX];
	int error = write_beside(path, bytes, size, mode, like, fresh);

	if (!error && rename(fresh, path) != 0) {
		error = errno;
		unlink(fresh);
	}
	return error;
}

int file_make(const char *path, const void *bytes, size_t size, mode_t mode)
{
	char fresh[PATH_MAX];
	int error = write_beside(path, bytes, size, mode, NULL, fresh);

	if (error)
		return error;
	if (link(fresh, path) != 0)
		error = errno;
	unlink(fresh);
	return error;
}

int file_replace(const char *path, const void *bytes, size_t size, mode_t mode)
{
	return replace(path, bytes, size, mode, NULL);
}

int file_replace_like(const char *path, const void *bytes, size_t size, const struct stat *like)
{
	return replace(path, bytes, size, like->st_mode, like);
}
