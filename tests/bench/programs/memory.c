/* SPDX-License-Identifier: MIT */
/*
 * memory look-up|update DESTINATIONS: asks the memory for advice, or records a good connection,
 * over that many destinations, all of them known before: 100 times and then 1000 times, each by one
 * call of work(), between whose call and return callgrind counts. The memory is the one that
 * TFO_STATE names.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/memory/destinations.h"

static const struct policy_rule rule = {.verb = POLICY_ALLOW,
					.verify = true,
					.suspend_s = POLICY_SUSPEND_S,
					.text = "allow * * any"};
static const struct experience good = {
	.syn = SYN_CARRIED_DATA, .established = true, .acknowledged = true, .rtt_us = 20000};

static struct sockaddr_in destination(unsigned long number)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(443)};

	address.sin_addr.s_addr = htonl(0x0a000000 + (uint32_t)number);
	return address;
}

static void record(unsigned long number)
{
	struct sockaddr_in to = destination(number);

	memory_record((struct sockaddr *)&to, sizeof(to), &rule, &good, NULL);
}

static bool look_up(unsigned long number)
{
	struct sockaddr_in to = destination(number);
	uint32_t rtt_us;

	return memory_advice((struct sockaddr *)&to, sizeof(to), &rule, &rtt_us) == ADVICE_HOLD;
}

static bool updates;
static unsigned long destinations, found;

/* All over the memory: the multiplier is a prime. */
static void work(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		unsigned long number = i * 7919UL % destinations;

		if (updates)
			record(number);
		else
			found += look_up(number);
	}
}

/* A function of its own under that very name: the compiler cannot know what is called here. */
static void (*volatile worker)(unsigned int) = work;

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: memory look-up|update DESTINATIONS\n", stderr);
		return 2;
	}
	updates = strcmp(argv[1], "update") == 0;
	destinations = strtoul(argv[2], NULL, 10);
	if (destinations == 0)
		return 2;
	memory_configure(getenv("TFO_STATE"), NULL);
	for (unsigned long i = 0; i < destinations; i++)
		record(i);
	worker(100);
	worker(1000);
	printf("%lu\n", found);
	return 0;
}
