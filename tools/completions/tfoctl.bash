# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of tfoctl(1) for bash, in the words of the package bash-completion.

# What is remembered, as `tfoctl forget` takes it.
_tfoctl_destinations() {
	tfoctl status --json 2>/dev/null |
		sed 's/},/&\n/g' | sed -nE 's/.*"address": ?"([^"]*)", ?"port": ?([0-9]+).*/\1 \2/p' |
		while read -r address port; do
			[[ $address == *:* ]] && address="[$address]"
			printf '%s:%s\n' "$address" "$port"
		done
}

_tfoctl() {
	local cur prev words cword verb options=''
	_init_completion -n : || return

	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'check policy status forget prime probe key install inject -h --help --version' -- "$cur")
		return
	fi
	verb=${words[1]}
	case $verb in
	policy | key)
		if ((cword == 2)); then
			local -A verbs=([policy]='check explain print compile which' [key]='new rotate apply')
			mapfile -t COMPREPLY < <(compgen -W "${verbs[$verb]}" -- "$cur")
			return
		fi
		verb+=" ${words[2]}"
		;;
	esac
	case $verb in
	check) options='--json --quiet' ;;
	'policy check') options='--strict --no-warnings --json' ;;
	'policy explain') options='--program --payload --policy --json' ;;
	'policy print' | 'policy which') options='--json' ;;
	status) options='--listen --json --watch' ;;
	probe) options='--http --tls --data' ;;
	inject) options='-a -l -n --wrap --at --runtime --remove' ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi

	case $verb:$prev in
	'policy explain:--program') mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	'policy explain:--payload' | 'policy explain:--policy' | probe:--data) _filedir ;;
	check:*)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		[[ $cur != */* ]] || _filedir
		;;
	policy\ check:* | policy\ print:* | policy\ compile:* | key\ *) _filedir ;;
	policy\ explain:*)
		if ((cword == 3)); then
			_known_hosts_real -- "$cur"
		else
			mapfile -t COMPREPLY < <(compgen -s -- "$cur")
		fi
		;;
	inject:-a | inject:-l) ;; # a rule
	install:* | inject:--at | inject:--runtime) _filedir -d ;;
	inject:*) _filedir ;;
	forget:*) mapfile -t COMPREPLY < <(compgen -W "$(_tfoctl_destinations)" -- "$cur") ;;
	prime:* | probe:*) _known_hosts_real -- "$cur" ;;
	esac
	__ltrim_colon_completions "$cur"
} &&
	complete -F _tfoctl tfoctl
