/* SPDX-License-Identifier: MIT */
/*
 * Rules for a supervisor, which sees neither payloads nor names: which of them it may act on, from
 * text and from the compiled form.
 */
#include "policy/image.h"
#include "policy/policy.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <string.h>

static struct policy_problem problem;

static struct policy *policy_of(const char *text)
{
	struct policy *policy = policy_new();

	if (policy_add_text(policy, "test", text, strlen(text), &problem) == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

static const struct policy_rule *ask(const struct policy *policy, const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443)};
	const struct policy_question question = {.address = (const struct sockaddr *)&to,
						 .length = sizeof(to)};

	inet_pton(AF_INET, address, &to.sin_addr);
	return policy_decide_unnamed(policy, &question);
}

static const struct {
	const char *text;
	bool allowed;
} rules[] = {
	{"allow * * any", true},
	{"allow * * any supervise=yes", true},
	{"allow * * any supervise=no", false},
	{"allow * * any max=100", false},
	{"allow * * tls", false},
	{"allow * * tls supervise=no", false},
	{"allow * * tls supervise=yes", true},
	{"allow * * prefix:\"x\" supervise=yes", true},
	{"allow * * tls max=100 supervise=yes", false},
	{"deny * *", false},
};

static void test_rules(void)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct policy *policy = policy_of(rules[i].text);

		check(policy && policy_rule_allows_supervision(policy_first_rule(policy)) ==
					rules[i].allowed,
		      "%s", rules[i].text);
		policy_free(policy);
	}
}

static const char named[] = "allow 192.0.2.1 443 any\n"
			    "deny bad.example.com 8080\n"
			    "allow 192.0.2.2 443 any\n"
			    "allow good.example.com 443 any\n";

/* What the rules above say, whatever form they have. */
static void check_named(const struct policy *policy, const char *form)
{
	const struct policy_rule *first = ask(policy, "192.0.2.1");

	check(first && first->position == 0 && policy_rule_allows_supervision(first), "%s", form);
	check(!ask(policy, "192.0.2.2"), "%s", form);
	check(!ask(policy, "192.0.2.3"), "%s", form);
}

static void test_names(void)
{
	struct policy *policy = policy_of(named), *compiled = policy_new();
	const uint8_t *image;
	size_t size;

	check_named(policy, "text");
	image = policy_image(policy, &size);
	check(image && image_adopt(compiled, image, size), "compiled");
	check_named(compiled, "compiled");
	policy_free(compiled);
	policy_free(policy);
}

static void test_programs(void)
{
	struct policy *with = policy_of("deny * * program=x"), *without = policy_of("deny * *");

	check(policy_has_programs(with), "a rule for a program");
	check(!policy_has_programs(without), "no rule for a program");
	policy_free(with);
	policy_free(without);
}

int main(void)
{
	test_rules();
	test_names();
	test_programs();
	return check_result();
}
