#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rates and quotas of plans, measured with real traffic: two devices at once, up and down, UDP and TCP; and what is used of a quota
# through restarts of yettd, new tables and a boot.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
build=$root/${B:-build}
traffic="/usr/bin/python3 $root/tests/e2e/traffic.py"

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: limits.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
gw=yl-gw-$$ dev=yl-dev-$$ lan=yl-lan-$$
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	for ns in "$gw" "$dev" "$lan"; do
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
within() { # within NAME VALUE LEAST MOST
	awk -v v="${2:-0}" -v a="$3" -v b="$4" 'BEGIN { exit !(v + 0 >= a && v + 0 <= b) }'
	ok $? "$1: $2 is between $3 and $4"
}
in_ns() { # in_ns NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" --mount="$work/$ns.mnt" -- "$@"
}
for ns in "$gw" "$dev" "$lan"; do
	ip netns add "$ns" || { echo "Bail out! cannot make network namespaces"; exit 1; }
	touch "$work/$ns.mnt"
	mkdir -p "$work/run-$ns"
	unshare --mount="$work/$ns.mnt" --propagation private sh -c "mkdir -p '$work/run-$ns/wireguard' && mount --bind '$work/run-$ns' /run"
	ip -n "$ns" link set lo up
	in_ns "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done
in_ns "$gw" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "$gw" link add lan0 type veth peer name lan0 netns "$lan"
ip -n "$gw" addr add 10.20.0.1/24 dev lan0
ip -n "$gw" addr add fd20::1/64 dev lan0 nodad
ip -n "$gw" link set lan0 up
ip -n "$lan" addr add 10.20.0.10/24 dev lan0
ip -n "$lan" addr add fd20::10/64 dev lan0 nodad
ip -n "$lan" link set lan0 up
ip -n "$lan" route add default via 10.20.0.1
ip -n "$lan" route add default via fd20::1
in_ns "$lan" $traffic serve 10.20.0.10 fd20::10 &
pids+=($!)

# ---- the tree ----

umask 077
wg genkey >"$work/gw.key"
for i in 2 3 4; do wg genkey >"$work/d$i.key"; done
pub() { wg pubkey <"$work/$1.key"; }
tree=$work/tree
mkdir -p "$tree"
write_tree() { # write_tree PLAN-OF-D2 PLAN-OF-D3 PLAN-OF-D4
	cat >"$tree/base.yaml" <<-YAML
		kind: Network
		name: net
		pools: [10.9.0.0/24, "fd09::/64"]
		---
		kind: Site
		name: hq
		networks: [10.20.0.0/24, "fd20::/64"]
		---
		kind: Gateway
		name: gw
		site: hq
		endpoint: 192.0.2.1:51820
		public_key: $(pub gw)
		addresses: [10.9.0.1, "fd09::1"]
		nat: none
		---
		{kind: Plan, name: slow, rate: 8mbit}
		---
		{kind: Plan, name: fast, rate: 20mbit}
		---
		{kind: Plan, name: faster, rate: 24mbit}
		---
		{kind: Plan, name: counted, quota: {bytes: 2MB, period: 3650d}}
		---
		{kind: Plan, name: counted-more, quota: {bytes: 3MB, period: 3650d}}
		---
		{kind: Plan, name: short, quota: {bytes: 100kB, period: 8s}}
		---
		{kind: User, name: u2, plan: $1}
		---
		{kind: User, name: u3, plan: $2}
		---
		{kind: User, name: u4, plan: $3}
		---
		kind: Policy
		name: lan
		from: [any]
		to: ["site:hq"]
		ports: [tcp/7000-7001, udp/7000-7002]
	YAML
	for i in 2 3 4; do
		printf 'kind: Device\nname: d%s\nowner: u%s\npublic_key: %s\naddresses: [10.9.0.%s, "fd09::%s"]\n' \
			"$i" "$i" "$(pub "d$i")" "$i" "$i" >"$tree/d$i.yaml"
	done
}

# ---- rates: wg0 is one end of a pair of veth, so that what is measured is the table alone ----

