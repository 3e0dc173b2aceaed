#!/usr/bin/env bats
# What the operator sees and does with tfoctl: status, forget, prime, probe. The library and tfoctl
# find the same memory, in $XDG_RUNTIME_DIR.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_need curl nginx nft wget
	lab_reset
	# Names are learned only where a rule has one.
	export TFO_RULES='allow server.test * any
allow * * any'
}

teardown() {
	[[ ! -e hosts.before ]] || cat hosts.before >/etc/hosts
	lab_reset
}

# A web server that does Fast Open, 20 ms away.
web() { # [plain]
	lab_nginx "$@"
	lab_delay 20
}

fetch() { # [COUNT]
	local i
	for ((i = 0; i < ${1:-1}; i++)); do
		with_library get http://10.9.0.1:8080/hello >/dev/null || return
	done
}

expect_line() { # REGEX
	grep -qE -e "$1" <<<"$output" || unexpected "a line like $1"
}

expect_no_line() { # REGEX
	! grep -qE -e "$1" <<<"$output" || unexpected "no line like $1"
}

# A value of the JSON that is in $output, as Python has it.
json() { # EXPRESSION
	python3 -c 'import json, sys; status = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1" <<<"$output"
}

expect_json() { # EXPRESSION VALUE
	local seen
	seen=$(json "$1")
	[[ $seen == "$2" ]] || unexpected "$1 = $2, not $seen"
}

# --- status

@test "status of an empty memory: its file, and that nothing is remembered" {
	try tfoctl status
	expect_only "memory: $XDG_RUNTIME_DIR/tfo/destinations"$'\n\n''nothing remembered yet'
	try tfoctl status --json
	python3 -m json.tool <<<"$output" >/dev/null
	expect_json 'status["destinations"], status["paused_until"]' '([], None)'
	TFO_STATE=off try tfoctl status
	expect_status 0
	[[ ${lines[0]} == 'memory: no file in use'* ]] || unexpected "no file"
	TFO_STATE=$PWD/elsewhere try tfoctl status
	[[ ${lines[0]} == "memory: $PWD/elsewhere" ]] || unexpected "the file of TFO_STATE"
}

