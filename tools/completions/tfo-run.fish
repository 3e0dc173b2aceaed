# SPDX-License-Identifier: MIT
#
# Completion of tfo-run(1) for fish: options, then the command, and behind it what that command
# completes by itself.

# Whether the command is still to come, so that options are tfo-run's own.
function __fish_tfo_run_has_no_command
    set -l words (commandline -opc)
    set -e words[1]
    set -l value no
    for word in $words
        if test $value = yes
            set value no
            continue
        end
        switch $word
            case --
                return 1
            case -a --allow -l --listen -p --policy --log --unit --root
                set value yes
            case '-*'
            case '*'
                return 1
        end
    end
    return 0
end

# tfo-run install, tfo-run inject: the first word.
function __fish_tfo_run_verb
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

complete -c tfo-run -f
complete -c tfo-run -n 'test (count (commandline -opc)) -eq 1' -a install -d 'All that a container needs, into a directory'
complete -c tfo-run -n 'test (count (commandline -opc)) -eq 1' -a inject -d 'The library, into an OCI bundle'
complete -c tfo-run -n '__fish_tfo_run_verb install' -a '(__fish_complete_directories)'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -F
complete -c tfo-run -n '__fish_tfo_run_verb inject' -s a -x -d 'Allow this too'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -s l -x -d 'Fast Open for a server that listens there'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -s n -d 'Print it, and change nothing'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -l wrap -d 'Begin the command with tfo-run'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -l at -x -a '(__fish_complete_directories)' -d 'Where the container sees the runtime'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -l runtime -x -a '(__fish_complete_directories)' -d 'Where the runtime is'
complete -c tfo-run -n '__fish_tfo_run_verb inject' -l remove -d 'Take that back'

complete -c tfo-run -n 'not __fish_tfo_run_verb install inject' -x -a '(__fish_complete_subcommand -- -a --allow -l --listen -p --policy --log --unit --root)'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s a -l allow -x -d 'Allow this too, before any other rule'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s l -l listen -x -d 'Fast Open for a server that listens there'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s p -l policy -r -F -d 'The policy to use'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l log -r -F -d 'Say what is decided at the end of a file'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s n -l dry-run -d 'Say what would be run, and do nothing'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l supervise -d 'Reach static programs and Go by a seccomp listener'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l require -d 'Do not run what cannot be supervised'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s v -l verbose -d 'Say what is decided for each connection'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s f -l force -d 'Run a wrapper, too, that is not reached'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s s -l summary -d 'Say at the end what was saved'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l unit -x -a '(__fish_systemctl_services)' -d 'A drop-in for a service of systemd'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l write -d 'Put the drop-in into its place'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l remove -d 'Take the drop-in away'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l user -d "This user's service"
complete -c tfo-run -n __fish_tfo_run_has_no_command -l root -x -a '(__fish_complete_directories)' -d 'The system below a directory'
complete -c tfo-run -n __fish_tfo_run_has_no_command -s h -l help -d 'A summary of the options'
complete -c tfo-run -n __fish_tfo_run_has_no_command -l version -d 'The version'
