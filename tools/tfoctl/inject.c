/* SPDX-License-Identifier: MIT */
/*
 * tfoctl inject: the command line and the file. What is changed in it is in bundle.c.
 *
 * The file as it was is kept beside it while the library is in: whoever takes the library out and
 * has changed nothing else gets the same bytes back.
 */
#include "bundle.h"
#include "file.h"
#include "policy/policy.h"
#include "runtime.h"
#include "tfoctl.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT	   ".before-tfo-run"
#define PLACE	   "/tfo"
#define DEPTH	   64
#define RULES_MOST 32768

struct wish {
	bool remove, dry_run;
	struct injection injection;
	char runtime[PATH_MAX], at[PATH_MAX], rules[RULES_MOST];
};

struct bundle {
	char path[PATH_MAX], kept[PATH_MAX]; /* of the configuration, and of what it was before */
	char *text;
	size_t size;
	struct stat status;
	struct json_object *config;
};

static int fail(const char *path, const char *why)
{
	complain("%s: %s", path, why);
	return STATUS_TROUBLE;
}

/* --- the command line --- */

/* For ports alone mean any address, as with tfo-run -l. */
static bool has_address(const char *rule)
{
	const char *second = rule + strspn(rule, " \t");

	second += strcspn(second, " \t");
	second += strspn(second, " \t");
	return *second && *second != '#' && !memchr(second, '=', strcspn(second, " \t"));
}

static bool add_rule(struct wish *wish, bool listen, const char *rule)
{
	size_t length = strlen(wish->rules);
	const char *verb = !listen ? "allow " : has_address(rule) ? "listen " : "listen * ";
	int added = snprintf(wish->rules + length, sizeof(wish->rules) - length, "%s%s%s",
			     length ? "\n" : "", verb, rule);

	if (added < (int)(sizeof(wish->rules) - length))
		return true;
	complain("inject: the rules are too long");
	return false;
}

static bool rules_are_good(const char *rules)
{
	struct policy_problem problem = {0};
	struct policy *policy = policy_new();
	bool good = policy && policy_add_text(policy, "rule", rules, strlen(rules), &problem) == 0;

	if (!good)
		print_policy_problem(&problem);
	policy_free(policy);
	return good;
}

static bool take_place(struct wish *wish, const char *at)
{
	size_t length = strlen(at);

	while (length > 1 && at[length - 1] == '/')
		length--;
	if (at[0] != '/' || length == 1 || length >= sizeof(wish->at)) {
		complain("--at %s: not an absolute path of a directory", at);
		return false;
	}
	if (strpbrk(at, " :")) {
		complain("--at %s: a path with a space or a colon cannot stand in LD_PRELOAD", at);
		return false;
	}
	snprintf(wish->at, sizeof(wish->at), "%.*s", (int)length, at);
	return true;
}

static bool take_runtime(struct wish *wish, const char *directory)
{
	char *found = realpath(directory, NULL);
	bool fits = found && strlen(found) < sizeof(wish->runtime);

	if (!found)
		complain("%s: %s", directory, strerror(errno));
	else if (fits)
		snprintf(wish->runtime, sizeof(wish->runtime), "%s", found);
	free(found);
	return fits;
}

static bool take_option(struct wish *wish, int option)
{
	switch (option) {
	case 'a':
	case 'l':
		return add_rule(wish, option == 'l', optarg);
	case 'n':
		wish->dry_run = true;
		return true;
	case 'r':
		wish->remove = true;
		return true;
	case 'w':
		wish->injection.wrap = true;
		return true;
	case '@':
		return take_place(wish, optarg);
	default:
		return take_runtime(wish, optarg);
	}
}

