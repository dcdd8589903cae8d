#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What somebody changes by hand comes back while the daemon runs: at once where the kernel tells, within seconds where it does not.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/daemon.sh
. tests/e2e/daemon.sh

# An interval of an hour, so that no turn repairs anything: 6 s is the second that is promised and a busy machine.
in_time() { within 6 "$@"; }
has_address() { ip -4 addr show dev wg0 | grep -q "inet $1/"; }
has_route() { ip route show proto 199 dev wg0 | grep -q "$1"; }
link_up() { ip link show wg0 | grep -q '[<,]UP[,>]'; }
repairs() { says 'repaired in'; }
settled() { # no repair for a while
	local before
	before=$(repairs)
	sleep 1
	is "$(repairs)" "$before"
}

write_config
: >"$work/log"
ok "the daemon starts" start
ok "and applies" waits table
ok "its own changes are no drift" settled
ok "none was repaired" is "$(repairs)" 0

nft flush ruleset
ok "nft flush ruleset: the table is back" in_time table
ok "whole" waits no_drift
ok "and who did it is told" waits said 'repaired in .* after nft \(process [0-9]+\) changed the table: '
ok "in the journal too" waits grep -q '"event":"repaired".*after nft (process' "$state/journal.jsonl"
ok "in the status too" waits sh -c '"$@" | grep -q "after nft"' sh "$bin/yettctl" --socket="$socket" status
nft delete table inet yett
ok "nft delete: the table is back" in_time table
nft add element inet yett class4 '{ 10.7.0.99 : 0x1 }'
ok "an element too much is gone" in_time not has_class 10.7.0.99
nft delete element inet yett class4 '{ 10.7.0.11 }'
ok "an element too few is back" in_time has_class 10.7.0.11
before=$(repairs)
nft add table inet other && nft add chain inet other x && nft delete table inet other
ok "other tables are nobody's drift" settled
ok "and start nothing" is "$(repairs)" "$before"

ip addr del 10.7.0.1/32 dev wg0 2>/dev/null || ip addr flush dev wg0
ok "ip addr del: the address is back" in_time has_address 10.7.0.1
ip addr add 10.9.9.9/32 dev wg0
ok "ip addr add: the other is gone" in_time not has_address 10.9.9.9
ip route add 10.66.0.0/16 dev wg0 proto 199
ok "a route under our number is gone" in_time not has_route 10.66.0.0/16
before=$(repairs)
ip route add 10.67.0.0/16 dev wg0 proto static
ok "others' routes are left" settled
ok "as they are" ip route get 10.67.0.1
ip route del 10.67.0.0/16
ip link set wg0 down
ok "ip link set down: it is up" in_time link_up
ip link set wg0 mtu 1300
ok "the MTU is back" in_time sh -c '! ip link show wg0 | grep -q "mtu 1300"'
ok "all is as it should be" waits no_drift

# WireGuard tells nobody: a look every 15 seconds.
wg set wg0 peer "$(key ana-laptop)" remove
wg set wg0 peer "$(key rogue)" allowed-ips 10.7.0.66/32
ok "wg set peer remove: it is back" within 30 has_peer ana-laptop
ok "the rogue peer is gone" not has_peer rogue
ok "and it is told" said 'repaired in [0-9.]+ ms: .*\+1 peer, -1 peer'

# A fetch that hangs holds up no repair.
kill -STOP "$(pid_of fetch)"
ctl sync >/dev/null 2>&1 &
asker=$!
waits sh -c '[ "$("$@" --format=json status | python3 -c "import json,sys; print(json.load(sys.stdin)[\"running\"])")" = True ]' sh "$bin/yettctl" --socket="$socket"
nft delete table inet yett
ok "while a fetch hangs the table comes back" in_time table
kill -CONT "$(pid_of fetch)"
wait "$asker"
ok "and the fetch goes on" is $? 0

# The apply role dies, and with it what it had heard.
kill -9 "$(pid_of apply)"
nft delete table inet yett
ok "who hears anew looks first" waits table

# The interface itself: wireguard-go has made it and makes it again, or the kernel's is made by yettd.
ip link del wg0
ok "ip link del is told" waits said 'could not be enforced.*E_NO_WIREGUARD|interface made'
tests/e2e/wireguard-device wg0
ok "a new device is filled" within 45 has_peer ana-laptop
ok "and has its address" waits has_address 10.7.0.1

# More notifications than anybody can read: what was lost is looked for.
kill -STOP "$(pid_of apply)"
python3 -c "
print('add table inet noise')
print('add set inet noise s { type ipv4_addr; }')
for i in range(120000):
    print(f'add element inet noise s {{ 10.{i >> 16}.{i >> 8 & 255}.{i & 255} }}')
" | nft -f -
nft delete element inet yett class4 '{ 10.7.0.11 }'
kill -CONT "$(pid_of apply)"
ok "after an overrun the kernel is read again" within 30 has_class 10.7.0.11
nft delete table inet noise

# Whoever does it again and again is left alone for a minute.
for _ in 1 2 3 4 5 6 7 8; do
	nft delete table inet yett 2>/dev/null
	in_time table >/dev/null || break
done
ok "a fight is called one" waits said 'contention: nft undid 6 repairs'
nft delete table inet yett 2>/dev/null
sleep 2
ok "and not gone on with" not table
ok "SIGTERM ends it" stop
ok "it said of no frame that it was wrong" not said 'said something wrong'
done_testing
