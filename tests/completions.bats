#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Help, manual pages and completions say the same; and the completions complete, each in its own
# shell.

load helper
load lab/lab.bash

TOOLS=$BATS_TEST_DIRNAME/../tools

# --- what each of them knows; one a line, sorted

# The options of tfo-run.
run_options_in_help() {
	tfo-run --help | grep -oE '^  (-[a-zA-Z], |    )--[a-z-]+' | grep -oE -- '-[a-zA-Z-]+' | sort
}

# Those of tfo-run inject.
inject_options_in_help() {
	tfoctl --help | sed -n 's/^inject: OPTION is\([^;]*\).*/\1/p' | grep -oE -- ' --?[a-z]+' | tr -d ' ' | sort
}

# The verbs of tfoctl: "policy check".
verbs_in_help() {
	tfoctl --help | sed -nE 's/^  (([a-z]+ )+).*/\1/p' | sed 's/ $//' | sort
}

# Every option of tfoctl; --help does not name itself and its neighbour.
ctl_options_in_help() {
	{
		tfoctl --help | grep -oE '(^|[^a-z0-9-])--?[a-z][a-z-]*' | grep -oE -- '--?[a-z].*'
		printf '%s\n' -h --help --version
	} | sort -u
}

# The options that stand behind a verb in the usage.
options_of_verb() { # VERB
	[[ $1 != inject ]] || inject_options_in_help | grep -e --
	tfoctl --help | grep -E "^  $1 [^a-z]" | grep -oE '[[|]--[a-z-]+' | grep -oE -- '--.*' | sort
}

page() { # NAME.SECTION
	mandoc -T ascii "$TOOLS/man/$1" | col -bx
}

section() { # NAME.SECTION TITLE
	page "$1" | sed -n "/^$2\$/,/^[A-Z]/p"
}

same_lists() { # FILE FILE
	diff "$1" "$2" || {
		echo "differ: $1 $2"
		return 1
	}
}

@test "tfo-run: its options are in the manual, and no others" {
	[[ $(command -v mandoc) ]] || must_skip "no mandoc"
	run_options_in_help >help
	(($(wc -l <help) > 10))
	section tfo-run.1 OPTIONS | grep -oE '^ +(-[a-zA-Z], )?-[a-zA-Z-]+' | grep -oE -- '-[a-zA-Z-]+' | sort >manual
	same_lists help manual
	inject_options_in_help >help
	section tfo-run.1 CONTAINERS | grep -oE '^ {13}-.*' | grep -oE -- '(^ *|, )--?[a-z]+' | tr -d ', ' | sort >manual
	same_lists help manual
	section tfo-run.1 SYNOPSIS | sed -n '/inject/,/ -h/p' | grep -oE -- '[[ ]--?[a-z]+' | tr -d '[ ' | grep -vx -e -h -e --help -e --version |
		sort -u >manual
	same_lists help manual
}

@test "tfoctl: its verbs and options are in the manual, and no others" {
	[[ $(command -v mandoc) ]] || must_skip "no mandoc"
	verbs_in_help >help-verbs
	(($(wc -l <help-verbs) > 10))
	sed -nE 's/^\.It Cm (([a-z]+ )+).*/\1/p' "$TOOLS/man/tfoctl.1" | sed 's/ $//' | sort -u >manual-verbs
	same_lists help-verbs manual-verbs
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$TOOLS/man/tfoctl.1" | sed -n 's/^\.Cm //p' | sort >manual-synopsis
	same_lists help-verbs manual-synopsis
	ctl_options_in_help >help
	page tfoctl.1 | grep -oE '(^|[^a-z0-9-])--?[a-z][a-z-]*' | grep -oE -- '--?[a-z].*' | sort -u >manual
	same_lists help manual
	while read -r verb; do
		options_of_verb "$verb" >usage
		section tfoctl.1 SYNOPSIS | grep -E "^ +tfoctl $verb( |\$)" -A 1 | sed '2{/^ *tfoctl/d}' >synopsis
		while read -r option; do
			grep -qF -e "$option" synopsis || {
				echo "tfoctl $verb: $option is not in the synopsis"
				return 1
			}
		done <usage
	done <help-verbs
}

