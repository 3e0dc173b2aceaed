#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A policy that an operator trusts: what is read and what is refused, what tfoctl policy says of it before a program
# depends on it, and that tfo-run and the library keep to the same.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_reset
	export TFO_STATE=off
}

teardown() {
	lab_reset
}

write_policy() { # LINE...
	printf '%s\n' "$@" >policy
}

# The value at a path of keys and numbers in the JSON of $output.
json() { # KEY...
	python3 -c 'import functools, json, sys
value = functools.reduce(lambda at, key: at[int(key) if isinstance(at, list) else key], sys.argv[2:], json.loads(sys.argv[1]))
print(json.dumps(value) if isinstance(value, (list, dict, bool, type(None))) else value)' "$output" "$@"
}

expect_line() { # REGEX
	grep -qE -- "$1" <<<"$output" || unexpected "a line: $1"
}

# Not a bare `! grep`: Bats only fails for that at the end of a test.
expect_none() { # REGEX FILE
	if grep -E -- "$1" "$2"; then
		unexpected "nothing like $1 in $2"
	fi
}

# --- check

@test "check says all that is wrong, each with its caret" {
	write_policy 'alow * 443 tls' 'allow * 443 tls' 'deny 10.1.2.3/8 *' 'allow * 80 http hold'
	try tfoctl policy check policy
	expect_status 1
	expect_error 'policy:1:1: unknown verb "alow": a line begins with allow, deny, listen or include
alow * 443 tls
^~~~
policy:3:6: "10.1.2.3/8" has bits set below the prefix: the block is 10.0.0.0/8
deny 10.1.2.3/8 *
     ^~~~~~~~~~
policy:4:17: option "hold" has no value: expected something such as hold=5ms
allow * 80 http hold
                ^~~~'
}

@test "check shows twenty problems and counts the others" {
	for i in {1..25}; do echo "deny * $i-0"; done >policy
	try tfoctl policy check policy
	expect_status 1
	[[ $(grep -c '^policy:' <<<"$stderr") == 20 ]] || unexpected "twenty problems"
	expect_error_with 'tfoctl: and 5 more problems'
}

@test "check reads the rules of the environment and then the file, whatever is wrong in them" {
	write_policy 'deny *'
	TFO_POLICY=policy TFO_RULES='alow' try tfoctl policy check
	expect_status 1
	expect_error_with 'TFO_RULES:1:1: '
	expect_error_with 'policy:1:7: '
}

@test "check warns of a rule that never matches, and still says yes" {
	write_policy 'allow 10.0.0.0/8 80,443 any max=5' 'deny 10.1.0.0/16 80' 'allow *.example.com 443 tls' \
		'allow www.example.com 443 tls' 'deny * 443 program=curl' 'deny 192.0.2.1 443 program=curl' \
		'deny 192.0.2.1 443 program=wget' 'deny a.example 1-10' 'deny a.example 11-20' 'allow a.example 5-15 http'
	try tfoctl policy check policy
	expect_status 0
	expect_output ''
	expect_error 'policy:1: warning: port 443 is for TLS: any lets early data ride, which the server may act on twice; tls does not
allow 10.0.0.0/8 80,443 any max=5
policy:2: warning: this rule never matches: policy:1 allows all that it names
deny 10.1.0.0/16 80
policy:4: warning: this rule never matches: policy:3 allows all that it names as well
allow www.example.com 443 tls
policy:6: warning: this rule never matches: policy:5 denies all that it names as well
deny 192.0.2.1 443 program=curl
policy:10: warning: this rule never matches: policy:8 and other rules before this one decide for all that it names, some of them the other way
allow a.example 5-15 http'
	try tfoctl policy check --strict policy
	expect_status 1
	try tfoctl policy check --no-warnings policy
	expect_only ''
}

@test "check does not warn where a rule before says nothing of some of it" {
	write_policy 'allow 10.0.0.0/8 80 http' 'allow 10.0.0.0/7 80 http' 'allow 10.0.0.0/8 79-80 http' 'deny *.a.example 1' \
		'deny a.example 1' 'deny *.example 1' 'deny ::/0 1' 'deny 0.0.0.0/0 1 program=x' 'deny 192.0.2.1 1' 'deny * 1-9' \
		'deny * 11-19' 'deny 192.0.2.2 1-19'
	try tfoctl policy check policy
	expect_only ''
}

