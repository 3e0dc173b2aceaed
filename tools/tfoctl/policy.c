/* SPDX-License-Identifier: MIT */
/*
 * tfoctl policy: the policy as the library will read it. What a policy means is the policy room's
 * business; here it is only shown. What may not be meant is found in policy_warnings.c, one
 * decision is explained in policy_explain.c.
 */
#include "policy.h"

#include "tfoctl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many problems are shown: behind the first few they are mostly of one kind. */
#define PROBLEMS_SHOWN 20u

struct wish {
	bool json, strict, only_problems;
	const char *file;
};

void print_policy_problem(const struct policy_problem *problem)
{
	char text[2048];

	policy_problem_text(problem, text, sizeof(text));
	fputs(text, stderr);
}

static struct policy *refuse_without_memory(bool *bad)
{
	complain("there is not enough memory for the policy");
	*bad = true;
	return NULL;
}

static int add_file_in_force(struct policy *policy, struct policy_problem *problem)
{
	char path[PATH_MAX];

	if (policy_find(getenv("TFO_POLICY"), getenv("XDG_CONFIG_HOME"), getenv("HOME"), path,
			sizeof(path)) == 0)
		return policy_add_file(policy, path, problem);
	return policy_add_text(policy, "the default policy", policy_default_text,
			       policy_default_length, problem);
}

/* As policy_load() does it, but to the end: a listener hears of the file's problems, too. */
static int add_rules_in_force(struct policy *policy, struct policy_problem *problem)
{
	const char *extra = getenv("TFO_RULES");
	int result = 0;

	if (extra)
		result = policy_add_text(policy, "TFO_RULES", extra, strlen(extra), problem);
	return add_file_in_force(policy, problem) < 0 ? -1 : result;
}

/* What the listener was not told, because nothing could be read. */
struct told {
	const struct policy_listener *listener;
	unsigned int problems;
};

static void pass_problem(const struct policy_problem *problem, void *context)
{
	struct told *told = context;

	told->problems++;
	told->listener->problem(problem, told->listener->context);
}

static void pass_warning(const struct policy_problem *warning, void *context)
{
	const struct told *told = context;

	told->listener->warning(warning, told->listener->context);
}

static struct policy *load_all(const char *file, const struct policy_listener *listener, bool *bad)
{
	struct told told = {.listener = listener};
	const struct policy_listener passing = {pass_problem, pass_warning, &told};
	struct policy_problem problem = {0};
	struct policy *policy = policy_new();
	int result;

	if (!policy)
		return refuse_without_memory(bad);
	policy_listen(policy, &passing);
	result = file ? policy_add_file(policy, file, &problem)
		      : add_rules_in_force(policy, &problem);
	policy_listen(policy, NULL);
	if (result < 0 && told.problems == 0)
		listener->problem(&problem, listener->context);
	*bad = result < 0;
	return policy;
}

static void print_problem(const struct policy_problem *problem, void *context)
{
	bool *printed = context;

	if (!*printed)
		print_policy_problem(problem);
	*printed = true;
}

static void ignore_warning(const struct policy_problem *warning, void *context)
{
	(void)warning;
	(void)context;
}

struct policy *load_policy(const char *file, const struct policy_listener *listener, bool *bad)
{
	bool printed = false;
	const struct policy_listener first = {print_problem, ignore_warning, &printed};
	struct policy *policy = load_all(file, listener ? listener : &first, bad);

	if (listener || !*bad)
		return policy;
	policy_free(policy);
	return NULL;
}

/* A rule's columns. */

/* Up to a space that is not quoted. */
static size_t column_length(const char *text)
{
	size_t length = 0;
	bool quoted = false;

	for (; text[length] && (quoted || text[length] != ' '); length++) {
		if (quoted && text[length] == '\\' && text[length + 1])
			length++;
		else if (text[length] == '"')
			quoted = !quoted;
	}
	return length;
}

void cut_rule(struct rule_columns *cut, const struct policy_rule *rule)
{
	char *at = cut->text;

	policy_rule_text(rule, cut->text, sizeof(cut->text));
	for (int i = 0; i < RULE_COLUMNS; i++) {
		cut->columns[i] = at;
		if (i == RULE_OPTIONS)
			break;
		if (i == RULE_PAYLOAD && rule->verb != POLICY_ALLOW) {
			cut->columns[i] = "";
			continue;
		}
		at += column_length(at);
		if (*at)
			*at++ = '\0';
	}
}

static void json_if_set(struct json *json, const char *key, unsigned int number)
{
	if (number)
		json_number(json, key, number);
	else
		json_text(json, key, NULL);
}

