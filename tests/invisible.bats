#!/usr/bin/env bats
# Promise 1, invisible: what each call says on a held socket is what it says on a connected one.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

@test "P4: connect, getpeername, getsockname, SO_ERROR" {
	begin 20 answer -t 16
	same connect peer error write:hi peer name error read-all close
	in_syn
	same connect peer name error write:hi peer name error read-all close
	in_syn_though_looked_at
	same nonblock connect-wait peer name error write:hi read-all close
	in_syn_though_looked_at
}

@test "P5: a second connect says what it says on a connected socket" {
	begin 20 answer -t 16
	same connect connect connect write:hi connect read-all
	same nonblock connect-wait connect connect write:hi read-all connect
	same nonblock connect poll:out:1000 connect connect write:hi read-all
}

@test "P6: zero-length writes" {
	begin 20 answer -t 16
	same connect write: send: write:hi read-all
	in_syn
	same nonblock connect-wait write: send: write:hi read-all
	in_syn_though_looked_at
}

@test "P6: no write says EINPROGRESS, whether it may ride in the SYN, or the cookie is worth nothing" {
	begin 50 answer -t 16
	for rules in any http; do
		export TFO_RULES="allow * * $rules verify=off minrtt=0"
		for cookie in good spoilt; do
			[[ $cookie == good ]] || lab_spoil_cookies
			for how in write send sendmsg writev sendmmsg; do
				try with_library client nonblock connect-wait "$how:hi" "$how:hi" sleep:150 "$how:hi"
				[[ $output != *EINPROGRESS* && $output == *"$how: "[12]* ]] || unexpected "EAGAIN or a count"
			done
		done
	done
}

@test "P1: a program that reads first: poll, select, epoll, read, each with its own kind of wait" {
	begin 20 speak-first -t 16
	same connect read write:hi read close
	same connect poll:in:2000 read close
	same connect select:in:2000 read close
	same connect epoll:in:2000 read close
	# The user hold is released by the wait for the connection: the greeting comes with the SYN-ACK.
	under_user_hold || same nonblock connect-wait read-dontwait poll:in:2000 read write:hi close
	same nonblock connect-wait epoll:in:2000 read write:hi close
	same rcvtimeo:1000 connect read close
}

@test "P1: a program that reads first loses no time over it" {
	begin 100 speak-first -t 16
	# Connecting and reading is one round trip and a half at most; the deadline of a hold is not waited for.
	allow_everything hold=1s
	same time connect read took:700 close
	same time connect poll:in:2000 read took:700 close
	same time nonblock connect-wait select:in:2000 read took:700 close
}

@test "a wait that times out does so in its time" {
	begin 20 sink -t 16
	same connect poll:in:50 select:in:50 epoll:in:50 write:hi close
	same connect write:hi poll:in:50 poll:inout:50 close
	same rcvtimeo:50 connect read close
}

@test "P13: a descriptor that sits in an edge-triggered epoll set before connect misses nothing" {
	begin 20 answer -t 16
	if under_user_hold; then
		same nonblock epoll-edge connect epoll-wait:2000 write:hi epoll-wait:2000 read-all
		return
	fi
	try with_library "$PROBES/client" "$ADDRESS" "$PORT" nonblock epoll-edge connect write:hi \
		epoll-wait:2000 read-all
	# The answer comes right behind the SYN-ACK.
	[[ $output == $'connect: 0\nwrite: 2\nepoll-wait: 1 '*out$'\nread-all: 3' ]] || unexpected "an event"
}

@test "P13: a descriptor that is added to an edge-triggered epoll set after connect gets its event" {
	begin 20 answer -t 16
	same nonblock connect-wait epoll:out:2000 write:hi epoll:in:2000 read-all
	in_syn_though_looked_at
}

@test "a port that refuses, cookie in hand" {
	begin 20 answer -t 16
	PORT=7001
	# The kernel's cookie is for the host: a port not reached before reports at the first write.
	try with_library client connect write:hi
	[[ $output == *'write: ECONNREFUSED'* ]]
	if under_user_hold; then
		CONNECTIONS=0 same nonblock connect poll:out:2000 error
		return
	fi
	try with_library client nonblock connect poll:out:2000 write:hi poll:in:2000 error
	[[ $output == *'error: ECONNREFUSED'* ]]
}

@test "a port that refuses, no cookie" {
	begin 20 answer
	PORT=7001 CONNECTIONS=0
	# The user hold cannot know that there is no cookie.
	! under_user_hold || export TFO_RULES="allow * * any minrtt=0"
	same connect
	same nonblock connect poll:out:2000 error
}

@test "an address that cannot be reached" {
	begin 20 answer -t 16
	lab_fault unreachable
	CONNECTIONS=0
	try with_library client connect write:hi
	[[ $output == *ECONNREFUSED* ]]
	lab_fault_clear
	lab_fault prohibited
	try with_library client connect write:hi
	[[ $output == *EHOSTUNREACH* ]]
}

@test "a socket that no rule names makes the calls that it made before" {
	begin 20 answer -t 16
	export TFO_RULES="allow 10.9.0.2 * any"
	strace -f -o plain.trace "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all close
	LD_PRELOAD=$LIBRARY strace -E LD_PRELOAD="$LIBRARY" -f -o ours.trace "$PROBES/client" \
		"$ADDRESS" "$PORT" connect write:hi read-all close
	for trace in plain ours; do
		sed -n '/socket(AF_INET, SOCK_STREAM/,$p' $trace.trace | sed -E 's/^[0-9]+ +//' |
			grep -vE 'open(at)?\(.*policy|newfstatat|fstat|mmap|munmap' >$trace.calls
	done
	diff plain.calls ours.calls
	run ! grep -E 'MSG_FASTOPEN|TCP_FASTOPEN_CONNECT|setsockopt.*0x1e' ours.calls
}
