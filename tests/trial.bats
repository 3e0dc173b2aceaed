#!/usr/bin/env bats
# Proof that it helps: control=1/N leaves a share plain and compares the time to the first byte.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_reset
	lab_server server -p "$PORT" -t 64 answer
	lab_delay 10
	export TFO_RULES='allow * * any control=1/2 suspend=10s'
}

teardown() {
	lab_reset
}

connections() { # COUNT
	for ((i = 0; i < $1; i++)); do
		with_library "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all close >/dev/null
	done
}

trial() { # FIELD
	tfoctl status --json | /usr/bin/python3 -c "
import json, sys
print(json.load(sys.stdin)['control_groups'][0]['$1'] or 0)"
}

@test "status shows the gain as measured: the control group is slower" {
	connections 60
	treated=$(trial treated_median_us) control=$(trial control_median_us)
	echo "with Fast Open $treated us, without $control us"
	((treated > 5000 && treated * 3 / 2 < control))
	[[ $(trial suspended_until) == 0 ]]
	tfoctl status | grep -q 'control=1/2'
}

@test "a rule whose Fast Open is slower than its control group is suspended" {
	connections 2
	# A path that is slow for SYNs with data, and loses none of them.
	lab_start slow "$LAB_BUILD/tests/lab/netdelay" 2 40
	lab_wait_line slow '^ready$'
	iptables -I OUTPUT -o lo -p tcp --syn -m length --length 61: -j NFQUEUE --queue-num 2
	for _ in {1..30}; do
		connections 10
		[[ $(trial suspended_until) == 0 ]] || break
	done
	[[ $(trial suspended_until) != 0 ]]
	export TFO_LOG=$PWD/log
	connections 1
	grep -q 'suspended' log
}
