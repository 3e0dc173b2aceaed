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

teardown() {
	lab_reset
}

# Goes on in a root: what was built is /tfo/build there, the sources are /tfo/source, and it is the lab's network.
enter_root() { # SUITE
	needs_release_library
	ROOT=$TFO_BUILD/roots/$1
	[[ -d $ROOT ]] || must_skip "there is no system of $1: tests/roots says why"
	mount --bind "$TFO_BUILD" "$ROOT/tfo/build"
	mount --bind "$LAB_REPO" "$ROOT/tfo/source"
	mount -t tmpfs none "$ROOT/tmp"
	mount --rbind /dev "$ROOT/dev"
	mount -t proc proc "$ROOT/proc"
	cp /etc/hosts "$ROOT/tmp/hosts"
	mount --bind "$ROOT/tmp/hosts" "$ROOT/etc/hosts"
	CLIENT=/tfo/build/tests/probes/client-any
	PRELOAD=/tfo/build/lib/libtfo-preload.so
	there() {
		timeout 30 chroot "$ROOT" env ${LOADED:+"LD_PRELOAD=$LOADED"} "$@"
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

# Programs of the system itself.
real_programs() {
	begin 20 answer -t 16
	client() {
		there "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	# shellcheck disable=SC2016 # Perl expands
	same perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("10.9.0.1:7000") or die $@; print $s "hello";
		$s->flush; shutdown($s, 1); print <$s>'
	in_syn
	# It duplicates its socket before it writes.
	same bash -c 'exec 5<>/dev/tcp/server.test/7000 && printf hello >&5 && head -c 5 <&5'
	not_in_syn
	export TFO_RULES="allow * * any minrtt=0"
	CONNECTIONS=0 same bash -c 'exec 5<>/dev/tcp/10.9.0.1/7001'
	[[ $SEEN == *'Connection refused'* ]]
}

everything_in() { # SUITE VERSION
	enter_root "$1"
	glibc_is "$2"
	# shellcheck disable=SC2046 # several words
	has_all_it_asks_for "$LIBRARY" $(libc_of_root)
	same_tests
	TFO_HOLD=user same_tests
	real_programs
}

@test "glibc of this system" {
	needs_release_library
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
