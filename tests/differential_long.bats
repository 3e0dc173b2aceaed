#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# The random programs of differential.bats, thousands of them. DIFFER_SEEDS=FIRST-LAST chooses others.

load helper
load lab/lab.bash
load sockets
load differential

@test "thousands of random programs are the same under the kernel's hold" {
	programs_are_the_same kernel "${DIFFER_SEEDS:-10001-20000}"
}

@test "thousands of random programs are the same under the user's hold" {
	programs_are_the_same user "${DIFFER_SEEDS:-20001-30000}"
}
