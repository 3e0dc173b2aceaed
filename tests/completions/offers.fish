# SPDX-License-Identifier: MIT
#
# fish offers.fish DIRECTORY <LINES: what fish offers for each line when Tab is pressed at its end, with
# the completions in DIRECTORY; printed as the line, a tab, and what is offered.

source $argv[1]/tfo-run.fish
source $argv[1]/tfoctl.fish

while read --line line
    for offer in (complete -C $line)
        printf '%s\t%s\n' $line (string split -f 1 \t -- $offer)
    end
end
