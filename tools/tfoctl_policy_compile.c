/* SPDX-License-Identifier: MIT */
/* tfoctl policy compile: the compiled form of a policy, put next to it. */
#include "policy/policy.h"
#include "tfoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

/* Processes have the old one mapped: it is never written to, only replaced. */
static int replace_file(const char *path, const uint8_t *bytes, size_t size)
{
	char fresh[PATH_MAX];
	int fd, error = 0;

	if (snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= (int)sizeof(fresh))
		return ENAMETOOLONG;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (!write_all(fd, bytes, size) || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(fresh, path) != 0)
		error = errno;
	if (error)
		unlink(fresh);
	return error;
}

static int compile(struct policy *policy, const char *policy_path)
{
	char path[PATH_MAX];
	size_t size;
	const uint8_t *bytes = policy_image(policy, &size);
	int error;

	if (!bytes || !policy_image_path(policy_path, path, sizeof(path))) {
		complain("%s: too large to be compiled", policy_path);
		return STATUS_TROUBLE;
	}
	error = replace_file(path, bytes, size);
	if (error) {
		complain("%s: cannot be written: %s", path, strerror(error));
		return STATUS_TROUBLE;
	}
	return EXIT_SUCCESS;
}

int policy_compile_verb(int count, char **words)
{
	struct policy_problem problem = {0};
	struct policy *policy;
	char path[PATH_MAX];
	int status;

	if (count > 0)
		snprintf(path, sizeof(path), "%s", words[0]);
	else if (policy_find(getenv("TFO_POLICY"), getenv("XDG_CONFIG_HOME"), getenv("HOME"), path,
			     sizeof(path)) != 0) {
		complain("there is no policy file: the one that is built in needs no compiling");
		return STATUS_TROUBLE;
	}
	/* Rules of the environment are not the file's. */
	policy = policy_load(path, NULL, NULL, NULL, &problem);
	if (!policy) {
		print_policy_problem(&problem);
		return EXIT_FAILURE;
	}
	status = compile(policy, path);
	policy_free(policy);
	return status;
}
