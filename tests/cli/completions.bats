#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completions: what yett complete says, and that bash, zsh and fish hand it on.
load helper

setup() { cd "$BATS_TEST_TMPDIR"; }

names() { # WORD... - the candidates alone
	run -0 yett complete -- "$@"
	output=$(cut -f1 <<<"$output")
}

@test "commands, with what they do" {
	names ''
	for command in check can diff fmt enroll; do
		grep -qx "$command" <<<"$output"
	done
	names ch
	[ "$output" = check ]
	run -0 yett complete -- che
	[[ "$output" == check$'\t'* ]]
	run -0 yett complete
	has check
}

@test "every command's options, whatever the command: they are its own --help" {
	run -0 yett --help
	commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' <<<"$output")
	[ -n "$commands" ]
	for command in $commands; do
		names "$command" --
		for option in $("$YETT" "$command" --help | grep -oE '^  (-.,|   ) --[a-z-]+' | grep -oE -- '--[a-z-]+'); do
			grep -qE "^$option=?$" <<<"$output"
		done
	done
	names check --fo
	[ "$output" = --format= ]
	names nonsense ''
	[ -z "$output" ]
}

@test "names from the tree: devices, destinations, selectors, gateways, users, ports" {
	names can -C "$QUICK" ben
	[ "$output" = ben-laptop ]
	names can -C "$QUICK" ben-laptop resource:
	[ "$output" = $'resource:intranet\nresource:nas' ]
	names can -C "$QUICK" ben-laptop resource:nas tcp/
	[ "$output" = $'tcp/22\ntcp/443\ntcp/445' ]
	names can -C "$QUICK" ben-laptop resource:nas tcp/22 ''
	[ -z "$output" ]
	names access "--directory=$QUICK" group:
	[ "$output" = $'group:admins\ngroup:everyone' ]
	names access -C"$ACME" tag:
	grep -q '^tag:prod$' <<<"$output"
	names build -C "$QUICK" --gateway ''
	[ "$output" = office ]
	names build -C "$QUICK" --gateway=of
	[ "$output" = --gateway=office ]
	names enroll x -C "$QUICK" --owner ''
	[ "$output" = $'ana\nben\ncleo' ]
}

@test "in the current folder, and from a commit" {
	make_repo repo
	cd repo
	names can ana-p
	[ "$output" = ana-phone ]
	rm -rf devices
	names can ana-p
	[ -z "$output" ]
	names can --rev main ana-p
	[ "$output" = ana-phone ]
	git branch work/x
	names diff wo
	[ "$output" = work/x ]
	names diff main HE
	[ "$output" = HEAD ]
}

@test "words of options" {
	names check --format=
	grep -qx -- --format=json <<<"$output"
	names diff --format m
	[ "$output" = markdown ]
	names check --color ''
	[ "$output" = $'auto\nalways\nnever' ]
	names init --forge git
	[ "$output" = $'github\ngitlab\ngitea' ] || [ "$output" = $'github\ngitlab' ]
	names init --pack p
	[ "$output" = production ]
	names enroll x --platform l
	[ "$output" = linux ]
	names explain E_YAML_SY
	[ "$output" = E_YAML_SYNTAX ]
	names check -C ''
	[ "$output" = :folders ]
	names fmt ''
	[ "$output" = :files ]
}

@test "a tree with mistakes still has names, and no tree is no noise" {
	cp -R "$QUICK" tree
	echo 'nonsense: 1' >>tree/policies/office.yaml
	run -0 --separate-stderr yett complete -- can -C tree cleo
	[[ "$output" == cleo-laptop* ]]
	[ -z "$stderr" ]
	run -0 --separate-stderr yett complete -- can -C /no/such/folder ''
	[ -z "$output" ] && [ -z "$stderr" ]
}

