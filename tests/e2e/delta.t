#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A one-device change costs one device: no process is started, no table, set or chain is deleted, at most 1 KB is sent
# to the kernel and to WireGuard, and every other counter and handshake stays as it was.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: delta.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
gw=yd-gw-$$ peer=yd-peer-$$
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	ip netns pids "$gw" 2>/dev/null | xargs -r kill -9 2>/dev/null
	ip netns pids "$peer" 2>/dev/null | xargs -r kill -9 2>/dev/null
	ip netns del "$gw" 2>/dev/null
	ip netns del "$peer" 2>/dev/null
	umount -l "$work"/*.mnt "$work" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
# Mount namespaces are kept as files on a private mount.
mount --bind "$work" "$work" && mount --make-private "$work"

n=0
ok() { # ok STATUS NAME
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}
# A namespace with its own /run, since wireguard-go's sockets are files.
in_ns() { # in_ns NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" --mount="$work/$ns.mnt" -- "$@"
}
make_ns() {
	ip netns add "$1" || return 1
	touch "$work/$1.mnt"
	mkdir -p "$work/run-$1"
	unshare --mount="$work/$1.mnt" --propagation private sh -c "mkdir -p '$work/run-$1/wireguard' && mount --bind '$work/run-$1' /run"
	ip -n "$1" link set lo up
}
make_ns "$gw" && make_ns "$peer" || { echo "Bail out! cannot make network namespaces"; exit 1; }
ip -n "$gw" link add eth0 type veth peer name eth0 netns "$peer"
ip -n "$gw" addr add 192.0.2.1/24 dev eth0
ip -n "$peer" addr add 192.0.2.2/24 dev eth0
ip -n "$gw" link set eth0 up
ip -n "$peer" link set eth0 up
ip netns exec "$gw" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.default.router_solicitations=0 # which would be denied, and counted
ip netns exec "$peer" sysctl -qw net.ipv6.conf.default.router_solicitations=0

umask 077
wg genkey >"$work/gw.key"
wg genkey >"$work/d1.key"
gw_pub=$(wg pubkey <"$work/gw.key") d1_pub=$(wg pubkey <"$work/d1.key")

tree=$work/tree
git init -q -b main "$tree"
git -C "$tree" config user.name Tester
git -C "$tree" config user.email tester@example.com
mkdir -p "$tree/devices"
cat >"$tree/base.yaml" <<YAML
kind: Network
name: net
pools: [10.9.0.0/24]
---
kind: Site
name: hq
networks: [10.20.0.0/24]
---
kind: Gateway
name: gw
site: hq
endpoint: 192.0.2.1:51820
public_key: $gw_pub
addresses: [10.9.0.1]
---
kind: User
name: alice
---
kind: Group
name: staff
members: ["user:alice"]
---
kind: Policy
name: staff-gateway
from: ["group:staff"]
to: ["gateway:gw"]
ports: [icmp]
---
kind: Policy
name: staff-web
from: ["group:staff"]
to: ["site:hq"]
ports: [tcp/443, tcp/80]
YAML
device() { # device NUMBER PUBLIC_KEY
	printf 'kind: Device\nname: d%s\nowner: alice\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$1" "$2" "$((10 + $1))" >"$tree/devices/d$1.yaml"
}
device 1 "$d1_pub"
for i in $(seq 2 20); do device "$i" "$(wg genkey | wg pubkey)"; done
git -C "$tree" add -A && git -C "$tree" commit -qm "Twenty devices"

cat >"$work/yettd.yaml" <<YAML
gateway: gw
repository: file://$tree
branch: main
interval: 3600s
private_key_file: $work/gw.key
state_dir: $work/state
control_socket: $work/ctl.sock
trust: {mode: unsigned}
wireguard: {backend: userspace}
YAML
mkdir -m 0700 "$work/state"

export YETT_USERSPACE_WIREGUARD=1 # its socket is counted too
in_ns "$gw" "$PWD/tests/e2e/wireguard-device" wg0
: >"$work/yettd.log"
in_ns "$gw" "$build/yettd" --config "$work/yettd.yaml" >"$work/yettd.log" 2>&1 &
pids+=($!)
ctl() { "$build/yettctl" --socket "$work/ctl.sock" "$@"; }
for _ in $(seq 100); do
	grep -q 'applied' "$work/yettd.log" && break
	sleep 0.1
done
grep -q applied "$work/yettd.log"
ok $? "the first commit is applied"

# One device with a live tunnel, so that a handshake and counters are there to keep.
in_ns "$peer" "$PWD/tests/e2e/wireguard-device" wg1
in_ns "$peer" wg set wg1 private-key "$work/d1.key" peer "$gw_pub" endpoint 192.0.2.1:51820 allowed-ips 10.9.0.1/32
in_ns "$peer" ip addr add 10.9.0.11/32 dev wg1
in_ns "$peer" ip link set wg1 up
in_ns "$peer" ip route add 10.9.0.1/32 dev wg1
in_ns "$peer" ping -q -c 3 -i 0.2 -W 3 10.9.0.1 >"$work/ping.log" 2>&1
ok $? "the first device reaches the gateway"

# Counters and handle numbers of all rules; generation-free.
snapshot() { in_ns "$gw" nft -a list table inet yett | grep -E 'counter|chain|set |map '; }
handshake() { in_ns "$gw" wg show wg0 latest-handshakes | grep -F "$d1_pub"; }
snapshot >"$work/before"
handshake >"$work/handshake.before"
in_ns "$gw" nft monitor >"$work/monitor" 2>&1 &
pids+=($!)
sleep 0.3

args=()
for pid in $(ip netns pids "$gw"); do
	[ "$(readlink "/proc/$pid/exe")" = "$build/yettd" ] && args+=(-p "$pid")
done
strace -f -yy -e trace=execve,execveat,sendto,sendmsg,write,writev -s 0 -o "$work/strace" "${args[@]}" 2>/dev/null &
tracer=$!
pids+=("$tracer")
sleep 1

d21=$(wg genkey | wg pubkey)
device 21 "$d21"
git -C "$tree" add -A && git -C "$tree" commit -qm "One more device"
ctl sync >"$work/sync.log" 2>&1
ok $? "yettctl sync applies the change"
in_ns "$gw" wg show wg0 allowed-ips | grep -qF "$d21"
ok $? "the new peer is there"
in_ns "$gw" nft list map inet yett class4 | grep -q '10\.9\.0\.31'
ok $? "the new device's address is in the class map"
kill "$tracer" && wait "$tracer" 2>/dev/null
sleep 0.3

! grep -qE 'execve(at)?\(' "$work/strace"
ok $? "no process is started"
! grep -qE '^(delete|destroy) (table|set|map|chain|rule)' "$work/monitor" && [ -s "$work/monitor" ]
ok $? "no table, set, chain or rule is deleted"
# What the role that speaks netlink wrote to it and to WireGuard's socket, the requests of dumps and all.
applier=$(grep -m 1 NETLINK "$work/strace" | awk '{ print $1 }')
grep -E "^${applier:-none} .*(NETLINK|UNIX-STREAM)" "$work/strace" >"$work/sent"
sent=$(awk '$(NF-1) == "=" { n += $NF } END { print n + 0 }' "$work/sent")
grep -q UNIX-STREAM "$work/sent"
ok $? "the trace shows WireGuard's socket too"
echo "# $sent bytes sent"
[ -n "$sent" ] && [ "$sent" -gt 100 ] && [ "$sent" -le 1024 ]
ok $? "at most 1 KB is sent"
snapshot >"$work/after"
cmp -s "$work/before" "$work/after"
ok $? "every counter, chain and set is as it was"
diff "$work/before" "$work/after" | sed 's/^/# /' | head
handshake >"$work/handshake.after"
[ -s "$work/handshake.before" ] && cmp -s "$work/handshake.before" "$work/handshake.after"
ok $? "the other device's handshake is as it was"
[ -n "${YETT_TEST_VERBOSE:-}" ] && cat "$work/ping.log" "$work/sync.log" "$work/yettd.log" "$work/sent" | sed 's/^/# /'
echo "1..$n"
