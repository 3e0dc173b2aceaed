/* SPDX-License-Identifier: MIT */
/* The file behind the memory. Nothing in it is believed before its header has been checked. */
#include "shim/memory/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "destinations"

static const char magic[16] = "tfo-run memory\n";

/* A mapping is never taken away: other threads may be in it. A process that sees its file replaced
 * again and again stops following: its last mapping is a private one. */
#define MAPPINGS_MOST 16

struct mapping {
	struct memory_file *file;
	dev_t device;
	ino_t inode;
	bool private; /* no file behind it */
};

static struct mapping mappings[MAPPINGS_MOST];
static _Atomic(unsigned int) mapping_count;
static _Atomic(struct mapping *) current;
static _Atomic(pid_t) opening; /* the process that does, or 0 */

static const char *setting;
static const char *runtime;
static char path[PATH_MAX];

static bool append(char *to, const char *text)
{
	size_t length = strlen(to), more = strlen(text);

	if (length + more >= PATH_MAX)
		return false;
	memcpy(to + length, text, more + 1);
	return true;
}

static void append_number(char *to, unsigned long number)
{
	char digits[24], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do
		*--first = (char)('0' + number % 10);
	while (number /= 10);
	append(to, first);
}

/* A directory that is ours alone to write to; made if need be. */
static bool is_own_directory(const char *directory)
{
	struct stat status;

	mkdir(directory, 0700);
	return lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static bool use_directory(const char *base, const char *name, bool with_user)
{
	path[0] = '\0';
	if (!append(path, base) || !append(path, name))
		return false;
	if (with_user)
		append_number(path, geteuid());
	return is_own_directory(path) && append(path, "/" FILE_NAME);
}

/* In the order of preference: what was asked for, the user's runtime directory, memory-backed
 * directories that every system has. */
static bool find_path(void)
{
	if (setting) {
		path[0] = '\0';
		return setting[0] == '/' && append(path, setting);
	}
	if (runtime && runtime[0] == '/' && use_directory(runtime, "/tfo", false))
		return true;
	return (geteuid() == 0 && use_directory("/run", "/tfo-", true)) ||
	       use_directory("/dev/shm", "/tfo-", true);
}

static bool is_sound(const struct memory_header *header)
{
	return memcmp(header->magic, magic, sizeof(magic)) == 0 &&
	       header->version == MEMORY_VERSION && header->sets == MEMORY_SETS &&
	       header->ways == MEMORY_WAYS && header->entry_size == sizeof(struct memory_entry) &&
	       header->trials == MEMORY_TRIALS && header->trial_size == sizeof(struct memory_trial);
}

static void write_header(struct memory_header *header)
{
	header->version = MEMORY_VERSION;
	header->sets = MEMORY_SETS;
	header->ways = MEMORY_WAYS;
	header->entry_size = sizeof(struct memory_entry);
	header->trials = MEMORY_TRIALS;
	header->trial_size = sizeof(struct memory_trial);
	memcpy(header->magic, magic, sizeof(magic));
}

static int open_file(void)
{
	return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/* A file with room for all but the entries, which get theirs one by one. */
static bool fill_new(int fd)
{
	static struct memory_header header;

	write_header(&header);
	return ftruncate(fd, sizeof(struct memory_file)) == 0 &&
	       posix_fallocate(fd, 0, offsetof(struct memory_file, entries)) == 0 &&
	       pwrite(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header);
}

/* Made beside its place and put there whole, so that nobody ever sees half of it. `replace`: what
 * is there is worth nothing. */
static void make_file(bool replace)
{
	static char beside[PATH_MAX]; /* one context opens at a time, perhaps on a small stack */
	int fd;

	beside[0] = '\0';
	if (!append(beside, path) || !append(beside, ".new."))
		return;
	append_number(beside, (unsigned long)getpid());
	/* Left behind by a process that had our number and was killed. */
	unlink(beside);
	fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (fill_new(fd)) {
		/* EPERM: a file system without hard links. */
		if (replace || (link(beside, path) != 0 && errno == EPERM))
			rename(beside, path);
	}
	unlink(beside);
	close(fd);
}

enum finding { FOUND_SOUND, FOUND_NOTHING, FOUND_RUBBISH, FOUND_FOREIGN };

/* What a file's first bytes say. */
static enum finding judge_contents(const struct memory_header *header, size_t length, off_t size)
{
	bool ours = length >= sizeof(magic) && memcmp(header->magic, magic, sizeof(magic)) == 0;

	if (size == 0)
		return FOUND_RUBBISH;
	if (length == sizeof(*header) && is_sound(header))
		return size == (off_t)sizeof(struct memory_file) ? FOUND_SOUND : FOUND_RUBBISH;
	/* Ours, and cut short: no version has files as small as that. */
	if (ours && length < sizeof(*header))
		return FOUND_RUBBISH;
	/* A newer version's, or a file of the user's that TFO_STATE names by mistake: not ours to
	 * replace. */
	return setting || ours ? FOUND_FOREIGN : FOUND_RUBBISH;
}

static enum finding examine(int fd, struct stat *status)
{
	static struct memory_header header;
	ssize_t length;

	if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode) || status->st_uid != geteuid() ||
	    (status->st_mode & (S_IWGRP | S_IWOTH)))
		return FOUND_FOREIGN;
	length = pread(fd, &header, sizeof(header), 0);
	return length < 0 ? FOUND_FOREIGN
			  : judge_contents(&header, (size_t)length, status->st_size);
}

