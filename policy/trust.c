/* SPDX-License-Identifier: MIT */
/* Who could change a file behind the operator's back. */
#include "trust.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Reads the beginning of a small file; the length, -1 if it cannot be read. */
static ssize_t read_beginning(const char *path, char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, bytes, size) : -1;

	if (fd >= 0)
		close(fd);
	return length;
}

static bool take_number(const char **at, const char *end, uint64_t *number)
{
	const char *first;

	while (*at < end && **at == ' ')
		++*at;
	*number = 0;
	for (first = *at; *at < end && **at >= '0' && **at <= '9'; ++*at)
		*number = *number * 10 + (uint64_t)(**at - '0');
	return *at > first;
}

/* Whether users are missing in this user namespace: user_namespaces(7), "Defining user and group ID
 * mappings". The first namespace, and one like it, maps all of them in one line; one without any
 * line knows nobody. */
static bool some_users_are_unknown(void)
{
	char map[64];
	ssize_t length = read_beginning("/proc/self/uid_map", map, sizeof(map));
	const char *at = map, *end = map + length;
	uint64_t inside, outside, count;

	if (length < 0)
		return false;
	return !(take_number(&at, end, &inside) && take_number(&at, end, &outside) &&
		 take_number(&at, end, &count) && inside == 0 && count >= UINT32_MAX);
}

/* The kernel gives everybody it has no number for the same one: it may be root's, or anybody's. */
static bool is_unknown(uid_t owner)
{
	char digits[16];
	ssize_t length = read_beginning("/proc/sys/kernel/overflowuid", digits, sizeof(digits));
	const char *at = digits;
	uint64_t overflow;

	return length > 0 && take_number(&at, digits + length, &overflow) && owner == overflow &&
	       some_users_are_unknown();
}

/* Only root puts files there, so one that belongs to an unknown user is root's of the machine. */
static bool is_in_etc(const char *path)
{
	return strncmp(path, "/etc/", strlen("/etc/")) == 0 && !strstr(path, "/../");
}

static int refuse(struct policy_problem *problem, const char *path, const char *sentence)
{
	struct text text = problem_with_file(problem, path);

	text_add(&text, sentence);
	return -1;
}

static int refuse_owner(struct policy_problem *problem, const char *path, uid_t owner)
{
	struct text text = problem_with_file(problem, path);

	text_add(&text, "it belongs to user ");
	text_add_number(&text, owner);
	text_add(&text, ", who could change what is allowed: it must belong to root or to user ");
	text_add_number(&text, geteuid());
	return -1;
}

int trust_check(const struct stat *status, const char *path, struct policy_problem *problem)
{
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(problem, path,
			      status->st_mode & S_IWOTH
				      ? "everybody can write to it, and so change what is "
					"allowed: take that away with chmod go-w"
				      : "its group can write to it, and so change what is "
					"allowed: take that away with chmod go-w");
	/* First, because in a namespace without any mapping the user has the same number. */
	if (is_unknown(status->st_uid) && !is_in_etc(path))
		return refuse(problem, path,
			      "its owner is not known in this user namespace: it must belong to a "
			      "user who is, or lie in /etc");
	if (status->st_uid != 0 && status->st_uid != geteuid() && !is_unknown(status->st_uid))
		return refuse_owner(problem, path, status->st_uid);
	return 0;
}
