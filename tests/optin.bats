#!/usr/bin/env bats
# Promise 4, opt-in: nothing is held that no rule allows, and nothing rides in a SYN that the rule's payload class
# does not recognise as safe to repeat.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_need curl nginx strace wget
	lab_reset
	# What is tried here is the policy, not what is remembered: the tests' own rules say verify=off, and the policy
	# that comes with the library finds a destination that was reached before.
	export TFO_STATE=off
}

teardown() {
	lab_reset
}

@test "the first write is a sendto with MSG_FASTOPEN, and has the address where the kernel does not have it" {
	begin 20 answer -t 16
	allow_everything hold=500ms # strace takes its time
	strace -f -E LD_PRELOAD="$LIBRARY" -o trace "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	address='NULL, 0\)'
	! under_user_hold ||
		address='\{sa_family=AF_INET, sin_port=htons\(7000\), sin_addr=inet_addr\("10.9.0.1"\)\}'
	grep -E "sendto\([0-9]+, \"hi\", 2, .*MSG_FASTOPEN.*, $address" trace
	grep -E 'sendto\([0-9]+, "hi", 2, .*MSG_DONTWAIT' trace
	# curl too, as it comes
	lab_nginx
	lab_prime 10.9.0.1 8080
	strace -f -E LD_PRELOAD="$LIBRARY" -o trace curl -s http://10.9.0.1:8080/hello
	data='"GET /hello HTTP/1.1.*'
	# It waits for its connection, and the user's hold ends there.
	! under_user_hold || data='"", 0, .*'
	grep -E "sendto\([0-9]+, ${data}MSG_FASTOPEN.*(NULL|\{sa_family=AF_INET)" trace
	[[ $(grep -c MSG_FASTOPEN trace) == 1 ]]
}

@test "a destination that no rule allows sees no MSG_FASTOPEN and no TCP_FASTOPEN_CONNECT" {
	begin 20 answer -t 16
	for rules in '' 'allow 10.9.0.2 * any' 'allow * 7001 any' $'deny 10.9.0.1 *\nallow * * any' \
		'allow server.test * any'; do
		TFO_RULES=$rules strace -f -E LD_PRELOAD="$LIBRARY" -o trace "$PROBES/client" "$ADDRESS" "$PORT" \
			connect write:hi read-all
		grep -q 'connect(' trace
		! grep -E 'MSG_FASTOPEN|TCP_FASTOPEN_CONNECT|setsockopt.*0x1e' trace
	done
}

@test "P16: a POST under http: SYN without data, the request delivered once" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 20
	export TFO_RULES='allow * 8080 http verify=off'
	lab_capture
	[[ $(with_library curl -sS -d 'pay=100' http://10.9.0.1:8080/post) == posted ]]
	[[ $(lab_syn_payloads 8080) == 0 ]]
	[[ $(grep -c 'POST /post' "$LAB_NGINX/access.log") == 1 ]]
	grep -q 'body="pay=100"' "$LAB_NGINX/access.log"
}

@test "a GET under http, a ClientHello under tls: in the SYN" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 20
	export TFO_RULES=$'allow * 8080 http verify=off\nallow * 8443 tls verify=off'
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	(($(lab_syn_payloads 8080) > 70))
	lab_capture
	with_library get https://10.9.0.1:8443/hello
	(($(lab_syn_payloads 8443) > 200))
}

@test "the wrong class: http under tls, tls under http, anything under prefix" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 20
	export TFO_RULES=$'allow * 8080 tls verify=off\nallow * 8443 http verify=off'
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	[[ $(lab_syn_payloads 8080) == 0 ]]
	lab_capture
	with_library get https://10.9.0.1:8443/hello
	[[ $(lab_syn_payloads 8443) == 0 ]]
	TFO_RULES='allow * 8080 prefix:"GET /hello" verify=off'
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	(($(lab_syn_payloads 8080) > 70))
	lab_capture
	with_library get http://10.9.0.1:8080/other >/dev/null
	[[ $(lab_syn_payloads 8080) == 0 ]]
}

@test "the policy that comes with the library: TLS on its ports, and no more" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_delay 20
	unset TFO_STATE
	with_library get https://10.9.0.1:8443/hello
	lab_capture
	with_library get https://10.9.0.1:8443/hello
	(($(lab_syn_payloads 8443) > 200))
	with_library get http://10.9.0.1:8080/hello
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	[[ $(lab_syn_payloads 8080) == 0 ]]
}

