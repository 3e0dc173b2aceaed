/* SPDX-License-Identifier: MIT */
/* Counting and reporting for the unit tests of policy/: go on after a failure, say what was seen.
 */
#ifndef TFO_TESTS_POLICY_CHECK_H
#define TFO_TESTS_POLICY_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static unsigned int checks_done, checks_failed;

#define check(condition, ...)                                                                      \
	do {                                                                                       \
		checks_done++;                                                                     \
		if (!(condition)) {                                                                \
			checks_failed++;                                                           \
			printf("%s:%d: ", __FILE__, __LINE__);                                     \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

/* What main returns. */
static inline int check_result(void)
{
	printf("%u checks, %u failed\n", checks_done, checks_failed);
	return checks_failed > 0;
}

#endif
