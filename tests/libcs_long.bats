#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# The release library in programs of older and newer glibcs: the same tests in each system that tests/roots has made
# (ctest calls it before); and the one for aarch64, under qemu's emulation of a processor.

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

# Goes on in a root: what was built is /tfo/build there, the sources are /tfo/source, and it is the lab's network.
enter_root() { # SUITE
	ROOT=$TFO_BUILD/roots/$1
	[[ -d $ROOT ]] || must_skip "there is no system of $1: tests/roots says why"
	mount --bind "$TFO_BUILD" "$ROOT/tfo/build"
	mount --bind "$LAB_REPO" "$ROOT/tfo/source"
	mount -t tmpfs none "$ROOT/tmp"
	mount -t proc proc "$ROOT/proc"
	cp /etc/hosts "$ROOT/tmp/hosts"
	mount --bind "$ROOT/tmp/hosts" "$ROOT/etc/hosts"
	CLIENT=/tfo/build/tests/probes/client-any
	PRELOAD=/tfo/build/lib/libtfo-preload.so
	there() {
		timeout 300 chroot "$ROOT" env ${LOADED:+"LD_PRELOAD=$LOADED"} "$@"
	}
}

# The version of the glibc of a root.
glibc_is() { # VERSION
	local version
	version=$(there ldd --version)
	[[ ${version%%$'\n'*} == *" $1" ]] || {
		echo "not $1: ${version%%$'\n'*}"
		return 1
	}
}

# The libraries of a root's libc that the object names.
libc_of_root() {
	local name
	for name in libc.so.6 libdl.so.2 libpthread.so.0; do
		echo "$ROOT"/lib/x86_64-linux-gnu/$name
	done
}

# A program that has neither libdl nor libpthread, which glibc had apart.
libc_alone() {
	begin 20 answer -t 16
	# shellcheck disable=SC2317 # same calls it
	client() {
		there /tfo/build/tests/probes/loop-any "$ADDRESS" "$PORT" 1 2>&1 3>&- | awk '{ print $3 }'
	}
	same
	in_syn
}

# Programs of the system itself.
real_programs() {
	begin 20 answer -t 16
	client() {
		there "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	# shellcheck disable=SC2016 # Perl expands
	local hello='$s = IO::Socket::INET->new("10.9.0.1:7000") or die $@; print $s "hello"; $s->flush; shutdown($s, 1); print <$s>'
	same perl -MIO::Socket::INET -e "$hello"
	in_syn
	# It duplicates its socket before it writes.
	same bash -c 'exec 5<>/dev/tcp/server.test/7000 && printf hello >&5 && head -c 5 <&5'
	not_in_syn
	export TFO_RULES="allow * * any minrtt=0"
	CONNECTIONS=0 same bash -c 'exec 5<>/dev/tcp/10.9.0.1/7001'
	[[ $SEEN == *'Connection refused'* ]]
	# What is installed for containers runs as it is.
	tfo-run install "$ROOT/tmp/tfo"
	with_library() {
		client /tmp/tfo/tfo-run -- "${@:2}"
	}
	allow_everything
	same perl -MIO::Socket::INET -e "$hello"
	in_syn
}

everything_in() { # SUITE VERSION
	enter_root "$1"
	glibc_is "$2"
	# shellcheck disable=SC2046 # several words
	has_all_it_asks_for "$LIBRARY" $(libc_of_root)
	same_tests
	TFO_HOLD=user same_tests
	libc_alone
	real_programs
}

@test "glibc of this system" {
	same_tests
	TFO_HOLD=user same_tests
}

@test "glibc 2.23: Ubuntu 16.04" {
	everything_in xenial 2.23
}

@test "glibc 2.27: Ubuntu 18.04" {
	everything_in bionic 2.27
}

@test "glibc 2.31: Debian 11" {
	everything_in bullseye 2.31
}

@test "glibc 2.41: Debian 13" {
	everything_in trixie 2.41
}

# Newer headers have other names for old functions (__isoc23_strtol), and newer linkers other sections.
@test "built with glibc 2.41, it asks for no more, and runs with 2.23" {
	enter_root trixie
	# shellcheck disable=SC2016 # the shell there expands
	there sh -ec 'cmake -S /tfo/source -B /tfo/build/trixie -DTFO_TESTS=OFF -DTFO_WERROR=ON &&
		cmake --build /tfo/build/trixie --parallel "$(nproc)"' >build.log 2>&1 || {
		cat build.log
		return 1
	}
	object=$TFO_BUILD/trixie/lib/libtfo-preload.so
	asks_for_no_version "$object"
	asks_nothing_new_of_loader "$object"
	asks_for_nothing_new "$object" "$ROOT/lib/x86_64-linux-gnu/libc.so.6"
	has_all_it_asks_for "$object" /lib/ld-musl-x86_64.so.1
	enter_root xenial
	PRELOAD=/tfo/build/trixie/lib/libtfo-preload.so
	same_tests
}

