#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Invisible: other people's tests pass with the library exactly where they pass without it, and the
# library has really held their connections. A few minutes of it are in suites_long.bats.

load helper

# Every line that begins with two blanks names a test that differs.
same_tests_pass() { # MODE SUITE:PART...
	local reason
	reason=$("$BATS_TEST_DIRNAME/suites/run" --missing "${2%%:*}")
	[[ -z $reason ]] || must_skip "$reason"
	try timeout 300 "$BATS_TEST_DIRNAME/suites/run" -m "$1" "${@:2}" 3>&-
	[[ $status != 77 ]] || must_skip "$stderr"
	expect_status 0
	[[ $output =~ ([0-9]+)' connections held' ]] && ((BASH_REMATCH[1] > 0)) ||
		unexpected "that connections were held"
}

SHORT=(cpython:test_asyncio.test_sock_lowlevel cpython:test_asyncio.test_streams
	cpython:test_httplib cpython:test_socket-tcp)

@test "CPython's tests of sockets pass as without the library" {
	same_tests_pass verified "${SHORT[@]}"
}

@test "CPython's tests of sockets pass as without the library when every connection is held" {
	same_tests_pass every "${SHORT[@]}"
}

@test "CPython's tests of sockets pass as without the library under the user's hold" {
	same_tests_pass user+every "${SHORT[@]}"
}
