#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Other programs' tables beside ours: what they drop is told with the command to type, what they flush comes back by itself.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: neighbours.t makes namespaces"
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
		[ ! -s "$work/status" ] || sed 's/^/# status: /' "$work/status"
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
said() { ctl status >"$work/status" && grep -qE -- "$1" "$work/status"; }
silent() { ctl status >"$work/status" && ! grep -q W_FOREIGN_DROP "$work/status"; }
looked() { ctl sync >/dev/null; } # a turn looks around
command_of() { sed -n 's/.*; type: \(.*\) \[W_FOREIGN_DROP\].*/\1/p' "$work/status"; }
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
commit first >/dev/null
cat >"$work/yettd.yaml" <<END
gateway: gw
repository: file://$repo
private_key_file: $work/gw.key
state_dir: $work/state
control_socket: $socket
interval: 2s
trust: {mode: unsigned}
END
"$bin/yettd" --config="$work/yettd.yaml" 2>"$work/log" &
daemon=$!
waits ctl sync

ok "alone there is nothing to say" silent

nft -f - <<END
table ip filter {
	chain DOCKER-USER { counter return; }
	chain FORWARD {
		type filter hook forward priority 0; policy drop;
		jump DOCKER-USER
		ct state established,related accept
	}
}
END
looked
ok "Docker's FORWARD policy is told" said 'the table ip filter drops in its chain FORWARD .*\[W_FOREIGN_DROP\]'
ok "with what to type" said 'type: iptables -I DOCKER-USER -i wg0 -j ACCEPT && iptables -I DOCKER-USER -o wg0 -j ACCEPT \['
ok "in the log too, once" sh -c 'test "$(grep -c W_FOREIGN_DROP "$1")" = 1' sh "$work/log"
# What iptables makes of it.
nft 'insert rule ip filter DOCKER-USER iifname "wg0" counter accept; insert rule ip filter DOCKER-USER oifname "wg0" counter accept'
looked
ok "after that it is silent" silent
nft delete table ip filter

nft -f - <<END
table ip mine {
	chain pass { type filter hook forward priority 5; policy drop; }
}
END
looked
ok "any other table's policy is told" said 'the table ip mine drops in its chain pass '
ok "with what to type" said 'type: nft insert rule ip mine pass iifname wg0 accept && nft insert rule ip mine pass oifname wg0 accept'
ok "which is typed as it stands" bash -c "$(command_of | grep .)" </dev/null
ok "and does it" sh -c 'nft list chain ip mine pass | grep -c wg0 | grep -qx 2'
looked
ok "after that it is silent" silent
nft delete table ip mine

nft -f - <<END
table inet firewalld {
	chain filter_FORWARD_POLICIES { }
	chain filter_FORWARD {
		type filter hook forward priority 10; policy accept;
		ct state established,related accept
		jump filter_FORWARD_POLICIES
		counter reject with icmpx admin-prohibited
	}
}
END
looked
ok "a chain that ends in a reject is told" said 'the table inet firewalld drops in its chain filter_FORWARD .*firewall-cmd .*--zone=trusted --add-interface=wg0'
nft insert rule inet firewalld filter_FORWARD iifname '"wg0"' accept
looked
ok "until it knows the interface" silent
nft delete table inet firewalld

nft -f - <<END
table ip6 filter {
	chain ufw6-user-forward { }
	chain FORWARD { type filter hook forward priority 0; policy drop; jump ufw6-user-forward; }
}
table inet harmless {
	chain a { type filter hook input priority 0; policy drop; iifname != "wg0" accept; accept; }
	chain b { type filter hook forward priority 0; policy accept; ip daddr 203.0.113.7 drop; }
}
END
looked
ok "ufw is known by its chains" said 'type: ufw route allow in on wg0 && ufw route allow out on wg0'
nft delete table ip6 filter
looked
ok "a drop of something particular is nobody's concern, nor what is at other hooks" silent
nft delete table inet harmless

# ---- what others take away ----

table() { nft list map inet yett class4 | grep -q '10\.7\.0\.11'; }
ok "the table is there" table
nft flush ruleset
ok "after somebody's flush it is back, without anybody asking" waits table
nft 'table ip other { chain c { type filter hook forward priority 0; }; }'
nft flush ruleset
ok "and again" waits table
nft 'flush ruleset; table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'
ok "a firewall that loads its own rules in place of all takes nothing of ours for long" waits table
ok "its own stay" nft list chain ip filter FORWARD
looked
ok "and are told" said 'nft insert rule ip filter FORWARD iifname wg0 accept'

echo "1..$n"
exit $status
