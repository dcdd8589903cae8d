#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, read-only or broken: each write that has to last fails once, with each error, and all of them at once. What cannot be
# written down is not done, what is in force stays and is repaired, and when the disk is well again all goes on.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: disk.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi
mkdir -p /run/wireguard && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
cleanup() {
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	umount "$work/small" 2>/dev/null
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
is() { [ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }; }
not() { ! "$@"; }
said() { grep -aqE -- "$1" "$work/log"; }
key() {
	[ -f "$work/$1.key" ] || (umask 077 && wg genkey >"$work/$1.key")
	wg pubkey <"$work/$1.key"
}
device() { printf 'kind: Device\nname: %s\nowner: all\npublic_key: %s\naddresses: [10.9.0.%s]\n' "$1" "$(key "$1")" "$2"; }
commit() { git -C "$work/tree" add -A && git -C "$work/tree" commit -qm "${1:-change}"; }
head_is() { git -C "$work/tree" rev-parse HEAD; }
config() { # STATE
	cat >"$work/yettd.yaml" <<-YAML
		gateway: gw
		repository: file://$work/tree
		private_key_file: $work/gw.key
		state_dir: $1
		control_socket: $work/ctl.sock
		trust: {mode: unsigned}
	YAML
}
once() { "$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"; }
with() { # INJECTION...: one turn with faults
	local a=()
	for i in "$@"; do a+=(-e "inject=$i"); done
	strace -f --seccomp-bpf -qq -e trace=fsync,fdatasync,renameat,unlinkat,ftruncate,fallocate "${a[@]}" -o /dev/null \
		"$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"
}
current() { sed -n '/"event":"applied"/s/.*"commit":"\([0-9a-f]*\)".*/\1/p' "$1/journal.jsonl" | tail -n 1; }
has_peer() { wg show wg0 peers | grep -qF "$(key "$1")"; }

wireguard-go wg0 >/dev/null 2>&1
ip link set lo up
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
state=$work/state
git init -q -b main "$work/tree"
tree() { # PORT
	cat >"$work/tree/net.yaml" <<-YAML
		{kind: Network, name: net, pools: [10.9.0.0/24]}
		---
		{kind: Site, name: hq, networks: [10.20.0.0/24]}
		---
		kind: Gateway
		name: gw
		site: hq
		endpoint: 192.0.2.1:51820
		public_key: $(key gw)
		addresses: [10.9.0.1]
		---
		{kind: User, name: all}
		---
		{kind: Policy, name: lan, from: [user:all], to: ["site:hq"], ports: [tcp/$1]}
	YAML
}
tree 7000
device ana 11 >"$work/tree/ana.yaml"
device ben 12 >"$work/tree/ben.yaml"
commit first
config "$state"
ok "the first plan" once
ok "room is set aside" test "$(stat -c %s "$state/reserve")" -ge $((8 << 20))

# ---- one write at a time ----

port=7000
for call in fsync fdatasync renameat ftruncate; do
	for error in ENOSPC EIO EROFS; do
		for at in 1 2 3 4; do
			port=$((port + 1))
			before=$(current "$state")
			tree "$port"
			commit "$port"
			wg set wg0 peer "$(key ana)" remove
			with "$call:error=$error:when=$at"
			got=$?
			ok "$call fails with $error at $at: it ends by itself" test "$got" -le 2
			now=$(current "$state")
			ok "and either plan counts as in force" test "$now" = "$before" -o "$now" = "$(head_is)"
			ok "and the next start goes on" once
			ok "to the newest commit" is "$(current "$state")" "$(head_is)"
			ok "with what was missing" has_peer ana
			ok "and nothing is left to do" sh -c '"$0" --config="$1" --once 2>&1 | grep -q unchanged' "$bin/yettd" "$work/yettd.yaml"
		done
	done
done

# ---- all at once: nothing can be written down ----

for error in ENOSPC EIO EROFS; do
	good=$(current "$state")
	device "new-${error,,}" 50 >"$work/tree/new.yaml"
	commit "$error"
	wg set wg0 peer "$(key ben)" remove
	rm -f "$state/reserve"
	with "fdatasync:error=$error:when=1+" "renameat:error=$error:when=1+" "fallocate:error=$error:when=1+"
	got=$?
	ok "$error everywhere: the turn fails" is "$got" 2
	ok "and says that nothing new is done" said 'what cannot be written down is not done'
	ok "nothing new is in force" not has_peer "new-${error,,}"
	ok "what is in force is repaired all the same" has_peer ben
	ok "the plan before stays the last good one" is "$(current "$state")" "$good"
	ok "and when the disk is well" once
	ok "the new one comes" has_peer "new-${error,,}"
done

# ---- a disk that really is full ----

mkdir "$work/small" && mount -t tmpfs -o size=24m,mode=700 tmpfs "$work/small"
config "$work/small/state"
ok "a first plan on a small disk" once
good=$(current "$work/small/state")
head -c 30000000 /dev/zero >"$work/small/fill" 2>/dev/null
tree 9001
commit "while full"
once
ok "what has begun is written in the room set aside" test $? -le 2
ok "the journal is whole" sh -c 'tail -c 1 "$1" | od -An -c | grep -q "\\\\n"' sh "$work/small/state/journal.jsonl"
device late 60 >"$work/tree/late.yaml"
head -c 30000000 /dev/zero >"$work/small/fill2" 2>/dev/null
commit "while fuller"
once
ok "with that gone nothing new is done" not has_peer late
wg set wg0 peer "$(key ana)" remove
once
ok "and drift is repaired" has_peer ana
rm "$work/small/fill" "$work/small/fill2"
ok "with room again" once
ok "the new plan comes" has_peer late
ok "and room is set aside again" test -e "$work/small/state/reserve"

echo "1..$n"
exit $status
