#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A folder a case: what yett says of tests/golden/CASE/tree is CASE/expected, exit status included. CASE/args, where
# it is there, holds the command line, one argument a line (default: check -C tree --color never).
# --update (or GOLDEN_UPDATE=1) writes what is expected anew; names of cases choose some of them.
set -u
cd "$(dirname "$0")/../.." || exit 1
yett=$(realpath "${B:-build}")/yett
export LC_ALL=C TZ=UTC
unset NO_COLOR

update=${GOLDEN_UPDATE:-}
if [ "${1:-}" = --update ]; then
	update=1
	shift
fi
if [ $# -eq 0 ]; then
	set --
	for dir in tests/golden/*/tree; do
		set -- "$@" "$(basename "$(dirname "$dir")")"
	done
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

answer() { # in the case's folder
	local args=(check -C tree --color never)
	[ ! -f args ] || mapfile -t args <args
	"$yett" "${args[@]}" 2>&1
	echo "exit $?"
}

status=0 n=0
for name; do
	n=$((n + 1))
	case=tests/golden/$name
	(cd "$case" && answer) >"$work/answer"
	[ "$update" != 1 ] || cp "$work/answer" "$case/expected"
	if diff -u "$case/expected" "$work/answer" >"$work/diff" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/diff"
		status=1
	fi
done
echo "1..$n"
exit $status
