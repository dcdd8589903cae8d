# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A gateway between two links that are one host's ends: wg0 faces `dev`, eth0 faces `lan`, as tests/e2e/packets.py wants it.
# Sourced; the caller sets a trap that calls del_namespaces.
gw=yp-gw-$$ host=yp-host-$$
del_namespaces() {
	ip netns del "$gw" 2>/dev/null
	ip netns del "$host" 2>/dev/null
}
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
