#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long
#
# The storm of storm.bats, for a minute.

load helper
load lab/lab.bash
load sockets
load storm

@test "a minute of processes killed at any instruction and random bytes in the file" {
	weather_the_storm 60
}