static void json_options(struct json *json, const struct policy_rule *rule)
{
	json_if_set(json, "hold_us", rule->hold_us);
	json_bool(json, "verify", rule->verify);
	json_number(json, "minrtt_us", rule->minrtt_us);
	json_if_set(json, "max_bytes", rule->max_bytes);
	json_number(json, "suspend_s", rule->suspend_s);
	json_if_set(json, "control_share", rule->control_share);
	json_bool(json, "supervise", policy_rule_allows_supervision(rule));
}

void json_rule(struct json *json, const struct policy_rule *rule)
{
	static struct rule_columns cut;

	cut_rule(&cut, rule);
	json_text(json, "file", rule->file);
	json_number(json, "line", rule->line);
	json_text(json, "text", rule->text);
	json_text(json, "verb", cut.columns[RULE_VERB]);
	json_text(json, "destination", cut.columns[RULE_DESTINATION]);
	json_text(json, "ports", cut.columns[RULE_PORTS]);
	json_text(json, "program", rule->program);
	json_text(json, "payload", cut.columns[RULE_PAYLOAD]);
	if (rule->verb == POLICY_ALLOW)
		json_options(json, rule);
	if (rule->verb == POLICY_LISTEN) {
		json_number(json, "backlog", rule->backlog);
		json_text(json, "key", rule->key);
	}
}

/* tfoctl policy print. */

static void measure(const struct policy_rule *rule, void *context)
{
	int *widths = context;
	static struct rule_columns cut;

	cut_rule(&cut, rule);
	for (int i = 0; i < RULE_COLUMNS; i++) {
		int length = (int)strlen(cut.columns[i]);

		if (widths[i] < length)
			widths[i] = length;
	}
}

static void print_rule(const struct policy_rule *rule, void *context)
{
	const int *widths = context;
	static struct rule_columns cut;

	cut_rule(&cut, rule);
	for (int i = 0; i < RULE_COLUMNS; i++) {
		if (i < RULE_OPTIONS || widths[i] > 0)
			printf("%-*s  ", widths[i], cut.columns[i]);
	}
	printf("# %s:%u\n", rule->file, rule->line);
}

/* Calls `visit` for every rule: those for connections, then those for servers. */
static void each_rule(const struct policy *policy,
		      void (*visit)(const struct policy_rule *rule, void *context), void *context)
{
	const struct policy_rule *firsts[] = {policy_first_rule(policy),
					      policy_first_listen_rule(policy)};

	for (size_t i = 0; i < 2; i++)
		for (const struct policy_rule *rule = firsts[i]; rule; rule = rule->next)
			visit(rule, context);
}

static void print_rules(const struct policy *policy)
{
	int widths[RULE_COLUMNS] = {0};

	each_rule(policy, measure, widths);
	each_rule(policy, print_rule, widths);
}

static void print_rule_as_json(const struct policy_rule *rule, void *context)
{
	struct json *json = context;

	json_item(json);
	json_open(json);
	json_rule(json, rule);
	json_close(json);
}

static void print_rules_as_json(const struct policy *policy)
{
	struct json json = {.to = stdout};

	json_open(&json);
	json_open_list(&json, "rules");
	each_rule(policy, print_rule_as_json, &json);
	json_close_list(&json);
	json_close(&json);
	putchar('\n');
}

/* tfoctl policy check. */

struct findings {
	const struct wish *wish;
	struct json json;
	unsigned int problems, warnings;
	struct policy_problem
		*kept; /* warnings of the parser, which are said behind all problems */
	unsigned int kept_count;
};

static void json_problem(struct json *json, const struct policy_problem *problem)
{
	json_item(json);
	json_open(json);
	json_text(json, "file", problem->file);
	if (problem->line) {
		json_number(json, "line", problem->line);
		json_number(json, "column", problem->column);
		json_number(json, "width", problem->width);
		json_text(json, "source", problem->source);
	}
	json_text(json, "sentence", problem->sentence);
	json_text(json, "included_from", problem->included_from);
	json_close(json);
}

static void find_problem(const struct policy_problem *problem, void *context)
{
	struct findings *findings = context;

	findings->problems++;
	if (findings->wish->json)
		json_problem(&findings->json, problem);
	else if (findings->problems <= PROBLEMS_SHOWN)
		print_policy_problem(problem);
}

static void keep_warning(const struct policy_problem *warning, void *context)
{
	struct findings *findings = context;
	struct policy_problem *more =
		reallocarray(findings->kept, findings->kept_count + 1, sizeof(*findings->kept));

	if (!more)
		return;
	findings->kept = more;
	findings->kept[findings->kept_count++] = *warning;
}

static void say_warning(const struct policy_problem *warning, struct findings *findings)
{
	char text[2048];

	findings->warnings++;
	if (findings->wish->json) {
		json_problem(&findings->json, warning);
	} else if (findings->warnings <= PROBLEMS_SHOWN) {
		policy_warning_text(warning, text, sizeof(text));
		fputs(text, stderr);
	}
}

