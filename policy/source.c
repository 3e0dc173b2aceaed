/* SPDX-License-Identifier: MIT */
/* Comparing files with what stat(2) said of them. */
#include "source.h"

#include "hash.h"
#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t nanoseconds(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void describe(struct source *source, const struct stat *status)
{
	source->device = status->st_dev;
	source->inode = status->st_ino;
	source->size = (uint64_t)status->st_size;
	source->modified_ns = nanoseconds(status->st_mtim);
	source->changed_ns = nanoseconds(status->st_ctim);
	source->is_directory = S_ISDIR(status->st_mode);
}

/* Not getcwd(3), which may allocate. A directory that cannot be told leaves the path as it is. */
static const char *absolute_path(struct arena *arena, const char *path)
{
	size_t length = strlen(path), before = 0;
	char *whole;

	if (*path == '/')
		return arena_copy(arena, path, length);
	whole = arena_take(arena, PATH_MAX + 1 + length + 1);
	if (!whole)
		return NULL;
	if (syscall(SYS_getcwd, whole, PATH_MAX) > 0 && *whole == '/')
		before = strlen(whole);
	if (before > 0)
		whole[before++] = '/';
	memcpy(whole + before, path, length + 1);
	return whole;
}

bool source_add(struct policy *policy, const char *path, const struct stat *status)
{
	struct source *source = arena_take(&policy->arena, sizeof(*source));

	if (!source)
		return false;
	source->path = absolute_path(&policy->arena, path);
	if (status)
		describe(source, status);
	source->next = policy->sources;
	policy->sources = source;
	return source->path != NULL;
}

/* What it is now; false if that shows that it is another or has changed. */
static bool look_at(const struct source *source, struct source *now)
{
	struct stat status;

	*now = (struct source){0};
	if (stat(source->path, &status) != 0)
		return source->inode == 0 && errno == ENOENT;
	describe(now, &status);
	return now->is_directory == source->is_directory && now->size == source->size &&
	       now->modified_ns == source->modified_ns;
}

static bool is_unchanged(const struct source *source, const struct source *now)
{
	return now->device == source->device && now->inode == source->inode &&
	       now->changed_ns == source->changed_ns;
}

bool source_is_unchanged(const struct source *source)
{
	struct source now;

	return look_at(source, &now) && is_unchanged(source, &now);
}

bool source_is_the_same(struct source *source, uint64_t hash)
{
	struct source now;

	if (!look_at(source, &now) ||
	    (!is_unchanged(source, &now) && !source->is_directory && source_hash(source) != hash))
		return false;
	source->device = now.device;
	source->inode = now.inode;
	source->changed_ns = now.changed_ns;
	return true;
}

uint64_t source_hash(const struct source *source)
{
	int fd = source->is_directory
			 ? -1
			 : open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint64_t hash = 0;
	void *bytes;

	if (fd < 0)
		return 0;
	bytes = source->size ? mmap(NULL, source->size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (bytes == MAP_FAILED)
		return source->size ? 0 : HASH_START;
	hash = hash_bytes(HASH_START, bytes, source->size);
	munmap(bytes, source->size);
	return hash;
}
