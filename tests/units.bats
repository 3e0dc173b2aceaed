#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run --unit: the drop-in for a service of systemd. What systemd makes of it is asked of systemd itself, which reads
# a scratch root's units and starts none of them. No network.

load helper

setup() {
	fresh_environment
	ROOT=$PWD/root
	VENDOR=$ROOT/usr/lib/systemd/system
	ETC=$ROOT/etc/systemd/system
	DROP_IN=$ETC/demo.service.d/50-tfo.conf
	mkdir -p "$VENDOR" "$ETC" "$ROOT/bin" "$ROOT/lib" "$ROOT/lib64" "$ROOT/etc/tfo"
	# A program with its loader, and the library in the place that it has here.
	cp /bin/sleep "$ROOT/bin"
	loader=$(readelf -lW /bin/sleep | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
	mkdir -p "$ROOT/${loader%/*}" "$ROOT/${LIBRARY%/*}"
	cp "$loader" "$ROOT/$loader"
	cp "$LIBRARY" "$ROOT/$LIBRARY"
	service demo
}

service() { # NAME [LINE...]
	local name=$1
	shift
	printf '%s\n' '[Unit]' DefaultDependencies=no '[Service]' 'ExecStart=/bin/sleep 1' "$@" >"$VENDOR/$name.service"
}

drop_in() { # DIRECTORY/FILE [LINE...]
	local file=$ETC/$1
	shift
	mkdir -p "${file%/*}"
	printf '%s\n' '[Service]' "$@" >"$file"
}

unit() { # NAME [OPTION...]
	try tfo-run --root "$ROOT" --unit "$@"
}

written() { # NAME [OPTION...]
	unit "$1" --write "${@:2}"
	expect_status 0
	expect_error ''
	expect_output "wrote $ETC/${1%.service}.service.d/50-tfo.conf"
}

refuses() { # NAME SENTENCE [OPTION...]
	unit "$1" --write "${@:3}"
	expect_failure 125 "tfo-run: $2"
	[[ ! -e $ETC/$1.service.d/50-tfo.conf ]] || unexpected "that nothing is written"
}

# What systemd has read, as it says it; root may not ask.
systemd_reads() { # UNIT
	[[ -x /lib/systemd/systemd ]] || must_skip "no systemd"
	chmod -R a+rX .
	chmod a+rx "$BATS_TEST_TMPDIR" "$XDG_RUNTIME_DIR"
	SYSTEMD_UNIT_PATH=$ETC:$VENDOR timeout 20 unshare -U --map-user=1000 \
		/lib/systemd/systemd --test --user --unit="$1" >said 2>&1 || unexpected "no trouble: $(cat said)"
	awk -v unit="-> Unit $1:" '
		index($0, "-> Unit ") { ours = $0 ~ unit "$"; next }
		ours && sub(/^\t+Environment: /, "") { more = 1; print; next }
		ours && more && !/^\t/ { print; next }
		{ more = 0 }' said | sort
}

environment_is() { # UNIT LINE...
	local seen
	seen=$(systemd_reads "$1")
	[[ $seen == "$(printf '%s\n' "${@:2}" | sort)" ]] || unexpected "another environment than: $seen"
}

# systemd has no word against a unit and its drop-ins.
verified() { # UNIT
	command -v systemd-analyze >/dev/null || must_skip "no systemd"
	SYSTEMD_UNIT_PATH=$ETC:$VENDOR try timeout 20 systemd-analyze verify --man=no "$1"
	expect_only ''
}

@test "--unit prints the drop-in, and writes nothing" {
	find "$ROOT" | sort >before
	unit demo -a '* 443 tls'
	expect_only "# Written by tfo-run --unit; tfo-run --unit demo.service --remove takes it away again.
[Service]
Environment=\"LD_PRELOAD=$LIBRARY\"
Environment=\"TFO_RULES=allow * 443 tls\""
	find "$ROOT" | sort | diff before -
}

@test "--write puts it into its place, again changes nothing, --remove takes it away; the unit is not touched" {
	find "$ROOT" -type f -exec cksum {} + | sort >before
	written demo
	verified demo.service
	environment_is demo.service "LD_PRELOAD=$LIBRARY"
	[[ $(stat -c %a "$DROP_IN") == 644 && $(ls -A "${DROP_IN%/*}") == 50-tfo.conf ]]
	touch -d yesterday "$DROP_IN"
	unit demo.service --write
	expect_only "$DROP_IN is as it should be"
	[[ -n $(find "$DROP_IN" -mmin +60) ]] || unexpected "that it was not written again"
	written demo -v
	grep -q TFO_LOG=stderr "$DROP_IN"
	unit demo --remove
	expect_only "removed $DROP_IN"
	unit demo --remove
	expect_only "$DROP_IN is not there"
	find "$ROOT" -type f -exec cksum {} + | sort | diff before -
	[[ ! -e ${DROP_IN%/*} ]] || unexpected "that the empty directory is gone"
}

@test "other drop-ins stay, and so does a 50-tfo.conf of somebody else" {
	drop_in demo.service.d/10-mine.conf Nice=1
	written demo
	unit demo --remove
	expect_status 0
	[[ $(ls -A "${DROP_IN%/*}") == 10-mine.conf ]] || unexpected "10-mine.conf"
	drop_in demo.service.d/50-tfo.conf Nice=2
	for verb in --write --remove; do
		unit demo $verb
		expect_failure 125 "tfo-run: $DROP_IN: not written by tfo-run, so it is left alone"
	done
	ln -sf /dev/null "$DROP_IN"
	unit demo --write
	expect_failure 125 "tfo-run: $DROP_IN: not written by tfo-run, so it is left alone"
	[[ -L $DROP_IN ]]
}

@test "what is asked for besides arrives in the service as it was typed" {
	# shellcheck disable=SC2016 # as it stands
	local rule='* 7000 prefix:"GET 100%s \"$HOME\" \\ it'\''s"'
	printf 'allow * 443 tls\n' >"$ROOT/etc/tfo/50% of it.policy"
	TFO_RULES='allow * 1 any' TFO_POLICY=/elsewhere TFO_LOG=/elsewhere \
		written demo -a "$rule" -l 80,443 -p "/etc/tfo/50% of it.policy" -v
	verified demo.service
	environment_is demo.service "LD_PRELOAD=$LIBRARY" 'TFO_POLICY=/etc/tfo/50% of it.policy' TFO_LOG=stderr \
		"TFO_RULES=allow $rule"$'\nlisten * 80,443'
}

@test "a list of the service's own goes on behind ours, wherever it was set" {
	# shellcheck disable=SC1003 # a line that goes on
	service demo 'Environment=LD_PRELOAD=/first.so' 'Environment=A=1 "LD_PRELOAD=/sec\x6fnd.so:/100%%.so" \' \
		'# a comment in between' "  'TFO_RULES=allow * 1 any'"
	written demo -a '* 443 tls'
	environment_is demo.service A=1 "LD_PRELOAD=$LIBRARY:/second.so:/100%.so" $'TFO_RULES=allow * 443 tls\nallow * 1 any'
	drop_in demo.service.d/40-early.conf 'Environment=LD_PRELOAD=/third.so'
	written demo
	environment_is demo.service A=1 "LD_PRELOAD=$LIBRARY:/third.so" 'TFO_RULES=allow * 1 any'
	drop_in service.d/45-all.conf Environment= 'Environment="LD_PRELOAD=%N.so /fifth.so"'
	written demo
	environment_is demo.service "LD_PRELOAD=$LIBRARY:demo.so /fifth.so"
	drop_in service.d/45-all.conf Environment=
	written demo
	environment_is demo.service "LD_PRELOAD=$LIBRARY"
	rm "$ETC/service.d/45-all.conf"
	# By the names of the files, whatever directories they are in.
	drop_in demo.service.d/42-later.conf 'Environment=LD_PRELOAD=/later.so'
	drop_in service.d/41-sooner.conf 'Environment=LD_PRELOAD=/sooner.so'
	written demo
	environment_is demo.service A=1 "LD_PRELOAD=$LIBRARY:/later.so" 'TFO_RULES=allow * 1 any'
	rm "$ETC/service.d/41-sooner.conf"
	service other "Environment=\"LD_PRELOAD=/x.so $LIBRARY\""
	written other
	grep -qxF "Environment=\"LD_PRELOAD=/x.so $LIBRARY\"" "$ETC/other.service.d/50-tfo.conf"
	service other 'Environment=LD_PRELOAD=/elsewhere/libtfo-preload.so:/x.so'
	written other
	grep -qxF 'Environment="LD_PRELOAD=/elsewhere/libtfo-preload.so:/x.so"' "$ETC/other.service.d/50-tfo.conf"
}

@test "templates, their instances, names with a common beginning, other names of a unit" {
	service name@ 'Environment=LD_PRELOAD=/%i.so'
	written name@
	environment_is name@one.service "LD_PRELOAD=$LIBRARY:/one.so"
	drop_in name@two.service.d/10.conf 'Environment=LD_PRELOAD=/mine.so'
	written name@two
	environment_is name@two.service "LD_PRELOAD=$LIBRARY:/mine.so"
	environment_is name@one.service "LD_PRELOAD=$LIBRARY:/one.so"
	service a-b-c
	drop_in a-.service.d/10.conf 'Environment=LD_PRELOAD=/a.so'
	written a-b-c
	environment_is a-b-c.service "LD_PRELOAD=$LIBRARY:/a.so"
	drop_in demo.service.d/10.conf 'Environment=LD_PRELOAD=/demo.so'
	ln -s /usr/lib/systemd/system/demo.service "$ETC/alias.service"
	written alias
	grep -qxF "Environment=\"LD_PRELOAD=$LIBRARY:/demo.so\"" "$ETC/alias.service.d/50-tfo.conf"
}

@test "what has the last word on the environment is named, and nothing is written" {
	drop_in demo.service.d/60-later.conf 'Environment=LD_PRELOAD=/later.so'
	refuses demo "demo.service: /etc/systemd/system/demo.service.d/60-later.conf is read after 50-tfo.conf and sets LD_PRELOAD itself: what that is to be must stand there"
	drop_in demo.service.d/60-later.conf Environment=
	unit demo
	expect_status 125
	expect_error_with '60-later.conf is read after 50-tfo.conf'
	drop_in demo.service.d/60-later.conf 'Environment=OTHER=1'
	service demo 'EnvironmentFile=-/etc/default/%p*'
	unit demo
	expect_status 0
	mkdir "$ROOT/etc/default"
	echo 'LD_PRELOADED=1' >"$ROOT/etc/default/demo.env"
	unit demo
	expect_status 0
	echo ' LD_PRELOAD=/x.so' >>"$ROOT/etc/default/demo.env"
	refuses demo 'demo.service: /etc/default/demo.env (EnvironmentFile=) sets LD_PRELOAD, and has the last word: what that is to be must stand there'
	mkfifo "$ROOT/etc/default/demo.fifo"
	echo 'TFO_RULES=x' >"$ROOT/etc/default/demo.env"
	unit demo
	expect_status 0
	unit demo -a '* 443 tls'
	expect_failure 125 'tfo-run: demo.service: /etc/default/demo.env (EnvironmentFile=) sets TFO_RULES, and has the last word: what that is to be must stand there'
	service demo 'UnsetEnvironment=A LD_PRELOAD'
	refuses demo 'demo.service: /usr/lib/systemd/system/demo.service takes LD_PRELOAD away again (UnsetEnvironment=)'
}

@test "names that are none, units that are not there" {
	for name in 'a b' a/b ../demo .hidden @x 'x;y' $'x\ny' ''; do
		try tfo-run --root "$ROOT" --unit="$name" --write
		expect_status 125
		[[ $stderr == 'tfo-run: '* && $stderr == *'name of a unit' || $stderr == *'needs a value'* ]] || unexpected "a word about the name"
	done
	unit "$(printf 'x%.0s' {1..250})"
	expect_failure 125 "tfo-run: \"$(printf 'x%.0s' {1..250})\": too long for the name of a unit"
	refuses demo.socket '"demo.socket": not a service, and only services have an environment'
	refuses missing 'missing.service: no such unit'
	ln -s /dev/null "$ETC/masked.service"
	refuses masked 'masked.service: the unit is masked'
	unit demo --write --remove
	expect_failure 125 'tfo-run: --write and --remove are opposites'
	unit demo sleep
	expect_failure 125 'tfo-run: --unit takes a service, and no command'
	unit demo -n --write
	expect_failure 125 'tfo-run: -n: --unit without --write only prints'
	try tfo-run --write true
	expect_failure 125 'tfo-run: --write, --remove, --user and --root are for --unit; try tfo-run --help'
	try tfo-run --root missing --unit demo
	expect_failure 125 "tfo-run: $PWD/missing: No such file or directory"
}

@test "a program that LD_PRELOAD does not reach: the same sentence as ever, unless one is forced or another is reached" {
	local static='statically linked, so no loader runs that would read LD_PRELOAD'
	echo 'int main(void) { return 0; }' >program.c
	gcc -static -o "$ROOT/bin/static" program.c 2>compiler || must_skip "$(<compiler)"
	service demo ExecStart= 'ExecStart=-@/bin/static name argument'
	refuses demo "demo.service: /bin/static: $static"
	written demo --force
	unit demo --remove
	service demo ExecStart= 'ExecStart=+"/bin/%N" x'
	mv "$ROOT/bin/static" "$ROOT/bin/demo"
	refuses demo "demo.service: /bin/demo: $static"
	service demo ExecStart= 'ExecStart=/bin/demo' 'ExecStart=/bin/sleep 1'
	written demo
	service demo ExecStart= 'ExecStart=/opt/missing'
	unit demo
	expect_status 0
	expect_error 'tfo-run: note: demo.service: its program /opt/missing is not there yet, so nothing is known of it'
	# As the service's user would find it, not as we do.
	[[ ,$(findmnt -no OPTIONS -T .), != *,nosuid,* ]] || must_skip "nosuid here"
	chmod 4755 "$ROOT/bin/sleep"
	for user in nobody-known 12 dynamic; do
		service user "User=$user"
		[[ $user != dynamic ]] || service user DynamicUser=yes NoNewPrivileges=no
		unit user
		if [[ $user == dynamic ]]; then # it implies NoNewPrivileges=
			[[ $stderr != *setuid* ]] || unexpected "no word about setuid"
			continue
		fi
		expect_failure 125 'tfo-run: user.service: /bin/sleep: setuid, so the loader ignores LD_PRELOAD'
	done
	service user User=12 NoNewPrivileges=yes
	unit user
	expect_status 0
	service user User=0
	unit user
	expect_status 0
}

@test "a service that cannot see the library or the policy" {
	cp -r "$ROOT/${LIBRARY%/lib/*}" "$ROOT/home"
	mkdir -p "$ROOT/home/bin" "$ROOT/tmp"
	cp "$TFO_BUILD/bin/tfo-run" "$TFO_BUILD/bin/tfoctl" "$ROOT/home/bin"
	hidden() { # SETTING
		service demo "$1"
		try "$ROOT/home/bin/tfo-run" --root "$ROOT" --unit demo
		expect_failure 125 "tfo-run: demo.service: it cannot see /home/lib/libtfo-preload.so, because of its ${1%=*}="
	}
	hidden ProtectHome=yes
	hidden ProtectHome=tmpfs
	hidden RootDirectory=/srv
	hidden RootImage=/srv/image
	service demo ProtectHome=read-only
	try "$ROOT/home/bin/tfo-run" --root "$ROOT" --unit demo
	expect_status 0
	expect_error ''
	echo 'allow * 443 tls' >"$ROOT/tmp/policy"
	for setting in PrivateTmp DynamicUser; do
		service demo $setting=on
		[[ $LIBRARY != /tmp/* ]] || continue
		refuses demo "demo.service: it cannot see /tmp/policy, because of its $setting=" -p /tmp/policy
	done
}

@test "a bad policy: where and what, and nothing is written" {
	echo 'allow * 443 tsl' >"$ROOT/etc/tfo/bad"
	unit demo --write -p /etc/tfo/bad
	expect_status 125
	expect_error_with '/etc/tfo/bad:1:13: '
	expect_error_with 'tfo-run: demo.service: nothing is written, because the policy is refused'
	unit demo --write -a '* 443 tsl'
	expect_status 125
	[[ ! -e $DROP_IN ]]
	cp "$ROOT/etc/tfo/bad" "$ROOT/etc/tfo/policy" # the one in force
	unit demo --write
	expect_status 125
	expect_error_with '/etc/tfo/policy:1:13: '
}

@test "--user: in the user's own directory, with what is to be done next" {
	mkdir -p config/systemd/user
	printf '%s\n' '[Service]' 'ExecStart=sleep 1' >config/systemd/user/mine.service
	try tfo-run --user --unit mine --write
	expect_only "wrote $PWD/config/systemd/user/mine.service.d/50-tfo.conf
it takes effect with: systemctl --user daemon-reload && systemctl --user restart mine.service"
	try tfo-run --user --unit mine --remove
	expect_status 0
	cp config/systemd/user/mine.service 'config/systemd/user/mine\x2d@.service'
	try tfo-run --user --unit 'mine\x2d@' --write
	expect_status 0
	[[ ${lines[1]} == *" restart 'mine\\x2d@*.service'" ]] || unexpected "a name that a shell leaves alone"
}

@test "without --root: this system's, with what is to be done next; root's alone" {
	mount -t tmpfs none /etc/systemd/system || must_skip "no mount here"
	cp "$VENDOR/demo.service" /etc/systemd/system/tfo-demo.service
	try tfo-run --unit tfo-demo --write
	expect_only 'wrote /etc/systemd/system/tfo-demo.service.d/50-tfo.conf
it takes effect with: systemctl daemon-reload && systemctl restart tfo-demo.service'
	try tfo-run --unit tfo-demo --remove
	expect_status 0
	mount -o remount,ro /etc/systemd/system
	chmod 711 .
	try unshare -U --map-user=1000 tfo-run --unit tfo-demo --write
	umount /etc/systemd/system
	expect_failure 125 "tfo-run: /etc/systemd/system/tfo-demo.service.d/50-tfo.conf: Read-only file system; the system's services are root's, --user is for those of a user"
	try unshare -U --map-user=1000 tfo-run --root "$ROOT" --unit demo
	expect_failure 125 "tfo-run: $ROOT: Operation not permitted"
}

@test "a filter of system calls: a note, unless the library's pass it; @system-service has them all" {
	service demo 'SystemCallFilter=read write'
	unit demo
	expect_status 0
	expect_error "tfo-run: note: demo.service: its SystemCallFilter= must let the library's system calls pass, as @system-service does"
	for filter in '@system-service' '~@privileged' 'read @system-service'; do
		service demo "SystemCallFilter=$filter"
		unit demo
		expect_error ''
	done
	service demo 'SystemCallFilter=read' SystemCallErrorNumber=EPERM
	unit demo
	expect_error ''
	command -v systemd-analyze >/dev/null || must_skip "no systemd"
	expand() { # GROUP
		systemd-analyze syscall-filter "$1" 2>/dev/null | sed -n 's/^    \([@a-z_0-9-]*\)$/\1/p' | while read -r name; do
			case $name in
			@*) expand "$name" ;;
			*) echo "$name" ;;
			esac
		done
	}
	# The usual filter: this list, without those groups.
	expand @system-service | sort -u >allowed
	for group in @privileged @resources; do
		expand $group
	done | sort -u >denied
	tr -s ' \n' ' ' <"$BATS_TEST_DIRNAME/../README.md" | sed 's/.*must know the library.s: \([^.]*\)\..*/\1/; s/(or clone)/clone/; s/,//g' |
		tr ' ' '\n' | sort -u >ours
	(($(wc -l <ours) > 30)) || unexpected "the list of the README: $(cat ours)"
	comm -23 ours allowed >missing
	comm -12 ours denied >>missing
	[[ ! -s missing ]] || unexpected "all of them to pass: $(cat missing)"
}

@test "what hardens a service does not keep the library out" {
	for how in '--ambient-caps +net_bind_service --inh-caps +net_bind_service' --no-new-privs '--bounding-set -all'; do
		# shellcheck disable=SC2086 # words
		try setpriv $how env LD_PRELOAD="$LIBRARY" grep -c libtfo-preload.so /proc/self/maps
		[[ $stderr != *'not permitted'* ]] || continue
		expect_status 0
	done
	# MemoryDenyWriteExecute=
	try python3 -c 'import ctypes, os
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): raise SystemExit(77)
os.environ["LD_PRELOAD"] = os.sys.argv[1]
os.execvp("grep", ["grep", "-c", "libtfo-preload.so", "/proc/self/maps"])' "$LIBRARY"
	[[ $status == 77 ]] || expect_status 0
}
