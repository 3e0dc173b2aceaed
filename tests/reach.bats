#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What LD_PRELOAD cannot reach: tfo-run says so, and does not run it. What it reaches is not refused. No network.

load helper

setup() {
	fresh_environment
	printf '#include <stdio.h>\nint main(void)\n{\n\tputs("ran");\n\treturn 0;\n}\n' >program.c
}

build() { # NAME [OPTION...]
	gcc -o "$1" program.c "${@:2}" 2>compiler || must_skip "$(<compiler)"
}

script() { # NAME INTERPRETER
	printf '#!%s\necho ran\n' "$2" >"$1"
	chmod +x "$1"
}

overwrite() { # FILE OFFSET BYTES, as printf has them
	# shellcheck disable=SC2059 # a format is what is wanted
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

refused() { # FILE SENTENCE
	try tfo-run "$1"
	expect_failure 125 "tfo-run: $1: $2"
	try tfo-run -n "$1"
	expect_failure 125 "tfo-run: $1: $2"
}

not_executable() { # FILE SENTENCE
	try tfo-run "$1"
	expect_failure 126 "tfo-run: $1: $2"
}

runs() { # FILE
	try tfo-run "$1"
	expect_only ran
}

HINT='; tfo-run --supervise reaches it, under rules with payload any or supervise=yes'
STATIC="statically linked, so no loader runs that would read LD_PRELOAD$HINT"
GO="a Go program, which makes its system calls itself and not through libc$HINT"
SETUID='setuid, so the loader ignores LD_PRELOAD'

@test "P22: a static program is refused" {
	build static -static
	refused ./static "$STATIC"
	build static-pie -static-pie
	refused ./static-pie "$STATIC"
	PATH=$PWD:$PATH refused static "$STATIC"
	mkdir -- -d
	mv static ./-d
	try tfo-run -- -d/static
	expect_failure 125 "tfo-run: -d/static: $STATIC"
}

@test "P22: -f runs a static wrapper, and the program that it execs is reached; all else is checked as ever" {
	printf '#include <unistd.h>\nint main(int c, char **v)\n{\n\t(void)c;\n\texecvp(v[1], v + 1);\n\treturn 127;\n}\n' >wrapper.c
	gcc -static -o wrapper wrapper.c 2>compiler || must_skip "$(<compiler)"
	try tfo-run ./wrapper grep -o -m 1 libtfo-preload.so /proc/self/maps
	expect_failure 125 "tfo-run: ./wrapper: $STATIC"
	for option in -f --force -fv; do
		try tfo-run $option ./wrapper grep -o -m 1 libtfo-preload.so /proc/self/maps
		expect_status 0
		expect_output libtfo-preload.so
	done
	try tfo-run -fn ./wrapper true
	expect_status 0
	TFO_RULES='allow * 443 tsl' try tfo-run -f ./wrapper touch ran
	expect_status 125
	expect_error_with 'tfo-run: ./wrapper: not run, because the policy is refused'
	[[ ! -e ran ]]
	try tfo-run -f ./missing
	expect_failure 127 'tfo-run: ./missing: no such file'
}

@test "P22: a static musl program is refused, a dynamic one runs" {
	command -v musl-gcc >/dev/null || must_skip "no musl-gcc"
	musl-gcc -static -o static program.c
	refused ./static "$STATIC"
	musl-gcc -o dynamic program.c
	runs ./dynamic
}

@test "P22: a Go program is refused, dynamic or not, by its note or its section" {
	echo information >information
	build plain
	objcopy --add-section .go.buildinfo=information plain with-section
	refused ./with-section "$GO"
	cat >note.s <<-'END'
		.section .note.go.buildid,"a",@note
		.long 4, 4, 4
		.asciz "Go\0"
		.asciz "abc"
	END
	build with-note note.s
	strip --strip-section-headers with-note 2>/dev/null || overwrite with-note 60 '\0\0\0\0' # e_shnum, e_shstrndx
	refused ./with-note "$GO"
	build static-with-note -static note.s
	refused ./static-with-note "$GO"
	sed 's/"Go\\0"/"No\\0"/' note.s >other.s
	build other-note other.s
	runs ./other-note
	objcopy --add-section .go.buildinfo2=information plain other-section
	runs ./other-section
}

@test "P22: a program of another architecture or class is refused" {
	own=$(uname -m)
	build machine
	overwrite machine 18 '\026\0'
	refused ./machine "built for s390, but the library is for ${own/x86_64/x86-64}"
	build class
	overwrite class 4 '\001'
	overwrite class 18 '\003\0'
	refused ./class "built for 32-bit x86, but the library is for ${own/x86_64/x86-64}"
	build order
	overwrite order 5 '\002'
	overwrite order 18 '\0\026'
	refused ./order "built for s390, but the library is for ${own/x86_64/x86-64}"
}

privileges_can_be_gained() {
	! grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status || must_skip "no_new_privs is set"
	[[ ,$(findmnt -no OPTIONS -T .), != *,nosuid,* ]] || must_skip "nosuid here"
}

# There is one user here, so another one is acted, by a preload. So tfo-run must not find the static tfoctl, which that
# does not reach.
as_another_user() { # COMMAND...
	local PATH=$PWD/acted/bin:$PATH
	if [[ ! -d acted ]]; then
		mkdir -p acted/bin acted/lib
		cp "$TFO_BUILD/bin/tfo-run" "$TFO_BUILD/bin/tfoctl" acted/bin
		cp "$LIBRARY" acted/lib
	fi
	cat >other.c <<-'END'
		unsigned int getuid(void) { return 1000; }
		unsigned int geteuid(void) { return 1000; }
		unsigned int getgid(void) { return 1000; }
		unsigned int getegid(void) { return 1000; }
	END
	gcc -shared -fPIC -o other.so other.c
	LD_PRELOAD=$PWD/other.so "$@"
}

@test "P22: a setuid or setgid program of somebody else is refused; one's own is not" {
	privileges_can_be_gained
	build setuid
	chmod 4755 setuid
	runs ./setuid
	as_another_user refused ./setuid "$SETUID"
	chmod 4711 setuid
	as_another_user refused ./setuid "$SETUID"
	build setgid
	chmod 2755 setgid
	runs ./setgid
	as_another_user refused ./setgid "${SETUID/setuid/setgid}"
	chmod 2745 setgid # without the group's x it is another bit
	as_another_user runs ./setgid
}

@test "P22: su" {
	su=$(command -v su) && [[ -u $su ]] || must_skip "no su that is setuid"
	[[ ,$(findmnt -no OPTIONS -T "$su"), != *,nosuid,* ]] || must_skip "nosuid there"
	privileges_can_be_gained
	as_another_user refused su "$SETUID"
}

@test "P22: a setuid bit that the kernel does not mind, because of no_new_privs, is no reason" {
	build setuid
	chmod 4755 setuid
	no_new_privileges() {
		setpriv --no-new-privs tfo-run ./setuid
	}
	as_another_user try no_new_privileges
	expect_only ran
}

@test "P22: a program with file capabilities is refused, unless the user is root" {
	privileges_can_be_gained
	build capable
	chmod 755 capable
	chmod 711 .
	python3 - capable <<-'END' || must_skip "file capabilities cannot be set here"
		import os, struct, sys
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x2000001, 1 << 13, 0, 0, 0))
	END
	runs ./capable
	try unshare -U --map-user=1000 tfo-run ./capable
	expect_failure 125 'tfo-run: ./capable: has file capabilities, so the loader ignores LD_PRELOAD'
}

