/* SPDX-License-Identifier: MIT */
/*
 * What tools say of rules: the normal form, which is one form for one meaning and means the same,
 * and whether a rule fits, which agrees with the decision.
 */
#include "policy/policy.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct policy_problem problem;

static struct policy *policy_of(const char *text)
{
	struct policy *policy = policy_new();

	if (policy_add_text(policy, "test", text, strlen(text), &problem) == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

static const struct {
	const char *text, *normal;
} forms[] = {
	{"allow  *  443   tls # x", "allow * 443 tls"},
	{"deny WWW.Example.COM. *", "deny www.example.com *"},
	{"deny *.Example.COM. *", "deny *.example.com *"},
	{"deny [2001:DB8:0:0::]/32 *", "deny 2001:db8::/32 *"},
	{"deny ::ffff:10.0.0.0/104 *", "deny 10.0.0.0/8 *"},
	{"deny 192.0.2.1/32 *", "deny 192.0.2.1 *"},
	{"deny [::1]/128 *", "deny ::1 *"},
	{"deny 0.0.0.0/0 *", "deny 0.0.0.0/0 *"},
	{"deny * 90,80,81-85,84-89,443,1", "deny * 1,80-90,443"},
	{"deny * 1-65535", "deny * *"},
	{"deny * 40000-65535,1-39999", "deny * *"},
	{"deny * 1-65534", "deny * 1-65534"},
	{"deny * 65535,65534", "deny * 65534-65535"},
	{"deny * https,http,domain-s", "deny * 80,443,853"},
	{"deny * * program=curl", "deny * * program=curl"},
	{"allow * * prefix:\"\\x47ET \\\\\\\"\\x0a\\r\\t\\x00\\x7f\xc3\xbc#\"",
	 "allow * * prefix:\"GET \\\\\\\"\\n\\r\\t\\x00\\x7f\\xc3\\xbc#\""},
	{"allow * * any verify=on minrtt=1ms suspend=300s", "allow * * any"},
	{"allow * * http verify=off program=x minrtt=0 max=9 hold=1000000us suspend=3600s "
	 "control=1/16",
	 "allow * * http control=1/16 hold=1s max=9 minrtt=0 program=x suspend=1h verify=off"},
	{"allow * * dns hold=1500us minrtt=2000us suspend=90s",
	 "allow * * dns hold=1500us minrtt=2ms suspend=90s"},
	{"allow * * any minrtt=10s suspend=24h", "allow * * any minrtt=10s suspend=24h"},
	{"allow * * any supervise=yes", "allow * * any"},
	{"allow * * any supervise=no suspend=2s", "allow * * any supervise=no suspend=2s"},
	{"allow * * tls supervise=yes", "allow * * tls supervise=yes"},
	{"allow * * tls supervise=no", "allow * * tls"},
};

static void test_forms(void)
{
	static char text[POLICY_RULE_TEXT];

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct policy *policy = policy_of(forms[i].text), *again;

		check(policy, "%s: %s", forms[i].text, problem.sentence);
		if (!policy)
			continue;
		check(policy_rule_text(policy_first_rule(policy), text, sizeof(text)) ==
				      strlen(forms[i].normal) &&
			      strcmp(text, forms[i].normal) == 0,
		      "%s: became %s", forms[i].text, text);
		again = policy_of(text);
		check(again, "%s: refused: %s", text, problem.sentence);
		if (again)
			policy_rule_text(policy_first_rule(again), text, sizeof(text));
		check(strcmp(text, forms[i].normal) == 0, "%s: then became %s", forms[i].normal,
		      text);
		policy_free(again);
		check(policy_rule_text(policy_first_rule(policy), text, 6) == 5 &&
			      strncmp(text, forms[i].normal, 5) == 0 && !text[5],
		      "cut: %s", text);
		policy_free(policy);
	}
	check(policy_rule_text(NULL, text, 0) == 0, "no room at all");
}

static void test_words(void)
{
	check(strcmp(policy_payload_word(POLICY_PAYLOAD_TLS), "tls") == 0 &&
		      strcmp(policy_payload_word(POLICY_PAYLOAD_PREFIX), "prefix") == 0 &&
		      strcmp(policy_payload_word(POLICY_PAYLOAD_NONE), "none") == 0,
	      "words of payload classes");
}

/* Of a question with an address and no names, the first rule that fits is the decision. */

static unsigned int random_state = 7;

static unsigned int random_below(unsigned int most)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % most;
}

