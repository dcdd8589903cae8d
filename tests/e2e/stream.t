#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A thousand datagrams a second through a gateway whose policy changes again and again: at each moment what passes is what the
# plan before or the plan after grants, and what both grant passes throughout. YETT_CHANGES (40): how many changes.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}")
PATH=$PATH:/usr/sbin:/sbin
changes=${YETT_CHANGES:-40}
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: stream.t makes network namespaces'
	exit 0
fi
if [ -z "${YETT_STREAM_INSIDE:-}" ]; then
	B=$B YETT_STREAM_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$0"
fi
export B LC_ALL=C.UTF-8 LOG_LEVEL=error PYTHONDONTWRITEBYTECODE=1
work=/run/stream
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$work/keys" /run/wireguard /run/netns
# shellcheck source=tests/e2e/network.bash
. tests/e2e/network.bash
stream=$PWD/tests/e2e/stream.py
echo 1..4

ip link add internet type bridge
ip link set internet up
for name in gw dev; do
	make_ns $name
done
plug_in gw 1
plug_in dev 2
ip netns add host
ip -n gw link add lan type veth peer name eth0 netns host
ip -n gw addr add 10.20.0.1/24 dev lan
ip -n gw link set lan up
ip -n host addr add 10.20.0.10/24 dev eth0
ip -n host link set eth0 up
ip -n host route add default via 10.20.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
for name in gw dev; do
	wait_for in_ns $name test -d /run/wireguard
	start_wireguard $name || { echo "Bail out! no WireGuard in $name"; exit 1; }
	(umask 077 && wg genkey >"$work/keys/$name")
done

tree=$work/tree
git init -q -b main "$tree"
git -C "$tree" config user.name Tester
git -C "$tree" config user.email tester@example.com
cat >"$tree/base.yaml" <<END
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
public_key: $(wg pubkey <"$work/keys/gw")
addresses: [10.9.0.1]
nat: none
---
kind: Device
name: dev
tags: [server]
public_key: $(wg pubkey <"$work/keys/dev")
addresses: [10.9.0.2]
---
kind: Policy
name: steady
from: [any]
to: ["site:hq"]
ports: [udp/7000]
END
git -C "$tree" add -A
git -C "$tree" commit -qm 'A steady port'
cat >"$work/yettd.yaml" <<END
gateway: gw
repository: file://$tree
branch: main
interval: 3600s
private_key_file: $work/keys/gw
state_dir: $work/state
control_socket: $work/ctl.sock
trust: {mode: unsigned}
END
mkdir -m 700 "$work/state"
in_ns gw "$B/yettd" --config "$work/yettd.yaml" >"$work/yettd.log" 2>&1 &
daemon=$!
ctl() { "$B/yettctl" --socket "$work/ctl.sock" "$@"; }
wait_for ctl sync
ctl sync >"$work/said" 2>&1
result $? 'the first plan is in force' < <(cat "$work/said" "$work/yettd.log")

"$B/yett" build --quiet -C "$tree" -o "$work/out" && device_by_profile dev "$work/out" >"$work/said" 2>&1
ip netns exec host /usr/bin/python3 "$stream" receive 10.20.0.10 "$work/arrivals" &
receiver=$!
# The handshake takes the first packets along.
reached() {
	in_ns dev /usr/bin/python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.20.0.10', 7000))"
	in_ns dev wg show wg0 latest-handshakes | grep -qvP '\t0$'
}
wait_for reached
result $? 'the tunnel is up' <"$work/said"
sleep 1
kill "$receiver" && wait "$receiver"
ip netns exec host /usr/bin/python3 "$stream" receive 10.20.0.10 "$work/arrivals" &
receiver=$!
sleep 1

in_ns dev /usr/bin/python3 "$stream" send 10.9.0.2 10.20.0.10 3600 >"$work/sent" &
sender=$!
/usr/bin/python3 "$stream" change "$changes" "$tree" "$work/changes" "$B/yettctl" --socket "$work/ctl.sock" >"$work/said" 2>&1
changed=$?
# nsenter hands its own signal on to nobody: the sender is asked by name.
pkill -TERM -f 'stream.py send' && wait "$sender"
sleep 0.5
kill "$receiver" && wait "$receiver"
/usr/bin/python3 "$stream" judge "$work/changes" "$work/arrivals" "$(cat "$work/sent")" >"$work/verdict" 2>&1
verdict=$?
[ $changed -eq 0 ] && [ $((verdict & 1)) -eq 0 ] && [ -s "$work/verdict" ]
result $? "in $changes changes nothing passes that neither plan grants, and all that each grants does" < <(cat "$work/verdict" "$work/said")
[ $((verdict & 2)) -eq 0 ] && [ -s "$work/verdict" ]
result $? 'what every plan grants passes throughout' <"$work/verdict"
kill "$daemon"
wait "$daemon"
exit $status
