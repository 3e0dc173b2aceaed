# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The laboratory's vocabulary, for Bats and for benches: `load lab/lab.bash`, or source it. Only inside tests/lab/enter.
#
# State     lab_reset                      nothing runs, and this shell and what it starts are in a new network: no delay, no
#                                          fault, no cookie, counters 0, tcp_fastopen=3. Not inside $(...) or `run`
#           lab_sysctl N                   net.ipv4.tcp_fastopen (1 client, 2 server, 4 and 0x200 without cookie, 0x400 all listeners)
#           lab_counter NAME               a counter of TcpExt, IpExt, Tcp, Ip ... : lab_counter TCPFastOpenActive
#           lab_spoil_cookies              the servers get a new key: cookies are still held, but worth nothing
#           lab_has_cookie ADDRESS         true if the kernel holds a cookie for it
#           lab_prime ADDRESS PORT         one connection without data that fetches a cookie; fails if none came
# Network   lab_delay RTT_MS               each TCP and ICMP packet takes RTT/2 from now on; 0 takes the delay away
#           lab_fault NAME [MATCH...]      adds a fault (the names are in lab_fault_rules), only for packets that the nft
#                                          expression MATCH describes as well: lab_fault drop-syn-data ip daddr 10.9.0.2
#           lab_fault_count                packets that faults have met since lab_fault_clear
#           lab_fault_clear
# Programs  lab_start NAME COMMAND...      in the background; output to lab_log NAME. Not inside $(...) or `run`
#           lab_stop NAME                  TERM, then after 2 s KILL; returns when it is gone
#           lab_log NAME                   the path of its output
#           lab_wait_port ADDRESS PORT     until somebody listens there; makes no connection. At most 5 s, as the next
#           lab_wait_line NAME REGEX       until its output has such a line
#           lab_server NAME ARGS...        tests/probes/server ARGS, ready when it returns
#           lab_nginx [plain]              http://*:8080 and https://*:8443: /hello, and /post, whose requests are logged in
#                                          $LAB_NGINX/access.log; certificate $LAB_NGINX/cert.pem; without Fast Open if `plain`
# Watching  lab_capture                    starts to capture TCP on lo: text in lab_log capture, packets in $LAB_TMP/capture.pcap
#           lab_capture_stop
#           lab_syn_payloads PORT          ends the capture; for each SYN that was sent to PORT, its bytes of payload
#           lab_ms                         milliseconds that only go forward
#           lab_median                     of the numbers on stdin
# Bats      lab_need COMMAND...            skips the test (fails if TFO_MUST_WORK=1) when one of them is missing
#
# A server's port must be below 32768 (ports above are taken for clients').

[ "${TFO_LAB:-}" = 1 ] || {
	echo "lab.bash works only inside the laboratory: tests/lab/enter COMMAND..." >&2
	return 1
}

LAB_REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_BUILD=${TFO_BUILD:-$LAB_REPO/build}
LAB_NGINX=$LAB_TMP/nginx
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$LAB_TMP/running"
enable -f "$LAB_BUILD/tests/lab/netns.so" netns || return

lab_fail() {
	echo "lab: $*" >&2
	return 1
}

# lab_until SECONDS COMMAND...: repeats COMMAND until it succeeds.
lab_until() {
	local tries=$(($1 * 50))
	shift
	until "$@"; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# --- state ---

# The cookies can be forgotten in no other way than by leaving the network that they belong to: see netns.c.
lab_reset() {
	local name
	for name in "$LAB_TMP"/running/*; do
		[ ! -e "$name" ] || lab_stop "${name##*/}"
	done
	netns && "$LAB_REPO/tests/lab/network"
}

lab_sysctl() {
	echo "$1" >/proc/sys/net/ipv4/tcp_fastopen
}

# Not nstat: it keeps a history file of its own, which fails as another user.
lab_counter() {
	awk -v name="$1" '
		$1 == group { for (i in at) if (at[i] == name) { print $i; found = 1 } }
		{ group = $1; delete at; for (i = 2; i <= NF; i++) at[i] = $i }
		END { exit !found }' /proc/self/net/netstat /proc/self/net/snmp ||
		lab_fail "there is no counter $1"
}

lab_spoil_cookies() {
	od -An -N16 -tx4 /dev/urandom | awk '{ print $1 "-" $2 "-" $3 "-" $4 }' >/proc/sys/net/ipv4/tcp_fastopen_key
}

lab_has_cookie() {
	ip tcp_metrics show "$1" 2>/dev/null | grep -q fo_cookie
}

lab_prime() {
	"$LAB_BUILD/tests/lab/prime" "$1" "$2" || return
	lab_has_cookie "$1" || lab_fail "$1 port $2 gave no cookie"
}

