# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a suite is: a file NAME.suite of functions that `run` and `once` call.
#
#   suite_missing          prints what the machine lacks for it; nothing if it can be run
#   suite_parts LENGTH     prints the parts that can be run by themselves; LENGTH is short or long
#   suite_prepare          optional: gets and builds it in $SUITE_HOME, which is kept; outside the lab
#   suite_run PART         runs a part in an empty directory; writes "ok NAME", "fail NAME" and
#                          "skip NAME" into $RESULTS; its exit status tells a timeout (124)
#
# and the words that it may use for that.

# A part that hangs is ended, and has failed in the tests that did not come to their end.
SUITE_PATIENCE=${SUITE_PATIENCE:-300}
export SUITE_PATIENCE

limit() { # COMMAND [ARG...]
	timeout -k 5 "$((SUITE_PATIENCE + 10))" "$@"
}

# Runs a command under that limit, keeps what it says in the file `output`, and says it too.
record() { # COMMAND [ARG...]
	local status=0
	limit "$@" >output 2>&1 || status=$?
	cat output
	return "$status"
}

# What `output` tells in TAP. A test without a name is its number.
tap_results() {
	awk '/^(not )?ok [0-9]+/ {
			verdict = /^ok/ ? "ok" : "fail"
			if (/ # ([Ss][Kk][Ii][Pp]|TODO)/) verdict = "skip"
			number = verdict == "fail" || /^not/ ? $3 : $2
			sub(/^(not )?ok [0-9]+[ -]*/, ""); sub(/ *# (SKIP|[Ss]kip|TODO).*/, "")
			print verdict, $0 == "" ? "test " number : $0
		}' output
}

debian_release() {
	sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# The source of a Debian package, unpacked and patched, in $SUITE_HOME/NAME (source). Source packages may
# be missing from the system's own list, which is left as it is. Where the newest one has gone from
# the mirror, the release's own is taken.
debian_source() { # PACKAGE [NAME]
	local apt=$SUITE_HOME/apt place=$SUITE_HOME/${2-source}
	[[ ! -d $place ]] || return 0
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" || return
	apt-cache policy | sed -nE 's|^ *[0-9]+ (https?://[^ ]*debian[^ ]*) ([^ /]+)/main .*|deb-src \1 \2 main|p' |
		sort -u >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt/cache";
		APT::Sandbox::User "root";
	END
	rm -rf "$SUITE_HOME/unpacked"
	mkdir "$SUITE_HOME/unpacked" && cd "$SUITE_HOME/unpacked" &&
		APT_CONFIG=$apt/apt.conf apt-get -qq update &&
		{
			APT_CONFIG=$apt/apt.conf apt-get -qq source "$1" ||
				APT_CONFIG=$apt/apt.conf apt-get -qq source "$1/$(debian_release)"
		} && mv ./*/ "$place"
}
