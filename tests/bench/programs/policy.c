/* SPDX-License-Identifier: MIT */
/*
 * policy FILE: reads a policy as the library does and asks it, for addresses with and without
 * names, all over the rules of growth.py: 100 times, so that nothing is read for the first time,
 * and then 1000 times, each by one call of work(), between whose call and return callgrind counts.
 * Prints how often a rule was found.
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

static const struct policy *policy;

static int ask(unsigned long number)
{
	struct sockaddr_in to = destination(number);

	return policy_decide(policy, &(struct policy_question){.address = (struct sockaddr *)&to,
							       .length = sizeof(to),
							       .program = "bench"}) != NULL;
}

static unsigned long found;

static void work(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		found += (unsigned long)ask(i % 100);
}

/* A function of its own under that very name: the compiler cannot know what is called here. */
static void (*volatile worker)(unsigned int) = work;

int main(int argc, char **argv)
{
	struct policy_problem problem;

	if (argc != 2) {
		fputs("usage: policy FILE\n", stderr);
		return 2;
	}
	policy = policy_open(argv[1], NULL, NULL, NULL, &problem);
	if (!policy) {
		fprintf(stderr, "policy: %u: %s\n", problem.line, problem.sentence);
		return 1;
	}
	for (unsigned long i = 0; i < 100; i += 2)
		learn(i);
	worker(100);
	worker(1000);
	printf("%lu\n", found);
	return 0;
}