static void random_rules(char *text, size_t size)
{
	static const char *const hosts[] = {"*",	 "192.0.2.0/24", "192.0.2.7", "a.example",
					    "*.example", "::/0",	 "10.0.0.0/8"};
	static const char *const ports[] = {"*", "80", "80,443", "1-100", "443"};
	static const char *const programs[] = {"", " program=curl", " program=wget"};

	*text = '\0';
	for (unsigned int i = random_below(8); i > 0; i--)
		snprintf(text + strlen(text), size - strlen(text), "deny %s %s%s\n",
			 hosts[random_below(COUNT(hosts))], ports[random_below(COUNT(ports))],
			 programs[random_below(COUNT(programs))]);
}

static const struct policy_rule *
first_that_fits(const struct policy *policy, const struct policy_question *question, uint16_t port)
{
	const struct policy_rule *rule = policy_first_rule(policy);

	while (rule && policy_rule_fit(rule, question, port) != POLICY_FITS)
		rule = rule->next;
	return rule;
}

static void test_fit(void)
{
	static const char *const addresses[] = {"192.0.2.7", "192.0.2.8", "10.1.1.1", "8.8.8.8"};
	static const char *const programs[] = {NULL, "curl", "wget", "cur"};
	static const uint16_t ports[] = {80, 443, 100, 101};
	char text[1024];

	for (int round = 0; round < 20000; round++) {
		uint16_t port = ports[random_below(COUNT(ports))];
		struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(port)};
		struct policy_question question = {
			.address = (struct sockaddr *)&inet,
			.length = sizeof(inet),
			.program = programs[random_below(COUNT(programs))],
		};
		struct policy *policy;

		random_rules(text, sizeof(text));
		policy = policy_of(text);
		inet_pton(AF_INET, addresses[random_below(COUNT(addresses))], &inet.sin_addr);
		check(policy && policy_decide(policy, &question) ==
					first_that_fits(policy, &question, port),
		      "decided otherwise: port %u of %s", port, text);
		policy_free(policy);
	}
}

static void test_reasons(void)
{
	struct policy *policy = policy_of("deny * 1\ndeny * 2 program=x\ndeny 10.0.0.0/8 2\n"
					  "deny a.b 2\ndeny *.b 2");
	const struct policy_rule *rule = policy_first_rule(policy);
	struct sockaddr_in inet = {.sin_family = AF_INET};
	struct policy_question address = {.address = (struct sockaddr *)&inet,
					  .length = sizeof(inet)};
	struct policy_question name = {.name = "a.b"}, other = {.name = "b", .program = "x"};
	static const enum policy_fit expected[][3] = {
		{POLICY_OTHER_PORT, POLICY_OTHER_PORT, POLICY_OTHER_PORT},
		{POLICY_OTHER_PROGRAM, POLICY_OTHER_PROGRAM, POLICY_FITS},
		{POLICY_OTHER_HOST, POLICY_NEEDS_ADDRESS, POLICY_NEEDS_ADDRESS},
		{POLICY_NEEDS_NAME, POLICY_FITS, POLICY_OTHER_HOST},
		{POLICY_NEEDS_NAME, POLICY_FITS, POLICY_OTHER_HOST},
	};

	for (size_t i = 0; rule && i < COUNT(expected); i++, rule = rule->next) {
		check(policy_rule_fit(rule, &address, 2) == expected[i][0], "%s: address",
		      rule->text);
		check(policy_rule_fit(rule, &name, 2) == expected[i][1], "%s: name", rule->text);
		check(policy_rule_fit(rule, &other, 2) == expected[i][2], "%s: other", rule->text);
	}
	policy_free(policy);
}

int main(void)
{
	test_forms();
	test_words();
	test_fit();
	test_reasons();
	return check_result();
}
