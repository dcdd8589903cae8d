#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lock-down of yettd's processes: each attempt to leave it, each guard taken away once, and what the kernel says of the
# processes of a running daemon, with users of their own and without.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: sandbox.t makes namespaces"
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
waits() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}

# ---- the probes ----

probe() { "$bin/yettd" --probe-sandbox "$@" >"$work/tap" 2>&1; } # PROCESS [--without=...]
all_denied() {
	probe "$1" || { grep -v '^ok' "$work/tap"; return 1; }
	is "$(grep -c '^ok' "$work/tap")" "$(sed -n 's/^1\.\.//p' "$work/tap")"
}
none_denied() { # every attempt that may not work does, so each is a real one
	probe "$1" --without=all
	! grep '^ok .*- may not ' "$work/tap"
}
declare -A probed
fails_without() { # PROCESS GUARD ATTEMPT: with that guard gone, and only that, the attempt gets through
	[ -n "${probed[$1-$2]:-}" ] || probe "$1" --without="$2"
	probed[$1-$2]=${probed[$1-$2]:-$(cat "$work/tap")}
	grep -E "^not ok [0-9]+ - may not $3: got through" <<<"${probed[$1-$2]}" || { echo "${probed[$1-$2]}"; return 1; }
}
for process in supervisor fetch compile apply status judge; do
	ok "$process: every attempt to leave goes as the table says" all_denied $process
	ok "$process: with no guard each attempt gets through" none_denied $process
	ok "$process: without caps the kernel shows some" fails_without $process caps 'hold capabilities, as the kernel says'
	ok "$process: without seccomp the kernel says so" fails_without $process seccomp 'do without a filter, as the kernel says'
	ok "$process: without seccomp memory becomes executable" fails_without $process seccomp 'make memory executable'
	ok "$process: without limits there is no end of addresses" fails_without $process limits 'take 16 GiB of addresses'
done
for process in supervisor fetch; do
	ok "$process: without Landlock it reads others' files" fails_without $process landlock 'read a file outside'
done
ok "fetch: without Landlock's ports it connects anywhere" fails_without fetch ports 'connect to another TCP port'
ok "compile: Landlock holds without seccomp" sh -c '"$0/yettd" --probe-sandbox=compile --without=seccomp | grep -q "^ok .*read /etc/passwd: Permission denied"' "$bin"
ok "compile: scopes hold without seccomp" sh -c '"$0/yettd" --probe-sandbox=compile --without=seccomp | grep -q "^ok .*abstract socket: Operation not permitted"' "$bin"
ok "an unknown process gives 2" sh -c '"$0/yettd" --probe-sandbox=fetcher 2>/dev/null; test $? -eq 2' "$bin"
ok "an unknown guard gives 2" sh -c '"$0/yettd" --probe-sandbox=fetch --without=luck 2>/dev/null; test $? -eq 2' "$bin"
ok "a daemon has no --without" sh -c '"$0/yettd" --without=seccomp 2>/dev/null; test $? -eq 2' "$bin"

# ---- a running daemon ----

wireguard-go wg0 >/dev/null 2>&1
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
repo=$work/policy
(umask 077 && wg genkey >"$work/gw.key")
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
commit() { git -C "$repo" add -A && git -C "$repo" commit -qm "$1"; }
commit first
chmod 755 "$work" && chmod -R a+rX "$repo"
socket=$work/ctl.sock
config() { # [LINE]...
	printf '%s\n' "gateway: gw" "repository: file://$repo" "private_key_file: $work/gw.key" "state_dir: $work/state" \
		"control_socket: $socket" "interval: 1h" "trust: {mode: unsigned}" "$@" >"$work/yettd.yaml"
}
ctl() { "$bin/yettctl" --socket="$socket" "$@"; }
json() { ctl --format=json status | python3 -c "import json,sys; o=json.load(sys.stdin); print($1)"; }
start() {
	"$@" "$bin/yettd" --config="$work/yettd.yaml" 2>"$work/log" &
	daemon=$!
	waits settled
}
settled() { json "all(r.get('ready', True) or not r['pid'] for r in o['roles'].values()) and o['turns'] > 0 and not o['running']" | grep -q True; }
stop() {
	kill -TERM "$daemon" && wait "$daemon"
	daemon=''
}
kernel_says() { # PROCESS FIELD, of the kernel itself and not of yettd
	sed -n "s/^$2:\t//p" "/proc/$(json "o['roles']['$1']['pid']")/status" | cut -f1
}

