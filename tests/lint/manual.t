#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual and the help agree with the commands, and make help with the Makefile.
set -u
yett=${B:-build}/yett
status=0
n=0
check() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >/dev/null 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		status=1
	fi
}
for file in compiler/cmd_*.c; do
	command=${file#compiler/cmd_}
	command=${command%.c}
	check "the manual has yett $command" grep -q "^\.SS.*\\b$command\\b" docs/man/yett.1
	check "yett --help lists $command" sh -c '"$1" --help | grep -qE "^ +$2\b"' sh "$yett" "$command"
done

# Of --help: the names of the options under a heading.
options() { # COMMAND HEADING
	"$yett" "$1" --help | awk -v heading="$2" '$0 == heading { on = 1; next } /^$/ { on = 0 } on' |
		sed -n 's/^  \(-.,\|   \) --\([a-z-]*\).*/\2/p'
}
# A command's part of the manual, without roff's escapes.
section() { # COMMAND
	awk -v name="$1" '/^\.S[SH]/ { on = $0 ~ "^\\.SS .*yett " name "( |$)" } on' docs/man/yett.1 | sed 's/\\f.//g; s/\\-/-/g; s/\\//g'
}
for command in $("$yett" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	for option in $(options "$command" Options:); do
		check "the manual has --$option of yett $command" sh -c 'printf "%s\n" "$1" | grep -qe "--$2\b"' sh "$(section "$command")" "$option"
	done
done
for option in $(options check 'Options of every command:'); do
	check "the manual has --$option" sh -c 'sed "s/\\\\-/-/g" docs/man/yett.1 | sed -n "/^\.SH OPTIONS/,/^\.SH EXIT/p" | grep -qe "--$1\b"' sh "$option"
done
for command in $(sed -n 's/^\.SS .*yett \([a-z]*\).*/\1/p' docs/man/yett.1); do
	check "yett $command of the manual is a command" sh -c '"$1" --help | grep -q "^  $2 "' sh "$yett" "$command"
done
for target in demo test install check-style bench golden-update; do
	check "make help lists $target" sh -c 'make -s help | grep -q "^  $1 "' sh "$target"
done
if command -v man >/dev/null 2>&1; then
	for page in docs/man/*.[158]; do
		check "$page formats without a complaint" sh -c 'test -z "$(LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null)"' sh "$page"
	done
fi
echo "1..$n"
exit $status
