#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The artifacts of the examples are what the real wg and nft accept.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: artifacts.t loads rulesets in a network namespace'
	exit 0
fi
if [ -z "${ARTIFACTS_INSIDE:-}" ]; then
	ARTIFACTS_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$0"
fi

yett=${B:-build}/yett
mount -t tmpfs tmpfs /run
mkdir -p /run/wireguard /run/out
ip link set lo up
tests/e2e/wireguard-device wgtest
status=0 n=0
result() { # STATUS NAME, explanation on standard input
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	head -n 20 | sed 's/^/# /'
	status=1
}
for example in examples/*/; do
	name=$(basename "$example")
	out=/run/out/$name
	"$yett" build --quiet -C "$example/tree" -o "$out" >/run/log 2>&1
	result $? "$name builds" </run/log
	for gateway in "$out"/gateways/*/; do
		g=$(basename "$gateway")
		nft -c -f "$gateway/ruleset.nft" >/run/log 2>&1
		result $? "$name $g: nft -c -f takes ruleset.nft" </run/log
		nft -f "$gateway/ruleset.nft" >/run/log 2>&1 && nft -f "$gateway/ruleset.nft" >>/run/log 2>&1
		result $? "$name $g: it loads, and again in place of itself" </run/log
		wg syncconf wgtest "$gateway/wireguard.conf" >/run/log 2>&1
		result $? "$name $g: wg syncconf takes wireguard.conf" </run/log
		peers=$(grep -c '^\[Peer\]' "$gateway/wireguard.conf")
		[ "$(wg show wgtest peers | wc -l)" -eq "$peers" ]
		result $? "$name $g: all $peers peers are there" </dev/null
	done
	nft list tables | grep -qx 'table inet yett'
	result $? "$name: one table, inet yett" </dev/null
	for conf in "$out"/profiles/*.conf; do
		key=$(wg genkey)
		# What wg-quick would hand to wg, with the device's own key in its place and names as addresses (no resolver here).
		wg-quick strip "$(realpath "$conf")" 2>/run/log | sed -E "s,^(#? *)?PrivateKey *=.*,PrivateKey = $key,; s,^Endpoint = [a-z][^:]*:,Endpoint = 192.0.2.99:," >/run/device.conf &&
			wg setconf wgtest /run/device.conf >>/run/log 2>&1 || { result 1 "$name: wg takes ${conf##*/}" </run/log; continue; }
	done
	result 0 "$name: wg takes what wg-quick makes of every profile" </dev/null
done
echo "1..$n"
exit $status
