#!/usr/bin/env bats
# Promise 1 on programs that were never written for this: same output without and with the library,
# and from the second connection on the request rides in the SYN.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_need curl wget perl openssl nc redis-server redis-cli nginx
	[[ -x /usr/bin/python3 ]] || must_skip "no /usr/bin/python3"
	lab_reset
	export TFO_RULES='allow server.test 8080 http
allow server.test 8443 tls
allow 10.9.0.1 8080 http
allow 10.9.0.1 8443 tls
allow 10.9.0.1 7000,6379 any'
}

teardown() {
	lab_reset
}

# What a program said and how it ended; curl tells the time it took, which is not part of it.
result() {
	sed -E 's/ after [0-9]+ ms/ after N ms/; s/^Date: .*/Date: now/' <<<"status $status"$'\n'"$output"$'\n'"$stderr"
}

# Runs a command without the library, and twice with it: same output and status. The first time makes the destination known;
# the second time the command must put its payload in the SYN, and the server take it, exactly $1 times.
same_program() { # SYNS COMMAND [ARG...]
	local syns=$1 sent accepted
	shift
	try "$@"
	plain=$(result)
	try with_library "$@"
	first=$(result)
	sent=$(lab_counter TCPFastOpenActive)
	accepted=$(lab_counter TCPFastOpenPassive)
	try with_library "$@"
	ours=$(result)
	sent=$(($(lab_counter TCPFastOpenActive) - sent))
	accepted=$(($(lab_counter TCPFastOpenPassive) - accepted))
	[[ $plain == "$first" && $plain == "$ours" ]] || {
		printf 'without: %s\nwith:    %s\nagain:   %s\n' "$plain" "$first" "$ours"
		return 1
	}
	# A SYN with a cookie and no data counts as accepted too.
	((sent == syns && accepted >= syns)) || {
		echo "expected $syns SYNs with data, the kernel counted $sent acknowledged and $accepted accepted"
		return 1
	}
}

# How many SYNs with data to expect of a program that waits for its connection before it writes: that ends the user's
# hold, and nothing else differs.
waiting() { # SYNS
	if under_user_hold; then
		echo 0
	else
		echo "$1"
	fi
}

web() {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_prime fd09::1 8080
	lab_delay 20
}

@test "curl, http" {
	web
	same_program "$(waiting 1)" curl -sS http://server.test:8080/hello
	same_program "$(waiting 1)" curl -sS -i -H 'X-Long: abc' -o - http://10.9.0.1:8080/missing
	same_program "$(waiting 2)" curl -sS http://server.test:8080/hello --next -H 'Connection: close' http://10.9.0.1:8080/hello
}

@test "curl, https" {
	web
	same_program "$(waiting 1)" curl -sS --cacert "$LAB_NGINX/cert.pem" https://server.test:8443/hello
	same_program "$(waiting 1)" curl -sS --cacert "$LAB_NGINX/cert.pem" --tls-max 1.2 https://server.test:8443/hello
	# A certificate that is not trusted: the same words and status.
	same_program "$(waiting 1)" curl -sS https://server.test:8443/hello
}

@test "wget, http and https" {
	web
	same_program "$(waiting 1)" wget -q -O- http://10.9.0.1:8080/hello
	same_program 1 wget -q -O- --ca-certificate="$LAB_NGINX/cert.pem" https://server.test:8443/hello
}

@test "python3 urllib, without and with a timeout, https; asyncio" {
	web
	get=(/usr/bin/python3 "$BATS_TEST_DIRNAME/clients/get.py")
	export SSL_CERT_FILE=$LAB_NGINX/cert.pem
	same_program 1 "${get[@]}" urllib http://10.9.0.1:8080/hello
	same_program "$(waiting 1)" "${get[@]}" urllib http://10.9.0.1:8080/hello 5
	# It asks for its name (getsockname), which the user's hold does not bear.
	same_program "$(waiting 1)" "${get[@]}" urllib https://server.test:8443/hello
	same_program "$(waiting 1)" "${get[@]}" urllib https://server.test:8443/hello 5
	same_program "$(waiting 1)" "${get[@]}" streams http://server.test:8080/hello
}

@test "perl, IO::Socket" {
	web
	# shellcheck disable=SC2016 # perl expands
	same_program 1 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new("10.9.0.1:8080") or die "no: $@\n";
		print $s "GET /hello HTTP/1.0\r\nHost: x\r\n\r\n"; my $r = join "", <$s>; $r =~ s/.*\r\n\r\n//s; print $r'
	# shellcheck disable=SC2016
	same_program "$(waiting 1)" perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "10.9.0.1:8080", Timeout => 5) or die "no: $@\n";
		print $s "GET /hello HTTP/1.0\r\nHost: x\r\n\r\n"; my $r = join "", <$s>; $r =~ s/.*\r\n\r\n//s; print $r'
}

@test "openssl s_client" {
	web
	s_client() {
		{
			printf 'GET /hello HTTP/1.0\r\nHost: x\r\n\r\n'
			sleep 0.3
		} | timeout 5 openssl s_client -quiet -CAfile "$LAB_NGINX/cert.pem" -servername server.test \
			-connect 10.9.0.1:8443 2>/dev/null | sed -n '/^\r$/,$p'
	}
	same_program "$(waiting 1)" s_client
}