@test "P22: a script is followed to its interpreter" {
	build static -static
	script script "$PWD/static"
	refused ./script "its interpreter $PWD/static: $STATIC"
	script through-script ./script
	refused ./through-script "its interpreter $PWD/static: $STATIC"
	printf '#! \t%s/static  -x\n' "$PWD" >spaces
	chmod +x spaces
	refused ./spaces "its interpreter $PWD/static: $STATIC"
	script sh /bin/sh
	runs ./sh
	script env '/usr/bin/env sh'
	runs ./env
	script endless ./endless
	try tfoctl check --quiet ./endless # the kernel has its own word for that
	expect_only ''
}

@test "P22: an interpreter that cannot be run: 126" {
	script missing /missing/sh
	not_executable ./missing 'its interpreter /missing/sh: no such file'
	script windows $'/bin/sh\r'
	not_executable ./windows 'its interpreter /bin/sh?: no such file'
	echo >plain
	script not-executable ./plain
	not_executable ./not-executable 'its interpreter ./plain: Permission denied'
}

@test "P22: a loader that is missing: 126" {
	build other-libc -Wl,--dynamic-linker=/missing/ld.so
	not_executable ./other-libc 'its loader /missing/ld.so: no such file'
}

@test "P22: what is no program, a loader, or cannot be read, is left to the kernel" {
	echo 'echo ran' >no-interpreter
	chmod +x no-interpreter
	runs ./no-interpreter
	: >empty
	chmod +x empty
	try tfo-run ./empty
	expect_only ''
	build program
	loader=$(readelf -lW program | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
	try tfo-run "$loader" ./program
	expect_only ran
	chmod 711 .
	chmod 111 program
	try unshare -U --map-user=1000 sh -c '! cat program 2>/dev/null && exec tfo-run ./program'
	[[ $output == ran ]] || must_skip "no user without privileges can be made here: $stderr"
	expect_only ran
}

@test "P22: a file that lies about itself ends the check, not the checker" {
	build program
	build static-pie -static-pie
	RANDOM=1
	for original in program static-pie; do
		for ((i = 0; i < 40; i++)); do
			cp $original broken
			# Half of them cut short, the others with some bytes of their headers changed.
			if ((i % 2)); then
				truncate -s $((RANDOM % 1200)) broken
			else
				for _ in 1 2 3; do
					overwrite broken $((4 + RANDOM % 900)) "\\x$(printf %x $((RANDOM % 256)))"
				done
			fi
			try timeout 5 tfoctl check --quiet -- ./broken
			[[ $status =~ ^(0|125|126)$ ]] || {
				cp broken "$BATS_TMPDIR/broken"
				unexpected "0, 125 or 126"
			}
			expect_error ''
		done
	done
}

forks_of() { # COMMAND...
	strace -f -qq -o trace -e trace=clone,clone3,fork,vfork "$@" || must_skip "strace cannot be used here"
	forks=$(grep -cE '(clone3?|v?fork)\(' trace)
}

@test "tfo-run forks once, or twice where its shell has lost a variable" {
	forks_of env -i PATH="$PATH" tfo-run true
	((forks == 1)) || {
		cat trace
		return 1
	}
	forks_of env -i PATH="$PATH" a-b=1 tfo-run true
	((forks == 2)) || {
		cat trace
		return 1
	}
}
