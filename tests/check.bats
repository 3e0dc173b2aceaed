#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfoctl check: what it says of this machine, of the policy and of a program; a fix for each problem.

load helper
load lab/lab.bash

setup() {
	fresh_environment
	lab_reset
	unset TFO_HOLD # of the run under the user's hold: here it is a subject
}

teardown() {
	lab_reset
}

# A line of the report: RANK ABOUT WORDS; the words may be the beginning only.
says() { # RANK ABOUT WORDS
	grep -qF -- "$(printf '%-9s%-11s%s' "$@")" <<<"$output" || unexpected "the line: $*"
}

advises() { # SENTENCE
	grep -qxF -- "$(printf '%20s%s' '' "$1")" <<<"$output" || unexpected "the advice: $1"
}

field() { # PYTHON-EXPRESSION, of the object r
	python3 -c 'import json, sys; r = json.loads(sys.stdin.read()); print(eval(sys.argv[1]))' "$1" <<<"$output"
}

@test "a machine on which all is well: no problem, status 0" {
	try tfoctl check
	expect_status 0
	expect_error ''
	says ok kernel "Linux $(uname -r), $(uname -m)"
	says ok hold "the kernel's (TCP_FASTOPEN_CONNECT)"
	says ok clients 'on (net.ipv4.tcp_fastopen is 3)'
	says ok servers on
	says ok self-test 'data came with a SYN on 127.0.0.1'
	says ok policy 'the built-in one: '
	says ok memory "$XDG_RUNTIME_DIR/tfo/destinations"
	[[ $output != *PROBLEM* && $output != *note* ]] || unexpected "neither a problem nor a note"
}

@test "the self-test sends data in a SYN, and nothing of it is remembered" {
	lab_capture
	try tfoctl check
	lab_capture_stop
	(($(lab_counter TCPFastOpenActive) == 1 && $(lab_counter TCPFastOpenPassive) == 1))
	try tfoctl status --json
	[[ $(field 'r["destinations"]') == '[]' ]]
}

@test "clients are off: a problem, and the line that switches them on keeps what else is on" {
	lab_sysctl 2
	try tfoctl check
	expect_status 1
	says ok hold "the kernel's"
	says PROBLEM clients 'off (net.ipv4.tcp_fastopen is 2, without 1)'
	advises 'Put "net.ipv4.tcp_fastopen = 3" into /etc/sysctl.d/60-tcp-fastopen.conf, then run: sysctl --system'
	says note self-test 'not made: Fast Open is off for clients'
	lab_sysctl 1030
	try tfoctl check
	advises 'Put "net.ipv4.tcp_fastopen = 1031" into /etc/sysctl.d/60-tcp-fastopen.conf, then run: sysctl --system'
}

@test "servers are off: a note, and no self-test" {
	lab_sysctl 1
	try tfoctl check
	expect_status 0
	says note servers 'off (net.ipv4.tcp_fastopen is 1, without 2); clients do not need it'
	advises 'Put "net.ipv4.tcp_fastopen = 3" into /etc/sysctl.d/60-tcp-fastopen.conf, then run: sysctl --system'
	says note self-test 'not made: it takes a server'
}

@test "the self-test fails where SYNs with data are lost, reset or stripped, and says so" {
	for fault in 'drop-syn-data:a SYN with data was lost' 'reset-syn-data:connection refused' \
		'strip-option-synack:no cookie came' 'drop-syn:'; do
		lab_fault_clear
		lab_fault "${fault%%:*}"
		try timeout 20 tfoctl check
		expect_status 1
		says PROBLEM self-test "failed on 127.0.0.1: ${fault#*:}"
		advises 'Look for a packet filter that changes or drops SYNs: nft list ruleset'
		lab_reset
	done
}

@test "a cookie of an older key does not fail the self-test" {
	tfoctl check
	lab_spoil_cookies
	try tfoctl check
	expect_status 0
	says ok self-test 'data came'
}

@test "an older kernel: the user's hold, a note" {
	try "$PROBES/oldkernel" tfoctl check
	expect_status 0
	says note hold "the user's: this kernel has no TCP_FASTOPEN_CONNECT"
	says ok self-test 'data came'
}

@test "TFO_HOLD: what it forces, and a word that it does not know" {
	TFO_HOLD=user try tfoctl check
	expect_status 0
	says note hold "the user's, because TFO_HOLD says so"
	TFO_HOLD=none try tfoctl check
	expect_status 1
	says PROBLEM hold 'TFO_HOLD is "none"'
}

@test "the kernel's own pause is a note" {
	echo 3600 >/proc/sys/net/ipv4/tcp_fastopen_blackhole_timeout_sec
	try tfoctl check
	expect_status 0
	says note pause "one bad path stops the kernel's Fast Open to everywhere for 3600 s or more"
	try tfoctl check --json
	[[ $(field 'r["blackhole_timeout_s"]') == 3600 ]]
}

