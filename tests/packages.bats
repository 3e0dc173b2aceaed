#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What is installed, by cmake and by packages: all of it, where it belongs, working where it is put, and gone when it is
# removed. Built once, by the commands of the README.

load helper
load lab/lab.bash
load packages/build.bash

LIBRARY_DIRECTORY=lib/$(gcc -print-multiarch)

setup_file() {
	build_package
}

setup() {
	fresh_environment
	need_package
}

teardown() {
	lab_reset
}

# Another layout of the same build, in seconds.
pack() { # PRESET GENERATOR [OPTION...]
	try cmake --preset "$1" -S "$SOURCE" -B "$SOURCE/build-deb" "${@:3}"
	expect_status 0
	try cpack --config "$SOURCE/build-deb/CPackConfig.cmake" -G "$2" -B "$PWD/packed"
	expect_status 0
}

FILES="bin/tfo-run bin/tfoctl share/man/man1/tfo-run.1 share/man/man1/tfoctl.1 share/man/man5/tfo-policy.5
	share/man/man7/libtfo-preload.7 share/bash-completion/completions/tfo-run share/bash-completion/completions/tfoctl
	share/fish/vendor_completions.d/tfo-run.fish share/fish/vendor_completions.d/tfoctl.fish
	share/doc/tfo-run/README.md share/doc/tfo-run/apparmor
	libexec/tfo-run/tfo-run libexec/tfo-run/tfoctl libexec/tfo-run/libtfo-preload.so libexec/tfo-run/policy
	libexec/tfo-run/tfo-supervise"