# --- network ---

# Every packet passes OUTPUT once, in either direction. iptables, since nft's own `queue` is missing in some kernels.
lab_delay_rules() {
	local rule
	for rule in iptables:tcp iptables:icmp ip6tables:tcp ip6tables:icmpv6; do
		"${rule%:*}" -A OUTPUT -o lo -p "${rule#*:}" -j NFQUEUE --queue-num 1 --queue-bypass || return
	done
}

lab_delay() {
	if [ -e "$LAB_TMP/running/netdelay" ]; then
		lab_stop netdelay && iptables -F OUTPUT && ip6tables -F OUTPUT || return
	fi
	[ "$1" != 0 ] || return 0
	lab_start netdelay "$LAB_BUILD/tests/lab/netdelay" 1 "$(($1 / 2)).$(($1 % 2 * 5))" &&
		lab_wait_line netdelay '^ready$' && lab_delay_rules
}

# The rules of a fault; M stands for the extra match. They sit in INPUT, thus at the far end of the delay, and a capture still
# sees what they take away. `@ih,0,8 >= 0` is true of packets with payload only. A Linux that got no cookie for the option
# asks the next time with the experimental one that came before it (kind 254 and a magic number): both are the option.
lab_fault_rules() {
	local syn='tcp flags & (syn|ack) == syn' synack='tcp flags & (syn|ack) == (syn|ack)' data='@ih,0,8 >= 0'
	local option='tcp option fastopen exists' older='tcp option @254,16,16 0xf989' later='tcp flags & syn == 0'
	case $1 in
	drop-syn) echo "$syn M counter drop" ;;
	drop-syn-data) echo "$syn $data M counter drop" ;;
	drop-fastopen-option) printf '%s\n' "$syn $option M counter drop" "$syn $older M counter drop" ;;
	drop-synack) echo "$synack M counter drop" ;;
	strip-option-syn)
		echo "$syn $option M counter reset tcp option fastopen"
		echo "$syn $older M counter reset tcp option 254"
		;;
	strip-option-synack)
		echo "$synack $option M counter reset tcp option fastopen"
		echo "$synack $older M counter reset tcp option 254"
		;;
	reset-syn) echo "$syn M counter reject with tcp reset" ;;
	reset-syn-data) echo "$syn $data M counter reject with tcp reset" ;;
	reset-fastopen-option)
		echo "$syn $option M counter reject with tcp reset"
		echo "$syn $older M counter reject with tcp reset"
		;;
	unreachable) echo "$syn M counter reject with icmpx type port-unreachable" ;;
	unreachable-syn-data) echo "$syn $data M counter reject with icmpx type port-unreachable" ;;
	prohibited) echo "$syn M counter reject with icmpx type admin-prohibited" ;;
	# The handshake with data in the SYN succeeds, then nothing passes in either direction. A plain connection is unharmed.
	blackhole-after-syn-data)
		echo "$syn $data M add @stalled { tcp sport }"
		echo "$later tcp sport @stalled counter drop"
		echo "$later tcp dport @stalled counter drop"
		;;
	# All data after the SYN, whatever was in the SYN.
	blackhole-client-data) echo "tcp dport < 32768 $later $data M counter drop" ;;
	blackhole-server-data) echo "tcp sport < 32768 $later $data M counter drop" ;;
	*) lab_fail "there is no fault $1" ;;
	esac
}

