#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promise 5, it learns: a destination not reached before on that port is connected in the ordinary way first; one that
# failed is left alone for a while, in every process of that user. What fails is made in the lab: the ways in which
# networks break Fast Open, each met by curl, a new process for each request, and by one long-lived process.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_need curl nft
	export TFO_RULES='allow * * any minrtt=0'
	choose_clients
}

teardown() {
	lab_reset
}

# --- words

# A fresh network with a server, and nothing remembered.
#   learn RTT_MS [SERVER-OPTION...]
learn() {
	lab_reset
	rm -rf "${XDG_RUNTIME_DIR:?}"/*
	lab_server server -p "$PORT" "${@:2}" http
	lab_delay "$1"
}

# The same, with a cookie in hand.
learn_with_cookie() { # RTT_MS
	learn "$1" -t 16
	lab_prime "$ADDRESS" "$PORT"
	lab_wait_ended 1
}

# Several kinds of client make requests and print a line for each, as tests/probes/loop does: number, milliseconds, "ok"
# or why not. Limits are in milliseconds. The user's hold ends where a program waits for its connection, as curls and
# nonblocking do: these must not be harmed, and those in GAINING show what is learned from data in the SYN.
choose_clients() {
	CLIENTS=(curls blocking nonblocking)
	GAINING=("${CLIENTS[@]}")
	BY_PROCESS=curls # a new process for each request
	under_user_hold || return 0
	GAINING=(processes blocking eager)
	CLIENTS=(curls nonblocking "${GAINING[@]}")
	BY_PROCESS=processes
}

gains() { # CLIENT
	[[ " ${GAINING[*]} " == *" $1 "* ]]
}

curls() { # COUNT [LIMIT [PORT]]
	local number
	for ((number = 1; number <= $1; number++)); do
		curl_once "$number" "${2:-10000}" "${3:-$PORT}"
	done
}

curl_once() { # NUMBER LIMIT PORT
	local took
	took=$(curl -s -o /dev/null -m "$(awk -v ms="$2" 'BEGIN { print ms / 1000 }')" \
		-w '%{time_total} %{exitcode}' "http://$ADDRESS:$3/") || :
	awk -v number="$1" -v took="$took" 'BEGIN {
		split(took, t); print number, t[1] * 1000, t[2] == 0 ? "ok" : "curl: " t[2] }'
}

processes() { # COUNT [LIMIT [PORT]]
	local number
	for ((number = 1; number <= $1; number++)); do
		one_process "$number" "${2:-10000}" "${3:-$PORT}"
	done
}

one_process() { # NUMBER LIMIT PORT
	local line
	line=$("$PROBES/loop" -m "$2" "$ADDRESS" "$3" 1) || (($? == 1))
	echo "$1 ${line#1 }"
}

blocking() { # COUNT [LIMIT [PORT]]
	"$PROBES/loop" -m "${2:-10000}" "$ADDRESS" "${3:-$PORT}" "$1" || (($? == 1))
}

nonblocking() { # COUNT [LIMIT [PORT]]
	"$PROBES/loop" -n -m "${2:-10000}" "$ADDRESS" "${3:-$PORT}" "$1" || (($? == 1))
}

eager() { # COUNT [LIMIT [PORT]]
	"$PROBES/loop" -e -m "${2:-10000}" "$ADDRESS" "${3:-$PORT}" "$1" || (($? == 1))
}

# All at once, each with a server and a memory of its own, for what costs seconds.
declare -gA PORT_OF=([curls]=7000 [blocking]=7001 [nonblocking]=7002 [processes]=7003 [eager]=7004)

serve_everyone() {
	local port
	for port in 7001 7002 7003 7004; do
		lab_server "server$port" -p "$port" -t 16 http
	done
}

learn_for_everyone() { # RTT_MS
	learn_with_cookie "$1"
	serve_everyone
}

everyone() { # FILE COUNT [LIMIT]: writes to FILE.curls and so on
	local client runs=()
	for client in "${CLIENTS[@]}"; do
		[[ -d $XDG_RUNTIME_DIR/$client ]] || mkdir -m 700 "$XDG_RUNTIME_DIR/$client"
		XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR/$client "$client" "$2" "${3:-10000}" "${PORT_OF[$client]}" >"$1.$client" &
		runs+=($!)
	done
	for client in "${runs[@]}"; do
		wait "$client"
	done
}

# Runs "BEFORE NUMBER" before each request.
each_after() { # CLIENT COUNT BEFORE
	local number answer
	case $1 in
	curls | processes)
		for ((number = 1; number <= $2; number++)); do
			"$3" "$number"
			case $1 in
			curls) curl_once "$number" 10000 "$PORT" ;;
			*) one_process "$number" 10000 "$PORT" ;;
			esac
		done
		return
		;;
	nonblocking) coproc loop { exec "$PROBES/loop" -n -i "$ADDRESS" "$PORT" "$2" 3>&-; } ;;
	eager) coproc loop { exec "$PROBES/loop" -e -i "$ADDRESS" "$PORT" "$2" 3>&-; } ;;
	*) coproc loop { exec "$PROBES/loop" -i "$ADDRESS" "$PORT" "$2" 3>&-; } ;;
	esac
	for ((number = 1; number <= $2; number++)); do
		"$3" "$number"
		# shellcheck disable=SC2154 # coproc sets it
		echo >&"${loop[1]}"
		read -r -t 20 answer <&"${loop[0]}" && echo "$answer"
	done
	# shellcheck disable=SC2154
	wait "$loop_PID" || (($? == 1))
}

# --- what came out

# Requests whose SYN was repeated after a second, requests that failed, and the median of the others' milliseconds.
slow() {
	awk '$2 > 900' "$1" | wc -l
}

failed() {
	awk '$3 != "ok"' "$1" | wc -l
}

median() {
	awk '$3 == "ok" { print $2 }' "$1" | lab_median
}

show() { # WHAT FILE...
	echo "$1"
	tail -n +1 "${@:2}"
	return 1
}

# For each connection to PORT since lab_capture what its first SYN had: "BYTES OPTION", OPTION as in tests/lab/capture.
syns() { # PORT
	[[ ! -e $LAB_TMP/running/capture ]] || lab_capture_stop || return
	awk -v port="$1" '$3 == ">" && $4 ~ "\\." port "$" && $5 == "S" && !seen[$2]++ {
		sub(/len=/, "", $6); sub(/tfo=/, "", $7); print $6, $7 }' "$(lab_log capture)"
}

# The same, 1 for a SYN with data and 0 for one without, in one word.
carried() { # PORT
	syns "$1" | awk '{ printf "%d", ($1 > 0) }'
}

active() {
	lab_counter TCPFastOpenActive
}

# The requests of a command whose data came with the SYN and was acknowledged.
gained() { # COMMAND...
	local before
	before=$(active)
	"$@" >gained.out
	echo $(($(active) - before))
}

# --- the network

@test "N1, N2: SYNs with data, or with the option, are dropped: of 50 requests two lose a second, as nobody else does" {
	for fault in drop-syn-data drop-fastopen-option; do
		learn_for_everyone 20
		lab_fault "$fault"
		everyone plain 10
		(($(lab_fault_count) == 0))
		with_library everyone ours 50
		echo "$fault: the fault met $(lab_fault_count) packets"
		case $fault in
		drop-syn-data) (($(lab_fault_count) == 2 * ${#GAINING[@]})) ;;
		*) (($(lab_fault_count) == 2 * ${#CLIENTS[@]})) ;;
		esac
		for client in "${CLIENTS[@]}"; do
			most=2
			[[ $fault != drop-syn-data ]] || gains "$client" || most=0
			(($(slow plain."$client") == 0 && $(failed plain."$client") == 0)) || show 'without' plain."$client"
			(($(failed ours."$client") == 0 && $(slow ours."$client") <= most)) || show "$fault" ours."$client"
			(($(wc -l <ours."$client") == 50))
		done
	done
}

@test "N2: without a cookie, asking for one costs two requests a second and no more" {
	learn 20 -t 16
	serve_everyone
	lab_fault drop-fastopen-option
	with_library everyone ours 10
	echo "the fault met $(lab_fault_count) packets"
	(($(lab_fault_count) == 2 * ${#CLIENTS[@]}))
	for client in "${CLIENTS[@]}"; do
		(($(slow ours."$client") <= 2 && $(failed ours."$client") == 0)) || show 'not so' ours."$client"
	done
}

@test "N1, N2: what one process learned all of them know" {
	for fault in drop-syn-data drop-fastopen-option; do
		learn_with_cookie 20
		lab_fault "$fault"
		with_library blocking 1 >ours
		with_library "$BY_PROCESS" 2 >>ours
		with_library nonblocking 2 >>ours
		(($(lab_fault_count) == 2))
		with_library "$BY_PROCESS" 3 >>ours
		with_library blocking 3 >>ours
		(($(lab_fault_count) == 2 && $(failed ours) == 0)) || show 'not so' ours
	done
}

@test "N1, N2: when the middlebox is gone and the suspension has ended, Fast Open returns by itself" {
	export TFO_RULES='allow * * any minrtt=0 suspend=4s'
	learn_with_cookie 20
	lab_server option -p 7001 -t 16 http
	lab_fault drop-syn-data tcp dport "$PORT"
	lab_fault drop-fastopen-option tcp dport 7001
	# Both at once: each loses two seconds.
	with_library blocking 3 10000 7001 >option &
	with_library blocking 3 >data
	wait $!
	(($(slow data) == 2 && $(slow option) == 2)) || show 'the faults have not struck' data option
	[[ $(gained with_library "$BY_PROCESS" 1) == 0 ]]
	[[ $(gained with_library "$BY_PROCESS" 1 10000 7001) == 0 ]]
	lab_fault_clear
	sleep 4.2
	for client in "${GAINING[@]}"; do
		for port in "$PORT" 7001; do
			[[ $(gained with_library "$client" 2 10000 "$port") == 2 ]] || show "$client" gained.out
		done
	done
}

@test "N1: while it is not gone, each suspension costs one second, not two, and the next is longer" {
	export TFO_RULES='allow * * any minrtt=0 suspend=2s'
	learn_with_cookie 20
	lab_fault drop-syn-data
	with_library blocking 3 >ours
	(($(lab_fault_count) == 2))
	sleep 2.2
	# One strike is enough now, for 4 s. The lost second counts, and times are whole seconds.
	with_library blocking 2 >>ours
	(($(lab_fault_count) == 3))
	sleep 1.5
	with_library blocking 2 >>ours
	(($(lab_fault_count) == 3 && $(slow ours) == 3 && $(failed ours) == 0)) || show 'not so' ours
}

@test "N1, N2: a program that gives up before the second SYN: two requests fail at most, in all" {
	for fault in drop-syn-data drop-fastopen-option; do
		learn_for_everyone 20
		lab_fault "$fault"
		with_library everyone ours 6 500
		echo "$fault: the fault met $(lab_fault_count) packets"
		for client in "${CLIENTS[@]}"; do
			(($(failed ours."$client") <= 2)) || show "$fault, $client: never learned" ours.*
			[[ $(tail -n 3 ours."$client" | awk '$3 == "ok"' | wc -l) == 3 ]] || show "$fault, $client" ours.*
		done
	done
}

@test "N3: the option is stripped: harmless, and after asking five times there is no asking for a day" {
	for fault in strip-option-syn strip-option-synack; do
		for client in "${CLIENTS[@]}"; do
			learn 20 -t 16
			lab_fault "$fault"
			"$client" 8 >plain
			lab_capture
			with_library "$client" 8 >ours
			[[ $(syns "$PORT" | sort | uniq -c | awk '{ print $1, $2, $3 }') == $'5 0 ask\n3 0 no' ]] ||
				show "$fault, $client: $(syns "$PORT")" ours
			(($(failed ours) == 0 && $(slow ours) == 0)) || show "$fault" ours
			awk -v plain="$(median plain)" -v ours="$(median ours)" 'BEGIN { exit !(ours < 1.5 * plain) }' ||
				show "$fault costs time" plain ours
		done
	done
	# The one time in the file that is so far ahead.
	now=$(date +%s)
	od -An -tu4 -w4 "$XDG_RUNTIME_DIR/tfo/destinations" |
		awk -v now="$now" '$1 > now + 86400 - 60 && $1 <= now + 86400 { found = 1 } END { exit !found }'
}

@test "N4: accepted SYN data, then a black hole: one request is lost, the next ones are plain and succeed" {
	learn_for_everyone 20
	with_library everyone first 1
	lab_fault blackhole-after-syn-data
	with_library everyone lost 1 1500
	lab_capture
	with_library everyone ours 4 1500
	for client in "${CLIENTS[@]}"; do
		(($(failed first."$client") == 0 && $(failed ours."$client") == 0)) || show "$client" ours."$client"
		if ! gains "$client"; then
			(($(failed lost."$client") == 0)) || show "$client: there was no data in the SYN" lost."$client"
			continue
		fi
		(($(failed lost."$client") == 1)) || show "$client: the black hole has not struck" lost."$client"
		[[ $(syns "${PORT_OF[$client]}") == $'0 no\n0 no\n0 no\n0 no' ]] ||
			show "$client: not plain: $(syns "${PORT_OF[$client]}")" ours."$client"
	done
}

@test "N5: SYNs with data are reset: a blocking program loses nothing, two requests are repeated plainly" {
	learn_with_cookie 20
	lab_fault reset-syn-data
	with_library blocking 10 >ours
	(($(lab_fault_count) == 2 && $(failed ours) == 0 && $(slow ours) == 0)) || show 'not so' ours
	# What was acknowledged, on the second try, was not the SYN's.
	[[ $(server_saw 0 | grep -c 'bytes=30 ') == 10 ]] || show 'not each once' "$(lab_log server)"
	for get in "wget -q -t 1 -O /dev/null http://$ADDRESS:$PORT/" \
		"/usr/bin/python3 -c import+urllib.request;urllib.request.urlopen('http://$ADDRESS:$PORT/').read()"; do
		lab_need "${get%% *}"
		# shellcheck disable=SC2206 # words
		get=($get)
		learn_with_cookie 20
		lab_fault reset-syn-data
		for _ in 1 2 3 4 5; do
			with_library "${get[@]//+/ }"
		done
		# wget waits for its connection.
		if [[ ${get[0]} == wget ]] && under_user_hold; then
			(($(lab_fault_count) == 0))
		else
			(($(lab_fault_count) == 2))
		fi
	done
}

@test "N5: of a non-blocking program one request fails at most, the rest are plain" {
	for client in curls nonblocking eager; do
		learn_with_cookie 20
		lab_fault reset-syn-data
		with_library "$client" 10 >ours
		if under_user_hold && ! gains "$client"; then
			(($(failed ours) == 0 && $(lab_fault_count) == 0)) || show "$client" ours
			continue
		fi
		# Its write had succeeded: the error is found by the next call. curl says 56, reset or refused while receiving.
		(($(failed ours) == 1 && $(lab_fault_count) == 1)) || show "$client" ours
		tail -n +2 ours | grep -qE ' (curl: 56|recv: ECONNREFUSED)$' || show "$client" ours
	done
}

# N6 and N7: SYN data that is not acknowledged.

spoil() {
	lab_spoil_cookies
}

nothing() {
	:
}

# A listener without Fast Open, and a cookie that another port of the host has given.
learn_without_server_fastopen() {
	learn 40
	lab_server giver -p 7999 -t 16 close
	lab_prime "$ADDRESS" 7999
}

# 16 requests: the first verifies, eight miss, and the rest are plain. Compares with a plain run by the same means.
missing_costs_nothing() { # CLIENT BEFORE
	each_after "$1" 10 "$2" >plain
	lab_capture
	with_library each_after "$1" 16 "$2" >ours
	[[ $(carried "$PORT") == 0111111110000000 ]] ||
		show "$1: not suspended after 8: $(carried "$PORT")" ours
	(($(failed ours) == 0 && $(slow ours) == 0)) || show "$1" ours
	awk -v plain="$(median plain)" -v ours="$(sed -n 2,9p ours >missed && median missed)" \
		'BEGIN { print plain, ours; exit !(ours < 1.5 * plain) }' || show "$1: costs time" plain ours
}

# Programs that do not gain lose nothing either, and nothing is learned of them.
missing_does_not_matter() { # CLIENT BEFORE
	each_after "$1" 10 "$2" >plain
	lab_capture
	with_library each_after "$1" 10 "$2" >ours
	[[ $(carried "$PORT") == 0000000000 ]] || show "$1: $(carried "$PORT")" ours
	(($(failed ours) == 0 && $(slow ours) == 0)) || show "$1" ours
	awk -v plain="$(median plain)" -v ours="$(median ours)" \
		'BEGIN { print plain, ours; exit !(ours < 1.5 * plain) }' || show "$1: costs time" plain ours
}

missing() { # CLIENT BEFORE
	if gains "$1"; then
		missing_costs_nothing "$@"
	else
		missing_does_not_matter "$@"
	fi
}

@test "N6: cookies never fit: costs no time, and is left alone after eight" {
	for client in "${CLIENTS[@]}"; do
		learn_with_cookie 40
		missing "$client" spoil
	done
}

@test "N6: a listener without Fast Open on a host that gave a cookie: the same" {
	for client in "${CLIENTS[@]}"; do
		[[ $client != blocking ]] || continue # the next test's
		learn_without_server_fastopen
		missing "$client" nothing
	done
}

@test "N3: a cookie in hand and the option stripped from then on: the same" {
	for client in curls blocking; do
		learn_with_cookie 40
		lab_fault strip-option-syn
		missing "$client" nothing
	done
}

@test "N7: servers of which some have another key: 40% miss, the others gain, nothing is suspended" {
	spoil_two_of_five() {
		(($1 % 5 >= 2)) || lab_spoil_cookies
	}
	for client in "${GAINING[@]}"; do
		learn_with_cookie 20
		with_library "$client" 1 >ours
		before=$(active)
		with_library each_after "$client" 20 spoil_two_of_five >>ours
		(($(active) - before == 12 && $(failed ours) == 0)) || show "$client gained $(($(active) - before))" ours
	done
}

@test "N8: two listeners on one address: what the one cannot does not stop the other from gaining" {
	for client in "${GAINING[@]}"; do
		learn_with_cookie 20
		lab_server without -p 7001 http
		with_library "$client" 1 >ours
		before=$(active)
		lab_capture
		for _ in {1..12}; do
			with_library "$client" 1 10000 7001 >>ours
			with_library "$client" 1 >>ours
		done
		(($(failed ours) == 0)) || show "$client" ours
		(($(active) - before == 12)) || show "$client gained $(($(active) - before))" ours
		if [[ $client == "$BY_PROCESS" ]]; then
			[[ $(carried 7001) == 011111111000 ]] ||
				show "the other is not left alone: $(carried 7001)" ours
		fi
	done
}

@test "N9: a SYN repeated after the connection has ended: the server's program gets under \`any\` what the rule vouched for" {
	learn_with_cookie 20
	for class in any http; do
		export TFO_STATE=off TFO_RULES="allow * * $class verify=off minrtt=0"
		seen=$(connections_ended)
		lab_capture
		with_library client linger0 connect 'write:POST /pay HTTP/1.1' sleep:100 close >out
		lab_capture_stop
		lab_wait_ended $((seen + 1))
		"$PROBES/replay" "$LAB_TMP/capture.pcap" "$PORT"
		if [[ $class == any ]]; then
			# Twice, as promised: this is what `any` is warned of.
			lab_wait_ended $((seen + 2))
			[[ $(server_saw "$seen" | grep -c 'data="POST /pay HTTP/1.1"') == 2 ]] || show 'once' "$(lab_log server)"
		else
			sleep 0.3
			[[ $(server_saw "$seen" | grep -c 'data="POST') == 1 ]] || show 'not once' "$(lab_log server)"
		fi
	done
}

@test "N10: a single SYN is lost: same delay as without, and the next request is in the SYN again" {
	lose_one_each() {
		local port
		lab_fault_clear
		for port in "${PORT_OF[@]}"; do
			lab_fault drop-syn tcp dport "$port" limit rate 1/day burst 1 packets
		done
	}
	learn_for_everyone 20
	with_library everyone ours 2
	lose_one_each
	everyone plain 1
	# Twice, with a good one in between.
	for _ in 1 2; do
		lose_one_each
		with_library everyone lost 1
		(($(lab_fault_count) == ${#CLIENTS[@]}))
		for client in "${CLIENTS[@]}"; do
			(($(slow lost."$client") == 1 && $(failed lost."$client") == 0)) || show "$client" lost."$client"
			awk -v plain="$(median plain."$client")" -v ours="$(median lost."$client")" \
				'BEGIN { exit !(ours < plain + 500) }' || show "$client: more than without" plain.* lost.*
		done
		[[ $(gained with_library everyone next 1) == "${#GAINING[@]}" ]] || show 'suspended' next.*
	done
}

@test "N11: a port never reached, on a host whose cookie is known: connect() itself reports it" {
	learn_with_cookie 20
	with_library blocking 1
	for _ in 1 2; do
		[[ $(with_library blocking 1 10000 7001) == '1 '*' connect: ECONNREFUSED' ]]
		[[ $(with_library nonblocking 1 10000 7001) == '1 '*' connect: ECONNREFUSED' ]]
		try curl -sS "http://$ADDRESS:7001/"
		plain="$status $output ${stderr/after * ms/}"
		try with_library curl -sS "http://$ADDRESS:7001/"
		[[ "$status $output ${stderr/after * ms/}" == "$plain" && $status == 7 ]] || unexpected "$plain"
	done
}

@test "N11: a port never reached that is silent: the program's own timeout ends connect() with the same errno" {
	for client in blocking nonblocking; do
		learn_with_cookie 20
		lab_fault drop-syn
		plain=$("$client" 1 300 | sed 's/.*: //')
		for _ in 1 2; do
			with_library "$client" 1 300 >ours
			[[ $(cut -d ' ' -f 3- ours) == "connect: $plain" ]] || show "not $plain" ours
		done
	done
}

@test "N11: a good destination has died: the write says the same errno, once; then connect() reports it" {
	for client in "${CLIENTS[@]}"; do
		learn_with_cookie 20
		with_library "$client" 2 >ours
		lab_stop server
		with_library "$client" 3 >died
		case $client in
		curls) first='curl: 56' then='curl: 7' ;;
		blocking | processes) first='send: ECONNREFUSED' then='connect: ECONNREFUSED' ;;
		nonblocking) first='recv: ECONNREFUSED' then='connect: ECONNREFUSED' ;;
		# Its connect() waits for nothing: it is told by the send() that waited for the connection.
		eager) first='recv: ECONNREFUSED' then='send: ECONNREFUSED' ;;
		esac
		# What waits for its connection first is told there, as without the library.
		gains "$client" || first=$then
		[[ $(cut -d ' ' -f 3- died) == "$first"$'\n'"$then"$'\n'"$then" ]] || show "$client" died
	done
}

@test "N11: a good destination is silent: the program's own timeout bounds it, and the next is an ordinary timeout" {
	for client in "${CLIENTS[@]}"; do
		learn_with_cookie 20
		with_library "$client" 2 >ours
		lab_fault drop-syn
		lab_capture
		with_library "$client" 2 400 >died
		(($(failed died) == 2)) || show "$client" died
		awk '$2 > 900 { bad = 1 } END { exit bad }' died || show "$client: not bounded" died
		expected=10
		gains "$client" || expected=00
		[[ $(carried "$PORT") == "$expected" ]] || show "$client: $(syns "$PORT")" died
	done
}

@test "N11: the first address of a name was good and is silent now: one request fails, then the second address is tried" {
	[[ $(getent ahosts server.test | awk '{ print $1; exit }') == fd09::1 ]] || must_skip 'IPv4 comes first here'
	learn_with_cookie 20
	lab_server v6 -6 -a fd09::1 -p "$PORT" -t 16 http
	lab_prime fd09::1 "$PORT"
	get() {
		curl -s -o /dev/null -m 2 -w '%{exitcode} %{remote_ip}\n' "http://server.test:$PORT/" || :
	}
	[[ $(with_library get) == '0 fd09::1' && $(with_library get) == '0 fd09::1' ]]
	lab_fault drop-syn ip6 daddr fd09::1
	[[ $(get) == "0 $ADDRESS" ]]
	with_library get >first
	[[ $(with_library get) == "0 $ADDRESS" && $(with_library get) == "0 $ADDRESS" ]] || show 'no fallback' first
}

@test "N12: ICMP unreachable: same errno as without, at the write once" {
	for fault in unreachable prohibited; do
		for client in blocking nonblocking; do
			learn_with_cookie 20
			with_library "$client" 2 >ours
			lab_fault "$fault"
			errno=$("$client" 1 | sed 's/.*: //')
			[[ $errno == ECONNREFUSED || $errno == EHOSTUNREACH ]]
			with_library "$client" 2 >ours
			[[ $(sed 's/.*: //' ours) == "$errno"$'\n'"$errno" && $(tail -n 1 ours) == *connect:* ]] ||
				show "$fault, $client, not $errno" ours
		done
	done
}

@test "N12: only SYNs with data are refused so: one request at most fails, the rest are plain" {
	for fault in unreachable prohibited; do
		for client in "${CLIENTS[@]}"; do
			learn_with_cookie 20
			lab_fault "$fault" '@ih,0,8 >= 0'
			with_library "$client" 6 >ours
			(($(failed ours) <= 1 && $(lab_fault_count) <= 2)) || show "$fault, $client" ours
			gains "$client" || (($(failed ours) == 0 && $(lab_fault_count) == 0)) || show "$fault, $client" ours
			[[ $fault$client != unreachableblocking ]] || (($(failed ours) == 0)) || show 'blocking' ours
			tail -n 3 ours | awk '$3 != "ok" { bad = 1 } END { exit bad }' || show "$fault, $client" ours
		done
	done
}

@test "N12: max=100: so much rides in the SYN, and all arrives" {
	learn_with_cookie 20
	export TFO_RULES='allow * * any minrtt=0 max=100' TFO_STATE=off
	export TFO_RULES="$TFO_RULES verify=off"
	for steps in 'connect write:@300' 'connect writev:@300' 'connect sendmsg:@300' 'nonblock connect-wait write-all:@300'; do
		seen=$(connections_ended)
		lab_capture
		# shellcheck disable=SC2086 # several steps
		with_library client $steps close >out
		expected='100 cookie'
		[[ $steps != *connect-wait* ]] || ! under_user_hold || expected='0 cookie'
		[[ $(syns "$PORT") == "$expected" ]] || show "$steps: $(syns "$PORT")" out
		lab_wait_ended $((seen + 1))
		[[ $(server_saw "$seen") == 'bytes=300 end=eof '* ]] || show "$steps" out "$(lab_log server)"
	done
}

# --- addresses in turn

@test "P3: a name whose first address is dead: curl and python reach the second as without the library" {
	[[ $(getent ahosts server.test | awk '{ print $1; exit }') == fd09::1 ]] || must_skip 'IPv4 comes first here'
	cat >get.py <<-END
		import socket
		s = socket.create_connection(('server.test', $PORT), timeout=5)
		s.sendall(b'GET / HTTP/1.0\r\n\r\n')
		print(s.getpeername()[0], len(s.recv(4096)))
	END
	for dead in refusing silent; do
		# The dead address has a cookie, from another port.
		learn 40 -a "$ADDRESS" -t 16
		lab_server giver -6 -a fd09::1 -p 7999 -t 16 close
		lab_prime fd09::1 7999
		lab_prime "$ADDRESS" "$PORT"
		programs=("curl -sS http://server.test:$PORT/")
		if [[ $dead == silent ]]; then
			lab_fault drop-syn ip6 daddr fd09::1 tcp dport "$PORT"
		else
			programs+=('/usr/bin/python3 get.py')
		fi
		for program in "${programs[@]}"; do
			for _ in 1 2 3; do
				start=$(lab_ms)
				# shellcheck disable=SC2086 # words
				try $program
				plain="$status $output $stderr" plain_ms=$(($(lab_ms) - start))
				start=$(lab_ms)
				# shellcheck disable=SC2086
				try with_library $program
				ours_ms=$(($(lab_ms) - start))
				[[ "$status $output $stderr" == "$plain" && $status == 0 ]] || unexpected "$plain"
				echo "$dead, $program: $plain_ms ms, with the library $ours_ms ms"
				((ours_ms < plain_ms * 3 / 2 + 50))
			done
		done
	done
}

# --- all of it

@test "three destinations failing within a minute: everything pauses, in every process, and goes on by itself" {
	export TFO_RULES='allow * * any minrtt=0 suspend=1s'
	learn_with_cookie 20
	for port in 7001 7002 7003; do
		lab_server "server$port" -p "$port" -t 16 http
	done
	with_library blocking 1 >ours
	lab_fault reset-syn-data tcp dport 7001-7003
	for port in 7001 7002 7003; do
		[[ $(gained with_library blocking 1) == 1 ]] || show "paused before port $port" gained.out
		with_library blocking 3 10000 "$port" >>ours
	done
	(($(lab_fault_count) == 6 && $(failed ours) == 0)) || show 'not so' ours
	paused=$(lab_ms)
	for client in "${CLIENTS[@]}"; do
		[[ $(gained with_library "$client" 2) == 0 ]] || show "$client is not paused" gained.out
	done
	# Longer than a suspension: twelve times.
	sleep 2
	[[ $(gained with_library "$BY_PROCESS" 1) == 0 ]] || show 'the pause was short' gained.out
	lab_fault_clear
	sleep $((13 - ($(lab_ms) - paused) / 1000))
	[[ $(gained with_library "$BY_PROCESS" 2) == 2 ]] || show 'the pause does not end' gained.out
}

@test "three destinations that are down, and no more: nothing pauses" {
	learn_with_cookie 20
	for port in 7001 7002 7003; do
		lab_server "server$port" -p "$port" -t 16 http
		with_library nonblocking 1 10000 "$port" >>ours
		lab_stop "server$port"
		with_library nonblocking 2 10000 "$port" >>down
	done
	(($(failed ours) == 0 && $(failed down) == 6)) || show 'not so' ours down
	with_library blocking 1 >ours
	[[ $(gained with_library "$BY_PROCESS" 1) == 1 ]]
}

@test "TFO_STATE=off: nothing is kept, a process learns for itself" {
	export TFO_STATE=off
	learn_with_cookie 20
	[[ $(gained with_library "$BY_PROCESS" 4) == 0 ]]
	[[ $(gained with_library blocking 4) == 3 ]]
	lab_fault drop-syn-data
	with_library blocking 5 >ours
	(($(lab_fault_count) == 2 && $(failed ours) == 0)) || show 'not so' ours
	[[ -z $(find "$XDG_RUNTIME_DIR" -mindepth 1) ]]
}

# Root may write where the mode says no: read-only are file systems of the lab's own.
read_only() { # DIRECTORY...
	local directory
	for directory; do
		mount -t tmpfs -o ro none "$directory" || must_skip "cannot mount a read-only $directory"
	done
}

@test "a read-only XDG_RUNTIME_DIR: the memory is kept elsewhere; nowhere to write: each process for itself" {
	learn_with_cookie 20
	mount -t tmpfs none /run
	mount -t tmpfs none /dev/shm
	read_only "$XDG_RUNTIME_DIR"
	with_library "$BY_PROCESS" 1 >ours
	[[ $(gained with_library "$BY_PROCESS" 3) == 3 ]]
	[[ -f /run/tfo-$EUID/destinations || -f /dev/shm/tfo-$EUID/destinations ]]
	read_only /run /dev/shm
	[[ $(gained with_library "$BY_PROCESS" 3) == 0 ]]
	(($(failed gained.out) == 0))
	[[ $(gained with_library blocking 4) == 3 ]]
	umount "$XDG_RUNTIME_DIR" /run /run /dev/shm /dev/shm
}
