#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yettd against a real kernel: real git repositories, real nftables, a real WireGuard implementation.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: reconciler.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi

# ---- a machine of our own ----

# In the new mount namespace only: wireguard-go's sockets are files.
mkdir -p /run/wireguard && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
repo=$work/policy
state=$work/state
socket=$work/ctl.sock
daemon=''
cleanup() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	chattr -i "$work"/* 2>/dev/null
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
		[ ! -s "$work/log" ] || tail -n 25 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
is() { # GOT WANTED
	[ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }
}
not() { ! "$@"; }
said() { grep -aqE -- "$1" "$work/log"; }
waits() { # COMMAND... within 10 s
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}

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

write_config() { # FILE [LINE]...: replaces lines with the same first word
	local file=$1 line
	shift
	{
		for line in "gateway: gw" "repository: file://$repo" "private_key_file: $work/gw.key" "state_dir: $state" \
			"control_socket: $socket" "interval: 1h" "trust: {mode: unsigned}"; do
			printf '%s\n' "$@" | grep -q "^${line%%:*}:" || echo "$line"
		done
		printf '%s\n' "$@" | grep -v ': -$'
	} >"$file"
}
once() { "$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"; }
once_gives() { # STATUS
	once
	is $? "$1"
}
try() { # STATUS CONFIG-LINE...: one turn with another configuration and an empty state
	local want=$1 got
	shift
	rm -rf "$work/other"
	case "$*" in
	state_dir:*) ;;
	*) set -- "state_dir: $work/other" "$@" ;;
	esac
	write_config "$work/other.yaml" "$@"
	"$bin/yettd" --config="$work/other.yaml" --once 2>"$work/log"
	got=$?
	is "$got" "$want"
}
ctl() { "$bin/yettctl" --socket="$socket" "$@"; }
json() { # FILTER over yettctl status
	ctl --format=json status | python3 -c "import json,sys; o=json.load(sys.stdin); print($1)"
}

table() { nft list table inet yett; }
has_peer() { wg show wg0 peers | grep -qF "$(key "$1")"; }
has_class() { nft list map inet yett class4 | grep -qw "$1"; }
peers_are() { is "$(wg show wg0 peers | grep -c .)" "$1"; }
in_force() { # the state after the first commit, whatever was done to it
	table >/dev/null && has_peer ana-laptop && has_class 10.7.0.11 && ip -4 addr show dev wg0 | grep -q 'inet 10\.7\.0\.1/'
}
no_drift() { is "$(ctl diff)" "no difference"; }
kernel_has_wireguard() { ip link add dev wgprobe type wireguard 2>/dev/null && ip link del wgprobe; }

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
---
kind: Policy
name: wiki
from: [user:ana]
to: [resource:wiki]
END
device ana-laptop 10.7.0.11 >"$repo/ana-laptop.yaml"
device ana-phone 10.7.0.12 >"$repo/ana-phone.yaml"
commit first
write_config "$work/yettd.yaml"

# ---- one turn at a time ----

ok "the first turn applies" once_gives 0
ok "it says what it did, and in what time" said 'applied [0-9a-f]{7} in [0-9.]+ ms: .*\+2 peers.*fetch.*compile.*apply'
ok "table, peers and address are there" in_force
ok "the journal tells" grep -q '"event":"applied"' "$state/journal.jsonl"
ok "the last good plan is kept" test -s "$state/plan/last-good"
ok "the second turn changes nothing" once_gives 0
ok "it says so" said 'unchanged'

handles() { nft -a -s list table inet yett | grep -aE 'chain|counter'; }
before=$(handles)
device ana-tablet 10.7.0.13 >"$repo/ana-tablet.yaml"
commit tablet
ok "a device more is applied" once_gives 0
ok "as one peer and one element" said ': \+1 peer, \+1 element \('
ok "with at most 1 KB to the kernel" test "$(grep -oE '[0-9]+ bytes to the kernel' "$work/log" | cut -d' ' -f1)" -le 1024
ok "no chain and no rule was written again" is "$(handles)" "$before"
ok "the device is in" has_peer ana-tablet

sed -i 's/^name: ana-tablet$/&\nrevoked: true/' "$repo/ana-tablet.yaml"
commit revoked
ok "a revocation is applied" once_gives 0
ok "the revoked device is out" not has_peer ana-tablet
ok "of the class map too" not has_class 10.7.0.13

# ---- drift, both ways ----

nft flush table inet yett
ok "a flushed table is repaired" once_gives 0
ok "and told" said 'repaired in'
ok "all is there" in_force
nft delete table inet yett
ok "a deleted table is repaired" once_gives 0
ok "all is there again" in_force
nft add rule inet yett denied accept
ok "a rule too much is repaired" once_gives 0
ok "and gone" sh -c '! nft list chain inet yett denied | grep -qw accept'
nft add element inet yett class4 '{ 10.7.0.99 : 0x1 }'
ok "an element too much is repaired" once_gives 0
ok "and it is gone too" not has_class 10.7.0.99
wg set wg0 peer "$(key ana-laptop)" remove
ok "a deleted peer is repaired" once_gives 0
ok "the peer is back" has_peer ana-laptop
wg set wg0 peer "$(key rogue)" allowed-ips 10.7.0.66/32
ok "a rogue peer is repaired" once_gives 0
ok "the rogue is gone" not has_peer rogue
wg set wg0 peer "$(key rogue)" allowed-ips 10.7.0.11/32
ok "a rogue that took a device's address is repaired" once_gives 0
ok "the address is the device's again" sh -c 'wg show wg0 allowed-ips | grep -F "$1" | grep -q 10.7.0.11/32' sh "$(key ana-laptop)"
ip addr del 10.7.0.1/32 dev wg0 2>/dev/null || ip addr flush dev wg0
ok "a removed address is repaired" once_gives 0
ok "the address is back" in_force
ip addr add 10.9.9.9/32 dev wg0
ok "an address too much is repaired" once_gives 0
ok "that address is gone" sh -c '! ip addr show dev wg0 | grep -q 10.9.9.9'
ip link set wg0 down
ok "a link that is down is repaired" once_gives 0
ok "it is up" sh -c 'ip link show wg0 | grep -q "[<,]UP[,>]"'
nft add table inet other && nft add chain inet other x
ok "a turn leaves other tables" once_gives 0
ok "as they are" nft list chain inet other x

# ---- what fails, and what stays in force ----

good=$(head_is)
echo 'kind: Devise' >"$repo/broken.yaml"
commit broken
nft flush table inet yett
ok "a tree with errors is rejected" once_gives 1
ok "with its place" said 'broken\.yaml:1:'
ok "the last good plan is in force, repaired" in_force
ok "and again" once_gives 1
rm "$repo/broken.yaml"
commit mended
ok "the mended tree is accepted" once_gives 0

mv "$repo" "$repo.away"
nft delete table inet yett
wg set wg0 peer "$(key ana-laptop)" remove
ok "git away: the turn cannot run" once_gives 2
ok "it says so in one sentence" is "$(grep -ac 'cannot' "$work/log")" 1
ok "the last good plan is in force" in_force
mv "$repo.away" "$repo"

only_line() { # PATTERN: exactly one line of the log speaks of an error, besides that nothing is enforced
	is "$(grep -avc 'nothing is enforced' "$work/log")" 1 && said "$1"
}
ok "a missing repository" try 2 "repository: file://$work/nowhere"
ok "is told in one sentence" only_line 'cannot reach file://.*nowhere'
ok "a missing folder" try 2 "repository: $work/nowhere"
ok "is told as what it is" only_line 'cannot reach .*nowhere: there is no such folder'
ok "a missing branch" try 2 "branch: mian"
ok "is told with the nearest name" only_line 'has no branch mian; did you mean main\?'
git init -q --bare "$work/empty.git"
ok "an empty repository" try 2 "repository: $work/empty.git"
ok "is told" only_line 'no branches yet'
ok "a missing folder in the tree" try 2 "path: net/vpn"
ok "is told too" only_line 'net/vpn'
ok "another gateway's name" try 1 "gateway: gx"
ok "is told with the nearest" said 'no Gateway gx.*did you mean gw\?'
ok "a state folder that cannot be" try 2 "state_dir: /proc/nowhere"
ok "is told as such" only_line '/proc/nowhere'
key other >/dev/null
ok "another machine's key" try 2 "private_key_file: $work/other.key"
ok "is told with both keys" said 'E_GATEWAY_KEY'
cp "$work/gw.key" "$work/open.key" && chmod 644 "$work/open.key"
ok "a key that others can read" try 2 "private_key_file: $work/open.key"
ok "is refused with the command to type" only_line 'chmod 600'
ok "no trust" try 2 "trust: -"
ok "is told with what to write" said 'trust: \{mode: unsigned\}'
ok "an unknown field" try 2 "intervall: 5s"
ok "has its place" said 'other\.yaml:[0-9]+:1: error: .*intervall'
if command -v setpriv >/dev/null; then
	chmod 755 "$work" && mkdir -p "$work/nobody" && cp "$work/gw.key" "$work/nobody/key"
	write_config "$work/nobody.yaml" "state_dir: $work/nobody/state" "private_key_file: $work/nobody/key"
	chmod 644 "$work/nobody.yaml" && chown -R 65534:65534 "$work/nobody"
	cp "$bin/yettd" "$work/yettd" && chmod 755 "$work/yettd"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$work/yettd" --config="$work/nobody.yaml" --once 2>"$work/log"
	got=$?
	ok "an ordinary user" is "$got" 2
	ok "is told that the kernel does not let him" said '[Pp]ermi|root|CAP_NET_ADMIN'
else
	n=$((n + 1)) && echo "ok $n - an ordinary user # SKIP needs setpriv"
fi
ip link del wg0
if kernel_has_wireguard; then
	ok "a deleted interface is made again, by the kernel" once_gives 0
	ok "it is told" said 'interface made'
	ok "the table stays" table
	ok "nothing is left to do" once_gives 0
	ok "it is the kernel's and complete" sh -c 'ip -d link show wg0 | grep -q wireguard && wg show wg0 peers | grep -q .'
else
	ok "no WireGuard device" once_gives 2
	ok "is told, with its code" said 'E_NO_WIREGUARD'
	ok "the table stays" table
	tests/e2e/wireguard-device wg0
	ok "a new device is filled" once_gives 0
	ok "completely" in_force
fi

# ---- a refusal names the document that asked for it ----

sysctl -qw net.ipv6.conf.wg0.disable_ipv6=1
echo 'networks: ["fd20::/64"]' >>"$repo/ana-phone.yaml"
commit ipv6
ok "a route that the kernel refuses" once_gives 1
ok "is told with the document that asked for it" said 'fd20::/64.*asked for by ana-phone\.yaml:1:1 \(Device ana-phone\)'
ok "the last good plan is in force" in_force
ok "it is held" once_gives 1
git -C "$repo" revert --no-edit HEAD >/dev/null
sysctl -qw net.ipv6.conf.wg0.disable_ipv6=0
ok "and without it all goes on" once_gives 0

# ---- another interface name ----

tests/e2e/wireguard-device wg1
port=$(wg show wg0 listen-port)
sed -i 's/^site: office$/&\ninterface: wg1/' "$repo/net.yaml"
commit renamed
ok "the gateway's interface gets another name" once_gives 0
ok "it is told" said 'wg1 is kept now'
ok "peers, address and port are on it" sh -c 'wg show wg1 peers | grep -q . && ip addr show dev wg1 | grep -q "inet 10\.7\.0\.1/" && test "$(wg show wg1 listen-port)" = "$1"' sh "$port"
ok "the old one has no peers" is "$(wg show wg0 peers)" ""
ok "no address" sh -c '! ip -4 addr show dev wg0 | grep -q inet'
ok "no route" is "$(ip route show dev wg0)" ""
ok "and is down" sh -c '! ip link show wg0 | grep -q "[<,]UP[,>]"'
ok "the next turn changes nothing" once_gives 0
ok "and says so" said 'unchanged'
git -C "$repo" revert --no-edit -q HEAD 2>/dev/null || git -C "$repo" revert --no-edit HEAD >/dev/null
ok "and back" once_gives 0
ok "all is as it was" in_force
ok "and the other is empty" is "$(wg show wg1 peers)$(ip -4 addr show dev wg1)" ""
ip link del wg1

# ---- the daemon ----

start() {
	"$bin/yettd" --config="$work/yettd.yaml" 2>"$work/log" &
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

nft delete table inet yett
mv "$repo" "$repo.away"
ok "the daemon starts while git is away" start
ok "and puts the last good plan in force first" waits in_force
mv "$repo.away" "$repo"
ok "sync fetches now" ctl sync
ok "status names the commit" is "$(json "o['commit']")" "$(head_is)"
ok "the gateway" is "$(json "o['gateway']")" gw
ok "the peers" is "$(json "o['peers']['configured'], o['peers']['planned']")" "2 2"
ok "and is there for people" sh -c '"$@" | grep -q "^commit  *[0-9a-f]\{40\}"' sh "$bin/yettctl" --socket="$socket" status
ok "diff finds nothing" no_drift
wg set wg0 peer "$(key rogue)" allowed-ips 10.7.0.66/32
ok "diff shows drift" sh -c '"$@" | grep -q 10.7.0.66' sh "$bin/yettctl" --socket="$socket" diff
ok "sync repairs it" ctl sync
ok "then it is gone" no_drift
device ana-watch 10.7.0.14 >"$repo/ana-watch.yaml"
commit watch
kill -HUP "$daemon"
ok "SIGHUP fetches now" waits has_peer ana-watch
once
ok "a second yettd gives 75" is $? 75
ok "and names the first" said "process $daemon,"
echo 'kind: Devise' >"$repo/broken.yaml"
commit broken
old=$(pid_of compile)
ctl sync >"$work/sync"
ok "sync of a tree with errors gives 1" is $? 1
ok "who read the errors is replaced" waits sh -c '[ "$("$1" --socket="$2" --format=json status | python3 -c "import json,sys; r=json.load(sys.stdin)[\"roles\"][\"compile\"]; print(r[\"ready\"] and r[\"pid\"] != $3)")" = True ]' sh "$bin/yettctl" "$socket" "$old"
ok "and shows them" grep -q 'broken\.yaml:1:' "$work/sync"
ok "status says which commit is in force" is "$(json "o['commit'] == '$(git -C "$repo" rev-parse HEAD~1)', o['rejected'] == '$(head_is)'")" "True True"
rm "$repo/broken.yaml"
commit mended
ok "the mended tree" ctl sync

for role in compile fetch apply; do
	old=$(pid_of $role)
	kill -9 "$old"
	ok "a killed $role role comes back" waits sh -c '[ "$("$1" --socket="$2" --format=json status | python3 -c "import json,sys; r=json.load(sys.stdin)[\"roles\"][\"$3\"]; print(r[\"ready\"] and r[\"pid\"] != $4)")" = True ]' sh "$bin/yettctl" "$socket" $role "$old"
	device "new-$role" "10.7.0.$((20 + n % 100))" >"$repo/new-$role.yaml"
	commit "$role"
	ok "and works: sync" ctl sync
	ok "and works: the peer" has_peer "new-$role"
done

# Of many peers a change reads none; they are read, and repaired, soon after it.
sed -i 's#10\.7\.0\.0/24#10.7.0.0/22#' "$repo/net.yaml"
python3 -c "
import base64, random
for i in range(300):
    print(f'---\nkind: Device\nname: many-{i}\nowner: ana\npublic_key: {base64.b64encode(random.randbytes(32)).decode()}\naddresses: [10.7.{2 + i // 200}.{i % 200 + 1}]')
" >"$repo/many.yaml"
commit many
ok "three hundred devices more" ctl sync
wg set wg0 peer "$(key ana-phone)" remove
device ana-watch2 10.7.0.16 >"$repo/ana-watch2.yaml"
commit watch2
ok "one more of many" ctl sync
ok "is there at once" has_peer ana-watch2
ok "a look at the others follows soon" waits has_peer ana-phone
ok "and is told" said 'repaired in .*\+1 peer'
rm "$repo/many.yaml"
commit few
ctl sync >/dev/null
ok "and few again: too many go at once" is $? 1
ok "by its code" said 'E_MASS_CHANGE'
ok "until somebody says that it is meant" ctl retry
ok "then they are gone" peers_are "$(ctl --format=json status | python3 -c "import json,sys; print(json.load(sys.stdin)['peers']['planned'])")"

# A date passes between two turns an hour apart.
device guest 10.7.0.200 "expires: $(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)" >"$repo/guest.yaml"
commit guest
ok "a guest for seconds" ctl sync
ok "is let in" has_peer guest
ok "and put out in time, without a fetch" waits not has_peer guest

printf 'nonsense\n' | timeout 5 python3 -c "
import socket,sys
s=socket.socket(socket.AF_UNIX); s.connect('$socket'); s.sendall(b'nonsense\n'); print(s.recv(1000))
s=socket.socket(socket.AF_UNIX); s.connect('$socket'); s.sendall(b'x'*100000); print(s.recv(1000))" >/dev/null 2>&1
ok "nonsense on the control socket harms nobody" ctl status
ok "the control socket is closed to others" is "$(stat -c %a "$socket")" 660
ok "an unknown command gives 2" sh -c '"$@" 2>/dev/null; test $? -eq 2' sh "$bin/yettctl" --socket="$socket" statsu
ok "one process starts the others" is "$(pgrep -cP "$daemon")" 1
ok "no process but the daemon's own" is "$(pgrep -cP "$(pgrep -P "$daemon")")" 3
all_roles() { pgrep -P "$daemon" && pgrep -P "$(pgrep -P "$daemon")"; }
roles=$(all_roles | tr '\n' ' ')
ok "SIGTERM ends it with 0" stop
ok "its roles too" sh -c 'for p; do ! kill -0 $p 2>/dev/null || exit 1; done' sh $roles
ok "everything stays in force" in_force
ok "the control socket is gone" test ! -e "$socket"
ctl status 2>/dev/null
ok "yettctl without a daemon gives 2" is $? 2

start
device ana-desk 10.7.0.15 >"$repo/ana-desk.yaml"
commit desk
ok "a change right before a crash" ctl sync
roles=$(all_roles | tr '\n' ' ')
kill -9 "$daemon" && wait "$daemon" 2>/dev/null
daemon=''
ok "kill -9 takes the roles along" waits sh -c 'for p; do ! kill -0 $p 2>/dev/null || exit 1; done' sh $roles
ok "everything stays in force after kill -9" in_force
nft delete table inet yett
wg set wg0 peer "$(key ana-desk)" remove
mv "$repo" "$repo.away"
ok "the next start, with git away, goes on" once_gives 2
ok "with what was in force at the crash" has_peer ana-desk
mv "$repo.away" "$repo"
ok "and when git is back" once_gives 0

# ---- a repository that grows, by path, in a subfolder ----

git clone -q --bare "$repo" "$work/bare.git"
mkdir "$work/wrapped" && git -C "$work/wrapped" init -q -b live && mkdir -p "$work/wrapped/net/vpn"
cp "$repo"/*.yaml "$work/wrapped/net/vpn/"
git -C "$work/wrapped" add -A && git -C "$work/wrapped" commit -qm all
ok "a bare repository by path" try 0 "repository: $work/bare.git"
ok "a subfolder and another branch" try 0 "repository: $work/wrapped" "branch: live" "path: net/vpn"
ok "gave the same plan" said 'unchanged|: nothing \('
: >"$state/fetch/repo.git/HEAD"
ok "a damaged mirror is replaced" once_gives 0
ok "and set aside" test -d "$state/fetch/repo.git.bad"
rm -rf "$state/fetch/repo.git.bad"
mkdir -p "$state/fetch/repo.git/objects/info"
echo /etc >"$state/fetch/repo.git/objects/info/alternates"
ok "a mirror with planted alternates is replaced" once_gives 0
ok "they are not in the new one" test ! -e "$state/fetch/repo.git/objects/info/alternates"
printf '[include]\n\tpath = /etc/passwd\n' >>"$state/fetch/repo.git/config"
rm -rf "$state/fetch/repo.git.bad"
ok "a mirror with a planted include is replaced" once_gives 0
ok "it is set aside" grep -q include "$state/fetch/repo.git.bad/config"
head -c 70000000 /dev/urandom >"$repo/big.bin"
git -C "$repo" add big.bin && git -C "$repo" -c core.compression=0 commit -qm big
ok "a fetch of more than 64 MiB is given up" once_gives 2
ok "by its code" said 'E_PACK_SIZE'
git -C "$repo" reset -q --hard HEAD~1
ok "without it all goes on" once_gives 0
find "$state/fetch/repo.git/objects" -type f -delete
ok "so is one that lost its objects" once_gives 0
git -C "$repo" checkout -q --orphan rewritten && git -C "$repo" commit -qm rewritten && git -C "$repo" branch -qM rewritten main
ok "a rewritten branch is followed" once_gives 0
ok "to its head" grep -q "$(head_is)" "$state/journal.jsonl"
ok "the first commit was another" not is "$good" "$(head_is)"

echo "1..$n"
exit $status
