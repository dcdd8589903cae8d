#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What yett does, shown by real packets: a gateway, two laptops and an office in network namespaces of their own,
# a policy repository made from examples/acme, yettd and wireguard-go. Every sentence is backed by a command whose
# failure ends the demo. Needs root. All of it lives in private network, mount and process namespaces that the kernel takes
# down with this process, so nothing is left behind and no packet leaves.
set -Eeuo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-$root/build}
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8 NO_COLOR=1

die() {
	echo "demo: $*" >&2
	exit 2
}

if [ -z "${YETT_DEMO_INSIDE:-}" ]; then
	[ $# -eq 0 ] || die "it takes no arguments"
	[ "$(id -u)" -eq 0 ] || die "needs root, for network namespaces and WireGuard devices that nobody else sees: sudo make demo"
	for program in yett yettd yettctl; do
		[ -x "$B/$program" ] || die "$B/$program is not built: run make demo"
	done
	for program in ip nft wg wireguard-go jq git unshare nsenter /usr/bin/python3; do
		command -v "$program" >/dev/null || die "$program is missing: run contrib/install-deps.sh demo"
	done
	[ -c /dev/net/tun ] || die "there is no /dev/net/tun here, which wireguard-go needs: modprobe tun, or give the container that device"
	unshare --net --mount --pid --fork true 2>/dev/null ||
		die "this machine lets even root make no namespaces (a container? it needs --privileged)"
	B=$B YETT_DEMO_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$root/contrib/demo/demo.sh"
fi

# From here on this is process 1 of its own process namespace: when it ends, everything that it started ends.
work=/run/yett-demo
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$work" /run/wireguard /run/netns
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# An environment that no file of the user's changes.
export HOME=$work GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat TZ=UTC
export GIT_AUTHOR_NAME=Olivia GIT_AUTHOR_EMAIL=olivia@acme.example GIT_COMMITTER_NAME=Olivia GIT_COMMITTER_EMAIL=olivia@acme.example
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

yett=$B/yett
traffic=$root/contrib/demo/traffic.py
repo=$work/policy
tree=$repo
log=$work/yettd.log
socket=$work/yettctl.sock
step=0
begun=$(date +%s%3N)

say() { echo "$*"; }
step() {
	step=$((step + 1))
	echo
	echo "$step. $*"
}
show() { sed 's/^/      /'; }
now() { date +%s%3N; }

fail() {
	said=$*
	exit 1
}
# Only the shell that runs the demo explains: command substitutions and background jobs just end.
explain() {
	local status=$? file
	[ $status -ne 0 ] && [ $status -ne 130 ] && [ $status -ne 143 ] || return 0
	trap - ERR
	set +e
	{
		echo
		echo "demo: FAILED in step $step: ${said:-${failed_command:-unknown}}"
		for file in "$work"/*.log; do
			[ -s "$file" ] || continue
			echo "--- the end of ${file##*/}:"
			tail -n 30 "$file"
		done
		if [ -n "${pid_yettd:-}" ]; then
			echo '--- WireGuard at the gateway:'
			in_ns gateway wg show | head -n 20
			echo '--- yettctl status:'
			"$B/yettctl" --socket "$socket" status
		fi
	} >&2
	exit "$status"
}
said='' failed_command=''
trap 'failed_command="line $LINENO: $BASH_COMMAND"' ERR
trap explain EXIT

# A network namespace with a mount namespace and a private /run/wireguard, held by one sleeping process.
make_ns() {
	ip netns add "$1"
	ip netns exec "$1" sh -c 'mount -t tmpfs tmpfs /run/wireguard && exec sleep 300' &
	printf -v "pid_$1" %s "$!"
	ip -n "$1" link set lo up
}
in_ns() {
	local pid="pid_$1"
	shift
	nsenter --target "${!pid}" --net --mount -- "$@"
}
in_ns_exec() { # the same for a background job, whose $! is then the program itself
	local pid="pid_$1"
	shift
	exec nsenter --target "${!pid}" --net --mount -- "$@"
}
# A cable from NAMESPACE's device to the bridge that plays the internet.
plug_in() { # NAMESPACE ADDRESS
	ip link add "net-$1" type veth peer name eth0 netns "$1"
	ip link set "net-$1" master internet up
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" link set eth0 up
}

