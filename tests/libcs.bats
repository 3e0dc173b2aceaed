#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# One shared object for every libc: glibc 2.17 and later, musl.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

needs_release_library() {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
}

# The names that an object has (defined) or asks for (undefined).
names() { # defined|undefined OBJECT
	nm -D "--$1-only" "$2" | awk '{ print $NF }' | sed 's/@.*//' | sort -u
}

@test "it asks for no version of a symbol, and for no library that a small image lacks" {
	needs_release_library
	run ! grep -q GLIBC <(objdump -T "$LIBRARY"; objdump -p "$LIBRARY")
	[[ $(objdump -p "$LIBRARY" | awk '/NEEDED/ { print $2 }' | sort | tr '\n' ' ') == \
		'libc.so.6 libdl.so.2 libpthread.so.0 ' ]]
	run ! grep -E 'TEXTREL|RPATH|RUNPATH' <(objdump -p "$LIBRARY")
}

@test "each symbol that it asks for is in glibc, and has been since 2.17; and in musl" {
	needs_release_library
	names undefined "$LIBRARY" >asked
	[[ -s asked ]]
	glibc=$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')
	comm -23 asked <(names defined "$glibc") >missing
	[[ ! -s missing ]] || {
		echo "not in glibc: $(<missing)"
		return 1
	}
	# The oldest version that this glibc has of it.
	objdump -T "$glibc" | awk '{ gsub(/[()]/, ""); if ($(NF - 1) ~ /^GLIBC_2/) print $NF, substr($(NF - 1), 9) }' |
		sort -k 1,1 -k 2,2V | awk '!seen[$1]++' >versions
	while read -r name version; do
		! grep -qx "$name" asked || [[ $(printf '%s\n' "$version" 2.17 | sort -V | tail -n 1) == 2.17 ]] || {
			echo "$name came with glibc $version"
			return 1
		}
	done <versions
	musl=$(ls /lib/ld-musl-*.so.1 2>/dev/null) || must_skip "no musl"
	comm -23 asked <(names defined "$musl") >missing
	[[ ! -s missing ]] || {
		echo "not in musl: $(<missing)"
		return 1
	}
}

@test "a musl program: hold, emit, release, refuse" {
	needs_release_library
	[[ -x $PROBES/client-musl ]] || must_skip "no musl-gcc"
	client() {
		timeout 30 "$PROBES/client-musl" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	begin 20 answer -t 16
	for how in write send sendto sendmsg writev; do
		same connect "$how:hello" read-all close
		in_syn
	done
	same nonblock connect-wait peer name error write:hello read-all close
	in_syn_though_looked_at
	allow_everything hold=20ms
	same connect sleep:60 write:hi read-all
	not_in_syn
	allow_everything
	begin 20 sink -t 16
	for finish in close shutdown _exit:3 exit:3 syscall-exit:3 closefrom close-range return 'exec:exit 4'; do
		same connect 'write:hello world' "$finish"
		[[ $SEEN == *'bytes=11 end=eof'* ]]
		same connect "$finish"
	done
	begin 20 answer -t 16
	for steps in 'dup write:hi read-all' 'fork-write:hi read-all' 'fdopen fprintf:hi fclose' 'sendfile:hi close' \
		'thread-write:hi read-all' 'poll:out:1000 write:hi poll:in:1000 read-all'; do
		# shellcheck disable=SC2086 # several steps
		same connect $steps
	done
	same connect "signals:3" 'write:hello world' signals-off close
	PORT=7001 CONNECTIONS=0
	export TFO_RULES="allow * * any minrtt=0"
	same connect
	same nonblock connect poll:out:2000 error
}
