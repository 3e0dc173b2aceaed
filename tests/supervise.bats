#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run --supervise: programs that LD_PRELOAD does not reach gain a round trip, and differ in nothing else.

load helper
load lab/lab.bash
load sockets.bash
load supervise.bash

# Nothing of ours outlives the program.
teardown() {
	lab_until 10 no_supervisors
	lab_reset
}

# What the server is to have seen of the last connection.
server_saw_last() { # PATTERN
	# shellcheck disable=SC2053 # a pattern
	[[ $(tail -n 1 "$(lab_log server)") == $1 ]] || {
		cat "$(lab_log server)"
		return 1
	}
}

SUPERVISED_DATA='conn * bytes=6 end=eof syn_data=1 * data="hello*'
PLAIN_DATA='conn * bytes=6 end=eof syn_data=0 * data="hello*'

# Makes the destination known to be good: one connection, which is verified first.
acquaint() {
	local ended
	ended=$(connections_ended)
	supervised "$ASYNC" "$ADDRESS" "$PORT" get >/dev/null
	lab_wait_ended $((ended + 1))
}

@test "a static program: the first connection is ordinary, from the second on data is in the SYN" {
	prepare 50 echo -t 16
	try supervised "$ASYNC" "$ADDRESS" "$PORT" get
	expect_only hello
	lab_wait_ended 2
	server_saw_last "$PLAIN_DATA"
	for _ in 1 2; do
		ended=$(connections_ended)
		try supervised "$ASYNC" "$ADDRESS" "$PORT" get
		expect_only hello
		lab_wait_ended $((ended + 1))
		server_saw_last "$SUPERVISED_DATA"
	done
	tfoctl status --json | grep -q '"round_trips_saved":2,'
}