# Whether a list has all that is installed; libraries and zsh's are in directories of the distribution.
has_all_files() { # LIST PREFIX [END-OF-MANUALS]
	local file
	for file in $FILES; do
		[[ $file != share/man/* ]] || file+=${3-}
		grep -qxF -e "$2$file" "$1" || {
			echo "missing: $2$file, in: $(<"$1")"
			return 1
		}
	done
}

@test "Debian's package: its fields, its files, their permissions" {
	[[ $(dpkg-deb -f "$DEB" Package Version Section Priority Architecture) == "$(
		printf '%s\n' 'Package: tfo-run' "Version: $(tfoctl --version | cut -d ' ' -f 2)" 'Section: net' \
			'Priority: optional' "Architecture: $(dpkg --print-architecture)"
	)" ]]
	[[ $(dpkg-deb -f "$DEB" Depends) =~ ^libc6\ \(\>=\ 2\.[0-9]+\)(,\ libjson-c5\ [^,]*)?$ ]]
	[[ $(dpkg-deb -f "$DEB" Maintainer) == 'the tfo-run maintainers <'* ]]
	(($(dpkg-deb -f "$DEB" Description | wc -l) > 3))
	# No scripts, and no configuration.
	dpkg-deb -e "$DEB" control
	[[ $(ls control) == $'control\nmd5sums' ]]
	dpkg-deb -x "$DEB" files
	(cd files && md5sum --quiet -c ../control/md5sums)
	[[ $(wc -l <control/md5sums) == $(find files -type f | wc -l) ]]
	(cd files && find . -type f -printf '%P\n') >list
	has_all_files list usr/ .gz
	for file in "usr/$LIBRARY_DIRECTORY/libtfo-preload.so" usr/share/zsh/vendor-completions/_tfo{-run,ctl} \
		usr/share/doc/tfo-run/{copyright,changelog.gz}; do
		grep -qxF "$file" list
	done
	dpkg-deb -c "$DEB" | awk '{ print $1, $2, $6 }' >modes
	run ! grep -vE '^(drwxr-xr-x root/root .*/|-rwxr-xr-x root/root \./usr/(bin|libexec/tfo-run)/[a-z-]+|-rw-r--r-- root/root .*[^/])$' modes
	[[ -z $(find files -type d -empty) ]]
	# Stripped, and nobody's build directory in it.
	run ! grep -rlF "$BATS_FILE_TMPDIR" files
	[[ $(file files/usr/bin/tfoctl "files/usr/$LIBRARY_DIRECTORY/libtfo-preload.so" files/usr/libexec/tfo-run/*) != *'not stripped'* ]]
	for manual in files/usr/share/man/*/*; do
		gzip -t "$manual"
	done
}

@test "dpkg -i, tfo-run curl gains; dpkg --purge leaves nothing behind" {
	lab_need dpkg curl nginx openssl unshare
	command="$(install_command 'dpkg -i')"
	command=${command#*&& }
	[[ $command == 'sudo dpkg -i build-deb/'* ]]
	lab_reset
	lab_nginx
	lab_delay 20
	lab_capture
	mkdir place
	cat >steps <<-'END'
		set -euo pipefail
		source "$TESTS/packages/root.bash"
		make_root "$PWD/place"
		root=$PWD/place/root
		mkdir -p "$root/tmp/build-deb" "$root/usr/local/bin"
		cp "$DEB" "$root/tmp/build-deb"
		printf '#!/bin/sh\nexec "$@"\n' >"$root/usr/local/bin/sudo"
		chmod 755 "$root/usr/local/bin/sudo"
		export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
		unset XDG_CONFIG_HOME XDG_RUNTIME_DIR
		list_changes place >before
		chroot "$root" sh -c "cd /tmp && $1"
		chroot "$root" dpkg -s tfo-run | grep -x 'Status: install ok installed'
		list_changes place >between
		chroot "$root" tfo-run printenv LD_PRELOAD >preload
		for _ in 1 2; do
			chroot "$root" tfo-run -a '10.9.0.1 8080 http' curl -sS http://10.9.0.1:8080/hello
		done
		chroot "$root" tfoctl status --json >status
		rm -r "$root"/run/tfo-0 # what it remembers is the user's
		chroot "$root" dpkg --purge tfo-run
		list_changes place >after
	END
	try env DEB="$DEB" TESTS="$BATS_TEST_DIRNAME" unshare -m bash steps "$command"
	((status != 77)) || must_skip "no overlays in user namespaces here: $stderr"
	expect_status 0
	expect_error ''
	[[ $output == *$'Hello from the lab.\nHello from the lab.\n'* ]] || unexpected "two answers"
	# The first fetches the cookie, the second has its request in the SYN.
	mapfile -t in_syn < <(lab_syn_payloads 8080)
	((${#in_syn[@]} == 2 && in_syn[0] == 0 && in_syn[1] > 70)) || unexpected "data in the second SYN: ${in_syn[*]}"
	grep -qE '"round_trips_saved": ?1' status
	grep -qx 'f usr/bin/tfo-run' between
	diff before after
}

@test "what it installs works where it is put: DESTDIR, another prefix, moved" {
	DESTDIR=$PWD/staged cmake --install "$SOURCE/build-deb" >log
	(cd staged/usr && find . -type f -printf '%P\n') >list
	has_all_files list ''
	try staged/usr/bin/tfo-run grep -c libtfo-preload.so /proc/self/maps
	expect_status 0
	# As in a directory of several levels that no loader knows: with its whole path.
	cmake -S "$SOURCE" -B "$SOURCE/build-deb" -DCMAKE_INSTALL_LIBDIR=lib/some-arch >log
	cmake --install "$SOURCE/build-deb" --prefix "$PWD/elsewhere" >>log
	mv elsewhere moved
	try moved/bin/tfo-run printenv LD_PRELOAD
	expect_only "$PWD/moved/lib/some-arch/libtfo-preload.so"
	ln -s moved/bin/tfo-run link
	try ./link printenv LD_PRELOAD
	expect_only "$PWD/moved/lib/some-arch/libtfo-preload.so"
	try moved/bin/tfo-run --version
	expect_status 0
	cmake -S "$SOURCE" -B "$SOURCE/build-deb" -DCMAKE_INSTALL_LIBDIR="$LIBRARY_DIRECTORY" >log
}

@test "children of 32 bits say nothing, musl's are reached: LD_PRELOAD by \$LIB, or in full" {
	[[ $(uname -m) == x86_64 ]] || skip "no programs of 32 bits here"
	dpkg-deb -x "$DEB" .
	by_lib=$PWD/usr/\$LIB/libtfo-preload.so
	in_full=$PWD/usr/$LIBRARY_DIRECTORY/libtfo-preload.so
	PATH=$PWD/usr/bin:$PATH
	try tfo-run printenv LD_PRELOAD
	expect_only "$by_lib"
	try tfo-run grep -cF "$in_full" /proc/self/maps
	expect_status 0
	try tfo-run -n true
	expect_only "LD_PRELOAD='$by_lib' \\"$'\n'true
	# Once, at any depth, and beside others.
	try tfo-run tfo-run sh -c 'tfo-run printenv LD_PRELOAD'
	expect_only "$by_lib"
	LD_PRELOAD="libm.so.6 libdl.so.2" try tfo-run printenv LD_PRELOAD
	expect_only "$by_lib:libm.so.6 libdl.so.2"
	LD_PRELOAD="libm.so.6 $by_lib" try tfo-run printenv LD_PRELOAD
	expect_only "libm.so.6 $by_lib"
	LD_PRELOAD="libm.so.6 $in_full" try tfo-run printenv LD_PRELOAD
	expect_only "$by_lib:libm.so.6"

	for libc in /usr/lib32/libc.so.6 /usr/lib/i386-linux-gnu/libc.so.6 ''; do
		[[ ! -e $libc ]] || break
	done
	[[ $libc ]] || must_skip "no libc of 32 bits"
	printf '%s\n' 'int puts(const char *); void exit(int); void _start(void) { puts("ran"); exit(0); }' >program.c
	gcc -m32 -nostdlib -fno-pic -no-pie -fno-stack-protector -o of-32-bits program.c "$libc" \
		-Wl,--dynamic-linker=/lib/ld-linux.so.2
	try tfo-run sh -c ./of-32-bits
	expect_only ran
	# That it can be told: the loader does complain of what is not as it should be.
	LD_PRELOAD=$in_full try ./of-32-bits
	expect_error_with 'wrong ELF class'
	LD_PRELOAD=/missing/$by_lib try ./of-32-bits
	expect_error_with 'cannot open shared object file'
	try tfo-run ./of-32-bits
	expect_failure 125 'tfo-run: ./of-32-bits: built for 32-bit x86, but the library is for x86-64'

	[[ $(command -v musl-gcc) ]] || must_skip "no musl-gcc"
	printf '%s\n' '#include <stdio.h>' '#include <string.h>' 'int main(void) { static char line[9999];' \
		'FILE *maps = fopen("/proc/self/maps", "r"); while (fgets(line, sizeof(line), maps))' \
		'if (strstr(line, "libtfo-preload")) { puts("reached"); return 0; } return 1; }' >look.c
	musl-gcc -o with-musl look.c
	try tfo-run ./with-musl
	expect_only reached
	try tfo-run tfo-run sh -c 'tfo-run ./with-musl'
	expect_only reached
	try tfo-run -n ./with-musl
	expect_only "LD_PRELOAD=$in_full \\"$'\n'./with-musl
}

@test "an RPM: its fields and files; rpm -i, tfo-run runs, rpm -e leaves nothing" {
	lab_need rpmbuild rpm
	pack rpm RPM -DCMAKE_INSTALL_LIBDIR=lib64 -DTFO_ZSH_DIR=share/zsh/site-functions
	rpm=$(echo packed/*.rpm)
	[[ $(rpm -qp --qf '%{name} %{version} %{license} %{arch}' "$rpm") == \
		"tfo-run $(tfoctl --version | cut -d ' ' -f 2) MIT $(uname -m)" ]]
	[[ $(rpm -qp --requires "$rpm") == *'libc.so.6()(64bit)'* ]]
	[[ -z $(rpm -qp --scripts "$rpm")$(rpm -qpc "$rpm") ]]
	rpm -qpl "$rpm" | sed 's/^.//' >list
	has_all_files list usr/ .gz
	grep -qx usr/lib64/libtfo-preload.so list
	grep -qx usr/share/zsh/site-functions/_tfo-run list
	# Directories of others are not its own.
	[[ $(rpm -qplv "$rpm" | awk '/^d/ { print $NF }') == $'/usr/libexec/tfo-run\n/usr/share/doc/tfo-run' ]]
	mkdir root
	of_root() {
		rpm --root "$PWD/root" --dbpath /db "$@"
	}
	of_root --initdb
	of_root -i --nodeps "$rpm"
	try root/usr/bin/tfo-run printenv LD_PRELOAD
	expect_only "$PWD/root/usr/lib64/libtfo-preload.so"
	of_root -e tfo-run
	[[ -z $(find root -path root/db -prune -o -type f -print) ]]
}

@test "a tarball: unpacked anywhere, it runs" {
	pack tar 'TXZ;TGZ' -DCMAKE_INSTALL_LIBDIR=lib -DTFO_ZSH_DIR=share/zsh/site-functions
	for archive in packed/*.tar.*; do
		mkdir here
		tar -xf "$archive" -C here
		name=$(ls here)
		[[ $name == tfo-run-*-linux-$(uname -m) ]]
		(cd here && find . -type f -printf '%P\n') >list
		has_all_files list "$name/"
		mv "here/$name" here/moved
		try here/moved/bin/tfo-run printenv LD_PRELOAD
		expect_only "$PWD/here/moved/lib/libtfo-preload.so"
		rm -r here
	done
	[[ $(ls packed/*.tar.*) == *.tar.gz*.tar.xz ]]
}

@test "the lines for AppArmor are those of the manual, and a profile with them is well-formed" {
	cd "$BATS_TEST_DIRNAME/../tools"
	diff <(grep -v '^#' libtfo-preload.apparmor | sed 's/^  //; /^$/d') \
		<(sed -n '/begin apparmor/,/end apparmor/p' man/libtfo-preload.7 | grep -v '^\.')
	parser=$(PATH=$PATH:/usr/sbin:/sbin command -v apparmor_parser) || must_skip "no apparmor_parser"
	printf '@{HOME}=/root/ /home/*/\nprofile example /usr/bin/example {\n%s\n}\n' "$(<libtfo-preload.apparmor)" \
		>"$BATS_TEST_TMPDIR/profile"
	try "$parser" --skip-kernel-load --skip-cache "$BATS_TEST_TMPDIR/profile"
	expect_status 0
}
