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
gw=yp-gw-$$ host=yp-host-$$
del_namespaces() {
	ip netns del "$gw" 2>/dev/null
	ip netns del "$host" 2>/dev/null
}
trap 'del_namespaces; rm -rf "$work"' EXIT

mac_of() { ip -n "$1" -br link show dev "$2" | awk '{print $3}'; }
in_gw() { ip netns exec "$gw" "$@"; }

make_namespaces() {
	ip netns add "$gw" && ip netns add "$host" || return 1
	ip -n "$gw" link add wg0 type veth peer name dev netns "$host"
	ip -n "$gw" link add eth0 type veth peer name lan netns "$host"
	for pair in "$gw lo" "$gw wg0" "$gw eth0" "$host dev" "$host lan"; do
		# shellcheck disable=SC2086
		set -- $pair
		ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 "net.ipv6.conf.$2.accept_dad=0"
		ip -n "$1" link set dev "$2" up
	done
	in_gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.wg0.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.wg0.send_redirects=0
	local dev lan
	dev=$(mac_of "$host" dev) lan=$(mac_of "$host" lan)
	in_gw ip neigh add 198.51.100.1 lladdr "$dev" dev wg0 nud permanent
	in_gw ip neigh add fe80::1 lladdr "$dev" dev wg0 nud permanent
	in_gw ip neigh add 192.0.2.1 lladdr "$lan" dev eth0 nud permanent
	in_gw ip neigh add fe80::2 lladdr "$lan" dev eth0 nud permanent
	in_gw ip route add default via 192.0.2.1 dev eth0 onlink
	in_gw ip -6 route add default via fe80::2 dev eth0
	in_gw ip route add 10.9.0.0/24 via 198.51.100.1 dev wg0 onlink
	in_gw ip -6 route add fd09::/64 via fe80::1 dev wg0
}

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