ip -n "$gw" link add wg0 type veth peer name dev0 netns "$dev"
ip -n "$gw" addr add 10.9.0.1/24 dev wg0
ip -n "$gw" addr add fd09::1/64 dev wg0 nodad
ip -n "$gw" link set wg0 up
ip -n "$dev" link set dev0 up
for i in 2 3 4; do
	ip -n "$dev" addr add "10.9.0.$i/24" dev dev0
	ip -n "$dev" addr add "fd09::$i/64" dev dev0 nodad
done
# Neighbours are not asked for: on a WireGuard interface there are none, and the table lets no such packet pass.
wg_mac=$(ip -n "$gw" -br link show dev wg0 | awk '{print $3}') dev_mac=$(ip -n "$dev" -br link show dev dev0 | awk '{print $3}')
ip -n "$dev" neigh add fd09::1 lladdr "$wg_mac" dev dev0
for i in 2 3 4; do ip -n "$gw" neigh add "fd09::$i" lladdr "$dev_mac" dev wg0; done
ip -n "$dev" route add default via 10.9.0.1
ip -n "$dev" route add default via fd09::1

load_netlink() { in_ns "$gw" "$build/tests/e2e/load_plan" "$tree" gw; }
load_text() {
	rm -rf "$work/out"
	"$build/yett" build --quiet -C "$tree" -o "$work/out" && in_ns "$gw" env TZ=UTC nft -f "$work/out/gateways/gw/ruleset.nft"
}
measure() { # measure PROTO DIRECTION DEVICE SECONDS MBIT: into results/
	in_ns "$dev" $traffic "$1" "$2" "${FROM:-10.9.0.}$3" "${TO:-10.20.0.10}" "$4" "$5" >"$work/$1-$2-$3" 2>>"$work/errors" &
	jobs_now+=($!)
}
steady() { jq .steady "$work/$1"; }
average() { jq '.bytes * 8 / .seconds' "$work/$1"; }

write_tree slow fast counted
load_netlink >"$work/log" 2>&1
ok $? "the table is loaded by netlink and read back as it was meant"
sed 's/^/# /' "$work/log"
jobs_now=()
for d in up down; do
	measure udp "$d" 2 6 16
	measure udp "$d" 3 6 40
done
wait "${jobs_now[@]}"
for d in up down; do
	within "UDP $d at 8 Mbit/s" "$(steady "udp-$d-2")" 7.2e6 8.8e6
	within "UDP $d at 20 Mbit/s" "$(steady "udp-$d-3")" 18e6 22e6
done
jobs_now=()
for d in up down; do
	measure tcp "$d" 2 10 0
	measure tcp "$d" 3 10 0
done
wait "${jobs_now[@]}"
for d in up down; do
	within "TCP $d at 8 Mbit/s, from the first second on" "$(average "tcp-$d-2")" 6e6 8.8e6
	within "TCP $d at 20 Mbit/s, from the first second on" "$(average "tcp-$d-3")" 15e6 22e6
done
in_ns "$gw" nft list table inet yett >"$work/before"
write_tree slow faster counted
load_netlink >"$work/log" 2>&1
ok $? "one device moves to another plan"
sed 's/^/# /' "$work/log"
in_ns "$gw" nft list table inet yett >"$work/after"
[ "$(diff "$work/before" "$work/after" | grep -c '^>')" -eq 2 ] && diff "$work/before" "$work/after" | grep -q 'rate over 3000000 bytes/second'
ok $? "and that changes an element of either direction's set, nothing else"
load_text >"$work/log" 2>&1
ok $? "nft loads the text form"
sed 's/^/# /' "$work/log"
# One rate for both families of a device.
jobs_now=()
measure udp up 3 5 24
FROM=fd09:: TO=fd20::10 measure udp down 2 5 16
in_ns "$dev" $traffic udp up fd09::3 fd20::10 5 24 >"$work/udp-up6-3" 2>>"$work/errors" &
jobs_now+=($!)
wait "${jobs_now[@]}"
within "UDP by IPv4 and IPv6 together at 24 Mbit/s, text form" \
	"$(awk -v a="$(steady udp-up-3)" -v b="$(steady udp-up6-3)" 'BEGIN { print a + b }')" 21.6e6 26.4e6
within "UDP down by IPv6 at 8 Mbit/s, text form" "$(steady udp-down-2)" 7.2e6 8.8e6