@test "names: a rule for server.test holds for the name, not for its address" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_prime fd09::1 8080
	lab_delay 20
	export TFO_RULES=$'allow *.test 8080 http verify=off'
	lab_capture
	with_library get http://server.test:8080/hello
	(($(lab_syn_payloads 8080) > 70))
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	[[ $(lab_syn_payloads 8080) == 0 ]]
	# deny stands first
	TFO_RULES=$'deny server.test *\nallow * 8080 http verify=off'
	lab_capture
	with_library get http://server.test:8080/hello
	[[ $(lab_syn_payloads 8080) == 0 ]]
	lab_capture
	with_library get http://10.9.0.1:8080/hello
	(($(lab_syn_payloads 8080) > 70))
}

@test "a bad policy: tfo-run says where and does not run the program" {
	printf 'allow * 443 tls\nallow 10.0.0.0/33 80 http\n' >bad.policy
	try tfo-run -p bad.policy touch touched
	expect_status 125
	expect_error_with 'bad.policy:2:16: "33" is not a prefix length'
	expect_error_with $'allow 10.0.0.0/33 80 http\n               ^~'
	[[ ! -e touched ]]
}

@test "a bad policy: the bare library lets the program run untouched, and says so once where it was asked to" {
	begin 20 answer -t 16
	printf 'allow * 443 tls\nalow * 80 http\n' >bad.policy
	export TFO_RULES='' TFO_POLICY=$PWD/bad.policy
	same connect write:hi read-all
	not_in_syn
	export TFO_LOG=$PWD/log
	with_library "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	[[ $(grep -c 'policy refused' log) == 1 ]]
	grep -q 'bad.policy:2:1: ' log
}

@test "the library is silent unless it is asked to speak" {
	begin 20 answer -t 16
	try with_library "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_only $'connect: 0\nwrite: 2\nread-all: 3'
}

@test "-v: one line a decision" {
	begin 20 answer -t 16
	try tfo-run -v "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_output $'connect: 0\nwrite: 2\nread-all: 3'
	[[ $stderr =~ ^tfo-run:\ 10\.9\.0\.1:7000:\ TFO_RULES:1\ \"allow\ \*\ \*\ any\ verify=off\ minrtt=0\ hold=300ms\":\ held\ [0-9]+\.[0-9]\ ms,\ 2\ bytes\ in\ the\ SYN,\ acknowledged$ ]] ||
		unexpected "a line of that form"
	TFO_RULES='deny * *'
	try tfo-run -v "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_error 'tfo-run: 10.9.0.1:7000: TFO_RULES:1 "deny * *": plain'
}

@test "a log goes to its file, and never to a descriptor that has taken the place of 2" {
	begin 20 answer -t 16
	try tfo-run --log "$PWD/log" "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi read-all
	expect_only $'connect: 0\nwrite: 2\nread-all: 3'
	grep -q '2 bytes in the SYN, acknowledged' log
	TFO_LOG=stderr with_library sh -c 'exec 2>other; exec "$@"' sh "$PROBES/client" "$ADDRESS" "$PORT" connect write:hi
	grep -q 'bytes in the SYN' other
	TFO_LOG=stderr with_library bash -c 'exec 2>late 5<>/dev/tcp/10.9.0.1/7000; echo hi >&5; cat <&5'
	[[ ! -s late ]]
}

# A command that greets from the lab; its SYN to the port has data or has none, as the test says.
greets() { # PORT in-syn|plain COMMAND [ARG...]
	local port=$1 expected=$2
	shift 2
	# It waits for its connection, and the user's hold ends there.
	! under_user_hold || expected=plain
	lab_capture
	"$@" >out
	[[ $(<out) == *'Hello from the lab.'* ]]
	bytes=$(lab_syn_payloads "$port")
	case $expected in
	in-syn) ((bytes > 50)) ;;
	plain) ((bytes == 0)) ;;
	esac || {
		echo "$bytes bytes in the SYN of $*"
		return 1
	}
}

