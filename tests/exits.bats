#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promise 2 when a process ends: the server's answer to data in a SYN comes a round trip earlier than it used to, and must
# turn no end of a stream into a reset.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

# With the library the answer comes 60 ms after the handshake has ended; the process has asked the kernel to end it by
# then, and the kernel does it 50 ms later: nobody reads an answer that comes between our last look and the kernel's
# close(). Without the library the process has been gone for 110 ms.
begin_with_late_answer() {
	lab_need strace
	# A sanitizer sleeps for a second at the end, or minds a library before it.
	export TSAN_OPTIONS=${TSAN_OPTIONS-}:atexit_sleep_ms=0 ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0
	begin 160 answer -t 16 -d 60
}

client() {
	timeout 30 strace -f -qq -o /dev/null -e trace=exit_group,shutdown -e inject=exit_group:delay_enter=110000 \
		-e inject=shutdown:delay_enter=400000 \
		-E LD_PRELOAD="${WITH-} ${BESIDE-}" "$PROBES/${PROGRAM:-client}" "$ADDRESS" "$PORT" "$@" 2>stderr 3>&-
	echo "exit status $?"
}

with_library() {
	WITH=$PRELOAD "$@"
}

ends_its_stream() { # STEP...
	same "$@"
	[[ $SEEN == *'bytes=2 end=eof'* ]]
	in_syn
}

@test "an answer that comes when the process is about to end: the stream ends" {
	begin_with_late_answer
	for end in exit:3 _exit:3 quick_exit:3 return; do
		ends_its_stream connect write:x write:y $end
	done
}

@test "the same of a connection of another thread, of a duplicate, and with bytes that are left in a stream" {
	begin_with_late_answer
	ends_its_stream connect write:x dup write:y exit:3
	for end in exit:3 _exit:3; do
		ends_its_stream background:connect join write:x write:y $end
	done
	for end in exit:3 return; do
		ends_its_stream connect write:x fdopen buffer:y $end
	done
}

@test "a thread that writes while the process ends: its bytes arrive, and it breaks no pipe" {
	begin_with_late_answer
	for end in exit _exit; do
		PROGRAM=hazard ends_its_stream end-beside-writer $end
		[[ $SEEN == *'exit status 3'* ]]
	done
}

@test "the process ends while the keeper is about to end a stream" {
	begin_with_late_answer
	same nonblock connect-wait write:xy close sleep:190 exit:3
	[[ $SEEN == *'bytes=2 end=eof'* ]]
	in_syn_though_looked_at
}

@test "a connection whose first byte is timed (control=) ends its stream, too" {
	begin_with_late_answer
	allow_everything control=1/16
	for _ in 1 2; do
		same connect write:x write:y exit:3
		[[ $SEEN == *'bytes=2 end=eof'* ]]
	done
}

@test "a library whose destructor comes after ours still talks to the server" {
	cat >farewell.c <<-'END'
		#include <stdio.h>
		#include <unistd.h>

		__attribute__((destructor)) static void farewell(void)
		{
			char answer[16];
			long got;

			if (access("/proc/self/fd/3", F_OK) != 0)
				return;
			printf("write: %ld\n", (long)write(3, "y", 1));
			while ((got = read(3, answer, sizeof(answer))) > 0)
				printf("read: %ld\n", got);
			printf("read: %ld\n", got);
		}
	END
	gcc -shared -fPIC -o farewell.so farewell.c
	begin_with_late_answer
	for end in exit:3 return; do
		BESIDE=$PWD/farewell.so ends_its_stream connect write:x $end
		[[ $SEEN == *'read: 3'$'\n''read: 0'* ]]
	done
}

@test "a socket that another process had before it was connected: that one reads the answer" {
	begin 60 echo -t 16
	for process in parent child; do
		PROGRAM=hazard same share-new-socket $process
		[[ $SEEN == *'poll: 1'$'\n''read: 5'* ]]
		in_syn
	done
}
