#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run inject: the library into the config.json of an OCI bundle, and out of it again. No network; that such a bundle
# gains a round trip is shown in containers.bats.

load helper
load lab/lab.bash
load sockets
load containers

setup() {
	fresh_environment
	needs_runtime
	tfoctl inject x 2>&1 | grep -q 'built without json-c' && must_skip "no json-c"
	RUNTIME=$TFO_BUILD/libexec/tfo-run
}

# A value of config.json, as JSON on one line: at 'process["args"]'.
at() { # PATH [FILE]
	/usr/bin/python3 -c 'import json, sys
value = json.load(open(sys.argv[2]))
print(json.dumps(eval("value" + sys.argv[1])))' "$1" "${2:-config.json}"
}

# What a member must be after an injection.
is() { # PATH JSON
	local found
	found=$(at "$1")
	[[ $found == "$2" ]] || {
		printf '%s is %s\nnot    %s\n' "$1" "$found" "$2"
		return 1
	}
}

# Injects and takes out again; in between runs a command.
there_and_back() { # FILE [COMMAND [ARG...]]
	cp -p "$1" original
	try tfo-run inject -a '* 80 http' "$1"
	expect_only ''
	[[ $# == 1 ]] || "${@:2}"
	try tfo-run inject --remove "$1"
	expect_only ''
}

MOUNT='{"destination": "/tfo", "type": "bind", "source": "%s", "options": ["bind", "ro", "nosuid", "nodev"]}'

@test "a bundle of runc: the mount, the environment; taken out, not one byte is another" {
	runc spec || must_skip "no runc"
	cp config.json original
	try tfo-run inject .
	expect_only ''
	# shellcheck disable=SC2059 # a format is what is wanted
	is '["mounts"][-1]' "$(printf "$MOUNT" "$RUNTIME")"
	is '["process"]["args"]' '["sh"]'
	is '["process"]["env"][-2:]' '["LD_PRELOAD=/tfo/libtfo-preload.so", "TFO_POLICY=/tfo/policy"]'
	# The rest is as it was, line by line.
	[[ $(diff original config.json | grep '^<') == $'< \t\t\t"TERM=xterm"' ]] # a comma is behind it now
	try tfo-run inject --remove config.json
	expect_only ''
	cmp config.json original
	[[ $(find . -name 'config.json*') == ./config.json ]]
}

@test "what is not ours is as it was: large numbers, members nobody knows, their order" {
	cat >config.json <<-'END'
		{"zebra":18446744073709551615,"least":-9223372036854775808,"x":[1.50,1e3,-0.0,null,{},[],"a/b\u00e9"],
		"process":{"rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615}],"args":["app"],"env":[]},"ociVersion":"1.0.2","a":{"b":""}}
	END
	changed() {
		grep -q '^{"zebra":18446744073709551615,"least":-9223372036854775808,"x":\[1.50,1e3,-0.0,null,{},\[\],"a/bé"\],"process":{"rlimits":\[{"type":"RLIMIT_NOFILE","hard":18446744073709551615}\],"args":\["app"\],"env":\["LD_PRELOAD' config.json
	}
	there_and_back config.json changed
	cmp config.json original
}

@test "done again it changes nothing; done again in another way it is as if done once in that way" {
	runc spec || must_skip "no runc"
	cp config.json original
	tfo-run inject -a '* 80 http' -l 80 .
	before=$(stat -c '%i %y' config.json)
	try tfo-run inject -a '* 80 http' -l 80 .
	expect_only ''
	[[ $(stat -c '%i %y' config.json) == "$before" ]]
	tfo-run inject --wrap -a '* 81 http' --listen='10.0.0.1 90 backlog=2' -l '90 backlog=3' .
	is '["process"]["args"]' '["/tfo/tfo-run", "--", "sh"]'
	is '["process"]["env"][-2:]' '["TFO_POLICY=/tfo/policy", "TFO_RULES=allow * 81 http\nlisten 10.0.0.1 90 backlog=2\nlisten * 90 backlog=3"]'
	tfo-run inject --at /opt/tfo/ .
	is '["process"]["args"]' '["sh"]'
	is '["process"]["env"][-2:]' '["LD_PRELOAD=/opt/tfo/libtfo-preload.so", "TFO_POLICY=/opt/tfo/policy"]'
	is '["mounts"][-1]["destination"]' '"/opt/tfo"'
	[[ $(grep -c bind config.json) == 2 ]] # one mount
	tfo-run inject --remove .
	cmp config.json original
	try tfo-run inject --remove .
	expect_only ''
	cmp config.json original
}

@test "LD_PRELOAD, TFO_POLICY and TFO_RULES that are there already are extended, kept, and given back" {
	echo '{"process":{"args":["app"],"env":["LD_PRELOAD=/a.so","TFO_POLICY=/etc/p","TFO_RULES=deny * 1","LD_PRELOAD=/b.so:/c.so"]}}' >config.json
	extended() {
		is '["process"]["env"]' '["LD_PRELOAD=/a.so", "TFO_POLICY=/etc/p", "TFO_RULES=allow * 80 http\ndeny * 1", "LD_PRELOAD=/tfo/libtfo-preload.so:/b.so:/c.so"]'
	}
	there_and_back config.json extended
	cmp config.json original
	echo '{"process":{"args":["app"],"env":["LD_PRELOAD=/a.so /tfo/libtfo-preload.so","TFO_POLICY="]}}' >config.json
	already() {
		is '["process"]["env"]' '["LD_PRELOAD=/a.so /tfo/libtfo-preload.so", "TFO_POLICY=/tfo/policy", "TFO_RULES=allow * 80 http"]'
	}
	there_and_back config.json already
	cmp config.json original
}

@test "what was changed meanwhile stays, what is ours goes" {
	echo '{"process":{"args":["app"]},"mounts":null,"annotations":{}}' >config.json
	change() {
		sed -i 's|LD_PRELOAD=/tfo/libtfo-preload.so"|LD_PRELOAD=/x.so:/tfo/libtfo-preload.so:/y.so"|; s|"TFO_RULES=[^"]*",*||; s|"app"|"app","-v"|' config.json
		sed -i 's|,\]|,"NEW=1"]|; s|"annotations":{|"annotations":{"theirs":"kept",|' config.json
		is '["process"]["args"]' '["app", "-v"]'
	}
	there_and_back config.json change
	[[ $(<config.json) == '{"process":{"args":["app","-v"],"env":["LD_PRELOAD=/x.so:/y.so","NEW=1"]},"mounts":null,"annotations":{"theirs":"kept"}}' ]] || {
		cat config.json
		return 1
	}
	[[ ! -e config.json.before-tfo-run ]]
}

@test "without the copy of what was before it is the same in meaning" {
	printf '{ "process": {"args": ["app"], "env": null} }' >config.json
	there_and_back config.json rm config.json.before-tfo-run
	[[ $(<config.json) == '{"process":{"args":["app"],"env":null}}' ]]
	[[ $(tail -c 1 config.json) == '}' ]]
}

@test "a command that is wrapped already is not wrapped twice, and stays" {
	echo '{"process":{"args":["/tfo/tfo-run","--","app"],"env":["A=1"]}}' >config.json
	cp config.json original
	tfo-run inject --wrap config.json
	is '["process"]["args"]' '["/tfo/tfo-run", "--", "app"]'
	is '["process"]["env"]' '["A=1", "TFO_POLICY=/tfo/policy"]'
	tfo-run inject --remove config.json
	cmp config.json original
}

@test "the same mount is not made twice; another one in its place is not covered" {
	# shellcheck disable=SC2059 # a format is what is wanted
	printf '{"mounts":[{"destination":"/tfo/","type":"bind","source":"%s"}],"process":{"args":["app"]}}\n' "$RUNTIME" >config.json
	there_and_back config.json is '["mounts"]' "[{\"destination\": \"/tfo/\", \"type\": \"bind\", \"source\": \"$RUNTIME\"}]"
	cmp config.json original
	sed -i 's|"source":"[^"]*"|"source":"/elsewhere"|' config.json
	cp config.json original
	try tfo-run inject config.json
	expect_failure 1 "tfoctl: $PWD/config.json: something else is mounted there; choose another place with --at"
	cmp config.json original
	tfo-run inject --at=/x config.json
}

@test "mode, owner and link are kept" {
	mkdir bundle
	echo '{"process":{"args":["app"]}}' >bundle/real.json
	chmod 2640 bundle/real.json
	ln -s real.json bundle/config.json
	tfo-run inject bundle
	[[ -L bundle/config.json && ! -L bundle/real.json && $(stat -c %a bundle/real.json) == 2640 ]]
	grep -q LD_PRELOAD bundle/real.json
	chmod 600 bundle/real.json
	tfo-run inject --remove bundle/config.json
	[[ -L bundle/config.json && $(stat -c %a bundle/real.json) == 600 && $(<bundle/real.json) == '{"process":{"args":["app"]}}' ]]
}

@test "-n shows what would be, and writes nothing" {
	echo '{"process":{"args":["app"]}}' >config.json
	cp config.json original
	try tfo-run inject -n config.json
	expect_status 0
	[[ $output == '{"process":{"args":["app"],"env":["LD_PRELOAD=/tfo/'* ]]
	cmp config.json original
	tfo-run inject config.json
	cp config.json injected
	try tfo-run inject --remove --dry-run .
	expect_only "$(<original)"
	cmp config.json injected
	[[ -e config.json.before-tfo-run ]]
}

refused() { # TEXT SENTENCE
	printf '%s' "$1" >config.json
	try tfo-run inject .
	expect_failure 1 "tfoctl: $PWD/config.json$2"
	[[ $(<config.json) == "$1" && ! -e config.json.before-tfo-run ]]
}

@test "what is no configuration is refused, and stays as it is" {
	refused '' ': not JSON: it ends too early'
	refused '{"process":{"args":["app"]}' ': not JSON: it ends too early'
	refused '{"a":1,}' ':1: not JSON: unexpected character'
	refused $'{\n"process": oops}' ":2: not JSON: unexpected character"
	refused '{"process":{}} trailing' ':1: not JSON: unexpected character'
	refused '[]' ': not an OCI configuration: no object'
	refused 'null ' ': not an OCI configuration: no object'
	refused '{}' ': there is no process in it, so nothing is run'
	refused '{"process":[]}' ': there is no process in it, so nothing is run'
	refused '{"process":{"env":"A=1"}}' ': process.env is not a list'
	refused '{"process":{},"mounts":{}}' ': mounts is not a list'
	refused '{"process":{},"annotations":[]}' ': annotations is not an object'
	refused '{"process":{"args":["a","\ud800\u0000"]},"x":"'$'\377''"}' ':1: not JSON: invalid utf-8 string'
	printf '{"process":{}}\n\0{}' >config.json
	try tfo-run inject .
	expect_failure 1 "tfoctl: $PWD/config.json:2: not JSON: unexpected character"
	echo '{"process":{}}' >config.json
	try tfo-run inject --wrap .
	expect_failure 1 "tfoctl: $PWD/config.json: there is no process.args to wrap"
	try tfo-run inject .
	expect_only ''
	python3 -c 'print("[" * 100000)' >config.json
	try tfo-run inject .
	expect_failure 1 "tfoctl: $PWD/config.json:1: not JSON: nesting too deep"
}

@test "a container without root, whose users do not know the owner of the runtime: refused, as its policy would be" {
	owner=$(stat -c %u "$RUNTIME/policy")
	say="tfoctl: $PWD/config.json: the owner of the runtime is no user in this container, so its policy would be refused; \
install one as a user who is, and name it with --runtime"
	for mappings in "{\"containerID\":0,\"hostID\":$((owner + 1)),\"size\":65536}" '{}' 3; do
		echo "{\"process\":{},\"linux\":{\"uidMappings\":[$mappings]}}" >config.json
		try tfo-run inject .
		expect_failure 1 "$say"
	done
	[[ ! -e config.json.before-tfo-run ]]
	for mappings in '' "{\"containerID\":0,\"hostID\":4000000000,\"size\":1},{\"containerID\":1,\"hostID\":$owner,\"size\":1}"; do
		echo "{\"process\":{},\"linux\":{\"uidMappings\":[$mappings]}}" >config.json
		try tfo-run inject .
		expect_only ''
	done
	mkdir rootless
	runc spec --rootless -b rootless || must_skip "no runc"
	tfo-run install own
	try tfo-run inject --runtime own rootless
	expect_only ''
}

@test "why it cannot" {
	try tfo-run inject
	expect_failure 2 'tfoctl: inject: needs a bundle or its config.json; try tfoctl --help'
	try tfo-run inject one two
	expect_failure 2 'tfoctl: unexpected argument "two"; try tfoctl --help'
	try tfo-run inject --frobnicate
	expect_failure 2 'tfoctl: unexpected option "--frobnicate"; try tfoctl --help'
	try tfo-run inject -a
	expect_failure 2 'tfoctl: inject: -a needs a value; try tfoctl --help'
	try tfo-run inject missing
	expect_failure 1 'tfoctl: missing: No such file or directory'
	mkdir empty
	try tfo-run inject empty
	expect_failure 1 'tfoctl: empty/config.json: No such file or directory'
	mkfifo fifo
	try timeout 5 tfo-run inject fifo
	expect_failure 1 "tfoctl: $PWD/fifo: not a regular file"
	echo '{"process":{}}' >config.json
	for place in tfo / ''; do
		try tfo-run inject --at "$place" .
		expect_failure 2 "tfoctl: --at $place: not an absolute path of a directory"
	done
	try tfo-run inject --at '/a b' .
	expect_failure 2 'tfoctl: --at /a b: a path with a space or a colon cannot stand in LD_PRELOAD'
	try tfo-run inject --runtime missing .
	expect_failure 2 'tfoctl: missing: No such file or directory'
	try tfo-run inject --runtime empty .
	expect_failure 1 "tfoctl: $PWD/empty: no libtfo-preload.so in it"
	try tfo-run inject -a '* 80 nonsense' .
	expect_status 1
	[[ $stderr == 'rule:1:12: '* ]] || unexpected 'what is wrong with the rule'
	[[ $(<config.json) == '{"process":{}}' ]]
}

@test "what may not be written is left alone" {
	mkdir bundle
	echo '{"process":{}}' >bundle/config.json
	mount --bind bundle bundle
	mount -o remount,bind,ro bundle
	try tfo-run inject bundle
	umount bundle
	expect_failure 1 "tfoctl: $PWD/bundle/config.json: Read-only file system"
	chmod 444 bundle/config.json
	chmod 711 . ..
	try unshare -U --map-user=1000 tfo-run inject bundle
	[[ $status == 1 && $stderr == *'Permission denied'* ]]
	[[ $(find bundle -type f) == bundle/config.json && $(<bundle/config.json) == '{"process":{}}' ]]
}

@test "another runtime, and a name with blanks and quotes" {
	tfo-run install "the \"runtime\" of 'mine'"
	mkdir 'a "bundle"'
	echo '{"process":{}}' >'a "bundle"/config.json'
	tfo-run inject --runtime "the \"runtime\" of 'mine'" -- 'a "bundle"'
	cd 'a "bundle"'
	is '["mounts"][0]["source"]' "\"${PWD%/*}/the \\\"runtime\\\" of 'mine'\""
}

@test "the tfoctl of containers has no inject, and says where it is" {
	try "$RUNTIME/tfo-run" inject .
	expect_failure 1 'tfoctl: inject: not in this tfoctl, which was built without json-c; that of a whole installation has it'
}
