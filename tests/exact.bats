#!/usr/bin/env bats
# Promise 2, exact: no byte is lost, repeated or reordered.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

@test "each way of sending delivers its bytes once, in the SYN" {
	begin 20 sink -t 16
	for how in write send sendto sendmsg sendmsg-to writev pwritev2 sendmmsg more; do
		same connect "$how:hello world" close
		[[ $how == sendmmsg ]] || in_syn
	done
}

@test "P11: what the kernel or libc sends by itself arrives all the same" {
	begin 20 sink -t 16
	for how in sendfile splice dprintf; do
		same connect "$how:hello world" close
	done
	same connect fdopen 'fprintf:hello world' fclose
	same connect fdopen 'fprintf:hello' 'fprintf: world' return
}

@test "P15: a first write larger than the SYN arrives whole" {
	begin 20 sink -t 16
	for how in write writev sendmsg send; do
		same connect "$how:@100000" close
		in_syn
	done
	same nonblock connect-wait write-all:@100000 close
	in_syn_though_looked_at
}

@test "P9: a signal every few milliseconds during the first write: the payload exactly once" {
	for start in "begin 100 sink -t 16" "begin_without_server_fastopen 100 sink"; do
		$start
		for signals in signals signals-restart; do
			same connect "$signals:3" 'write:hello world' signals-off close
			same connect "$signals:3" 'sendmsg:hello world' signals-off close
			same connect "$signals:3" 'write-all:@50000' signals-off close
		done
	done
}

@test "P8: write and then close, shutdown or exit at once: everything delivered, clean end of stream" {
	for start in "begin 100 sink -t 16" "begin_without_server_fastopen 100 sink"; do
		$start
		for finish in close shutdown _exit:3 exit:3 quick_exit:3 syscall-exit:3 syscall-close \
			close-range closefrom 'exec:exit 4' return; do
			same connect 'write:hello world' "$finish"
			[[ $SEEN == *'bytes=11 end=eof'* ]]
			same nonblock connect-wait 'write:hello world' "$finish"
			[[ $SEEN == *'bytes=11 end=eof'* ]]
		done
	done
}

@test "a descriptor that replaces one in flight does not take its data with it" {
	begin 100 sink -t 16
	same nonblock connect-wait 'write:hello world' dup dup-back close sleep:300
	same nonblock connect-wait 'write:hello world' dup close shutdown
	same nonblock connect-wait 'write:hello world' dup close close-older sleep:300
}

@test "P8: half-close after the first write, and the answer is still read" {
	for start in "begin 50 answer -t 16" "begin_without_server_fastopen 50 answer"; do
		$start
		same connect 'write:hello' shutdown read-all close
		same nonblock connect-wait 'write:hello' shutdown read-all close
	done
}

@test "data in a SYN that is dropped arrives once, after the kernel's second SYN" {
	begin 20 sink -t 16
	lab_fault drop-syn-data
	same connect 'write:hello world' close
	same nonblock connect-wait 'write:hello world' close sleep:1500
	same nonblock connect-wait 'write:hello world' _exit:0
}

@test "data in a SYN that is answered with a reset is sent again plainly, within the same write" {
	begin 20 sink -t 16
	lab_fault reset-syn-data
	same connect 'write:hello world' close
	same connect 'write-all:@50000' close
	not_in_syn
}

@test "the cookie is gone at the first write: delivered all the same" {
	begin 20 sink -t 16
	lab_spoil_cookies
	same connect 'write:hello world' close
	not_in_syn
}
