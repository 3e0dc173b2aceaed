#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What tfo-run and tfoctl do with a command line, a policy and an environment. No network.

load helper

setup() {
	fresh_environment
	bad_policy="allow *.example.com 443 tsl"
}

write_policy() { # TEXT
	printf '%s\n' "$1" >policy
}

# --- tfo-run: the program

@test "tfo-run runs the program and adds nothing to what it prints" {
	try tfo-run printf '%s|' one 'two words' ''
	expect_only 'one|two words||'
}

@test "tfo-run ends with the status of the program" {
	try tfo-run sh -c 'exit 42'
	expect_status 42
}

@test "the program has the process id that tfo-run had" {
	try sh -c 'echo $$; exec tfo-run sh -c "echo \$\$"'
	expect_status 0
	[[ ${lines[0]} == "${lines[1]}" ]] || unexpected "the same number twice"
}

@test "the program sees its name as it was typed" {
	try sh -c 'tfo-run head -z -n 1 /proc/self/cmdline | tr "\0" "\n"'
	expect_only head
}

@test "the program's environment gains LD_PRELOAD and nothing else" {
	try env -i PATH="$PATH" HOME="$HOME" rules=mine directory=mine tfo-run env
	expect_status 0
	[[ $(sort <<<"$output" | grep -v '^_=') == "HOME=$HOME
LD_PRELOAD=$LIBRARY
PATH=$PATH
directory=mine
rules=mine" ]] || unexpected "these and LD_PRELOAD (and _ if the shell likes)"
	PWD=/elsewhere OLDPWD=/ try env tfo-run sh -c 'tr "\0" "\n" </proc/$$/environ | grep -E "^(OLD)?PWD="'
	[[ $(sort <<<"$output") == OLDPWD=/$'\n'PWD=* ]] || unexpected "both"
}

# All of it, each variable in one word.
environment() { # [TFO-RUN...]
	"$@" /usr/bin/python3 -c 'import os
for name in sorted(os.environb):
    if name not in (b"_", b"LD_PRELOAD", b"TFO_SUMMARY", b"LC_CTYPE"):
        print(name, os.environb[name])'
}

@test "variables that no shell can have, such as the functions of bash, reach the program" {
	greet() {
		echo "hello, $1"
	}
	export -f greet
	try tfo-run bash -c 'greet you'
	expect_only 'hello, you'
	# shellcheck disable=SC1003,SC2016 # as it stands
	odd=('1=one' 'a-b=two' 'with space=three' 'x.y=it'\''s "$HOME" `id`; \' $'BASH_FUNC_f%%=() {  echo\n}\n' -n=five --=six --summary=seven
		$'n\nl=eight' '*=nine' $'bytes-=\377' 'a-empty=' '$(id)=x')
	before=$(environment env "${odd[@]}")
	(($(grep -c . <<<"$before") > 15))
	for how in tfo-run 'tfo-run -s' 'tfo-run tfo-run' 'tfo-run -s tfo-run'; do
		# shellcheck disable=SC2086 # words
		try environment env "${odd[@]}" $how
		expect_status 0
		expect_output "$before"
	done
	try env -i "${odd[@]}" PATH="$PATH" tfo-run /usr/bin/python3 -c 'import os; print(b"PWD" in os.environb, len(set(os.environb) - {b"LC_CTYPE"}))'
	expect_only "False $((${#odd[@]} + 2))"
	env "${odd[@]}" tfo-run -n printf '%s|' a 'b c' >said
	try env "${odd[@]}" bash said
	expect_only 'a|b c|'
	LD_PRELOAD=libm.so.6 try env a-b=1 tfo-run printenv LD_PRELOAD a-b
	expect_only "$LIBRARY:libm.so.6"$'\n'1
	try sh -c 'echo $$; exec env a-b=1 tfo-run sh -c "echo \$\$"'
	[[ ${lines[0]} == "${lines[1]}" ]] || unexpected "the same process"
	try env a-b=1 tfo-run sh -c 'exit 42'
	expect_status 42
	# More than is usual, and as it was put there.
	long=$(printf '%0100000d' 0)
	try env a-b="$long" c="$long" tfo-run /usr/bin/python3 -c 'import os; print(len(os.environ["a-b"]), len(os.environ["c"]))'
	expect_only '100000 100000'
	# Under a number that is another process's in /proc.
	try env -u PWD a-b=1 unshare -pf tfo-run /usr/bin/python3 -c 'import os; print("PWD" in os.environ, os.environ["a-b"], os.getpid())'
	expect_only 'False 1 1'
}

@test "a program that the shell has built in is run from PATH" {
	mkdir bin
	for name in echo test true; do
		printf '#!/bin/sh\necho "from PATH: $*"\n' >bin/$name
		chmod +x bin/$name
		PATH=$PWD/bin:$PATH try tfo-run $name -e x
		expect_only 'from PATH: -e x'
	done
}

@test "a shell built-in that is no program is not found" {
	try tfo-run shift
	expect_failure 127 'tfo-run: shift: command not found'
}

@test "a program without an interpreter is a script for a shell, which has the library" {
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' 'printf "%s|" "$0" "$@"; grep -c libtfo-preload.so /proc/$$/maps' >no-interpreter
	chmod +x no-interpreter
	try tfo-run ./no-interpreter 'a b' ''
	expect_status 0
	[[ $output =~ ^'./no-interpreter|a b||'[1-9] ]] || unexpected "its words, and the library"
}

@test "a program that is cut short is no script" {
	head -c 100 /bin/true >cut-short
	printf '\177ELF' >shorter
	chmod +x cut-short shorter
	for program in cut-short shorter; do
		try tfo-run ./$program
		expect_failure 126 "tfo-run: ./$program: Exec format error"
	done
}

@test "the first word that is no option ends the options" {
	try tfo-run printf %s -n
	expect_only -n
	try tfo-run -- printf %s -v
	expect_only -v
}

@test "the library loads into the program" {
	try tfo-run grep -c libtfo-preload.so /proc/self/maps
	expect_status 0
}

# --- tfo-run: what cannot be run

@test "a command that does not exist: 127" {
	try tfo-run curll https://example.com
	expect_failure 127 'tfo-run: curll: command not found'
	try tfo-run ./curll
	expect_failure 127 'tfo-run: ./curll: no such file'
	try tfo-run ''
	expect_failure 127 'tfo-run: "": command not found'
}

@test "a command that is not executable: 126" {
	mkdir bin
	echo >bin/plain
	try tfo-run bin/plain
	expect_failure 126 'tfo-run: bin/plain: not executable'
	PATH=$PWD/bin:$PATH try tfo-run plain
	expect_failure 126 'tfo-run: plain: not executable'
}

@test "a directory is no command: 126" {
	mkdir bin bin/tool
	try tfo-run ./bin
	expect_failure 126 'tfo-run: ./bin: is a directory'
	PATH=$PWD/bin:$PATH try tfo-run tool
	expect_failure 127 'tfo-run: tool: command not found'
}

@test "an empty field of PATH is the current directory" {
	printf '#!/bin/sh\necho here\n' >only-here
	chmod +x only-here
	PATH=$PATH: try tfo-run only-here
	expect_only here
}

@test "no command: the usage and 125" {
	try tfo-run
	expect_status 125
	expect_output ''
	expect_error_with 'usage: tfo-run '
	[[ $stderr != *$'\n'* ]] || unexpected "one line"
}

@test "an unknown option: one line and 125" {
	try tfo-run -x true
	expect_failure 125 'tfo-run: unknown option "-x"; try tfo-run --help'
	try tfo-run --policies=file true
	expect_failure 125 'tfo-run: unknown option "--policies=file"; try tfo-run --help'
}

@test "an option without its value: one line and 125" {
	for option in -p --policy -a --allow -l --listen --log; do
		try tfo-run $option
		expect_failure 125 "tfo-run: $option: needs a value; try tfo-run --help"
	done
	try tfo-run --policy= true
	expect_failure 125 'tfo-run: --policy: needs a value; try tfo-run --help'
}

@test "--help and --version answer on standard output" {
	for option in -h --help; do
		try tfo-run $option
		expect_status 0
		expect_error ''
		[[ ${lines[0]} == 'usage: tfo-run '* ]] || unexpected "the usage"
	done
	try tfo-run --version
	expect_status 0
	[[ $output =~ ^tfo-run\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || unexpected "a version"
}

# --- tfo-run: LD_PRELOAD

@test "LD_PRELOAD is extended, ours first, the rest as it was" {
	LD_PRELOAD='libm.so.6 libdl.so.2' try tfo-run printenv LD_PRELOAD
	expect_only "$LIBRARY:libm.so.6 libdl.so.2"
}

@test "the library is added once" {
	try tfo-run tfo-run printenv LD_PRELOAD
	expect_only "$LIBRARY"
	for list in "libm.so.6 $LIBRARY" "libm.so.6:$LIBRARY:libdl.so.2" "$LIBRARY  :libm.so.6" " $LIBRARY:"; do
		LD_PRELOAD=$list try tfo-run printenv LD_PRELOAD
		expect_only "$list"
	done
	LD_PRELOAD="$LIBRARY.old" try tfo-run printenv LD_PRELOAD
	expect_output "$LIBRARY:$LIBRARY.old"
}

@test "the library is added once, also when it is there by another path" {
	ln -s "$LIBRARY" link.so
	ln -s "${LIBRARY%/*}" directory
	for path in "$PWD/link.so" "$PWD/directory/libtfo-preload.so" "${LIBRARY%/*}/./libtfo-preload.so"; do
		LD_PRELOAD="libm.so.6:$path" try tfo-run printenv LD_PRELOAD
		expect_only "libm.so.6:$path"
	done
	copy_installation other
	LD_PRELOAD=$LIBRARY try other/bin/tfo-run printenv LD_PRELOAD
	expect_only "$LIBRARY"
	LD_PRELOAD=$PWD/gone/libtfo-preload.so try tfo-run printenv LD_PRELOAD
	expect_output "$LIBRARY:$PWD/gone/libtfo-preload.so"
}

@test "tfo-run within tfo-run: the rules of both, the inner ones first" {
	try tfo-run -a '* 1 any' -l 80 tfo-run -a '* 2 any' tfo-run printenv LD_PRELOAD TFO_RULES
	expect_only "$LIBRARY
allow * 2 any
allow * 1 any
listen * 80"
}

# A copy of what was built, as an installation in DIRECTORY.
copy_installation() { # DIRECTORY
	mkdir -p "$1/bin" "$1/lib"
	cp "$TFO_BUILD/bin/tfo-run" "$TFO_BUILD/bin/tfoctl" "$1/bin"
	cp "$LIBRARY" "$1/lib"
}

@test "tfo-run finds its library through symbolic links, PATH and relative names" {
	copy_installation real
	ln -s "$PWD/real/bin/tfo-run" link
	ln -s real/bin bin-link
	for run in ./link bin-link/tfo-run real/bin/tfo-run ./real/bin/tfo-run; do
		try $run printenv LD_PRELOAD
		expect_only "$PWD/real/lib/libtfo-preload.so"
	done
	PATH=$PWD/real/bin:$PATH try tfo-run printenv LD_PRELOAD
	expect_only "$PWD/real/lib/libtfo-preload.so"
	cd real/bin
	try ./tfo-run printenv LD_PRELOAD
	expect_only "$BATS_TEST_TMPDIR/real/lib/libtfo-preload.so"
}

@test "the static tfoctl of the runtime is asked where there is one, else the one beside tfo-run" {
	copy_installation one
	mkdir -p one/libexec/tfo-run
	try env -u PWD a-b=1 one/bin/tfo-run printenv LD_PRELOAD a-b
	expect_only "$PWD/one/lib/libtfo-preload.so"$'\n'1
	static=one/libexec/tfo-run/tfoctl
	# shellcheck disable=SC2016 # what it says when it runs
	printf '#!/bin/sh\n%s\n' 'echo asked >>asked' 'exec one/bin/tfoctl "$@"' >$static
	try one/bin/tfo-run printenv LD_PRELOAD
	expect_only "$PWD/one/lib/libtfo-preload.so"
	[[ ! -e asked ]] || unexpected "the one that cannot be executed is left alone"
	chmod +x $static
	for run in one/bin/tfo-run "sh $PWD/one/bin/tfo-run" "$PWD/one/bin/../bin/tfo-run"; do
		rm -f asked
		# shellcheck disable=SC2086 # words of a command line
		try $run printenv LD_PRELOAD
		expect_status 0
		[[ -e asked ]] || unexpected "the static one is asked"
	done
	try one/bin/tfo-run -a '* 443 tsl' touch ran
	expect_status 125
	expect_error_with 'tfo-run: touch: not run, because the policy is refused'
	[[ ! -e ran ]] || unexpected "that the program was not run"
}

@test "a library whose path LD_PRELOAD cannot hold: one sentence and 125" {
	for name in 'with space' with:colon; do
		copy_installation "$name"
		try "./$name/bin/tfo-run" true
		expect_failure 125 "tfo-run: $PWD/$name/lib/libtfo-preload.so: a path with a space or a colon cannot stand in LD_PRELOAD"
	done
}

@test "a missing tfoctl, or a missing library: one line and 125" {
	copy_installation real
	mv real/bin/tfoctl .
	try real/bin/tfo-run true
	expect_failure 125 "tfo-run: $PWD/real/bin/tfoctl: cannot be run"
	mv tfoctl real/bin
	rm real/lib/libtfo-preload.so
	try real/bin/tfo-run true
	expect_failure 125 "tfo-run: libtfo-preload.so: not found near $PWD/real/bin"
}

# --- tfo-run: the policy

@test "a bad policy: the place with a caret, 125, and the program is not run" {
	write_policy "$bad_policy"
	try tfo-run -p policy touch ran
	expect_status 125
	expect_output ''
	expect_error_with "$PWD/policy:1:25: "
	expect_error_with "
$bad_policy
                        ^~~
tfo-run: touch: not run, because the policy is refused"
	[[ ! -e ran ]] || unexpected "that the program was not run"
}

@test "a bad policy of the environment stops the program too" {
	write_policy "$bad_policy"
	TFO_POLICY=$PWD/policy try tfo-run touch ran
	expect_status 125
	TFO_RULES=$bad_policy try tfo-run touch ran
	expect_status 125
	mkdir config/tfo
	cp policy config/tfo
	try tfo-run touch ran
	expect_status 125
	[[ ! -e ran ]] || unexpected "that the program was not run"
}

@test "TFO_HOLD that names no hold: 125, and the program is not run" {
	TFO_HOLD=none try tfo-run echo hello
	expect_failure 125 'tfo-run: TFO_HOLD: "none" is neither "kernel" nor "user"'
	TFO_HOLD=user try tfo-run echo hello
	expect_only hello
}

@test "a policy that does not exist: 125" {
	try tfo-run -p missing touch ran
	expect_status 125
	expect_error_with "$PWD/missing: "
	[[ ! -e ran ]] || unexpected "that the program was not run"
}

@test "-p names the policy, absolute whatever was typed" {
	write_policy 'allow * 443 tls'
	for option in '-p policy' -ppolicy '--policy policy' --policy=policy "-p $PWD/policy"; do
		# shellcheck disable=SC2086 # words of a command line
		try tfo-run $option printenv TFO_POLICY
		expect_only "$PWD/policy"
	done
}

@test "TFO_POLICY and TFO_RULES of the environment are left as they are" {
	write_policy 'allow * 443 tls'
	export TFO_POLICY=policy TFO_RULES='deny * 443'
	try tfo-run printenv TFO_POLICY TFO_RULES
	expect_only 'policy
deny * 443'
}

@test "-a adds rules in order, before those of the environment" {
	TFO_RULES='deny * 443' try tfo-run -a 'a.example 443 tls' --allow '*.b.example 80 http' \
		--allow='c.example 53 dns' printenv TFO_RULES
	expect_only 'allow a.example 443 tls
allow *.b.example 80 http
allow c.example 53 dns
deny * 443'
	try tfo-run -a '* 443 tls' printenv TFO_RULES
	expect_only 'allow * 443 tls'
}

@test "-l adds rules for servers; ports alone, with or without options, mean any address" {
	local rule
	for rule in '80,443' 'https' '80 backlog=5' '* program=x'; do
		try tfo-run -l "$rule" printenv TFO_RULES
		expect_only "listen * $rule"
	done
	for rule in '10.0.0.0/8 80' '* 80 backlog=5' '[::1] * program=x'; do
		try tfo-run -l "$rule" printenv TFO_RULES
		expect_only "listen $rule"
	done
	try tfo-run -l80 --listen '10.0.0.0/8 443' --listen='::1 * backlog=7' -a '* 443 tls' printenv TFO_RULES
	expect_only $'listen * 80\nlisten 10.0.0.0/8 443\nlisten ::1 * backlog=7\nallow * 443 tls'
	try tfo-run -l 'server.test 80' touch ran
	expect_status 125
	expect_error_with '"server.test" is a name: a listen rule has an address of this machine'
	[[ ! -e ran ]]
}

@test "-a with a bad rule: 125, and the program is not run" {
	try tfo-run -a '*.example.com 443 tsl' touch ran
	expect_status 125
	expect_error_with '^~~'
	[[ ! -e ran ]] || unexpected "that the program was not run"
}

# --- tfo-run: the log, and running dry

@test "-v and --log say where the decisions go" {
	for option in -v --verbose; do
		try tfo-run $option printenv TFO_LOG
		expect_status 0
		expect_output stderr
	done
	for option in '--log log' --log=log "--log $PWD/log"; do
		# shellcheck disable=SC2086 # words of a command line
		try tfo-run $option printenv TFO_LOG
		expect_only "$PWD/log"
	done
}

@test "a log that cannot be written: one line and 125" {
	mkdir directory
	try tfo-run --log directory true
	expect_failure 125 "tfo-run: $PWD/directory: is a directory"
	try tfo-run --log missing/log true
	expect_failure 125 "tfo-run: $PWD/missing/log: cannot be created"
}

@test "-n says what would be run, and does nothing" {
	unset TFO_HOLD
	write_policy 'allow * 443 tls'
	for option in -n --dry-run; do
		try tfo-run $option -p policy -a '* 80 http' -v touch ran "it's" ''
		expect_only "TFO_POLICY=$PWD/policy \\
TFO_RULES='allow * 80 http' \\
TFO_LOG=stderr \\
LD_PRELOAD=$LIBRARY \\
touch ran 'it'\\''s' ''"
		[[ ! -e ran ]] || unexpected "that the program was not run"
	done
	TFO_HOLD=user try tfo-run -n touch ran
	expect_only "TFO_HOLD=user \\
LD_PRELOAD=$LIBRARY \\
touch ran"
}

@test "a shell does what -n said" {
	write_policy 'allow * 443 tls'
	# shellcheck disable=SC2016 # that it stays as it is
	tfo-run -n -a '* 80 http' printf '%s|' "it's" '$HOME' $'two\nlines' '' >said
	try sh said
	expect_only $'it\'s|$HOME|two\nlines||'
}

@test "short options can be written together" {
	unset TFO_HOLD
	try tfo-run -nv true
	expect_only "TFO_LOG=stderr \\
LD_PRELOAD=$LIBRARY \\
true"
	try tfo-run -nx true
	expect_failure 125 'tfo-run: unknown option "-x"; try tfo-run --help'
}

# --- tfoctl

@test "tfoctl policy check is silent about a good policy" {
	write_policy 'allow *.example.com 443 tls'
	try tfoctl policy check policy
	expect_only ''
	try tfoctl policy check
	expect_only ''
}

@test "tfoctl policy check shows what is wrong and where" {
	printf '# comment\n\n%s\n' "$bad_policy" >policy
	try tfoctl policy check policy
	expect_status 1
	expect_output ''
	expect_error_with 'policy:3:25: '
	expect_error_with "
$bad_policy
                        ^~~"
	try tfoctl policy check missing
	expect_status 1
	expect_error_with 'missing: '
}

@test "tfoctl policy check without a file takes the policy in force" {
	write_policy "$bad_policy"
	TFO_POLICY=policy try tfoctl policy check
	expect_status 1
	expect_error_with 'policy:1:25: '
	TFO_RULES=$bad_policy try tfoctl policy check
	expect_status 1
	expect_error_with ':1:25: '
	write_policy 'allow * 443 tls'
	TFO_RULES=$bad_policy try tfoctl policy check policy
	expect_only ''
}

@test "tfoctl policy print lines up the rules and says where they stand" {
	printf '%s\n' '# comment' 'allow *.example.com 443 tls' '' 'deny 192.0.2.7 *' \
		'allow api.internal 6379 prefix:"GET  x" hold=5ms' >policy
	try tfoctl policy print policy
	expect_only 'allow  *.example.com  443   tls                        # policy:2
deny   192.0.2.7      *                                # policy:4
allow  api.internal   6379  prefix:"GET  x"  hold=5ms  # policy:5'
}

@test "what tfoctl policy print prints is a policy that prints the same" {
	printf '%s\n' 'allow *.example.com 443 tls' 'deny 192.0.2.7 *' \
		'allow api.internal 6379 prefix:"GET " hold=5ms' >policy
	tfoctl policy print policy >printed
	try tfoctl policy print printed
	expect_status 0
	[[ ${output//# printed:?/} == "$(sed 's/# policy:.//' printed)" ]] || unexpected "the same"
}

@test "tfoctl policy print without a file shows the extra rules first" {
	write_policy 'allow * 443 tls'
	TFO_POLICY=policy TFO_RULES='deny a.example *' try tfoctl policy print
	expect_status 0
	[[ ${lines[0]} == 'deny '* && ${lines[1]} == 'allow '* ]] || unexpected "deny, then allow"
}

@test "tfoctl policy which names the policy in force" {
	[[ ! -e /etc/tfo/policy ]] || must_skip "this machine has a policy of its own"
	try tfoctl policy which
	expect_only 'built in'
	mkdir -p home/.config/tfo config/tfo
	touch home/.config/tfo/policy
	XDG_CONFIG_HOME='' try tfoctl policy which
	expect_only "$PWD/home/.config/tfo/policy"
	touch config/tfo/policy
	try tfoctl policy which
	expect_only "$PWD/config/tfo/policy"
	TFO_POLICY=/elsewhere try tfoctl policy which
	expect_only /elsewhere
}

@test "tfoctl: a command line that is wrong: one line and 2" {
	try tfoctl
	expect_failure 2 'tfoctl: no command; try tfoctl --help'
	try tfoctl frobnicate
	expect_failure 2 'tfoctl: unknown command "frobnicate"; try tfoctl --help'
	try tfoctl --frobnicate
	expect_failure 2 'tfoctl: unknown option "--frobnicate"; try tfoctl --help'
	try tfoctl policy
	expect_failure 2 'tfoctl: policy: no command; try tfoctl --help'
	try tfoctl policy frobnicate
	expect_failure 2 'tfoctl: unknown command "policy frobnicate"; try tfoctl --help'
	try tfoctl policy which one
	expect_failure 2 'tfoctl: unexpected argument "one"; try tfoctl --help'
	try tfoctl policy check one two
	expect_failure 2 'tfoctl: unexpected argument "two"; try tfoctl --help'
}

@test "tfoctl --help and --version answer on standard output" {
	try tfoctl --help
	expect_status 0
	expect_error ''
	[[ ${lines[0]} == 'usage: tfoctl '* ]] || unexpected "the usage"
	try tfoctl --version
	expect_status 0
	[[ $output =~ ^tfoctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || unexpected "a version"
}

@test "tfoctl says when its output is lost" {
	try sh -c 'tfoctl --help >/dev/full'
	expect_failure 1 'tfoctl: standard output: No space left on device'
}