static void json_rule_warning(struct json *json, const struct policy_rule *rule,
			      const char *sentence)
{
	json_item(json);
	json_open(json);
	json_text(json, "file", rule->file);
	json_number(json, "line", rule->line);
	json_text(json, "source", rule->text);
	json_text(json, "sentence", sentence);
	json_close(json);
}

static void say_rule_warning(const struct policy_rule *rule, const char *sentence, void *context)
{
	struct findings *findings = context;

	findings->warnings++;
	if (findings->wish->json)
		json_rule_warning(&findings->json, rule, sentence);
	else if (findings->warnings <= PROBLEMS_SHOWN)
		fprintf(stderr, "%s:%u: warning: %s\n%s\n", rule->file, rule->line, sentence,
			rule->text);
}

static void say_how_many_more(const struct wish *wish, unsigned int count, const char *what)
{
	if (!wish->json && count > PROBLEMS_SHOWN)
		complain("and %u more %s", count - PROBLEMS_SHOWN, what);
}

static void say_warnings(struct findings *findings, const struct policy *policy)
{
	for (unsigned int i = 0; i < findings->kept_count; i++)
		say_warning(&findings->kept[i], findings);
	find_rule_warnings(policy, say_rule_warning, findings);
	say_how_many_more(findings->wish, findings->warnings, "warnings");
}

static void count_rule(const struct policy_rule *rule, void *context)
{
	unsigned int *count = context;

	(void)rule;
	++*count;
}

unsigned int count_rules(const struct policy *policy)
{
	unsigned int count = 0;

	each_rule(policy, count_rule, &count);
	return count;
}

/* One object, whose lists are filled while the policy is read. */
static void begin_json(struct json *json)
{
	*json = (struct json){.to = stdout};
	json_open(json);
	json_open_list(json, "problems");
}

static void begin_json_warnings(struct json *json)
{
	json_close_list(json);
	json_open_list(json, "warnings");
}

static void end_json(struct json *json, const struct policy *policy, bool good)
{
	json_close_list(json);
	json_number(json, "rules", count_rules(policy));
	json_bool(json, "good", good);
	json_close(json);
	putchar('\n');
}

static bool check(const struct wish *wish)
{
	struct findings findings = {.wish = wish};
	const struct policy_listener listener = {find_problem, keep_warning, &findings};
	struct policy *policy;
	bool bad;

	if (wish->json)
		begin_json(&findings.json);
	policy = load_policy(wish->file, &listener, &bad);
	say_how_many_more(wish, findings.problems, "problems");
	if (wish->json)
		begin_json_warnings(&findings.json);
	if (!wish->only_problems)
		say_warnings(&findings, policy);
	bad |= wish->strict && findings.warnings > 0;
	if (wish->json)
		end_json(&findings.json, policy, !bad);
	free(findings.kept);
	policy_free(policy);
	return !bad;
}

bool policy_is_good(void)
{
	const struct wish wish = {.only_problems = true};

	return check(&wish);
}

/* Options and at most one file; those of `check` only for that. */
static int read_words(int count, char **words, bool is_check, struct wish *wish)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], "--json") == 0)
			wish->json = true;
		else if (is_check && strcmp(words[i], "--strict") == 0)
			wish->strict = true;
		else if (is_check && strcmp(words[i], "--no-warnings") == 0)
			wish->only_problems = true;
		else if (words[i][0] == '-' || wish->file)
			return refuse_word(words[i]);
		else
			wish->file = words[i];
	}
	return 0;
}

int policy_check_verb(int count, char **words)
{
	struct wish wish = {0};
	int status = read_words(count, words, true, &wish);

	if (status)
		return status;
	return check(&wish) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int policy_print_verb(int count, char **words)
{
	struct wish wish = {0};
	int status = read_words(count, words, false, &wish);
	struct policy *policy;
	bool bad;

	if (status)
		return status;
	policy = load_policy(wish.file, NULL, &bad);
	if (!policy)
		return EXIT_FAILURE;
	if (wish.json)
		print_rules_as_json(policy);
	else
		print_rules(policy);
	policy_free(policy);
	return EXIT_SUCCESS;
}

int policy_which_verb(int count, char **words)
{
	struct json json = {.to = stdout};
	struct wish wish = {0};
	int status = read_words(count, words, false, &wish);
	char path[PATH_MAX];
	bool found;

	if (status)
		return status;
	if (wish.file)
		return refuse_word(wish.file);
	found = policy_find(getenv("TFO_POLICY"), getenv("XDG_CONFIG_HOME"), getenv("HOME"), path,
			    sizeof(path)) == 0;
	if (!wish.json) {
		puts(found ? path : "built in");
		return EXIT_SUCCESS;
	}
	json_open(&json);
	json_text(&json, "file", found ? path : NULL);
	json_text(&json, "rules_first", getenv("TFO_RULES"));
	json_close(&json);
	putchar('\n');
	return EXIT_SUCCESS;
}
