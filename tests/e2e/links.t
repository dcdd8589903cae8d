#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three linked sites with real WireGuard: a gateway, a host behind it and devices in network namespaces of their own.
# First a hub, from the built files by `wg syncconf` and `nft -f`; then a mesh, by the door that yettd uses. Each end opens
# connections to every other; `yett can` says which of them are made.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}")
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: links.t makes network namespaces'
	exit 0
fi
if [ -z "${YETT_LINKS_INSIDE:-}" ]; then
	B=$B YETT_LINKS_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$0"
fi
# From here on this is process 1 of its own process namespace: what it starts ends with it.
export B LC_ALL=C.UTF-8 LOG_LEVEL=error
work=/run/links
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$work/keys" /run/wireguard /run/netns
script=$PWD/tests/e2e/links.py
links() { /usr/bin/python3 "$script" "$@"; }
yett=$B/yett
gateways='ga gb gc' devices='da db dc fa fb'
# shellcheck source=tests/e2e/network.bash
. tests/e2e/network.bash

make_site() { # LETTER INDEX
	local g=g$1 host=host-$1
	make_ns "$host"
	ip link add lan netns "$g" type veth peer name lan netns "$host"
	ip -n "$g" addr add "10.2$2.0.1/24" dev lan
	ip -n "$g" addr add "fd20:$2::1/64" dev lan nodad
	ip -n "$host" addr add "10.2$2.0.5/24" dev lan
	ip -n "$host" addr add "fd20:$2::5/64" dev lan nodad
	ip -n "$g" link set lan up
	ip -n "$host" link set lan up
	ip -n "$host" route add default via "10.2$2.0.1"
	ip -n "$host" -6 route add default via "fd20:$2::1"
	ip netns exec "$g" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

probe_all() { # FOLDER: every end asks every other
	local name namespace rest pids=()
	rm -rf "$work/probes"
	mkdir "$work/probes"
	while read -r name namespace rest; do
		in_ns "$namespace" /usr/bin/python3 "$script" probe "$name" >"$work/probes/$namespace" &
		pids+=("$!")
	done < <(links ends)
	wait "${pids[@]}"
}

can() { # TREE EXPECTED ARGUMENTS...
	local tree=$1 want=$2
	shift 2
	"$yett" can --quiet -C "$tree" "$@" >"$work/can" 2>&1
	grep -qxF "$want" "$work/can"
	result $? "yett can $*: $want" <"$work/can"
}
came() { # YES-OR-NO FROM TO PORT: in both families
	local hits
	hits=$(cat "$work"/probes/* | awk -v f="$2" -v t="$3" -v p="$4" -v a="$1" '$1 == f && $2 == t && $4 == p && $5 == a' | wc -l)
	[ "$hits" -eq 2 ]
	result $? "$2 to $3 port $4: $1" < <(grep -h "^$2 $3 " "$work"/probes/*)
}

# --- the network ---

ip link set lo up
ip link add internet type bridge
ip link set internet up
i=0
for name in $gateways $devices; do
	i=$((i + 1))
	make_ns "$name"
	plug_in "$name" "$i"
	(umask 077 && wg genkey >"$work/keys/$name")
	wg pubkey <"$work/keys/$name" >"$work/keys/$name.pub"
done
make_site a 0
make_site b 1
make_site c 2
for name in $gateways $devices; do
	wait_for in_ns "$name" test -d /run/wireguard
	start_wireguard "$name" || { echo "Bail out! wireguard-go does not start in $name"; exit 1; }
done
while read -r _ namespace _; do
	in_ns "$namespace" /usr/bin/python3 "$script" serve &
done < <(links ends)

# --- a hub, by the files ---

links tree "$work/hub" hub "$work/keys"
"$yett" build -C "$work/hub" -o "$work/out-hub" >"$work/log" 2>&1
result $? 'the tree of a hub builds' <"$work/log"
# shellcheck disable=SC2086
each by_files $gateways -- "$work/out-hub" >"$work/log" 2>&1 && each device_by_profile $devices -- "$work/out-hub" >>"$work/log" 2>&1
result $? 'wg, nft and ip take the built files' <"$work/log"
wait_for handshaken ga && wait_for handshaken gc
result $? 'the gateways find each other' < <(for name in $gateways; do in_ns "$name" wg show wg0; done)
wait_for handshaken fa
probe_all
links judge "$yett" "$work/hub" "$work"/probes/* >"$work/log"
result $? 'hub: connections are made exactly as yett can says' <"$work/log"
can "$work/hub" 'path: ga -> gb -> gc' site:a 10.22.0.5 tcp/80
came yes site:a site:c 80
came no site:a site:c 81
came no site:c site:a 80
came yes site:b site:a 81
can "$work/hub" 'path: ga -> gb -> gc' da fd09::13 tcp/80
came no device:da device:dc 80
came yes device:dc device:da 80
came yes device:da device:db 80
can "$work/hub" 'path: ga' fa 10.9.0.15 tcp/80
came yes device:fa device:fb 80
came yes device:fb device:fa 80
can "$work/hub" 'path: gb -> gc' db gateway:gc tcp/80
came yes device:db gateway:gc 80
came yes gateway:ga site:c 80
came no gateway:ga site:b 80
came yes site:a device:dc 80
can "$work/hub" 'path: no gateway carries it' da 10.22.0.5 tcp/80
came no device:da site:c 80

# --- what the artifacts of links say ---

jq -r '.ways[] | "\(.site) \(.hub) \(.path | join(">")) \(.route_here)"' "$work/out-hub/links/ga/links.json" >"$work/log"
diff "$work/log" - <<<$'b null ga>gb true\nc b ga>gb>gc true' >"$work/diff"
result $? 'links.json names the ways of the site' <"$work/diff"
[ "$(jq -r '.peers[] | "\(.gateway) \(.endpoint) \(.link)"' "$work/out-hub/links/gc/links.json")" = 'gb 192.0.2.2:51820 wan' ]
result $? 'and the gateways at the other end' <"$work/out-hub/links/gc/links.json"
in_ns gc wg addconf wg0 "$work/out-hub/links/gc/wireguard.conf" >"$work/log" 2>&1 && handshaken gc
result $? 'wg addconf takes the peers alone, and the key stays' <"$work/log"

# --- a mesh in its place, by yettd's door ---

links tree "$work/mesh" mesh "$work/keys"
"$yett" build -C "$work/mesh" -o "$work/out-mesh" >"$work/log" 2>&1
result $? 'the tree of a mesh builds' <"$work/log"
apply() { in_ns "$1" "$B/tests/e2e/apply_plan" "$work/mesh" "$1" "$work/keys/$1"; }
# shellcheck disable=SC2086
each apply $gateways -- >"$work/log" 2>&1 && each device_by_profile $devices -- "$work/out-mesh" >>"$work/log" 2>&1
result $? 'what the kernel and WireGuard hold is the plan, endpoints too' <"$work/log"
wait_for handshaken ga && wait_for handshaken gc
probe_all
links judge "$yett" "$work/mesh" "$work"/probes/* >"$work/log"
result $? 'mesh: connections are made exactly as yett can says' <"$work/log"
can "$work/mesh" 'path: ga -> gc' site:a 10.22.0.5 tcp/80
came yes site:a site:c 80
came yes device:dc device:da 80
came no device:da device:dc 80
came yes site:a device:dc 80

# Somebody takes a gateway away: the plan puts it back.
in_ns ga wg set wg0 peer "$(cat "$work/keys/gc.pub")" remove
each apply ga -- >"$work/log" 2>&1
result $? 'a peer that somebody removed is put back' <"$work/log"
in_ns ga wg show wg0 endpoints | grep -qF "$(printf '%s\t%s' "$(cat "$work/keys/gc.pub")" '[2001:db8::3]:51820')"
result $? 'with its endpoint' < <(in_ns ga wg show wg0)
echo "1..$n"
exit $status
