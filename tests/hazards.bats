#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What an attack on the library once broke, each compared without and with it: promises 2, 3 and 6.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

# `same` runs the client of sockets.bash; `same_hazard NAME [ARG...]` runs a hazard instead.
client() {
	timeout 30 "$PROBES/${PROGRAM:-client}" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
	echo "exit status $?"
}

same_hazard() {
	PROGRAM=hazard same "$@"
}

allow_http() { # [MORE...]
	export TFO_STATE=off TFO_RULES="allow * * http verify=off minrtt=0 $*"
}

# A sanitizer hangs some programs that were not built with it, reads what programs name before the kernel
# does, and minds arguments that syscall() and clone() may have and cancelled threads.
no_sanitizer() {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
}

SERVERS=('begin' 'begin_without_server_fastopen')

# A server with Fast Open, or one that a cookie is there for and that has none.
begin_either() { # KIND RTT_MS MODE
	if [[ $1 == begin ]]; then
		begin "$2" "$3" -t 1024
	else
		"$@"
	fi
}

@test "P10: many connections closed at once, one after the other: the server sees each to its end" {
	for kind in "${SERVERS[@]}"; do
		begin_either "$kind" 30 sink
		CONNECTIONS=60 same_hazard close-at-once 60
		CONNECTIONS=60 same_hazard write-and-close 1 60
		[[ $(grep -c 'bytes=5 end=eof' <<<"$SEEN") == 60 ]]
		[[ $kind != begin ]] || in_syn_though_looked_at
	done
}

@test "P21: many connections of eight threads: the server sees each to its end" {
	for kind in "${SERVERS[@]}"; do
		begin_either "$kind" 30 sink
		CONNECTIONS=320 same_hazard write-and-close 8 40
		[[ $(grep -c 'bytes=5 end=eof' <<<"$SEEN") == 320 ]]
		[[ $kind != begin ]] || in_syn_though_looked_at
	done
}

@test "a server that resets every connection gets each request once" {
	begin 0 reset -t 16
	CONNECTIONS=40 same_hazard request 40 quietly
	begin 20 reset -t 16
	CONNECTIONS=20 same_hazard request 20
}

@test "looking at the clock between a write and the exit is no waiting in vain: delivered" {
	begin_without_server_fastopen 600 sink
	same_hazard idle-then-exit 300
	[[ $SEEN == *'bytes=5 end=eof'* ]]
}

@test "P21: connect() in a signal handler while main allocates: no crash, no hang" {
	begin 0 sink -t 64
	same_hazard handler 1500
	for ((i = 0; i < 50; i++)); do
		PROGRAM=hazard try with_library client handler $((500 + i * 37))
		expect_only $'handled: 1\nexit status 0'
	done
}

@test "P12: a connection that is duplicated is one: the first write does not wait in the kernel" {
	begin 30 sink -t 16
	for how in dup dup2 fcntl; do
		same_hazard duplicate-connection $how
		[[ $SEEN == *'state: 1'* ]]
	done
}

@test "P21: a thread that keeps a signal for another thread is not in its handler: data in the SYN" {
	begin 20 sink -t 16
	same_hazard signal-kept-for-another
	in_syn
}

@test "P17: a dead destination: curl keeps its own time" {
	no_sanitizer
	lab_need curl
	begin 20 sink -t 16
	lab_fault drop-syn
	for how in '' with_library; do
		before=$(lab_ms)
		try $how timeout 20 curl -s -m 0.3 "http://$ADDRESS:$PORT/"
		took=$(($(lab_ms) - before))
		expect_status 28
		((took < 1500)) || unexpected "less than 1500 ms, not $took"
	done
}

@test "a dead destination: other programs, children and closes do not wait for it" {
	begin 20 sink -t 16
	lab_fault drop-syn
	for hazard in dead-system dead-fork dead-linger; do
		CONNECTIONS=0 same_hazard $hazard
		[[ $SEEN == *'in time'* ]]
	done
}

