/* SPDX-License-Identifier: MIT */
/*
 * A shell takes its environment for its variables: dash drops what cannot be one (the functions
 * that bash exports, BASH_FUNC_name%%), and each has some of its own that it passes on. This
 * compares our environment, which is what the shell of tfo-run, our parent, passes on, with the one
 * that it was started with, and says what makes good the difference.
 */
#include "quote.h"
#include "tfoctl.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What shells add where it was not. */
static const char *const own[] = {"PWD", "OLDPWD", "SHLVL"};

static size_t read_all(int fd, char *to, size_t size)
{
	size_t count = 0;
	ssize_t got;

	while (count < size && (got = read(fd, to + count, size - count)) > 0)
		count += (size_t)got;
	return count;
}

/* Our parent, as /proc numbers it: that may be of another namespace than we are in. 0: not known.
 */
static long parent_in_proc(void)
{
	char line[256];
	const char *behind_name; /* in which anything may stand */
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	line[read_all(fd, line, sizeof(line) - 1)] = '\0';
	close(fd);
	behind_name = strrchr(line, ')');
	/* ") S 123": the state, and the parent (proc(5)). */
	return behind_name && strlen(behind_name) > 4 ? strtol(behind_name + 4, NULL, 10) : 0;
}

/* Our parent's first environment: NAME=VALUE, each with its NUL, and another NUL behind them. NULL:
 * cannot be read. It stays. */
static char *read_first(size_t *size)
{
	static char usual[64 << 10]; /* larger than most */
	char path[64], *all = usual;
	size_t room = sizeof(usual);
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/environ", parent_in_proc());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	*size = read_all(fd, all, room - 1);
	while (*size == room - 1) {
		char *more = calloc(1, room *= 2);

		if (!more) {
			close(fd);
			return NULL;
		}
		memcpy(more, all, *size);
		if (all != usual)
			free(all);
		all = more;
		*size += read_all(fd, all + *size, room - 1 - *size);
	}
	close(fd);
	return all;
}

static const char *next(const char *entry, const char *end)
{
	entry += strlen(entry) + 1;
	return entry < end ? entry : NULL;
}

static bool is_name_of(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool has(const char *entry, const char *end, const char *name)
{
	for (; entry; entry = next(entry, end))
		if (is_name_of(entry, name))
			return true;
	return false;
}

/* What no shell can have as a variable, and ours has not passed on. */
static bool is_lost(const char *entry)
{
	const char *equals = strchr(entry, '=');
	bool is_variable = equals && (isalpha((unsigned char)*entry) || *entry == '_');
	char *name;
	bool lost;

	for (const char *at = entry; equals && at < equals; at++)
		is_variable &= isalnum((unsigned char)*at) || *at == '_';
	if (is_variable || !equals || equals == entry)
		return false;
	name = strndup(entry, (size_t)(equals - entry));
	lost = name && !getenv(name);
	free(name);
	return lost;
}

/* By the shell: we have it, and it was not there. */
static bool is_made(const char *first, const char *end, const char *name)
{
	return getenv(name) && !has(first, end, name);
}

static bool any_lost(const char *entry, const char *end)
{
	for (; entry; entry = next(entry, end))
		if (is_lost(entry))
			return true;
	return false;
}

static void print_lost(const char *entry, const char *end)
{
	fputs("set --", stdout);
	for (; entry; entry = next(entry, end)) {
		if (!is_lost(entry))
			continue;
		putchar(' ');
		print_quoted(entry);
	}
	puts(" \"$@\"");
}

static void print_repairs(const char *first, const char *end)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (is_made(first, end, own[i]))
			printf("unset %s\n", own[i]);
	if (any_lost(first, end))
		print_lost(first, end);
}

/* dash, which has made PWD at most, is spared a second question. */
static int judge(const char *first, const char *end)
{
	if (any_lost(first, end) || is_made(first, end, "OLDPWD") || is_made(first, end, "SHLVL"))
		return STATUS_CHANGED;
	return is_made(first, end, "PWD") ? STATUS_HAS_PWD : EXIT_SUCCESS;
}

/* [--print] */
int environment_verb(int count, char **words)
{
	size_t size;
	char *first = read_first(&size);
	int status = EXIT_SUCCESS;

	if (first && size) {
		if (count && strcmp(words[0], "--print") == 0)
			print_repairs(first, first + size);
		else
			status = judge(first, first + size);
	}
	return status;
}
