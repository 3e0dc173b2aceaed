# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The storm, for storm.bats and storm_long.bats. Those `load helper`, `load lab/lab.bash` and `load sockets` first.

setup() {
	fresh_environment
	lab_reset
	lab_server server -p "$PORT" -t 64 http
	export TFO_RULES='allow * * any minrtt=0 suspend=1s'
	STATE=$XDG_RUNTIME_DIR/tfo/destinations
}

teardown() {
	lab_reset
}

# Two processes in a row: what the first learns of a destination the second profits by.
holds_again() { # ADDRESS
	local before
	with_library "$PROBES/loop" "$1" "$PORT" 1
	before=$(lab_counter TCPFastOpenActive)
	with_library "$PROBES/loop" "$1" "$PORT" 2
	(($(lab_counter TCPFastOpenActive) - before == 2)) || {
		echo "$1 is not held"
		return 1
	}
}

# What failed several times in the storm is suspended for twice as long each time.
holds_again_in_time() { # ADDRESS
	for _ in {1..30}; do
		sleep 1
		! holds_again "$1" || return 0
	done
	return 1
}

# Processes are killed at any instruction, and random bytes go into the file that they share: nobody else crashes, hangs or
# fails, and afterwards the file is usable.
weather_the_storm() { # SECONDS
	local before
	before=$(lab_counter TCPFastOpenActive)
	"$PROBES/storm" "$1" "$LIBRARY" "$STATE" "$PROBES/loop" "127.0.0.%" "$PORT" 100 3>&-
	echo "$(($(lab_counter TCPFastOpenActive) - before)) requests came with the SYN"
	(($(lab_counter TCPFastOpenActive) - before > 1000))
	# A destination that the storm did not know, and ones that it did, after what they may have been suspended for.
	holds_again 127.1.0.2
	holds_again_in_time 127.0.0.1
	holds_again_in_time 127.0.0.50
	# It has not grown.
	ls -l "${STATE%/*}"
	(($(stat -c %s "$STATE") < 16 << 20))
}
