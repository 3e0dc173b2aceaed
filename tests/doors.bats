#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Every door: no function by which libc uses a socket is forgotten. First the names, then each of the rarer doors without
# and with the library: promises 2, 3, 4 and 6.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

# Names that have to do with descriptors, sockets or processes. "thread" is no "read".
FAMILIES='connect|write|send|recv|read|poll|select|epoll|dup|fcntl|close|fork|exec|spawn|exit|syscall|splice|tee|listen|accept'
FAMILIES+='|peername|sock|shutdown|ioctl|fdopen|reopen|fileno|printf|put|popen|system|daemon|wordexp|pt[ys]|clone|abort|rcmd|unshare'
FAMILIES+='|setns|login|copy_file|aio|lio|uring|fd|clnt|svc|msg|raise|kill|jmp|flush|pipe|event|inotify|context'

in_families() {
	awk -v families="$FAMILIES" '{ word = $1; gsub(/thread/, "", word) } word ~ families { print $1 }'
}

# "connect@@GLIBC_2.2.5"; what only glibc's own libraries may use is not for programs.
names_of() { # FILE... with nm's options
	nm -D "$@" 2>/dev/null | awk 'NF >= 2 && $0 !~ /@@?GLIBC_PRIVATE/ { name = $NF; sub(/@.*/, "", name); print name }' | sort -u
}

interposed() {
	names_of --defined-only "$LIBRARY"
}

# The list as patterns for grep: one a line, of whole names.
left_alone() {
	sed '/^#/d; s/ /\n/g' "$BATS_TEST_DIRNAME/doors.list" | sed '/^$/d; s/\*/.*/g'
}

neither_nor() {
	sort -u | comm -23 - <(interposed) | grep -vxEf <(left_alone) || :
}

libc() {
	ldd "$PROBES/client" | awk '/libc\.so/ { print $3 }'
}

@test "what libc exports of the families of descriptors and processes is interposed, or left alone for a reason" {
	names_of --defined-only "$(libc)" >exports
	in_families <exports >names
	(($(wc -l <exports) > 2000 && $(wc -l <names) > 300))
	try neither_nor <names
	expect_only ''
}

@test "what the programs of this system import of those families is interposed, or left alone for a reason" {
	# Of libc, whatever it was called then (libpthread, librt): names with a version of glibc's. Other libraries' are theirs.
	find /usr/bin /usr/sbin /usr/lib/*-linux-gnu -type f \( -perm -100 -o -name '*.so*' \) -size +4k -print0 |
		xargs -0 -n 500 nm -D --undefined-only 2>/dev/null |
		awk '$NF ~ /@GLIBC_[0-9]/ { name = $NF; sub(/@.*/, "", name); print name }' | sort -u >imports || :
	in_families <imports >names
	(($(wc -l <imports) > 1000 && $(wc -l <names) > 200))
	try neither_nor <names
	expect_only ''
}

@test "the list of what is left alone names nothing that is interposed" {
	interposed | grep -xEf <(left_alone) >both || :
	try cat both
	expect_only ''
}

# ---- the rarer doors ----

client() {
	timeout 30 "$PROBES/door" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
	echo "exit status $?"
}

# A rule that lets no POST into a SYN, and a hold that outlasts what is tested.
begin_door() { # KIND MODE
	if [[ $1 == begin ]]; then
		begin 20 "$2" -t 64
	else
		"$1" 20 "$2"
	fi
	export TFO_STATE=off TFO_RULES='allow * * http verify=off minrtt=0 hold=500ms'
}

SERVERS=('begin' 'begin_without_server_fastopen')

# What libc or the kernel sends: the payload is whole, and not in the SYN.
sent_after_syn() { # DOOR...
	local door
	begin_door begin sink
	for door; do
		same "$door" held
		[[ $SEEN == *'end=eof'* && $SEEN != *'bytes=0 '* ]] || {
			echo "$SEEN"
			return 1
		}
		not_in_syn
	done
}

# What ends the socket or the process: all is delivered, by a server with Fast Open and by one without.
delivered() { # DOOR...
	local kind door state
	for kind in "${SERVERS[@]}"; do
		begin_door "$kind" sink
		for door; do
			for state in held in-flight; do
				same "$door" $state
				[[ $SEEN == *'end=eof'* ]] || {
					echo "$SEEN"
					return 1
				}
			done
		done
	done
}

# The server speaks first, and the hold is not waited for.
read_in_time() { # DOOR...
	local door
	begin_door begin speak-first
	for door; do
		same "$door" held
		[[ $SEEN == *'in time: 0'* ]]
	done
}

@test "asynchronous input and output: aio_write, aio_read, lio_listio" {
	sent_after_syn aio_write lio_listio
	read_in_time aio_read
}

