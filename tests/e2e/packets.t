#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rendered ruleset judged by the kernel: random trees, random packets, one verdict.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")
yett=$build/yett
trees=${YETT_PACKET_TREES:-12}
count=${YETT_PACKETS:-1500}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: packets.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
# shellcheck source=tests/e2e/packet_gateway.bash
. tests/e2e/packet_gateway.bash
trap 'del_namespaces; rm -rf "$work"' EXIT

# The table comes into the kernel as the text form does by hand, or as yettd does by netlink.
load_text() { in_gw env TZ=UTC nft -f "$work/out$1/gateways/gw/ruleset.nft"; }
load_netlink() { in_gw "$build/tests/e2e/load_plan" "$work/tree$1" gw; }

n=0
echo "1..$((2 * trees))"
for i in $(seq "$trees"); do
	tree=$work/tree$i
	/usr/bin/python3 tests/e2e/randtree.py "$i" "$tree" windows
	"$yett" build --quiet -C "$tree" -o "$work/out$i" >"$work/log" 2>&1 || sed 's/^/# /' "$work/log"
	for form in text netlink; do
		n=$((n + 1))
		del_namespaces # and with them every flow that the kernel remembers
		make_namespaces || { echo "Bail out! cannot make network namespaces"; exit 1; }
		"load_$form" "$i" >"$work/log" 2>&1 &&
			ip netns exec "$host" /usr/bin/python3 tests/e2e/packets.py "$yett" "$tree" gw "$count" "$i" "$(mac_of "$gw" wg0)" >>"$work/log" 2>&1
		status=$?
		[ $status -eq 0 ] || printf 'not '
		echo "ok $n - the kernel agrees with yett can on the tree of seed $i, $form form"
		sed 's/^#* */# /' "$work/log"
	done
done
