#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# Promise 1 on some sixty programs that were never written for this: tests/clients/measure finds no
# difference in what they print and how they end, and those that can gain a round trip do.

load helper
load lab/lab.bash

@test "real clients cannot tell, and are a round trip faster" {
	try "$BATS_TEST_DIRNAME/clients/measure" -o "$BATS_TEST_TMPDIR/table.md"
	((status != 77)) || must_skip "${stderr##*$'\n'}"
	expect_status 0
}