@test "compiled as distributions compile, hardened and optimized when it is linked, it asks for no more" {
	{
		CFLAGS='-g -O2 -flto=auto -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2' \
			cmake -S "$LAB_REPO" --preset release -B "$TFO_BUILD/hardened" -DTFO_TESTS=OFF -DTFO_WERROR=ON &&
			cmake --build "$TFO_BUILD/hardened" --parallel "$(nproc)" --target tfo-preload
	} >build.log 2>&1 || {
		cat build.log
		return 1
	}
	PRELOAD=$TFO_BUILD/hardened/lib/libtfo-preload.so
	asks_for_no_version "$PRELOAD"
	asks_nothing_new_of_loader "$PRELOAD"
	asks_for_nothing_new "$PRELOAD" "$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')"
	has_all_it_asks_for "$PRELOAD" /lib/ld-musl-x86_64.so.1
	diff <(names defined "$LIBRARY") <(names defined "$PRELOAD")
	same_tests
}

# qemu emulates the processor, and the kernel is this one's. Programs that the client starts are not emulated: that their
# loader does not take the library is nothing that the client says.
emulate_aarch64() { # SYSROOT [LOADER]
	command -v qemu-aarch64 >/dev/null || must_skip "no qemu"
	build_for_aarch64 all
	EMULATED=yes SYSROOT=$1 LOADER=${2-}
	CLIENT=$AARCH64/tests/probes/client-any
	PRELOAD=$AARCH64/lib/libtfo-preload.so
	there() {
		timeout 30 qemu-aarch64 -L "$SYSROOT" ${LOADED:+-E "LD_PRELOAD=$LOADED"} ${LOADER:+"$LOADER"} "$@" 2>/dev/null
	}
}

sysroot_of_compiler() {
	local libc
	command -v aarch64-linux-gnu-gcc >/dev/null || return
	libc=$(realpath "$(aarch64-linux-gnu-gcc -print-file-name=libc.so.6)")
	echo "${libc%/lib/*}"
}

@test "aarch64, glibc of the cross compiler" {
	sysroot=$(sysroot_of_compiler) || must_skip "no gcc for aarch64"
	emulate_aarch64 "$sysroot"
	same_tests
	TFO_HOLD=user same_tests
	try there "$AARCH64/bin/tfoctl" policy check "$BATS_TEST_DIRNAME/../policy/default.policy"
	expect_status 0
}

# Ubuntu and Fedora compile so: a call may then lead only to where the compiler, or what is written in assembly, says so.
@test "aarch64, compiled with branch protection, on a processor that has it" {
	sysroot=$(sysroot_of_compiler) || must_skip "no gcc for aarch64"
	AARCH64=$TFO_BUILD/aarch64-protected
	CFLAGS=-mbranch-protection=standard emulate_aarch64 "$sysroot"
	readelf -nW "$PRELOAD" | grep BTI
	export QEMU_CPU=max
	holds_and_emits
	releases
}

# The client was compiled for glibc: of what it uses, musl differs in nothing.
@test "aarch64, musl" {
	loader=$TFO_BUILD/roots/trixie/tfo/aarch64/usr/lib/aarch64-linux-musl/libc.so
	[[ -e $loader ]] || must_skip "there is no system of trixie: tests/roots says why"
	emulate_aarch64 / "$loader"
	has_all_it_asks_for "$PRELOAD" "$loader"
	same_tests
	TFO_HOLD=user same_tests
}
