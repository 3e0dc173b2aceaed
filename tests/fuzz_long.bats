#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# The fuzzers, ten minutes for each target.

load helper

@test "ten minutes of every fuzz target find nothing" {
	command -v clang >/dev/null || must_skip "no clang here"
	run "$BATS_TEST_DIRNAME/fuzz/run" --seconds "${FUZZ_SECONDS:-600}"
	echo "$output"
	[[ $status == 0 ]]
}