@test "status after some connections: a table, most time saved first, and a total" {
	web
	fetch 3
	with_library curl -sS -o /dev/null http://server.test:8080/hello
	with_library curl -sSk -o /dev/null https://10.9.0.1:8443/hello
	try tfoctl status
	expect_status 0
	expect_error ''
	[[ ${lines[2]} =~ ^DESTINATION\ +NAME\ +CONNECTIONS\ +IN\ SYN\ +NOT\ ACKED\ +LOST\ +FAILED\ +RTT\ +ROUND\ TRIPS\ SAVED\ +TIME\ SAVED\ +SUSPENDED$ ]] ||
		unexpected "titles"
	[[ ${lines[3]} =~ ^10\.9\.0\.1:8080\ .*\ [0-9]+(\.[0-9])?\ ms\ +[23]\ .*\ ms\ +-$ ]] || unexpected "the fastest"
	expect_line '^\[fd09::1\]:8080 +server\.test +1 +0 '
	expect_line '^total +[56] +[23] '
	# Columns end where their titles end.
	[[ ${lines[2]%%CONNECTIONS*} =~ ^(.*)$ ]]
	end=$((${#BASH_REMATCH[1]} + 11))
	for line in "${lines[@]:3}"; do
		[[ ${line:end-1:1} == [0-9] && ${line:end:1} == ' ' ]] || unexpected "a number that ends at $end"
	done
}

@test "status --json is JSON, with times and units" {
	web
	fetch 3
	try tfoctl status --json
	expect_status 0
	python3 -m json.tool <<<"$output" >/dev/null
	expect_json 'status["file"]' "$XDG_RUNTIME_DIR/tfo/destinations"
	expect_json 'len(status["destinations"])' 1
	expect_json '[status["destinations"][0][key] for key in ("address", "port", "connections", "in_syn", "suspended_until", "strikes", "reason")]' \
		"['10.9.0.1', 8080, 3, 2, None, 0, None]"
	expect_json '18000 < status["destinations"][0]["rtt_us"] < 40000' True
	expect_json '30000 < status["destinations"][0]["saved_us"] < 90000' True
	expect_json '__import__("datetime").datetime.strptime(status["destinations"][0]["last_success"], "%Y-%m-%dT%H:%M:%SZ").year > 2000' True
}

@test "status --json escapes what a file may be named" {
	name=$'a"b\\c\td\377\303\244'
	TFO_STATE=$PWD/$name try tfoctl status --json
	expect_status 0
	expect_json 'ascii(status["file"].rsplit("/", 1)[1])' "'a\"b\\\\c\\td\\ufffd\\xe4'"
}

@test "status says what is suspended, why, and the pause" {
	web
	fetch 1
	lab_fault drop-syn-data
	fetch 1
	try tfoctl status
	expect_line '^10\.9\.0\.1:8080 .* 1 strike: SYN with data lost$'
	fetch 1
	try tfoctl status
	expect_line '^10\.9\.0\.1:8080 .* until [0-9-]* ?[0-9:]{8}: SYN with data lost$'
	try tfoctl status --json
	expect_json 'status["destinations"][0]["reason"]' 'SYN with data lost'
	expect_json 'len(status["destinations"][0]["suspended_until"])' 20
	for address in 10.9.0.2 fd09::1; do
		tfoctl prime "[$address]:8080" >/dev/null || tfoctl prime "$address:8080" >/dev/null
		for _ in 1 2; do
			with_library get "http://$([[ $address == *:* ]] && echo "[$address]" || echo $address):8080/hello" >/dev/null
		done
	done
	try tfoctl status
	expect_line '^memory: .*; all Fast Open pauses until [0-9-]* ?[0-9:]{8}$'
	try tfoctl status --json
	expect_json 'len(status["paused_until"])' 20
	try tfoctl prime 10.9.0.1:8080
	expect_only '10.9.0.1:8080 cookie was known; but all Fast Open pauses: see tfoctl status'
	try tfoctl forget
	expect_only 'the pause is over'$'\n''forgot 3 destinations'
	try tfoctl status
	expect_no_line pauses
}

@test "status --watch prints one block after the other where there is no terminal" {
	tfoctl status --watch 0.1 >blocks 3>&- &
	pid=$!
	blocks_are() {
		(($(grep -c '^nothing remembered yet$' blocks) >= $1))
	}
	lab_until 5 blocks_are 3
	kill -TERM "$pid"
	wait "$pid"
	[[ $(<blocks) != *$'\033'* ]]
}

@test "status --watch on a terminal leaves it as it was, whichever signal ends it" {
	for signal in INT TERM; do
		timeout 20 python3 - "$signal" <<-'END'
			import os, pty, signal, sys, time
			pid, terminal = pty.fork()
			if pid == 0:
			    os.execvp('tfoctl', ['tfoctl', 'status', '--watch=0.2'])
			seen = b''
			while seen.count(b'nothing remembered yet') < 3:
			    seen += os.read(terminal, 4096)
			if sys.argv[1] == 'INT':
			    os.write(terminal, b'\x03')
			else:
			    os.kill(pid, signal.SIGTERM)
			try:
			    while True:
			        seen += os.read(terminal, 4096)
			except OSError:
			    pass
			_, status = os.waitpid(pid, 0)
			assert status == 0, status
			for mode in (b'?1049', b'?25', b'?7'):
			    assert seen.count(b'\x1b[' + mode) == 2, (mode, seen)
			assert seen.endswith(b'\x1b[?1049l'), seen
		END
	done
}

@test "status: a command line that is wrong" {
	try tfoctl status --watch=never
	expect_failure 2 'tfoctl: --watch: "never" is not a number of seconds'
	try tfoctl status --watch 0
	expect_failure 2 'tfoctl: --watch: "0" is not a number of seconds'
	try tfoctl status --yaml
	expect_failure 2 'tfoctl: unexpected option "--yaml"; try tfoctl --help'
	try tfoctl status 10.9.0.1
	expect_failure 2 'tfoctl: unexpected argument "10.9.0.1"; try tfoctl --help'
}

# --- forget

@test "forget: by address, port, name, and everything" {
	web
	prime() {
		tfoctl prime 10.9.0.1:8080 10.9.0.1:8443 '[fd09::1]:8080' other.test:8080 >/dev/null
	}
	prime
	try tfoctl forget 10.9.0.1:8080
	expect_only 'forgot 1 destination'
	try tfoctl forget 10.9.0.1:8080
	expect_status 1
	expect_error 'tfoctl: 10.9.0.1:8080: not remembered'
	prime
	try tfoctl forget 10.9.0.1
	expect_only 'forgot 2 destinations'
	try tfoctl forget '[fd09::1]:8080'
	expect_only 'forgot 1 destination'
	try tfoctl forget other.test:8443
	expect_status 1
	try tfoctl forget OTHER.test:8080
	expect_only 'forgot 2 destinations'
	prime
	# Under that name, though it resolves no more.
	cp /etc/hosts hosts.before
	grep -v 'other\.test' hosts.before >/etc/hosts
	try tfoctl forget other.test
	expect_only 'forgot 2 destinations'
	try tfoctl forget
	expect_only 'forgot 3 destinations'
	try tfoctl forget
	expect_only 'forgot 0 destinations'
}

@test "forget: what is not a destination" {
	try tfoctl forget 10.9.0.1:http-that-is-not
	expect_status 2
	expect_error 'tfoctl: http-that-is-not: no such port or service'
	try tfoctl forget '[fd09::1'
	expect_failure 2 'tfoctl: [fd09::1: not a HOST:PORT, ADDRESS:PORT or [IPV6]:PORT'
	try tfoctl forget nowhere.test 192.0.2.1
	expect_status 1
	expect_error 'tfoctl: nowhere.test: not remembered'$'\n''tfoctl: 192.0.2.1: not remembered'
}

# --- prime

@test "primed, the first connection of a program carries data in the SYN" {
	web
	try tfoctl prime 10.9.0.1:8080
	expect_only '10.9.0.1:8080 cookie received'
	lab_has_cookie 10.9.0.1
	before=$(lab_counter TCPFastOpenActive)
	fetch 1
	(($(lab_counter TCPFastOpenActive) == before + 1))
	try tfoctl prime 10.9.0.1:8080
	expect_only '10.9.0.1:8080 cookie was known'
}

@test "prime goes through every address and every host" {
	web
	try tfoctl prime server.test:8080 '[fd09::2]:8080'
	expect_status 0
	expect_line '^10\.9\.0\.1:8080 cookie received$'
	expect_line '^\[fd09::1\]:8080 cookie received$'
	expect_line '^\[fd09::2\]:8080 cookie received$'
	try tfoctl status
	expect_line '^10\.9\.0\.1:8080 +server\.test '
	expect_line '^\[fd09::2\]:8080 +- '
}

@test "prime sends no data and closes properly" {
	lab_server server -t 16 -p 7000 sink
	tfoctl prime 10.9.0.1:7000
	tfoctl prime 10.9.0.1:7000
	lab_until 5 grep -q '^conn 2 ' "$(lab_log server)"
	[[ $(grep -c '^conn .* bytes=0 end=eof' "$(lab_log server)") == 2 ]] || cat "$(lab_log server)"
	[[ $(grep -c '^conn ' "$(lab_log server)") == 2 ]]
}

@test "primed again and again, a destination is not taken for one without cookies" {
	web
	for _ in 1 2 3 4 5 6; do
		lab_spoil_cookies
		tfoctl prime 10.9.0.1:8080
	done
	try tfoctl status
	expect_line '^10\.9\.0\.1:8080 .* -$'
}

@test "prime: refused, no Fast Open, nobody there, no such host: words and status" {
	web plain
	try tfoctl prime 10.9.0.1:8080
	expect_status 1
	expect_output '10.9.0.1:8080 connected, no cookie: the server does not do Fast Open, or the path strips the option'
	try tfoctl prime 10.9.0.1:8081
	expect_status 1
	expect_output '10.9.0.1:8081 connection refused'
	lab_fault drop-syn
	try tfoctl prime 10.9.0.1:8080
	expect_status 1
	expect_output '10.9.0.1:8080 no answer'
	try tfoctl prime nowhere.test:80
	expect_status 1
	expect_error_with 'tfoctl: nowhere.test: '
	try tfoctl prime 10.9.0.1
	expect_failure 2 'tfoctl: 10.9.0.1: a port is missing'
	try tfoctl prime
	expect_failure 2 'tfoctl: prime: no HOST:PORT; try tfoctl --help'
	lab_sysctl 2
	try tfoctl prime 10.9.0.1:8080
	expect_failure 1 'tfoctl: Fast Open: switched off for clients here; sysctl net.ipv4.tcp_fastopen=3 switches it on'
}

@test "prime where the option is dropped: it says so, and the memory knows" {
	web
	lab_fault drop-fastopen-option
	try tfoctl prime 10.9.0.1:8080
	expect_status 1
	expect_output '10.9.0.1:8080 connected, no cookie: the SYN that asked for one was lost'
	try tfoctl status
	expect_line ' 1 strike: cookie request lost$'
	tfoctl prime 10.9.0.1:8080 || :
	lab_fault_clear
	try tfoctl prime 10.9.0.1:8080
	expect_only '10.9.0.1:8080 cookie received; but the destination is suspended: see tfoctl status'
}

@test "prime works in a shell under tfo-run as outside" {
	web
	with_library tfoctl prime 10.9.0.1:8080 >inside
	try with_library tfoctl probe 10.9.0.1:8080
	expect_status 0
	[[ $(<inside) == '10.9.0.1:8080 cookie received' ]]
	try tfoctl status --json
	expect_json 'status["destinations"][0]["connections"]' 1
}

# --- probe

probe() {
	try tfoctl probe 10.9.0.1:8080
	expect_error ''
	try_status=$status
	# Nothing of it is remembered.
	[[ $(tfoctl status) == *'nothing remembered yet' ]]
	status=$try_status
}

PLAIN='^plain:   connected after [0-9.]+ ms, 34 bytes sent, answered after [0-9.]+ ms \([0-9]+ bytes\)$'

expect_verdict() { # STATUS PART
	expect_status "$1"
	[[ ${lines[-1]} == "verdict: $2"* ]] || unexpected "the verdict: $2"
}

@test "probe of a server with Fast Open: works, and how much sooner" {
	web
	probe
	expect_line "$PLAIN"
	expect_line '^cookie:  connected after [0-9.]+ ms, received$'
	expect_line '^data:    34 of 34 bytes in the SYN, acknowledged after [0-9.]+ ms, answered after [0-9.]+ ms \([0-9]+ bytes\)$'
	[[ ${lines[-1]} =~ ^verdict:\ works:\ (1[0-9]|[2-9][0-9])\.[0-9]\ ms\ sooner\ than\ plainly$ ]] || unexpected "20 ms sooner"
	expect_status 0
	probe
	expect_line '^cookie:  known already$'
	expect_verdict 0 works
}

@test "probe with a cookie that the server has forgotten tries again with the new one" {
	web
	tfoctl probe 10.9.0.1:8080
	lab_spoil_cookies
	probe
	expect_line '^data: .*, not acknowledged; connected after '
	expect_line '^data: .*, acknowledged after '
	expect_verdict 0 works
}

@test "probe: TLS by default on other ports, HTTP and a file when asked" {
	web
	try tfoctl probe server.test:8443
	expect_verdict 0 works
	try tfoctl probe 10.9.0.1:8443
	expect_verdict 0 works
	printf 'GET /hello HTTP/1.0\r\n\r\n' >request
	try tfoctl probe 10.9.0.1:8080 --data request
	expect_line '^data:    23 of 23 bytes in the SYN, '
	expect_verdict 0 works
	try tfoctl probe --http 10.9.0.1:8080
	expect_verdict 0 works
	lab_server server -t 16 -p 7000 http
	try tfoctl probe --http 10.9.0.1:7000
	expect_line '\(70 bytes\)$'
	expect_verdict 0 works
	try tfoctl probe --tls 10.9.0.1:7000
	expect_verdict 0 'works: the data is acknowledged'
	: >empty
	try tfoctl probe 10.9.0.1:8080 --data empty
	expect_failure 2 'tfoctl: empty: empty: there is nothing to send'
	try tfoctl probe 10.9.0.1:8080 --data missing
	expect_failure 2 'tfoctl: missing: No such file or directory'
}

@test "a ClientHello of probe's is one that openssl's server answers, with its name" {
	lab_need openssl
	lab_nginx
	lab_stop nginx
	lab_start tls openssl s_server -accept 7443 -cert "$LAB_NGINX/cert.pem" -key "$LAB_NGINX/key.pem" -servername server.test -cert2 "$LAB_NGINX/cert.pem" -key2 "$LAB_NGINX/key.pem" -msg -www
	lab_wait_port ::1 7443
	tfoctl probe server.test:7443 || :
	lab_wait_line tls 'Hostname in TLS extension: "server.test"'
	grep -q 'ServerHello' "$(lab_log tls)"
}

@test "probe of a server without Fast Open: no cookie" {
	web plain
	probe
	expect_line "$PLAIN"
	expect_verdict 1 'does not work: no cookie: the server does not do Fast Open'
}

@test "probe of a port without Fast Open, cookie of another: data not acknowledged" {
	web plain
	lab_server giver -a 10.9.0.1 -p 7999 -t 16 close
	lab_prime 10.9.0.1 7999
	probe
	expect_line '^data:    34 of 34 bytes in the SYN, not acknowledged; connected after '
	expect_verdict 1 'does not work: data not acknowledged'
}

@test "probe on a path that drops SYNs with data" {
	web
	lab_fault drop-syn-data
	probe
	expect_line '^data: .* lost; connected without them after 1[0-9]{3}\.[0-9] ms$'
	expect_verdict 1 'does not work: SYN with data lost'
}

@test "probe on a path that strips the option, either way" {
	for fault in strip-option-syn strip-option-synack; do
		lab_reset
		web
		lab_fault $fault
		probe
		expect_line '^cookie:  connected after [0-9.]+ ms, none came$'
		expect_verdict 1 'does not work: no cookie'
	done
}

@test "probe on a path that strips option 34 and not the older 254: works, as Linux tries both" {
	web
	nft -f - <<-'END'
		table inet lab_fault {
			chain arrival {
				type filter hook input priority 0
				tcp flags & (syn|ack) == syn tcp option fastopen exists reset tcp option fastopen
			}
		}
	END
	probe
	expect_line '^cookie: .*, received by the experimental option 254 only, not by 34$'
	expect_verdict 0 works
}

@test "probe on a path that resets SYNs with data" {
	web
	lab_fault reset-syn-data
	probe
	expect_line '^data:    34 of 34 bytes in the SYN, connection refused$'
	expect_verdict 1 'does not work: a SYN with data is reset'
}

@test "probe on a path that lets nothing through after data in the SYN" {
	web
	lab_fault blackhole-after-syn-data
	probe
	expect_line '^data: .*, not answered within 5 s, nor is anything acknowledged$'
	expect_verdict 1 'does not work: stalled'
}

@test "probe on a path that drops SYNs with the option" {
	web
	lab_fault drop-fastopen-option
	probe
	expect_line '^cookie:  the SYN that asked for it was lost, connected after 1[0-9]{3}\.[0-9] ms, none came$'
	expect_verdict 1 'does not work: the path drops a SYN that asks for a cookie'
}

@test "probe on a path that resets SYNs with the option" {
	web
	lab_fault reset-fastopen-option
	probe
	expect_verdict 1 'does not work: a SYN that asks for a cookie fails'
}

@test "probe of servers that say nothing, or close or reset at once: acknowledged is works" {
	for mode in sink close reset; do
		lab_server $mode -t 16 -p 7000 $mode
		try tfoctl probe 10.9.0.1:7000
		expect_line '^data: .*, acknowledged after '
		expect_verdict 0 works
		lab_stop $mode
	done
}

@test "probe of a closed port, of nobody and of no host: 3" {
	lab_delay 20
	probe
	expect_line '^plain:   connection refused$'
	expect_verdict 3 'cannot be told'
	try tfoctl probe server.test:8080
	[[ $(grep -c '^plain:   connection refused$' <<<"$output") == 2 ]] || unexpected "both addresses"
	expect_status 3
	lab_fault drop-syn
	probe
	expect_line '^plain:   no answer within 5 s$'
	expect_verdict 3 'cannot be told'
	try tfoctl probe nowhere.test:80
	expect_status 3
	expect_error_with 'tfoctl: nowhere.test: '
}

@test "probe takes the first address that answers" {
	lab_server server -t 16 -p 7000 -a 10.9.0.1 http
	try tfoctl probe --http server.test:7000
	expect_line '^10\.9\.0\.1:7000$'
	expect_verdict 0 works
}

@test "probe with Fast Open switched off names the switch" {
	lab_sysctl 0
	try tfoctl probe 10.9.0.1:8080
	expect_failure 3 'tfoctl: Fast Open: switched off for clients here; sysctl net.ipv4.tcp_fastopen=1 switches it on'
	lab_sysctl 2
	try tfoctl probe 10.9.0.1:8080
	expect_failure 3 'tfoctl: Fast Open: switched off for clients here; sysctl net.ipv4.tcp_fastopen=3 switches it on'
}

@test "probe: a command line that is wrong" {
	try tfoctl probe
	expect_failure 2 'tfoctl: probe: no HOST:PORT; try tfoctl --help'
	try tfoctl probe 10.9.0.1
	expect_failure 2 'tfoctl: 10.9.0.1: a port is missing'
	try tfoctl probe 10.9.0.1:80 10.9.0.1:81
	expect_failure 2 'tfoctl: unexpected argument "10.9.0.1:81"; try tfoctl --help'
	try tfoctl probe 10.9.0.1:80 --data
	expect_failure 2 'tfoctl: unexpected option "--data"; try tfoctl --help'
}

@test "tfoctl --help lists every command" {
	try tfoctl --help
	expect_status 0
	for verb in 'policy check' 'policy compile' 'policy explain' 'policy print' 'policy which' status forget prime probe; do
		expect_line "^  $verb "
	done
}