@test "the policy in force: where it is, how many rules, or that it is refused" {
	printf '%s\n' 'allow a.example 443 tls' 'deny b.example *' >policy
	TFO_POLICY=$PWD/policy try tfoctl check
	says ok policy "$PWD/policy: 2 rules"
	TFO_RULES='deny * 1' TFO_POLICY=$PWD/policy try tfoctl check
	says ok policy "$PWD/policy, behind TFO_RULES: 3 rules"
	: >empty
	TFO_POLICY=$PWD/empty try tfoctl check
	expect_status 0
	says note policy "$PWD/empty: no rules, so nothing is allowed"
	echo 'allow * 443 tsl' >bad
	TFO_POLICY=$PWD/bad try tfoctl check
	expect_status 1
	says PROBLEM policy "$PWD/bad: refused"
	expect_error_with "$PWD/bad:1:13: "
}

@test "the memory: the file, or that there is none" {
	TFO_STATE=$PWD/state try tfoctl check
	says ok memory "$PWD/state"
	TFO_STATE=off try tfoctl check
	expect_status 0
	says note memory 'no file'
}

@test "a program: its file, its libc, its architecture, and whether it is reached" {
	own=$(uname -m)
	own=${own/x86_64/x86-64}
	echo 'int main(void) { return 0; }' >program.c
	gcc -o dynamic program.c
	try tfoctl check ./dynamic
	expect_status 0
	says ok program "./dynamic: reached by LD_PRELOAD (glibc, $own)"
	PATH=$PWD:$PATH try tfoctl check -- dynamic
	says ok program "$PWD/dynamic: reached by LD_PRELOAD (glibc, $own)"
	printf '#!./dynamic\n' >script
	chmod +x script
	try tfoctl check ./script
	says ok program "./script: reached by LD_PRELOAD (./dynamic: glibc, $own)"
	gcc -static -o static program.c 2>compiler || must_skip "$(<compiler)"
	try tfoctl check ./static
	expect_status 1
	says PROBLEM program './static: statically linked'
	advises 'Install or build it dynamically linked; or use tfo-run -f, if it only starts another program; tfo-run --supervise reaches it, under rules with payload any or supervise=yes.'
	try tfoctl check missing-program
	expect_status 1
	says PROBLEM program 'missing-program: not found, or not executable'
	try tfoctl check .
	expect_status 1
	command -v musl-gcc >/dev/null || must_skip "no musl-gcc"
	musl-gcc -o with-musl program.c
	try tfoctl check ./with-musl
	says ok program "./with-musl: reached by LD_PRELOAD (musl, $own)"
}

@test "a program that only a supervisor reaches: not a problem where a rule is made for that" {
	echo 'int main(void) { return 0; }' >program.c
	gcc -static -o static program.c 2>compiler || must_skip "$(<compiler)"
	try tfoctl check --quiet ./static
	expect_status 125
	try tfoctl check --quiet --supervise ./static
	expect_only ''
	TFO_RULES='allow 192.0.2.0/24 443 tls supervise=yes' try tfoctl check --quiet ./static
	expect_status 124
	expect_output ''
	TFO_RULES='allow 192.0.2.0/24 443 tls supervise=yes' try tfoctl check ./static
	expect_status 0
	says ok program './static: statically linked, so no loader runs that would read LD_PRELOAD: so tfo-run supervises it'
	says ok supervisor 'possible, under 1 of the rules: '
	TFO_RULES='allow * * any supervise=no' try tfoctl check --json ./static
	[[ $(field 'r["program"]["supervised"], r["supervised_rules"], r["supervisor_trouble"]') == '(False, 0, None)' ]]
	TFO_RULES='allow * * any' try tfoctl check --json ./static
	[[ $(field 'r["program"]["supervised"], r["supervised_rules"], r["good"]') == '(True, 1, True)' ]]
}

@test "--json: the same for programs, one object, whatever is wrong" {
	try tfoctl check --json sh
	expect_status 0
	[[ $(field 'r["good"], r["tcp_fastopen"], r["kernel_hold"], r["self_test"], r["rules"] > 0, r["problems"]') == \
		"(True, 3, True, 'worked', True, [])" ]]
	[[ $(field 'r["program"]["reached"], r["program"]["libc"]') == "('yes', 'glibc')" ]]
	lab_sysctl 0
	try tfoctl check --json missing-program
	expect_status 1
	[[ $(field '[p["about"] for p in r["problems"]], r["program"]["path"]') == "(['clients', 'program'], None)" ]]
	[[ $(field 'r["good"], r["clients"], r["servers"]') == '(False, False, False)' ]]
	try tfoctl check --json
	[[ $(field '"program" in r') == False ]]
}

@test "a command line that is wrong: one line and 2" {
	try tfoctl check --frobnicate
	expect_failure 2 'tfoctl: unexpected option "--frobnicate"; try tfoctl --help'
	try tfoctl check one two
	expect_failure 2 'tfoctl: unexpected argument "two"; try tfoctl --help'
	try tfoctl check --quiet
	expect_failure 2 'tfoctl: check: --quiet takes a command; try tfoctl --help'
}
