#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two gateways of one site, `redundancy: 1`, and packets: each device passes by the gateway that it is placed on and is no peer of the
# other; a gateway that drains keeps whom it serves while new profiles name the other; one in maintenance serves nobody; one
# that is full is told before anything is built.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
build=$root/${B:-build}
traffic="/usr/bin/python3 $root/tests/e2e/traffic.py"

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: placement.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
g1=yq-g1-$$ g2=yq-g2-$$ dev=yq-dev-$$ lan=yq-lan-$$
spaces=("$g1" "$g2" "$dev" "$lan")
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	for ns in "${spaces[@]}"; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	umount -l "$work"/*.mnt "$work" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
mount --bind "$work" "$work" && mount --make-private "$work"

n=0
ok() { # ok STATUS NAME
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}
fails() { ! "$@"; }
in_ns() { # in_ns NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" --mount="$work/$ns.mnt" -- "$@"
}
for ns in "${spaces[@]}"; do
	ip netns add "$ns" || { echo "Bail out! cannot make network namespaces"; exit 1; }
	touch "$work/$ns.mnt"
	mkdir -p "$work/run-$ns"
	unshare --mount="$work/$ns.mnt" --propagation private sh -c "mkdir -p '$work/run-$ns/wireguard' && mount --bind '$work/run-$ns' /run"
	ip -n "$ns" link set lo up
done

# dev -- 192.0.2.0/24 and 198.51.100.0/24 -- g1, g2 -- 10.20.0.0/24 -- lan, whose bridge holds both gateways' far ends.
ip -n "$lan" link add br0 type bridge
ip -n "$lan" addr add 10.20.0.10/24 dev br0
ip -n "$lan" link set br0 up
i=0
for ns in "$g1" "$g2"; do
	i=$((i + 1))
	net=$([ $i = 1 ] && echo 192.0.2 || echo 198.51.100)
	ip -n "$ns" link add eth0 type veth peer name "eth$i" netns "$dev"
	ip -n "$ns" addr add "$net.1/24" dev eth0
	ip -n "$dev" addr add "$net.9/24" dev "eth$i"
	ip -n "$ns" link set eth0 up
	ip -n "$dev" link set "eth$i" up
	ip -n "$ns" link add lan0 type veth peer name "lan$i" netns "$lan"
	ip -n "$ns" addr add "10.20.0.$i/24" dev lan0
	ip -n "$ns" link set lan0 up
	ip -n "$lan" link set "lan$i" master br0 up
	in_ns "$ns" sysctl -qw net.ipv4.ip_forward=1
done
in_ns "$lan" $traffic serve 10.20.0.10 &
pids+=($!)

# ---- the tree ----

umask 077
names=(g1 g2 d1 d2 d3 d4 d5 d6 d7 d8)
for name in "${names[@]}"; do wg genkey >"$work/$name.key"; done
pub() { wg pubkey <"$work/$1.key"; }
tree=$work/tree
mkdir -p "$tree"
write_tree() { # write_tree STATE-OF-G1 CAPACITY-OF-G1
	cat >"$tree/base.yaml" <<-YAML
		kind: Network
		name: net
		pools: [10.9.0.0/24]
		---
		kind: Site
		name: hq
		networks: [10.20.0.0/24]
		redundancy: 1
		---
		kind: Gateway
		name: g1
		site: hq
		endpoint: 192.0.2.1:51820
		public_key: $(pub g1)
		addresses: [10.9.0.1]
		state: $1
		capacity: $2
		---
		kind: Gateway
		name: g2
		site: hq
		endpoint: 198.51.100.1:51820
		public_key: $(pub g2)
		addresses: [10.9.0.2]
		---
		kind: Policy
		name: lan
		from: [any]
		to: ["site:hq"]
	YAML
	for i in 1 2 3 4 5 6 7 8; do
		printf 'kind: Device\nname: d%s\ntags: [t]\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$i" "$(pub "d$i")" "$((10 + i))" >"$tree/d$i.yaml"
	done
}
make_artifacts() {
	rm -rf "$work/out"
	"$build/yett" build --quiet -C "$tree" -o "$work/out" >"$work/log" 2>&1
}
# What an administrator would type, with what was built.
load_gateways() {
	for g in g1 g2; do
		local ns=$g1
		[ $g = g2 ] && ns=$g2
		in_ns "$ns" wg syncconf wg0 "$work/out/gateways/$g/wireguard.conf" &&
			in_ns "$ns" wg set wg0 private-key "$work/$g.key" &&
			in_ns "$ns" env TZ=UTC nft -f "$work/out/gateways/$g/ruleset.nft" || return 1
	done
}
gateways_of() { # of the profile: which gateways it names, by their keys
	for g in g1 g2; do grep -qF "$(pub $g)" "$work/out/profiles/$1.conf" && echo "$g"; done | xargs
}
peers_of() { # the devices that a gateway has as peers
	local ns=$g1
	[ "$1" = g2 ] && ns=$g2
	for i in 1 2 3 4 5 6 7 8; do in_ns "$ns" wg show wg0 peers | grep -qF "$(pub "d$i")" && echo "d$i"; done | xargs
}

i=0
for ns in "$g1" "$g2"; do
	i=$((i + 1))
	in_ns "$ns" "$PWD/tests/e2e/wireguard-device" wg0
	ip -n "$ns" addr add "10.9.0.$i/32" dev wg0
	ip -n "$ns" link set wg0 mtu 1420 up
	ip -n "$ns" route add 10.9.0.0/24 dev wg0
done

# A device's tunnel with its own profile, or to one gateway whatever the profile says.
tunnel_up() { # tunnel_up DEVICE [GATEWAY]
	local number=$((10 + ${1#d}))
	in_ns "$dev" ip link del "$1" 2>/dev/null
	in_ns "$dev" "$PWD/tests/e2e/wireguard-device" "$1"
	if [ $# -gt 1 ]; then
		local end=192.0.2.1
		[ "$2" = g2 ] && end=198.51.100.1
		in_ns "$dev" wg set "$1" private-key "$work/$1.key" peer "$(pub "$2")" endpoint "$end:51820" allowed-ips 10.20.0.0/24
	else
		# wg-quick's own keywords are for wg-quick.
		grep -vE '^(Address|DNS|MTU|PreUp|PostUp|PreDown|PostDown|Table)' "$work/out/profiles/$1.conf" >"$work/$1.conf"
		in_ns "$dev" wg setconf "$1" "$work/$1.conf"
		in_ns "$dev" wg set "$1" private-key "$work/$1.key"
	fi
	in_ns "$dev" ip addr add "10.9.0.$number/32" dev "$1"
	in_ns "$dev" ip link set "$1" mtu 1420 up
	in_ns "$dev" ip route replace 10.20.0.0/24 dev "$1" table "$number"
	in_ns "$dev" ip rule del table "$number" 2>/dev/null
	in_ns "$dev" ip rule add from "10.9.0.$number" table "$number"
}
passes() { # passes DEVICE: tried twice, the first packet waits for the handshake
	in_ns "$dev" $traffic echo "10.9.0.$((10 + ${1#d}))" 10.20.0.10 || in_ns "$dev" $traffic echo "10.9.0.$((10 + ${1#d}))" 10.20.0.10
}
shakes() { # shakes DEVICE: whether the gateway has ever answered
	in_ns "$dev" wg show "$1" latest-handshakes | awk '$2 > 0 { found = 1 } END { exit !found }'
}

write_tree active 8
make_artifacts && load_gateways
ok $? "two gateways get what was built for them"
sed 's/^/# /' "$work/log"
one=$(peers_of g1) two=$(peers_of g2)
echo "# g1: $one; g2: $two"
[ "$(echo "$one $two" | xargs -n 1 | sort | xargs)" = "d1 d2 d3 d4 d5 d6 d7 d8" ]
ok $? "each device is a peer of exactly one"
# Keys differ from run to run and names do not: the placement is the same on every machine.
right=0
for d in $one; do [ "$(gateways_of "$d")" = g1 ] || right=1; done
for d in $two; do [ "$(gateways_of "$d")" = g2 ] || right=1; done
ok $right "which is the one that its profile names"
first=${one%% *} other=${two%% *}
[ -n "$first" ] && [ -n "$other" ]
ok $? "either gateway has some"
tunnel_up "$first"
tunnel_up "$other"
passes "$first"
ok $? "packets of $first pass by g1"
passes "$other"
ok $? "packets of $other pass by g2"
in_ns "$g1" nft list chain inet yett forward >/dev/null && in_ns "$g2" nft list map inet yett class4 | grep -q "10\.9\.0\.$((10 + ${other#d}))" &&
	fails grep -q "10\.9\.0\.$((10 + ${first#d}))[^0-9]" <(in_ns "$g2" nft list map inet yett class4)
ok $? "g2's rules know $other and not $first"
tunnel_up "$first" g2
fails passes "$first"
ok $? "$first gets nowhere by g2"
fails shakes "$first"
ok $? "which does not even answer"
tunnel_up "$first"
passes "$first"
ok $? "and is served by g1 as before"

# ---- g1 drains ----

write_tree draining 8
make_artifacts && load_gateways
ok $? "g1 drains"
[ "$(peers_of g1)" = "$one" ]
ok $? "it keeps the peers that it had"
passes "$first"
ok $? "and their packets pass"
wrong=0
for d in d1 d2 d3 d4 d5 d6 d7 d8; do [ "$(gateways_of "$d")" = g2 ] || wrong=1; done
ok $wrong "new profiles all name g2"
[ "$(peers_of g2)" = "d1 d2 d3 d4 d5 d6 d7 d8" ]
ok $? "which admits them all"
passes "$other"
ok $? "$other, placed there before, has noticed nothing"
tunnel_up "$first"
passes "$first"
ok $? "$first passes by g2 with its new profile"

# ---- g1 is repaired ----

write_tree maintenance 8
make_artifacts && load_gateways
ok $? "g1 goes into maintenance"
[ -z "$(peers_of g1)" ]
ok $? "it has no peers any more"
passes "$first"
ok $? "$first goes on by g2"
tunnel_up "$first" g1
fails passes "$first"
ok $? "and gets nowhere by g1"

# ---- and comes back ----

write_tree active 8
make_artifacts && load_gateways
ok $? "g1 is active again"
[ "$(peers_of g1)" = "$one" ] && [ "$(peers_of g2)" = "$two" ]
ok $? "everybody is where they were"
tunnel_up "$first"
passes "$first"
ok $? "$first passes by g1"

# ---- and is too small ----

write_tree active 1
make_artifacts
[ $? -eq 1 ] && grep -q 'E_CAPACITY' "$work/log"
ok $? "a gateway that would admit more than its capacity is an error"
grep -o 'gateway "g1" would admit.*' "$work/log" | sed 's/^/# /'
echo "1..$n"
