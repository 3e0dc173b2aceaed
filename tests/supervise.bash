# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # some variables are for the files that load this
#
# What supervise.bats and supervise_long.bats share: a program under tfo-run --supervise, and its supervisors. For files
# that load helper, lab/lab.bash and sockets first.

setup() {
	fresh_environment
	unset TFO_HOLD # there is only the kernel's here
	ASYNC=$PROBES/async
}

# Those of this network, which is this test's alone.
supervisors() {
	pgrep -x --ns $$ --nslist net tfo-supervise
}

no_supervisors() {
	! supervisors >/dev/null
}

# As begin() of the other files, with a memory, and a rule that is for supervisors.
prepare() { # RTT_MS MODE [SERVER-OPTION...]
	begin "$@"
	unset TFO_STATE
	export TFO_RULES="allow * ${ALLOWED_PORTS:-$PORT} any minrtt=0 hold=300ms"
}

supervised() { # COMMAND...
	tfo-run --supervise -- "$@"
}
