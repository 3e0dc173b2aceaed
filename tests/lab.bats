#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The laboratory itself: its delay, faults, counters and server do what the other tests rely on. The client is curl, whose
# --tcp-fastopen uses the kernel's Fast Open. Run as `tests/lab/enter bats tests/lab.bats`.

load lab/lab.bash

# Each test that concerns packets runs over both protocols.
HOSTS=(10.9.0.1 '[fd09::1]')
REQUEST=70 # bytes at least

setup() {
	lab_need curl nft iptables ss openssl
	lab_reset
	lab_server v4 -t 16 -p 8000 http
	lab_server v6 -6 -t 16 -p 8000 http
}

teardown() {
	lab_reset
}

# get HOST [CURL OPTION...]: prints the milliseconds of a request; fails as curl does.
get() {
	local host=$1 seconds status
	shift
	seconds=$(curl -sS -m 4 -o /dev/null -w '%{time_total}' "$@" "http://$host:8000/")
	status=$?
	awk -v s="$seconds" 'BEGIN { printf "%d\n", s * 1000 }'
	return $status
}

open() {
	get "$@" --tcp-fastopen
}

prime() {
	local address=${1#[}
	lab_prime "${address%]}" 8000
}

# between LEAST VALUE MOST
between() {
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ] && return
	echo "$2 is not between $1 and $3"
	return 1
}

# fails STATUSES COMMAND...: COMMAND must end with one of the statuses.
fails() {
	local statuses=" $1 "
	shift
	run "$@"
	[[ $statuses == *" $status "* ]] && return
	echo "$*: status $status, not one of$statuses: $output"
	return 1
}

met_fault() {
	between 1 "$(lab_fault_count)" 1000
}

@test "a round trip takes what lab_delay says" {
	for rtt in 20 100; do
		lab_delay $rtt
		for host in "${HOSTS[@]}"; do
			took=$(for _ in 1 2 3 4 5; do get "$host"; done | lab_median)
			between $((2 * rtt)) "${took%.*}" $((2 * rtt + 60))
		done
	done
	lab_delay 0
	between 0 "$(get 10.9.0.1)" 15
}

@test "the delay line neither loses nor changes what it holds" {
	lab_delay 20
	head -c 8000000 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	for _ in 1 2; do
		curl -sS -m 20 -H Expect: --data-binary "@$BATS_TEST_TMPDIR/body" -o /dev/null http://10.9.0.1:8000/
	done
	lab_delay 0
	curl -sS -m 20 -H Expect: --data-binary "@$BATS_TEST_TMPDIR/body" -o /dev/null http://10.9.0.1:8000/
	lab_wait_line v4 '^conn 3 '
	[ "$(grep -o 'fnv=.*' "$(lab_log v4)" | sort -u | wc -l)" = 1 ]
}

@test "Fast Open saves a round trip, and counters and capture show the data in the SYN" {
	lab_delay 50
	for host in "${HOSTS[@]}"; do
		prime "$host"
		before=$(lab_counter TCPFastOpenActive)
		between 100 "$(get "$host")" 140
		between 50 "$(open "$host")" 90
		[ $(($(lab_counter TCPFastOpenActive) - before)) = 1 ]
	done
	lab_wait_line v4 '^conn 3 .* syn_data=1'
	lab_wait_line v6 '^conn 3 .* syn_data=1'
	lab_capture
	open 10.9.0.1
	get 10.9.0.1
	run lab_syn_payloads 8000
	between $REQUEST "${lines[0]}" 200
	[ "${lines[1]}" = 0 ]
}

@test "lab_reset gives a fresh network, and once more" {
	prime 10.9.0.1
	lab_fault drop-syn
	lab_delay 100
	lab_sysctl 0
	for _ in 1 2; do
		lab_reset
		run lab_has_cookie 10.9.0.1
		[ "$status" = 1 ]
		run lab_listens 10.9.0.1 8000
		[ "$status" = 1 ]
		[ "$(cat /proc/sys/net/ipv4/tcp_fastopen)" = 3 ]
		[ "$(lab_counter ActiveOpens)" = 0 ]
		lab_server again -t 16 -p 8000 http
		between 0 "$(open 10.9.0.1)" 20
	done
}

@test "a spoiled cookie is sent, but its data is not accepted" {
	prime 10.9.0.1
	lab_spoil_cookies
	lab_has_cookie 10.9.0.1
	open 10.9.0.1
	[ "$(lab_counter TCPFastOpenActiveFail)" = 1 ]
	lab_wait_line v4 '^conn 2 .*syn_data=0'
}

