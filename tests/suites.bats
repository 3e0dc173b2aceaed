#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Invisible: other people's tests pass with the library exactly where they pass without it, and the
# library has really held their connections. The many that take longer are in suites_long.bats.

load helper

@test "CPython's tests of sockets pass as without the library, under either hold" {
	local missing
	missing=$("$BATS_TEST_DIRNAME/suites/run" --missing cpython)
	[[ -z $missing ]] || must_skip "$missing"
	try timeout 500 "$BATS_TEST_DIRNAME/suites/run" -m verified -m every -m user+every cpython 3>&-
	expect_status 0
	[[ $output != *', 0 held'* ]] || unexpected "connections held in every run"
}