static struct mapping *note_mapping(struct memory_file *file, const struct stat *status)
{
	unsigned int number = atomic_fetch_add(&mapping_count, 1);
	struct mapping *mapping;

	if (number >= MAPPINGS_MOST) {
		munmap(file, sizeof(*file));
		return NULL;
	}
	mapping = &mappings[number];
	mapping->file = file;
	mapping->private = !status;
	if (status) {
		mapping->device = status->st_dev;
		mapping->inode = status->st_ino;
	}
	return mapping;
}

static struct mapping *map(int fd, const struct stat *status)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	struct memory_file *file = mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, flags, fd, 0);

	if (file == MAP_FAILED)
		return NULL;
	if (fd < 0)
		write_header(&file->header);
	return note_mapping(file, status);
}

/* One attempt; *finding says what stood in its way. */
static struct mapping *map_file(enum finding *finding)
{
	struct mapping *mapping = NULL;
	struct stat status;
	int fd = open_file();

	*finding = FOUND_FOREIGN;
	if (fd < 0) {
		if (errno == ENOENT)
			*finding = FOUND_NOTHING;
		return NULL;
	}
	*finding = examine(fd, &status);
	if (*finding == FOUND_SOUND)
		mapping = map(fd, &status);
	close(fd);
	return mapping;
}

static bool may_follow(void)
{
	return atomic_load(&mapping_count) < MAPPINGS_MOST - 1;
}

static struct mapping *open_memory(void)
{
	enum finding finding;
	struct mapping *mapping = NULL;

	if (may_follow() && (!setting || strcmp(setting, "off") != 0)) {
		if (path[0] || find_path()) {
			mapping = map_file(&finding);
			if (!mapping && (finding == FOUND_NOTHING || finding == FOUND_RUBBISH)) {
				make_file(finding == FOUND_RUBBISH);
				mapping = map_file(&finding);
			}
		}
	}
	return mapping ? mapping : map(-1, NULL);
}

/* Whether the file that is mapped is still the one at its path, and whole. A server's worker that
 * has given up its user cannot look any more, and goes on with what it was born with. */
static bool is_current(const struct mapping *mapping)
{
	struct stat status;

	if (mapping->private)
		return true;
	if (lstat(path, &status) != 0)
		return errno == EACCES;
	return status.st_ino == mapping->inode && status.st_dev == mapping->device &&
	       status.st_size == (off_t)sizeof(struct memory_file);
}

void memory_file_configure(const char *new_setting, const char *new_runtime)
{
	setting = new_setting;
	runtime = new_runtime;
}

/* A child that was forked while its parent was opening must not wait for that. */
static bool begin_opening(void)
{
	pid_t before = atomic_load(&opening), own = getpid();

	return before != own && atomic_compare_exchange_strong(&opening, &before, own);
}

struct memory_file *memory_file(void)
{
	struct mapping *mapping = atomic_load_explicit(&current, memory_order_acquire);
	int saved = errno;

	if (!mapping || !is_current(mapping)) {
		/* One context opens; others go without for that moment. */
		if (!begin_opening()) {
			errno = saved;
			return NULL;
		}
		mapping = open_memory();
		if (mapping)
			atomic_store_explicit(&current, mapping, memory_order_release);
		atomic_store(&opening, 0);
	}
	errno = saved;
	return mapping ? mapping->file : NULL;
}

/* Not `current`: that may be another one by now. */
static const struct mapping *mapping_of(const void *at)
{
	uintptr_t address = (uintptr_t)at;

	for (unsigned int i = 0; i < MAPPINGS_MOST; i++) {
		uintptr_t first = (uintptr_t)mappings[i].file;

		if (first && address >= first && address < first + sizeof(struct memory_file))
			return &mappings[i];
	}
	return NULL;
}

bool memory_file_has_room(const void *at, size_t size)
{
	const struct mapping *mapping = mapping_of(at);
	int fd, saved = errno;
	struct stat status;
	bool room;

	if (!mapping || mapping->private)
		return mapping != NULL;
	fd = open_file();
	room = fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == mapping->inode &&
	       status.st_dev == mapping->device &&
	       posix_fallocate(fd, (const char *)at - (const char *)mapping->file, (off_t)size) ==
		       0;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return room;
}

const char *memory_file_path(void)
{
	const struct mapping *mapping;

	memory_file();
	mapping = atomic_load(&current);
	return mapping && !mapping->private ? path : NULL;
}
