# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # $split is _init_completion's
#
# Completion of tfo-run(1) for bash, in the words of the package bash-completion: options, then the
# command, and behind it what that command completes by itself.

_tfo_run_inject() {
	case $prev in
	-a | -l) ;; # a rule
	--at | --runtime) _filedir -d ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-a -l -n --wrap --at --runtime --remove' -- "$cur")
		else
			_filedir
		fi
		;;
	esac
}

_tfo_run() {
	local cur prev words cword split i
	_init_completion -s || return

	case $cword:${words[1]} in
	1:*) ;;
	*:install)
		_filedir -d
		return
		;;
	*:inject)
		_tfo_run_inject
		return
		;;
	esac

	for ((i = 1; i <= cword; i++)); do
		case ${words[i]} in
		--)
			((i == cword)) && break
			_command_offset $((i + 1))
			return
			;;
		-a | --allow | -l | --listen | -p | --policy | --log | --unit | --root) ((i++)) ;;
		-*) ;;
		*)
			_command_offset "$i"
			((cword == 1)) && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W 'install inject' -- "$cur")
			return
			;;
		esac
	done

	case $prev in
	-p | --policy | --log)
		_filedir
		return
		;;
	-a | --allow | -l | --listen) return ;; # a rule
	--root)
		_filedir -d
		return
		;;
	--unit)
		local scope=--system
		[[ " ${words[*]} " != *' --user '* ]] || scope=--user
		mapfile -t COMPREPLY < <(compgen -W "$(systemctl "$scope" --no-legend --plain list-unit-files '*.service' 2>/dev/null |
			sed 's/ .*//')" -- "$cur")
		return
		;;
	esac
	[[ $split == true ]] && return

	local options='-a --allow -f --force -l --listen -p --policy --log -n --dry-run -s --summary -v --verbose'
	options+=' --supervise --require'
	options+=' --unit --write --remove --user --root -h --help --version'
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
} &&
	complete -F _tfo_run tfo-run
