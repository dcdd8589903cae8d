#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What judging releases costs, in CPU time: one more release over 20 000 files that did not change, with five signatures, under 60 ms; catching
# up over 1 000 releases under 5 s.
set -u
build=$(realpath -m "${B:-build}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 1..2
check() { # NUMBER NAME FIGURE LIMIT ARGUMENTS...
	local out value
	out=$(timeout 500 "$build/tests/e2e/release_load" "$dir/$1" "${@:5}" 2>&1)
	value=$(sed -n "s/.*$3=\([0-9.]*\).*/\1/p" <<<"$out")
	echo "# $out"
	awk -v v="${value:-999999}" -v l="$4" 'BEGIN { exit !(v < l) }' || printf 'not '
	echo "ok $1 - $2: ${value:-no} ms, under $4"
}
check 1 'one release, five signatures, 20 000 files' one_ms 60 20000 4 5
check 2 'catching up over 1 000 releases' catch_up_ms 5000 500 1001 3
