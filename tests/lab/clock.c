/* SPDX-License-Identifier: MIT */
/* clock: milliseconds of CLOCK_MONOTONIC. A shell knows only the wall clock, which may be set while
 * a test measures. */
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("%lld\n", t.tv_sec * 1000LL + t.tv_nsec / 1000000);
	return 0;
}
