/* SPDX-License-Identifier: MIT */
/*
 * Rules for servers: which texts are such rules, which of them speaks for an address that somebody
 * listens at, and that rules for connections neither see them nor are seen.
 */
#include "policy/image.h"
#include "policy/policy.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct policy_problem problem;

static struct policy *policy_of(const char *text)
{
	struct policy *policy = policy_new();

	memset(&problem, 0, sizeof(problem));
	if (policy_add_text(policy, "test", text, strlen(text), &problem) == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

/* A rule and its normal form. */
static const struct {
	const char *text, *normal;
} forms[] = {
	{"listen * 80", "listen * 80"},
	{"listen  *  443,80   backlog=256 # x", "listen * 80,443"},
	{"listen 10.0.0.0/8 http backlog=1", "listen 10.0.0.0/8 80 backlog=1"},
	{"listen [::1] * program=nginx key=/etc/tfo/key backlog=65535",
	 "listen ::1 * backlog=65535 key=/etc/tfo/key program=nginx"},
};

static const struct {
	const char *text;
	unsigned int column, width;
	const char *sentence;
} bad[] = {
	{"listen", 7, 1, "the destination is missing"},
	{"listen 80", 8, 2, "\"80\" is not an IPv4 address"},
	{"listen *", 9, 1, "the ports are missing"},
	{"listen server.test 80", 8, 11, "\"server.test\" is a name: a listen rule has an address"},
	{"listen *.test 80", 8, 6, "is a name"},
	{"listen * 80 tls", 13, 3, "a listen rule takes no payload"},
	{"listen * 80 any backlog=1", 13, 3, "a listen rule takes no payload"},
	{"listen * 80 hold=1ms", 13, 8, "of the options only backlog=, key= and program="},
	{"listen * 80 backlog=0", 21, 1,
	 "\"0\" is not a number of connections: expected 1 to 65535"},
	{"listen * 80 backlog=65536", 21, 5, "is not a number of connections"},
	{"listen * 80 backlog", 13, 7, "has no value: expected something such as backlog=256"},
	{"listen * 80 backlog=1 backlog=1", 23, 7, "stands twice"},
	{"listen * 80 key=key", 17, 3, "\"key\" is not the path of a key file"},
	{"listen * 80 key=\"/a b\"", 17, 6, "is not the path of a key file"},
	{"listen * 80 program=a/b", 21, 3, "is a path"},
	{"allow * 80 any backlog=5", 16, 7,
	 "unknown option \"backlog\": the known ones are hold=, verify=, minrtt=, max=, suspend=, "
	 "control=, supervise=, program="},
	{"deny * 80 key=/k", 11, 6, "of the options only program="},
};

static void test_forms(void)
{
	char text[POLICY_RULE_TEXT];

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct policy *policy = policy_of(forms[i].text);

		check(policy, "%s: %s", forms[i].text, problem.sentence);
		check(!policy_first_rule(policy) && policy_has_listen_rules(policy), "%s: its list",
		      forms[i].text);
		policy_rule_text(policy_first_listen_rule(policy), text, sizeof(text));
		check(strcmp(text, forms[i].normal) == 0, "%s: became %s", forms[i].text, text);
		policy_free(policy);
	}
}

static void test_bad_texts(void)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct policy *policy = policy_of(bad[i].text);

		check(!policy, "%s: taken", bad[i].text);
		check(problem.column == bad[i].column && problem.width == bad[i].width &&
			      strstr(problem.sentence, bad[i].sentence),
		      "%s: column %u, width %u: %s", bad[i].text, problem.column, problem.width,
		      problem.sentence);
		policy_free(policy);
	}
}

static struct sockaddr_storage address_of(const char *text, unsigned int port, socklen_t *length)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons((uint16_t)port);
		*length = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons((uint16_t)port);
		*length = sizeof(*ip6);
	} else {
		abort();
	}
	return address;
}

typedef const struct policy_rule *decision(const struct policy *policy,
					   const struct policy_question *question);