/* Returns the path that is to be changed; NULL, with the reason said, for a wrong command line. */
static const char *read_words(int count, char **words, struct wish *wish)
{
	static const struct option options[] = {
		{"allow", required_argument, NULL, 'a'}, {"at", required_argument, NULL, '@'},
		{"dry-run", no_argument, NULL, 'n'},	 {"listen", required_argument, NULL, 'l'},
		{"remove", no_argument, NULL, 'r'},	 {"runtime", required_argument, NULL, 'R'},
		{"wrap", no_argument, NULL, 'w'},	 {NULL, 0, NULL, 0},
	};
	char **all = words - 1; /* the verb's name stands before its words */
	int option;

	opterr = 0;
	while ((option = getopt_long(count + 1, all, ":a:l:n", options, NULL)) != -1) {
		if (option == '?')
			refuse_word(all[optind - 1]);
		else if (option == ':')
			complain("inject: %s needs a value; try tfoctl --help", all[optind - 1]);
		else if (take_option(wish, option))
			continue;
		return NULL;
	}
	if (optind == count)
		return all[optind];
	if (optind < count)
		refuse_word(all[optind + 1]);
	else
		complain("inject: needs a bundle or its config.json; try tfoctl --help");
	return NULL;
}

/* --- the file --- */

/* Symbolic links are followed: what is replaced is the file, not the link to it. */
static int find_configuration(const char *path, struct bundle *bundle)
{
	char inside[PATH_MAX], *found;
	struct stat status;

	if (stat(path, &status) != 0)
		return fail(path, strerror(errno));
	if (snprintf(inside, sizeof(inside), "%s%s", path,
		     S_ISDIR(status.st_mode) ? "/config.json" : "") >= (int)sizeof(inside))
		return fail(path, strerror(ENAMETOOLONG));
	found = realpath(inside, NULL);
	if (!found)
		return fail(inside, strerror(errno));
	snprintf(bundle->path, sizeof(bundle->path), "%s", found);
	free(found);
	if (snprintf(bundle->kept, sizeof(bundle->kept), "%s" KEPT, bundle->path) >=
	    (int)sizeof(bundle->kept))
		return fail(path, strerror(ENAMETOOLONG));
	return 0;
}

static unsigned int line_of(const char *text, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool is_blank(const char *text, size_t from, size_t to)
{
	while (from < to && strchr(" \t\r\n", text[from]) && text[from])
		from++;
	return from >= to;
}

/* NULL, with the reason said if `path` is given. */
static struct json_object *parse(const char *path, const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *object = NULL;
	enum json_tokener_error error;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)size);
	error = json_tokener_get_error(tokener);
	/* It takes a NUL for the end. */
	if (error == json_tokener_success &&
	    !is_blank(text, json_tokener_get_parse_end(tokener), size)) {
		error = json_tokener_error_parse_unexpected;
		json_object_put(object);
		object = NULL;
	}
	if (path && error == json_tokener_continue)
		complain("%s: not JSON: it ends too early", path);
	else if (path && error != json_tokener_success)
		complain("%s:%u: not JSON: %s", path,
			 line_of(text, json_tokener_get_parse_end(tokener)),
			 json_tokener_error_desc(error));
	else if (path && !object)
		complain("%s: not an OCI configuration: no object", path);
	json_tokener_free(tokener);
	return object;
}

static int read_bundle(const char *path, struct bundle *bundle)
{
	int error = find_configuration(path, bundle);

	if (error)
		return error;
	error = file_read(bundle->path, &bundle->text, &bundle->size, &bundle->status);
	if (error == EINVAL)
		return fail(bundle->path, "not a regular file");
	if (error)
		return fail(bundle->path, strerror(error));
	bundle->config = parse(bundle->path, bundle->text, bundle->size);
	return bundle->config ? 0 : STATUS_TROUBLE;
}

/* As it is laid out now, more or less: on one line, or indented. */
static const char *lay_out(const struct bundle *bundle)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (strstr(bundle->text, "\n\t"))
		flags |= JSON_C_TO_STRING_PRETTY_TAB;
	if (strstr(bundle->text, "\n ") || strstr(bundle->text, "\n\t"))
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	return json_object_to_json_string_ext(bundle->config, flags);
}

/* Writes bytes in the place of the configuration; or only shows them. */
static int put_text(const struct bundle *bundle, bool dry_run, const char *text, size_t size)
{
	int error;

	if (dry_run) {
		fwrite(text, 1, size, stdout);
		return EXIT_SUCCESS;
	}
	if (size == bundle->size && memcmp(text, bundle->text, size) == 0)
		return EXIT_SUCCESS;
	/* A file that is not to be written could be replaced all the same. */
	error = access(bundle->path, W_OK) != 0
			? errno
			: file_replace_like(bundle->path, text, size, &bundle->status);
	return error ? fail(bundle->path, strerror(error)) : EXIT_SUCCESS;
}

