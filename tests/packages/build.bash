# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what it sets is for the tests
#
# Debian's package, built once for a file of tests by the README's command.

# The command of the README's section "Install" that has this in it.
install_command() { # PART
	awk '/^## / { on = $2 == "Install" } /^```/ { code = !code; next } on && code' "$BATS_TEST_DIRNAME/../README.md" |
		sed 's/  *#.*//' | grep -F -e "$1"
}

# For setup_file(): a copy of the sources, and the package in its directory build-deb. A name with a blank and a strict
# umask, as users have them.
build_package() {
	cd "$BATS_FILE_TMPDIR" || return
	umask 077
	mkdir 'the source'
	cp -r "$BATS_TEST_DIRNAME"/../{CMakeLists.txt,CMakePresets.json,LICENSE,README.md,policy,shim,tools} 'the source'
	cd 'the source' || return
	[[ $(command -v dpkg-shlibdeps) ]] || return 0 # each test says so
	bash -c "$(install_command deb | sed 's/ && .*//')" >../log 2>&1 || {
		cat ../log
		return 1
	}
}

# For setup(): sets SOURCE and DEB.
need_package() {
	SOURCE="$BATS_FILE_TMPDIR/the source"
	[[ -d $SOURCE/build-deb ]] || must_skip "no dpkg-shlibdeps"
	DEB=$(echo "$SOURCE"/build-deb/*.deb)
}
