# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # most variables are for the tests
#
# What all Bats files begin with: `load helper`. Paths of what was built, an environment in which
# nothing of the user's can be seen, and a few words for what a test expects. A file that needs a
# setup() of its own calls fresh_environment first in it.

bats_require_minimum_version 1.5.0

TFO_BUILD=${TFO_BUILD:-$BATS_TEST_DIRNAME/../build}
TFO_BUILD=$(cd "$TFO_BUILD" && pwd)
PROBES=$TFO_BUILD/tests/probes
LIBRARY=$TFO_BUILD/lib/libtfo-preload.so
PATH=$TFO_BUILD/bin:$PATH

fresh_environment() {
	local name
	for name in "${!TFO_@}"; do
		case $name in
		TFO_BUILD | TFO_MUST_WORK | TFO_LAB | TFO_TEST_HOLD) ;;
		*) unset "$name" ;;
		esac
	done
	unset LD_PRELOAD
	[[ -z ${TFO_TEST_HOLD-} ]] || export TFO_HOLD=$TFO_TEST_HOLD
	export HOME=$BATS_TEST_TMPDIR/home
	export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$XDG_RUNTIME_DIR"
	chmod 700 "$XDG_RUNTIME_DIR"
	cd "$BATS_TEST_TMPDIR" || return
}

setup() {
	fresh_environment
}

# For what this machine cannot do. In CI, where it must, that is a failure.
must_skip() { # REASON
	[[ ${TFO_MUST_WORK-} != 1 ]] || {
		echo "cannot be skipped here: $1"
		return 1
	}
	skip "$1"
}

# Runs a command for the expect_ functions: $status, $output and $stderr, and ${lines[@]} of $output.
# (Not Bats' run: it warns at every status 127, which several tests are about.)
try() { # COMMAND [ARG...]
	status=0
	output=$("$@" 2>"$BATS_TEST_TMPDIR/.stderr") || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/.stderr")
	mapfile -t lines <<<"$output"
}

unexpected() { # WHAT
	printf 'expected %s\nstatus: %s\nstdout: %s\nstderr: %s\n' "$1" "$status" "$output" "$stderr"
	return 1
}

expect_status() { # NUMBER
	((status == $1)) || unexpected "status $1"
}

expect_output() { # TEXT
	[[ $output == "$1" ]] || unexpected "on stdout: $1"
}

expect_error() { # TEXT
	[[ $stderr == "$1" ]] || unexpected "on stderr: $1"
}

expect_error_with() { # PART
	[[ $stderr == *"$1"* ]] || unexpected "on stderr, among the rest: $1"
}

# An ordinary success that says nothing but TEXT.
expect_only() { # TEXT
	expect_status 0 && expect_output "$1" && expect_error ''
}

# A failure in one line.
expect_failure() { # STATUS LINE
	expect_status "$1" && expect_output '' && expect_error "$2"
}
