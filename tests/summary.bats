#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run -s: what one run has saved, and nobody else's savings; and apart from these lines nothing is different from a
# run without it, whoever sends which signal, and however the program ends.

load helper
load lab/lab.bash
load sockets

setup() {
	fresh_environment
	lab_need curl nginx nft
	lab_reset
	export TFO_RULES='allow * * any minrtt=0'
	# A new process for each request; its first write is one that the user's hold waits for, too.
	cat >requests <<-'END'
		#!/usr/bin/python3
		import socket, sys
		for _ in range(int(sys.argv[1])):
		    try:
		        s = socket.create_connection(("10.9.0.1", int(sys.argv[2]) if sys.argv[2:] else 8080))
		        s.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
		        while s.recv(4096):
		            pass
		        s.close()
		    except OSError:
		        pass
	END
	chmod +x requests
}

teardown() {
	lab_reset
}

web() {
	lab_nginx
	lab_delay 20
}

# The first two lines: round trips, then connections, held, in the SYN, acknowledged.
summary_is() { # SAVED CONNECTIONS HELD IN_SYN ACKNOWLEDGED
	local trips=s connections=s
	(($1 == 1)) && trips=
	(($2 == 1)) && connections=
	[[ $stderr =~ ^"tfo-run: $1 round trip$trips saved, "([0-9]+)\.[0-9]" ms"$'\n'"tfo-run: $2 connection$connections: $3 held, $4 with data in the SYN, $5 acknowledged"($'\n'|$) ]] ||
		unexpected "$*"
	SAVED_MS=${BASH_REMATCH[1]}
}

@test "what is counted: connections, those held, data in the SYN, acknowledged, round trips and their time" {
	web
	try tfo-run -s ./requests 1
	expect_status 0
	expect_output ''
	summary_is 0 1 0 0 0
	try tfo-run --summary ./requests 3
	summary_is 3 3 3 3 3
	((SAVED_MS >= 54 && SAVED_MS < 150)) || unexpected "three round trips of 20 ms"
	[[ $stderr != *$'\n'*$'\n'* ]] || unexpected "two lines"
}