@test "fault drop-syn: nobody connects" {
	lab_fault drop-syn
	for host in "${HOSTS[@]}"; do
		fails 28 get "$host" -m 0.5
	done
	met_fault
}

@test "fault drop-syn-data: a second is lost, then the request is served without it" {
	lab_capture
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault drop-syn-data
	for host in "${HOSTS[@]}"; do
		between 1000 "$(open "$host")" 1500
		between 0 "$(get "$host")" 100
	done
	[ "$(lab_fault_count)" = 2 ]
	[ "$(lab_counter TCPFastOpenActiveFail)" = 2 ]
	# Of each: cookie request, SYN with data (seen though it was dropped), bare SYN, plain SYN.
	run lab_syn_payloads 8000
	[ "${#lines[@]}" = 8 ]
}

@test "fault drop-fastopen-option: asking for a cookie costs a second, a plain connect nothing" {
	lab_fault drop-fastopen-option
	for host in "${HOSTS[@]}"; do
		between 0 "$(get "$host")" 100
		between 1000 "$(open "$host")" 1500
	done
	met_fault
}

@test "fault drop-synack: nobody connects" {
	lab_fault drop-synack
	for host in "${HOSTS[@]}"; do
		fails 28 get "$host" -m 0.5
	done
	met_fault
}

@test "fault strip-option-syn: no cookie comes, and with a cookie the data is not accepted" {
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault strip-option-syn
	for host in "${HOSTS[@]}"; do
		between 0 "$(open "$host")" 500
	done
	[ "$(lab_counter TCPFastOpenActiveFail)" = 2 ]
	fails 1 lab_prime 10.9.0.2 8000
	[ "$(lab_fault_count)" = 3 ]
}

@test "fault strip-option-synack: the server gives a cookie, the client has none" {
	lab_fault strip-option-synack
	fails 1 prime 10.9.0.1
	fails 1 prime '[fd09::1]'
	[ "$(lab_counter TCPFastOpenCookieReqd)" = 2 ]
	[ "$(lab_fault_count)" = 2 ]
}

@test "fault reset-syn: refused" {
	lab_fault reset-syn
	for host in "${HOSTS[@]}"; do
		fails 7 get "$host"
	done
	met_fault
}

@test "fault reset-syn-data: refused with data, else not" {
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault reset-syn-data
	lab_delay 20
	for host in "${HOSTS[@]}"; do
		fails '7 28 52 55 56' open "$host" -m 1
		get "$host"
	done
	[ "$(lab_fault_count)" = 2 ]
}

@test "fault reset-fastopen-option: refused when it asks for a cookie, else not" {
	lab_fault reset-fastopen-option
	for host in "${HOSTS[@]}"; do
		fails 1 prime "$host"
		get "$host"
	done
	[ "$(lab_fault_count)" = 2 ]
}

@test "faults unreachable and prohibited: refused by ICMP, which is delayed too" {
	lab_delay 20
	for fault in unreachable prohibited; do
		lab_fault $fault
		for host in "${HOSTS[@]}"; do
			run get "$host"
			[ "$status" = 7 ]
			between 20 "${lines[-1]}" 100
		done
		[ "$(lab_fault_count)" = 2 ]
		lab_fault_clear
	done
}

@test "fault unreachable-syn-data: only with data" {
	lab_delay 20
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault unreachable-syn-data
	for host in "${HOSTS[@]}"; do
		fails '7 28 52 55 56' open "$host" -m 1
		get "$host"
	done
	[ "$(lab_fault_count)" = 2 ]
}

@test "fault blackhole-after-syn-data: the data is accepted, then silence; a plain connection is unharmed" {
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault blackhole-after-syn-data
	for host in "${HOSTS[@]}"; do
		fails 28 open "$host" -m 1
		get "$host"
	done
	[ "$(lab_counter TCPFastOpenPassive)" = 2 ]
	met_fault
}

@test "fault blackhole-client-data: only what is in the SYN arrives" {
	for host in "${HOSTS[@]}"; do prime "$host"; done
	lab_fault blackhole-client-data
	for host in "${HOSTS[@]}"; do
		between 0 "$(open "$host")" 100
		fails 28 get "$host" -m 1
	done
	met_fault
}

@test "fault blackhole-server-data: connected, but no answer" {
	lab_fault blackhole-server-data
	for host in "${HOSTS[@]}"; do
		fails 28 get "$host" -m 1
	done
	met_fault
	lab_fault_clear
	[ "$(lab_fault_count)" = 0 ] || get 10.9.0.1
}

