# SPDX-License-Identifier: MIT
#
# Completion of tfoctl(1) for fish.

# The verb, in one word or two, that stands before the cursor is this one.
function __fish_tfoctl_verb
    set -l words (commandline -opc)
    set -e words[1]
    test (count $words) -ge (count $argv); or return 1
    test "$words[1..$(count $argv)]" = "$argv"
end

# It is this one, and the next word is the first behind it.
function __fish_tfoctl_next
    test (count (commandline -opc)) -eq (math 1 + (count $argv)); or return 1
    test (count $argv) -eq 0; or __fish_tfoctl_verb $argv
end

function __fish_tfoctl_destinations
    tfoctl status --json 2>/dev/null | sed 's/},/&\n/g' | sed -nE \
        -e 's/.*"address": ?"([^":]*)", ?"port": ?([0-9]+).*/\1:\2/p' \
        -e 's/.*"address": ?"([^"]*:[^"]*)", ?"port": ?([0-9]+).*/[\1]:\2/p'
end

complete -c tfoctl -f
complete -c tfoctl -n __fish_tfoctl_next -s h -l help -d 'A summary of the verbs'
complete -c tfoctl -n __fish_tfoctl_next -l version -d 'The version'
complete -c tfoctl -n __fish_tfoctl_next -a check -d 'Is all there that it takes, here and in a program?'
complete -c tfoctl -n __fish_tfoctl_next -a policy -d 'Check, explain, print, compile or find the rules'
complete -c tfoctl -n __fish_tfoctl_next -a status -d 'What is remembered, and saved'
complete -c tfoctl -n __fish_tfoctl_next -a forget -d 'Forget destinations, or everything'
complete -c tfoctl -n __fish_tfoctl_next -a prime -d 'Fetch cookies before they are needed'
complete -c tfoctl -n __fish_tfoctl_next -a probe -d 'Does Fast Open work there?'
complete -c tfoctl -n __fish_tfoctl_next -a key -d 'Keys of servers'
complete -c tfoctl -n __fish_tfoctl_next -a install -d 'All that containers need, into a directory'
complete -c tfoctl -n __fish_tfoctl_next -a inject -d 'The library, into an OCI bundle'

complete -c tfoctl -n '__fish_tfoctl_verb check' -l json -d 'As JSON'
complete -c tfoctl -n '__fish_tfoctl_verb check' -l quiet -d 'Say only why tfo-run would not run it'
complete -c tfoctl -n '__fish_tfoctl_verb check' -a '(__fish_complete_command)'

complete -c tfoctl -n '__fish_tfoctl_next policy' -a check -d 'All that is wrong, and what may not be meant'
complete -c tfoctl -n '__fish_tfoctl_next policy' -a explain -d 'Which rule decides, and why'
complete -c tfoctl -n '__fish_tfoctl_next policy' -a print -d 'Its rules in their normal form'
complete -c tfoctl -n '__fish_tfoctl_next policy' -a compile -d 'Write a form that is read faster'
complete -c tfoctl -n '__fish_tfoctl_next policy' -a which -d 'Where the policy in force is'
complete -c tfoctl -n '__fish_tfoctl_verb policy check' -l strict -d 'Warnings are problems'
complete -c tfoctl -n '__fish_tfoctl_verb policy check' -l no-warnings -d 'Leave warnings out'
complete -c tfoctl -n '__fish_tfoctl_verb policy check' -l json -d 'As JSON'
complete -c tfoctl -n '__fish_tfoctl_verb policy check' -F
complete -c tfoctl -n '__fish_tfoctl_verb policy explain' -l program -x -a '(__fish_complete_command)' -d 'As if this program asked'
complete -c tfoctl -n '__fish_tfoctl_verb policy explain' -l payload -r -F -d 'The first write is in this file'
complete -c tfoctl -n '__fish_tfoctl_verb policy explain' -l policy -r -F -d 'By this policy'
complete -c tfoctl -n '__fish_tfoctl_verb policy explain' -l json -d 'As JSON'
complete -c tfoctl -n '__fish_tfoctl_next policy explain' -a '(__fish_print_hostnames)'
complete -c tfoctl -n '__fish_tfoctl_verb policy print' -l json -d 'As JSON'
complete -c tfoctl -n '__fish_tfoctl_verb policy print' -F
complete -c tfoctl -n '__fish_tfoctl_verb policy compile' -F
complete -c tfoctl -n '__fish_tfoctl_verb policy which' -l json -d 'As JSON'

complete -c tfoctl -n '__fish_tfoctl_verb status' -l listen -d 'Servers instead of destinations'
complete -c tfoctl -n '__fish_tfoctl_verb status' -l json -d 'As JSON'
complete -c tfoctl -n '__fish_tfoctl_verb status' -l watch -d 'Again every second, or as often as told'
complete -c tfoctl -n '__fish_tfoctl_verb forget' -a '(__fish_tfoctl_destinations)'
complete -c tfoctl -n '__fish_tfoctl_verb prime' -a '(__fish_print_hostnames)'
complete -c tfoctl -n '__fish_tfoctl_verb probe' -a '(__fish_print_hostnames)'
complete -c tfoctl -n '__fish_tfoctl_verb probe' -l http -d 'An HTTP request'
complete -c tfoctl -n '__fish_tfoctl_verb probe' -l tls -d 'A TLS ClientHello'
complete -c tfoctl -n '__fish_tfoctl_verb probe' -l data -r -F -d 'These bytes'

complete -c tfoctl -n '__fish_tfoctl_next key' -a new -d 'Make a key for servers'
complete -c tfoctl -n '__fish_tfoctl_next key' -a rotate -d "A new key; the old one's cookies stay good once more"
complete -c tfoctl -n '__fish_tfoctl_next key' -a apply -d 'Give it to servers that run, at once'
complete -c tfoctl -n '__fish_tfoctl_verb key new' -F
complete -c tfoctl -n '__fish_tfoctl_verb key rotate' -F
complete -c tfoctl -n '__fish_tfoctl_verb key apply' -F -a '(__fish_complete_pids)'

complete -c tfoctl -n '__fish_tfoctl_verb install' -a '(__fish_complete_directories)'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -F
complete -c tfoctl -n '__fish_tfoctl_verb inject' -s a -x -d 'Allow this too'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -s l -x -d 'Fast Open for a server that listens there'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -s n -d 'Print it, and change nothing'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -l wrap -d 'Begin the command with tfo-run'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -l at -x -a '(__fish_complete_directories)' -d 'Where the container sees the runtime'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -l runtime -x -a '(__fish_complete_directories)' -d 'Where the runtime is'
complete -c tfoctl -n '__fish_tfoctl_verb inject' -l remove -d 'Take that back'
