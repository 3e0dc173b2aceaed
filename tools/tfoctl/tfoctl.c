/* SPDX-License-Identifier: MIT */
/*
 * tfoctl: what the operator asks and orders. Here is the command line and the table of verbs; what
 * a verb does stands in a file of its own (policy.c, ...).
 */
#include "tfoctl.h"

#include "shim/memory/destinations.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
	const char *group; /* the first word of two, else NULL */
	const char *name;
	const char *arguments;
	int most_arguments;
	const char *summary; /* NULL: not for people, but for tfo-run */
	int (*run)(int count, char **words);
};

static const struct verb verbs[] = {
	{NULL, "check", "[--json] [COMMAND]", INT_MAX,
	 "is all there that it takes, here and in a program?", check_verb},
	{"policy", "check", "[--strict] [--json] [FILE]", INT_MAX,
	 "is it right, and what may not be meant?", policy_check_verb},
	{"policy", "explain", "DEST PORT [OPTION...]", INT_MAX,
	 "which rule decides, why, and what follows", policy_explain_verb},
	{"policy", "print", "[--json] [FILE]", INT_MAX, "its rules in their normal form",
	 policy_print_verb},
	{"policy", "compile", "[FILE]", 1, "write FILE.compiled, read faster when long",
	 policy_compile_verb},
	{"policy", "which", "[--json]", INT_MAX, "where the policy in force is", policy_which_verb},
	{NULL, "status", "[--listen] [--json] [--watch [SECONDS]]", INT_MAX,
	 "what is remembered, and saved", status_verb},
	{NULL, "forget", "[DESTINATION...]", INT_MAX, "forget these, or everything", forget_verb},
	{NULL, "prime", "HOST:PORT...", INT_MAX, "fetch cookies before they are needed",
	 prime_verb},
	{"key", "new", "FILE", 1, "make a key for servers (key=FILE in their rule)", key_new_verb},
	{"key", "rotate", "FILE", 1, "a new key; the old one's cookies stay good once more",
	 key_rotate_verb},
	{"key", "apply", "[FILE] [PID...]", INT_MAX, "give it to servers that run, at once",
	 key_apply_verb},
	{NULL, "probe", "HOST:PORT [--http|--tls|--data FILE]", 4,
	 "does Fast Open work there? says where it fails", probe_verb},
	{NULL, "environment", NULL, 1, NULL, environment_verb},
	{NULL, "start", NULL, INT_MAX, NULL, start_verb},
	{NULL, "run", NULL, INT_MAX, NULL, run_verb},
	{NULL, "unit", NULL, INT_MAX, NULL, unit_verb},
	{NULL, "install", "DIR", INT_MAX, "all that containers need, into a directory",
	 install_verb},
	{NULL, "inject", "[OPTION...] BUNDLE", INT_MAX,
	 "the library, into an OCI bundle or its config.json", inject_verb},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

static const char *speaker = "tfoctl";

void speak_as(const char *name)
{
	speaker = name;
}

void complain(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", speaker);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int refuse_word(const char *word)
{
	complain("unexpected %s \"%s\"; try %s --help", word[0] == '-' ? "option" : "argument",
		 word, speaker);
	return STATUS_USAGE;
}

/* An empty variable is none. */
static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

void find_memory(void)
{
	memory_configure(setting("TFO_STATE"), setting("XDG_RUNTIME_DIR"));
}

static void print_help(void)
{
	puts("usage: tfoctl COMMAND [ARG...]\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = &verbs[i];
		char words[64];

		if (!verb->summary)
			continue;
		snprintf(words, sizeof(words), "%s%s%s %s", verb->group ? verb->group : "",
			 verb->group ? " " : "", verb->name, verb->arguments);
		printf("  %-44s%s\n", words, verb->summary);
	}
	puts("\nFILE: else the policy in force, as TFO_RULES, TFO_POLICY, XDG_CONFIG_HOME and HOME "
	     "have it.\n"
	     "check --quiet COMMAND says why tfo-run would not run it, and exits with 125 or 126; "
	     "with 124\n"
	     "where it would supervise it.\n"
	     "policy check: --strict makes warnings problems, --no-warnings leaves them out. "
	     "explain: "
	     "DEST "
	     "is an address\n"
	     "or a name; OPTION is --program NAME, --payload FILE (the first write), --policy FILE "
	     "or --json.\n"
	     "DESTINATION: ADDRESS, ADDRESS:PORT, [IPV6]:PORT, HOST or HOST:PORT; else everything, "
	     "and the pause.\n"
	     "The memory: TFO_STATE, else XDG_RUNTIME_DIR/tfo/destinations, as the library has "
	     "it.\n"
	     "inject: OPTION is -a RULE, -l RULE, --wrap, --at PATH, --runtime DIR, -n, or "
	     "--remove; "
	     "tfo-run --help.\n"
	     "probe sends an HTTP request on ports 80 and 8080, elsewhere a TLS ClientHello.\n\n"
	     "Exit status: 0, 1 if something is wrong, 2 if the command line is; of probe: 0 "
	     "works, "
	     "1 does\n"
	     "not, 3 cannot be tried.");
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (verbs[i].group && strcmp(verbs[i].group, word) == 0)
			return true;
	}
	return false;
}

/* The verb of this name, within a group unless that is NULL; NULL when there is none. */
static const struct verb *find_verb(const char *group, const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = &verbs[i];

		if (strcmp(verb->name, name) != 0)
			continue;
		if (group ? verb->group && strcmp(verb->group, group) == 0 : !verb->group)
			return verb;
	}
	return NULL;
}