@test "nc with half-close" {
	lab_server server -t 16 -p 7000 answer
	lab_prime 10.9.0.1 7000
	lab_delay 20
	half_close() {
		printf 'hello\n' | timeout 5 nc -N 10.9.0.1 7000
	}
	same_program "$(waiting 1)" half_close
	lab_wait_ended 4
	[[ $(server_saw 3) == 'bytes=6 end=eof'* ]]
}

@test "P10: nc -z, a connection without a byte" {
	lab_server server -t 16 -p 7000 sink
	lab_prime 10.9.0.1 7000
	lab_delay 20
	same_program 0 nc -z -v 10.9.0.1 7000
	lab_wait_ended 4
	[[ $(server_saw 3) == 'bytes=0 end=eof'* ]]
	same_program 0 nc -z -v 10.9.0.1 7001
}

@test "redis-cli, whose server has no Fast Open" {
	lab_start redis redis-server --port 6379 --bind 10.9.0.1 --save '' --protected-mode no
	lab_wait_port 10.9.0.1 6379
	lab_server giver -a 10.9.0.1 -p 7999 -t 16 close
	lab_prime 10.9.0.1 7999
	lab_delay 20
	same_program 0 redis-cli -h 10.9.0.1 set name value
	same_program 0 redis-cli -h 10.9.0.1 get name
}

@test "P11: bash /dev/tcp" {
	web
	same_program 0 bash -c 'exec 5<>/dev/tcp/10.9.0.1/8080; printf "GET /hello HTTP/1.0\r\n\r\n" >&5; sed "1,/^\r/d" <&5'
}

@test "P1: ssh and smtp speak first: curl reads a greeting" {
	lab_server server -t 16 -p 7000 speak-first
	lab_prime 10.9.0.1 7000
	lab_delay 20
	greet() {
		sleep 0.3 | timeout 1 nc 10.9.0.1 7000
	}
	same_program 0 greet
}

@test "a closed port and an unreachable address, no cookie: curl's words and status" {
	same_program 0 curl -sS http://10.9.0.2:8080/hello
	[[ $plain == 'status 7'* ]]
	same_program 0 curl -sS -m 5 http://192.0.2.1:8080/hello
	[[ $plain == 'status 7'* ]]
	same_program 0 wget -q -t 1 -O- http://10.9.0.2:8080/hello
}

# Milliseconds to the first byte.
first_byte() { # [with_library]
	"$@" curl -s -o /dev/null -w '%{time_starttransfer}\n' "$URL" "${CURL_OPTIONS[@]}" | awk '{ print $1 * 1000 }'
}

# The same of a program that writes as soon as it has connected.
first_byte_at_once() { # [with_library]
	"$@" "$PROBES/loop" -s $'GET /hello HTTP/1.0\r\n\r\n' 10.9.0.1 8080 1 | awk '$3 == "ok" { print $2 }'
}

# Both in one run: $plain and $ours, the medians of several.
race() { # FIRST-BYTE
	: >plain
	: >ours
	for _ in 1 2 3 4 5; do
		"$1" >>plain
		"$1" with_library >>ours
	done
	plain=$(lab_median <plain) ours=$(lab_median <ours)
	echo "plain $plain ms, with the library $ours ms"
}

compared() { # CONDITION on `plain` and `ours`
	awk -v plain="$plain" -v ours="$ours" "BEGIN { exit !($1) }"
}

not_slower() {
	compared 'ours < 1.25 * plain + 5'
}

@test "at 100 ms curl takes at most 0.55 of the plain time to first byte" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 100
	URL=http://10.9.0.1:8080/hello CURL_OPTIONS=()
	race first_byte
	if under_user_hold; then
		not_slower
	else
		compared 'ours <= 0.55 * plain'
	fi
}

@test "a program that writes at once, at 100 ms: one round trip less" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 100
	race first_byte_at_once
	compared 'plain - ours > 60'
}

@test "https at 100 ms: one round trip less" {
	lab_nginx
	lab_prime 10.9.0.1 8443
	lab_delay 100
	URL=https://10.9.0.1:8443/hello CURL_OPTIONS=(-k)
	race first_byte
	if under_user_hold; then
		not_slower
	else
		compared 'plain - ours > 60'
	fi
}

@test "P7: client bit on or off, server with or without Fast Open: all work, nothing is lost" {
	for server in '' plain; do
		for bits in 1 0; do
			lab_reset
			lab_nginx $server
			lab_delay 40
			lab_sysctl $((bits | 2))
			URL=http://10.9.0.1:8080/hello CURL_OPTIONS=(-f)
			for program in first_byte first_byte_at_once; do
				echo "client $bits, server ${server:-fastopen}, $program"
				race $program
				if [[ $bits == 0 || $server == plain ]] ||
					{ [[ $program == first_byte ]] && under_user_hold; }; then
					not_slower
				else
					compared 'ours < 0.8 * plain'
				fi
			done
		done
	done
}
