/* SPDX-License-Identifier: MIT */
/* The options of tfo-run. What they are for stands in start_help.c. */
#include "start.h"
#include "tfoctl.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum kind { FLAG, TEXT, FILE_NAME, ALLOW, LISTEN, VERBOSE, HELP, VERSION };

struct option {
	const char *name;
	size_t at; /* where it goes in the options: a FLAG is a bool, a TEXT and a FILE_NAME a
		      const char * */
	enum kind kind;
	char letter; /* '\0': none */
};

#define AT(member) offsetof(struct start_options, member)

static const struct option known[] = {
	{"--policy", AT(policy), FILE_NAME, 'p'},
	{"--allow", 0, ALLOW, 'a'},
	{"--listen", 0, LISTEN, 'l'},
	{"--force", AT(force), FLAG, 'f'},
	{"--dry-run", AT(dry_run), FLAG, 'n'},
	{"--summary", AT(summary), FLAG, 's'},
	{"--verbose", 0, VERBOSE, 'v'},
	{"--log", AT(log), FILE_NAME, '\0'},
	{"--supervise", AT(supervise), FLAG, '\0'},
	{"--require", AT(require), FLAG, '\0'},
	{"--unit", AT(unit), TEXT, '\0'},
	{"--root", AT(root), FILE_NAME, '\0'},
	{"--write", AT(write), FLAG, '\0'},
	{"--remove", AT(remove), FLAG, '\0'},
	{"--user", AT(is_users), FLAG, '\0'},
	{"--help", 0, HELP, 'h'},
	{"--version", 0, VERSION, '\0'},
};

static bool has_value(const struct option *option)
{
	return option->kind == TEXT || option->kind == FILE_NAME || option->kind == ALLOW ||
	       option->kind == LISTEN;
}

/* The directory as the shell names it: where a symbolic link leads to may not be what was meant. */
static const char *make_absolute(const char *file)
{
	char *directory;

	if (*file == '/')
		return file;
	directory = get_current_dir_name();
	if (directory)
		return start_text("%s/%s", strcmp(directory, "/") == 0 ? "" : directory, file);
	start_die(STATUS_NOT_STARTED, "the current directory: %s", strerror(errno));
}

static void add_rule(struct start_options *options, const char *verb, const char *rule)
{
	options->rules = start_text("%s%s%s%s", options->rules ? options->rules : "",
				    options->rules ? "\n" : "", verb, rule);
}

/* A first word with an option, or nothing, behind it is the ports: then any address is meant. */
static bool lacks_address(const char *rule)
{
	static const char blank[] = " \t\n";
	const char *second = rule + strspn(rule, blank);
	size_t length;

	second += strcspn(second, blank);
	second += strspn(second, blank);
	length = strcspn(second, blank);
	return length == 0 || *second == '#' || memchr(second, '=', length);
}

static void take(const struct option *option, const char *value, struct start_options *options)
{
	char *member = (char *)options + option->at;
	const char *path;

	switch (option->kind) {
	case FLAG:
		*(bool *)(void *)member = true;
		break;
	case TEXT:
		memcpy(member, &value, sizeof(value));
		break;
	case FILE_NAME:
		path = make_absolute(value);
		memcpy(member, &path, sizeof(path));
		break;
	case ALLOW:
		add_rule(options, "allow ", value);
		break;
	case LISTEN:
		add_rule(options, lacks_address(value) ? "listen * " : "listen ", value);
		break;
	case VERBOSE:
		options->log = "stderr";
		break;
	case HELP:
	case VERSION:
		if (options->show == SHOW_NOTHING)
			options->show = option->kind == HELP ? SHOW_HELP : SHOW_VERSION;
		break;
	}
}

/* Whether a word is this option, alone or with something directly behind it: then *rest is that. */
static bool is_option(const char *word, const struct option *option, const char **rest)
{
	size_t length = strlen(option->name);

	*rest = NULL;
	if (option->letter && word[0] == '-' && word[1] == option->letter) {
		*rest = word[2] ? word + 2 : NULL;
		return true;
	}
	if (strncmp(word, option->name, length) != 0)
		return false;
	if (word[length] == '=' && has_value(option))
		*rest = word + length + 1;
	return !word[length] || *rest;
}

static const struct option *find_option(const char *word, const char **rest)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_option(word, &known[i], rest))
			return &known[i];
	start_die(STATUS_NOT_STARTED, "unknown option \"%s\"; try tfo-run --help", word);
}

static const char *need_value(const char *word, const struct option *option, const char *value)
{
	bool is_short = word[1] != '-';

	if (!value || !*value)
		start_die(STATUS_NOT_STARTED, "%.*s: needs a value; try tfo-run --help",
			  is_short ? 2 : (int)strlen(option->name), word);
	return value;
}

/* Takes the option that stands first, and returns what is left. */
static char **take_option(char **words, struct start_options *options)
{
	const char *rest;
	const struct option *option = find_option(words[0], &rest);

	if (!has_value(option)) {
		take(option, NULL, options);
		if (!rest)
			return words + 1;
		words[0] = start_text("-%s", rest); /* -nv: what is left is -v */
		return words;
	}
	if (rest) {
		take(option, need_value(words[0], option, rest), options);
		return words + 1;
	}
	take(option, need_value(words[0], option, words[1]), options);
	return words + 2;
}

char **start_read_options(char **words, struct start_options *options)
{
	*options = (struct start_options){0};
	while (words[0] && words[0][0] == '-' && words[0][1]) {
		if (strcmp(words[0], "--") == 0)
			return words + 1;
		words = take_option(words, options);
	}
	return words;
}