static int run_named(int count, char **words)
{
	const char *group = NULL;
	const struct verb *verb;

	if (is_group(words[0])) {
		group = words[0];
		words++;
		count--;
	}
	if (count == 0) {
		complain("%s: no command; try tfoctl --help", group);
		return STATUS_USAGE;
	}
	verb = find_verb(group, words[0]);
	if (!verb) {
		complain("unknown %s \"%s%s%s\"; try tfoctl --help",
			 words[0][0] == '-' ? "option" : "command", group ? group : "",
			 group ? " " : "", words[0]);
		return STATUS_USAGE;
	}
	if (count - 1 > verb->most_arguments)
		return refuse_word(words[1 + verb->most_arguments]);
	return verb->run(count - 1, words + 1);
}

static int run(int count, char **words)
{
	if (count == 0) {
		complain("no command; try tfoctl --help");
		return STATUS_USAGE;
	}
	if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (strcmp(words[0], "--version") == 0) {
		puts("tfoctl " TFO_VERSION);
		return EXIT_SUCCESS;
	}
	return run_named(count, words);
}

#define LIBRARY "libtfo-preload"

/* A list as LD_PRELOAD is one, without this project's library. */
static void copy_others(char *to, const char *list)
{
	char *end = to;

	while (*list) {
		size_t length = strcspn(list, " :");

		if (length && !memmem(list, length, LIBRARY, strlen(LIBRARY))) {
			if (end != to)
				*end++ = ':';
			memcpy(end, list, length);
			end += length;
		}
		list += length + (list[length] != '\0');
	}
	*end = '\0';
}

/* In a shell under tfo-run the library would have its hand in the connections of prime and probe:
 * begins again without it, and with whatever else is preloaded. */
static void shed_library(char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	char *others;

	if (!preload || !strstr(preload, LIBRARY))
		return;
	others = malloc(strlen(preload) + 1);
	if (!others)
		return;
	copy_others(others, preload);
	if (setenv("LD_PRELOAD", others, 1) == 0)
		execv("/proc/self/exe", argv);
	free(others);
}

/* What becomes a program, or is asked by its shell, has to do with LD_PRELOAD as it is. */
static bool minds_preload(const char *verb)
{
	return strcmp(verb, "start") == 0 || strcmp(verb, "environment") == 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2 || !minds_preload(argv[1]))
		shed_library(argv);
	status = run(argc - 1, argv + 1);

	if (ferror(stdout) || fflush(stdout) != 0) {
		complain("standard output: %s", strerror(errno));
		return STATUS_TROUBLE;
	}
	return status;
}
