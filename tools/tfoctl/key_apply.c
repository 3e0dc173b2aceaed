/* SPDX-License-Identifier: MIT */
/*
 * tfoctl key apply: gives the key in a file to servers that run, from outside. A listening socket
 * that has one of the file's keys gets all of them: so a key that was rotated is found by the old
 * one, which is its backup now, and no other socket is touched. The socket is reached by
 * pidfd_getfd(2) (Linux 5.6), which wants the permission to trace the process; where there is none,
 * the server takes the key by itself when it next accepts a connection.
 */
#include "place.h"
#include "policy.h"
#include "policy/key.h"
#include "tfoctl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_KEY
#define TCP_FASTOPEN_KEY 33 /* linux/tcp.h */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

struct search {
	struct key key;
	unsigned int found, closed; /* sockets; processes that cannot be looked into */
	bool failed;
};

static bool is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

static bool listens(int fd)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

static bool has_key_of(int fd, struct search *search, struct key *own)
{
	own->length = sizeof(own->bytes);
	return listens(fd) &&
	       getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, own->bytes, &own->length) == 0 &&
	       key_is_of(own, &search->key);
}

static void say_given(int fd, const char *pid)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	char place[PLACE_TEXT_SIZE];

	if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		printf("%s, process %s: key taken\n",
		       place_text((const struct sockaddr *)&address, place), pid);
}

static void give_key(int fd, const char *pid, struct search *search)
{
	struct key own;

	if (!has_key_of(fd, search, &own))
		return;
	search->found++;
	if (own.length == search->key.length &&
	    memcmp(own.bytes, search->key.bytes, own.length) == 0)
		return;
	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, search->key.bytes, search->key.length) ==
	    0) {
		say_given(fd, pid);
		return;
	}
	complain("process %s: the kernel refuses the key: %s", pid, strerror(errno));
	search->failed = true;
}

static bool is_socket(const char *descriptors, const char *number)
{
	char path[64], target[32];
	ssize_t length;

	if (snprintf(path, sizeof(path), "%s/%s", descriptors, number) >= (int)sizeof(path))
		return false;
	length = readlink(path, target, sizeof(target));
	return length > 8 && memcmp(target, "socket:[", 8) == 0;
}

/* False if the process may not be looked into. One that has ended meanwhile may. */
static bool look_into(const char *pid, int process, struct search *search)
{
	char descriptors[32];
	struct dirent *entry;
	bool may = true;
	DIR *directory;

	snprintf(descriptors, sizeof(descriptors), "/proc/%.10s/fd", pid);
	directory = opendir(descriptors);
	if (!directory)
		return errno != EACCES && errno != EPERM;
	while (may && (entry = readdir(directory))) {
		int fd;

		if (!is_number(entry->d_name) || !is_socket(descriptors, entry->d_name))
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, process, strtol(entry->d_name, NULL, 10), 0);
		may = fd >= 0 || errno != EPERM;
		if (fd >= 0) {
			give_key(fd, pid, search);
			close(fd);
		}
	}
	closedir(directory);
	return may;
}

static void look_into_process(const char *pid, struct search *search)
{
	int process = (int)syscall(SYS_pidfd_open, strtol(pid, NULL, 10), 0);

	if (process < 0)
		return;
	if (!look_into(pid, process, search))
		search->closed++;
	close(process);
}

/* Root asks all, others their own. */
static bool is_ours(const char *pid)
{
	struct stat status;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%.10s", pid);
	return geteuid() == 0 || (stat(path, &status) == 0 && status.st_uid == geteuid());
}

static void look_into_all(struct search *search)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	while (processes && (entry = readdir(processes))) {
		if (is_number(entry->d_name) && is_ours(entry->d_name))
			look_into_process(entry->d_name, search);
	}
	if (processes)
		closedir(processes);
}

static int apply(const char *path, int count, char **pids)
{
	struct search search = {0};
	struct policy_problem problem;

	if (key_read(path, &search.key, &problem) < 0) {
		complain("%s: %s", problem.file, problem.sentence);
		return STATUS_TROUBLE;
	}
	for (int i = 0; i < count; i++)
		look_into_process(pids[i], &search);
	if (count == 0)
		look_into_all(&search);
	if (search.closed)
		complain("%s: %u processes may not be looked into; a server among them takes the "
			 "key when it next accepts a connection",
			 path, search.closed);
	else if (!search.found)
		complain("%s: no listening socket has a key of it", path);
	return search.failed || search.closed ? STATUS_TROUBLE : EXIT_SUCCESS;
}

/* Each file once. */
static bool is_first(const struct policy *policy, const struct policy_rule *rule)
{
	const struct policy_rule *before = policy_first_listen_rule(policy);

	while (before != rule && !(before->key && strcmp(before->key, rule->key) == 0))
		before = before->next;
	return before == rule;
}

static int apply_policy(int count, char **pids)
{
	int status = EXIT_SUCCESS;
	bool bad, has_key = false;
	struct policy *policy = load_policy(NULL, NULL, &bad);

	if (!policy)
		return STATUS_TROUBLE;
	for (const struct policy_rule *rule = policy_first_listen_rule(policy); rule;
	     rule = rule->next) {
		if (!rule->key || !is_first(policy, rule))
			continue;
		has_key = true;
		if (apply(rule->key, count, pids) != EXIT_SUCCESS)
			status = STATUS_TROUBLE;
	}
	if (!has_key) {
		complain("key apply: no rule of the policy in force has a key=");
		status = STATUS_TROUBLE;
	}
	policy_free(policy);
	return status;
}

int key_apply_verb(int count, char **words)
{
	bool has_file = count > 0 && !is_number(words[0]);

	for (int i = has_file; i < count; i++) {
		if (!is_number(words[i]))
			return refuse_word(words[i]);
	}
	if (has_file)
		return apply(words[0], count - 1, words + 1);
	return apply_policy(count, words);
}