# ---- a quota in the kernel alone ----

burst() { in_ns "$dev" $traffic burst "$1" "$2" "$3"; }
[ "$(in_ns "$gw" nft list sets table inet yett | grep -A 6 'set quota_' | grep -c 'used')" -eq 0 ]
ok $? "nothing is used of the quota yet"
in_ns "$dev" $traffic udp up 10.9.0.4 10.20.9.9 0.3 10 >/dev/null 2>&1
[ "$(in_ns "$gw" nft list sets table inet yett | grep -A 6 'set quota_' | grep -c 'used')" -eq 0 ]
ok $? "what is denied uses nothing"
back=$(burst 10.9.0.4 10.20.0.10 400000)
back6=$(burst fd09::4 fd20::10 1600000)
echo "# $back bytes came back by IPv4, $back6 by IPv6"
# Each datagram counts twice, with 28 or 48 bytes of headers; the one that crosses the end may have been counted up alone.
within "both directions and families share 2 MB" "$(awk -v a="$back" -v b="$back6" 'BEGIN { print 2 * (a * 1.028 + b * 1.048) }')" 1.94e6 2.0e6
in_ns "$dev" $traffic echo 10.9.0.4 10.20.0.10
[ $? -ne 0 ]
ok $? "a used up quota lets nothing pass"
in_ns "$dev" ping -q -c 1 -W 1 -I 10.9.0.3 10.9.0.1 >/dev/null 2>&1
in_ns "$dev" $traffic echo 10.9.0.3 10.20.0.10
ok $? "and does not concern the other devices"

# ---- quotas with yettd: WireGuard in earnest ----

ip -n "$gw" link del wg0
in_ns "$gw" nft delete table inet yett
ip -n "$gw" link add eth0 type veth peer name eth0 netns "$dev"
ip -n "$gw" addr add 192.0.2.1/24 dev eth0
ip -n "$dev" addr add 192.0.2.2/24 dev eth0
ip -n "$gw" link set eth0 up
ip -n "$dev" link set eth0 up
in_ns "$gw" "$PWD/tests/e2e/wireguard-device" wg0
for i in 3 4; do
	in_ns "$dev" "$PWD/tests/e2e/wireguard-device" "wg$i"
	in_ns "$dev" wg set "wg$i" private-key "$work/d$i.key" peer "$(pub gw)" endpoint 192.0.2.1:51820 allowed-ips 10.20.0.0/24,10.9.0.1/32
	in_ns "$dev" ip addr add "10.9.0.$i/32" dev "wg$i"
	in_ns "$dev" ip link set "wg$i" mtu 1420 up
	in_ns "$dev" ip route add 10.20.0.0/24 dev "wg$i" table "10$i"
	in_ns "$dev" ip rule add from "10.9.0.$i" table "10$i"
done
git init -q -b main "$tree"
git -C "$tree" config user.name Tester
git -C "$tree" config user.email tester@example.com
commit() { git -C "$tree" add -A && git -C "$tree" commit -qm "$1"; }
write_tree slow short counted
commit "Plans"
cat >"$work/yettd.yaml" <<YAML
gateway: gw
repository: file://$tree
branch: main
interval: 3600s
private_key_file: $work/gw.key
state_dir: $work/state
control_socket: $work/ctl.sock
trust: {mode: unsigned}
YAML
mkdir -m 0700 "$work/state"
daemon=
start_daemon() {
	: >"$work/yettd.log"
	nsenter --net="/run/netns/$gw" --mount="$work/$gw.mnt" -- "$build/yettd" --config "$work/yettd.yaml" >>"$work/yettd.log" 2>&1 &
	daemon=$!
	pids+=("$daemon")
	for _ in $(seq 100); do
		"$build/yettctl" --socket "$work/ctl.sock" sync >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}
