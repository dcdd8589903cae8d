#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yettctl verify: what the kernel grants beside what a commit says, told as access.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: verify.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi

mkdir -p /run/wireguard && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
repo=$work/policy
socket=$work/ctl.sock
daemon=''
cleanup() {
	[ -z "$daemon" ] || { kill -9 "$daemon" && wait "$daemon"; } 2>/dev/null
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
# The leak checker needs to trace the process, which yettd does not let anybody do.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$work
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com

n=0
status=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# failed: $*"
		sed 's/^/# /' "$work/said"
		[ ! -s "$work/verdict" ] || sed 's/^/# verdict: /' "$work/verdict"
		[ ! -s "$work/log" ] || tail -n 15 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
not() { ! "$@"; }
waits() { # COMMAND... within 20 s
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
ctl() { "$bin/yettctl" --socket="$socket" "$@"; }
gives() { # STATUS, of a verify with these options, whose words go to $work/verdict
	local want=$1 got
	shift
	ctl verify "$@" >"$work/verdict" 2>&1
	got=$?
	[ "$got" = "$want" ] || { echo "exit status $got, not $want"; return 1; }
}
drifts() { # COMMAND: changes the kernel, which is found; yettd may be faster, until it pauses over who undoes its repairs
	local i
	for ((i = 0; i < 60; i++)); do
		eval "$1"
		gives 1 && return 0
		sleep 0.1
	done
	return 1
}
tells() { grep -qE -- "$1" "$work/verdict"; }
again() { # everything as it was: a verify finds nothing
	ctl sync >/dev/null && gives 0
}
key() { # NAME: its private key in $work/NAME.key, the public one on standard output
	[ -f "$work/$1.key" ] || (umask 077 && wg genkey >"$work/$1.key")
	wg pubkey <"$work/$1.key"
}
device() { # NAME ADDRESS
	printf 'kind: Device\nname: %s\nowner: ana\npublic_key: %s\naddresses: [%s]\n' "$1" "$(key "$1")" "$2" >"$repo/$1.yaml"
}
commit() { git -C "$repo" add -A && git -C "$repo" commit -qm "$1" && git -C "$repo" rev-parse HEAD; }

tests/e2e/wireguard-device wg0
ip link set lo up
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun or a kernel with WireGuard"
	exit 0
fi
mkdir -p "$repo" && git -C "$repo" init -q -b main
cat >"$repo/net.yaml" <<END
kind: Network
name: example
pools: [10.7.0.0/24]
---
kind: Site
name: office
networks: [192.168.10.0/24]
---
kind: Gateway
name: gw
site: office
endpoint: vpn.example.com:51820
public_key: $(key gw)
addresses: [10.7.0.1]
---
kind: User
name: ana
---
kind: Resource
name: wiki
addresses: [192.168.10.20]
ports: [tcp/443]
END
cat >"$repo/policy.yaml" <<END
kind: Policy
name: wiki
from: [user:ana]
to: [resource:wiki]
END
device ana-laptop 10.7.0.11
device ana-phone 10.7.0.12
first=$(commit first)
cat >"$work/yettd.yaml" <<END
gateway: gw
repository: file://$repo
private_key_file: $work/gw.key
state_dir: $work/state
control_socket: $socket
interval: 1h
trust: {mode: unsigned}
END
"$bin/yettd" --config="$work/yettd.yaml" 2>"$work/log" &
daemon=$!
waits ctl sync

ok "what was just applied equals its commit" gives 0
ok "the commit is named" tells "equals commit $first"
ok "it equals the commit by its name" gives 0 --commit="$first"
ok "and by how it begins" gives 0 --commit="${first:0:9}"
ok "in JSON too" sh -c '"$@" | grep -q "\"equal\":true"' sh "$bin/yettctl" --socket="$socket" --format=json verify
ok "a commit that is not there cannot be compared with" gives 2 --commit=0123456789
ok "a name that is no commit's is refused" gives 2 --commit=main
ok "status takes no commit" sh -c '! "$@" 2>/dev/null' sh "$bin/yettctl" --socket="$socket" --commit="$first" status

ok "a rule too much is found" drifts 'nft add rule inet yett denied accept'
ok "the kernel is left as it is" sh -c 'nft list chain inet yett denied | grep -q accept'
ok "and found again" gives 1
ok "behind the drop it gives nobody anything" tells 'grants the access of commit .* and differs otherwise'
ok "after the repair nothing differs" again

# ---- what is changed by hand, told as access ----

drop_handle() { nft -a list chain inet yett denied | sed -n 's/.*drop # handle //p'; }
ok "without the drop all is open" drifts 'nft delete rule inet yett denied handle "$(drop_handle)"'
ok "to everybody behind a peer" tells '^  ana-laptop, ana-phone$'
ok "everywhere" tells '    \+ any IPv4 address any except tcp/443'
ok "by default" tells 'no rule decides|rule [0-9] of chain'
again >/dev/null

ok "an accept for one source is told" drifts 'nft insert rule inet yett ours ct original ip saddr 10.7.0.11 accept'
ok "for it alone" tells '^  ana-laptop$'
ok "with its place" tells '\(rule 1 of chain ours\)'
again >/dev/null

ok "a drop before all is told" drifts 'nft insert rule inet yett ours ct original ip daddr 192.168.10.20 drop'
ok "as access that is missing" tells '    - 192\.168\.10\.20 tcp/443 \(wiki'
again >/dev/null

ok "a hole for traffic between devices is told" drifts 'nft insert rule inet yett forward iifname wg0 oifname wg0 accept'
ok "as that" tells 'only to other devices'
again >/dev/null

ok "replies that pass whatever the access are told" drifts 'nft insert rule inet yett ours ct direction reply accept'
ok "as that" tells 'only replies to flows through the gateway'
again >/dev/null

ok "a device out of the map is told" drifts 'nft delete element inet yett class4 '\''{ 10.7.0.12 }'\'''
ok "as its loss" tells '^  ana-phone$'
ok "of what it has" tells '    - 192\.168\.10\.20 tcp/443 \(wiki'
again >/dev/null

ok "a missing peer is told" drifts 'wg set wg0 peer "$(key ana-phone)" remove'
ok "as a loss" sh -c 'grep -qx "  ana-phone" "$1" && grep -q "    - 192.168.10.20 tcp/443" "$1"' sh "$work/verdict"
again >/dev/null

ok "a stranger with a device's address is told" drifts 'wg set wg0 peer "$(key stranger)" allowed-ips 10.7.0.12/32'
ok "by its key" grep -qF "  $(key stranger) (10.7.0.12, no peer of the plan)" "$work/verdict"
ok "with what it gained" tells '    \+ 192\.168\.10\.20 tcp/443 \(wiki'
ok "the device lost the same" sh -c 'grep -qx "  ana-phone" "$1" && grep -q "    - 192.168.10.20 tcp/443" "$1"' sh "$work/verdict"
ok "yettctl diff tells it too" sh -c '"$@" diff | grep -q "no peer of the plan"' sh "$bin/yettctl" --socket="$socket"
again >/dev/null

ok "a rule that yett never makes is found" drifts 'nft insert rule inet yett ours meta mark 7 accept'
ok "and named" tells '^  chain ours, rule 1 has an expression that yett never makes$'
again >/dev/null

ok "without the table" drifts 'nft delete table inet yett'
ok "everybody may go everywhere" tells '^  ana-laptop, ana-phone$'
ok "from outside too" tells 'not behind a peer'
again >/dev/null

# The text form of the same plan, as an administrator loads it when the daemon is away.
mkdir "$work/tree" && git -C "$repo" archive HEAD | tar -x -C "$work/tree"
"$bin/yett" build --quiet -C "$work/tree" -o "$work/out"
ok "the text form has other objects" drifts 'TZ=UTC nft -f "$work/out/gateways/gw/ruleset.nft"'
ok "and grants the same" tells 'grants the access of commit'
again >/dev/null

ok "an interface that is down is told" drifts 'ip link set wg0 down'
ok "as that" tells 'the interface wg0 is down'
again >/dev/null

sed -i 's,tcp/443,tcp/8443,' "$repo/net.yaml"
second=$(commit second)
ctl sync >/dev/null
ok "a new commit is in force" gives 0 --commit="$second"
ok "the old one differs" gives 1 --commit="$first"
ok "by the port that was" tells '    - 192\.168\.10\.20 tcp/443 \(wiki'
ok "and the one that is" tells '    \+ 192\.168\.10\.20 tcp/8443 \(wiki'
ok "which changes nothing" gives 0
printf 'kind: Nonsense\n' >"$repo/bad.yaml"
bad=$(commit bad)
ctl sync >/dev/null
ok "a commit with errors cannot be compared with" gives 2 --commit="$bad"
ok "for the reason that it has" tells 'has errors'

echo "1..$n"
exit $status