@test "a fault can be for one destination only" {
	lab_fault drop-syn ip daddr 10.9.0.2
	fails 28 get 10.9.0.2 -m 0.5
	get 10.9.0.1
	lab_fault_clear
	get 10.9.0.2
	fails 1 lab_fault no-such-fault
}

@test "lab_nginx serves http and https, with Fast Open or without, and logs what is posted" {
	lab_need nginx
	lab_nginx
	for url in http://server.test:8080 https://server.test:8443 'https://[fd09::2]:8443'; do
		[ "$(curl -sS --cacert "$LAB_NGINX/cert.pem" "$url/hello")" = 'Hello from the lab.' ]
	done
	curl -sS -d 'a=1' http://127.0.0.1:8080/post
	grep -qxF 'POST /post status=200 body="a=1"' "$LAB_NGINX/access.log"
	lab_prime 127.0.0.1 8443
	lab_stop nginx
	lab_nginx plain
	fails 1 lab_prime 10.9.0.1 8080
	curl -sS http://127.0.0.1:8080/hello
}

# talk PORT: sends stdin there, prints what comes back until the server's end.
talk() {
	exec 9<>"/dev/tcp/127.0.0.1/$1"
	cat >&9
	timeout 0.3 cat <&9
	exec 9>&-
}

@test "the test server: its modes and its report" {
	local mode port=9000
	for mode in echo sink answer speak-first close reset; do
		lab_server $mode -i 1500 -p $((port++)) $mode
	done
	[ "$(printf 'a"\n' | talk 9000 || :)" = 'a"' ]
	lab_wait_line echo '^conn 1 bytes=3 end=eof syn_data=0 fnv=[0-9a-f]{16} data="a\\"\\n"$'
	[ "$(printf x | talk 9001 || :)" = "" ]
	lab_wait_line sink '^conn 1 bytes=1 end=eof syn_data=0 fnv=af63f54c86021707 data="x"$' # FNV-1a of "x"
	[ "$(printf 'hello' | talk 9002)" = ok ]
	lab_wait_line answer 'bytes=5 end=eof .* data="hello"$'
	[ "$(talk 9003 </dev/null || :)" = $'220 hi\r' ]
	[ "$(talk 9004 </dev/null)" = "" ]
	lab_wait_line close 'bytes=0 end=closed'
	run talk 9005 </dev/null
	[[ $output == *'reset by peer'* ]]
	lab_wait_line reset 'bytes=0 end=closed'
	exec 9<>/dev/tcp/127.0.0.1/9001
	lab_wait_line sink '^conn 2 bytes=0 end=timeout'
	exec 9>&-
	exec 9<>/dev/tcp/127.0.0.1/9001
	lab_wait_port 127.0.0.1 9001
	sleep 0.1
	lab_stop sink
	exec 9>&-
	lab_wait_line sink '^conn 3 bytes=0 end=closed'
}

@test "enter passes the status on, and nothing outlives it" {
	run "$LAB_REPO/tests/lab/enter" sh -c 'sleep 98765 & exit 7'
	[ "$status" = 7 ]
	TMPDIR=$BATS_TEST_TMPDIR "$LAB_REPO/tests/lab/enter" sleep 98766 3>&- &
	entered=$!
	sleep 0.3
	kill $entered
	wait $entered || :
	lab_until 2 nobody_sleeps
}

nobody_sleeps() {
	! pgrep -fx 'sleep 9876[56]'
}

@test "programs started in the lab end with it, and a missing one fails with a sentence" {
	lab_start sleeper sleep 100
	pid=$(cat "$LAB_TMP/running/sleeper")
	lab_stop sleeper
	lab_gone "$pid"
	lab_start stubborn sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
	lab_wait_line stubborn up
	pid=$(cat "$LAB_TMP/running/stubborn")
	lab_stop stubborn
	lab_gone "$pid"
	TFO_MUST_WORK=1 fails 1 lab_need no-such-program
	TFO_LAB='' fails 1 bash -c "source '$LAB_REPO/tests/lab/lab.bash'"
}

@test "what a command mounts in the lab's directory is not removed with it" {
	local precious=$BATS_TEST_TMPDIR/precious
	mkdir "$precious"
	touch "$precious/file"
	# shellcheck disable=SC2016 # the inner shell expands
	"$LAB_REPO/tests/lab/enter" sh -c 'mkdir "$LAB_TMP/mounted" && mount --bind "$1" "$LAB_TMP/mounted" &&
		ls "$LAB_TMP/mounted" && echo "$LAB_TMP"' sh "$precious" >"$BATS_TEST_TMPDIR/said"
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/said")" = file ]
	[ -e "$precious/file" ]
	[ ! -e "$(tail -n 1 "$BATS_TEST_TMPDIR/said")" ]
}
