#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shipped examples compile to the artifacts that stand beside them, with no warnings but NAME/warnings. GOLDEN_UPDATE=1 writes those anew.
set -u
cd "$(dirname "$0")/../.." || exit 1
yett=${B:-build}/yett
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0 n=0
result() { # STATUS NAME, explanation on standard input
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		head -n 60 | sed 's/^/# /'
		status=1
	fi
}

for example in examples/*/; do
	name=$(basename "$example")
	"$yett" check -C "$example/tree" >"$work/log" 2>&1
	result $? "$name passes check" <"$work/log"
	known=/dev/null # NAME/warnings: those that are meant
	[ ! -f "$example/warnings" ] || known=$example/warnings
	grep -E '\[[EW]_[A-Z_]+\]$' "$work/log" | diff "$known" - >"$work/diff"
	result $? "$name gives no warning that is not meant" <"$work/diff"
	if ! "$yett" build --quiet -C "$example/tree" -o "$work/$name" >"$work/log" 2>&1; then
		result 1 "$name builds" <"$work/log"
		continue
	fi
	if [ "${GOLDEN_UPDATE:-}" = 1 ]; then
		rm -rf "$example/expected"
		cp -R "$work/$name" "$example/expected"
		find "$example/expected" -type f -exec chmod 644 {} +
		find "$example/expected" -type d -exec chmod 755 {} +
	fi
	diff -ru "$example/expected" "$work/$name" >"$work/log" 2>&1
	result $? "$name gives the expected artifacts" <"$work/log"
done
echo "1..$n"
exit $status
