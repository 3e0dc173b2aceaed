#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promises 2 and 6 under stress: threads, signal handlers and children that use the same numbers at random.

load helper
load lab/lab.bash
load sockets
load stress

@test "P21: five seconds of threads, handlers and children at random, 0 ms away: nothing lost, repeated or stuck" {
	stress 0 5 8 with_library
	((SYN_COUNT > 100))
}

@test "P21: five seconds of threads, handlers and children at random, 2 ms away: nothing lost, repeated or stuck" {
	stress 2 5 8 with_library
	((SYN_COUNT > 100))
}
