#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# The stress of stress.bats for as long as STRESS_SECONDS says (60), without the library first: what fails then is the test's.

load helper
load lab/lab.bash
load sockets
load stress

@test "a tenth of the time without the library: the stress itself is sound" {
	stress 2 $((${STRESS_SECONDS:-60} / 10)) 8
}

@test "0, 2 and 20 ms away, a third of the time each: nothing lost, repeated or stuck" {
	for rtt in 0 2 20; do
		stress $rtt $((${STRESS_SECONDS:-60} / 3)) 12 with_library
		((SYN_COUNT > 100))
	done
}