# curl --resolve is a program with a resolver of its own: no name is known at connect().
@test "a name that only the payload has: decided by it at the first write" {
	: >policy
	export TFO_POLICY=$PWD/policy
	lab_nginx
	lab_prime 10.9.0.1 8080
	lab_prime 10.9.0.1 8443
	lab_delay 20
	https=(with_library curl -sk --resolve server.test:8443:10.9.0.1 https://server.test:8443/hello)
	http=(with_library curl -s --resolve server.test:8080:10.9.0.1 http://server.test:8080/hello)
	export TFO_RULES=$'allow server.test 8443 tls verify=off\nallow *.test 8080 http verify=off'
	greets 8443 in-syn "${https[@]}"
	greets 8080 in-syn "${http[@]}"
	# Another name than the rule's.
	export TFO_RULES=$'allow other.test 8443 tls verify=off\nallow *.other.test 8080 http verify=off'
	greets 8443 plain "${https[@]}"
	greets 8080 plain "${http[@]}"
	# A rule for every host allows it, and one for the name forbids it.
	export TFO_RULES=$'deny server.test *\nallow * 8443 tls verify=off'
	greets 8443 plain "${https[@]}"
	# What stands first without a name decides: there is nothing to wait for.
	export TFO_RULES=$'deny 10.9.0.0/16 *\nallow server.test 8443 tls verify=off' TFO_LOG=stderr
	"${https[@]}" 2>&1 >/dev/null | grep 'deny 10.9.0.0/16'
}

@test "nginx with a resolver of its own: the host that it names decides" {
	lab_nginx
	lab_prime 10.9.0.1 8080
	cat >names.py <<-'END'
		import socket, struct
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(('127.0.0.1', 5353))
		while True:
		    query, peer = s.recvfrom(512)
		    end = query.index(b'\0', 12) + 5
		    is_a = query[end - 4:end - 2] == b'\0\1'
		    answer = query[:2] + b'\x81\x80\0\1' + struct.pack('>H', is_a) + b'\0\0\0\0' + query[12:end]
		    if is_a:
		        answer += b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton('10.9.0.1')
		    s.sendto(answer, peer)
	END
	lab_start names /usr/bin/python3 names.py
	mkdir proxy
	cat >proxy/nginx.conf <<-END
		daemon off; master_process off; user root root; pid $PWD/proxy/pid; error_log $PWD/proxy/error.log;
		events { worker_connections 64; }
		http {
		access_log off;
		client_body_temp_path $PWD/proxy/a; proxy_temp_path $PWD/proxy/b; fastcgi_temp_path $PWD/proxy/c;
		uwsgi_temp_path $PWD/proxy/d; scgi_temp_path $PWD/proxy/e;
		resolver 127.0.0.1:5353;
		server { listen 10.9.0.1:9090; location / { set \$to \$arg_to; proxy_pass http://\$to:8080/hello; } }
		}
	END
	export TFO_RULES='allow good.test 8080 http verify=off'
	with_library lab_start proxy nginx -p "$PWD/proxy" -c "$PWD/proxy/nginx.conf"
	lab_wait_port 10.9.0.1 9090
	lab_delay 20
	greets 8080 in-syn curl -s 'http://10.9.0.1:9090/?to=good.test'
	greets 8080 plain curl -s 'http://10.9.0.1:9090/?to=bad.test'
}

@test "a rule for a program holds for a privileged one, whose environment is not heeded" {
	begin 20 answer -t 16
	# The kernel's word that it is privileged (AT_SECURE), acted; and an /etc of the test's own.
	cat >secure.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <sys/auxv.h>
		unsigned long getauxval(unsigned long type)
		{
			unsigned long (*real)(unsigned long) = dlsym(RTLD_NEXT, "getauxval");
			return type == AT_SECURE ? 1 : real(type);
		}
	END
	gcc -shared -fPIC -o secure.so secure.c
	mkdir -p etc/tfo
	cp -p /etc/hosts /etc/passwd /etc/ld.so.cache etc/
	privileged() { # RULE...
		printf '%s\n' "$@" 'allow * * any verify=off minrtt=0 hold=1s' >etc/tfo/policy
		# shellcheck disable=SC2016 # the inner shell's
		unshare -m sh -c 'mount --bind etc /etc && mount -t tmpfs none /run && exec "$@"' sh \
			strace -f -E LD_PRELOAD="$PWD/secure.so $PRELOAD" -o trace "$PROBES/client" "$ADDRESS" "$PORT" \
			connect write:hi read-all
	}
	TFO_RULES='deny * *' privileged 'deny * * program=other'
	grep -q MSG_FASTOPEN trace
	privileged 'deny * * program=client'
	run ! grep -q MSG_FASTOPEN trace
}