@test "libtfo-preload(7) names all that is interposed, and nothing else" {
	[[ $(command -v mandoc) ]] || must_skip "no mandoc"
	# Without other names of the same.
	nm -D --defined-only "$LIBRARY" | awk '{ print $NF }' | grep -vE '^_[^e]|^_Exit|64|@' | sort >exported
	(($(wc -l <exported) > 80))
	sed -n '/^\.Ss What is interposed/,/^\.El/p' "$TOOLS/man/libtfo-preload.7" |
		sed -nE 's/^\.Fn ([a-z_0-9]+).*/\1/p' | sort >named
	same_lists exported named
}

@test "libtfo-preload(7) and the README name the same system calls" {
	words() {
		grep -oE '[a-z][a-z0-9_]+' | sort -u
	}
	sed -n '/begin system calls/,/end system calls/p' "$TOOLS/man/libtfo-preload.7" | grep -v '^\.' | words >manual
	sed -n '/seccomp/,/^$/p' "$TOOLS/../README.md" | tr '\n' ' ' | sed 's/.*library.s: //; s/\. One.*//' | words >readme
	(($(wc -l <manual) > 25))
	same_lists manual readme
}

@test "the variables that the library reads are in libtfo-preload(7)" {
	grep -ohE 'copy_of\("[A-Z_]+"' "$TOOLS"/../shim/*.c | grep -oE '[A-Z_]{2,}' | sort -u >"read"
	(($(wc -l <"read") > 6))
	sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh FILES/p' "$TOOLS/man/libtfo-preload.7" | sed -n 's/^\.It Ev //p' |
		tr -d ' ' | tr ',' '\n' | sed 's/^Ev//' | grep -vx LD_PRELOAD | sort >named
	same_lists "read" named
}

# --- each shell completes the same lines

# What is typed: one Tab at the end of each line.
lines() {
	printf '%s\n' 'tfo-run -' 'tfo-run --' 'tfoctl ' 'tfoctl -' 'tfoctl --' 'tfoctl policy ' 'tfoctl key ' \
		'tfo-run tfo-test-com' 'tfo-run -v tfo-test-com' 'tfo-run -a rule --listen 80 tfo-test-com' \
		'tfo-run -p a-file.policy -n tfo-test-com' 'tfo-run --log log -- tfo-test-com' \
		'tfo-run -p a-fil' 'tfo-run tfo-test-command a-fil' 'tfo-run tfo-test-command -' \
		'tfo-run -v tfoctl policy wh' 'tfo-run -v tfo-run -v tfo-test-com' 'tfoctl check tfo-test-com' \
		'tfoctl policy check a-fil' 'tfoctl policy explain --payload a-fil' 'tfoctl key rotate a-fil' \
		'tfoctl probe --data a-fil' 'tfo-run injec' 'tfo-run inject -' 'tfo-run inject --' 'tfo-run inject a-fil' \
		'tfo-run -n injec' 'tfo-run install b' 'tfoctl inject -' 'tfoctl inject --runtime b' 'tfoctl forget 10.9.0.1' 'tfoctl forget 127'
	verbs_in_help | sed 's/.*/tfoctl & --/'
}

# What was offered for a line, sorted.
offers_of() { # LINE
	awk -F '\t' -v line="$1" '$1 == line { print $2 }' offers | sort -u
}

offers_only() { # LINE OFFER
	[[ $(offers_of "$1") == "$2" ]] || {
		printf 'not offered alone: %s\nbut:\n%s\n' "$2" "$(offers_of "$1")"
		return 1
	}
}

