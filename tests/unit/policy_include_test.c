/* SPDX-License-Identifier: MIT */
/*
 * A policy in several files: which are read, in which order, what is said of a bad one and where
 * it was included, what is remembered of them, and that a listener hears of every problem.
 */
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy_check.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *pattern, *name;
	bool matches;
} globs[] = {
	{"*", "a", true},
	{"*", ".a", false},
	{".*", ".a", true},
	{"?a", ".a", false},
	{"[.]a", ".a", false},
	{"*.policy", "a.policy", true},
	{"*.policy", ".policy", false},
	{"*.policy", "a.policy~", false},
	{"*.policy", "policy", false},
	{"a*b*c", "abxbyc", true},
	{"a*b*c", "abxbyd", false},
	{"**", "x", true},
	{"*a", "aaab", false},
	{"*ab", "aaab", true},
	{"?", "\xc3\xbc", true},
	{"??", "\xc3\xbc", false},
	{"?x", "\xffx", true},
	{"[ab]", "b", true},
	{"[ab]", "c", false},
	{"[a-c]x", "bx", true},
	{"[!a-c]", "b", false},
	{"[^a-c]", "d", true},
	{"[]]", "]", true},
	{"[!]]", "]", false},
	{"[a-]", "-", true},
	{"[*]", "*", true},
	{"[*]", "x", false},
	{"[a", "[a", true},
	{"[a", "a", false},
	{"[", "[", true},
	{"a\\*", "a\\b", true},
	{"", "", true},
	{"a", "", false},
	{"*", "", true},
	{"a", "ab", false},
	{"10-*", "10-x", true},
};

static void test_globs(void)
{
	for (size_t i = 0; i < COUNT(globs); i++)
		check(glob_matches(globs[i].pattern, globs[i].name) == globs[i].matches,
		      "\"%s\" and \"%s\"", globs[i].pattern, globs[i].name);
	check(glob_is_pattern("a?", 2) && glob_is_pattern("[", 1) && !glob_is_pattern("a*", 1),
	      "what a pattern is");
}

static char directory[] = "/tmp/tfo-include-test.XXXXXX";
static struct policy_problem problem;

static const char *in_directory(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write %s", name);
	close(fd);
}

static struct policy *policy_of(const char *name)
{
	struct policy *policy = policy_new();