lab_fault() {
	local rules
	rules=$(lab_fault_rules "$1") || return
	shift
	nft -f - <<-END
		table inet lab_fault {
			set stalled {
				type inet_service
				flags dynamic
				size 65535
			}
			chain arrival {
				type filter hook input priority 0
				${rules//M/$*}
			}
		}
	END
}

lab_fault_count() {
	nft list table inet lab_fault | awk '$0 ~ / counter / { sub(/.* counter packets /, ""); n += $1 } END { print n + 0 }'
}

lab_fault_clear() {
	nft add table inet lab_fault
	nft delete table inet lab_fault
}

# --- programs ---

lab_log() {
	echo "${BATS_TEST_TMPDIR:-$LAB_TMP}/$1.log"
}

lab_start() {
	local name=$1
	shift
	[ ! -e "$LAB_TMP/running/$name" ] || lab_fail "$name is running already" || return
	: >"$(lab_log "$name")" # now, not when the background has got that far
	# Bats waits for whoever holds its descriptor 3.
	"$@" >"$(lab_log "$name")" 2>&1 </dev/null 3>&- &
	echo $! >"$LAB_TMP/running/$name"
}

lab_gone() {
	! kill -0 "$1" 2>/dev/null
}

lab_stop() {
	local pid
	pid=$(cat "$LAB_TMP/running/$1") || return
	rm "$LAB_TMP/running/$1"
	kill "$pid" 2>/dev/null || return 0
	lab_until 2 lab_gone "$pid" && return
	kill -KILL "$pid" 2>/dev/null
	lab_until 2 lab_gone "$pid" || lab_fail "$1 (pid $pid) cannot be ended"
}

lab_listens() {
	ss -Hltn "sport = :$2" | awk -v port=":$2" -v address="$1" '
		{ at = substr($4, 1, length($4) - length(port)); sub(/%.*/, "", at); gsub(/[][]/, "", at) }
		at == address || at == "*" || at == (address ~ /:/ ? "::" : "0.0.0.0") { found = 1 }
		END { exit !found }'
}

lab_wait_port() {
	lab_until 5 lab_listens "$1" "$2" || lab_fail "nobody listens at $1 port $2"
}

lab_wait_line() {
	lab_until 5 grep -qE -e "$2" "$(lab_log "$1")" ||
		lab_fail "$1 has not printed '$2', but: $(tail -n 5 "$(lab_log "$1")")"
}

lab_server() {
	local name=$1
	shift
	lab_start "$name" "$LAB_BUILD/tests/probes/server" "$@" && lab_wait_line "$name" '^listening '
}

# One process and no worker: a worker would change its user, which fails where root is the only one.
lab_nginx() {
	local fastopen=' fastopen=256'
	[ "${1:-}" != plain ] || fastopen=
	mkdir -p "$LAB_NGINX/www" && echo 'Hello from the lab.' >"$LAB_NGINX/www/hello"
	[ -e "$LAB_NGINX/cert.pem" ] ||
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=server.test \
			-addext 'subjectAltName=DNS:server.test,DNS:other.test,IP:127.0.0.1,IP:10.9.0.1,IP:10.9.0.2,IP:::1,IP:fd09::1,IP:fd09::2' \
			-keyout "$LAB_NGINX/key.pem" -out "$LAB_NGINX/cert.pem" 2>"$LAB_NGINX/openssl.log" ||
		lab_fail "openssl: $(tail -n 1 "$LAB_NGINX/openssl.log")" || return
	lab_nginx_config "$fastopen" >"$LAB_NGINX/nginx.conf"
	# shellcheck disable=SC2016 # the inner shell expands
	lab_start nginx sh -c 'cd "$1" && exec nginx -e stderr -p "$1" -c nginx.conf' nginx "$LAB_NGINX"
	lab_wait_port 127.0.0.1 8080 && lab_wait_port 127.0.0.1 8443
}

lab_nginx_config() {
	cat <<-END
		daemon off;
		master_process off;
		user root root;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			client_body_temp_path temp;
			proxy_temp_path temp;
			fastcgi_temp_path temp;
			uwsgi_temp_path temp;
			scgi_temp_path temp;
			# nginx keeps a request's body only if it passes it on: /post passes it to the other server below.
			client_body_buffer_size 64k;
			client_body_in_single_buffer on;
			log_format lab escape=json '\$request_method \$request_uri status=\$status body="\$request_body"';
			access_log access.log lab;
			server {
				listen 8080$1;
				listen [::]:8080$1;
				listen 8443 ssl$1;
				listen [::]:8443 ssl$1;
				ssl_certificate cert.pem;
				ssl_certificate_key key.pem;
				ssl_protocols TLSv1.2 TLSv1.3;
				root www;
				default_type text/plain;
				location /post { proxy_pass http://unix:post.sock:/; }
			}
			server {
				listen unix:post.sock;
				access_log off;
				return 200 "posted\n";
			}
		}
	END
}

# --- watching ---

lab_capture() {
	lab_start capture "$LAB_BUILD/tests/lab/capture" "$LAB_TMP/capture.pcap" && lab_wait_line capture '^ready$'
}

lab_capture_stop() {
	lab_stop capture
}

lab_syn_payloads() {
	[ ! -e "$LAB_TMP/running/capture" ] || lab_capture_stop || return
	awk -v port="$1" '$3 == ">" && $4 ~ "\\." port "$" && $5 == "S" { sub(/len=/, "", $6); print $6 }' "$(lab_log capture)"
}

lab_ms() {
	"$LAB_BUILD/tests/lab/clock"
}

lab_median() {
	sort -n | awk '{ n[NR] = $1 } END { if (NR) print (n[int((NR + 1) / 2)] + n[int(NR / 2) + 1]) / 2; else exit 1 }'
}

# --- Bats ---

lab_need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		[ "${TFO_MUST_WORK:-0}" != 1 ] || lab_fail "$tool is missing, and TFO_MUST_WORK forbids to skip" || return
		skip "$tool is missing"
	done
}
