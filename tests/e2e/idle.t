#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A turn in which nothing changed costs at most 20 system calls of all processes, and next to no time; drift is repaired all the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: idle.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
gw=yi-gw-$$
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	ip netns pids "$gw" 2>/dev/null | xargs -r kill -9 2>/dev/null
	ip netns del "$gw" 2>/dev/null
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
in_ns() { nsenter --net="/run/netns/$gw" --mount="$work/$gw.mnt" -- "$@"; }
ip netns add "$gw" || { echo "Bail out! cannot make a network namespace"; exit 1; }
touch "$work/$gw.mnt"
mkdir -p "$work/run/wireguard"
unshare --mount="$work/$gw.mnt" --propagation private mount --bind "$work/run" /run
ip -n "$gw" link set lo up

umask 077
wg genkey >"$work/gw.key"
tree=$work/tree
git init -q -b main "$tree"
git -C "$tree" config user.name Tester
git -C "$tree" config user.email tester@example.com
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
public_key: $(wg pubkey <"$work/gw.key")
addresses: [10.9.0.1]
---
kind: User
name: alice
YAML
for i in $(seq 20); do
	printf 'kind: Device\nname: d%s\nowner: alice\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$i" "$(wg genkey | wg pubkey)" "$((10 + i))" >"$tree/d$i.yaml"
done
git -C "$tree" add -A && git -C "$tree" commit -qm "Twenty devices"
cat >"$work/yettd.yaml" <<YAML
gateway: gw
repository: file://$tree
branch: main
interval: 2s
private_key_file: $work/gw.key
state_dir: $work/state
control_socket: $work/ctl.sock
trust: {mode: unsigned}
wireguard: {backend: userspace}
YAML
mkdir -m 0700 "$work/state"
WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1 in_ns wireguard-go wg0 >/dev/null 2>&1
: >"$work/yettd.log"
in_ns "$build/yettd" --config "$work/yettd.yaml" >"$work/yettd.log" 2>&1 &
pids+=($!)
for _ in $(seq 300); do
	grep -q 'applied' "$work/yettd.log" && break
	sleep 0.1
done
grep -q applied "$work/yettd.log"
ok $? "the first commit is applied"

daemons=()
for pid in $(ip netns pids "$gw"); do
	[ "$(readlink "/proc/$pid/exe")" = "$build/yettd" ] && daemons+=("$pid")
done
args=()
for pid in "${daemons[@]}"; do args+=(-p "$pid"); done
supervisor=$(printf '%s\n' "${daemons[@]}" | sort -n | head -1)
# From one request to the fetch role (type 1) to the next is one turn; where a look at the peers falls between, it is another matter.
strace -f -o "$work/strace" "${args[@]}" 2>/dev/null &
tracer=$!
pids+=("$tracer")
turns=0
for _ in $(seq 60); do
	sleep 1
	turns=$(grep -cE "^$supervisor +sendmsg\(.*TTEY.1.0.1.0" "$work/strace")
	[ "$turns" -ge 5 ] && break
done
kill "$tracer" && wait "$tracer" 2>/dev/null
awk -v s="$supervisor" '
	$1 == s && /^[0-9]+ +sendmsg\(.*TTEY.1.0.1.0/ { if (turns++ && (least == "" || calls < least)) least = calls; calls = 0 }
	/\) += |<unfinished/ { calls++ }
	END { print turns + 0, least + 0 }' "$work/strace" >"$work/counted"
read -r turns least <"$work/counted"
echo "# $turns turns, $least system calls"
[ "$turns" -ge 3 ] && [ "$least" -gt 0 ] && [ "$least" -le 20 ]
ok $? "a turn in which nothing changed takes at most 20 system calls"

ticks() { for pid in "${daemons[@]}"; do cut -d' ' -f14-17 "/proc/$pid/stat"; done | tr ' ' '\n' | awk '{ n += $1 } END { print n + 0 }'; }
before=$(ticks)
sleep 10
used=$(($(ticks) - before))
echo "# $used ticks of a hundredth in 10 s"
[ "$used" -le 5 ]
ok $? "ten idle seconds with a turn every two take at most 0.05 s of a processor"

in_ns ip link set wg0 mtu 1300
for _ in $(seq 100); do
	in_ns ip -o link show wg0 | grep -q 'mtu 1420' && break
	sleep 0.1
done
in_ns ip -o link show wg0 | grep -q 'mtu 1420'
ok $? "drift is repaired"
d21=$(wg genkey | wg pubkey)
printf 'kind: Device\nname: d21\nowner: alice\npublic_key: %s\naddresses: [10.9.0.31]\n' "$d21" >"$tree/d21.yaml"
git -C "$tree" add -A && git -C "$tree" commit -qm "One more device"
for _ in $(seq 200); do
	in_ns wg show wg0 allowed-ips | grep -qF "$d21" && break
	sleep 0.1
done
in_ns wg show wg0 allowed-ips | grep -qF "$d21"
ok $? "a new commit is seen by its reference"
# Another repository at the same place.
cp -r "$tree" "$tree.new"
git -C "$tree.new" rm -q --cached d21.yaml && rm "$tree.new/d21.yaml" && git -C "$tree.new" commit -qm "One less"
mv "$tree" "$tree.old" && mv "$tree.new" "$tree"
for _ in $(seq 200); do
	in_ns wg show wg0 allowed-ips | grep -qF "$d21" || break
	sleep 0.1
done
in_ns wg show wg0 allowed-ips | grep -vqF "$d21" && ! in_ns wg show wg0 allowed-ips | grep -qF "$d21"
ok $? "so is a repository that takes the place of another"
[ -n "${YETT_TEST_VERBOSE:-}" ] && sed 's/^/# /' "$work/yettd.log"
echo "1..$n"
