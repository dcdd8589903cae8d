#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yettd is killed at system calls that the disk or the kernel sees, in a first start, an upgrade, a taking back, a repair and a boot, and
# started again. After each: the last good plan is whole, the kernel agrees with a plan, no revoked key is a peer; and of a stream that
# neither plan lets through no packet has passed.
#
#   tests/e2e/crash.t          a sample of CRASH_POINTS kill points (220)
#   tests/e2e/crash.t all      every one, as `make test-crash` does
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}
self=$PWD/tests/e2e/crash.t

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: crash.t makes namespaces"
	exit 0
fi
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com

# ---- one worker: a gateway, a device, a server, and a share of the points ----

key() { # NAME: its private key in $work/NAME.key, the public one on standard output
	[ -f "$work/$1.key" ] || (umask 077 && wg genkey >"$work/$1.key")
	wg pubkey <"$work/$1.key"
}
in_ns() { # NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" --mount="$work/$ns.mnt" -- "$@"
}
make_machines() {
	local ns
	for ns in "$gw" "$dev" "$lan"; do
		ip netns add "$ns" || return 1
		touch "$work/$ns.mnt"
		mkdir -p "$work/run-$ns"
		unshare --mount="$work/$ns.mnt" --propagation private sh -c "mkdir -p '$work/run-$ns/wireguard' && mount --bind '$work/run-$ns' /run"
		ip -n "$ns" link set lo up
	done
	in_ns "$gw" sysctl -qw net.ipv4.ip_forward=1
	ip -n "$gw" link add lan0 type veth peer name lan0 netns "$lan"
	ip -n "$gw" addr add 10.20.0.1/24 dev lan0 && ip -n "$gw" link set lan0 up
	ip -n "$lan" addr add 10.20.0.10/24 dev lan0 && ip -n "$lan" link set lan0 up
	ip -n "$lan" route add default via 10.20.0.1
	ip -n "$gw" link add v1 type veth peer name v0 netns "$dev"
	ip -n "$gw" addr add 192.0.2.1/30 dev v1 && ip -n "$gw" link set v1 up
	ip -n "$dev" addr add 192.0.2.2/30 dev v0 && ip -n "$dev" link set v0 up
	in_ns "$gw" wireguard-go wg0 >/dev/null 2>&1
	in_ns "$dev" wireguard-go wd0 >/dev/null 2>&1
	key ana >/dev/null
	in_ns "$dev" wg set wd0 private-key "$work/ana.key" peer "$(key gw)" endpoint 192.0.2.1:51820 \
		allowed-ips 10.9.0.1/32,10.20.0.0/24 persistent-keepalive 1
	ip -n "$dev" addr add 10.9.0.11/32 dev wd0 && ip -n "$dev" link set wd0 up
	ip -n "$dev" route add 10.20.0.0/24 dev wd0
}
# Datagrams to a port that no plan grants, all the while; and to one that all plans grant, to see that the tunnel is alive.
start_stream() {
	in_ns "$lan" python3 - "$work" <<-'PY' &
		import selectors, socket, sys
		s = selectors.DefaultSelector()
		seen = {9999: 0, 7002: 0}
		for port in seen:
		    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    u.bind(("10.20.0.10", port))
		    s.register(u, selectors.EVENT_READ, port)
		while True:
		    for key, _ in s.select():
		        key.fileobj.recv(100)
		        seen[key.data] += 1
		        if key.data == 9999 or seen[7002] % 50 == 1:
		            with open(sys.argv[1] + "/seen", "w", encoding="ascii") as f:
		                print(seen[9999], seen[7002], file=f)
	PY
	pids+=($!)
	in_ns "$dev" python3 - <<-'PY' &
		import socket, time
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		while True:
		    for port in (9999, 9999, 9999, 9999, 7002):
		        try:
		            u.sendto(b"x", ("10.20.0.10", port))
		        except OSError:
		            pass
		    time.sleep(0.005)
	PY
	pids+=($!)
}
device() { printf 'kind: Device\nname: %s\nowner: all\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$1" "$(key "$1")" "$2"; }
tree() { # PORT
	cat >"$work/tree/net.yaml" <<-YAML
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
		ports: [tcp/$1, udp/7002]
	YAML
}
commit() { git -C "$work/tree" add -A && git -C "$work/tree" commit -qm "$1" && git -C "$work/tree" rev-parse HEAD; }
make_commits() { # the tree with another port for everybody, which wants a window; and one with a device more, which does not
	git init -q -b main "$work/tree"
	tree 7000
	device ana 11 >"$work/tree/ana.yaml"
	device ben 12 >"$work/tree/ben.yaml"
	{ device dan 13; echo 'revoked: true'; } >"$work/tree/dan.yaml"
	commit_a=$(commit a)
	tree 7001
	commit_b=$(commit b)
	device eve 14 >"$work/tree/eve.yaml"
	commit_c=$(commit c)
	git init -q --bare "$work/repo.git" && git -C "$work/tree" push -q "$work/repo.git" main
}
head_to() { git -C "$work/repo.git" update-ref refs/heads/main "$1"; }
config() { # FILE [LINE]...
	cat >"$1" <<-YAML
		gateway: gw
		repository: file://$work/repo.git
		private_key_file: $work/gw.key
		state_dir: $work/state
		control_socket: $work/ctl.sock
		trust: {mode: unsigned}
	YAML
	printf '%s\n' "${@:2}" >>"$1"
}
yettd() { # another one may be ending still: that is what 75 means
	local i got=75
	for ((i = 0; i < 100 && got == 75; i++)); do
		[ $i -eq 0 ] || sleep 0.05
		in_ns "$gw" "$bin/yettd" --config="$work/yettd.yaml" "$@" 2>>"$work/log"
		got=$?
	done
	return $got
}
wipe_kernel() {
	local k
	for k in $(in_ns "$gw" wg show wg0 peers); do in_ns "$gw" wg set wg0 peer "$k" remove; done
	in_ns "$gw" nft delete table inet yett 2>/dev/null
	ip -n "$gw" addr flush dev wg0
}
# What each scenario begins with, and what is run then. The commit that must be in force at the end is $expect.
prepare() {
	case $1 in
	first)
		wipe_kernel
		rm -rf "$work/state"
		expect=$commit_a
		;;
	small | upgrade) # there and back again
		[ "$1" = small ] && other=$commit_c || other=$commit_a
		[ "$(current)" = "$commit_b" ] && expect=$other || expect=$commit_b
		;;
	drift)
		in_ns "$gw" wg set wg0 peer "$(key ben)" remove
		in_ns "$gw" wg set wg0 peer "$(key rogue)" allowed-ips 10.9.0.66/32
		in_ns "$gw" nft add element inet yett class4 '{ 10.9.0.66 : 0x1 }'
		expect=$(current)
		;;
	boot)
		wipe_kernel
		expect=$(current)
		;;
	back) # killed inside a window, in another boot
		[ "$(current)" = "$commit_b" ] && expect=$commit_a || expect=$commit_b
		head_to "$expect"
		open_window
		sed -i 's/"boot":"[^"]*"/"boot":"another"/' "$work/state/window.json"
		;;
	esac
	head_to "$expect"
}
open_window() {
	local i pid
	nsenter --net="/run/netns/$gw" --mount="$work/$gw.mnt" -- "$bin/yettd" --config="$work/manual.yaml" --once 2>>"$work/log" &
	pid=$!
	for ((i = 0; i < 250; i++)); do
		[ -e "$work/state/window.json" ] && in_ns "$gw" nft list set inet yett alive >/dev/null 2>&1 && break
		sleep 0.02
	done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
}
current() { sed -n '/"event":"applied"/s/.*"commit":"\([0-9a-f]*\)".*/\1/p' "$work/state/journal.jsonl" | tail -n 1; }
arguments() { [ "$1" = boot ] && echo --boot || echo --once; }