@test "a dead destination: what is kept of its connections leaves descriptors to the program" {
	begin 20 sink -t 16
	lab_fault drop-syn
	CONNECTIONS=0 same_hazard dead-often 100
	[[ $SEEN == *'in time'* ]]
}

@test "sendmmsg stops at the message that did not go whole" {
	begin 0 sink -t 16
	for how in '' with_library; do
		before=$(connections_ended)
		PROGRAM=hazard try $how client sendmmsg-short
		[[ $output == $'messages: 1\nsent: '* ]] || unexpected 'one message'
		lab_wait_ended $((before + 1))
		[[ $(server_saw "$before") == "bytes=${lines[1]#sent: } end=eof "* ]] ||
			unexpected "as many bytes as in $(server_saw "$before")"
	done
}

@test "sendmmsg: what follows an empty message is judged before it rides in the SYN" {
	begin 20 sink -t 16
	allow_http
	same_hazard sendmmsg-empty
	not_in_syn
}

@test "P12: a socket passed on over another: what its receiver writes is not in the SYN" {
	begin 20 sink -t 16
	allow_http hold=500ms
	for how in sendmsg sendmmsg; do
		same_hazard pass-descriptor $how
		not_in_syn
	done
}

@test "P8: daemon() after a write or a close: everything delivered, clean end of stream" {
	no_sanitizer
	begin 40 sink -t 16
	for how in close-held write-held write-close; do
		same_hazard daemon $how
		[[ $SEEN == *'end=eof'* ]]
		case $how in
		write-held) in_syn ;;
		write-close) in_syn_though_looked_at ;;
		esac
	done
}

