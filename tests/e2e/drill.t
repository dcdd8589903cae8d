#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compromise drills: yettd with its fetch or compile role in a stranger's hands. The supervisor lives on and answers, the stranger
# is ended, what is in force stays.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: drill.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi
ip link set lo up
mkdir -p /run/wireguard && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
daemon=''
cleanup() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
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
		[ ! -s "$work/log" ] || tail -n 15 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
waits() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
wireguard-go wg0 >/dev/null 2>&1
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
(umask 077 && wg genkey >"$work/gw.key")
repo=$work/policy
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
public_key: $(wg pubkey <"$work/gw.key")
addresses: [10.7.0.1]
END
git -C "$repo" add -A && git -C "$repo" commit -qm first
socket=$work/ctl.sock
printf '%s\n' "gateway: gw" "repository: file://$repo" "private_key_file: $work/gw.key" "state_dir: $work/state" \
	"control_socket: $socket" "interval: 1h" "fetch_timeout: 3s" "trust: {mode: unsigned}" >"$work/yettd.yaml"
ok "something is in force" "$bin/yettd" --config="$work/yettd.yaml" --once
in_force() { nft list table inet yett >/dev/null && ip addr show dev wg0 | grep -q 'inet 10\.7\.0\.1/'; }
answers() { timeout 20 "$bin/yettctl" --socket="$socket" status; }
said() { grep -aqE -- "$1" "$work/log"; }
drill() { # ROLE:WAY SAYS
	YETT_DRILL=$1 "$bin/tests/e2e/drill" "$work/yettd.yaml" 2>"$work/log" &
	daemon=$!
	nft delete table inet yett 2>/dev/null
	# A commit that was not judged yet, so that both roles have work.
	echo "# $1" >>"$repo/net.yaml" && git -C "$repo" commit -qam "$1"
	ok "$1: the stranger is found out" waits said "$2"
	ok "$1: the supervisor answers" waits answers
	ok "$1: what was in force is put in force" waits in_force
	ok "$1: nothing of its plan is taken" sh -c '! grep -q 1111111 "$1"' sh "$work/state/journal.jsonl"
	ok "$1: the daemon is the same" kill -0 "$daemon"
	kill -TERM "$daemon"
	wait "$daemon"
	ok "$1: it ends as it should" test $? -eq 0
	daemon=''
}
wrong='said something wrong and was killed'
for role in fetch compile; do
	drill $role:type "the $role role $wrong"
	drill $role:length "the $role role $wrong"
	drill $role:descriptors "the $role role $wrong"
	drill $role:call "the $role role asked for the system call socketpair .*E_SANDBOX"
done
drill fetch:unsealed 'could not be compiled|bundle|said something wrong'
drill fetch:resized 'could not be compiled|bundle|said something wrong'
drill fetch:nonsense 'could not be compiled|bundle'
drill compile:unsealed "$wrong|could not be|cannot"
drill compile:nonsense 'could not be enforced|plan|cannot'
drill fetch:silence 'E_FETCH_LIMIT'

# A flood of allowed frames keeps a turn, and nothing else, from its end.
YETT_DRILL=fetch:flood "$bin/tests/e2e/drill" "$work/yettd.yaml" 2>"$work/log" &
daemon=$!
ok "fetch:flood: the supervisor answers all the while" waits answers
nft delete table inet yett
ok "fetch:flood: and ends when it is told to" sh -c 'sleep 1; kill -TERM "$1"' sh "$daemon"
ok "fetch:flood: in time" timeout 30 tail --pid="$daemon" -f /dev/null
daemon=''

# A plan for an interface that is not WireGuard's.
ip link add eth9 type veth peer name eth8 && ip link set eth9 up
sed -i 's/^site: office$/&\ninterface: eth9/' "$repo/net.yaml" && git -C "$repo" commit -qam eth9
before=$(ip link show dev eth9; ip addr show dev wg0)
"$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"
got=$?
ok "a plan that takes another kind of interface is refused" test $got -eq 1
ok "with its code" said 'eth9.*E_PLAN_SCOPE'
ok "neither that interface nor ours is touched" test "$(ip link show dev eth9; ip addr show dev wg0)" = "$before"
ok "it has no mark of ours" sh -c '! ip link show dev eth9 | grep -q alias' sh
ok "what was in force is in force" in_force

echo "1..$n"
exit $status