# A command, a file, and something remembered, and what is offered of them: in the file `offers`.
complete_lines() { # SHELL
	mkdir bin
	printf '#!/bin/sh\n' >bin/tfo-test-command
	chmod +x bin/tfo-test-command
	touch a-file.policy
	export TFO_STATE=$PWD/state
	lab_reset
	lab_server some -a 10.9.0.1 -p 7000 -t 16 close
	tfoctl prime 10.9.0.1:7000
	lines | PATH=$PWD/bin:$PATH timeout 60 "$1" "$BATS_TEST_DIRNAME/completions/offers.$1" "$TOOLS/completions" >offers
	lab_reset
}

# Every option and verb of the help, and no others.
expect_all_words() {
	{
		offers_of 'tfo-run -'
		offers_of 'tfo-run --'
	} | sort -u >offered
	run_options_in_help >help
	same_lists help offered
	for line in 'tfoctl ' 'tfoctl policy ' 'tfoctl key '; do
		offers_of "$line" | grep -v ^- >offered
		verbs_in_help | sed "s/^/tfoctl /" | sed -n "s/^$line//p" | cut -d ' ' -f 1 | sort -u >help
		same_lists help offered
	done
	while read -r verb; do
		comm -23 <(options_of_verb "$verb") <(offers_of "tfoctl $verb --") >missing
		[[ ! -s missing ]] || {
			echo "tfoctl $verb: not offered: $(<missing)"
			return 1
		}
	done < <(verbs_in_help)
	{
		offers_of 'tfoctl -'
		offers_of 'tfoctl --'
		offers_of 'tfoctl inject -'
		while read -r verb; do
			offers_of "tfoctl $verb --" | grep -e ^- || :
		done < <(verbs_in_help)
	} | grep ^- | sort -u >offered
	ctl_options_in_help >help
	same_lists help offered
	{
		offers_of 'tfo-run inject -'
		offers_of 'tfo-run inject --'
	} | sort -u >offered
	inject_options_in_help >help
	same_lists help offered
}

# Commands, files, what is remembered; and behind a command what that completes by itself.
expect_arguments() {
	for line in 'tfo-run tfo-test-com' 'tfo-run -v tfo-test-com' 'tfo-run -a rule --listen 80 tfo-test-com' \
		'tfo-run -p a-file.policy -n tfo-test-com' 'tfo-run --log log -- tfo-test-com' \
		'tfo-run -v tfo-run -v tfo-test-com' 'tfoctl check tfo-test-com'; do
		offers_only "$line" tfo-test-command
	done
	for line in 'tfo-run -p a-fil' 'tfo-run tfo-test-command a-fil' 'tfoctl policy check a-fil' \
		'tfoctl policy explain --payload a-fil' 'tfoctl key rotate a-fil' 'tfoctl probe --data a-fil'; do
		offers_only "$line" a-file.policy
	done
	offers_only 'tfo-run -v tfoctl policy wh' which
	# As the first word alone it is not a command.
	offers_only 'tfo-run injec' inject
	offers_only 'tfo-run -n injec' ''
	offers_only 'tfo-run inject a-fil' a-file.policy
	for line in 'tfo-run install b' 'tfoctl inject --runtime b'; do
		[[ $(offers_of "$line") =~ ^bin/?$ ]] || offers_only "$line" bin/
	done
	[[ $(offers_of 'tfo-run tfo-test-command -') != *--policy* ]]
	offers_only 'tfoctl forget 127' ''
}

@test "bash completes" {
	[[ -e /usr/share/bash-completion/bash_completion ]] || must_skip "no bash-completion"
	complete_lines bash
	expect_all_words
	expect_arguments
	offers_only 'tfoctl forget 10.9.0.1' 10.9.0.1:7000
}

@test "zsh completes" {
	[[ $(command -v zsh) ]] || must_skip "no zsh"
	complete_lines zsh
	expect_all_words
	expect_arguments
	offers_only 'tfoctl forget 10.9.0.1' 10.9.0.1:7000
}

@test "fish completes" {
	[[ $(command -v fish) ]] || must_skip "no fish"
	complete_lines fish
	expect_all_words
	expect_arguments
	offers_only 'tfoctl forget 10.9.0.1' 10.9.0.1:7000
}
