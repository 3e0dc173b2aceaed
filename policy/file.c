/* SPDX-License-Identifier: MIT */
/* A policy file, named by the operator or by an include. */
#include "content.h"
#include "parse.h"

#include <pthread.h>

#define FILES_MOST 1024u

/* What may go wrong because of the line that includes the file, not because of the file. */
static int check_includer(const struct parse *from, const char *path, const struct content *content)
{
	struct text text;

	for (const struct parse *above = from; above; above = above->from) {
		if (above->device != content->device || above->inode != content->inode)
			continue;
		text = parse_problem(from, from->included);
		text_add(&text, "this includes ");
		text_add_quoted(&text, path, strlen(path));
		text_add(&text, ", which is being read: a file cannot include itself");
		return -1;
	}
	return 0;
}

static int check_amount(struct policy *policy, const char *path, const struct content *content,
			struct policy_problem *problem)
{
	policy->bytes += content->length;
	if (policy->bytes > CONTENT_MOST)
		return content_refuse(problem, path,
				      "with this file the policy is larger than 16 MiB");
	if (++policy->files > FILES_MOST)
		return content_refuse(problem, path,
				      "with this file the policy has more than 1024 files");
	return 0;
}

static size_t directory_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

static int parse_content(struct policy *policy, const char *path, const struct content *content,
			 const struct parse *from, struct policy_problem *problem)
{
	struct parse parse = {
		.policy = policy,
		.problem = problem,
		.file = arena_copy(&policy->arena, path, strlen(path)),
		.directory = arena_copy(&policy->arena, path, directory_length(path)),
		.from = from,
		.device = content->device,
		.inode = content->inode,
	};

	if (!parse.file || !parse.directory) {
		parse.file = path;
		return parse_no_memory(&parse);
	}
	return parse_text(&parse, content->bytes, content->length);
}

int parse_file(struct policy *policy, const char *path, const struct parse *from,
	       struct policy_problem *problem)
{
	struct content content;
	int result = content_read(&content, policy, path, problem);

	if (result == 0)
		result = check_amount(policy, path, &content, problem);
	if (result < 0)
		parse_say_where_from(from, problem);
	else
		result = check_includer(from, path, &content);
	if (result == 0)
		result = parse_content(policy, path, &content, from, problem);
	content_free(&content);
	return result;
}

int policy_add_file(struct policy *policy, const char *path, struct policy_problem *problem)
{
	int cancel, result;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	result = parse_file(policy, path, NULL, problem);
	pthread_setcancelstate(cancel, NULL);
	return result == 0 && policy->is_bad ? -1 : result;
}
