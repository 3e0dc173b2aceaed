#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promise 4, opt-in, for programs that run for long: a policy that changes, and one that is compiled.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	begin 20 http -t 16
	unset TFO_RULES
	export TFO_POLICY=$PWD/policy
}

teardown() {
	lab_reset
}

# A program that makes a request whenever it is told to.
start_program() {
	coproc loop { with_library exec "$PROBES/loop" -i "$ADDRESS" "$PORT" 20 2>loop.stderr 3>&-; }
}

# One request; whether its SYN had data is in $SYN_DATA.
request() {
	local before answer
	before=$(connections_ended)
	# shellcheck disable=SC2154 # coproc sets it
	echo >&"${loop[1]}"
	read -r -t 20 answer <&"${loop[0]}"
	[[ $answer == *ok ]]
	lab_wait_ended $((before + 1))
	SYN_DATA=$(tail -n 1 "$(lab_log server)" | grep -o 'syn_data=[01]')
}

# New contents, as an editor writes them.
new_policy() { # TEXT
	printf '%s\n' "$1" >policy.new
	mv policy.new policy
}

ALLOW='allow * 7000 http verify=off minrtt=0'

taken_in_a_second() {
	new_policy 'deny * *'
	start_program
	request
	not_in_syn
	new_policy "$ALLOW"
	sleep 1.1
	request
	in_syn
}

@test "a changed policy is in force a second later; a bad one leaves the old one in force, and says so once" {
	export TFO_LOG=stderr
	taken_in_a_second
	new_policy 'allow * 7000 htpt'
	for _ in 1 2 3; do
		sleep 1.1
		request
		in_syn
	done
	[[ $(grep -c 'new policy refused, the old one stays: .*policy:1:14: unknown payload "htpt"' loop.stderr) == 1 ]]
	sleep 3
	new_policy 'deny * *'
	sleep 1.1
	request
	not_in_syn
}

@test "a policy that was bad at the start is taken when it is repaired" {
	new_policy 'allow'
	start_program
	request
	not_in_syn
	new_policy "$ALLOW"
	sleep 5.1
	request
	in_syn
}

# Another second counts, not a later one.
@test "a changed policy is in force a second later though the clock on the wall is set back all the time" {
	cat >back.c <<-'END'
		#define _GNU_SOURCE
		#include <time.h>
		time_t time(time_t *there)
		{
			struct timespec now;
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (there) *there = 1000000 - now.tv_sec;
			return 1000000 - now.tv_sec;
		}
	END
	gcc -shared -fPIC -o back.so back.c
	PRELOAD+=:$PWD/back.so taken_in_a_second
}

@test "a policy that appears before the built-in one is taken" {
	unset TFO_POLICY
	start_program
	request
	not_in_syn
	mkdir -p "$XDG_CONFIG_HOME/tfo"
	echo "$ALLOW" >"$XDG_CONFIG_HOME/tfo/policy"
	sleep 1.1
	request
	in_syn
}

# A thousand rules, and behind them the one that counts.
long_policy() { # RULE
	for ((i = 0; i < 1000; i++)); do
		echo "deny host$i.example *"
	done
	echo "$1"
}

opened_files() {
	strace -f -o trace -e trace=open,openat -E LD_PRELOAD="$PRELOAD" "$PROBES/client" "$ADDRESS" "$PORT" connect \
		'write:GET / HTTP/1.0' >/dev/null
	grep -o 'policy[^"]*", O_RDONLY' trace | cut -d '"' -f 1 | tr '\n' ' '
}

@test "a compiled policy is used as long as it is the policy's, and decides the same" {
	no_library_of_a_sanitizer
	long_policy "$ALLOW" >policy
	tfoctl policy compile policy
	[[ $(opened_files) == 'policy.compiled ' ]]
	start_program
	request
	in_syn
	# Copied with its times it still fits.
	mkdir copy
	cp -p policy policy.compiled copy/
	cp -p copy/policy policy
	[[ $(opened_files) == 'policy.compiled policy ' ]]
	# The policy changes: what was compiled is stale.
	long_policy 'deny * *' >policy
	[[ $(opened_files) == 'policy.compiled policy ' ]]
	sleep 1.1
	request
	not_in_syn
	tfoctl policy compile policy
	[[ $(opened_files) == 'policy.compiled ' ]]
}

@test "a compiled policy that is damaged, cut short, another's or a stranger's is ignored" {
	no_library_of_a_sanitizer
	long_policy "$ALLOW" >policy
	tfoctl policy compile policy
	cp policy.compiled good
	for damage in 'truncate -s 5000' 'truncate -s 0' 'chmod g+w' 'chmod o+w'; do
		rm policy.compiled
		cp good policy.compiled
		$damage policy.compiled
		[[ $(opened_files) == 'policy.compiled policy ' ]]
	done
	rm policy.compiled
	head -c 100000 /dev/urandom >policy.compiled
	[[ $(opened_files) == 'policy.compiled policy ' ]]
	rm policy.compiled
	ln -s good policy.compiled
	[[ $(opened_files) == 'policy.compiled policy ' ]]
	rm policy.compiled
	mkfifo policy.compiled
	[[ $(opened_files) == 'policy.compiled policy ' ]]
}

no_library_of_a_sanitizer() {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
}

@test "compile says what stands in its way" {
	try tfoctl policy compile missing
	expect_status 1
	expect_error_with 'missing: cannot be opened: there is no such file'
	echo 'allow * 443' >policy
	try tfoctl policy compile
	expect_status 1
	expect_error_with 'policy:1:12: an allow rule names its payload'
	[[ ! -e policy.compiled ]]
	unset TFO_POLICY
	try tfoctl policy compile
	expect_failure 1 'tfoctl: there is no policy file: the one that is built in needs no compiling'
}