@test "writev with an empty last part is not kept back for more" {
	begin 20 echo -t 16
	for how in '' with_library; do
		best=10000
		for _ in 1 2 3; do
			PROGRAM=hazard try $how client writev-empty-part
			[[ $output == $'writev: 3000\nechoed: 3000\ntook: '*$'\nexit status 0' ]] ||
				unexpected '3000 bytes there and back'
			took=${lines[2]#took: }
			((took >= best)) || best=$took
		done
		plain=${plain:-$best}
	done
	echo "$plain ms without, $best ms with"
	((best < 3 * plain))
}

@test "MSG_DONTWAIT or O_NONBLOCK after a blocking connect: the first write is taken at once" {
	begin 20 sink -t 16
	allow_http
	same_hazard send-dontwait
	[[ $SEEN == *'send: 5'*'send: 4'*'bytes=9 end=eof'* ]]
	same connect nonblock write:POST close
	[[ $SEEN == *'write: 4'*'bytes=4 end=eof'* ]]
}

@test "P15: who waits for its connection and nothing else finds it: the first write goes whole, the next is taken" {
	begin 60 sink -t 16
	for wait in poll:out:2000 ppoll:out:2000 select:out:2000 pselect:out:2000; do
		same nonblock connect $wait write:@5121 close
		[[ $SEEN == *'write: 5121'*'bytes=5121 end=eof'* ]]
		in_syn_though_looked_at
		same nonblock connect $wait write:hello write:more close
		[[ $SEEN == *'write: 5'*'write: 4'*'bytes=9 end=eof'* ]]
	done
}

@test "writable is connected: a hold that ends between poll and the write, which is taken" {
	begin 60 sink -t 16
	allow_everything hold=5ms
	# Of two descriptors: else it would be awaited as above.
	for wait in poll:out:2000 epoll:out:2000; do
		same nonblock socket use:1 nonblock socket use:0 connect await-all:out:2000 sleep:20 write:hello close
		[[ $SEEN == *'write: 5'*'bytes=5 end=eof'* ]]
		same nonblock connect $wait sleep:20 write:hello close
		[[ $SEEN == *'write: 5'*'bytes=5 end=eof'* ]]
	done
}

@test "O_NONBLOCK after a blocking connect: what libc and the kernel send by themselves is taken at once, too" {
	begin 20 sink -t 16
	for door in sendfile splice dprintf; do
		same connect nonblock $door:hello close
		[[ $SEEN == *"$door: 5"*'bytes=5 end=eof'* ]]
	done
	same connect fdopen nonblock fprintf:hello fclose
	[[ $SEEN == *'bytes=5 end=eof'* ]]
}

@test "a connected socket that is passed on is connected: its receiver can ask for the peer" {
	begin 60 sink -t 16
	same connect pass peer close-older
	[[ $SEEN == *"peer: $ADDRESS:$PORT"* ]]
	same connect write:hello nonblock pass peer write:more
	[[ $SEEN == *'bytes=9 end=eof'* ]]
	same nonblock connect-wait write:hello pass shutdown close-older close
	[[ $SEEN == *'shutdown: 0'*'bytes=5 end=eof'* ]]
}

@test "a socket connected anew after its association was dissolved has no old error to tell" {
	begin 20 sink -t 16
	allow_everything hold=500ms
	CONNECTIONS=2 same connect unconnect connect error write:hello close
	CONNECTIONS=2 same connect unconnect connect poll:in:5 write:hello close
	CONNECTIONS=2 same nonblock connect-wait unconnect connect-wait read write:hello close
	in_syn_though_looked_at
}

@test "a close that lingers, after poll has called the socket writable: the server sees an end, no reset" {
	begin 60 sink -t 16
	same nonblock socket linger:2 connect poll:out:2000 block close
	[[ $SEEN == *'bytes=0 end=eof'* ]]
	same nonblock socket linger:2 connect poll:out:2000 write:hello block close
	[[ $SEEN == *'bytes=5 end=eof'* ]]
}

@test "a connected socket that was passed on and is closed here: its receiver reads the answer" {
	begin 60 echo -t 16
	same connect write:hello pass close-older shutdown read-all
	[[ $SEEN == *'read-all: 5'* ]]
	in_syn
	same connect write:hello sleep:5 pass close-older shutdown read-all
}

@test "pointers to nowhere: the kernel's answer, and the socket is as good as before" {
	no_sanitizer
	begin 4 speak-first -t 64
	allow_everything hold=500ms
	same_hazard bad-connect
	for state in held in-flight; do
		for memory in nowhere unreadable; do
			CONNECTIONS=25 same_hazard bad-pointers $state $memory
		done
		same_hazard bad-pointers $state constant getpeername
	done
}

@test "connect again, in flight to a port that refuses: the errors of an ordinary connect" {
	for rtt in 20 100; do
		begin $rtt sink -t 16
		allow_everything hold=5ms
		CONNECTIONS=0 same port:7001 nonblock connect sleep:70 connect sleep:200 connect
	done
}

@test "system calls by their numbers are the calls" {
	no_sanitizer
	for kind in "${SERVERS[@]}"; do
		begin_either "$kind" 20 sink
		allow_http hold=500ms
		for call in close close_range close_all shutdown dup write exit_group; do
			same_hazard by-number held $call
			not_in_syn
		done
		allow_everything hold=500ms
		for call in close close_range close_all shutdown dup write exit_group; do
			same_hazard by-number in-flight $call
			[[ $SEEN == *'end=eof'*'data="hello'* ]]
		done
	done
}

@test "P12: a child that clone(2) made: what it writes is not in the SYN" {
	no_sanitizer
	begin 20 sink -t 16
	allow_http hold=500ms
	same_hazard clone
	not_in_syn
}

@test "P1: the server speaks first and another thread waits for it: the hold does not last" {
	begin 20 speak-first -t 16
	allow_everything hold=1s
	for how in poll select epoll; do
		same_hazard thread-waits $how
		[[ $SEEN == *'in time'* ]]
	done
}

@test "a number that close_range or closefrom closed is in no edge-triggered set any more" {
	begin 20 sink -t 16
	for how in close_range closefrom; do
		same_hazard edge-mark $how
		[[ $SEEN == *'connect: EINPROGRESS'* ]]
	done
}

@test "a vfork child that closes descriptors and execs leaves its parent's sockets alone" {
	begin 50 echo -t 16
	for state in held in-flight; do
		same_hazard vfork-close $state
		[[ $state == held ]] || in_syn_though_looked_at
	done
}

@test "unshare works as in a process of one thread" {
	begin 50 sink -t 16
	for state in held in-flight; do
		same_hazard unshare $state
		[[ $SEEN == *'unshare: 0'* ]]
	done
}

@test "calls that succeed leave errno alone" {
	begin 20 sink -t 16
	allow_everything hold=500ms
	for calls in questions waiting write messages reading duplicates children; do
		same_hazard errno held $calls
		[[ $SEEN != *'done: E'* ]]
		[[ $calls != write ]] || in_syn
	done
	# In flight a write may say EAGAIN.
	for calls in questions waiting reading duplicates children; do
		same_hazard errno in-flight $calls
		[[ $SEEN != *'done: E'* ]]
	done
}

@test "a duplicate of a connected socket, connected anew to where no rule allows, is not held" {
	begin 20 answer -t 16
	export TFO_RULES="allow * $PORT any verify=off minrtt=0"
	CONNECTIONS=1 same connect write:hi read-all dup close-older unconnect port:7001 connect
	[[ $SEEN == *'connect: ECONNREFUSED'* ]]
}

@test "P21: a thread cancelled in connect, write, read or poll leaves a socket that works" {
	no_sanitizer
	begin 20 echo -t 64
	for call in connect write read poll; do
		for how in '' with_library; do
			before=$(connections_ended)
			PROGRAM=hazard try $how client cancel $call 20 1500
			expect_only $'alive: 20\nexit status 0'
			lab_wait_ended $((before + 20))
			# The cancellation may have come before the write.
			saw=$(server_saw "$before" | grep -cE 'end=eof .* data="(hello)?!"')
			((saw == 20)) || unexpected "20 whole streams, not $saw"
		done
	done
}

@test "fclose says that it could not send what was left in the stream" {
	begin 60 sink -t 16
	for steps in 'connect write:x nonblock' 'nonblock connect-wait write:x'; do
		steps+=' fdopen buffer:@4000000 buffer:@4000000 buffer:@4000000 buffer:rest fclose'
		# shellcheck disable=SC2086 # several steps
		plain=$(client $steps) ours=$(with_library client $steps)
		[[ $plain == *'fclose: EAGAIN'* && $ours == "$plain" ]] || {
			printf -- '--- without\n%s\n--- with\n%s\n' "$plain" "$ours"
			return 1
		}
	done
}

@test "an answer that came a round trip early and is not read turns no close into a reset" {
	begin 100 answer -t 16 # a busy machine must be done within two round trips
	for finish in close exit:0 _exit:0 closefrom; do
		same connect write:x write:x write:@3000 $finish
		[[ $SEEN == *'bytes=3002 end=eof'* ]]
		in_syn
		same connect write:x $finish
		[[ $SEEN == *'bytes=1 end=eof'* ]]
	done
	same nonblock connect-wait write:x close sleep:300
	[[ $SEEN == *'bytes=1 end=eof'* ]]
	for _ in 1 2 3; do # the keeper may be just in time
		same nonblock connect-wait write:x close exec:true
		[[ $SEEN == *'bytes=1 end=eof'* ]]
	done
	for sent_unseen in 'sendfile:y close' 'fdopen fprintf:y fclose'; do
		# shellcheck disable=SC2086 # several steps
		same nonblock connect-wait write:x $sent_unseen sleep:300
		[[ $SEEN == *'bytes=2 end=eof'* ]]
	done
	# Who has begun to read it is no earlier than it.
	for finish in close exit:0; do
		same connect write:x read-n:read:1 $finish
		[[ $SEEN == *'end=reset'* ]]
	done
}

@test "after a blocking connect() whose hold has ended, waiting for output does not wait" {
	begin 60 sink -t 16
	allow_everything hold=5ms
	for wait in poll:out:0 poll:out:10 select:out:0 select:out:10 epoll:out:10; do
		same connect sleep:15 "$wait" write:x
		[[ $SEEN == *': 1 out'* ]]
	done
}

@test "what a connection answers while it is held: its options, and a peer without what the address had beyond one" {
	begin 20 answer -t 16
	lab_server v6 -6 -a fd09::1 -p "$PORT" -t 16 answer
	lab_prime fd09::1 "$PORT"
	for address in 10.9.0.1 fd09::1 ::ffff:10.9.0.1; do
		CONNECTIONS=1
		[[ $address != fd09::1 ]] || CONNECTIONS=0 # another server's
		for question in mtu mss peername peer name; do
			ADDRESS=$address same connect $question write:hi read-all
		done
		ADDRESS=$address same untidy connect peer write:hi read-all
	done
	for question in mtu peername name; do
		same nonblock connect $question write-all:hi read-all
	done
}

@test "the address of no host: the peer is the host that was reached" {
	begin 0 answer -t 16
	ADDRESS=0.0.0.0 same connect peer write:hi read-all
	not_in_syn
}

@test "a mark that has its own route: the errors of connect(), and none for a connection that is there" {
	begin 20 sink -t 16
	allow_everything hold=500ms
	ip rule add fwmark 7 table 77
	ip rule add fwmark 8 table 78
	ip route add prohibit default table 77
	ip route add unreachable default table 78
	# Marks come before what is local.
	ip rule add pref 100000 table local
	ip rule del pref 0
	for mark in 7 8; do
		CONNECTIONS=0 same mark:$mark connect
		CONNECTIONS=0 same mark:$mark nonblock connect
	done
	[[ $SEEN == *'connect: EHOSTUNREACH'* ]]
	CONNECTIONS=0 same connect mark:8 write:hi
	[[ $SEEN == *'write: 2'* ]]
}

@test "no local port is left: an error where the program looks for it, once, and no broken pipe" {
	begin 20 sink -t 16
	allow_everything hold=200ms
	# shellcheck disable=SC2317 # same calls it
	server_saw() { :; } # the one connection, which it gives up at some time
	echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range
	exec 7<>"/dev/tcp/$ADDRESS/$PORT"
	CONNECTIONS=0
	same nonblock connect-wait
	[[ $SEEN == *'connect-wait: EADDRNOTAVAIL'* ]]
	# connect() says it, or under the user's hold what ends that.
	for steps in 'connect write:hi' 'connect read' 'connect name write:hi' 'connect poll:in:100 error' \
		'connect sleep:400 write:hi' 'connect sleep:400 read' 'connect sleep:400 connect' 'nonblock connect error write:hi' \
		'nonblock connect poll:out:100 error' 'nonblock connect read' 'nonblock connect sleep:400 connect' \
		'connect write:hi unconnect close'; do
		# shellcheck disable=SC2086 # several steps
		if under_user_hold; then
			try with_library client $steps
			[[ $(grep -c EADDRNOTAVAIL <<<"$output") == 1 && $output == *'exit status 0' ]] ||
				unexpected "EADDRNOTAVAIL, once, after $steps"
		else
			same $steps
		fi
	done
	exec 7>&-
}

@test "P11: a socket that was duplicated before it is connected is not held: under its other number it is the same" {
	begin 20 sink -t 16
	allow_http hold=500ms
	for duplicate in dup dup2 dupfd; do
		for steps in write:POST shutdown poll:out:100 peer; do
			same socket $duplicate connect swap $steps close
			not_in_syn
		done
	done
	# Connected first, it is a duplicate like any other.
	allow_everything hold=500ms
	same connect write:hi dup swap close
	in_syn
}

@test "a connection that a child dissolved: the next one on that socket has no error" {
	begin 20 sink -t 16
	server_saw() { :; } # what the reset took with it depends on who was faster
	CONNECTIONS=2 same_hazard dissolve-in-child
	[[ $SEEN == *'error: 0'* ]]
}