	memset(&problem, 0, sizeof(problem));
	if (policy_add_file(policy, in_directory(name), &problem) == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

/* The rules of a file, one word each: their destinations. */
static void check_rules(const char *name, const char *expected)
{
	struct policy *policy = policy_of(name);
	char seen[1024] = "";

	check(policy, "%s: %s:%u: %s", name, problem.file, problem.line, problem.sentence);
	for (const struct policy_rule *rule = policy_first_rule(policy); rule; rule = rule->next)
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ", rule->name);
	check(strcmp(seen, expected) == 0, "%s: %s, expected %s", name, seen, expected);
	policy_free(policy);
}

static void test_order(void)
{
	mkdir(in_directory("d"), 0700);
	write_file("d/20-b.policy", "deny b20 *");
	write_file("d/10-a.policy", "deny a10 *\n");
	write_file("d/Z.policy", "deny z *");
	write_file("d/a.policy", "deny a *");
	write_file("d/.hidden.policy", "deny hidden *");
	write_file("d/b.policy~", "deny backup *");
	write_file("d/with blank.policy", "deny blank *");
	write_file("main", "deny first *\ninclude d/*.policy # all\ndeny last *");
	check_rules("main", "first a10 b20 z a blank last ");
	write_file("one", "include d/a.policy\ninclude \"d/with blank.policy\"\ninclude d/[12]*");
	check_rules("one", "a blank a10 b20 ");
	write_file("none", "include d/*.none\ninclude missing/*.policy\ndeny x *");
	check_rules("none", "x ");
	write_file("d/sub", "include a.policy\ninclude ../one");
	write_file("nested", "include d/sub");
	check_rules("nested", "a a blank a10 b20 ");
	check(chdir(directory) == 0, "chdir");
	write_file("relative", "include d/a.policy");
	check_rules("relative", "a ");
	check(symlink(".", in_directory("link")) == 0, "symlink");
	write_file("twice", "include d/a.policy\ninclude link/d/a.policy");
	check_rules("twice", "a a ");
}

static void check_refused(const char *name, const char *file, unsigned int line,
			  const char *sentence, const char *from)
{
	struct policy *policy = policy_of(name);
	char path[PATH_MAX], expected[PATH_MAX] = "";

	snprintf(path, sizeof(path), "%s", in_directory(file));
	if (from)
		snprintf(expected, sizeof(expected), "%s", in_directory(from));
	check(!policy, "%s: accepted", name);
	check(strcmp(problem.file, path) == 0 && problem.line == line, "%s: %s:%u", name,
	      problem.file, problem.line);
	check(strstr(problem.sentence, sentence), "%s: %s", name, problem.sentence);
	check(strncmp(problem.included_from, expected, strlen(expected)) == 0 &&
		      (from || !problem.included_from[0]),
	      "%s: included from %s, expected %s", name, problem.included_from, expected);
	policy_free(policy);
}

static void test_refusals(void)
{
	char text[1024], shown[2048];

	write_file("bad", "\nalow x *");
	write_file("to-bad", "# 1\n# 2\ninclude bad");
	check_refused("to-bad", "bad", 2, "unknown verb", "to-bad:3");
	policy_problem_text(&problem, shown, sizeof(shown));
	snprintf(text, sizeof(text), "\n^~~~\nincluded from %s/to-bad:3\n", directory);
	check(strstr(shown, text), "shown as %s", shown);
	write_file("to-to-bad", "include to-b[a]d");
	check_refused("to-to-bad", "bad", 2, "unknown verb", "to-bad:3, ");
	snprintf(text, sizeof(text), ", %s/to-to-bad:1", directory);
	check(strstr(problem.included_from, text), "included from %s", problem.included_from);

	write_file("to-none", "include none/such");
	check_refused("to-none", "none/such", 0, "cannot be opened", "to-none:1");
	write_file("to-directory", "include d");
	check_refused("to-directory", "d", 0, "this is a directory", "to-directory:1");
	write_file("to-no-directory", "include main/*");
	check_refused("to-no-directory", "main/", 0, "not a directory", "to-no-directory:1");
	write_file("to-self", "deny a *\ninclude to-self");
	check_refused("to-self", "to-self", 2, "a file cannot include itself", NULL);
	write_file("loop-1", "include loop-2");
	write_file("loop-2", "include link/loop-1");
	check_refused("loop-1", "loop-2", 1, "a file cannot include itself", "loop-1:1");
}

static void test_limits(void)
{
	char name[32], text[64];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "deep-%d", i);
		snprintf(text, sizeof(text), "include deep-%d", i + 1);
		write_file(name, i < 9 ? text : "deny bottom *");
	}
	check_rules("deep-1", "bottom ");
	check_refused("deep-0", "deep-8", 1, "nested deeper than 8", "deep-7:1, ");

	mkdir(in_directory("many"), 0700);
	for (int i = 0; i < 1024; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		write_file(name, "");
	}
	write_file("to-many", "include many/*");
	check_refused("to-many", "many/999", 0, "more than 1024 files", "to-many:1");
	write_file("many/1024", "");
	check_refused("to-many", "to-many", 1, "means more than 1024 files", NULL);
	write_file("many-times", "");
	for (int i = 0; i < 1100; i++) {
		FILE *file = fopen(in_directory("many-times"), "ae");

		fputs("include many/0\n", file);
		fclose(file);
	}
	check_refused("many-times", "many/0", 0, "more than 1024 files", "many-times:1024");