# Waits until COMMAND holds, at most SECONDS.
wait_for() { # SECONDS COMMAND...
	local end=$(($(now) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# The device's document gets a key that the demo made: those of the example were thrown away.
play() { # KIND NAME
	(umask 077 && wg genkey >"$work/$2.key")
	sed -i "s,^public_key: .*,public_key: $(wg pubkey <"$work/$2.key")," "$tree/$1/$2.yaml"
}

commit_and_push() { # MESSAGE
	git -C "$repo" add -A
	git -C "$repo" commit -q -m "$1"
	git -C "$repo" push -q origin main
}

applied() { # COMMIT: yettd says that it runs it
	kill -0 "$pid_yettd" 2>/dev/null || fail 'yettd has ended'
	grep -qE "applied ${1:0:7}" "$log"
}

# Puts the rendered profile on a laptop as wg-quick would: key, the gateway's peer, addresses, routes. A profile sends only what the
# device may reach into the tunnel. Here the whole office goes there, so that what does not pass is what the gateway stops.
use_profile() { # NAMESPACE DEVICE
	local ns=$1 conf=$work/artifacts/profiles/$2.conf key address prefix
	key=$(wg pubkey <"$work/hq-1.key")
	{
		printf '[Interface]\nPrivateKey = %s\n' "$(cat "$work/$2.key")"
		awk -v want="$key" 'BEGIN { RS = ""; FS = "\n" } /\[Peer\]/ && index($0, want)' \
			<(sed 's/^\[Peer\]/\n[Peer]/' "$conf") | sed '/^#/d'
	} >"$work/$2.wg"
	in_ns "$ns" sh -c 'exec wireguard-go wg0' >/dev/null 2>&1
	sed -i 's,^AllowedIPs.*,&\, 10.10.0.0/16\, fd5a:ac3e:10::/48,' "$work/$2.wg"
	in_ns "$ns" wg setconf wg0 "$work/$2.wg"
	for address in $(sed -n 's/^Address *= *//p' "$conf" | tr ',' ' '); do
		in_ns "$ns" ip addr add "$address" dev wg0
	done
	in_ns "$ns" ip link set wg0 mtu 1420 up
	for prefix in $(sed -n 's/^AllowedIPs *= *//p' "$work/$2.wg" | tr ',' ' '); do
		in_ns "$ns" ip route add "$prefix" dev wg0
	done
}

ruleset() { # without counters and in a fixed order
	in_ns gateway nft -s list table inet yett | tr ',' '\n' | sed 's/^[[:space:]]*//' | sort
}
denied() { # how many packets the gateway has dropped
	in_ns gateway nft -j list chain inet yett denied | jq '[.. | .counter? | objects | .packets] | add'
}
same_ruleset() { ruleset 2>/dev/null | cmp -s - "$work/ruleset.before"; }

say 'A gateway, two laptops and an office, each in a network namespace, joined by a bridge that plays the internet.'
ip link add internet type bridge
ip link set internet up
for ns in gateway alice bob office; do
	make_ns $ns
done
plug_in gateway 198.51.100.10 # the endpoint of gateway hq-1 in examples/acme
plug_in alice 198.51.100.101
plug_in bob 198.51.100.102
ip link add lan-gateway netns gateway type veth peer name eth0 netns office
for address in 10.10.0.2/16 10.10.20.10/16 10.10.30.20/16 fd5a:ac3e:10::2/48 fd5a:ac3e:10:20::10/48; do
	case $address in
	*:*) ip -n office addr add $address dev eth0 nodad ;;
	*) ip -n office addr add $address dev eth0 ;;
	esac
done
ip -n gateway addr add 10.10.0.1/16 dev lan-gateway
ip -n gateway addr add fd5a:ac3e:10::1/48 dev lan-gateway nodad
ip -n gateway link set lan-gateway up
ip -n office link set eth0 up
in_ns gateway sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
in_ns_exec office "$traffic" serve 10.10.20.10 fd5a:ac3e:10:20::10 -- 10.10.30.20 >"$work/office.log" 2>&1 &

say 'A policy repository from examples/acme: 40 people, 60 devices, three sites.'
mkdir "$repo"
cp -R "$root/examples/acme/tree/." "$tree"
play gateways hq-1
play devices alice-laptop
play devices bob-laptop
git init -q --bare -b main "$work/policy.git"
git init -q -b main "$repo"
git -C "$repo" remote add origin "$work/policy.git"
# Who signs, and what the gateway is told of it when it is set up.
ssh-keygen -q -t ed25519 -N '' -C admin@acme.example -f "$work/signer" </dev/null
git -C "$repo" config gpg.format ssh
git -C "$repo" config user.signingkey "$work/signer"
git -C "$repo" config commit.gpgsign true
"$yett" init --quiet --signer "$work/signer.pub" "$tree"
cp "$tree/trust/allowed_signers" "$work/allowed_signers"
# The forge's webhook: as soon as a push is in, note the time and wake the gateway.
cat >"$work/policy.git/hooks/post-receive" <<EOF
#!/bin/sh
date +%s%3N >$work/pushed
[ ! -S $socket ] || $B/yettctl --socket $socket sync >/dev/null 2>>$work/hook.log &
EOF
chmod +x "$work/policy.git/hooks/post-receive"
commit_and_push 'The network of Acme'

cat >"$work/yettd.yaml" <<EOF
gateway: hq-1
repository: file://$work/policy.git
branch: main
interval: 2s
private_key_file: $work/hq-1.key
state_dir: $work/state
control_socket: $socket
trust: {mode: commit, allowed_signers: $work/allowed_signers}
wireguard: {backend: userspace}
EOF
mkdir -m 700 "$work/state"

say "Every commit is signed by $(cut -d' ' -f1 "$work/allowed_signers"); the gateway applies no other."
step 'yett check reads the whole tree, and yettd on the gateway makes the kernel agree with it.'
"$yett" check -C "$tree" 2>&1 | show
in_ns gateway sh -c 'exec wireguard-go wg0' >/dev/null 2>&1
started=$(now)
in_ns_exec gateway "$B/yettd" --config "$work/yettd.yaml" >"$log" 2>&1 &
pid_yettd=$!
head=$(git -C "$repo" rev-parse HEAD)
wait_for 15 applied "$head" || fail 'yettd did not apply the first commit within 15 s'
first_ms=$(($(now) - started))
in_ns gateway nft list table inet yett >/dev/null
say "   From an empty machine to a gateway with $(in_ns gateway wg show wg0 peers | wc -l) peers in $first_ms ms. yettctl status says:"
"$B/yettctl" --socket "$socket" status | show
"$yett" build --quiet -C "$tree" -o "$work/artifacts"
use_profile alice alice-laptop
use_profile bob bob-laptop

step 'Alice opens the wiki in the office, over IPv4 and over IPv6. The database does not answer her.'
in_ns alice "$traffic" get 10.10.20.10 / | show
in_ns alice "$traffic" get fd5a:ac3e:10:20::10 / | show
dropped=$(denied)
in_ns alice "$traffic" refused 10.10.30.20 5432 || fail 'the database answered Alice before anybody allowed it'
[ "$(denied)" -gt "$dropped" ] || fail "the gateway did not count Alice's packets as denied"
say "      The gateway counted $(($(denied) - dropped)) of her packets as denied."
say '   yett knows why, without asking the gateway:'
status=0
"$yett" can -C "$tree" alice-laptop resource:orders-db tcp/5432 >"$work/can" || status=$?
show <"$work/can"
[ $status -eq 1 ] || fail "yett can ended with $status, not 1 (deny)"

step 'A pull request would let Alice read the orders. Its branch is checked, and its effect shown before anybody merges.'
git -C "$repo" checkout -q -b alice-reads-orders
echo '  - user:alice' >>"$tree/groups/orders-readers.yaml"
git -C "$repo" commit -q -a -m 'Alice helps with the orders'
git -C "$repo" show --format= --unified=0 HEAD | grep '^[+-][^+-]' | show
"$yett" check -C "$repo" --rev alice-reads-orders 2>&1 | show
"$yett" diff -C "$repo" main alice-reads-orders >"$work/diff"
show <"$work/diff"
grep -q alice "$work/diff" || fail 'the access delta does not name Alice'

step 'It is merged. Alice keeps asking the database:'
git -C "$repo" checkout -q main
handshake=$(in_ns alice wg show wg0 latest-handshakes)
in_ns_exec alice "$traffic" query 10.10.30.20 10 >"$work/answer" &
query=$!
git -C "$repo" merge -q --no-ff -m 'Merge: Alice helps with the orders' alice-reads-orders
git -C "$repo" push -q origin main
wait $query || fail 'the database did not answer Alice within 10 s of the merge'
read -r answered text <"$work/answer"
grant_ms=$((answered - $(cat "$work/pushed")))
say "      $text"
say "   $grant_ms ms after the commit was in the repository. Her session went on: the same handshake as before."
[ "$(in_ns alice wg show wg0 latest-handshakes)" = "$handshake" ] || fail 'the change cost Alice a new handshake'
wait_for 5 applied "$(git -C "$repo" rev-parse HEAD)" || fail 'yettd does not say that it applied the merge'
grep 'applied' "$log" | tail -n 1 | show

step "Bob downloads a film from the wiki. In the middle of it his laptop is reported stolen and revoked."
in_ns_exec bob "$traffic" download 10.10.20.10 "$work/progress" >"$work/downloaded" &
download=$!
wait_for 5 test -s "$work/progress" || fail 'the download did not begin'
sleep 0.5
echo 'revoked: true' >>"$tree/devices/bob-laptop.yaml"
before=$(cat "$work/progress")
commit_and_push 'bob-laptop was stolen'
wait $download || fail 'the download ended with an error of its own'
read -r last bytes <"$work/downloaded"
revoke_ms=$((last - $(cat "$work/pushed")))
[ "$bytes" -ge "$before" ] || fail 'the download had stopped before the revocation'
[ "$revoke_ms" -lt 10000 ] || fail "the transfer went on for $revoke_ms ms"
[ "$revoke_ms" -gt 0 ] || revoke_ms=0
wait_for 5 applied "$(git -C "$repo" rev-parse HEAD)" || fail 'yettd does not say that it applied the revocation'
say "      $((bytes / 1024)) KiB came through; the last byte $revoke_ms ms after the commit was in the repository."
in_ns bob "$traffic" refused 10.10.20.10 80 || fail 'the wiki still answers Bob'
bob_key=$(wg pubkey <"$work/bob-laptop.key")
! in_ns gateway wg show wg0 peers | grep -qF "$bob_key" || fail "the gateway still has Bob's key"
in_ns alice "$traffic" get 10.10.20.10 / >/dev/null || fail 'Alice lost the wiki'
say '   The wiki does not answer him any more, the gateway has forgotten his key, and Alice noticed nothing.'

step 'Somebody flushes the firewall by hand. It comes back by itself.'
ruleset >"$work/ruleset.before"
repairs() { awk '/repaired in/ { n++ } END { print n + 0 }' "$log"; }
repaired=$(repairs)
more_repairs() { [ "$(repairs)" -gt "$repaired" ]; }
flushed=$(now)
in_ns gateway nft flush table inet yett
wait_for 10 same_ruleset || fail 'the ruleset did not come back within 10 s'
wait_for 10 more_repairs || fail 'nobody repaired what nft flush table took away'
wait_for 10 same_ruleset || fail 'the ruleset did not stay'
flush_ms=$(($(now) - flushed))
grep 'repaired in' "$log" | tail -n 1 | show
flushed=$(now)
in_ns gateway nft delete table inet yett
wait_for 10 same_ruleset || fail 'the deleted table did not come back within 10 s'
delete_ms=$(($(now) - flushed))
in_ns alice "$traffic" query 10.10.30.20 5 >/dev/null || fail 'the database does not answer Alice after the repair'
in_ns bob "$traffic" refused 10.10.20.10 80 || fail 'the repair let Bob in again'
say "      exactly as it was after $flush_ms ms; after nft delete table, $delete_ms ms"

kill -0 "$pid_yettd" 2>/dev/null || fail 'yettd is gone'
echo
echo 'Measured, from the commit in the repository to what packets see:'
printf '   %-46s %6d ms\n' \
	'a merge lets Alice in' "$grant_ms" \
	'a revocation stops a running transfer' "$revoke_ms" \
	'a flushed firewall is whole again (polled)' "$flush_ms" \
	'a deleted firewall is whole again (polled)' "$delete_ms"
echo "Every step held, in $((($(now) - begun + 999) / 1000)) s. Nothing is left behind: all of it ran in namespaces that end now."
kill "$pid_yettd"
wait "$pid_yettd" 2>/dev/null || true
