/* SPDX-License-Identifier: MIT */
/*
 * tfoctl install: puts the runtime into a directory, for containers. It may be done again at any
 * time, beside processes that use what is there: each file is replaced as a whole, and one that is
 * right already is not touched. The policy is the operator's as soon as it is there.
 */
#include "file.h"
#include "runtime.h"
#include "tfoctl.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_BITS 07777u

static int fail(const char *path, int error)
{
	complain("%s: %s", path, strerror(error));
	return STATUS_TROUBLE;
}

/* Like mkdir -p. Returns 0 or an errno. */
static int make_directory(const char *path)
{
	char part[PATH_MAX];
	size_t length = strlen(path);
	struct stat status;

	if (length >= sizeof(part))
		return ENAMETOOLONG;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return errno;
	}
	if (stat(path, &status) != 0)
		return errno;
	return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

/* Whether the same bytes are there with the same mode; a symbolic link is something else. */
static bool is_there(const char *path, const char *bytes, size_t size, mode_t mode)
{
	struct stat status;
	char *present;
	size_t length;
	bool same;

	if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (status.st_mode & MODE_BITS) != mode || status.st_size != (off_t)size ||
	    file_read(path, &present, &length, &status) != 0)
		return false;
	same = length == size && memcmp(present, bytes, size) == 0;
	free(present);
	return same;
}

static int copy_part(const char *from, const char *to, mode_t mode)
{
	struct stat status;
	char *bytes;
	size_t size;
	int error = file_read(from, &bytes, &size, &status);

	if (error)
		return fail(from, error);
	if (!is_there(to, bytes, size, mode))
		error = file_replace(to, bytes, size, mode);
	free(bytes);
	return error ? fail(to, error) : EXIT_SUCCESS;
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static int install_part(const char *source, const char *directory, const struct runtime_part *part)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s/%s", source, part->name) >= (int)sizeof(from))
		return fail(source, ENAMETOOLONG);
	if (snprintf(to, sizeof(to), "%s/%s", directory, part->name) >= (int)sizeof(to))
		return fail(directory, ENAMETOOLONG);
	if (strcmp(part->name, RUNTIME_POLICY) == 0 && exists(to))
		return EXIT_SUCCESS;
	return copy_part(from, to, part->mode);
}

static int install(const char *directory)
{
	char source[PATH_MAX];
	int error, status = EXIT_SUCCESS;

	if (!runtime_find(source, sizeof(source)) || !runtime_is_whole(source))
		return STATUS_TROUBLE;
	error = make_directory(directory);
	if (error)
		return fail(directory, error);
	for (size_t i = 0; i < runtime_part_count && status == EXIT_SUCCESS; i++)
		status = install_part(source, directory, &runtime_parts[i]);
	return status;
}

int install_verb(int count, char **words)
{
	if (count > 0 && strcmp(words[0], "--") == 0) {
		count--;
		words++;
	} else if (count > 0 && words[0][0] == '-') {
		return refuse_word(words[0]);
	}
	if (count > 1)
		return refuse_word(words[1]);
	if (count == 0 || !*words[0]) {
		complain("install: needs a directory; try tfoctl --help");
		return STATUS_USAGE;
	}
	return install(words[0]);
}
