/* SPDX-License-Identifier: MIT */
/*
 * The parser: any text is a policy or has a problem. A problem is in the text, and its message fits
 * where it is put; a rule, as the log would write it, is read as the same rule.
 */
#include "fuzz.h"
#include "policy/policy.h"

#include <arpa/inet.h>

static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 1;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Nothing that moves a cursor; the caret under the line. */
static void check_message(const struct policy_problem *problem)
{
	static const size_t sizes[] = {0, 1, 2, 17, 80, 300, 2000};
	char message[2001], whole[2000];
	size_t length = policy_problem_text(problem, whole, sizeof(whole));

	require(length > 0 && length < sizeof(whole) && whole[length - 1] == '\n');
	for (size_t i = 0; i < length; i++)
		require(whole[i] == '\n' || whole[i] == '\t' ||
			((unsigned char)whole[i] >= ' ' && whole[i] != 0x7f));
	require(strchr(whole, '^'));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t cut;

		memset(message, '#', sizeof(message));
		cut = policy_problem_text(problem, message, sizes[i]);
		require(message[sizes[i]] == '#');
		require(sizes[i] == 0 ? cut == 0 : cut < sizes[i] && message[cut] == '\0');
		require(memcmp(message, whole, cut) == 0);
	}
}

static void check_problem(const struct policy_problem *problem, const char *text, size_t length)
{
	require(strlen(problem->file) < sizeof(problem->file));
	require(strlen(problem->sentence) < sizeof(problem->sentence) && problem->sentence[0]);
	require(strlen(problem->source) < sizeof(problem->source));
	require(problem->line >= 1 && problem->line <= count_lines(text, length));
	require(problem->column >= 1 && problem->column <= length + 1);
	require(problem->width >= 1 && problem->width <= length + 1);
	require(problem->source_column >= 1 && problem->source_column <= problem->column);
	check_message(problem);
}

static void check_rule(const struct policy_rule *rule)
{
	struct policy *policy = policy_new();
	const struct policy_rule *again;
	struct policy_problem problem;

	require(policy);
	require(policy_add_text(policy, "again", rule->text, strlen(rule->text), &problem) == 0);
	again = rule->verb == POLICY_LISTEN ? policy_first_listen_rule(policy)
					    : policy_first_rule(policy);
	require(again && !again->next);
	require(strcmp(again->text, rule->text) == 0);
	require(again->verb == rule->verb && again->payload == rule->payload);
	require(again->destination == rule->destination && again->port_count == rule->port_count);
	policy_free(policy);
}

static void check_rules(const struct policy_rule *rule)
{
	for (; rule; rule = rule->next)
		check_rule(rule);
}

static void ask(const struct policy *policy)
{
	static const char *const addresses[] = {"0.0.0.0", "10.1.2.3", "192.0.2.7",
						"255.255.255.255"};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(443)};
		struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
		struct policy_question question = {
			.address = (struct sockaddr *)&address,
			.length = sizeof(address),
			.program = i % 2 ? "curl" : NULL,
			.name = i < 2 ? "a.b.example.com" : NULL,
		};

		inet_pton(AF_INET, addresses[i], &address.sin_addr);
		policy_decide(policy, &question);
		policy_expect(policy, &question);
		policy_decide_listen(policy, &question);
		address6.sin6_addr.s6_addr[i] = (uint8_t)(0x20 + i);
		question.address = (struct sockaddr *)&address6;
		question.length = sizeof(address6);
		policy_decide(policy, &question);
	}
}

/* Such a line reads what this machine has, so what comes of it is not in the bytes. */
static bool includes_a_file(const char *text, size_t length)
{
	const char *include = memmem(text, length, "include", strlen("include"));
	size_t behind = include ? (size_t)(text + length - include) : 0;

	return include && (memchr(include, '/', behind) || memchr(include, '"', behind));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct policy *policy;
	struct policy_problem problem;
	char *text;

	if (includes_a_file((const char *)bytes, length))
		return 0;
	policy = policy_new();
	text = exact_copy(bytes, length);
	require(policy);
	if (policy_add_text(policy, "fuzz", text, length, &problem) < 0) {
		check_problem(&problem, text, length);
	} else {
		check_rules(policy_first_rule(policy));
		check_rules(policy_first_listen_rule(policy));
		ask(policy);
	}
	policy_free(policy);
	free(text);
	return 0;
}
