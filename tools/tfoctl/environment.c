/* SPDX-License-Identifier: MIT */
/*
 * A shell takes its environment for its variables: dash drops what cannot be one (the functions
 * that bash exports, BASH_FUNC_name%%), and each has some of its own that it passes on.
 */
#include "environment.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read so much at once: most are smaller. */
#define ENVIRONMENT_PIECE ((size_t)64 << 10)

/* What shells add where it was not. */
static const char *const own[] = {"PWD", "OLDPWD", "SHLVL"};

/* Our parent, as /proc numbers it: that may be of another namespace than we are in. 0: not known.
 */
static long parent_in_proc(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	long parent = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "PPid:", 5) == 0)
			parent = strtol(line + 5, NULL, 10);
	if (file)
		fclose(file);
	return parent;
}

/* Our parent's first environment: NAME=VALUE, each with its NUL. NULL: cannot be read. */
static char *read_first(size_t *size)
{
	char path[64], *all = NULL;
	size_t room = 0;
	FILE *file;

	*size = 0;
	snprintf(path, sizeof(path), "/proc/%ld/environ", parent_in_proc());
	file = fopen(path, "re");
	if (!file)
		return NULL;
	do {
		char *more = realloc(all, room += ENVIRONMENT_PIECE);

		if (!more) {
			free(all);
			fclose(file);
			return NULL;
		}
		all = more;
		*size += fread(all + *size, 1, room - 1 - *size, file);
	} while (*size == room - 1);
	fclose(file);
	all[*size] = '\0';
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

static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		putchar(*text);
	}
	fputs("' ", stdout);
}

static void print_lost(const char *entry, const char *end)
{
	bool any = false;

	for (; entry; entry = next(entry, end)) {
		if (!is_lost(entry))
			continue;
		if (!any)
			fputs("tfo_lost=yes; set -- ", stdout);
		any = true;
		print_quoted(entry);
	}
	if (any)
		puts("-- \"$@\"");
}

void print_repairs(void)
{
	size_t size;
	char *first = read_first(&size);

	if (!first || !size) {
		free(first);
		return;
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (getenv(own[i]) && !has(first, first + size, own[i]))
			printf("unset %s\n", own[i]);
	print_lost(first, first + size);
	free(first);
}