stop_daemon() {
	kill -TERM "$daemon"
	wait "$daemon" 2>/dev/null
}
sync() { "$build/yettctl" --socket "$work/ctl.sock" sync >>"$work/sync.log" 2>&1; }
used() { # used NUMBER: bytes, as the kernel says
	in_ns "$gw" nft list sets table inet yett |
		awk -v id="$1" '{ for (i = 1; i <= NF; i++) if ($i == id && $(i + 1) == "quota") { u = 0; m = 1
			if ($(i + 5) == "used") { u = $(i + 6); if ($(i + 7) ~ /^kbytes/) m = 1024; if ($(i + 7) ~ /^mbytes/) m = 1048576 }
			print u * m; exit } }'
}
d3=0x0a090003 d4=0x0a090004
start_daemon
ok $? "yettd applies the plans"
in_ns "$dev" $traffic echo 10.9.0.4 10.20.0.10 || in_ns "$dev" $traffic echo 10.9.0.4 10.20.0.10
ok $? "the tunnel works"
burst 10.9.0.4 10.20.0.10 200000 >/dev/null
first=$(used $d4)
within "200 kB there and back" "$first" 380000 440000
stop_daemon
grep -q "^${d4#0x} 315360000 $first\$" "$work/state/quota"
ok $? "when yettd ends it writes down what is used"
[ "$(used $d4)" = "$first" ]
ok $? "and the kernel counts on"
start_daemon
ok $? "yettd comes back"
[ "$(used $d4)" = "$first" ]
ok $? "and nothing is counted anew"
# Somebody loads the table by hand, while nobody is there to put it back at once.
stop_daemon
rm -rf "$work/out"
"$build/yett" build --quiet -C "$tree" -o "$work/out"
in_ns "$gw" env TZ=UTC nft -f "$work/out/gateways/gw/ruleset.nft"
[ "$(used $d4)" = 0 ]
ok $? "a table loaded by hand knows of no use"
burst 10.9.0.4 10.20.0.10 100000 >/dev/null
more=$(used $d4)
start_daemon
sum=$(used $d4)
[ "$sum" = "$((first + more))" ]
ok $? "yettd adds what was used before to it: $first + $more = $sum"
sync
[ "$(used $d4)" = "$sum" ]
ok $? "once"
# As after a boot.
stop_daemon
in_ns "$gw" nft delete table inet yett
start_daemon
[ "$(used $d4)" = "$sum" ]
ok $? "use outlives the table and yettd, as over a boot"
in_ns "$gw" nft delete table inet yett
kill -9 "$(pgrep -P "$daemon" -f -- --role=apply)"
for _ in $(seq 30); do sync && break; sleep 0.1; done
[ "$(used $d4)" = "$sum" ]
ok $? "and the table and the role that reads it"
write_tree slow short counted-more
commit "More"
sync
[ "$(used $d4)" = "$sum" ]
ok $? "a larger quota goes on from what is used"
[ "$(in_ns "$gw" nft list sets table inet yett | grep -c 'set quota_1e8480_')" -eq 0 ]
ok $? "and the smaller one's set is gone"
back=$(burst 10.9.0.4 10.20.0.10 3000000)
within "then it is cut off at 3 MB" "$(awk -v b="$back" -v s="$sum" 'BEGIN { print s + 2 * b * 1.028 }')" 2.92e6 3.0e6
in_ns "$dev" $traffic echo 10.9.0.4 10.20.0.10
[ $? -ne 0 ]
ok $? "nothing passes any more"
# A period of 8 seconds: used up in one, and free again in the next.
in_ns "$dev" $traffic echo 10.9.0.3 10.20.0.10
burst 10.9.0.3 10.20.0.10 200000 >/dev/null
in_ns "$dev" $traffic echo 10.9.0.3 10.20.0.10
[ $? -ne 0 ]
ok $? "another device has used up a short period's quota"
free=1
for _ in $(seq 20); do
	in_ns "$dev" $traffic echo 10.9.0.3 10.20.0.10 && free=0 && break
done
ok $free "and may go on in the next period"
[ "$(used $d3)" -lt 5000 ]
ok $? "which began with nothing"
in_ns "$dev" $traffic echo 10.9.0.4 10.20.0.10
[ $? -ne 0 ]
ok $? "while the long one goes on"
[ -s "$work/errors" ] && sed 's/^/# /' "$work/errors"
[ -n "${YETT_TEST_VERBOSE:-}" ] && cat "$work/yettd.log" "$work/sync.log" | sed 's/^/# /'
echo "1..$n"
