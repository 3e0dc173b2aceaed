#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# How Fast Open breaks in programs (P) and in networks (N) was written down before the library was: each row of that list has a
# test that names it.

@test "each row of what breaks in programs and in networks has a test of its name" {
	for row in {1..22}; do
		grep -qE "^@test \"(N[0-9]+, )*P${row}[:,]" "$BATS_TEST_DIRNAME"/*.bats || missing+=" P$row"
	done
	for row in {1..12}; do
		grep -qE "^@test \"(N[0-9]+, )*N${row}[:,]" "$BATS_TEST_DIRNAME"/*.bats || missing+=" N$row"
	done
	echo "without a test:${missing-}"
	[[ -z ${missing-} ]]
}
