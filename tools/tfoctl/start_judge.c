/* SPDX-License-Identifier: MIT */
/* Whether tfo-run starts a program, and how: by LD_PRELOAD, supervised, or not at all. */
#include "start.h"
#include "tfoctl.h"
#include "tools/supervise/supervise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *libc_of(const struct elf *elf)
{
	const char *slash = strrchr(elf->loader, '/'), *name = slash ? slash + 1 : elf->loader;

	if (elf->kind != ELF_DYNAMIC)
		return NULL;
	if (strncmp(name, "ld-musl-", 8) == 0)
		return "musl";
	return strncmp(name, "ld-linux", 8) == 0 ? "glibc" : name;
}

unsigned int count_supervised(const struct policy *policy)
{
	unsigned int count = 0;

	for (const struct policy_rule *rule = policy_first_rule(policy); rule; rule = rule->next)
		count += policy_rule_allows_supervision(rule);
	return count;
}

bool is_to_be_supervised(const struct program *program, unsigned int rules)
{
	return program->reach == REACH_NO && program->is_supervisable && rules > 0 &&
	       !supervise_trouble();
}

/* With what would reach it. */
static int refuse(const struct program *program, const char **why)
{
	const char *trouble = program->is_supervisable ? supervise_trouble() : NULL;

	if (trouble)
		*why = start_text("%s; nor can it be supervised: %s", program->why, trouble);
	else if (program->is_supervisable)
		*why = start_text("%s; tfo-run --supervise reaches it, under rules with payload "
				  "any or supervise=yes",
				  program->why);
	else
		*why = program->why;
	return STATUS_NOT_STARTED;
}

static int judge_policy(void)
{
	return policy_is_good() ? EXIT_SUCCESS : STATUS_TROUBLE;
}

/* A supervised program gains no privileges, unless root supervises it. */
static int judge_supervised(const struct program *program, const char **why)
{
	if (!program->is_privileged || geteuid() == 0)
		return judge_policy();
	*why = "it gains privileges when it is run, which a supervised program cannot";
	return STATUS_NOT_STARTED;
}

/* A program that only a supervisor reaches. */
static int judge_unreached(const struct program *program, const char **why)
{
	bool bad;
	struct policy *policy = load_policy(NULL, NULL, &bad);
	unsigned int rules = policy && !bad ? count_supervised(policy) : 0;

	policy_free(policy);
	if (!policy || bad)
		return STATUS_TROUBLE;
	return is_to_be_supervised(program, rules) ? STATUS_SUPERVISE : refuse(program, why);
}

int judge_start(const char *file, const struct start_wish *wish, struct program *program,
		const char **why)
{
	*why = NULL;
	*program = (struct program){.reach = REACH_UNKNOWN};
	if (!wish->force)
		program_examine(file, program);
	if (program->reach == REACH_CANNOT_RUN) {
		*why = program->why;
		return STATUS_NOT_EXECUTABLE;
	}
	if (wish->supervise)
		return judge_supervised(program, why);
	if (program->reach != REACH_NO)
		return judge_policy();
	return program->is_supervisable ? judge_unreached(program, why) : refuse(program, why);
}
