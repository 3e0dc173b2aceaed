/* SPDX-License-Identifier: MIT */
/*
 * memory look-up|update TIMES DESTINATIONS: asks the memory for advice, or records a good
 * connection, TIMES times, over that many destinations in turn, all of them known before. The
 * memory is the one that TFO_STATE names.
 */
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

static int look_up(unsigned long number)
{
	struct sockaddr_in to = destination(number);
	uint32_t rtt_us;

	return memory_advice((struct sockaddr *)&to, sizeof(to), &rule, &rtt_us) == ADVICE_HOLD;
}

int main(int argc, char **argv)
{
	unsigned long times, destinations, found = 0;

	if (argc != 4) {
		fputs("usage: memory look-up|update TIMES DESTINATIONS\n", stderr);
		return 2;
	}
	times = strtoul(argv[2], NULL, 10);
	destinations = strtoul(argv[3], NULL, 10);
	if (destinations == 0)
		return 2;
	memory_configure(getenv("TFO_STATE"), NULL);
	for (unsigned long i = 0; i < destinations; i++)
		record(i);
	for (unsigned long i = 0; i < times; i++) {
		if (strcmp(argv[1], "update") == 0)
			record(i % destinations);
		else
			found += (unsigned long)look_up(i % destinations);
	}
	printf("%lu\n", found);
	return 0;
}