calls_of() { # SCENARIO: "CALL COUNT" for each call that one process makes most often
	prepare "$1"
	in_ns "$gw" strace -f --seccomp-bpf -qq -e trace="$calls" -o "$work/trace" "$bin/yettd" --config="$work/yettd.yaml" \
		"$(arguments "$1")" 2>>"$work/log"
	sed -nE 's/^([0-9]+) +([a-z0-9]+)\(.*/\1 \2/p' "$work/trace" | sort | uniq -c | sort -k3,3 -k1,1nr |
		awk '!seen[$3]++ { print $3, $1 }'
	yettd --once
}
peers_allowed() { # no revoked key, and nobody that no plan knows
	in_ns "$gw" wg show wg0 peers | grep -qF "$(key dan)" && { echo "the revoked key is a peer"; return 1; }
	in_ns "$gw" wg show wg0 peers | grep -qF "$(key rogue)" && { echo "a rogue peer is left"; return 1; }
	return 0
}
judge() { # SCENARIO: after the kill
	: >"$work/log"
	in_ns "$gw" wg show wg0 peers | grep -qF "$(key dan)" && { echo "the revoked key is a peer after the kill"; return 1; }
	yettd --once || { echo "the next start gives $?"; tail -5 "$work/log"; return 1; }
	[ "$(current)" = "$expect" ] || { echo "the journal says $(current), wanted $expect"; return 1; }
	peers_allowed || return 1
	: >"$work/log"
	yettd --once || { echo "the start after it gives $?"; tail -5 "$work/log"; return 1; }
	grep -aq 'unchanged' "$work/log" || { echo "it was not clean:"; cat "$work/log"; return 1; }
	[ ! -e "$work/state/window.json" ] && [ ! -e "$work/state/plan/pending" ] || { echo "a window is left"; return 1; }
	in_ns "$gw" nft list table inet yett | grep -q 'set alive' && { echo "a gate is left"; return 1; }
	return 0
}
worker() { # NUMBER: reads "SCENARIO CALL WHEN" lines, prints "ok|not ok SCENARIO CALL WHEN why"
	local scenario call at why
	while read -r scenario call at; do
		prepare "$scenario"
		in_ns "$gw" strace -f --seccomp-bpf -qq -e trace="$call" -e inject="$call:signal=SIGKILL:when=$at" -o /dev/null \
			"$bin/yettd" --config="$work/yettd.yaml" "$(arguments "$scenario")" >/dev/null 2>&1
		if why=$(judge "$scenario" 2>&1); then
			echo "ok $scenario $call $at"
		else
			echo "not ok $scenario $call $at: ${why//$'\n'/ | }"
			rm -rf "$work/state" && wipe_kernel && yettd --once
		fi
	done
	[ -s "$work/seen" ] || echo "0 0" >"$work/seen"
	read -r wrong right <"$work/seen"
	[ "$wrong" -eq 0 ] && echo "ok none of the stream that no plan grants has passed" || echo "not ok $wrong datagrams passed that no plan grants"
	[ "$right" -gt 100 ] && echo "ok the tunnel was alive all the while" || echo "not ok only $right datagrams passed that all plans grant"
}
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	for ns in "$gw" "$dev" "$lan"; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	wait 2>/dev/null
	umount -l "$work"/*.mnt "$work" 2>/dev/null
	rm -rf "$work"
}
calls=fsync,fdatasync,renameat,unlinkat,ftruncate,write,sendto,sendmsg
set_up() {
	work=$(mktemp -d)
	chmod 755 "$work"
	gw=yx-gw-$BASHPID dev=yx-dev-$BASHPID lan=yx-lan-$BASHPID
	pids=()
	trap cleanup EXIT
	mount --bind "$work" "$work" && mount --make-private "$work"
	make_machines || { echo "Bail out! cannot make network namespaces"; exit 1; }
	make_commits
	config "$work/yettd.yaml"
	config "$work/manual.yaml" "confirm: {mode: manual, window: 30s}"
	head_to "$commit_a"
	yettd --once
	start_stream
}

case ${1:-} in
list) # all points, for the others
	set_up
	for scenario in first small upgrade drift boot back; do
		calls_of "$scenario" | while read -r call count; do
			for ((i = 1; i <= count; i++)); do echo "$scenario $call $i"; done
		done
	done
	exit 0
	;;
work)
	set_up
	worker
	exit 0
	;;
esac

# ---- the points, shared out ----

modprobe tun 2>/dev/null
if [ ! -e /dev/net/tun ]; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
"$self" list >"$top/all"
total=$(wc -l <"$top/all")
wanted=${CRASH_POINTS:-220}
if [ "${1:-}" = all ] || [ "$wanted" -ge "$total" ]; then
	cp "$top/all" "$top/points"
else
	# Spread evenly over all of them, from another place each day, so that days together see all.
	awk -v n="$total" -v k="$wanted" -v s="$(($(date +%s) / 86400))" 'int((NR - 1 + s) * k / n) != int((NR + s) * k / n)' "$top/all" >"$top/points"
fi
workers=${CRASH_WORKERS:-$(nproc)}
for ((w = 0; w < workers; w++)); do
	awk -v w="$w" -v n="$workers" 'NR % n == w' "$top/points" >"$top/points.$w"
	"$self" work <"$top/points.$w" >"$top/result.$w" 2>"$top/errors.$w" &
done
wait
n=0 status=0
while IFS= read -r line; do
	n=$((n + 1))
	case $line in
	ok\ *) echo "ok $n - ${line#ok }" ;;
	*) echo "not ok $n - ${line#not ok }"; status=1 ;;
	esac
done < <(cat "$top"/result.*)
n=$((n + 1))
done_points=$(cat "$top"/result.* | grep -cE '^(not )?ok (first|small|upgrade|drift|boot|back) ')
if [ "$done_points" -eq "$(wc -l <"$top/points")" ]; then
	echo "ok $n - all $done_points of $total kill points were tried"
else
	echo "not ok $n - $done_points kill points were tried of $(wc -l <"$top/points")"
	cat "$top"/errors.* | tail -20 | sed 's/^/# /'
	status=1
fi
echo "1..$n"
exit $status
