#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bats file_tags=long,outside
#
# Debian's package in a Debian that has nothing else, and before Debian's own judge.

load helper
load packages/build.bash

setup_file() {
	build_package
}

setup() {
	fresh_environment
	need_package
}

@test "lintian has nothing to say" {
	[[ $(command -v lintian) ]] || must_skip "no lintian"
	try lintian --allow-root "$DEB"
	expect_only ''
}

# Every file, but for what dpkg notes.
list_root() {
	find root -xdev -printf '%y %m %U %G %P %l\n' |
		grep -vE ' (var/lib/dpkg/(status|status-old|lock|lock-frontend|triggers/(Lock|Unincorp))|var/log/dpkg.log) $' | sort
}

@test "in a new minimal system: dpkg -i, tfo-run curl gains, dpkg -r leaves nothing behind" {
	((EUID == 0)) || must_skip "only root can make such a system"
	[[ $(command -v debootstrap) ]] || must_skip "no debootstrap"
	# Of the same release, and from where this machine gets its packages.
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# shellcheck disable=SC2016 # apt-get expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" "Created-By: Packages" | head -n 1)
	[[ $mirror ]] || must_skip "apt does not know where $suite is"
	# Its mounts end with it, even if it is killed: where a test cleans up, nothing of the host's must be mounted.
	unshare -m debootstrap --variant=minbase --include=curl "$suite" root "$mirror" >log 2>&1 || {
		tail -n 20 log
		must_skip "debootstrap fails: $(tail -n 1 log)"
	}
	list_root >before
	cp "$DEB" root/tfo-run.deb
	try chroot root dpkg -i /tfo-run.deb
	expect_status 0
	expect_error ''
	rm root/tfo-run.deb
	list_root >between
	grep -q ' usr/bin/tfo-run $' between
	cat >steps <<-'END'
		set -euo pipefail
		source "$1/lab/lab.bash"
		lab_nginx
		lab_delay 20
		lab_capture
		mount -t proc proc root/proc
		for _ in 1 2; do
			chroot root env -i PATH="$PATH" TFO_STATE=/tmp/state tfo-run -a '10.9.0.1 8080 http' \
				curl -sS http://10.9.0.1:8080/hello
		done
		chroot root env -i PATH="$PATH" TFO_STATE=/tmp/state tfo-run printenv LD_PRELOAD
		lab_syn_payloads 8080
	END
	try "$BATS_TEST_DIRNAME/lab/enter" bash steps "$BATS_TEST_DIRNAME"
	expect_status 0
	expect_error ''
	[[ ${lines[0]} == 'Hello from the lab.' && ${lines[1]} == "${lines[0]}" ]] || unexpected "two answers"
	[[ ${lines[2]} == "/usr/\$LIB/libtfo-preload.so" ]] || unexpected "LD_PRELOAD"
	((lines[3] == 0 && lines[4] > 70)) || unexpected "data in the second SYN"
	rm root/tmp/state
	try chroot root dpkg -r tfo-run
	expect_status 0
	expect_error ''
	list_root >after
	diff before after
	# Not even as a name.
	run ! chroot root dpkg -s tfo-run
}