@test "P11: streams that are sockets from the start: stdout, stderr" {
	sent_after_syn stdout perror
}

@test "P11: inetd's way, the socket is 0, 1 and 2 of another program" {
	sent_after_syn inetd
}

@test "P14: SO_ZEROCOPY, MPTCP and TCP_REPAIR" {
	begin_door begin sink
	same zerocopy
	[[ $SEEN == *'send: 18'*'bytes=18 end=eof'* ]]
	before=$(connections_ended)
	try client mptcp
	[[ $output != 'socket: '* ]] || must_skip "no MPTCP: $output"
	lab_wait_ended $((before + 1))
	same mptcp
	[[ $SEEN == *'bytes=18 end=eof'* ]]
	not_in_syn
	sent_after_syn repair
	[[ $SEEN == *'TCP_REPAIR: 0'*'established: 1'* ]] || must_skip "no TCP_REPAIR: $SEEN"
}

@test "freopen of a stream that is a socket, login_tty over one" {
	sent_after_syn freopen-stream
	delivered freopen freopen-stream login_tty
}

@test "wordexp, backtrace_symbols_fd, __clone" {
	sent_after_syn wordexp backtrace clone
}

@test "P8: abort, and a handler of quick_exit that writes" {
	delivered abort
	begin_door begin sink
	same at_quick_exit held
	[[ $SEEN == *'bytes=18 end=eof'* ]]
	in_syn
}

@test "a process whose last thread ends does so at once: pthread_exit, thrd_exit" {
	delivered pthread_exit thrd_exit
	begin_door begin sink
	for door in pthread_exit thrd_exit last-thread; do
		same $door held
		[[ $SEEN == *'in time: 0'* ]]
	done
}

@test "SIOCOUTQ: what is not acknowledged counts, and a reset after it loses nothing" {
	for kind in "${SERVERS[@]}"; do
		begin_door "$kind" sink
		for state in held in-flight; do
			same outq $state
		done
		[[ $SEEN == *'SIOCOUTQ: 18'* ]]
		same outq-reset in-flight
		[[ $SEEN == *'queued: 0'*'bytes=18 end=reset'* ]]
	done
}

@test "TCP_MAXSEG is that of a connection" {
	for kind in "${SERVERS[@]}"; do
		begin_door "$kind" sink
		for state in held in-flight; do
			same maxseg $state
		done
	done
}

@test "system calls by number that send: sendfile, splice, pwritev2, execveat, clone3" {
	sent_after_syn sendfile splice pwritev2 execveat clone3
	delivered execveat
}

@test "system calls by number that receive and wait: preadv2, recvmmsg, epoll_pwait2" {
	read_in_time preadv2 recvmmsg epoll_pwait2
}

@test "system calls by number that ask or set: TCP_ULP, unshare" {
	delivered ulp
	begin_door begin sink
	for state in held in-flight; do
		same unshare $state
		[[ $SEEN == *'unshare: 0'* ]]
	done
}

@test "P13: epoll_ctl by number: no wake-up of an edge-triggered set is lost" {
	begin_door begin sink
	same epoll_ctl held
	[[ $SEEN == *'lost wake-ups: 0'* ]]
	in_syn_though_looked_at
}

@test "queues of the kernel: what io_submit and io_uring_enter send is not in the SYN" {
	sent_after_syn io_submit
	begin_door begin sink
	try client io_uring held
	[[ $output == *'sent: 19'* ]] || must_skip "no io_uring: $output"
	lab_wait_ended 2 # that one, and the one for the cookie
	same io_uring held
	not_in_syn
}

@test "P18: a number that was closed by an inline system call is in no edge-triggered set any more" {
	begin_door begin sink
	same stale-edge held
	[[ $SEEN == *'another number: 0'*'connect: EINPROGRESS'* ]]
	in_syn_though_looked_at
}

@test "P18: what is written to a number that an inline system call took from a held connection goes there, as it is" {
	begin_door begin sink
	server_saw() { :; } # what was held was never seen there, what was not was
	for payload in any http; do
		export TFO_RULES="allow * $PORT $payload verify=off minrtt=0 hold=500ms"
		CONNECTIONS=0 same stale-held held
		[[ $SEEN == *'broken pipe: EPIPE'*'signals: 1'*'at its peer: EAGAIN'*'at the other: '[1-9]* ]]
		[[ $SEEN == *'pipe: 5000'*'datagram: 5000'*'UDP: 5000'*'TCP, not connected: EPIPE'*'not to be written to: EBADF'* ]]
	done
}

@test "setuid and setgid, which every thread takes part in" {
	begin_door begin sink
	for state in held in-flight; do
		same setuid $state
		[[ $SEEN == *'setuid: 0'*'in time: 0'* ]]
	done
}
