#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make demo` holds, prints plain text, and leaves nothing behind.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: demo.t makes network namespaces'
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
B=$(realpath "${B:-build}")
export B
left() { # what the demo makes, as seen from outside: nothing
	ip netns list | grep -E '^(gateway|alice|bob|office)\b'
	ip -br link | grep -E '^(internet|net-alice|net-bob|net-gateway|lan-gateway|wg0)\b'
	ls -d /run/yett-demo /run/wireguard/wg0.sock 2>/dev/null
	pgrep -f "$B/yettd --config /run/yett-demo"
}

n=0 status=0
result() { # STATUS NAME, explanation on standard input
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /'
	status=1
}
left >"$work/before"
started=$SECONDS
contrib/demo/demo.sh >"$work/out" 2>&1
result $? 'every step holds' <"$work/out"
limit=60
[ -z "${VM_GUEST:-}" ] || limit=300 # in an emulated machine
[ $((SECONDS - started)) -lt $limit ]
result $? "it takes less than $limit s ($((SECONDS - started)) s)" </dev/null
! LC_ALL=C grep -nP '[^\x20-\x7e\t]' "$work/out" >"$work/odd"
result $? 'it prints plain ASCII' <"$work/odd"
left | diff "$work/before" - >"$work/diff"
result $? 'no namespace, link, process or file is left' <"$work/diff"

# Killed in the middle, it takes everything along.
contrib/demo/demo.sh >"$work/out" 2>&1 &
pid=$!
disown $pid
sleep 2
kill -KILL $pid
sleep 0.5
left | diff "$work/before" - >"$work/diff"
result $? 'nor after it was killed' <"$work/diff"

contrib/demo/demo.sh surprise >"$work/out" 2>&1
[ $? -eq 2 ]
result $? 'an argument is refused' <"$work/out"
echo "1..$n"
exit $status