@test "check warns of rules for servers: that never match, and whose key is none" {
	tfoctl key new good.key
	echo secret >bad.key
	cp good.key open.key
	chmod 644 open.key
	chmod 600 bad.key
	write_policy 'allow * 80 http' 'listen 10.0.0.0/8 80,443' 'deny * 443' 'listen 10.1.0.0/16 443 backlog=9' \
		"listen * 1 key=$PWD/good.key" "listen * 2 key=$PWD/bad.key" "listen * 3 key=$PWD/missing.key" \
		"listen * 4 key=$PWD/open.key" 'listen * 80' 'listen 0.0.0.0/0 80'
	try tfoctl policy check policy
	expect_status 0
	[[ $(grep -c warning <<<"$stderr") == 5 ]] || unexpected "five warnings"
	expect_error_with 'policy:4: warning: this rule never matches: policy:2 is for all that it names as well'
	expect_error_with "policy:6: warning: its key does not count: $PWD/bad.key: "
	expect_error_with "policy:7: warning: its key does not count: $PWD/missing.key: cannot be opened: there is no such file"
	expect_error_with "policy:8: warning: its key does not count: $PWD/open.key: "
	expect_error_with 'policy:10: warning: this rule never matches: policy:9 is for all that it names as well'
	try tfoctl policy check --strict policy
	expect_status 1
}

@test "explain says what rule a server there is under, if any rule is for servers" {
	write_policy 'deny * 80' 'listen 10.9.0.0/16 80 backlog=5' 'listen * 81 program=nginx'
	try tfoctl policy explain --policy policy 10.9.0.1 80
	expect_line '^verdict .*: denied$'
	expect_line '^servers      one that listens there takes data in SYNs: policy:2: listen 10\.9\.0\.0/16 80 backlog=5$'
	try tfoctl policy explain --policy policy --json 10.9.0.1 80
	[[ $(json listen_rule line) == 2 && $(json listen_rule verb) == listen ]]
	for question in '10.8.0.1 80' '10.9.0.1 81' '10.9.0.1 81 --program httpd'; do
		# shellcheck disable=SC2086 # words
		try tfoctl policy explain --policy policy $question
		expect_line '^servers      one that listens there is left as it is: no rule$'
	done
	try tfoctl policy explain --policy policy ::1 81 --program /usr/sbin/nginx
	expect_line '^servers .*policy:3: '
	try tfoctl policy explain --policy policy a.test 80
	[[ $output != *servers* ]] || unexpected "no word: a server listens at addresses"
	write_policy 'deny * 80'
	try tfoctl policy explain --policy policy 10.9.0.1 80
	[[ $output != *servers* ]] || unexpected "no word where no rule is for servers"
}

@test "check warns of any where the server speaks first" {
	write_policy 'allow mail.example 25,587 any' 'allow * 3306 prefix:"x"' 'allow * 2000-4000 any' 'deny * 22'
	try tfoctl policy check policy
	expect_status 0
	[[ $(grep -c warning <<<"$stderr") == 3 ]] || unexpected "three warnings"
	expect_error_with 'policy:1: warning: on port 25 (smtp) the server speaks first: nothing can be gained there'
	expect_error_with 'policy:2: warning: on port 3306 (mysql) '
	expect_error_with 'policy:3: warning: on port 3306 (mysql) '
}

@test "check is quick with a hundred thousand rules" {
	awk 'BEGIN { for (i = 0; i < 100000; i++) printf "allow 10.%d.%d.%d 443,8000-8%03d tls\n", i / 65536, i / 256 % 256, i % 256, i % 1000 }' >policy
	echo 'deny 10.0.0.0/8 9999' >>policy
	echo 'deny 10.0.7.7 443' >>policy
	try timeout 60 tfoctl policy check policy
	expect_status 0
	expect_error 'policy:100002: warning: this rule never matches: policy:1800 allows all that it names
deny 10.0.7.7 443'
}

@test "tfo-run shows problems, and no warnings" {
	write_policy 'allow * 25 any'
	try tfo-run -p policy echo hello
	expect_only hello
	write_policy 'alow' 'allow * 443 tsl'
	try tfo-run -p policy echo hello
	expect_status 125
	expect_error_with 'policy:1:1: '
	expect_error_with 'policy:2:13: '
}

