#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promises 1 and 2: random small socket programs observe the same without and with the library. Seeds are
# fixed; differential_long.bats runs thousands.

load helper
load lab/lab.bash
load sockets
load differential

@test "random programs are the same under the kernel's hold" {
	programs_are_the_same kernel 1-500
}

@test "random programs are the same under the user's hold" {
	programs_are_the_same user 501-1000
}