static int put_config(const struct bundle *bundle, bool dry_run)
{
	const char *laid_out = lay_out(bundle);
	bool has_newline = bundle->size > 0 && bundle->text[bundle->size - 1] == '\n';
	char *text;
	int length, status;

	length = asprintf(&text, "%s%s", laid_out, has_newline ? "\n" : "");
	if (length < 0)
		return fail(bundle->path, strerror(ENOMEM));
	status = put_text(bundle, dry_run, text, (size_t)length);
	free(text);
	return status;
}

static void keep(const struct bundle *bundle)
{
	unlink(bundle->kept);
	/* Where it cannot be kept, what is given back later says the same in other bytes. */
	(void)!link(bundle->path, bundle->kept);
}

/* The library takes a policy of root or of its own user; in a container without root, root's is
 * nobody's. */
static const char *judge_owner(const struct bundle *bundle, const struct wish *wish)
{
	char policy[2 * PATH_MAX];
	struct stat status;

	snprintf(policy, sizeof(policy), "%s/" RUNTIME_POLICY, wish->runtime);
	if (stat(policy, &status) != 0 || bundle_knows_user(bundle->config, status.st_uid))
		return NULL;
	return "the owner of the runtime is no user in this container, so its policy would be "
	       "refused; install one as a user who is, and name it with --runtime";
}

static int inject(struct bundle *bundle, const struct wish *wish)
{
	bool again = bundle_restore(bundle->config);
	const char *why = bundle_inject(bundle->config, &wish->injection);
	int status;

	if (!why)
		why = judge_owner(bundle, wish);
	if (why)
		return fail(bundle->path, why);
	if (!again && !wish->dry_run)
		keep(bundle);
	status = put_config(bundle, wish->dry_run);
	if (status != EXIT_SUCCESS && !again && !wish->dry_run)
		unlink(bundle->kept);
	return status;
}

/* The bytes that were kept, if they say the same as the configuration does now. */
static bool was_kept(const struct bundle *bundle, char **text, size_t *size)
{
	struct json_object *before;
	struct stat status;
	bool same;

	if (file_read(bundle->kept, text, size, &status) != 0)
		return false;
	before = parse(NULL, *text, *size);
	same = before && json_object_equal(before, bundle->config);
	json_object_put(before);
	if (!same)
		free(*text);
	return same;
}

static int take_out(struct bundle *bundle, const struct wish *wish)
{
	char *text;
	size_t size;
	int status;

	if (!bundle_restore(bundle->config))
		return wish->dry_run ? put_text(bundle, true, bundle->text, bundle->size)
				     : EXIT_SUCCESS;
	if (was_kept(bundle, &text, &size)) {
		status = put_text(bundle, wish->dry_run, text, size);
		free(text);
	} else {
		status = put_config(bundle, wish->dry_run);
	}
	if (status == EXIT_SUCCESS && !wish->dry_run)
		unlink(bundle->kept);
	return status;
}

static bool complete(struct wish *wish)
{
	struct injection *injection = &wish->injection;

	if (!wish->at[0])
		take_place(wish, PLACE);
	if (!wish->runtime[0] && !runtime_find(wish->runtime, sizeof(wish->runtime)))
		return false;
	injection->at = wish->at;
	injection->runtime = wish->runtime;
	injection->rules = wish->rules[0] ? wish->rules : NULL;
	return runtime_is_whole(wish->runtime) &&
	       (!injection->rules || rules_are_good(wish->rules));
}

int inject_verb(int count, char **words)
{
	static struct wish wish;
	static struct bundle bundle;
	const char *path = read_words(count, words, &wish);
	int status;

	if (!path)
		return STATUS_USAGE;
	if (!wish.remove && !complete(&wish))
		return STATUS_TROUBLE;
	status = read_bundle(path, &bundle);
	if (status == 0)
		status = wish.remove ? take_out(&bundle, &wish) : inject(&bundle, &wish);
	json_object_put(bundle.config);
	free(bundle.text);
	return status;
}
