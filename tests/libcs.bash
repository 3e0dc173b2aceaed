# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # some variables are for sockets.bash
#
# What libcs.bats and libcs_long.bats share: what the shared object may ask of a loader and of a libc, and the tests that
# are the same under each libc. For files that load helper, lab/lab.bash and sockets first.

needs_release_library() {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
}

# --- what the object asks for ---

# The names that objects have (defined) or cannot do without (undefined, not weak).
names() { # defined|undefined OBJECT...
	nm -D "--$1-only" "${@:2}" | awk 'NF > 1 && $(NF - 1) != "w" { sub(/@.*/, "", $NF); print $NF }' | sort -u
}

# No line of stdin, but those of the regular expression ALLOWED.
only() { # WHAT ALLOWED
	local others
	others=$(grep -vxE "$2" | sort | uniq -c)
	[[ -n $others ]] || return 0
	printf 'not only %s, also:\n%s\n' "$1" "$others"
	return 1
}

# No version of a symbol, and no library that a small image lacks.
asks_for_no_version() { # OBJECT
	objdump -T "$1" >symbols
	objdump -p "$1" >headers
	run ! grep -e GLIBC -e TEXTREL -e RPATH -e RUNPATH symbols headers
	[[ $(awk '/NEEDED/ { print $2 }' headers) == libc.so.6 ]]
}

# Nothing that the loaders of glibc 2.17 and of musl do not know: relocations packed (DT_RELR, glibc 2.36) or of
# thread-local storage that is found by a descriptor, indirect functions, sections that only newer linkers make.
asks_nothing_new_of_loader() { # OBJECT
	readelf -hW "$1" | grep -q 'OS/ABI: *UNIX - System V$'
	readelf -rW "$1" | awk '$3 ~ /^R_/ { print $3 }' >relocations
	[[ -s relocations ]]
	only 'relocations of old' 'R_(X86_64|AARCH64)_(RELATIVE|GLOB_DAT|JUMP_SLOT?|64|ABS64|TPOFF64|TLS_TPREL64?)' <relocations
	readelf -dW "$1" | sed -n 's/^ 0x[0-9a-f]* *(\([A-Z_0-9]*\)).*/\1/p' >tags
	grep -qx GNU_HASH tags # glibc 2.5, musl 0.9.14
	only 'dynamic tags of old' \
		'NEEDED|INIT_ARRAY(SZ)?|FINI_ARRAY(SZ)?|(GNU_)?HASH|STR(TAB|SZ)|SYM(TAB|ENT)|PLT(GOT|RELSZ|REL)|JMPREL|RELA(SZ|ENT|COUNT)?|FLAGS(_1)?|NULL' <tags
	readelf -lW "$1" | awk '$2 ~ /^0x/ { print $1 }' |
		only 'segments of old' 'LOAD|DYNAMIC|NOTE|TLS|GNU_(PROPERTY|EH_FRAME|STACK|RELRO)'
}

# It asks for nothing that the libraries of a libc do not have. What an old glibc keeps apart counts as one.
has_all_it_asks_for() { # OBJECT LIBRARY...
	names undefined "$1" >asked
	[[ -s asked ]]
	names defined "${@:2}" >offered
	comm -23 asked offered >missing
	[[ ! -s missing ]] || {
		echo "not in ${*:2}: $(<missing)"
		return 1
	}
}

# The versions that a glibc has of the names asked for: "name 2.2.5 2.34", oldest first.
versions_of_asked() { # LIBC
	objdump -T "$1" | awk 'NF > 1 && $(NF - 1) ~ /GLIBC_2/ { gsub(/[()]/, ""); print $NF, substr($(NF - 1), 7) }' |
		sort -u -k 1,1 -k 2,2V | awk '
			NR == FNR { asked[$1]; next }
			!($1 in asked) { next }
			$1 != name { if (name) print line; name = line = $1 }
			{ line = line " " $2 }
			END { print line }' asked -
}

