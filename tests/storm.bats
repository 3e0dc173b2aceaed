#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promises 5 and 6: the memory that processes share survives whatever happens to them and to it.

load helper
load lab/lab.bash
load sockets
load storm

@test "processes killed at any instruction, random bytes in the file: nobody else crashes, hangs or fails, all goes on" {
	weather_the_storm 10
}

@test "a file of nonsense is replaced, a file of another version and a link are left alone" {
	mkdir -m 700 "${STATE%/*}"
	head -c 100000 /dev/urandom >"$STATE"
	chmod 600 "$STATE"
	holds_again 127.1.0.3
	[[ $(head -c 14 "$STATE") == 'tfo-run memory' ]]
	# Another version's: nothing is changed, and each process learns for itself.
	printf '\x63' | dd of="$STATE" bs=1 seek=16 conv=notrunc status=none
	sum=$(cksum <"$STATE")
	with_library "$PROBES/loop" 127.1.0.4 "$PORT" 3
	[[ $(cksum <"$STATE") == "$sum" ]]
	# A link is not followed.
	rm "$STATE"
	echo precious >precious
	ln -s "$PWD/precious" "$STATE"
	with_library "$PROBES/loop" 127.1.0.5 "$PORT" 3
	[[ $(<precious) == precious ]]
}

@test "a maker killed in the middle: what it left behind stops nobody, its own process number included" {
	mkdir -m 700 "${STATE%/*}"
	# The next processes' numbers, all of them.
	for ((pid = $$; pid < $$ + 2000; pid++)); do
		: >"$STATE.new.$pid"
	done
	chmod 600 "$STATE".new.*
	holds_again 127.1.0.6
}