/* The line of the rule, 0 for none. */
static unsigned int line_for(decision *decide, const struct policy *policy, const char *text,
			     unsigned int port, const char *program)
{
	socklen_t length;
	struct sockaddr_storage address = address_of(text, port, &length);
	const struct policy_rule *rule =
		decide(policy, &(struct policy_question){.address = (struct sockaddr *)&address,
							 .length = length,
							 .program = program});

	return rule ? rule->line : 0;
}

static const char rules[] = "listen 10.0.0.0/8 80 backlog=7\n"
			    "deny * *\n"
			    "listen * 80,443 program=nginx key=/etc/tfo/key\n"
			    "listen 0.0.0.0/0 8080\n"
			    "allow * 80 any\n"
			    "listen ::/0 9090\n";

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of a question */
static const struct {
	const char *address;
	unsigned int port;
	const char *program;
	unsigned int line;
} asked[] = {
	/* NOLINT(clang-analyzer-optin.performance.Padding): in the order of the question */
	{"10.1.2.3", 80, NULL, 1},
	{"10.1.2.3", 81, NULL, 0},
	{"192.0.2.1", 80, NULL, 0},
	{"192.0.2.1", 80, "nginx", 3},
	{"::1", 443, "nginx", 3},
	{"::ffff:10.1.2.3", 80, NULL, 1},
	/* Whoever listens everywhere needs a rule for everywhere. */
	{"0.0.0.0", 80, NULL, 0},
	{"0.0.0.0", 80, "nginx", 3},
	{"0.0.0.0", 8080, NULL, 4},
	{"::", 8080, NULL, 0},
	{"::", 80, "nginx", 3},
	{"::", 9090, NULL, 6},
	{"0.0.0.0", 9090, NULL, 0},
};

static void check_answers(const struct policy *policy, const char *which)
{
	for (size_t i = 0; i < COUNT(asked); i++) {
		unsigned int line = line_for(policy_decide_listen, policy, asked[i].address,
					     asked[i].port, asked[i].program);

		check(line == asked[i].line, "%s: %s port %u, program %s: line %u", which,
		      asked[i].address, asked[i].port, asked[i].program, line);
	}
	check(line_for(policy_decide, policy, "10.1.2.3", 80, "nginx") == 2, "%s: connections",
	      which);
}

static void test_deciding(void)
{
	struct policy *policy = policy_of(rules);
	const struct policy_rule *rule = policy_first_listen_rule(policy);

	check_answers(policy, "read");
	check(rule->backlog == 7 && !rule->key && rule->next->backlog == POLICY_BACKLOG &&
		      strcmp(rule->next->key, "/etc/tfo/key") == 0,
	      "options");
	policy_free(policy);
	policy = policy_of("allow * 80 any\n");
	check(!policy_has_listen_rules(policy) && !policy_first_listen_rule(policy), "none");
	policy_free(policy);
	check(!policy_has_listen_rules(NULL) && !policy_first_listen_rule(NULL), "no policy");
}

static void test_image(void)
{
	struct policy *policy = policy_of(rules), *compiled = policy_new();
	const struct policy_rule *rule;
	const uint8_t *bytes;
	uint8_t *copy;
	size_t size;

	bytes = policy_image(policy, &size);
	check(bytes && image_adopt(compiled, bytes, size), "an image");
	check_answers(compiled, "compiled");
	rule = policy_first_listen_rule(compiled);
	check(policy_has_listen_rules(compiled) && rule->backlog == 7 && rule->next->key &&
		      strcmp(rule->next->key, "/etc/tfo/key") == 0 &&
		      strcmp(rule->text, "listen 10.0.0.0/8 80 backlog=7") == 0,
	      "compiled options");
	policy_free(compiled);

	/* A flip in the rules for servers is seen before any of them is asked. */
	copy = aligned_alloc(IMAGE_PAGE, size);
	memcpy(copy, bytes, size);
	copy[((const struct image_header *)bytes)->parts[IMAGE_LISTEN].at] ^= 1;
	compiled = policy_new();
	check(!image_adopt(compiled, copy, size), "a damaged image is taken");
	policy_free(compiled);
	free(copy);
	policy_free(policy);
}

int main(void)
{
	test_forms();
	test_bad_texts();
	test_deciding();
	test_image();
	return check_result();
}
