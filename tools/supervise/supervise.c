/* SPDX-License-Identifier: MIT */
/* The command line: tfo-run's, which has checked the command, the policy and the log. */
#include "supervise.h"

#include "process.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of env(1), and so of a shell. */
enum { STATUS_NOT_STARTED = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

static int refuse_usage(void)
{
	fputs("usage: tfo-supervise [--require] [--] COMMAND [ARG...]\n"
	      "Run COMMAND as tfo-run --supervise does, which makes some checks before.\n",
	      stderr);
	return STATUS_NOT_STARTED;
}

/* False if the command is not to be run. */
static bool is_content(const char *command, const char *why_not, bool required)
{
	/* Somebody else sees to it: nothing is missing. */
	if (why_not == supervise_nested) {
		say_open(getenv("TFO_LOG"));
		say_line(supervise_nested);
		return true;
	}
	if (!why_not)
		return true;
	fprintf(stderr,
		required ? "tfo-run: %s: not run, because it cannot be supervised: %s\n"
			 : "tfo-run: %s: runs without Fast Open, because it cannot be supervised: "
			   "%s\n",
		command, why_not);
	return !required;
}

int main(int count, char **words)
{
	bool required = false;
	int at = 1;

	process_remember_words(count, words);
	if (at < count && strcmp(words[at], "--require") == 0) {
		required = true;
		at++;
	}
	if (at < count && strcmp(words[at], "--") == 0)
		at++;
	else if (at < count && words[at][0] == '-')
		return refuse_usage();
	if (at >= count)
		return refuse_usage();
	if (!is_content(words[at], supervise_start(), required))
		return STATUS_NOT_STARTED;
	execvp(words[at], words + at);
	fprintf(stderr, "tfo-run: %s: %s\n", words[at], strerror(errno));
	return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}