@test "check as JSON" {
	write_policy 'deny * 25-' 'allow a.example 25 any' 'include none/*'
	try tfoctl policy check --json policy
	expect_status 1
	expect_error ''
	[[ $(json good) == false && $(json rules) == 1 ]]
	[[ $(json problems 0 line) == 1 && $(json problems 0 column) == 8 && $(json problems 0 width) == 3 ]]
	[[ $(json problems 0 file) == policy && $(json problems 0 source) == 'deny * 25-' ]]
	[[ $(json warnings 0 sentence) == 'no file matches "none/*"' && $(json warnings 1 line) == 2 ]]
	write_policy 'allow * 443 tls'
	try tfoctl policy check --json policy
	expect_status 0
	[[ $output == '{"problems":[],"warnings":[],"rules":1,"good":true}' ]] || unexpected "no findings"
}

# --- print, which

@test "print shows each rule in its normal form, and what is included where it stands" {
	mkdir policy.d
	write_policy 'allow  WWW.Example.COM.  https,80-90,85-95  tls  suspend=300s hold=5000us' \
		'include policy.d/*.policy' 'deny [::FFFF:10.1.2.0]/120 * program=curl'
	echo 'deny b.example *' >policy.d/b.policy
	echo 'deny a.example *' >policy.d/a.policy
	try tfoctl policy print policy
	expect_only 'allow  www.example.com  80-95,443  tls  hold=5ms      # policy:1
deny   a.example        *                             # policy.d/a.policy:1
deny   b.example        *                             # policy.d/b.policy:1
deny   10.1.2.0/24      *               program=curl  # policy:3'
	tfoctl policy print policy >printed
	try tfoctl policy print printed
	[[ ${output//# printed:?/} == "$(sed 's/# policy.*//' printed)" ]] || unexpected "the same again"
}

@test "print and which as JSON" {
	write_policy 'allow *.Example.com 80 prefix:"\x01\"" max=9 program=x' 'deny * *'
	try tfoctl policy print --json policy
	expect_status 0
	[[ $(json rules 0 destination) == '*.example.com' && $(json rules 0 payload) == 'prefix:"\x01\""' ]]
	[[ $(json rules 0 max_bytes) == 9 && $(json rules 0 program) == x && $(json rules 0 hold_us) == null ]]
	[[ $(json rules 1 verb) == deny && $(json rules 1 payload) == null && $(json rules 1 line) == 2 ]]
	TFO_POLICY=/x try tfoctl policy which --json
	expect_only '{"file":"/x","rules_first":null}'
}

# --- explain

@test "explain names the rule, those before it, and what follows" {
	write_policy 'deny 192.0.2.0/24 443' 'deny *.example.com *' 'allow * 80 http' 'allow 10.9.0.0/16 https tls hold=5ms program=curl' \
		'allow * 443 tls max=100'
	try tfoctl policy explain --policy policy 10.9.0.1 443 --program /usr/bin/curl
	expect_status 0
	expect_line '^destination  10\.9\.0\.1 port 443, program curl$'
	expect_line '^rule         policy:4: allow 10\.9\.0\.0/16 https tls hold=5ms program=curl$'
	expect_line '^before it    policy:2: deny \*\.example\.com \*: decides if the program, or its first write, names such a host$'
	expect_line '^             policy:1: deny 192\.0\.2\.0/24 443: for another destination$'
	! grep -q policy:3 <<<"$output" || unexpected "nothing of other ports"
	expect_line '^verdict      connected in the ordinary way, and asked for a cookie'
	try tfoctl policy explain --policy policy 10.9.0.1 https
	expect_line '^rule         policy:5: '
	expect_line '^             policy:4: .*: for another program$'
	expect_line '^options      max=100: '
	try tfoctl policy explain --policy policy 192.0.2.9 443
	expect_line '^verdict      connected in the ordinary way: denied$'
	try tfoctl policy explain --policy policy 192.0.2.9 444
	expect_status 0
	expect_line '^rule         none'
	expect_line '^verdict      connected in the ordinary way: no rule allows it$'
}

@test "explain takes a name as name rules do, and resolves nothing" {
	write_policy 'deny 10.9.0.0/16 443' 'allow *.test 443 tls hold=5ms'
	try strace -f -e trace=network -o trace tfoctl policy explain --policy policy SERVER.test. 443
	expect_status 0
	expect_line '^rule         policy:2: '
	expect_line '^before it    policy:1: deny 10\.9\.0\.0/16 443: decides if the name has such an address$'
	expect_line '^verdict      held until the first write where its address was reached within the hour, for at most 5 ms \(hold=\)$'
	expect_none 'connect|sendto' trace
}

@test "explain says what the memory knows and what is done now" {
	export TFO_STATE=$PWD/state
	lab_nginx
	lab_delay 20
	write_policy 'allow 10.9.0.1 8080 http'
	for _ in 1 2; do
		TFO_POLICY=policy with_library curl -sS http://10.9.0.1:8080/hello
	done
	TFO_POLICY=policy try tfoctl policy explain 10.9.0.1 8080
	expect_status 0
	expect_line '^verdict      held until the first write, for at most one round trip'
	expect_line '^memory       2 connections, 1 with data in the SYN; last reached .*; [0-9.]+ ms away$'
	write_policy 'allow 10.9.0.1 8080 http minrtt=5s'
	TFO_POLICY=policy try tfoctl policy explain 10.9.0.1 8080
	expect_line '^verdict      connected in the ordinary way: [0-9.]+ ms away, nearer than minrtt=, 5 s$'
}

@test "explain judges a payload" {
	write_policy 'allow * 80 http' 'allow * 81 any max=3'
	printf 'GET / HTTP/1.0\r\n\r\n' >request
	printf 'POST / HTTP/1.0\r\n\r\n' >post
	head -c 5000 /dev/zero >zeros
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload request
	expect_line '^payload      safe to repeat by http: if held, 18 of 18 bytes ride in the SYN$'
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload=post
	expect_line '^payload      not known to be safe by http: it goes after a SYN without data$'
	try tfoctl policy explain --policy policy 10.9.0.1 81 --payload zeros
	expect_line '^payload      safe to repeat by any: if held, 3 of 5000 bytes ride in the SYN$'
	try tfoctl policy explain --policy policy 10.9.0.1 81 --payload missing
	expect_failure 1 'tfoctl: missing: No such file or directory'
}

@test "explain knows that a payload may name the host" {
	write_policy 'deny bad.test 80' 'allow *.test 80 http' 'deny * 80'
	printf 'GET / HTTP/1.1\r\nHost: www.test\r\n\r\n' >www
	printf 'GET / HTTP/1.1\r\nHost: bad.test\r\n\r\n' >bad
	printf 'GET / HTTP/1.0\r\n\r\n' >nameless
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload www
	expect_line '^rule         policy:2: '
	expect_line '^why          the first one that decides if the first write names such a host$'
	expect_line '^payload      names www\.test: policy:2 decides: '
	expect_line '^payload      safe to repeat by http: '
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload bad
	expect_line '^payload      names bad\.test: policy:1 decides: deny '
	expect_line '^payload      it goes after a SYN without data$'
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload nameless
	expect_line '^payload      names no host$'
	write_policy 'deny * 80' 'allow *.test 80 http'
	try tfoctl policy explain --policy policy 10.9.0.1 80 --payload www
	expect_line '^verdict      connected in the ordinary way: denied$'
}

@test "explain as JSON" {
	write_policy 'deny *.test 80' 'allow * 80 http'
	printf 'GET / HTTP/1.0\r\n\r\n' >request
	try tfoctl policy explain --policy policy --json --payload request 10.9.0.1 80
	expect_status 0
	[[ $(json verdict) == verify && $(json rule line) == 2 && $(json before 0 may_decide) == true ]]
	[[ $(json payload safe) == true && $(json payload in_syn) == 18 && $(json memory connections) == 0 ]]
	try tfoctl policy explain --policy policy --json a.test 80
	[[ $(json verdict) == denied && $(json rule verb) == deny ]]
	try tfoctl policy explain --policy policy --json a.test 81
	[[ $(json verdict) == 'no rule' && $(json rule) == null ]]
}

@test "explain: a command line that is wrong: 2; a bad policy: 1" {
	try tfoctl policy explain 10.9.0.1
	expect_failure 2 'tfoctl: policy explain: needs a destination and a port; try tfoctl --help'
	try tfoctl policy explain 10.9.0.1:80 80
	expect_failure 2 'tfoctl: 10.9.0.1:80: the port is a word of its own, behind the destination'
	try tfoctl policy explain 10.9.0.1 80 81
	expect_failure 2 'tfoctl: unexpected argument "81"; try tfoctl --help'
	try tfoctl policy explain 10.9.0.1 0
	expect_failure 2 'tfoctl: "0" is not a port: ports are numbers from 1 to 65535, or names of services'
	try tfoctl policy explain 10.9.0.1 80-81
	expect_failure 2 'tfoctl: 80-81: more than one port'
	try tfoctl policy explain 10.9.0.1 80 --program
	expect_failure 2 'tfoctl: --program: needs a value; try tfoctl --help'
	try tfoctl policy explain 10.9.0.1 80 --programs=x
	expect_failure 2 'tfoctl: unexpected option "--programs=x"; try tfoctl --help'
	write_policy 'alow'
	try tfoctl policy explain --policy policy 10.9.0.1 80
	expect_status 1
	expect_error_with 'policy:1:1: '
}

# --- files

@test "a policy that others could change is refused: by check, by tfo-run, by the library" {
	write_policy 'allow * 7000 any verify=off hold=1s'
	chmod 664 policy
	try tfoctl policy check policy
	expect_failure 1 'policy: its group can write to it, and so change what is allowed: take that away with chmod go-w'
	try tfo-run -p policy touch ran
	expect_status 125
	[[ ! -e ran ]] || unexpected "that the program was not run"
	begin 20 answer -t 16
	TFO_RULES='' TFO_POLICY=$PWD/policy TFO_LOG=$PWD/log strace -f -E LD_PRELOAD="$LIBRARY" -o trace \
		"$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	grep 'policy refused, nothing is allowed: .*/policy: its group can write to it' log
	expect_none MSG_FASTOPEN trace
	chmod go-w policy
	TFO_RULES='' TFO_POLICY=$PWD/policy strace -f -E LD_PRELOAD="$LIBRARY" -o trace \
		"$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	grep MSG_FASTOPEN trace
}

@test "what an include names is read by the library, in the order of the names" {
	mkdir policy.d
	write_policy 'include policy.d/*.policy'
	echo 'allow * 7000 any verify=off hold=1s' >policy.d/2.policy
	begin 20 answer -t 16
	TFO_RULES='' TFO_POLICY=$PWD/policy strace -f -E LD_PRELOAD="$LIBRARY" -o trace \
		"$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	grep MSG_FASTOPEN trace
	echo 'deny 10.9.0.1 afs3-fileserver' >policy.d/1.policy
	TFO_RULES='' TFO_POLICY=$PWD/policy strace -f -E LD_PRELOAD="$LIBRARY" -o trace \
		"$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_none MSG_FASTOPEN trace
}

@test "a rule for one program is for the name that was executed, uncut, and for no other" {
	begin 20 answer -t 16
	ln -s "$PROBES/client" another-name-of-the-client
	for name in client another-name-of-the-client another-name-of client-2; do
		for program in "$PROBES/client" ./another-name-of-the-client; do
			TFO_RULES="allow * 7000 any verify=off hold=1s program=$name" strace -f -E LD_PRELOAD="$LIBRARY" -o trace \
				"$program" "$ADDRESS" "$PORT" connect write:hi read-all
			held=no
			! grep -q MSG_FASTOPEN trace || held=yes
			if [[ ${program##*/} == "$name" ]]; then
				[[ $held == yes ]] || unexpected "a hold of $program under program=$name"
			else
				[[ $held == no ]] || unexpected "no hold of $program under program=$name"
			fi
		done
	done
}

@test "names of services are those of /etc/services, and the common ones where there is no such file" {
	write_policy 'allow * https,domain-s,our-own tls'
	[[ -r /etc/services ]] || must_skip "this machine has no /etc/services"
	try tfoctl policy check policy
	expect_failure 1 'policy:1:24: "our-own" is no TCP service of /etc/services, and ranges are written in numbers, as in 8000-8100
allow * https,domain-s,our-own tls
                       ^~~~~~~'
	printf '%s\n' '# comment' 'our-own 4711/udp' 'https 444/tcp' 'other 4711/sctp' $'x\t4712/tcp our-own # y' 'bad' >services
	# shellcheck disable=SC2016 # the inner shell expands
	try unshare -m sh -c 'mount --bind services /etc/services && tfoctl policy print policy'
	expect_status 0
	[[ $output == 'allow  *  444,853,4712  tls  '* ]] || unexpected "their ports"
	write_policy 'allow * https,domain-s,redis tls'
	try unshare -m sh -c 'mount -t tmpfs none /etc && tfoctl policy print policy'
	expect_status 0
	[[ $output == 'allow  *  443,853,6379  tls  '* ]] || unexpected "their ports"
	chmod 666 services
	try unshare -m sh -c 'mount --bind services /etc/services && tfoctl policy check policy'
	expect_status 1
	expect_error_with 'policy:1:9: "https" cannot be looked up in /etc/services: everybody can write to it'
}

@test "files that are no policies: a sentence each" {
	mkdir directory
	try tfoctl policy check directory
	expect_failure 1 'directory: this is a directory: a policy is a regular file'
	mkfifo fifo
	try timeout 5 tfoctl policy check fifo
	expect_failure 1 'fifo: this is a FIFO or a pipe: a policy is a regular file'
	try timeout 5 sh -c 'echo deny | tfoctl policy check /dev/stdin'
	expect_failure 1 '/dev/stdin: this is a FIFO or a pipe: a policy is a regular file'
	try tfoctl policy check /dev/null
	expect_failure 1 '/dev/null: this is a device: a policy is a regular file'
	truncate -s 16777217 large
	try tfoctl policy check large
	expect_failure 1 'large: the file is larger than 16 MiB'
	printf 'deny * *\0\n' >nul
	try tfoctl policy check nul
	expect_status 1
	expect_error_with 'nul:1:9: a NUL byte stands here: a policy is plain text'
	printf '# \xc3\xbc\n# \xff\n' >foreign
	try tfoctl policy check foreign
	expect_failure 1 'foreign:2:3: this byte is not UTF-8: a policy is plain text
# ?
  ^'
	{
		printf '# '
		head -c 4095 /dev/zero | tr '\0' x
	} >long
	try tfoctl policy check long
	expect_status 1
	expect_error_with 'long:1:4097: this line is longer than 4096 bytes'
	printf 'deny * *' >no-newline
	try tfoctl policy check no-newline
	expect_only ''
	: >empty
	try tfoctl policy check empty
	expect_only ''
}

# --- the manual

@test "the examples of tfo-policy(5) are good policies, and say what they mean" {
	awk '/^\.\\" begin example/ { count++; inside = 1; next }
		/^\.\\" end example/ { inside = 0 }
		inside && !/^\./ { gsub(/\\e/, "\\"); print >("example." count) }' "$BATS_TEST_DIRNAME/../tools/man/tfo-policy.5"
	[[ $(cat example.* | wc -l) == 16 && -s example.4 ]] || unexpected "four examples of sixteen lines"
	for example in example.*; do
		try tfoctl policy check --no-warnings "$example"
		expect_only ''
		# The key that they name is not here.
		grep -v '^include ' "$example" | sed 's| key=/etc/tfo/key||' >alone
		try tfoctl policy check --strict alone
		expect_only ''
	done
	try tfoctl policy explain --policy example.1 payments.example.com https
	expect_line '^verdict .*: denied$'
	try tfoctl policy explain --policy example.1 www.example.org https --program crawler
	expect_line '^verdict .*: denied$'
	try tfoctl policy explain --policy example.1 www.example.org https --program curl
	expect_line '^rule         example\.1:3: '
	try tfoctl policy explain --policy example.2 2001:db8:53::7 853 --program unbound
	expect_line '^rule         example\.2:2: '
	try tfoctl policy explain --policy example.2 2001:db8:53::7 853 --program dig
	expect_line '^verdict .*: denied$'
	printf 'R\0x' >reading
	try tfoctl policy explain --policy example.3 orders.rpc.internal 9090 --payload reading
	expect_line '^payload      safe to repeat by prefix: '
	printf 'W\0x' >writing
	try tfoctl policy explain --policy example.3 orders.rpc.internal 9090 --payload writing
	expect_line '^payload      not known to be safe by prefix: '
	try tfoctl policy explain --policy example.3 ledger.rpc.internal 9090
	expect_line '^verdict .*: denied$'
}

@test "the manual names every verb, payload class and option there is" {
	manual=$(<"$BATS_TEST_DIRNAME/../tools/man/tfo-policy.5")
	write_policy 'x' 'allow * * x' 'allow * * any x=1'
	try tfoctl policy check policy
	for word in allow deny listen include any tls http dns redis memcached prefix: hold= verify= minrtt= max= suspend= control= supervise= program=; do
		[[ $manual == *".It Cm $word"* ]] || unexpected "$word in the manual"
		[[ $stderr == *"$word"* ]] || unexpected "$word"
	done
	for word in backlog= key=; do
		[[ $manual == *".It Cm $word"* ]] || unexpected "$word in the manual"
	done
	# and nothing that the messages name is missing above
	[[ $(grep -oE '[a-z]+=' <<<"$stderr" | sort -u | tr '\n' ' ') == 'control= hold= max= minrtt= program= supervise= suspend= verify= x= ' ]]
}
