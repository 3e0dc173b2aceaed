#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The runtime where there is no musl-gcc, and where no program can be linked statically.
#
# bats file_tags=long

load helper

configure() { # [SETTING...]
	cmake --preset release -S "$BATS_TEST_DIRNAME/.." -B "$PWD/tree" -DTFO_TESTS=OFF -DMUSL_GCC= "$@" >log 2>&1 ||
		unexpected "cmake to configure: $(<log)"
}

@test "without musl-gcc the compiler itself builds a static tfoctl" {
	configure
	cmake --build tree >log 2>&1 || unexpected "a build: $(<log)"
	readelf -lW tree/libexec/tfo-run/tfoctl >segments
	run ! grep INTERP segments
	tree/bin/tfo-run install tfo
	try tfo/tfo-run -- tfo/tfo-run -n true
	expect_status 0
}

@test "where nothing static can be built, configuring says so, and so does install" {
	cat >cc <<-'END'
		#!/bin/sh
		for word; do
			[ "$word" != -static ] || {
				echo "ld: cannot find -lc" >&2
				exit 1
			}
		done
		exec gcc "$@"
	END
	chmod +x cc
	configure -DCMAKE_C_COMPILER="$PWD/cc"
	grep -q 'No static program can be built' log
	grep -q 'ld: cannot find -lc' log
	cmake --build tree >log 2>&1 || unexpected "a build: $(<log)"
	try tree/bin/tfo-run install tfo
	expect_failure 1 "tfoctl: $PWD/tree/libexec/tfo-run: no tfoctl in it: it was built without a static one; build it where musl-gcc is"
	try tree/bin/tfo-run -- true
	expect_only ''
}