config
ok "a daemon starts" start
ok "its first turn works locked down" is "$(json "o['last_turn']['outcome']")" applied
for process in supervisor fetch compile apply; do
	ok "$process: no new privileges" is "$(kernel_says $process NoNewPrivs)" 1
	ok "$process: filters" is "$(kernel_says $process Seccomp)" 2
	want=0000000000000000
	[ $process != apply ] || want=0000000000001000
	ok "$process: capabilities, in force and to be had" is "$(kernel_says $process CapEff) $(kernel_says $process CapPrm)" "$want $want"
	ok "$process: none to inherit or to gain" is "$(kernel_says $process CapInh) $(kernel_says $process CapAmb)" "0000000000000000 0000000000000000"
	ok "$process: status tells the same" is "$(json "o['roles']['$process']['cap_eff'], o['roles']['$process']['no_new_privs'], o['roles']['$process']['seccomp']")" "$want 1 2"
done
ok "without users of their own it says which" sh -c '"$@" status | grep -q "^sandbox  *degraded.*no user yett"' sh "$bin/yettctl" --socket="$socket"
python3 - "$repo" <<'END'
import sys
open(sys.argv[1] + '/more.yaml', 'w').write('kind: User\nname: ana\n')
END
# wireguard-go is started again: the launcher connects anew for the role that may not.
ip link del wg0 && wireguard-go wg0 >/dev/null 2>&1
commit more
ok "wireguard-go is started again, and the next turn fills it" ctl sync
ok "it is filled" is "$(wg show wg0 public-key)" "$(wg pubkey <"$work/gw.key")"
stop
config "require_sandbox: true"
"$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"
got=$?
ok "require_sandbox insists on users" is "$got" 2
ok "and says what is missing" grep -q 'no user yett.*E_SANDBOX' "$work/log"

# ---- a kernel that lacks something ----

without() { python3 tests/e2e/without_call.py "$@"; }
config
ok "a kernel without Landlock: the daemon starts all the same" start python3 tests/e2e/without_call.py landlock
ok "and says what it lacks" sh -c '"$@" status | grep -q "no Landlock"' sh "$bin/yettctl" --socket="$socket"
ok "the rest is in force" is "$(kernel_says fetch Seccomp) $(kernel_says fetch CapEff)" "2 0000000000000000"
stop
config "require_landlock: true"
without landlock "$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"
got=$?
ok "require_landlock does not start there" is "$got" 2
ok "and says why" grep -q 'Landlock.*require_landlock: true.*E_SANDBOX' "$work/log"
config
ok "a kernel without filters: the daemon starts all the same" start python3 tests/e2e/without_call.py seccomp
ok "and says that it lacks them" sh -c '"$@" status | grep -q "any system call"' sh "$bin/yettctl" --socket="$socket"
stop

# ---- users of their own ----

cp /etc/passwd /etc/group "$work/"
i=64950
for user in yett yett-fetch yett-compile yett-apply yett-status yett-judge; do
	i=$((i + 1))
	echo "$user:x:$i:$i::/:/usr/sbin/nologin" >>"$work/passwd"
	echo "$user:x:$i:" >>"$work/group"
done
mount --bind "$work/passwd" /etc/passwd && mount --bind "$work/group" /etc/group || exit 1
config "require_sandbox: true"
ok "what root's yettd left is taken over by the users" start
ok "all is in force" is "$(json "o['sandbox']['state'], o['sandbox']['users'], o['sandbox']['missing']")" "enforced separate []"
ok "require_sandbox is content, and a turn works" is "$(json "o['last_turn']['outcome'] in ('unchanged', 'applied', 'repaired')")" True
i=64950
for process in supervisor fetch compile apply; do
	i=$((i + 1))
	ok "$process has its user" is "$(kernel_says $process Uid)" $i
	[ $process = apply ] && want=0000000000001000 || want=0000000000000000
	ok "$process has its capabilities" is "$(kernel_says $process CapEff)" $want
	ok "$process: every attempt is denied to that user too" all_denied $process
done
ok "the mirror is the fetch role's" is "$(stat -c %U:%a "$work/state/fetch")" yett-fetch:700
ok "the journal is the supervisor's" is "$(stat -c %U:%a "$work/state/journal.jsonl")" yett:600
old=$(json "o['roles']['fetch']['pid']")
kill -9 "$old"
ok "a lost role comes back as its user" waits sh -c "$bin/yettctl --socket=$socket --format=json status | python3 -c 'import json,sys; r=json.load(sys.stdin)[\"roles\"][\"fetch\"]; sys.exit(not (r[\"ready\"] and r[\"pid\"] != $old and r[\"uid\"] == 64952))'"
kill -STOP "$(json "o['roles']['compile']['pid']")"
echo '# a comment' >>"$repo/more.yaml" && commit stopped
pid=$daemon
ok "SIGTERM ends it, with a role that hangs" stop
ok "no role is left" sh -c '! pgrep -u 64951,64952,64953,64954' sh
ok "no launcher either" sh -c '! pgrep -P "$1"' sh "$pid"

echo "1..$n"
exit $status
