#!/usr/bin/env bats
# Promise 3: a hold is short, private and reversible.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

syn_data_of_last() {
	tail -n 1 "$(lab_log server)" | grep -o 'syn_data=[01]'
}

@test "P2: nothing written before the deadline: the SYN goes without data" {
	begin 0 answer -t 16
	export TFO_RULES='allow * * any verify=off minrtt=0'
	same connect sleep:60 write:hi read-all
	not_in_syn
	same nonblock connect-wait sleep:60 write:hi read-all
	not_in_syn
}

@test "P2: a write long after the connect is answered as soon as without the library, a late one a round trip later at most" {
	begin 100 answer -t 16
	allow_everything hold=100ms
	# The SYN leaves after one round trip, and the handshake has ended after two.
	same time connect sleep:350 write:hi read-all took:600
	not_in_syn
	same time nonblock connect-wait sleep:350 write:hi read-all took:600
	# In between the handshake is waited for: without the library 250 ms, with it 300.
	same time connect sleep:150 write:hi read-all took:450
	not_in_syn
}

@test "hold= moves the deadline" {
	begin 0 answer -t 16
	allow_everything hold=500ms
	same connect sleep:60 write:hi read-all
	in_syn
	allow_everything hold=1ms
	same connect sleep:30 write:hi read-all
	not_in_syn
}

@test "P10: connect and close without a byte: the server sees a connection and its end" {
	begin 50 sink -t 16
	same connect close
	same nonblock connect-wait close sleep:200
	same connect _exit:0
	same connect shutdown read-all
	same connect return
}

@test "P12: a duplicate, a child, another program: the hold ends before they have the socket" {
	begin 20 answer -t 16
	for steps in 'dup write:hi read-all' 'dup2 write:hi read-all' 'dupfd write:hi read-all' \
		'dup write:hi shutdown read-all' 'fork-write:hi read-all' \
		'fork-close write:hi read-all'; do
		# shellcheck disable=SC2086 # several steps
		same connect $steps
	done
	same connect 'spawn:printf hi >&9' read-all
	same connect 'system:printf hi >&3' read-all
	same connect 'vfork-exec:printf hi >&3' read-all
	same connect 'exec:printf hi >&3; cat <&3'
	same connect 'exec:exit 0'
	same cloexec connect 'exec:exit 0'
}

@test "another thread may write" {
	begin 20 answer -t 16
	same connect thread-write:hi read-all
	in_syn
}

@test "P14: TCP_ULP is refused or taken as on a connected socket" {
	begin 20 answer -t 16
	same connect ulp close
}

@test "connect(AF_UNSPEC) takes it all back, and the socket connects again" {
	begin 20 answer -t 16
	CONNECTIONS=2 same connect unconnect connect write:hi read-all
	# The user hold is for fresh sockets only.
	in_syn_though_looked_at
}

@test "a socket that was connected under a rule is not held unseen when it connects elsewhere" {
	lab_reset
	lab_server server -p "$PORT" -t 16 answer
	export TFO_STATE=off TFO_RULES="allow * $PORT any verify=off"
	# The first connect asks for the cookie, and it is there when the second goes to a closed port.
	try with_library client connect unconnect port:7001 connect
	expect_output $'connect: 0\nunconnect: 0\nconnect: ECONNREFUSED\nexit status 0'
}

@test "P7: the client bit of tcp_fastopen is switched off while a socket is held: an error, and not the kernel's" {
	begin 20 answer -t 16
	allow_everything hold=1s
	for how in 'write:hi' 'nonblock write:hi' 'poll:in:50 write:hi' 'read' 'close'; do
		# Starting over succeeds, and nobody is there to say anything.
		[[ $how != read ]] || ! under_user_hold || continue
		lab_sysctl 3
		(
			sleep 0.2
			lab_sysctl 2
		) &
		off=$!
		# shellcheck disable=SC2086 # several steps
		try with_library client connect time sleep:400 $how took:3000
		wait $off
		[[ $output == *'took: yes'*'exit status 0'* && $output != *EOPNOTSUPP* ]] ||
			unexpected "no EOPNOTSUPP, and no hang"
	done
}

@test "the client bit of tcp_fastopen is off: noticed by the first write or connect(), and nothing is held for a while" {
	begin 20 http -t 16
	lab_sysctl 2
	export TFO_LOG=$PWD/log
	with_library "$PROBES/loop" "$ADDRESS" "$PORT" 3
	cat log
	[[ $(tail -n 1 log) == *': plain: the client bit of net.ipv4.tcp_fastopen is off' ]]
}

@test "P17: SO_SNDTIMEO and SIGALRM still bound the wait" {
	begin 20 sink -t 16
	lab_fault drop-syn
	CONNECTIONS=0
	try with_library client time sndtimeo:200 connect write:hi took:2000
	[[ $output == *'took: yes'* ]]
	try with_library client time alarm:200 connect write:hi took:2000
	[[ $output == *'took: yes'* ]]
}

@test "a kernel without TCP_FASTOPEN_CONNECT: held by the library itself, the same otherwise" {
	begin 20 answer -t 16
	client() {
		"$PROBES/oldkernel" timeout 30 "$PROBES/client" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	same connect write:hi read-all close
	in_syn
	allow_everything hold=20ms
	same connect sleep:60 write:hi read-all
	not_in_syn
	allow_everything
	same connect peer shutdown read-all
	CONNECTIONS=2 same connect write:hi read-all unconnect connect write:hi read-all
	# In an epoll set before the library knows which kernel this is.
	same nonblock epoll-edge connect epoll-wait:1000 error write:hi read-all
	# Forced, the kernel's hold is none.
	export TFO_HOLD=kernel
	same connect write:hi read-all close
	not_in_syn
}

@test "a hold that does not exist is said once, and the choice is the library's" {
	begin 20 answer -t 16
	export TFO_HOLD=none TFO_LOG=stderr
	try with_library "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_status 0
	expect_error_with 'tfo-run: TFO_HOLD: "none" is neither "kernel" nor "user"'
	[[ $(grep -c TFO_HOLD <<<"$stderr") == 1 ]]
	lab_wait_ended 2
	[[ $(tail -n 1 "$(lab_log server)") == *syn_data=1* ]]
}
