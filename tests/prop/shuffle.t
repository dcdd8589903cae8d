#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Folder names, file names, the order of files, documents and fields, and quoting carry no meaning: the same bytes come out.
set -u
cd "$(dirname "$0")/../.." || exit 1
yett=$PWD/${B:-build}/yett
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

n=0
report() { # report STATUS NAME
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}

build() { "$yett" build --quiet -C "$1" -o "$2" 2>"$work/log" || { sed 's/^/# /' "$work/log"; return 1; }; }

for seed in $(seq 10); do
	/usr/bin/python3 tests/e2e/randtree.py "$seed" "$work/tree$seed" windows
done
for tree in examples/quickstart/tree examples/acme/tree "$work"/tree*; do
	name=${tree#"$work"/}
	rm -rf "$work/plain" "$work/shuffled" "$work/out"
	build "$tree" "$work/plain"
	report $? "$name builds"
	for seed in 1 2; do
		rm -rf "$work/shuffled" "$work/out"
		/usr/bin/python3 tests/prop/shuffle.py "$seed" "$tree" "$work/shuffled" && build "$work/shuffled" "$work/out" &&
			diff -r "$work/plain" "$work/out" >"$work/log"
		status=$?
		[ $status -eq 0 ] || sed 's/^/# /' "$work/log" | head -20
		report $status "$name shuffled by $seed gives the same bytes"
	done
done
echo "1..$n"
