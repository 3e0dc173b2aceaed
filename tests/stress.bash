# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# shellcheck disable=SC2034 # SYN_COUNT is for the tests
#
# The stress, for stress.bats and stress_long.bats. Those `load helper`, `load lab/lab.bash` and `load sockets` first.

teardown() {
	lab_reset
}

# Each message that was sent and closed arrived once, whole, and with a clean end; none arrived twice.
compare_with_server() { # RECORD
	awk '
		FNR == NR { bytes[$1] = $2; fnv[$1] = $3; next }
		/^conn / && match($0, /data="GET \/[0-9]+\//) {
			id = substr($0, RSTART + 11, RLENGTH - 12)
			if (seen[id]++) print "twice: " $0
			if (!(id in bytes)) next # given up by its sender
			if ($0 !~ " bytes=" bytes[id] " end=eof " || $0 !~ " fnv=" fnv[id] " ")
				print "sent " bytes[id] " bytes, " fnv[id] ": " $0
		}
		END { for (id in bytes) if (!seen[id]) print "never seen: " id }' "$1" "$(lab_log sink)" >differences
	head -n 20 differences
	[[ ! -s differences ]]
}

# RTT_MS SECONDS THREADS COMMAND...: the command is what comes before the program, with_library or nothing.
stress() {
	local seed=${STRESS_SEED:-$RANDOM} syn=0
	lab_reset
	lab_server echo -p 7000 -t 1024 -i 30000 echo
	lab_server sink -p 7001 -t 1024 -i 30000 sink
	lab_prime 10.9.0.1 7000
	lab_delay "$1"
	# Otherwise connections that have ended hold all ports after half a minute, and the search for one takes all the time.
	echo 1000 >/proc/sys/net/ipv4/tcp_max_tw_buckets || :
	export TFO_STATE=off TFO_RULES='allow * * http verify=off minrtt=0'
	rm -f record
	echo "seed $seed"
	"${@:4}" timeout $(($2 + 60)) "$PROBES/stress" "$2" "$3" "$seed" record 10.9.0.1 7000 7001 3>&-
	lab_until 10 quiet || :
	compare_with_server record
	syn=$(cat "$(lab_log sink)" "$(lab_log echo)" | grep -c 'syn_data=1') || :
	echo "$(wc -l <record) messages compared with the server's report, $syn in the SYN"
	SYN_COUNT=$syn
}

# No connection is still open.
quiet() {
	[[ -z $(ss -Htn state established state fin-wait-1 state close-wait state syn-sent) ]]
}
