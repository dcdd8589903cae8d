#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Changes that could lock somebody out, with real packets over WireGuard: confirmed by probes or a person, taken back by yettd, or by the kernel
# alone when yettd is gone; revoked keys and addresses that changed hands stay out; what is held, suspended, or too much at once.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: confirm.t makes namespaces"
	exit 0
fi
work=$(mktemp -d)
chmod 755 "$work"
gw=yc-gw-$$ d1=yc-d1-$$ d2=yc-d2-$$ d3=yc-d3-$$ lan=yc-lan-$$
repo=$work/policy state=$work/state socket=$work/ctl.sock
daemon='' pids=()
cleanup() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	for ns in "$gw" "$d1" "$d2" "$d3" "$lan"; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	umount -l "$work"/*.mnt "$work" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
mount --bind "$work" "$work" && mount --make-private "$work"
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
		[ ! -s "$work/log" ] || tail -n 25 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
is() { [ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }; }
not() { ! "$@"; }
said() { grep -aqE -- "$1" "$work/log"; }
waits() { # COMMAND... within 15 s
	local i
	for ((i = 0; i < 75; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	"$@"
}
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.3
	done
	"$@"
}
in_ns() { # NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" --mount="$work/$ns.mnt" -- "$@"
}

# ---- a gateway, three devices, a server ----

for ns in "$gw" "$d1" "$d2" "$d3" "$lan"; do
	ip netns add "$ns" || { echo "Bail out! cannot make network namespaces"; exit 1; }
	touch "$work/$ns.mnt"
	mkdir -p "$work/run-$ns"
	unshare --mount="$work/$ns.mnt" --propagation private sh -c "mkdir -p '$work/run-$ns/wireguard' && mount --bind '$work/run-$ns' /run"
	ip -n "$ns" link set lo up
done
in_ns "$gw" sysctl -qw net.ipv4.ip_forward=1
ip -n "$gw" link add lan0 type veth peer name lan0 netns "$lan"
ip -n "$gw" addr add 10.20.0.1/24 dev lan0
ip -n "$gw" link set lan0 up
ip -n "$lan" addr add 10.20.0.10/24 dev lan0
ip -n "$lan" link set lan0 up
ip -n "$lan" route add default via 10.20.0.1
serve() { # NAMESPACE ADDRESS PORT...: takes connections and says what it is
	nsenter --net="/run/netns/$1" --mount="$work/$1.mnt" -- python3 - "${@:2}" <<-'PY' &
		import selectors, socket, sys
		s = selectors.DefaultSelector()
		for port in sys.argv[2:]:
		    l = socket.create_server((sys.argv[1], int(port)), backlog=64)
		    s.register(l, selectors.EVENT_READ)
		while True:
		    for key, _ in s.select():
		        c, _ = key.fileobj.accept()
		        c.close()
	PY
	pids+=($!)
}
serve "$lan" 10.20.0.10 7000 7001
umask 077
key() { # NAME: its private key in $work/NAME.key, the public one on standard output
	[ -f "$work/$1.key" ] || wg genkey >"$work/$1.key"
	wg pubkey <"$work/$1.key"
}
in_ns "$gw" wireguard-go wg0 >/dev/null 2>&1
if ! in_ns "$gw" wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
client() { # NAMESPACE NUMBER KEY
	ip -n "$gw" link add "v$2" type veth peer name v0 netns "$1"
	ip -n "$gw" addr add "192.0.2.$((4 * $2 + 1))/30" dev "v$2"
	ip -n "$gw" link set "v$2" up
	ip -n "$1" addr add "192.0.2.$((4 * $2 + 2))/30" dev v0
	ip -n "$1" link set v0 up
	in_ns "$1" wireguard-go wd0 >/dev/null 2>&1
	key "$3" >/dev/null
	in_ns "$1" wg set wd0 private-key "$work/$3.key" peer "$(key gw)" endpoint "192.0.2.$((4 * $2 + 1)):51820" \
		allowed-ips 10.9.0.1/32,10.20.0.0/24 persistent-keepalive 1
	ip -n "$1" addr add "10.9.0.$((10 + $2))/32" dev wd0
	ip -n "$1" link set wd0 up
	ip -n "$1" route add 10.20.0.0/24 dev wd0
	ip -n "$1" route add 10.9.0.1/32 dev wd0
}
client "$d1" 1 ana
client "$d2" 2 ben
client "$d3" 3 dan
serve "$d1" 10.9.0.11 9000
reaches() { # NAMESPACE PORT [ADDRESS]
	in_ns "$1" timeout 3 python3 -c "
import socket
socket.create_connection(('${3:-10.20.0.10}', $2), timeout=1.5).close()"
}

# ---- the tree ----

device() { # NAME NUMBER KEY [LINE]...
	printf 'kind: Device\nname: %s\nowner: all\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$1" "$(key "$3")" "$((10 + $2))"
	printf '%s\n' "${@:4}"
}
tree() { # PORT PORTS-OF-THE-GATEWAY: everything as at the start, with that policy
	rm -f "$repo"/*.yaml
	cat >"$repo/net.yaml" <<-YAML
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
		public_key: $(key gw)
		addresses: [10.9.0.1]
		nat: none
		---
		{kind: User, name: all}
		---
		kind: Policy
		name: lan
		from: [user:all]
		to: ["site:hq"]
		ports: [tcp/$1]
		---
		kind: Policy
		name: own
		from: ["gateway:gw"]
		to: ["device:ana"]
		ports: [tcp/$2]
	YAML
	device ana 1 ana >"$repo/ana.yaml"
	device ben 2 ben >"$repo/ben.yaml"
	device dan 3 dan >"$repo/dan.yaml"
}
commit() { git -C "$repo" add -A && git -C "$repo" commit -qm "${1:-change}"; }
config() { # [LINE]...
	cat >"$work/yettd.yaml" <<-YAML
		gateway: gw
		repository: file://$repo
		private_key_file: $work/gw.key
		state_dir: $state
		control_socket: $socket
		interval: 1h
		trust: {mode: unsigned}
	YAML
	printf '%s\n' "$@" >>"$work/yettd.yaml"
}
ctl() { "$bin/yettctl" --socket="$socket" "$@"; }
start() {
	nsenter --net="/run/netns/$gw" --mount="$work/$gw.mnt" -- "$bin/yettd" --config="$work/yettd.yaml" 2>>"$work/log" &
	daemon=$!
	waits ctl status
}
stop() { kill -TERM "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; daemon=''; }
die() { # at once, with its roles
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null
	daemon=''
}
once() { in_ns "$gw" "$bin/yettd" --config="$work/yettd.yaml" --once 2>>"$work/log"; }
gives() { # STATUS COMMAND...
	local want=$1
	"${@:2}"
	is $? "$want"
}
outcome() { ctl --format=json "$1" | python3 -c "import json,sys; print(json.load(sys.stdin)['outcome'])"; }
table() { in_ns "$gw" nft list table inet yett; }
gated() { table | grep -q 'set alive'; }
has_peer() { in_ns "$gw" wg show wg0 peers | grep -qF "$(key "$1")"; }
window() { ctl status | grep -q '^window'; }
no_window() { ! window && ! gated; }

mkdir -p "$repo" && git -C "$repo" init -q -b main
tree 7000 9000
commit first
: >"$work/log"

# ---- confirmed by probes ----

config
ok "the first plan needs no confirmation" gives 0 once
ok "a device gets through" waits reaches "$d1" 7000
ok "and another" waits reaches "$d2" 7000
ok "the gateway reaches a device" waits reaches "$gw" 9000 10.9.0.11
device eve 4 eve >"$repo/eve.yaml"
commit more
ok "an addition needs none" gives 0 once
ok "says the log" not said 'is in force until'
tree 7001 9000
commit "other port"
ok "a change of everybody's rules is confirmed by its probes" gives 0 once
ok "after it was tried" said 'is in force until .*4 of 5 sources may lose access'
ok "and says so" said 'confirmed by its probes'
ok "the new rules hold" reaches "$d1" 7001
ok "the old ones do not" not reaches "$d1" 7000
ok "nothing of the gate is left" not gated
ok "and no file of it" sh -c '! ls "$1"/window.json "$1"/plan/pending 2>/dev/null' sh "$state"
ok "the next turn finds nothing to do" gives 0 once

# ---- confirmed, or not, by a person ----

config "confirm: {mode: manual, window: 30s}"
ok "yettd starts" start
tree 7000 9000
commit "back to 7000"
ok "a change waits" is "$(outcome sync)" waiting
ok "status tells" window
ok "the new rules hold meanwhile" reaches "$d1" 7000
ok "the old ones do not meanwhile" not reaches "$d1" 7001
ok "it stands behind a gate" gated
ok "diff finds nothing to repair" is "$(ctl diff)" "no difference"
in_ns "$gw" nft flush chain inet yett n_source_wg 2>/dev/null || in_ns "$gw" nft flush chain inet yett denied
ok "what somebody changes meanwhile is repaired" waits reaches "$d1" 7000
ok "and the gate stays" gated
ok "another commit is not confirmed in its place" not ctl --commit=0123456789 confirm
ok "a person confirms" is "$(outcome confirm)" applied
ok "the gate is gone" waits no_window
ok "the new rules stay" reaches "$d1" 7000
if command -v setpriv >/dev/null; then
	chmod 666 "$socket"
	ok "not everybody may" sh -c '! setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>"$0"' "$work/said2" "$bin/yettctl" --socket="$socket" resume
	ok "and is told who may" grep -q 'operators of yettd.yaml' "$work/said2"
fi
tree 7001 9000
commit "7001 again"
ok "another change waits" is "$(outcome sync)" waiting
ok "in force" reaches "$d1" 7001
ok "a person takes it back" is "$(outcome rollback)" held
ok "the old rules hold again" reaches "$d1" 7000
ok "the gate is gone too" waits no_window
ok "it is held" is "$(outcome sync)" held
ok "which status tells" sh -c '"$@" | grep -q "^held "' sh "$bin/yettctl" --socket="$socket" status
stop
ok "a restart does not forget it" gives 1 once
ok "and history has it all" grep -q '"event":"rolled-back"' "$state/journal.jsonl"

# ---- by the kernel alone: yettd is killed while the change waits ----

ok "yettd starts again" start
cp "$repo/dan.yaml" "$work/dan.yaml"
tree 7001 9000
rm "$repo/ben.yaml"
device carol 2 carol >"$repo/carol.yaml" # with what was ben's address
device dan 3 dan "revoked: true" >"$repo/dan.yaml"
commit "an address changes hands, a key is revoked, everybody's rules change"
ok "the change waits" is "$(outcome sync)" waiting
ok "the new rules hold before" reaches "$d1" 7001
began=$SECONDS
die
in_ns "$d2" wg set wd0 private-key "$work/carol.key"
ok "yettd is gone, and the new rules hold" reaches "$d1" 7001
ok "the new owner gets through by them" waits reaches "$d2" 7001
ok "the revoked key is no peer" not has_peer dan
ok "the kernel goes back by itself" within 45 reaches "$d1" 7000
ok "not before its time" test $((SECONDS - began)) -ge 25
ok "to the old rules" not reaches "$d1" 7001
ok "the new owner has no rights of the old one" not reaches "$d2" 7000
ok "nor its own yet" not reaches "$d2" 7001
ok "the revoked key stays out" not reaches "$d3" 7000
: >"$work/log"
ok "yettd comes back" start
ok "and makes the rest as it was" waits has_peer ben
in_ns "$d2" wg set wd0 private-key "$work/ben.key"
ok "the old owner is in" within 30 reaches "$d2" 7000
ok "it says that it took the change back" said 'taken back'
ok "the gate is removed" waits not gated
ok "the revoked key is kept out of the old plan" not has_peer dan
ok "and its packets" not reaches "$d3" 7000
ok "status counts it" is "$(ctl --format=json status | python3 -c "import json,sys; print(json.load(sys.stdin)['keys_kept_out'])")" 1
cp "$work/dan.yaml" "$repo/dan.yaml"
commit "the key comes back"
ok "even a plan that wants it back" ctl sync
ctl confirm >/dev/null 2>&1
ok "does not get it" not has_peer dan
stop
in_ns "$gw" nft delete table inet yett
in_ns "$gw" wg set wg0 peer "$(key ana)" remove
once
ok "a start after the kernel lost everything" waits has_peer ana
ok "is without the key too" not has_peer dan

# ---- a probe that fails ----

tree 7000 9000
rm "$repo/dan.yaml"
commit clean
config "confirm: {window: 30s, probes: [git, \"tcp:10.9.0.11:9000\"]}"
once
: >"$work/log"
ok "yettd starts with a probe" start
ok "whose address can be reached" within 60 reaches "$gw" 9000 10.9.0.11
tree 7001 9001
rm "$repo/dan.yaml"
commit "the gateway cannot reach its probe"
ok "the change is tried" is "$(outcome sync)" waiting
ok "status says what it waits for" waits sh -c '"$@" | grep -q "^window.*every probe.s address"' sh "$bin/yettctl" --socket="$socket" status
ok "it is taken back when its time is over" within 60 said 'is taken back: its probes did not pass in time'
ok "the old rules hold" within 20 reaches "$d1" 7000
ok "and it is held" is "$(outcome sync)" held
tree 7001 9000
rm "$repo/dan.yaml"
commit "the probe passes"
ok "a better commit is applied" within 20 sh -c '[ "$("$@" --format=json sync | python3 -c "import json,sys; print(json.load(sys.stdin)[\"outcome\"])")" = applied ] || [ "$("$@" --format=json status | python3 -c "import json,sys; print(json.load(sys.stdin)[\"commit\"])")" = "'"$(git -C "$repo" rev-parse HEAD)"'" ]' sh "$bin/yettctl" --socket="$socket"
ok "and stays" waits reaches "$d1" 7001

# ---- too much at once ----

for i in $(seq 40 60); do device "many-$i" "$i" "many-$i" >"$repo/many-$i.yaml"; done
commit many
ok "many devices" is "$(outcome sync)" applied
rm "$repo"/many-*.yaml
commit few
ok "removing most of them at once is held" is "$(outcome sync)" held
ok "by its code" said 'E_MASS_CHANGE'
ok "they are still there" has_peer many-50
ok "until a person says that it is meant" sh -c '"$@" retry >/dev/null; test $? -le 1' sh "$bin/yettctl" --socket="$socket"
ok "then they go" within 40 not has_peer many-50

# ---- suspended ----

within 40 no_window
ok "suspended" ctl --for=1h suspend
device fay 5 fay >"$repo/fay.yaml"
rm "$repo/ben.yaml"
commit "while suspended"
ok "what comes is held" is "$(outcome sync)" held
ok "not applied" has_peer ben
ok "and that it takes access away is told" waits said 'REVOCATION_WAITING'
in_ns "$gw" wg set wg0 peer "$(key ana)" remove
ok "drift is repaired all the same" within 30 has_peer ana
stop
ok "a restart does not end it" start
ok "says status" sh -c '"$@" | grep -q "^suspended"' sh "$bin/yettctl" --socket="$socket" status
ok "resume" ctl resume
ok "then it is applied" within 20 has_peer fay
ok "as a whole" within 20 not has_peer ben
ok "history tells" sh -c '"$@" | grep -q suspended' sh "$bin/yettctl" --socket="$socket" history
stop

echo "1..$n"
exit $status
