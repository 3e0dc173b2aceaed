/* SPDX-License-Identifier: MIT */
/*
 * policy TIMES FILE: reads a policy as the library does and asks it TIMES times, for addresses with
 * and without names, all over the rules of tests/bench/policy. Prints how often a rule was found.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/names.h"
#include "policy/policy.h"

static struct sockaddr_in destination(unsigned long number)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(443)};

	address.sin_addr.s_addr = htonl(0x0b000000 + (uint32_t)(number * 2654435761u >> 8));
	return address;
}

static void learn(unsigned long number)
{
	struct sockaddr_in to = destination(number);
	char name[64];

	snprintf(name, sizeof(name), "www.host%lu.example.com", number * 5);
	names_learn(name, (struct sockaddr *)&to, sizeof(to));
}

static int ask(const struct policy *policy, unsigned long number)
{
	struct sockaddr_in to = destination(number);

	return policy_decide(policy, &(struct policy_question){.address = (struct sockaddr *)&to,
							       .length = sizeof(to),
							       .program = "bench"}) != NULL;
}

int main(int argc, char **argv)
{
	struct policy_problem problem;
	struct policy *policy;
	unsigned long times, found = 0;

	if (argc != 3) {
		fputs("usage: policy TIMES FILE\n", stderr);
		return 2;
	}
	times = strtoul(argv[1], NULL, 10);
	policy = policy_open(argv[2], NULL, NULL, NULL, &problem);
	if (!policy) {
		fprintf(stderr, "policy: %u: %s\n", problem.line, problem.sentence);
		return 1;
	}
	for (unsigned long i = 0; i < 100; i += 2)
		learn(i);
	for (unsigned long i = 0; i < times; i++)
		found += (unsigned long)ask(policy, i % 100);
	printf("%lu\n", found);
	return 0;
}
