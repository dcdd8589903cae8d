# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For tests of the running daemon, sourced by them: a machine of their own, a repository with one gateway, and TAP.
# What it sets: bin work repo state socket daemon n status.

bin=$PWD/${B:-build}
test_name=$(basename "$0")
if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: $test_name makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi

# In the new mount namespace only: wireguard-go's sockets are files.
mkdir -p /run/wireguard && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
repo=$work/policy
state=$work/state
# shellcheck disable=SC2034 # the tests'
socket=$work/ctl.sock
daemon=''
n=0
status=0
cleanup() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
# The leak checker needs to trace the process, which yettd does not let anybody do.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$work
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com

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
		[ ! -s "$work/log" ] || tail -n 25 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
is() { # GOT WANTED
	[ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }
}
not() { ! "$@"; }
said() { grep -aqE -- "$1" "$work/log"; }
says() { grep -acE -- "$1" "$work/log"; }
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	while [ "$SECONDS" -le "$end" ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	"$@"
}
waits() { within 20 "$@"; }

key() { # NAME: its private key in $work/NAME.key, the public one on standard output
	[ -f "$work/$1.key" ] || (umask 077 && wg genkey >"$work/$1.key")
	wg pubkey <"$work/$1.key"
}
device() { # NAME ADDRESS [LINE]...
	local name=$1 address=$2
	shift 2
	printf 'kind: Device\nname: %s\nowner: ana\npublic_key: %s\naddresses: [%s]\n' "$name" "$(key "$name")" "$address"
	printf '%s\n' "$@"
}
commit() { git -C "$repo" add -A && git -C "$repo" commit -qm "${1:-change}"; }
head_is() { git -C "$repo" rev-parse HEAD; }
write_config() { # [LINE]...: replaces lines with the same first word
	local line
	{
		for line in "gateway: gw" "repository: file://$repo" "private_key_file: $work/gw.key" "state_dir: $state" \
			"control_socket: $socket" "interval: 1h" "trust: {mode: unsigned}"; do
			printf '%s\n' "$@" | grep -q "^${line%%:*}:" || echo "$line"
		done
		printf '%s\n' "$@"
	} >"$work/yettd.yaml"
}
ctl() { "$bin/yettctl" --socket="$socket" "$@"; }
json() { # FILTER over yettctl status
	ctl --format=json status | python3 -c "import json,sys; o=json.load(sys.stdin); print($1)"
}
start() {
	"$bin/yettd" --config="$work/yettd.yaml" 2>>"$work/log" &
	daemon=$!
	waits ctl status
}
stop() {
	kill -TERM "$daemon" && wait "$daemon"
	local got=$?
	daemon=''
	return $got
}
pid_of() { json "o['roles']['$1']['pid']"; }
table() { nft list table inet yett; }
has_peer() { wg show wg0 peers | grep -qF "$(key "$1")"; }
has_class() { nft list map inet yett class4 | grep -qw "$1"; }
no_drift() { is "$(ctl diff)" "no difference"; }
done_testing() {
	echo "1..$n"
	exit $status
}

wireguard-go wg0 >/dev/null 2>&1
ip link set lo up
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
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
---
kind: Policy
name: wiki
from: [user:ana]
to: [resource:wiki]
END
device ana-laptop 10.7.0.11 >"$repo/ana-laptop.yaml"
device ana-phone 10.7.0.12 >"$repo/ana-phone.yaml"
commit first
