/* SPDX-License-Identifier: MIT */
/* Where a policy is looked for, and the policy in force. Never the current directory. */
#include "problem.h"
#include "rules.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_POLICY "/etc/tfo/policy"

static bool is_given(const char *value)
{
	return value && *value;
}

/* A dangling link counts as existing: somebody meant it, so opening it may fail aloud. */
static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Puts a candidate together; false if it does not exist or does not fit. */
static bool find_in(const char *directory, const char *behind, char *path, size_t size)
{
	struct text text = text_in(path, size);

	if (!directory || *directory != '/')
		return false;
	text_add(&text, directory);
	text_add(&text, behind);
	return !text.cut && exists(path);
}

static void copy_or_empty(char *path, size_t size, const char *explicit_path)
{
	struct text text = text_in(path, size);

	text_add(&text, explicit_path);
	if (text.cut)
		path[0] = '\0';
}

int policy_find(const char *explicit_path, const char *xdg_config_home, const char *home,
		char *path, size_t size)
{
	bool has_xdg = is_given(xdg_config_home) && *xdg_config_home == '/';

	if (size == 0)
		return -1;
	if (is_given(explicit_path)) {
		copy_or_empty(path, size, explicit_path);
		return 0;
	}
	if (has_xdg && find_in(xdg_config_home, "/tfo/policy", path, size))
		return 0;
	if (!has_xdg && find_in(home, "/.config/tfo/policy", path, size))
		return 0;
	return find_in(SYSTEM_POLICY, "", path, size) ? 0 : -1;
}

static int add_rules(struct policy *policy, const char *extra_rules, const char *path,
		     struct policy_problem *problem)
{
	if (is_given(extra_rules) &&
	    policy_add_text(policy, "TFO_RULES", extra_rules, strlen(extra_rules), problem) < 0)
		return -1;
	if (path)
		return policy_add_file(policy, path, problem);
	return policy_add_text(policy, "the default policy", policy_default_text,
			       policy_default_length, problem);
}

static struct policy *refuse_without_memory(struct policy *policy, struct policy_problem *problem)
{
	struct text text = problem_with_file(problem, "policy");

	text_add(&text, "there is not enough memory for the policy");
	policy_free(policy);
	return NULL;
}

/* An empty policy that knows where it is to be found. */
static struct policy *new_policy(const char *explicit_path, const char *xdg_config_home,
				 const char *home)
{
	struct policy *policy = policy_new();
	/* Not on the stack: connect() may run on a small one. */
	char *path = policy ? arena_take(&policy->arena, PATH_MAX) : NULL;

	if (!path) {
		policy_free(policy);
		return NULL;
	}
	if (policy_find(explicit_path, xdg_config_home, home, path, PATH_MAX) == 0)
		policy->path = path;
	return policy;
}

struct policy *policy_load(const char *explicit_path, const char *extra_rules,
			   const char *xdg_config_home, const char *home,
			   struct policy_problem *problem)
{
	struct policy *policy = new_policy(explicit_path, xdg_config_home, home);

	if (!policy)
		return refuse_without_memory(policy, problem);
	if (add_rules(policy, extra_rules, policy->path, problem) < 0) {
		policy_free(policy);
		return NULL;
	}
	return policy;
}

/* The rules of the environment in front of a compiled file. */
static struct policy *put_in_front(struct policy *compiled, const char *extra_rules,
				   struct policy_problem *problem)
{
	struct policy *front;

	if (!is_given(extra_rules))
		return compiled;
	front = policy_new();
	if (!front)
		return refuse_without_memory(compiled, problem);
	if (policy_add_text(front, "TFO_RULES", extra_rules, strlen(extra_rules), problem) < 0) {
		policy_free(front);
		policy_free(compiled);
		return NULL;
	}
	front->path = compiled->path;
	front->behind = compiled;
	port_filter_join(&front->allowed_ports, &compiled->allowed_ports);
	return front;
}

struct policy *policy_open(const char *explicit_path, const char *extra_rules,
			   const char *xdg_config_home, const char *home,
			   struct policy_problem *problem)
{
	struct policy *policy = new_policy(explicit_path, xdg_config_home, home);

	if (!policy)
		return refuse_without_memory(policy, problem);
	if (policy->path && policy_map_image(policy))
		return put_in_front(policy, extra_rules, problem);
	policy_free(policy);
	policy = policy_load(explicit_path, extra_rules, xdg_config_home, home, problem);
	if (policy)
		policy_index(policy);
	return policy;
}

static bool is_unchanged(const struct policy *policy)
{
	for (; policy; policy = policy->behind)
		for (const struct source *source = policy->sources; source; source = source->next)
			if (!source_is_unchanged(source))
				return false;
	return true;
}

bool policy_is_current(const struct policy *policy, const char *explicit_path,
		       const char *xdg_config_home, const char *home)
{
	struct policy *now = new_policy(explicit_path, xdg_config_home, home);
	bool same = now && (now->path && policy->path ? strcmp(now->path, policy->path) == 0
						      : now->path == policy->path);

	policy_free(now);
	return same && is_unchanged(policy);
}
