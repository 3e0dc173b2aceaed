/* SPDX-License-Identifier: MIT */
/* What is written into LD_PRELOAD (ld.so(8)). */
#include "start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME	"/libtfo-preload.so"
#define BY_LIB	"/$LIB" NAME
#define BETWEEN ": "

static bool ends_with(const char *text, size_t length, const char *end)
{
	size_t end_length = strlen(end);

	return length >= end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Whether the directory of glibc's loader is that of the library, below some prefix: then the
 * loader has it for $LIB, too. Returns the length of the prefix. */
static bool is_beside_loader(const char *library, const struct elf *elf, size_t *prefix)
{
	const char *libc = libc_of(elf), *directory;
	char path[PATH_MAX];
	size_t length = strlen(library);

	if (!libc || strcmp(libc, "glibc") != 0 || !realpath(elf->loader, path))
		return false;
	*strrchr(path, '/') = '\0';
	directory = strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
	if (!ends_with(library, length, NAME) ||
	    !ends_with(library, length - strlen(NAME), directory))
		return false;
	*prefix = length - strlen(NAME) - strlen(directory);
	return true;
}

/* Whether one for 32 bits stands below the same prefix. */
static bool has_lib32(const struct start_places *places, size_t prefix)
{
	char path[2 * PATH_MAX];

	for (const char *at = places->lib32; *at;) {
		size_t length = strcspn(at, " ");

		snprintf(path, sizeof(path), "%.*s/%.*s" NAME, (int)prefix, places->library,
			 (int)length, at);
		if (length && is_file(path))
			return true;
		at += length + (at[length] == ' ');
	}
	return false;
}

/* Children of 32 bits complain of a library of 64. Where the program's loader is beside the library
 * it has that directory for $LIB, and that of 32 bits another, in which they find an empty library.
 * musl knows no $LIB. */
static const char *name_library(const struct start_places *places, const struct elf *elf)
{
	size_t prefix;

	if (*places->lib32 && is_beside_loader(places->library, elf, &prefix) &&
	    has_lib32(places, prefix))
		return start_text("%.*s" BY_LIB, (int)prefix, places->library);
	return places->library;
}

/* By whatever path, and from whatever installation. */
static bool is_ours(const char *entry, const char *library)
{
	size_t length = strlen(entry);

	return is_same_file(entry, library) || ends_with(entry, length, BY_LIB) ||
	       (ends_with(entry, length, NAME) && is_file(entry));
}

/* Both by $LIB, or neither. */
static bool is_same_form(const char *one, const char *other)
{
	return ends_with(one, strlen(one), BY_LIB) == ends_with(other, strlen(other), BY_LIB);
}

/* Ours first, so that other preloaded libraries come after it in link order. Once is enough; what
 * was right for the program above is replaced if this one needs the other form. */
const char *start_preload(const struct start_places *places, const struct elf *elf)
{
	const char *list = getenv("LD_PRELOAD"), *ours = name_library(places, elf), *there = NULL;
	char *left, *rest = start_text("%s", "");

	if (!list || !*list)
		return ours;
	left = start_text("%s", list);
	for (char *entry = strtok(left, BETWEEN); entry; entry = strtok(NULL, BETWEEN)) {
		if (is_ours(entry, places->library))
			there = entry;
		else
			rest = start_text("%s:%s", rest, entry);
	}
	if (!there)
		return start_text("%s:%s", ours, list);
	return is_same_form(there, ours) ? list : start_text("%s%s", ours, rest);
}
