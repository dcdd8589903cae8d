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
for target in demo test install check-style bench golden-update; do
	check "make help lists $target" sh -c 'make -s help | grep -q "^  $1 "' sh "$target"
done
if command -v man >/dev/null 2>&1; then
	for page in docs/man/*.[18]; do
		check "$page formats without a complaint" sh -c 'test -z "$(LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null)"' sh "$page"
	done
fi
echo "1..$n"
exit $status