# Completes a line with the word at its end, as bash would; prints COMPREPLY.
in_bash() { # LINE
	PATH=$B:$PATH bash --norc -c '
		source "$1/contrib/completions/yett.bash"
		complete -p yett >/dev/null || exit 1
		COMP_LINE=$2 COMP_POINT=${#2}
		current=${2##*["$COMP_WORDBREAKS"]}
		_yett yett "$current" ""
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$ROOT" "$1"
}

@test "bash: commands, options, names; only what follows a colon or = is replaced" {
	run -0 in_bash 'yett ca'
	[ "$output" = can ]
	run -0 in_bash "yett can -C $QUICK be"
	[ "$output" = ben-laptop ]
	run -0 in_bash "yett can -C $QUICK ben-laptop "
	has resource:nas
	run -0 in_bash "yett access -C $QUICK user:b"
	[ "$output" = ben ]
	run -0 in_bash "yett access -C $QUICK us"
	[ "$output" = $'user:ana\nuser:ben\nuser:cleo' ]
	run -0 in_bash 'yett check --format=sa'
	[ "$output" = sarif ]
	run -0 in_bash 'yett check --quie'
	[ "$output" = --quiet ]
}

@test "bash: files and folders" {
	mkdir folder
	touch file.yaml
	run -0 in_bash 'yett fmt f'
	[ "$(sort <<<"$output")" = $'file.yaml\nfolder' ]
	run -0 in_bash 'yett check -C f'
	[ "$output" = folder ]
	run -0 in_bash 'yett enroll x --key=fi'
	[ "$output" = file.yaml ]
}

@test "bash: a real readline completes a name on a terminal" {
	cat >rc <<-EOF
		PATH=$B:\$PATH; PS1='> '
		bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'
		source $ROOT/contrib/completions/yett.bash
		yett() { [ "\$1" != complete ] && printf 'got <%s>\n' "\$*" || command yett "\$@"; }
	EOF
	/usr/bin/python3 "$BATS_TEST_DIRNAME/completions/type.py" "bash --rcfile rc -i" "yett access -C $QUICK group:ev\\t\\n" \
		"got <access -C $QUICK group:everyone>"
}

@test "zsh completes on a terminal: a command, an option, a name, a selector, a folder" {
	mkdir only-folder zdot
	cat >zdot/.zshrc <<-EOF
		PATH=$B:\$PATH; PS1='> '; zstyle ':completion:*' list-prompt ''
		fpath=($ROOT/contrib/completions \$fpath)
		autoload -Uz compinit && compinit -u -d zdot/dump
		preexec() { print -r -- "got <\$1>" }
	EOF
	type_in_zsh() { ZDOTDIR=zdot /usr/bin/python3 "$BATS_TEST_DIRNAME/completions/type.py" 'zsh -i' "$1\\n" "$2"; }
	type_in_zsh 'yett che\t' 'got <yett check>'
	type_in_zsh 'yett check --quie\t' 'got <yett check --quiet>'
	type_in_zsh "yett can -C $QUICK cle\\t" "got <yett can -C $QUICK cleo-laptop>"
	type_in_zsh "yett access -C $QUICK group:ev\\t" "got <yett access -C $QUICK group:everyone>"
	type_in_zsh 'yett check --directory=only\t' 'got <yett check --directory=only-folder'
}

@test "fish completes: commands with what they do, options, names, selectors, folders" {
	mkdir only-folder
	in_fish() { HOME=$BATS_TEST_TMPDIR PATH=$B:$PATH fish --no-config -c "source $ROOT/contrib/completions/yett.fish; complete -C '$1'"; }
	run -0 in_fish 'yett che'
	[[ "$output" == check$'\t'* ]]
	run -0 in_fish 'yett check --quie'
	[[ "$output" == --quiet* ]]
	run -0 in_fish "yett can -C $QUICK cle"
	[[ "$output" == cleo-laptop* ]]
	run -0 in_fish "yett access -C $QUICK group:ev"
	[ "$output" = group:everyone ]
	run -0 in_fish 'yett check --format=sar'
	[ "$output" = --format=sarif ]
	run -0 in_fish 'yett check --directory=only'
	[[ "$output" == --directory=only-folder/* ]]
	run -0 in_fish 'yett check -C only'
	[[ "$output" == only-folder/* ]]
}
