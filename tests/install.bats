#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run install: what a container needs, in one directory. No network; what is gained with it is shown in
# containers.bats.

load helper
load lab/lab.bash
load sockets
load containers

setup() {
	fresh_environment
	needs_runtime
}

names_in() { # DIRECTORY
	find "$1" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' '
}

@test "install: all that a container needs, in one directory" {
	try tfo-run install some/place/tfo
	expect_only ''
	[[ $(stat -c '%a %n' some/place/tfo/* some/place/tfo/.[!.]* 2>/dev/null) == "\
644 some/place/tfo/libtfo-preload.so
644 some/place/tfo/policy
755 some/place/tfo/tfo-run
755 some/place/tfo/tfo-supervise
755 some/place/tfo/tfoctl" ]]
	cmp some/place/tfo/libtfo-preload.so "$LIBRARY"
	readelf -lW some/place/tfo/tfoctl >segments
	run ! grep -E 'INTERP|DYNAMIC' segments
	umask 077
	tfo-run install private
	[[ $(stat -c %a private/tfo-run) == 755 ]]
}

@test "install: done again it changes nothing, and what is not right is replaced as a whole" {
	tfo-run install tfo
	before=$(stat -c '%n %i %y' tfo/*)
	try tfo-run install tfo/
	expect_only ''
	[[ $(stat -c '%n %i %y' tfo/*) == "$before" ]]
	exec {old}<tfo/libtfo-preload.so
	cp tfo/libtfo-preload.so whole
	echo broken >whole-not
	mv whole-not tfo/libtfo-preload.so
	chmod 600 tfo/tfo-run
	ln -sf /nowhere tfo/tfoctl
	try tfo-run install tfo
	expect_only ''
	cmp tfo/libtfo-preload.so whole
	cmp whole - <&"$old" # whoever has the old file still has it
	[[ $(stat -c '%a %F' tfo/tfo-run tfo/tfoctl) == $'755 regular file\n755 regular file' ]]
	[[ $(names_in tfo) == 'libtfo-preload.so policy tfo-run tfo-supervise tfoctl ' ]]
}

@test "install: a policy that somebody has edited stays" {
	mkdir tfo
	echo 'deny * *' >tfo/policy
	chmod 600 tfo/policy
	tfo-run install tfo
	[[ $(<tfo/policy) == 'deny * *' && $(stat -c %a tfo/policy) == 600 ]]
}

@test "install: what is installed installs itself elsewhere, without a shell" {
	tfo-run install 'first place'
	echo '# mine' >>'first place/policy'
	env -i 'first place/tfoctl' install "$PWD/volume"
	diff -r 'first place' volume
	mv volume moved
	PATH=$PWD/moved:$PATH try tfo-run install another
	expect_only ''
	diff -r moved another
	try 'first place/tfo-run' true
	expect_failure 125 "tfo-run: $PWD/first place/libtfo-preload.so: a path with a space or a colon cannot stand in LD_PRELOAD"
}

@test "an installation has it, and can be moved" {
	cmake --install "$TFO_BUILD" --prefix "$PWD/prefix" >log
	mv prefix 'a prefix'
	try 'a prefix/bin/tfo-run' install tfo
	expect_only ''
	diff -r "$TFO_BUILD/libexec/tfo-run" tfo
	try tfo/tfo-run -- printenv LD_PRELOAD
	expect_only "$PWD/tfo/libtfo-preload.so"
	# Its static tfoctl is the one that starts programs.
	rm 'a prefix/bin/tfoctl'
	try 'a prefix/bin/tfo-run' --version
	expect_status 0
}

@test "install: two at a time, and one that is killed, leave nothing half done" {
	tfo-run install tfo
	for ((i = 0; i < 20; i++)); do
		echo broken >broken
		mv broken tfo/libtfo-preload.so
		tfo-run install tfo &
		first=$!
		timeout -s KILL 0.00$i "$TFO_BUILD/bin/tfoctl" install tfo || :
		wait $first
		cmp tfo/libtfo-preload.so "$LIBRARY"
		[[ $(stat -c %a tfo/libtfo-preload.so) == 644 ]]
	done
	diff <(ls "$TFO_BUILD/libexec/tfo-run") <(find tfo -printf '%f\n' | grep -v '^tfo$\|\.......$' | sort)
}

@test "install: why it cannot" {
	try tfo-run install
	expect_failure 2 'tfoctl: install: needs a directory; try tfoctl --help'
	try tfo-run install ''
	expect_failure 2 'tfoctl: install: needs a directory; try tfoctl --help'
	try tfo-run install one two
	expect_failure 2 'tfoctl: unexpected argument "two"; try tfoctl --help'
	try tfo-run install -x
	expect_failure 2 'tfoctl: unexpected option "-x"; try tfoctl --help'
	: >file
	try tfo-run install file/tfo
	expect_failure 1 'tfoctl: file/tfo: Not a directory'
	try tfo-run install file
	expect_failure 1 'tfoctl: file: Not a directory'
	mkdir -p taken/tfo-run
	try tfo-run install taken
	expect_failure 1 'tfoctl: taken/tfo-run: Is a directory'
	[[ $(names_in taken) == 'libtfo-preload.so policy tfo-run tfo-supervise tfoctl ' ]]
	mkdir full
	mount -t tmpfs -o size=100k none full
	try tfo-run install full
	umount full
	expect_failure 1 'tfoctl: full/libtfo-preload.so: No space left on device'
	mkdir read-only
	mount -t tmpfs -o ro none read-only
	try tfo-run install read-only
	umount read-only
	expect_failure 1 'tfoctl: read-only/libtfo-preload.so: Read-only file system'
	cp -r "$TFO_BUILD/libexec/tfo-run" part
	rm part/policy
	try part/tfoctl install tfo
	expect_failure 1 "tfoctl: $PWD/part: no policy in it"
	mkdir alone
	cp part/tfoctl alone
	try alone/tfoctl install tfo
	expect_failure 1 "tfoctl: $PWD/alone: no runtime here, nor in $PWD/alone/../libexec/tfo-run"
	[[ ! -e tfo ]]
}

@test "a program of that name is run after --, and --help is for people" {
	for word in install inject; do
		try tfo-run $word --help
		expect_status 0
		[[ $output == 'usage: tfo-run '*"tfo-run $word "* ]]
	done
	printf '#!/bin/sh\necho "ran $*"\n' >install
	chmod +x install
	cp install inject
	PATH=$PWD:$PATH
	for word in install inject; do
		try tfo-run -- $word x
		expect_only 'ran x'
		try tfo-run -n -- $word x
		expect_status 0
	done
}

@test "the policy beside the library is in force, unless another is named" {
	tfo-run install tfo
	echo 'deny 192.0.2.1 *' >tfo/policy
	try tfo/tfo-run -- "$TFO_BUILD/bin/tfoctl" policy print
	expect_status 0
	[[ $output == 'deny  192.0.2.1  *'* ]]
	echo 'allow * 1 any' >other
	try tfo/tfo-run -p other "$TFO_BUILD/bin/tfoctl" policy print
	[[ $output == 'allow  *  1  any'* ]]
	TFO_POLICY=$PWD/other try tfo/tfo-run "$TFO_BUILD/bin/tfoctl" policy print
	[[ $output == 'allow  *  1  any'* ]]
	echo 'nonsense' >tfo/policy
	try tfo/tfo-run true
	expect_status 125
	rm tfo/policy
	try tfo/tfo-run true
	expect_only ''
}
