# SPDX-License-Identifier: Apache-2.0
# bash completion of yett: `yett complete` says what may come next; this hands it to readline.
# shellcheck shell=bash

_yett() {
	local line=${COMP_LINE:0:COMP_POINT} word kept text about words
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=('')
	word=${words[-1]}
	# Readline replaces what follows the last of its own word breaks, such as the colon of user:alice.
	kept=${word%"${word##*["$COMP_WORDBREAKS"]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r text about; do
		case $text in
		:files)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2")
			;;
		:folders)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$2")
			;;
		*)
			[[ $text != *= ]] || compopt -o nospace 2>/dev/null
			COMPREPLY+=("${text#"$kept"}")
			;;
		esac
	done < <("$1" complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _yett yett
