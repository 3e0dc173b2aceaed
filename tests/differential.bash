# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # Bats and helper.bash set lines and output
#
# The differential tester, for differential.bats and differential_long.bats. Those `load helper`,
# `load lab/lab.bash` and `load sockets` first.

teardown() {
	lab_reset
}

# Prints what was run, and the smallest program that differs. A part of the programs must have had
# data in a SYN: else nothing was tested.
programs_are_the_same() { # HOLD FIRST-LAST
	local held all
	lab_reset
	try "$BATS_TEST_DIRNAME/differential/differ.py" --hold "$1" --seeds "$2" --preload "$PRELOAD"
	echo "$output"
	expect_status 0
	read -r all _ <<<"${lines[-1]}"
	held=${lines[-1]#*s: }
	((${held%% *} * 6 > all)) || unexpected 'data in the SYN in more than one program in six'
}
