/* SPDX-License-Identifier: MIT */
/*
 * Random policies and random destinations: the index, and the compiled form, give the rule that a
 * scan from the first rule on gives. And a compiled form that is damaged anywhere is refused, or
 * finds no rule; it never finds another one.
 *
 *   policy_index_test [POLICIES [SEED]]
 */
#include "policy/image.h"
#include "policy/index.h"
#include "policy/names.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS 5000

static uint64_t state;

static unsigned int below(unsigned int most)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 33) % most;
}

/* Few of each, so that rules meet. */
static const char *const hosts[] = {"example.com", "a.example.com", "b.a.example.com",
				    "example.org", "c.example.org", "com"};
static const char *const programs[] = {"curl", "wget"};

static int put_address(char *to, size_t size, bool as_network)
{
	if (below(3) > 0) {
		unsigned int bits = as_network ? below(33) : 32;
		uint32_t bytes = 0x0a000000u | below(4) << 16 | below(3) << 8 | below(4);
		struct in_addr address = {htonl(bits ? bytes >> (32 - bits) << (32 - bits) : 0)};

		return as_network ? snprintf(to, size, "%s/%u", inet_ntoa(address), bits)
				  : snprintf(to, size, "%s", inet_ntoa(address));
	}
	if (as_network && below(4) == 0)
		return snprintf(to, size, "2001:db8:%x::/%u", below(3), 48 + below(3) * 8);
	return snprintf(to, size, "2001:db8:%x::%x%s", below(3), below(4),
			as_network ? "/128" : "");
}

static int put_ports(char *to, size_t size)
{
	int length = 0;

	if (below(6) == 0)
		return snprintf(to, size, "*");
	for (unsigned int left = 1 + below(3); left > 0; left--) {
		unsigned int first = 1 + below(30);

		length += snprintf(to + length, size - (size_t)length, "%u-%u%s", first,
				   first + below(8), left > 1 ? "," : "");
	}
	return length;
}

static int put_rule(char *to, size_t size)
{
	static const char *const payloads[] = {"any", "tls", "http", "prefix:\"GET \""};
	bool allow = below(3) > 0;
	int length = snprintf(to, size, "%s ", allow ? "allow" : "deny");

#define REST to + length, size - (size_t)length
	switch (below(8)) {
	case 0:
		length += snprintf(REST, "*");
		break;
	case 1:
	case 2:
		length += snprintf(REST, "%s", hosts[below(6)]);
		break;
	case 3:
		length += snprintf(REST, "*.%s", hosts[below(6)]);
		break;
	default:
		length += put_address(REST, true);
	}
	length += snprintf(REST, " ");
	length += put_ports(REST);
	if (allow)
		length += snprintf(REST, " %s", payloads[below(4)]);
	length += snprintf(REST, "\n");
#undef REST
	return length;
}

static struct policy *policy_of(const char *text, size_t length)
{
	struct policy_problem problem;
	struct policy *policy = policy_new();

	if (policy_add_text(policy, "test", text, length, &problem) == 0) {
		for (struct policy_rule *rule = policy->first; rule; rule = (void *)rule->next)
			if (rule->line % 5 == 0)
				rule->program = programs[rule->line % 2];
		return policy;
	}
	printf("%u: %s\n", problem.line, problem.sentence);
	abort();
}

struct asked {
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} address;
	struct policy_question question;
};

static void make_question(struct asked *asked)
{
	char text[64];

	memset(asked, 0, sizeof(*asked));
	put_address(text, sizeof(text), false);
	asked->question.address = &asked->address.any;
	if (inet_pton(AF_INET, text, &asked->address.ip4.sin_addr) == 1) {
		asked->address.ip4.sin_family = AF_INET;
		asked->question.length = sizeof(asked->address.ip4);
	} else {
		inet_pton(AF_INET6, text, &asked->address.ip6.sin6_addr);
		asked->address.ip6.sin6_family = AF_INET6;
		asked->question.length = sizeof(asked->address.ip6);
	}
	asked->address.ip4.sin_port = htons((uint16_t)below(45)); /* the same place in both */
	asked->question.program = below(3) ? programs[below(2)] : NULL;
	asked->question.name = below(2) ? hosts[below(6)] : NULL;
}

static unsigned int line_of(const struct policy_rule *rule)
{
	return rule ? rule->line : 0;
}

/* Where it says that nothing is allowed, nothing is. */
static void check_may_allow(const struct policy *policy, const struct asked *asked)
{
	const void *bytes = &asked->address.ip4.sin_port;
	uint16_t port = ntohs(asked->address.ip4.sin_port);
	const struct policy_rule *rule = policy_decide(policy, &asked->question);

	if (port_filter_may_have(policy_allowed_ports(policy), bytes))
		return;
	check(!rule || rule->verb != POLICY_ALLOW, "port %u: rule %u allows", port, line_of(rule));
	check(!policy_expect(policy, &asked->question), "port %u: a rule is expected", port);
}

