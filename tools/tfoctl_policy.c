/* SPDX-License-Identifier: MIT */
/*
 * tfoctl policy: the policy as the library will read it. What a policy means is the policy room's
 * business; here it is only shown.
 */
#include "policy/policy.h"
#include "tfoctl.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Verb, destination, ports, payload; what is behind them is the options. */
enum { COLUMNS = 4 };

void print_policy_problem(const struct policy_problem *problem)
{
	char text[2048];

	policy_problem_text(problem, text, sizeof(text));
	fputs(text, stderr);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', stderr);
}

static struct policy *load_file(const char *path, struct policy_problem *problem)
{
	struct policy *policy = policy_new();

	if (!policy) {
		snprintf(problem->file, sizeof(problem->file), "%s", path);
		snprintf(problem->sentence, sizeof(problem->sentence), "out of memory");
		return NULL;
	}
	if (policy_add_file(policy, path, problem) == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

/* The policy of the file that was named, else the one in force; NULL when it is bad, which is
 * said. */
static struct policy *load(int count, char **words)
{
	struct policy_problem problem = {0};
	struct policy *policy;

	if (count > 0)
		policy = load_file(words[0], &problem);
	else
		policy = policy_load(getenv("TFO_POLICY"), getenv("TFO_RULES"),
				     getenv("XDG_CONFIG_HOME"), getenv("HOME"), &problem);
	if (!policy)
		print_policy_problem(&problem);
	return policy;
}

/* The length of the column that begins at `text`: up to a space that is not quoted. */
static int column_length(const char *text)
{
	int length = 0;
	bool quoted = false;

	for (; text[length] && (quoted || text[length] != ' '); length++) {
		if (quoted && text[length] == '\\' && text[length + 1])
			length++;
		else if (text[length] == '"')
			quoted = !quoted;
	}
	return length;
}

static const char *next_column(const char *text)
{
	text += column_length(text);
	return *text == ' ' ? text + 1 : text;
}

/* Widths of the columns, and of the options as the last. */
static void measure(const struct policy_rule *rule, int widths[COLUMNS + 1])
{
	const char *text = rule->text;

	for (int i = 0; i < COLUMNS; i++) {
		int length = column_length(text);

		if (widths[i] < length)
			widths[i] = length;
		text = next_column(text);
	}
	if (widths[COLUMNS] < (int)strlen(text))
		widths[COLUMNS] = (int)strlen(text);
}

static void print_rule(const struct policy_rule *rule, const int widths[COLUMNS + 1])
{
	const char *text = rule->text;

	for (int i = 0; i < COLUMNS; i++) {
		printf("%-*.*s  ", widths[i], column_length(text), text);
		text = next_column(text);
	}
	if (widths[COLUMNS] > 0)
		printf("%-*s  ", widths[COLUMNS], text);
	printf("# %s:%u\n", rule->file, rule->line);
}

int policy_check_verb(int count, char **words)
{
	struct policy *policy = load(count, words);

	if (!policy)
		return EXIT_FAILURE;
	policy_free(policy);
	return EXIT_SUCCESS;
}

int policy_print_verb(int count, char **words)
{
	struct policy *policy = load(count, words);
	int widths[COLUMNS + 1] = {0};

	if (!policy)
		return EXIT_FAILURE;
	for (const struct policy_rule *rule = policy_first_rule(policy); rule; rule = rule->next)
		measure(rule, widths);
	for (const struct policy_rule *rule = policy_first_rule(policy); rule; rule = rule->next)
		print_rule(rule, widths);
	policy_free(policy);
	return EXIT_SUCCESS;
}

int policy_which_verb(int count, char **words)
{
	char path[PATH_MAX];

	(void)count;
	(void)words;
	if (policy_find(getenv("TFO_POLICY"), getenv("XDG_CONFIG_HOME"), getenv("HOME"), path,
			sizeof(path)) == 0)
		puts(path);
	else
		puts("built in");
	return EXIT_SUCCESS;
}
