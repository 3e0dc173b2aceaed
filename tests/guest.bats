#!/usr/bin/env bats
# Promise 6, a good guest; and of promise 1 what invisibility costs.

load helper

# The cost of each call, as in the table that tests/bench/overhead prints.
@test "on a descriptor that is none of its business, a call costs 8 instructions more at most" {
	command -v valgrind >/dev/null || must_skip "valgrind is missing"
	grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release$' "$TFO_BUILD/CMakeCache.txt" ||
		must_skip "this holds for a release build"
	try "$BATS_TEST_DIRNAME/bench/overhead" write read send recv close
	expect_status 0
	((${#lines[@]} == 6)) || unexpected "a heading and five calls"
	# A library that adds nothing was not there.
	awk 'NR > 1 && !($NF >= 1 && $NF <= 8) { exit 1 }' <<<"$output" ||
		unexpected "between 1 and 8 instructions added"
}