static void same_answers(const struct policy *scanned, const struct policy *other,
			 const char *which)
{
	struct asked asked;

	for (int i = 0; i < QUESTIONS; i++) {
		make_question(&asked);
		unsigned int expected = line_of(policy_decide(scanned, &asked.question));
		unsigned int got = line_of(policy_decide(other, &asked.question));

		check(expected == got, "%s: rule %u, not %u", which, expected, got);
		expected = line_of(policy_expect(scanned, &asked.question));
		got = line_of(policy_expect(other, &asked.question));
		check(expected == got, "%s: expects rule %u, not %u", which, expected, got);
		check_may_allow(scanned, &asked);
		check_may_allow(other, &asked);
	}
}

/* Another answer than none must be the right one. */
static void damaged_answers(const struct policy *scanned, const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size);
	struct asked asked;

	for (int round = 0; round < 20; round++) {
		struct policy *damaged = policy_new();

		memcpy(copy, bytes, size);
		for (unsigned int flips = 1 + below(3); flips > 0; flips--)
			copy[below((unsigned int)size)] ^= (uint8_t)(1u << below(8));
		if (image_adopt(damaged, copy, size))
			for (int i = 0; i < 100; i++) {
				make_question(&asked);
				unsigned int got = line_of(policy_decide(damaged, &asked.question));

				check(got == 0 || got == line_of(policy_decide(scanned,
									       &asked.question)),
				      "a damaged image finds rule %u", got);
			}
		policy_free(damaged);
	}
	free(copy);
}

static void try_policy(unsigned int rules)
{
	size_t room = (size_t)rules * 160 + 1, length = 0, size;
	char *text = malloc(room);
	struct policy *scanned, *indexed, *compiled = policy_new();
	const uint8_t *bytes;

	for (unsigned int i = 0; i < rules; i++)
		length += (size_t)put_rule(text + length, room - length);
	scanned = policy_of(text, length);
	indexed = policy_of(text, length);
	check(index_build(indexed), "the index of %u rules", rules);
	bytes = policy_image(indexed, &size);
	if (!bytes)
		abort();
	check(image_adopt(compiled, bytes, size), "the image of %u rules", rules);
	check(memcmp(policy_allowed_ports(compiled), policy_allowed_ports(scanned),
		     sizeof(struct port_filter)) == 0,
	      "the ports of an image of %u rules", rules);
	same_answers(scanned, indexed, "indexed");
	same_answers(scanned, compiled, "compiled");
	damaged_answers(scanned, bytes, size);
	policy_free(scanned);
	policy_free(indexed);
	policy_free(compiled);
	free(text);
}

/* Names that are known for addresses, with what belongs to it: several names, and foreign ones. */
static void learn_some(void)
{
	struct asked asked;

	for (int i = 0; i < 20; i++) {
		make_question(&asked);
		names_learn(below(8) ? hosts[below(6)]
				     : "b\xc3\xbc"
				       "cher.example.com",
			    asked.question.address, asked.question.length);
	}
}

/* Every port of a range, and no other but those that share a bit with one. */
static void try_ports(uint16_t first, uint16_t last)
{
	struct port_filter filter = {{0}};
	bool expected[8192] = {false};
	unsigned int wrong = 0;

	port_filter_add(&filter, first, last);
	for (unsigned int port = first; port <= last; port++)
		expected[port % 8192] = true;
	for (unsigned int port = 0; port <= UINT16_MAX; port++) {
		const uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

		wrong += port_filter_may_have(&filter, bytes) != expected[port % 8192];
	}
	check(wrong == 0, "ports %u-%u: %u are wrong", first, last, wrong);
}

static void try_port_filter(void)
{
	static const uint16_t ends[] = {0,    1,    80,	  255,	256,   443,   511,
					1024, 8080, 8190, 8191, 8192,  8193,  16383,
					1500, 9000, 9999, 9692, 40000, 65279, 65535};
	const size_t count = sizeof(ends) / sizeof(ends[0]);

	for (size_t i = 0; i < count * count; i++)
		if (ends[i / count] <= ends[i % count])
			try_ports(ends[i / count], ends[i % count]);
}

int main(int argc, char **argv)
{
	unsigned int policies = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 50;

	try_port_filter();
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	state = state * 0x9e3779b97f4a7c15ull + 1;
	for (unsigned int i = 0; i < policies; i++) {
		if (i == policies / 2)
			learn_some();
		try_policy(i % 3 ? 1 + below(200) : 1 + below(10));
	}
	return check_result();
}
