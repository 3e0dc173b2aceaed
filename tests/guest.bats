#!/usr/bin/env bats
# Promise 6, a good guest; and of promise 1 what invisibility costs.

load helper
load lab/lab.bash
load sockets

teardown() {
	lab_reset
}

# The cost of each call, as in the table that tools/bench prints.
costs_at_most() { # INSTRUCTIONS CALL...
	local most=$1
	shift
	command -v valgrind >/dev/null || must_skip "valgrind is missing"
	grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release$' "$TFO_BUILD/CMakeCache.txt" ||
		must_skip "this holds for a release build"
	try "$BATS_TEST_DIRNAME/bench/instructions" "$@"
	expect_status 0
	((${#lines[@]} == $# + 1)) || unexpected "a heading and $# calls"
	# A library that adds nothing was not there.
	awk -v most="$most" 'NR > 1 && !($NF >= 1 && $NF <= most) { exit 1 }' <<<"$output" ||
		unexpected "between 1 and $most instructions added"
}

@test "on a descriptor that is none of its business, a call costs 8 instructions more at most" {
	costs_at_most 8 write read send recv poll epoll_wait close fcntl setsockopt
}

# More where it must be known what a number is of (gcc needs 8 instructions for connect, clang 9); most for a stream: what
# the clock says.
@test "to a destination that no rule names, connect() costs 56 instructions more at most; dup2() 16, syscall() 28" {
	costs_at_most 9 connect connect-unix
	costs_at_most 56 connect-tcp
	costs_at_most 16 dup2
	costs_at_most 28 syscall
}

# ---- stale descriptors ----

client() {
	timeout 60 "$PROBES/${PROGRAM:-guest}" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
	echo "exit status $?"
}

@test "P18: a connection closed by an inline system call: what gets its number next is used as what it is" {
	for kind in file pipe socket; do
		for state in held in-flight; do
			begin 20 sink -t 64
			plain=$(client stale $state $kind)
			[[ $plain == *'same number: 1'* ]]
			before=$(connections_ended)
			try with_library client stale $state $kind
			expect_output "$plain"
			[[ $kind != socket ]] || {
				lab_wait_ended $((before + 1))
				[[ $(server_saw "$before") == *'bytes=5 end=eof'* ]]
			}
		done
	done
}

@test "P18: a number that another kind of socket had before: its connection is held, however it was made" {
	begin 20 answer -t 16
	for kind in udp unix; do
		for way in socket socket-by-number; do
			PROGRAM=client same number-of:$kind $way connect write:hi read-all close
			in_syn
		done
	done
}

# ---- memory ----

@test "P19: descriptors at the highest numbers that the limit allows cost no memory to speak of" {
	begin 20 sink -t 1024
	allow_everything hold=1s
	CONNECTIONS=10 same high
	[[ $SEEN == *'KiB more than expected: 0'*'connections: 1'* ]]
	# Numbers as high as that come of duplicating a socket before it is connected: those are not held.
	not_in_syn
}

@test "P19: a thousand connections held at a time cost less than 1 MiB" {
	begin 4 sink -t 1024
	allow_everything hold=1s
	CONNECTIONS=1001 same many 1000
	[[ $SEEN == *'KiB more than expected: 0'*'connections: 1000'* ]]
	in_syn_though_looked_at
}

# ---- confined ----

# As `same`, the program under a filter.
same_confined() { # WHAT ANSWER STEP...
	local what=$1 answer=$2
	shift 2
	# shellcheck disable=SC2317 # `same` calls them
	client() {
		timeout 30 "$PROBES/confine" "$what" "$answer" env ${OURS:+LD_PRELOAD="$OURS"} "$PROBES/client" \
			"$ADDRESS" "$PORT" "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	# shellcheck disable=SC2317
	with_library() {
		OURS=$PRELOAD "$@"
	}
	same "$@"
}

@test "a filter that lets no thread start: nothing is held, all works" {
	begin 20 answer -t 16
	for error in 1 11; do # EPERM, EAGAIN
		same_confined threads $error connect write:hi read-all close
		not_in_syn
		same_confined threads $error nonblock connect-wait write:hi close sleep:100
		[[ $SEEN == *'bytes=2 '* ]]
	done
}

@test "a filter that refuses TCP_FASTOPEN_CONNECT: nothing breaks, whatever the error" {
	begin 20 answer -t 16
	for error in 1 13 22 38 92 95; do # EPERM, EACCES, EINVAL, ENOSYS, ENOPROTOOPT, EOPNOTSUPP
		same_confined fastopen $error connect write:hi read-all close
		same_confined fastopen $error nonblock connect-wait write:hi read-all close
	done
}

# What a filter that ends a process must let pass: the README has the list.
@test "the library makes no system calls but those that the README names" {
	lab_need strace
	begin 20 answer -t 64
	number=0
	for steps in 'connect write:hi read-all close' 'connect sleep:60 write:hi read-all' \
		'nonblock connect-wait write:hi close sleep:100' 'nonblock connect-wait write:hi return' \
		'nonblock connect-wait write:hi poll:in:1000 read-all' 'connect write:@5000 read-all'; do
		# shellcheck disable=SC2086 # several steps
		strace -f -o plain.$number "$PROBES/client" "$ADDRESS" "$PORT" $steps >out
		for state in off "$PWD/state"; do
			# shellcheck disable=SC2086 # several steps
			TFO_STATE=$state strace -f -E LD_PRELOAD="$LIBRARY" -o "ours.$((number++))" "$PROBES/client" \
				"$ADDRESS" "$PORT" $steps >out
		done
	done
	calls_in() {
		sed -nE 's/^[0-9]+ +([a-z][a-z0-9_]*)\(.*/\1/p' "$@" | sort -u
	}
	comm -13 <(calls_in plain.*) <(calls_in ours.*) >added
	grep -qx futex added
	sed -n '/seccomp/,/^$/p' "$BATS_TEST_DIRNAME/../README.md" | grep -oE '[a-z][a-z0-9_]+' | sort -u >named
	try comm -23 added named
	expect_only ''
}

@test "after chroot to a place that has nothing of the library's" {
	begin 20 sink -t 16
	mkdir empty
	CONNECTIONS=3 same chroot "$PWD/empty"
	in_syn
	# With a memory and a policy outside.
	echo 'allow * * any verify=off minrtt=0' >policy
	unset TFO_RULES TFO_STATE
	export TFO_POLICY=$PWD/policy
	CONNECTIONS=3 same chroot "$PWD/empty"
	in_syn
}

# A capability of its file makes a process of a user who lacks it one that trusts no environment. LD_PRELOAD is of no
# use there, so the program is linked with the library.
@test "P22: a process that must not trust its environment: the library does nothing that the environment says" {
	begin 20 sink -t 16
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
	gcc -D_GNU_SOURCE -o linked "$BATS_TEST_DIRNAME/probes/guest.c" "$LIBRARY"
	chmod 755 linked
	chmod 711 .
	export TFO_LOG=$PWD/log
	PROBES=$PWD PROGRAM=linked try client secure
	expect_output $'secure: 0\nwrite: 5\nexit status 0'
	[[ -s log ]] || unexpected "a log, where the environment is trusted"
	rm log
	python3 - linked <<-'END' || must_skip "file capabilities cannot be set here"
		import os, struct, sys
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x2000001, 1 << 13, 0, 0, 0))
	END
	try unshare -U --map-user=1000 sh -c 'exec ./linked "$@"' sh "$ADDRESS" "$PORT" secure
	[[ $output == 'secure: 1'* ]] || must_skip "no process without trust can be made here: $output $stderr"
	expect_output $'secure: 1\nwrite: 5'
	[[ ! -e log ]]
}

@test "P22: a static program runs as without the library" {
	begin 20 answer -t 16
	gcc -D_GNU_SOURCE -static -pthread -o static "$BATS_TEST_DIRNAME"/probes/client/*.c 2>compiler || must_skip "$(<compiler)"
	PROBES=$PWD PROGRAM=static same connect write:hi read-all close
	not_in_syn
}

# ---- other libraries ----

library_named() { # NAME
	local found
	for found in /usr/lib/*-linux-gnu/"$1" /usr/lib/*-linux-gnu/*/"$1"; do
		[[ ! -e $found ]] || {
			echo "$found"
			return
		}
	done
}

# Without ours, and with ours before and behind the other one: the same.
same_beside() { # OTHER-LIBRARY STEP...
	local other=$1 order
	shift
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
	client() {
		LD_PRELOAD=${ORDER:-$OTHER} timeout 30 "$PROBES/client" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
		echo "exit status $?"
	}
	with_library() {
		ORDER=$order "$@"
	}
	OTHER=$other
	for order in "$LIBRARY:$other" "$other:$LIBRARY"; do
		same "$@"
		"${BESIDE:-in_syn}"
	done
}

@test "P20: beside jemalloc, in either order" {
	other=$(library_named libjemalloc.so.2)
	[[ $other ]] || must_skip "libjemalloc2 is missing"
	begin 20 answer -t 16
	same_beside "$other" connect write:hi read-all close
	BESIDE=in_syn_though_looked_at same_beside "$other" nonblock connect-wait write:hi read-all close
}

@test "P20: beside libfaketime, in either order, whose clocks are wrong" {
	other=$(library_named libfaketime.so.1)
	[[ $other ]] || must_skip "libfaketime is missing"
	begin 20 answer -t 16
	allow_everything hold=500ms
	for FAKETIME in '-2d' '+30d x4'; do
		export FAKETIME
		same_beside "$other" connect write:hi read-all close
		BESIDE=in_syn_though_looked_at same_beside "$other" nonblock connect-wait write:hi read-all close
	done
}

# A proxy that takes every connection to $ADDRESS:$PORT.
start_proxy() {
	cat >proxy.py <<-'END'
		import socket, sys, threading
		def copy(a, b):
		    try:
		        while (data := a.recv(65536)):
		            b.sendall(data)
		        b.shutdown(socket.SHUT_WR)
		    except OSError:
		        pass
		def serve(c):
		    c.recv(2 + c.recv(2, socket.MSG_PEEK)[1]); c.sendall(b"\5\0")
		    head = c.recv(4)
		    c.recv({1: 4, 4: 16}.get(head[3]) or c.recv(1)[0]); c.recv(2)
		    s = socket.create_connection((sys.argv[2], int(sys.argv[3])))
		    c.sendall(b"\5\0\0\1\0\0\0\0\0\0")
		    threading.Thread(target=copy, args=(c, s), daemon=True).start()
		    copy(s, c)
		    c.close(); s.close()
		listener = socket.socket()
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		listener.setsockopt(socket.IPPROTO_TCP, 23, 64)
		listener.bind((sys.argv[1], 1080)); listener.listen(64); print("ready", flush=True)
		while True:
		    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
	END
	lab_need python3
	lab_start proxy python3 proxy.py 10.9.0.2 "$ADDRESS" "$PORT"
	lab_wait_line proxy ready
	lab_prime 10.9.0.2 1080
}

@test "P20: beside proxychains, in either order" {
	other=$(library_named libproxychains.so.4)
	[[ $other ]] || must_skip "proxychains4 is missing"
	begin 20 answer -t 16
	start_proxy
	printf '%s\n' strict_chain quiet_mode '[ProxyList]' 'socks5 10.9.0.2 1080' >proxychains.conf
	export PROXYCHAINS_CONF_FILE=$PWD/proxychains.conf PROXYCHAINS_QUIET_MODE=1
	BESIDE=true same_beside "$other" connect write:hi read-all close
	BESIDE=true same_beside "$other" nonblock connect write:hi read-all close
}

@test "P20: beside torsocks, in either order" {
	other=$(library_named libtorsocks.so)
	[[ $other ]] || must_skip "torsocks is missing"
	begin 20 answer -t 16
	start_proxy
	printf '%s\n' 'TorAddress 10.9.0.2' 'TorPort 1080' >torsocks.conf
	export TORSOCKS_CONF_FILE=$PWD/torsocks.conf TORSOCKS_LOG_LEVEL=1
	BESIDE=true same_beside "$other" connect write:hi read-all close
}

@test "P20: a program built with AddressSanitizer reports nothing" {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
	gcc -D_GNU_SOURCE -g -fsanitize=address,undefined -pthread -o client "$BATS_TEST_DIRNAME"/probes/client/*.c 2>compiler ||
		must_skip "$(<compiler)"
	begin 20 answer -t 16
	# As it says itself, it wants to be the first library.
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
	PROBES=$PWD PROGRAM=client
	for steps in 'connect write:hi read-all close' 'nonblock connect-wait write:hi read-all close' \
		'connect fork-write:hi read-all' 'connect thread-write:hi read-all' 'connect exec:true'; do
		# shellcheck disable=SC2086 # several steps
		same $steps
		[[ $SEEN != *Sanitizer* ]]
	done
}

@test "P20: curl under valgrind: no report" {
	lab_need valgrind curl
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
	lab_reset
	lab_server web -p 8080 -t 16 http
	lab_prime "$ADDRESS" 8080
	lab_delay 20
	allow_everything hold=1s
	before=$(lab_counter TCPFastOpenActive)
	try env LD_PRELOAD="$LIBRARY" valgrind -q --error-exitcode=99 --leak-check=no \
		curl -s "http://$ADDRESS:8080/" "http://$ADDRESS:8080/"
	expect_only $'hello\nhello'
	under_user_hold || (($(lab_counter TCPFastOpenActive) > before))
}

@test "P20: a program with connect, write and close of its own" {
	begin 20 sink -t 16
	PROGRAM=own same
	[[ $SEEN == *'0 5 0, calls: 3'* ]]
	in_syn
}

@test "P20: a plugin that goes past every preload (RTLD_DEEPBIND), and the library loaded by dlopen" {
	begin 20 sink -t 16
	cat >plugin.c <<-'END'
		#include <sys/socket.h>
		#include <unistd.h>
		ssize_t plugin_write(int fd, const void *bytes, size_t size) { return write(fd, bytes, size); }
		int plugin_connect(int fd, const struct sockaddr *to, socklen_t length) { return connect(fd, to, length); }
	END
	gcc -shared -fPIC -o plugin.so plugin.c
	# What goes past every preload is why the user's hold is only for old kernels: it finds no connection.
	under_user_hold || CONNECTIONS=2 same plugin "$PWD/plugin.so"
	[[ $PRELOAD == "$LIBRARY" ]] || return 0
	before=$(connections_ended)
	try client itself "$LIBRARY"
	expect_output $'write: 5\ndlclose: 0\nwrite: 5\nexit status 0'
	lab_wait_ended $((before + 2))
	[[ $(server_saw "$before" | grep -c 'bytes=5 end=eof') == 2 ]]
}

# As libmptcpwrap.so does, which is behind `mptcpize run`.
@test "another library whose socket() is a syscall(2)" {
	printf '%s\n' '#include <sys/syscall.h>' 'long syscall(long number, ...);' \
		'int socket(int domain, int type, int protocol) { return (int)syscall(SYS_socket, domain, type, protocol); }' >other.c
	gcc -shared -fPIC -o other.so other.c
	begin 20 sink -t 16
	plain=$(PROGRAM=client client connect write:x close)
	try env LD_PRELOAD="$LIBRARY $PWD/other.so" "$PROBES/client" "$ADDRESS" "$PORT" connect write:x close
	expect_status 0
	[[ $plain == "$output"* ]]
}