	write_file("big", "");
	check(truncate(in_directory("big"), 0) == 0, "truncate");
	{
		FILE *file = fopen(in_directory("big"), "we");

		for (int i = 0; i < 9 * 1024 * 1024 / 64; i++)
			fputs("# 345678901234567890123456789012345678901234567890123456789012\n",
			      file);
		fclose(file);
	}
	write_file("to-big", "include big\ninclude big");
	check_refused("to-big", "big", 0, "the policy is larger than 16 MiB", "to-big:2");
}

static const struct source *source_of(const struct policy *policy, const char *path)
{
	const struct source *source = policy->sources;

	while (source && strcmp(source->path, path) != 0)
		source = source->next;
	return source;
}

static void test_sources(void)
{
	static const char *const names[] = {"main", "d/", "d/a.policy", "d/20-b.policy"};
	struct policy *policy = policy_of("main");
	const struct source *source;
	struct stat status;

	for (size_t i = 0; policy && i < COUNT(names); i++) {
		source = source_of(policy, in_directory(names[i]));
		check(source && stat(in_directory(names[i]), &status) == 0 &&
			      source->inode == status.st_ino && source->device == status.st_dev &&
			      source->size == (uint64_t)status.st_size &&
			      source->modified_ns % 1000000000 == (uint64_t)status.st_mtim.tv_nsec,
		      "%s is no source", names[i]);
	}
	policy_free(policy);
	policy = policy_of("none");
	source = policy ? source_of(policy, in_directory("missing/")) : NULL;
	check(source && source->inode == 0, "a missing directory is no source");
	policy_free(policy);
	policy = policy_new();
	check(policy_add_file(policy, "relative", &problem) == 0, "%s", problem.sentence);
	check(source_of(policy, in_directory("relative")) &&
		      source_of(policy, in_directory("d/a.policy")),
	      "a relative source: %s", policy->sources ? policy->sources->path : "none");
	policy_free(policy);
}

struct heard {
	unsigned int problems, warnings;
	char text[1024];
};

static void hear(const struct policy_problem *told, void *context)
{
	struct heard *heard = context;

	heard->problems++;
	snprintf(heard->text + strlen(heard->text), sizeof(heard->text) - strlen(heard->text),
		 "%s:%u ", strrchr(told->file, '/') + 1, told->line);
}

static void hear_warning(const struct policy_problem *told, void *context)
{
	((struct heard *)context)->warnings += strstr(told->sentence, "no file matches") != NULL;
}

static void test_listener(void)
{
	struct heard heard = {0};
	struct policy_listener listener = {hear, hear_warning, &heard};
	struct policy *policy = policy_new();

	write_file("several", "alow\ndeny good *\ndeny *\ninclude to-bad\ninclude no-such\n"
			      "include many/*\ninclude d/*.none\ninclude several\ndeny last * x");
	policy_listen(policy, &listener);
	check(policy_add_file(policy, in_directory("several"), &problem) == -1, "accepted");
	check(strcmp(heard.text, "several:1 several:3 bad:2 no-such:0 several:6 several:8 "
				 "several:9 ") == 0,
	      "heard of %s", heard.text);
	check(heard.problems == 7 && heard.warnings == 1, "%u problems, %u warnings",
	      heard.problems, heard.warnings);
	check(policy_first_rule(policy) && !policy_first_rule(policy)->next, "one good rule");
	check(policy_add_text(policy, "x", "deny * *", 8, &problem) == -1, "still bad");
	policy_free(policy);

	policy = policy_new();
	policy_listen(policy, &listener);
	check(policy_add_file(policy, in_directory("no-such"), &problem) == -1, "no file");
	policy_free(policy);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	test_globs();
	test_order();
	test_refusals();
	test_limits();
	test_sources();
	test_listener();
	check(nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0, "%s stays", directory);
	return check_result();
}
