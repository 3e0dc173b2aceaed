#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# One shared object for every libc: glibc 2.17 and later, musl; and for aarch64. libcs_long.bats loads it into older and
# newer glibcs, and runs the one for aarch64.

load helper
load lab/lab.bash
load sockets
load libcs

setup() {
	fresh_environment
	needs_release_library
}

teardown() {
	lab_reset
}

@test "it asks for no version of a symbol, and for no library that a small image lacks" {
	asks_for_no_version "$LIBRARY"
}

@test "it asks for nothing of the loader that glibc 2.17 and musl do not have" {
	asks_nothing_new_of_loader "$LIBRARY"
}

@test "each symbol that it asks for is in glibc, and has been since 2.17; and in musl" {
	glibc=$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')
	asks_for_nothing_new "$LIBRARY" "$glibc"
	musl=$(ls /lib/ld-musl-*.so.1 2>/dev/null) || must_skip "no musl"
	has_all_it_asks_for "$LIBRARY" "$musl"
}

@test "it is loaded in no time: few relocations, and little memory that is its own" {
	relocations=$(readelf -rW "$LIBRARY" | grep -c ' R_')
	echo "$relocations relocations"
	((relocations < 450))
	# Each is looked up by its name, in every program.
	names=$(readelf -rW "$LIBRARY" | grep -cE 'GLOB_DAT|JUMP_SLOT')
	echo "$names names"
	((names < 75))
	size -A "$LIBRARY" | awk '/^\.(data|got|init_array|fini_array|dynamic)/ { bytes += $2 } END { print bytes " bytes written"; exit bytes > 8192 }'
}

calls_at_start() { # NAME LIBRARY
	strace -o trace -E LD_PRELOAD="$2" true
	sed 's/(.*//' trace | sort >"$1"
}

@test "it is loaded in no time: an empty preload makes the same system calls, but one" {
	lab_need strace
	calls_at_start empty "$TFO_BUILD/tests/bench/empty.so"
	calls_at_start ours "$LIBRARY"
	grep -qx exit_group empty
	try comm -13 empty ours
	# Whose the table of sockets is.
	expect_output getpid
}

@test "for aarch64: no version, no library, no symbol and no relocation that is new; pages of 64 KiB" {
	command -v aarch64-linux-gnu-gcc >/dev/null || must_skip "no gcc for aarch64"
	build_for_aarch64 tfo-preload
	glibc=$(aarch64-linux-gnu-gcc -print-file-name=libc.so.6)
	asks_for_no_version "$AARCH64/lib/libtfo-preload.so"
	asks_nothing_new_of_loader "$AARCH64/lib/libtfo-preload.so"
	asks_for_nothing_new "$AARCH64/lib/libtfo-preload.so" "$glibc"
	readelf -lW "$AARCH64/lib/libtfo-preload.so" | awk '$1 == "LOAD" { print $NF }' | only 'aligned for large pages' 0x10000
	# Of two architectures the list of what is interposed is one.
	diff <(names defined "$LIBRARY") <(names defined "$AARCH64/lib/libtfo-preload.so")
	# What both ask for, musl has; it has the same functions for every architecture.
	musl=$(ls /lib/ld-musl-*.so.1 2>/dev/null) || must_skip "no musl"
	has_all_it_asks_for "$AARCH64/lib/libtfo-preload.so" "$musl"
}

@test "a musl program: hold, emit, release, refuse" {
	CLIENT=$PROBES/client-musl
	[[ -x $CLIENT ]] || must_skip "no musl-gcc"
	same_tests
}