# What it asks of this glibc has been there since 2.17. As it names no version it gets the oldest: there must be only one,
# or the older must do as well. Since 2.32 functions have moved here from libpthread and libdl, and clock_gettime with
# 2.17; the older memcpy is memmove.
asks_for_nothing_new() { # OBJECT LIBC
	local name oldest others
	has_all_it_asks_for "$@"
	versions_of_asked "$2" >versions
	(($(wc -l <versions) > 30))
	while read -r name oldest others; do
		[[ $(printf '%s\n' "$oldest" 2.17 | sort -V | tail -n 1) == 2.17 ]] || {
			echo "$name came with glibc $oldest"
			return 1
		}
		[[ $others =~ ^(2\.3[234])?$ || $name == @(memcpy|clock_gettime) ]] || {
			echo "$name has changed with glibc $others"
			return 1
		}
	done <versions
}

AARCH64=$TFO_BUILD/aarch64

build_for_aarch64() { # TARGET...
	local output
	output=$(cmake -S "$BATS_TEST_DIRNAME/.." --preset aarch64 -B "$AARCH64" -DTFO_WERROR=ON 2>&1 &&
		cmake --build "$AARCH64" --parallel "$(nproc)" --target "$@" 2>&1) || {
		printf '%s\n' "$output"
		return 1
	}
}

# --- the same tests, under each libc ---

# Runs a program where the libc is that is tested; with the library if $LOADED. Files that test another libc define it again.
there() { # PROGRAM [ARG...]
	timeout 30 env ${LOADED:+"LD_PRELOAD=$LOADED"} "$@"
}

CLIENT=$PROBES/client-any
client() {
	there "$CLIENT" "$ADDRESS" "$PORT" "$@" 2>&1 3>&-
	echo "exit status $?"
}

with_library() {
	local LOADED=$PRELOAD
	"$@"
}

holds_and_emits() {
	begin 20 answer -t 16
	for how in write send sendto sendmsg writev; do
		same connect "$how:hello" read-all close
		in_syn
	done
	same nonblock connect-wait peer name error write:hello read-all close
	in_syn_though_looked_at
	same connect thread-write:hi read-all
	in_syn
}

releases() {
	begin 20 answer -t 16
	allow_everything hold=20ms
	same connect sleep:60 write:hi read-all
	not_in_syn
	allow_everything
	for steps in 'dup write:hi read-all' 'fork-write:hi read-all' 'fdopen fprintf:hi fclose' \
		'sendfile:hi close' 'poll:out:1000 write:hi poll:in:1000 read-all' 'in-child write:hi read-all' \
		'background:read-all write:hi join'; do
		# shellcheck disable=SC2086 # several steps
		same connect $steps
	done
	# qemu 7.2 ends a child that starts a thread if its parent has several.
	[[ -n ${EMULATED-} ]] || same connect fork-close write:hi read-all
	same connect 'vfork-exec:exit 4' write:hi read-all
	same connect 'system:exit 4' write:hi read-all
}

# The end of the socket, the program or the process, while it is held or in flight.
delivers_at_the_end() {
	begin 20 sink -t 16
	for finish in close shutdown _exit:3 exit:3 quick_exit:3 syscall-exit:3 syscall-close closefrom close-range return \
		'exec:exit 4'; do
		same connect 'write:hello world' "$finish"
		[[ $SEEN == *'bytes=11 end=eof'* ]]
		same nonblock connect-wait 'write:hello world' "$finish"
		[[ $SEEN == *'bytes=11 end=eof'* ]]
		same connect "$finish"
	done
	same connect "signals:3" 'write:hello world' signals-off close
}

refuses() {
	begin 20 answer -t 16
	local PORT=7001 CONNECTIONS=0
	export TFO_RULES="allow * * any minrtt=0"
	same connect
	[[ $SEEN == *'connect: ECONNREFUSED'* ]]
	same nonblock connect poll:out:2000 error
	[[ $SEEN == *'connect: EINPROGRESS'*'error: ECONNREFUSED'* ]]
}

same_tests() {
	holds_and_emits
	releases
	delivers_at_the_end
	refuses
}
