#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Every input that the fuzzers begin with, and every one that once broke something, is still
# understood. No libFuzzer is needed for this.

load helper

@test "no seed and no regression of tests/fuzz breaks anything" {
	run "$BATS_TEST_DIRNAME/fuzz/run" --replay "$TFO_BUILD/tests/fuzz"
	echo "$output"
	[[ $status == 0 ]]
	# Each target of the list said how much it was given.
	[[ $(grep -c ' inputs$' <<<"$output") == $(grep -c '^[a-z]' "$BATS_TEST_DIRNAME/fuzz/targets") ]]
}
