# SPDX-License-Identifier: MIT
#
# zsh offers.zsh DIRECTORY <LINES: what zsh offers for each line when Tab is pressed at its end, with
# the completions in DIRECTORY; printed as the line, a tab, and what is offered. Completion wants a
# terminal, so an interactive zsh gets one.

zmodload zsh/zpty || exit
directory=$1

# Beside what it does, compadd says what it would offer; a list is not made, and nothing is inserted.
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; stty -echo; fpath=(${(q)directory} \$fpath)
autoload -Uz compinit && compinit -D -u
zstyle ':completion:*' verbose no
compadd() {
	local -a offered
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd \"\$@\"
		return
	fi
	builtin compadd -O offered \"\$@\"
	(( ! \$#offered )) || print -rl -- \"<offer>\"\${^offered}\"</offer>\"
	builtin compadd \"\$@\"
}
offer() {
	_main_complete
	compstate[list]= compstate[insert]=
	print -r -- '<end>'
}
zle -C offer complete-word offer
bindkey '^I' offer
print '<ready>'"
zpty -r shell output '*<ready>*' || exit

while IFS= read -r line; do
	zpty -w -n shell $'\C-u'"$line"$'\t'
	zpty -r shell output '*<end>*' || exit
	print -r -- "$output" | tr -d '\r' | sed -nE 's/.*<offer>(.*)<\/offer>.*/\1/p' | while IFS= read -r offer; do
		[[ $offer == - ]] || print -r -- "$line"$'\t'"$offer"
	done
done
zpty -d shell