@test "children are counted, and other processes of the user at the same time are not" {
	web
	tfo-run ./requests 1
	cat >both <<-'END'
		./requests 1 &
		sh -c './requests 2'
		env -u TFO_SUMMARY ./requests 4
		wait
	END
	try tfo-run -s sh both
	expect_status 0
	summary_is 3 3 3 3 3
	[[ $(tfoctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["destinations"][0]["connections"])') == 8 ]]
	try tfo-run -s tfo-run -s ./requests 2
	summary_is 2 2 2 2 2
	stderr=${stderr#*$'\n'*$'\n'}
	summary_is 2 2 2 2 2
	TFO_STATE=off TFO_RULES='allow * * any minrtt=0 verify=off' try tfo-run -s ./requests 2
	summary_is 2 2 2 2 2
}

@test "what went wrong is said: lost, reset, suspended; not acknowledged" {
	web
	tfo-run ./requests 1
	lab_fault drop-syn-data
	try tfo-run -s ./requests 2
	summary_is 0 2 2 2 0
	[[ ${stderr##*$'\n'} == 'tfo-run: 2 SYN lost and sent again, 1 suspended' ]] || unexpected "2 lost, 1 suspended"
	lab_fault_clear
	tfoctl forget
	tfo-run ./requests 1
	lab_fault reset-syn-data
	try tfo-run -s ./requests 1
	summary_is 0 1 1 0 0
	[[ ${stderr##*$'\n'} == 'tfo-run: 1 SYN with data reset and connected plainly' ]] || unexpected "1 reset"
	lab_fault_clear
	tfoctl forget
	tfo-run ./requests 1
	lab_spoil_cookies
	try tfo-run -s ./requests 1
	summary_is 0 1 1 1 0
	try tfo-run -s ./requests 1 8999
	summary_is 0 1 0 0 0
	[[ ${stderr##*$'\n'} == 'tfo-run: 1 not connected' ]] || unexpected "1 not connected"
}

@test "servers: what was accepted, and how much of it with data in the SYN" {
	lab_start server tfo-run -s -l 7000 timeout -s INT 20 python3 -m http.server -b 10.9.0.1 7000
	lab_wait_port 10.9.0.1 7000
	tfo-run ./requests 3 7000
	kill "$(cat "$LAB_TMP/running/server")"
	lab_wait_line server '^tfo-run: 3 connections accepted, 2 with data in the SYN$'
}

@test "nothing was saved: one line" {
	try tfo-run -s true
	expect_status 0
	expect_error 'tfo-run: nothing saved: no connection was held, nor was a cookie asked for; -v says why'
}

@test "the program ends us as it ends: status, signal; and its streams are its own" {
	unset TFO_RULES
	for status in 0 1 125 126 127 255; do
		try tfo-run -s sh -c "exit $status"
		expect_status $status
	done
	for signal in HUP INT QUIT PIPE TERM USR1 KILL SEGV ABRT ALRM; do
		try sh -c "tfo-run -s sh -c 'kill -$signal \$\$'; exit \$?"
		expect_status $((128 + $(kill -l $signal)))
	done
	[[ ! -e core ]]
	try tfo-run -s sh -c 'cat; echo error >&2' <<<input
	expect_output input
	[[ ${stderr%%$'\n'*} == error ]] || unexpected "the program's error first"
	for closed in '2>&-' '<&-' '>&- 2>&- <&-' '2>/dev/full' '2> >(:)'; do
		try bash -c "tfo-run -s sh -c 'exit 9' $closed"
		expect_status 9
	done
	# shellcheck disable=SC2016 # the inner shell's
	try bash -c 'tfo-run -s sh -c "readlink /proc/\$\$/fd/*" 2>&-'
	[[ $output != *memfd* && $output != *tfo-run* ]] || unexpected "no descriptor of ours"
	try bash -c 'tfo-run -s sh -c "! test -e /proc/\$\$/fd/2" 2>&-'
	expect_status 0
}

@test "what cannot be run, and what a shell would run" {
	unset TFO_RULES
	try tfo-run -s missing
	expect_failure 127 'tfo-run: missing: command not found'
	try tfo-run -s "$PWD"
	expect_failure 126 "tfo-run: $PWD: is a directory"
	echo 'echo ran' >no-interpreter
	chmod +x no-interpreter
	try tfo-run -s ./no-interpreter
	expect_status 0
	expect_output ran
	printf '\177ELF' >broken
	chmod +x broken
	try tfo-run -s ./broken
	[[ $status =~ ^(2|126|127)$ ]] || unexpected "the status of a shell that runs it, or 126"
}

@test "without /proc there is no summary, and the program runs" {
	try unshare -m sh -c 'mount -t tmpfs none /proc && exec tfo-run -s sh -c "exit 9"'
	expect_status 9
	expect_error 'tfo-run: no summary: No such file or directory'
}

@test "the environment gains TFO_SUMMARY, and ours in LD_PRELOAD once, behind nothing of tfoctl's" {
	unset TFO_RULES TFO_HOLD
	try tfo-run -s env
	[[ $(comm -13 <(env | sort) <(sort <<<"$output") | sed 's/=.*//' | grep -vE '^(_|SHLVL|OLDPWD)$' | tr '\n' ' ') == 'LD_PRELOAD TFO_SUMMARY ' ]] ||
		unexpected "these two"
	LD_PRELOAD=libm.so.6:$LIBRARY try tfo-run -s printenv LD_PRELOAD
	expect_output "libm.so.6:$LIBRARY"
	LD_PRELOAD=libm.so.6 try tfo-run -s printenv LD_PRELOAD
	expect_output "$LIBRARY:libm.so.6"
}

@test "-n says what -s would run, and a shell does it" {
	unset TFO_RULES TFO_HOLD
	try tfo-run -ns -a '* 80 http' touch ran
	expect_only "TFO_RULES='allow * 80 http' \\
$TFO_BUILD/bin/tfoctl run --summary LD_PRELOAD=$LIBRARY -- touch ran"
	[[ ! -e ran ]]
	try sh -c "$output"
	expect_status 0
	[[ -e ran && $stderr == 'tfo-run: nothing saved'* ]] || unexpected "a summary"
}

@test "TFO_SUMMARY that is no tally is not touched" {
	printf 'text\n%4096s' x >file
	cp file before
	for name in "$PWD/file" /dev/null /dev/zero "$PWD" "$PWD/missing" relative /proc/self/fd/0; do
		TFO_SUMMARY=$name with_library ./requests 1
	done
	cmp file before
	[[ ! -e missing ]]
}

# --- signals

# Runs a Python program that starts the command behind it, `start()`, and judges what it sees.
judge() { # PROGRAM [ARG...]
	cat >judge.py <<-'END'
		import os, signal, subprocess, sys, time
		def start(*command, **how):
		    p = subprocess.Popen(["tfo-run", "-s", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **how)
		    if command[0] == "./says":
		        assert p.stdout.readline() == b"ready\n"
		    return p
	END
	cat >says <<-'END'
		#!/usr/bin/python3
		# Names the signals that come, and ends with 7 at the word of SIGTERM.
		import os, signal, sys, time
		def say(number, frame):
		    os.write(1, (signal.Signals(number).name + "\n").encode())
		    if number == signal.SIGTERM:
		        os._exit(7)
		for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH):
		    if signal.getsignal(number) != signal.SIG_IGN:
		        signal.signal(number, say)
		os.write(1, b"ready\n")
		while True: # not pause(): a signal just before it would be told after the next one
		    time.sleep(0.05)
	END
	chmod +x says
	cat >>judge.py
	try timeout 60 python3 judge.py
	expect_status 0
}

@test "a signal that somebody sends us reaches the program, once" {
	unset TFO_RULES
	judge <<-'END'
		p = start("./says")
		for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH, signal.SIGTERM):
		    p.send_signal(number)
		    assert p.stdout.readline().decode() == number.name + "\n"
		assert p.wait() == 7
		assert p.stdout.read() == b""
		# By its default.
		for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE):
		    p = start("sh", "-c", "trap '' ALRM; echo up; exec sleep 20")
		    p.stdout.readline()
		    p.send_signal(number)
		    assert p.wait() == -number
	END
}

@test "what was ignored or blocked stays so, in the program alone" {
	unset TFO_RULES
	judge <<-'END'
		p = start("./says", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))  # nohup
		p.send_signal(signal.SIGHUP)
		p.send_signal(signal.SIGUSR1)
		assert p.stdout.readline() == b"SIGUSR1\n"
		p.kill()
		fields = lambda out: [l for l in out.decode().splitlines() if l.startswith(("SigBlk", "SigIgn"))]
		def strange():
		    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
		with_summary = start("cat", "/proc/self/status", preexec_fn=strange)
		seen = fields(with_summary.stdout.read())
		assert with_summary.wait() == 0
		assert seen == fields(subprocess.run(["tfo-run", "cat", "/proc/self/status"], stdout=subprocess.PIPE, preexec_fn=strange).stdout), seen
		# Some shells set SIGCHLD by themselves: without one.
		seen = fields(subprocess.run(["tfoctl", "run", "--summary", "--", "cat", "/proc/self/status"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=strange).stdout)
		assert int(seen[1].split()[1], 16) & 1 << signal.SIGCHLD - 1, seen
		assert seen == fields(subprocess.run(["cat", "/proc/self/status"], stdout=subprocess.PIPE, preexec_fn=strange).stdout), seen
	END
}

@test "on a terminal: its keys reach the program once, it stops and goes on as a job, and it reads" {
	unset TFO_RULES
	judge <<-'END'
		import pty, termios
		def job(*command):
		    """A shell of its own session, with the command as its job; what the shell sees comes by `told`."""
		    told, tell = os.pipe()
		    shell, terminal = pty.fork()
		    if shell:
		        os.close(tell)
		        return shell, terminal, os.fdopen(told)
		    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		    child = os.fork()
		    if child == 0:
		        os.setpgid(0, 0)
		        os.tcsetpgrp(0, os.getpgrp())
		        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
		        os.execvp("tfo-run", ["tfo-run", "-s", *command])
		    while True:
		        _, status = os.waitpid(child, os.WUNTRACED)
		        os.write(tell, b"%d\n" % status)
		        if not os.WIFSTOPPED(status):
		            os._exit(0)
		        os.tcsetpgrp(0, os.getpgrp())
		        time.sleep(0.1)
		        os.tcsetpgrp(0, child)
		        os.killpg(child, signal.SIGCONT)
		def until(terminal, text):
		    got = b""
		    while text not in got:
		        got += os.read(terminal, 1000)
		    return got
		# ^C, once; ^Z and fg; then a line, read from the terminal.
		code = '''
		import signal, sys
		signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
		signal.signal(signal.SIGCONT, lambda *_: print("goes on", flush=True))
		print("ready", flush=True)
		print("read " + sys.stdin.readline(), flush=True)
		'''.replace("\n\t\t", "\n")
		shell, terminal, told = job("/usr/bin/python3", "-c", code)
		until(terminal, b"ready")
		os.write(terminal, b"\x03")
		until(terminal, b"interrupted")
		os.write(terminal, b"\x1a")
		status = int(told.readline())
		assert os.WIFSTOPPED(status), status
		until(terminal, b"goes on")
		os.write(terminal, b"a line\n")
		rest = until(terminal, b"nothing saved")
		assert b"read a line" in rest and b"interrupted" not in rest, rest
		assert int(told.readline()) == 0
		# ^C by its default: we end by the same signal. ^\ too.
		for key, number in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
		    shell, terminal, told = job("sh", "-c", "ulimit -c 0; echo ready; exec sleep 20")
		    until(terminal, b"ready")
		    os.write(terminal, key)
		    status = int(told.readline())
		    assert os.WTERMSIG(status) == number, status
	END
}
