# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests that build a whole network share: sourced inside `unshare --net --mount --pid`, with $work and $work/keys on a tmpfs of /run.

n=0 status=0
result() { # STATUS NAME, explanation on standard input
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
		grep '^#' || true
		return
	fi
	echo "not ok $n - $2"
	sed 's/^#* */# /'
	status=1
}

# A network namespace with a mount namespace and a private /run/wireguard, held by one sleeping process.
make_ns() {
	ip netns add "$1"
	ip netns exec "$1" sh -c 'mount -t tmpfs tmpfs /run/wireguard && exec sleep 300' &
	printf -v "pid_${1//-/_}" %s "$!"
	ip netns exec "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	ip -n "$1" link set lo up
}
in_ns() {
	local pid="pid_${1//-/_}"
	shift
	nsenter --target "${!pid}" --net --mount -- "$@"
}
plug_in() { # NAMESPACE NUMBER: a cable to the bridge that plays the internet
	ip link add "net-$1" type veth peer name eth0 netns "$1"
	ip link set "net-$1" master internet up
	ip -n "$1" addr add "192.0.2.$2/24" dev eth0
	ip -n "$1" addr add "2001:db8::$2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
}
start_wireguard() { # NAMESPACE
	in_ns "$1" "$PWD/tests/e2e/wireguard-device" wg0 >>"$work/wireguard.log" 2>&1
}
wait_for() { # COMMAND...
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.03
	done
	return 1
}

with_key() { # NAMESPACE FILE: wg takes away a key that the file does not name
	sed "s,^\[Interface\]$,&\nPrivateKey = $(cat "$work/keys/$1")," "$2" >"$work/$1.conf"
	in_ns "$1" wg syncconf wg0 "$work/$1.conf"
}

# --- a gateway by hand: the files as they were built ---

by_files() { # GATEWAY FOLDER
	local dir=$2/gateways/$1 prefix
	in_ns "$1" env TZ=UTC nft -f "$dir/ruleset.nft" || return
	with_key "$1" "$dir/wireguard.conf" || return
	for prefix in $(jq -r '.addresses[]' "$dir/state.json"); do
		in_ns "$1" ip addr replace "$prefix" dev wg0 || return
	done
	in_ns "$1" ip link set wg0 mtu 1420 up || return
	for prefix in $(jq -r '.routes[]' "$dir/state.json"); do
		in_ns "$1" ip route replace "$prefix" dev wg0 proto 199 || return # as yettd marks its own
	done
}

device_by_profile() { # DEVICE FOLDER
	local profile=$2/profiles/$1 prefix
	grep -vE '^(Address|MTU|DNS) = ' "$profile.conf" >"$work/$1.profile" # which wg does not know
	with_key "$1" "$work/$1.profile" || return
	in_ns "$1" ip addr flush dev wg0
	for prefix in $(sed -n 's/^Address = //p' "$profile.conf" | tr -d ,); do
		in_ns "$1" ip addr replace "$prefix" dev wg0 || return
	done
	in_ns "$1" ip link set wg0 mtu 1420 up || return
	for prefix in $(sed -n 's/^AllowedIPs = //p' "$profile.conf" | tr -d ,); do
		in_ns "$1" ip route replace "$prefix" dev wg0 || return
	done
}

each() { # COMMAND NAMES... -- ARGUMENTS...: the command for each name
	local command=$1 names=() name
	shift
	while [ "$1" != -- ]; do
		names+=("$1")
		shift
	done
	shift
	for name in "${names[@]}"; do
		"$command" "$name" "$@" || {
			echo "$command $name failed"
			return 1
		}
	done
}

handshaken() { # NAMESPACE: every peer has answered
	! in_ns "$1" wg show wg0 latest-handshakes | grep -qP '\t0$'
}
