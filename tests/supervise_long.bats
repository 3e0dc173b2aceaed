#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# tfo-run --supervise for long, under pressure, and with programs that are compiled here.
# bats file_tags=long

load helper
load lab/lab.bash
load sockets.bash
load supervise.bash

ALLOWED_PORTS='*'

teardown() {
	lab_until 20 no_supervisors
	lab_reset
}

descriptors() { # PID
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

resident_kb() { # PID
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

@test "10000 connections one after the other leave nothing behind in the supervisor" {
	prepare 0 echo -t 256
	# The first ones have touched all that is used.
	supervised sh -c '"$@" loop 500 && touch warm && until [ -e go ]; do sleep 0.1; done
		"$@" loop 9500 && touch finished && until [ -e end ]; do sleep 0.1; done' - "$ASYNC" "$ADDRESS" "$PORT" &
	program=$!
	lab_until 60 test -e warm
	supervisor=$(supervisors | tail -n 1)
	fds=$(descriptors "$supervisor") kb=$(resident_kb "$supervisor")
	touch go
	lab_until 120 test -e finished
	sleep 0.5
	echo "descriptors $fds, then $(descriptors "$supervisor"); resident $kb kB, then $(resident_kb "$supervisor") kB"
	(($(descriptors "$supervisor") == fds && $(resident_kb "$supervisor") <= kb + 256))
	touch end
	wait $program
	(($(grep -c ' bytes=6 end=eof syn_data=1 ' "$(lab_log server)") > 9900))
}

@test "with no memory to be had the supervisor goes on, also where it could watch no more sockets" {
	prepare 20 echo -t 1024
	supervised "$ASYNC" "$ADDRESS" "$PORT" get
	ulimit -n 2048
	supervised sh -c 'until [ -e go ]; do sleep 0.1; done; "$@"' - "$ASYNC" "$ADDRESS" "$PORT" many 400 &
	lab_until 5 supervisors
	for pid in $(supervisors); do
		prlimit --as=1000000 --data=1000000 --nofile=40 --pid "$pid"
	done
	ended=$(connections_ended)
	touch go
	wait $!
	lab_wait_ended $((ended + 400)) 20
	(($(tail -n 400 "$(lab_log server)" | grep -c ' bytes=6 end=eof ') == 400))
	grep -q 'syn_data=1' "$(lab_log server)"
	tail -n 400 "$(lab_log server)" | grep -q 'syn_data=0'
}

@test "thousands of short children, some of them killed in the middle" {
	prepare 10 echo -t 256
	supervised "$ASYNC" "$ADDRESS" "$PORT" get
	for _ in 1 2 3 4 5 6 7 8; do
		try supervised "$ASYNC" "$ADDRESS" "$PORT" forks 400
		expect_only '0 failed'
		timeout -s KILL 0.05 tfo-run --supervise "$ASYNC" "$ADDRESS" "$PORT" forks 400 || :
	done
	lab_until 20 no_supervisors
}

go_program() { # NAME, its source on stdin
	lab_need go
	mkdir "$1"
	cat >"$1/main.go"
	GOCACHE=$BATS_FILE_TMPDIR/go GO111MODULE=off CGO_ENABLED=0 go build -o "$1/$1" "$1/main.go"
	PROGRAM=$PWD/$1/$1
}

# The same output and status without and with, the second time under a destination that is known.
same_both_ways() { # COMMAND...
	try "$@"
	plain=$output$status$stderr
	for _ in 1 2; do
		try supervised "$@"
		[[ $output$status$stderr == "$plain" ]] || unexpected "$plain"
	done
}

@test "Go: net/http in a loop, a server that speaks first, one that refuses, one that is not there" {
	go_program web <<-'END'
		package main
		import ("fmt"; "io"; "net"; "net/http"; "os"; "regexp"; "time")
		// The local port is another one each time.
		var local = regexp.MustCompile(`10\.9\.0\.1:[0-9]{5}`)
		func check(err error) {
			if err != nil { fmt.Println(local.ReplaceAllString(err.Error(), "local")); os.Exit(3) }
		}
		func main() {
			if os.Args[1] == "read" {
				connection, err := net.DialTimeout("tcp", os.Args[2], 3*time.Second)
				check(err)
				greeting := make([]byte, 8)
				_, err = io.ReadFull(connection, greeting)
				check(err)
				fmt.Printf("%q from %s\n", greeting, connection.RemoteAddr())
				fmt.Fprintf(connection, "QUIT\r\n")
				check(connection.(*net.TCPConn).CloseWrite())
				rest, err := io.ReadAll(connection)
				check(err)
				fmt.Printf("%q\n", rest)
				return
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for i := 0; i < 5; i++ {
				answer, err := client.Get(os.Args[2])
				check(err)
				body, err := io.ReadAll(answer.Body)
				check(err)
				fmt.Println(answer.Status, len(body))
			}
		}
	END
	prepare 50 http -t 16
	same_both_ways "$PROGRAM" get "http://$ADDRESS:$PORT/"
	(($(tail -n 5 "$(lab_log server)" | grep -c syn_data=1) == 5))
	same_both_ways "$PROGRAM" get "http://$ADDRESS:7001/"
	[[ $output == *'dial tcp 10.9.0.1:7001: connect: connection refused' ]] || unexpected 'connection refused'
	same_both_ways "$PROGRAM" read 198.51.100.1:7000
	lab_stop server
	lab_server server -p "$PORT" -t 16 speak-first
	for _ in 1 2 3; do
		same_both_ways "$PROGRAM" read "$ADDRESS:$PORT"
	done
	[[ $output == *'220 hi'* ]] || unexpected 'the greeting'
}
