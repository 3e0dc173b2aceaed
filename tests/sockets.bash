# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120 # tests give allow_everything its arguments
#
# Programs that talk to the test server, once without and once with the library: `same STEP...` is
# the whole vocabulary of most tests. For files that `load helper` and `load lab/lab.bash` first.

ADDRESS=10.9.0.1
PORT=7000

# What tests of single connections want: nothing remembered, nothing verified first, and a hold that a busy machine does
# not let pass. MORE: other options.
allow_everything() { # [MORE...]
	export TFO_STATE=off TFO_RULES="allow * * any verify=off minrtt=0 $*"
	[[ $* == *hold=* ]] || TFO_RULES+=' hold=300ms'
}

# A server in a fresh network, with a cookie in hand and every destination allowed.
#   begin RTT_MS MODE [SERVER-OPTION...]
begin() {
	lab_reset
	SERVER_MODE=$2
	lab_server server -p "$PORT" "${@:3}" "$SERVER_MODE"
	[[ " ${*:3} " != *" -t "* ]] || lab_prime "$ADDRESS" "$PORT"
	lab_wait_ended 1
	lab_delay "$1"
	allow_everything
}

# A cookie that the server has forgotten, or that no server ever gave for this port: the kernel
# holds, and the data in the SYN is not acknowledged.
begin_without_server_fastopen() { # RTT_MS MODE
	lab_reset
	lab_server giver -a "$ADDRESS" -p 7999 -t 16 close
	lab_prime "$ADDRESS" 7999
	SERVER_MODE=$2
	lab_server server -p "$PORT" "$SERVER_MODE"
	lab_delay "$1"
	allow_everything
}

connections_ended() {
	grep -c '^conn ' "$(lab_log server)" || :
}

connections_are() {
	(($(connections_ended) >= $1))
}

# Until the server has seen that many connections end (those of lab_prime count).
lab_wait_ended() {
	lab_until "${2:-5}" connections_are "$1" || :
}

# What the server saw since its line $1, without what may differ.
server_saw() {
	grep '^conn ' "$(lab_log server)" | tail -n "+$(($1 + 1))" | sed -E 's/^conn [0-9]+ //; s/ syn_data=[01]//'
}

client() {
	# Without Bats' own descriptor 3 the socket is 3.
	timeout 30 "$PROBES/client" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
	echo "exit status $?"
}

# A library that was built with a sanitizer needs the sanitizer's own library before it.
PRELOAD=$LIBRARY
case $(nm -D --undefined-only "$LIBRARY") in
*__asan_init*) PRELOAD="$(gcc -print-file-name=libasan.so) $LIBRARY" ;;
*__tsan_init*) PRELOAD="$(gcc -print-file-name=libtsan.so) $LIBRARY" ;;
esac

with_library() {
	LD_PRELOAD=$PRELOAD "$@"
}

# Runs the steps both ways; the client's lines and the server's must be the same. $SEEN is what both
# saw, $SYN_DATA whether the server got data in the SYN with the library.
same() {
	local before plain plain_saw ours ours_saw
	before=$(connections_ended)
	plain=$(client "$@")
	lab_wait_ended $((before + ${CONNECTIONS:-1}))
	plain_saw=$(server_saw "$before")
	before=$(connections_ended)
	ours=$(with_library client "$@")
	lab_wait_ended $((before + ${CONNECTIONS:-1}))
	ours_saw=$(server_saw "$before")
	SYN_DATA=$(tail -n 1 "$(lab_log server)" | grep -o 'syn_data=[01]') || SYN_DATA=
	SEEN=$ours$'\n'$ours_saw
	[[ "$plain" == "$ours" && "$plain_saw" == "$ours_saw" ]] && return
	printf 'steps: %s\n--- without\n%s\n%s\n--- with\n%s\n%s\n' "$*" "$plain" "$plain_saw" \
		"$ours" "$ours_saw"
	return 1
}

in_syn() {
	[[ $SYN_DATA == syn_data=1 ]] || {
		printf 'no data came with the SYN\n%s\n' "$SEEN"
		return 1
	}
}

# After steps that wait for the connection, or ask for more than its peer: the user's hold ends there.
in_syn_though_looked_at() {
	if under_user_hold; then
		not_in_syn
	else
		in_syn
	fi
}

under_user_hold() {
	[[ ${TFO_HOLD-} == user ]]
}

# A GET by a program whose first write can ride in the SYN; prints the answer's body. curl waits for its connection
# before it writes, and that ends the user's hold.
get() { # URL
	if ! under_user_hold; then
		curl -sSk "$1"
	elif [[ $1 == https:* ]]; then
		wget -q -O- --no-check-certificate "$1"
	else
		/usr/bin/python3 -c 'import sys, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1])
except urllib.error.HTTPError as not_found:
    answer = not_found
sys.stdout.buffer.write(answer.read())' "$1"
	fi
}

not_in_syn() {
	[[ $SYN_DATA != syn_data=1 ]] || {
		printf 'data came with the SYN\n%s\n' "$SEEN"
		return 1
	}
}