@test "-s says what was saved there, too, and an environment that the shell would spoil arrives" {
	prepare 50 echo -t 16
	acquaint
	try tfo-run -s --supervise -- "$ASYNC" "$ADDRESS" "$PORT" get
	expect_status 0
	expect_output hello
	[[ $stderr == 'tfo-run: 1 round trip saved, '*' ms
tfo-run: 1 connection: 1 held, 1 with data in the SYN, 1 acknowledged' ]] || unexpected "one connection"
	try env a-b=1 tfo-run --supervise -- printenv a-b LD_PRELOAD
	expect_output 1
	try env -u PWD tfo-run --supervise -- /usr/bin/python3 -c 'import os; print("PWD" in os.environ, "LD_PRELOAD" in os.environ)'
	expect_only 'False False'
}

@test "it is one round trip faster" {
	prepare 50 echo -t 16
	acquaint
	plain=$("$ASYNC" -v "$ADDRESS" "$PORT" get | tail -n 1)
	ours=$(supervised "$ASYNC" -v "$ADDRESS" "$PORT" get | tail -n 1)
	echo "$plain without, $ours with"
	((${plain%.*} > ${ours%.*} + 25))
}

@test "Go's net/http: data in the SYN from the second connection on, and the same output" {
	lab_need hey
	prepare 50 http -t 16
	page() {
		hey -n 4 -c 1 -disable-keepalive "http://$ADDRESS:$PORT/" | sed -n '/Status code/,$p'
	}
	plain=$(page)
	lab_wait_ended 5
	ended=$(connections_ended)
	ours=$(export TFO_RULES; supervised hey -n 4 -c 1 -disable-keepalive "http://$ADDRESS:$PORT/" | sed -n '/Status code/,$p')
	lab_wait_ended $((ended + 4))
	[[ $plain == "$ours" && $plain == *'4 responses'* ]] || {
		diff <(echo "$plain") <(echo "$ours")
		return 1
	}
	[[ $(tail -n 4 "$(lab_log server)" | grep -o 'syn_data=.' | tr '\n' ' ') == 'syn_data=0 syn_data=1 syn_data=1 syn_data=1 ' ]]
}

@test "a socket that blocks is left alone: busybox, musl and static programs with it" {
	prepare 20 echo -t 16
	acquaint
	ended=$(connections_ended)
	try supervised "$ASYNC" "$ADDRESS" "$PORT" blocking
	expect_only hello
	lab_wait_ended $((ended + 1))
	server_saw_last "$PLAIN_DATA"
	lab_need busybox
	lab_stop server
	lab_server server -p "$PORT" -t 16 http
	plain=$(busybox wget -q -O- "http://$ADDRESS:$PORT/")
	try supervised busybox wget -q -O- "http://$ADDRESS:$PORT/"
	expect_only "$plain"
	lab_wait_ended 2
	server_saw_last '*syn_data=0*'
}

@test "the deadline: a program that writes late, or reads first, has its connection all the same" {
	prepare 20 speak-first -t 16
	export TFO_RULES="allow * $PORT any minrtt=0 hold=30ms"
	acquaint
	for what in late read read read; do
		ended=$(connections_ended)
		plain=$("$ASYNC" "$ADDRESS" "$PORT" $what)
		try supervised "$ASYNC" "$ADDRESS" "$PORT" $what
		expect_only "$plain"
		lab_wait_ended $((ended + 2))
		[[ $what == read ]] || server_saw_last "$PLAIN_DATA"
	done
}

@test "where deadlines pass again and again the SYN goes at once" {
	prepare 20 speak-first -t 16
	acquaint
	export TFO_LOG=$PWD/log
	supervised sh -c 'for i in 1 2 3 4; do "$@"; done' - "$ASYNC" "$ADDRESS" "$PORT" read
	[[ $(sed 's/.*held //; s/^[0-9.]* ms/held/' log) == "held, no data in the SYN: nothing was written before the deadline
held, no data in the SYN: nothing was written before the deadline
held, no data in the SYN: programs have let the deadline pass here
held, no data in the SYN: programs have let the deadline pass here" ]] || {
		cat log
		return 1
	}
}

@test "a destination that refuses: the same error from the same call" {
	prepare 20 echo -t 16
	export TFO_RULES='allow * * any minrtt=0'
	plain=$("$ASYNC" "$ADDRESS" 7001 get) || :
	[[ $plain == 'connect: Connection refused' ]]
	try supervised "$ASYNC" "$ADDRESS" 7001 get
	expect_status 1
	expect_output "$plain"
	# and where no host answers, and where there is no way
	plain=$("$ASYNC" 198.51.100.1 7001 get) || :
	try supervised "$ASYNC" 198.51.100.1 7001 get
	expect_output "$plain"
}

@test "a known destination that refuses now: the error comes from the first write or read, once" {
	prepare 20 echo -t 16
	acquaint
	lab_stop server
	try supervised "$ASYNC" "$ADDRESS" "$PORT" get
	expect_status 1
	[[ $output == *': Connection re'* ]] || unexpected 'an error of the connection'
	try supervised "$ASYNC" "$ADDRESS" "$PORT" get
	expect_output 'connect: Connection refused'
}

@test "close, exit and SIGKILL in flight lose nothing, also where the server forgot the cookie" {
	prepare 50 echo -t 16
	acquaint
	for cookies in good spoiled; do
		for what in close exit kill; do
			[[ $cookies == good ]] || lab_spoil_cookies
			ended=$(connections_ended)
			supervised "$ASYNC" "$ADDRESS" "$PORT" $what || :
			lab_wait_ended $((ended + 1))
			server_saw_last 'conn * bytes=6 end=* data="hello*' || {
				echo "$what, cookies $cookies"
				return 1
			}
		done
	done
}

@test "a program that connects and closes is seen by the server" {
	prepare 20 echo -t 16
	acquaint
	ended=$(connections_ended)
	supervised "$ASYNC" "$ADDRESS" "$PORT" quiet
	lab_wait_ended $((ended + 1))
	server_saw_last 'conn * bytes=0 end=eof syn_data=0 *'
}

@test "shutdown in flight does not cut off what rides in the SYN, nor where the SYN is lost" {
	prepare 50 echo -t 16
	acquaint
	try supervised "$ASYNC" "$ADDRESS" "$PORT" get
	expect_only hello
	lab_fault drop-syn-data
	try supervised "$ASYNC" "$ADDRESS" "$PORT" get
	lab_fault_clear
	expect_only hello
	tfoctl status --json | grep -q '"lost":1,'
}

@test "shutdown of a socket that is still connecting ends it at once, as ever" {
	prepare 50 echo -t 16
	export TFO_RULES='allow * * any minrtt=0'
	# Neither is known: one will answer, the other one never will.
	for address in "$ADDRESS" 198.51.100.1; do
		plain=$(timeout 5 "$ASYNC" "$address" "$PORT" early) || :
		try timeout 5 tfo-run --supervise "$ASYNC" "$address" "$PORT" early
		expect_output "$plain"
	done
}

@test "only what rules allow is touched, and only what they allow to be supervised" {
	prepare 0 echo -t 16
	acquaint
	for rules in '' "allow * $PORT tls minrtt=0" "allow * $PORT any max=100 minrtt=0" "allow * $PORT any supervise=no minrtt=0" \
		$'deny example.com *\nallow * * any minrtt=0' $'deny * * program=async\nallow * * any minrtt=0'; do
		ended=$(connections_ended)
		TFO_RULES=$rules try supervised "$ASYNC" "$ADDRESS" "$PORT" get
		expect_only hello
		lab_wait_ended $((ended + 1))
		server_saw_last "$PLAIN_DATA" || {
			echo "under $rules"
			return 1
		}
	done
	for rules in "allow * $PORT tls minrtt=0 supervise=yes" $'deny * * program=other\nallow * * any minrtt=0' \
		'allow * * any minrtt=0 program=async'; do
		ended=$(connections_ended)
		TFO_RULES=$rules try supervised "$ASYNC" "$ADDRESS" "$PORT" get
		expect_only hello
		lab_wait_ended $((ended + 1))
		server_saw_last "$SUPERVISED_DATA" || {
			echo "under $rules"
			return 1
		}
	done
}

@test "an address that changes while it is judged is connected as it was judged" {
	prepare 0 echo -t 16
	lab_server other -p 7001 -t 16 echo
	lab_prime "$ADDRESS" 7001
	acquaint
	try supervised "$ASYNC" "$ADDRESS" "$PORT" flip 7001
	expect_only ''
	lab_wait_ended 10
	grep -q ' syn_data=1 ' "$(lab_log server)"
	lab_until 5 grep -q '^conn 10 ' "$(lab_log other)"
	[[ $(grep -c ' syn_data=1 ' "$(lab_log other)") == 0 ]]
}

@test "a socket that is connected anew, elsewhere, is not held there unseen" {
	prepare 20 echo -t 16
	lab_server other -p 7001 -t 16 echo
	lab_prime "$ADDRESS" 7001
	acquaint
	try supervised "$ASYNC" "$ADDRESS" "$PORT" again 7001
	expect_only hello
	lab_until 5 grep -q 'data="hello' "$(lab_log other)"
	grep 'data="hello' "$(lab_log other)" | grep -q ' syn_data=0 '
}

@test "signals during connect change nothing" {
	prepare 5 echo -t 16
	acquaint
	ended=$(connections_ended)
	try supervised "$ASYNC" "$ADDRESS" "$PORT" signals
	expect_only hello
	lab_wait_ended $((ended + 20))
	(($(tail -n 20 "$(lab_log server)" | grep -c ' bytes=6 end=eof syn_data=1 ') == 20))
}

@test "32-bit x86's way of calling is covered" {
	[[ $(uname -m) == x86_64 ]] || skip "not x86-64"
	prepare 20 echo -t 16
	"$ASYNC" "$ADDRESS" "$PORT" old || must_skip "no 32-bit calls here"
	acquaint
	try supervised "$ASYNC" "$ADDRESS" "$PORT" old
	expect_only hello
	lab_wait_ended 4
	server_saw_last "$SUPERVISED_DATA"
}

@test "1000 connections at once" {
	prepare 50 echo -t 2000
	ulimit -n 4096
	acquaint
	ended=$(connections_ended)
	try supervised "$ASYNC" "$ADDRESS" "$PORT" many 1000
	expect_only ''
	lab_wait_ended $((ended + 1000)) 20
	(($(tail -n 1000 "$(lab_log server)" | grep -c ' bytes=6 end=eof ') == 1000))
	(($(grep -c ' syn_data=1 ' "$(lab_log server)") > 800))
}

@test "a crowd of short children, in all of which it works" {
	prepare 10 echo -t 256
	acquaint
	ended=$(connections_ended)
	try supervised "$ASYNC" "$ADDRESS" "$PORT" forks 200
	expect_only '0 failed'
	lab_wait_ended $((ended + 200)) 20
	(($(tail -n 200 "$(lab_log server)" | grep -c ' bytes=6 end=eof syn_data=1 ') > 150))
}

@test "children that the program leaves behind are supervised on, and it ends when it ends" {
	prepare 20 echo -t 16
	acquaint
	supervised sh -c '(sleep 0.3; "$@") >/dev/null 2>&1 & echo gone' - "$ASYNC" "$ADDRESS" "$PORT" get >out
	[[ $(<out) == gone ]]
	supervisors
	lab_wait_ended 3
	server_saw_last "$SUPERVISED_DATA"
	lab_until 5 no_supervisors
}

@test "nested: the inner one leaves it to the outer one" {
	prepare 20 echo -t 16
	acquaint
	try supervised tfo-run --supervise --require "$ASYNC" "$ADDRESS" "$PORT" get
	expect_only hello
	lab_wait_ended 3
	server_saw_last "$SUPERVISED_DATA"
	try supervised tfo-run -v --supervise true
	expect_error 'tfo-run: it is already supervised'
}

@test "the supervisor is killed: calls are made as ever, whatever was waiting" {
	prepare 50 echo -t 16
	acquaint
	cat >kill-it <<-'END'
		#!/bin/sh
		# The younger of the two is the supervisor, the other one guards it.
		"$@"
		kill -9 "$(pgrep -nx --ns $$ --nslist net tfo-supervise)"
		"$@"
		"$@"
	END
	chmod +x kill-it
	TFO_LOG=$PWD/log try supervised ./kill-it "$ASYNC" "$ADDRESS" "$PORT" get
	expect_only $'hello\nhello\nhello'
	lab_wait_ended 5
	server_saw_last "$PLAIN_DATA"
	grep -qx 'tfo-run: the supervisor has died: connections are ordinary from now on' log
}

@test "the supervisor is killed while a call waits for it: the call is made" {
	prepare 400 echo -t 16
	acquaint
	# shutdown() waits for the handshake, and with nobody to answer it would for ever.
	# shellcheck disable=SC2016 # for the inner shell
	try timeout 10 tfo-run --supervise sh -c '"$@" & sleep 0.1
		kill -9 "$(pgrep -nx --ns $$ --nslist net tfo-supervise)"; wait; echo ended' - "$ASYNC" "$ADDRESS" "$PORT" get
	expect_status 0
	[[ $output == *ended ]] || unexpected ended
}

@test "the program is the process that was started: number, parent, status, signals, descriptors" {
	cat >program <<-'END'
		#!/bin/sh
		echo "$$ $PPID"
		ls -l /proc/self/fd | grep -c -e seccomp -e socket
		grep -c . /proc/self/task/*/children 2>/dev/null
		exit 7
	END
	chmod +x program
	sh -c 'echo "$$ $PPID"; exec tfo-run --supervise ./program' >out || status=$?
	[[ $status == 7 && $(sed -n 1p out) == "$(sed -n 2p out)" && $(sed -n 3p out) == 0 ]] || {
		cat out
		return 1
	}
	try supervised sh -c 'kill -TERM $$'
	expect_status 143
	try supervised sh -c 'kill -KILL $$'
	expect_status 137
	# A program that waits for all its children has none that it does not know.
	try timeout 5 tfo-run --supervise python3 -c 'import os
try:
    os.wait()
except ChildProcessError:
    print("none")'
	expect_only none
	# Signals to the whole group of processes do not meet the supervisor.
	try setsid tfo-run --supervise sh -c 'trap "" INT; kill -INT 0; "$@"' - echo still
	expect_only still
	try supervised ./missing
	expect_failure 127 'tfo-run: ./missing: no such file'
}

@test "a pipe ends when the program ends" {
	[[ $(timeout 5 sh -c 'tfo-run --supervise sh -c "echo out; echo err >&2; sleep 1 >/dev/null 2>&1 &" 2>&1 | cat') == $'out\nerr' ]]
	try timeout 5 sh -c 'tfo-run --supervise echo x <&- 2>&-'
	expect_only x
}

@test "auto: tfo-run supervises what LD_PRELOAD does not reach, where a rule is made for that" {
	prepare 20 echo -t 16
	acquaint
	ended=$(connections_ended)
	try tfo-run "$ASYNC" "$ADDRESS" "$PORT" get
	expect_only hello
	lab_wait_ended $((ended + 1))
	server_saw_last "$SUPERVISED_DATA"
	TFO_RULES='allow * * tls' try tfo-run "$ASYNC" "$ADDRESS" "$PORT" get
	expect_failure 125 "tfo-run: $ASYNC: statically linked, so no loader runs that would read LD_PRELOAD; tfo-run --supervise reaches it, under rules with payload any or supervise=yes"
	try tfo-run -n "$ASYNC" get
	[[ $output == *"/tfo-supervise -- $ASYNC get" && $output != *LD_PRELOAD* ]] || unexpected "a command line without LD_PRELOAD"
}

@test "without privileges it works, too, and the program can gain none; with them it can" {
	prepare 20 echo -t 16
	acquaint
	ended=$(connections_ended)
	try setpriv --bounding-set=-all --inh-caps=-all tfo-run --supervise --require sh -c 'grep NoNewPrivs /proc/self/status; "$@"' - \
		"$ASYNC" "$ADDRESS" "$PORT" get
	expect_only $'NoNewPrivs:\t1\nhello'
	lab_wait_ended $((ended + 1))
	server_saw_last "$SUPERVISED_DATA"
	try supervised grep NoNewPrivs /proc/self/status
	expect_only $'NoNewPrivs:\t0'
}

@test "a program into which nobody may look runs as ever" {
	prepare 20 echo -t 16
	acquaint
	ended=$(connections_ended)
	# Nobody may look into it: it is not dumpable.
	cat >shy.py <<-'END'
		import ctypes, socket
		ctypes.CDLL(None).prctl(4, 0)
		s = socket.socket()
		s.setblocking(False)
		s.connect_ex(("10.9.0.1", 7000))
		s.settimeout(5)
		s.send(b"hello\n")
		s.shutdown(socket.SHUT_WR)
		print(s.recv(100).decode(), end="")
	END
	try setpriv --bounding-set=-all --inh-caps=-all tfo-run --supervise --require python3 shy.py
	expect_only hello
	lab_wait_ended $((ended + 1))
	server_saw_last 'conn * bytes=6 end=eof *'
}

@test "where it cannot be done: one sentence, and the program runs as ever, or not with --require" {
	cat >forbid.py <<-'END'
		import ctypes, os, struct, sys
		libc = ctypes.CDLL(None, use_errno=True)
		def step(code, jt, jf, k): return struct.pack("HBBI", code, jt, jf, k)
		number, error = int(sys.argv[1]), int(sys.argv[2])
		steps = step(0x20, 0, 0, 0) + step(0x15, 0, 1, number) + step(6, 0, 0, 0x50000 | error) + step(6, 0, 0, 0x7fff0000)
		buffer = ctypes.create_string_buffer(steps)
		program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
		libc.prctl(38, 1, 0, 0, 0)
		if libc.prctl(22, 2, program, 0, 0) != 0: sys.exit(99)
		os.execvp(sys.argv[3], sys.argv[3:])
	END
	cannot() { # NUMBER ERRNO WHY, of the call that is forbidden
		try python3 forbid.py "$1" "$2" tfo-run --supervise echo x
		((status != 99)) || must_skip "no seccomp filter can be made"
		expect_status 0
		expect_output x
		expect_error "tfo-run: echo: runs without Fast Open, because it cannot be supervised: $3"
		try python3 forbid.py "$1" "$2" tfo-run --supervise --require echo x
		expect_failure 125 "tfo-run: echo: not run, because it cannot be supervised: $3"
	}
	# The numbers are those of all architectures, or of these two.
	cannot 438 1 'pidfd_getfd is missing, or forbidden here'
	cannot 438 38 'pidfd_getfd is missing, or forbidden here'
	if [[ $(uname -m) == x86_64 ]]; then
		cannot 310 1 'its memory may not be read (process_vm_readv is forbidden here)'
		cannot 317 1 'this kernel, or a seccomp filter here, has no seccomp listener'
	else
		cannot 270 1 'its memory may not be read (process_vm_readv is forbidden here)'
		cannot 277 1 'this kernel, or a seccomp filter here, has no seccomp listener'
	fi
}
