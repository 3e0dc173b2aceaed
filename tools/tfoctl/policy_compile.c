/* SPDX-License-Identifier: MIT */
/* tfoctl policy compile: the compiled form of a policy, put next to it. */
#include "file.h"
#include "policy/policy.h"
#include "tfoctl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	/* Processes have the old one mapped: it is never written to, only replaced. */
	error = file_replace(path, bytes, size, 0644);
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
