#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Devices that reach each other where their home has several gateways: real WireGuard in network namespaces, gateways and devices by
# the files that were built. With every gateway for everybody, with one for each device, while one drains and when it is
# gone, each device asks each other one, at its own home and over a link; `yett can` says which of them answer.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}")
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: meeting.t makes network namespaces'
	exit 0
fi
if [ -z "${YETT_MEETING_INSIDE:-}" ]; then
	B=$B YETT_MEETING_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$0"
fi
# From here on this is process 1 of its own process namespace: what it starts ends with it.
export B LC_ALL=C.UTF-8 LOG_LEVEL=error PYTHONDONTWRITEBYTECODE=1
work=/run/meeting
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$work/keys" /run/wireguard /run/netns
# shellcheck source=tests/e2e/network.bash
. tests/e2e/network.bash
script=$PWD/tests/e2e
meeting() { /usr/bin/python3 "$script/meeting.py" "$@"; }
yett=$B/yett
mapfile -t gateways < <(meeting names | grep -oE '^[ab][0-9]')
mapfile -t devices < <(meeting names | grep -oE '^[de][0-9]')

probe_all() { # every device asks every other
	local d pids=()
	rm -rf "$work/probes"
	mkdir "$work/probes"
	for d in "${devices[@]}"; do
		in_ns "$d" /usr/bin/python3 "$script"/meeting.py probe "device:$d" >"$work/probes/$d" &
		pids+=("$!")
	done
	wait "${pids[@]}"
}
# A tunnel to a peer in maintenance stays silent; between those that answer there are sessions before the first question.
settled() {
	local d key
	for d in "${devices[@]}"; do
		in_ns "$d" wg show wg0 latest-handshakes >"$work/shakes"
		for key in $(for g in $1; do cat "$work/keys/$g.pub"; done); do
			! grep -qP "^\Q$key\E\t0\$" "$work/shakes" || return 1
		done
	done
}
deploy() { # NAME POLICIES REDUNDANCY [GATEWAY=STATE...]; SKIP_DEVICES: those that keep the profile they have
	local tree=$work/$1 out=$work/out-$1 d news=()
	shift
	meeting tree "$tree" "$work/keys" "$@"
	"$yett" build -C "$tree" -o "$out" && each by_files "${gateways[@]}" -- "$out" || return
	for d in "${devices[@]}"; do
		case " ${SKIP_DEVICES:-} " in *" $d "*) ;; *) news+=("$d") ;; esac
	done
	each device_by_profile "${news[@]}" -- "$out"
}
phase() { # WORDS NAME...: deploys, asks, compares
	local words=$1
	shift
	deploy "$@" >"$work/log" 2>&1
	result $? "$words: wg, nft and ip take the built files" <"$work/log"
	wait_for settled "${ANSWERING:-${gateways[*]}}"
	probe_all
	meeting judge "$yett" "$work/$1" "$work"/probes/* >"$work/log"
	result $? "$words: devices reach each other exactly as yett can says" <"$work/log"
}
path() { # TREE FROM TO: the gateways that can names
	"$yett" can --quiet -C "$work/$1" "$2" "device:$3" tcp/80 | sed -n 's/^path: //p'
}
came() { # YES-OR-NO FROM TO PORT
	local hits
	hits=$(cat "$work"/probes/* | awk -v f="device:$2" -v t="device:$3" -v p="$4" -v a="$1" '$1 == f && $2 == t && $4 == p && $5 == a' | wc -l)
	[ "$hits" -eq 2 ]
	result $? "$2 to $3 port $4: $1" < <(grep -h "^device:$2 device:$3 " "$work"/probes/*)
}
has() { # TREE GATEWAY DEVICE: as a peer
	grep -qF "$(cat "$work/keys/$3.pub")" "$work/out-$1/gateways/$2/wireguard.conf"
}

# --- the network ---

ip link set lo up
ip link add internet type bridge
ip link set internet up
while read -r name number; do
	make_ns "$name"
	plug_in "$name" "$number"
	(umask 077 && wg genkey >"$work/keys/$name")
	wg pubkey <"$work/keys/$name" >"$work/keys/$name.pub"
done < <(meeting names)
for name in "${gateways[@]}"; do
	ip netns exec "$name" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
done
for name in "${gateways[@]}" "${devices[@]}"; do
	wait_for in_ns "$name" test -d /run/wireguard
	start_wireguard "$name" || { echo "Bail out! wireguard-go does not start in $name"; exit 1; }
done
for name in "${devices[@]}"; do
	in_ns "$name" /usr/bin/python3 "$script"/links.py serve &
done

# --- every gateway for everybody ---

phase 'all gateways' all all all
came yes d1 d2 80
came yes d5 e1 80
meet=$(path all d1 d2)
meet=${meet%%,*}
[ -n "$meet" ] && [ "$(path all d2 d1)" = "$(path all d1 d2)" ] && [ "$(path all d5 d3)" = "$(path all d1 d2)" ]
result $? "one path for all of a home" <<<"# $(path all d1 d2)"

# --- one gateway for each ---

phase 'one gateway each' one all 1
came yes d1 d2 80
came yes e1 e2 80
[ "$(path one d1 d2)" = "$meet" ]
result $? "they meet at the one that was first before" <<<"# $(path one d1 d2)"

# --- only some of them have anything to say to each other ---

phase 'some pairs' some some 1
came yes d1 d2 80
came no d2 d1 80
came yes d3 d4 81
came no d3 d4 80
came yes d1 e1 80
came yes e2 d3 80
came no d5 d1 80
wrong=0
for d in d1 d2 d3 d4; do has some "$meet" "$d" || wrong=1; done
result $wrong "who takes part is a peer of $meet" </dev/null
count=0
for g in a1 a2 a3; do has some "$g" d5 && count=$((count + 1)); done
[ $count -eq 1 ]
result $? "who does not has the one gateway that the site's redundancy says" <<<"# $count"

# --- it drains: old profiles meet there, new ones elsewhere ---

SKIP_DEVICES='d1 d2' deploy drain all 1 "$meet=draining" >"$work/log" 2>&1
result $? "$meet drains, and d1 and d2 keep their profiles" <"$work/log"
other=$(path drain d4 d5)
other=${other%%,*}
[ "$other" != "$meet" ] && grep -qF "$meet" <<<"$(path drain d4 d5)"
result $? "can names both, the new one first" <<<"# $(path drain d4 d5)"
wait_for settled "$other"
probe_all
came yes d1 d2 80
came yes d4 d5 80
came yes d5 d3 80

# --- it is gone ---

ANSWERING=$(for g in "${gateways[@]}"; do [ "$g" = "$meet" ] || echo "$g"; done) phase "$meet in maintenance" gone all 1 "$meet=maintenance"
[ "$(path gone d1 d2)" = "$other" ]
result $? "they meet at $other" <<<"# $(path gone d1 d2)"
came yes d1 d2 80
came yes d4 e3 80
echo "1..$n"
exit $status
