/* SPDX-License-Identifier: MIT */
/*
 * tfoctl check: is everything there that Fast Open takes, on this machine and in a program? What a
 * program is stands in tfoctl_program.c; here it is only said.
 */
#include "tfoctl.h"
#include "tfoctl_policy.h"
#include "tfoctl_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tfo-run ends with: of env(1), and so of a shell. */
enum { STATUS_NOT_STARTED = 125, STATUS_NOT_EXECUTABLE = 126 };

struct wish {
	bool quiet;
	const char *command;
};

/* For tfo-run, which has found the program and says by itself whose sentence it is. */
static int check_start(const char *path)
{
	struct program program;

	program_examine(path, &program);
	if (program.reach == REACH_NO || program.reach == REACH_CANNOT_RUN) {
		puts(program.why);
		return program.reach == REACH_NO ? STATUS_NOT_STARTED : STATUS_NOT_EXECUTABLE;
	}
	return policy_is_good() ? EXIT_SUCCESS : STATUS_TROUBLE;
}

static int check_program(const char *command)
{
	struct program program;
	char path[PATH_MAX];

	if (!program_find(command, path, sizeof(path))) {
		complain("%s: no such program", command);
		return STATUS_TROUBLE;
	}
	program_examine(path, &program);
	if (program.reach == REACH_YES || program.reach == REACH_UNKNOWN) {
		printf("%s: reached by LD_PRELOAD\n", path);
		return EXIT_SUCCESS;
	}
	printf("%s: %s\n", path, program.why);
	return STATUS_TROUBLE;
}

static int read_words(int count, char **words, struct wish *wish)
{
	bool options = true;

	for (int i = 0; i < count; i++) {
		if (options && strcmp(words[i], "--") == 0)
			options = false;
		else if (options && strcmp(words[i], "--quiet") == 0)
			wish->quiet = true;
		else if ((options && words[i][0] == '-') || wish->command)
			return refuse_word(words[i]);
		else
			wish->command = words[i];
	}
	return 0;
}

int check_verb(int count, char **words)
{
	struct wish wish = {0};
	int status = read_words(count, words, &wish);

	if (status)
		return status;
	if (!wish.command) {
		complain("check: no command; try tfoctl --help");
		return STATUS_USAGE;
	}
	return wish.quiet ? check_start(wish.command) : check_program(wish.command);
}
