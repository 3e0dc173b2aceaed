# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash offers.bash DIRECTORY <LINES: what bash offers for each line when Tab is pressed at its end, with
# the completions in DIRECTORY; printed as the line, a tab, and what is offered.

# shellcheck disable=SC1091
source /usr/share/bash-completion/bash_completion
source "$1/tfo-run.bash"
source "$1/tfoctl.bash"

compopt() { :; } # only Tab itself may set options

while IFS= read -r line; do
	# As readline splits it: at blanks, and colons and equal signs are words, too.
	mapfile -t COMP_WORDS < <(grep -oE '[^ :=]+|[:=]+' <<<"$line")
	[[ $line != *' ' ]] || COMP_WORDS+=('')
	COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_KEY=9
	COMPREPLY=()
	function=$(complete -p "${COMP_WORDS[0]}" | sed 's/.*-F \([^ ]*\).*/\1/')
	"$function" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" </dev/null
	for offer in "${COMPREPLY[@]}"; do
		printf '%s\t%s\n' "$line" "${offer% }"
	done
done
