#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# What suites.bats shows for a few tests, for all that can be had.

load helper

same_tests_pass() { # SUITE MODE...
	local missing mode
	local -a modes=()
	for mode in "${@:2}"; do
		modes+=(-m "$mode")
	done
	missing=$("$BATS_TEST_DIRNAME/suites/run" --missing "$1")
	[[ -z $missing ]] || must_skip "$missing"
	try "$BATS_TEST_DIRNAME/suites/run" --long "${modes[@]}" "$1" 3>&-
	[[ $status != 77 ]] || must_skip "$output"
	expect_status 0
	[[ $output =~ ([1-9][0-9]*)' connections held' ]] || unexpected "connections held"
}

@test "CPython's tests pass as without the library" {
	same_tests_pass cpython every
}

@test "CPython's tests pass as without the library under the user's hold" {
	same_tests_pass cpython user+every
}

@test "libuv's tests pass as without the library" {
	same_tests_pass libuv every user+every
}

@test "Ruby's tests pass as without the library" {
	same_tests_pass ruby every user+every
}

@test "the tests of Perl's modules pass as without the library" {
	same_tests_pass perl every user+every
}

@test "Tcl's tests pass as without the library" {
	same_tests_pass tcl every user+every
}

@test "Node's tests pass as without the library" {
	same_tests_pass node every user+every
}

@test "libevent's tests pass as without the library" {
	same_tests_pass libevent every user+every
}
