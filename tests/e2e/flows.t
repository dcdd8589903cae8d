#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real flows through the loaded ruleset: both directions, every way across the gateway, ICMP errors, fragments, extension headers,
# revocation in the middle, the edges of dates and windows, masquerading. In the text form and in the one of netlink.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")
yett=$build/yett
form=''

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: flows.t makes network namespaces"
	exit 0
fi
work=$(mktemp -d)
gw=yf-gw-$$ a=yf-a-$$ b=yf-b-$$ srv=yf-srv-$$
children=()
cleanup() {
	local p
	for p in "${children[@]}"; do kill "$p" 2>/dev/null; done
	for p in "$gw" "$a" "$b" "$srv"; do ip netns del "$p" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT

n=0
status=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $form: $name"
	else
		echo "not ok $n - $form: $name"
		echo "# failed: $*"
		sed 's/^/# /' "$work/said"
		status=1
	fi
}
is() { # GOT WANTED
	[ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }
}
waits() { # COMMAND... within 20 s
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
in_ns() { local ns=$1; shift; ip netns exec "$ns" "$@"; }
flows() { local ns=$1; shift; in_ns "$ns" /usr/bin/python3 tests/e2e/flows.py "$@"; }
# ask NAMESPACE WHAT FROM TO [OPTION]...; passes and blocked wait longer for what they expect.
ask() { local ns=$1; shift; flows "$ns" ask "$@"; }
passes() { is "$(ask "$@" patient)" yes; }
blocked() { is "$(ask "$@")" no; }

# ---- four machines: two devices and the gateway on a bridge that stands for WireGuard, a server behind it ----

sysctls() { local ns=$1; shift; in_ns "$ns" sysctl -qw "$@" 2>/dev/null; }
device() { # NAMESPACE NUMBER: its addresses, and all else by the gateway
	ip -n "$gw" link add "p$2" type veth peer name eth0 netns "$1"
	ip -n "$gw" link set "p$2" master wg0 up
	sysctls "$1" net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0 net.ipv4.ping_group_range="0 2147483647"
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
	ip -n "$1" addr add "10.9.0.$2/32" dev eth0
	ip -n "$1" addr add "fd09::$2/128" dev eth0 nodad
	ip -n "$1" route add 10.9.0.1/32 dev eth0
	ip -n "$1" route add default via 10.9.0.1 dev eth0
	ip -n "$1" -6 route add fd09::1/128 dev eth0
	ip -n "$1" -6 route add default via fd09::1 dev eth0
	# WireGuard has no neighbours to discover.
	ip -n "$gw" neigh replace "fd09::$2" lladdr "$(mac_of "$1" eth0)" dev wg0 nud permanent
	ip -n "$1" neigh replace fd09::1 lladdr "$(mac_of "$gw" wg0)" dev eth0 nud permanent
}
mac_of() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
for ns in "$gw" "$a" "$b" "$srv"; do
	ip netns add "$ns" || { echo "Bail out! cannot make network namespaces"; exit 1; }
done
sysctls "$gw" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.all.accept_dad=0 net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 \
	net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.ping_group_range="0 2147483647"
sysctls "$gw" net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
ip -n "$gw" link set lo up
ip -n "$gw" link add wg0 address 02:00:00:00:09:01 type bridge
ip -n "$gw" link set wg0 up
ip -n "$gw" addr add 10.9.0.1/32 dev wg0
ip -n "$gw" addr add fd09::1/128 dev wg0 nodad
ip -n "$gw" route add 10.9.0.0/24 dev wg0
ip -n "$gw" -6 route add fd09::/64 dev wg0
device "$a" 11
device "$b" 12
ip -n "$gw" link add eth0 type veth peer name eth0 netns "$srv"
ip -n "$gw" link set eth0 up
ip -n "$gw" addr add 10.20.0.1/24 dev eth0
ip -n "$gw" addr add fd20::1/64 dev eth0 nodad
sysctls "$srv" net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.ping_group_range="0 2147483647"
ip -n "$srv" link set lo up
ip -n "$srv" link set eth0 up
ip -n "$srv" addr add 10.20.0.5/24 dev eth0
ip -n "$srv" addr add fd20::5/64 dev eth0 nodad
ip -n "$srv" route add default via 10.20.0.1
ip -n "$srv" -6 route add default via fd20::1
# Behind the server a link that takes 1300 bytes, so that a router other than the gateway has to say so.
ip -n "$srv" link add narrow type veth peer name nowhere
ip -n "$srv" link set nowhere up
ip -n "$srv" link set narrow mtu 1300 up
ip -n "$srv" neigh replace 10.20.1.9 lladdr 02:00:00:00:00:09 dev narrow nud permanent
ip -n "$srv" neigh replace fd21::9 lladdr 02:00:00:00:00:09 dev narrow nud permanent
ip -n "$srv" addr add 10.20.1.1/24 dev narrow
ip -n "$srv" addr add fd21::1/64 dev narrow nodad
ip -n "$gw" route add 10.20.1.0/24 via 10.20.0.5
ip -n "$gw" -6 route add fd21::/64 via fd20::5

serve() { # NAMESPACE PORT...
	local ns=$1
	shift
	: >"$work/serve-$ns"
	ip netns exec "$ns" /usr/bin/python3 tests/e2e/flows.py serve "$@" >"$work/serve-$ns" 2>&1 &
	children+=($!)
	waits grep -q ready "$work/serve-$ns"
}
serve "$srv" tcp/8080 tcp/8081 tcp/8100 udp/5300 udp/5301 udp/5400 udp/5401 udp/5402 udp/5403 udp/5404 udp/5405 udp/5406 udp/5407
serve "$a" tcp/7000 udp/7000 tcp/7200
serve "$b" tcp/7000 tcp/7001 udp/7000 tcp/7100 tcp/7200
serve "$gw" tcp/2222 tcp/2223

# ---- the tree ----

key() { printf '%s' "$1" | sha256sum | cut -c1-64 | xxd -r -p | base64; }
tree=$work/tree
write_tree() { # [LINE]...: more documents
	rm -rf "$tree" && mkdir -p "$tree"
	cat >"$tree/net.yaml" <<END
kind: Network
name: example
pools: [10.9.0.0/24, "fd09::/64"]
---
kind: Site
name: office
networks: [10.20.0.0/23, "fd20::/64", "fd21::/64"]
---
kind: Gateway
name: gw
site: office
endpoint: vpn.example.com:51820
public_key: $(key gw)
addresses: [10.9.0.1, "fd09::1"]
nat: ${nat:-none}
---
kind: User
name: ana
---
kind: User
name: ben
---
kind: Device
name: ana-laptop
owner: ana
public_key: $(key a)
addresses: [10.9.0.11, "fd09::11"]
---
kind: Device
name: ben-laptop
owner: ben
public_key: $(key b)
addresses: [10.9.0.12, "fd09::12"]
END
	printf '%s\n' "$@" >"$tree/more.yaml"
}
policy() { # NAME FROM TO PORTS [LINE]...
	local name=$1 from=$2 to=$3 ports=$4
	shift 4
	printf 'kind: Policy\nname: %s\nfrom: [%s]\nto: [%s]\nports: [%s]\n' "$name" "$from" "$to" "$ports"
	printf '%s\n' "$@" ---
}
everyday() {
	policy web user:ana '10.20.0.5, "fd20::5"' 'tcp/8080, udp/5300, udp/5310-5320, icmp'
	policy narrow user:ana '10.20.1.0/24, "fd21::/64"' 'udp/5300'
	policy to-ben user:ana device:ben-laptop 'tcp/7000, udp/7000'
	policy admin user:ana gateway:gw tcp/2222
	policy office site:office device:ben-laptop tcp/7100
	policy probe gateway:gw device:ana-laptop 'icmp, tcp/7200'
}
load() { # the tree as it is now, in this form; what flows go on is what the kernel remembers
	rm -rf "$work/out"
	if [ "$form" = text ]; then
		"$yett" build --quiet -C "$tree" -o "$work/out" && in_ns "$gw" env TZ=UTC nft -f "$work/out/gateways/gw/ruleset.nft"
	else
		in_ns "$gw" "$build/tests/e2e/load_plan" "$tree" gw
	fi
}

run_form() {
	write_tree "$(everyday)"
	ok "the everyday tree loads" load
	local v s d bb g
	for v in 4 6; do
		case $v in
		4) s=10.20.0.5 d=10.9.0.11 bb=10.9.0.12 g=10.9.0.1 ;;
		6) s=fd20::5 d=fd09::11 bb=fd09::12 g=fd09::1 ;;
		esac
		ok "IPv$v: a device reaches what it may, TCP" passes "$a" tcp/8080 $d $s
		ok "IPv$v: UDP" passes "$a" udp/5300 $d $s
		ok "IPv$v: an echo request" passes "$a" icmp $d $s
		ok "IPv$v: another port not" blocked "$a" tcp/8081 $d $s
		ok "IPv$v: another port not, UDP" blocked "$a" udp/5301 $d $s
		ok "IPv$v: another device not" blocked "$b" tcp/8080 $bb $s
		ok "IPv$v: the server begins nothing of its own" blocked "$srv" tcp/7000 $s $d
		ok "IPv$v: a device reaches a device" passes "$a" tcp/7000 $d $bb
		ok "IPv$v: with UDP" passes "$a" udp/7000 $d $bb
		ok "IPv$v: on its ports alone" blocked "$a" tcp/7001 $d $bb
		ok "IPv$v: and not the other way round" blocked "$b" tcp/7000 $bb $d
		ok "IPv$v: the gateway's own address" passes "$a" tcp/2222 $d $g
		ok "IPv$v: on its port alone" blocked "$a" tcp/2223 $d $g
		ok "IPv$v: for those who may" blocked "$b" tcp/2222 $bb $g
		ok "IPv$v: the office reaches a device" passes "$srv" tcp/7100 $s $bb
		ok "IPv$v: on its port alone" blocked "$srv" tcp/7200 $s $bb
		ok "IPv$v: the gateway reaches a device" passes "$gw" tcp/7200 $g $d
		ok "IPv$v: with an echo request" passes "$gw" icmp $g $d
		ok "IPv$v: another one not" blocked "$gw" tcp/7200 $g $bb
		# ICMP errors belong to their flow.
		ok "IPv$v: port unreachable comes back to who may ask" is "$(ask "$a" udp/5310 $d $s patient)" refused
		ok "IPv$v: to who may not ask nothing comes" blocked "$b" udp/5310 $bb $s
		rm -f "$work/hears"
		in_ns "$a" /usr/bin/python3 tests/e2e/flows.py hears "$work/hears" 2 >"$work/heard" &
		local ears=$!
		waits test -s "$work/hears"
		flows "$srv" forge $s $d 40000 5300
		wait "$ears"
		ok "IPv$v: an error about a flow that nobody began is dropped" is "$(cat "$work/heard")" 0
		ok "IPv$v: fragments of what is allowed arrive, and come back" passes "$a" udp/5300 $d $s size=5000
		ok "IPv$v: fragments of what is not do not" blocked "$a" udp/5301 $d $s size=5000
		ok "IPv$v: between devices too" passes "$a" udp/7000 $d $bb size=5000
	done
	ok "IPv6: destination options change nothing" passes "$a" udp/5300 fd09::11 fd20::5 destination-options
	ok "IPv6: hop-by-hop options neither" passes "$a" udp/5300 fd09::11 fd20::5 hop-by-hop
	ok "IPv6: TCP behind both" passes "$a" tcp/8080 fd09::11 fd20::5 destination-options hop-by-hop
	ok "IPv6: nor do they open another port" blocked "$a" udp/5301 fd09::11 fd20::5 destination-options hop-by-hop
	ok "IPv6: nor with TCP" blocked "$a" tcp/8081 fd09::11 fd20::5 destination-options
	ok "IPv6: fragments behind options arrive" passes "$a" udp/5300 fd09::11 fd20::5 destination-options size=5000

	# Too big for a link: said by the gateway itself, and by a router behind it.
	ip -n "$gw" link set eth0 mtu 1400
	ok "the gateway's own packet too big comes back" is "$(ask "$a" udp/5300 10.9.0.11 10.20.0.5 size=1450 dont-fragment patient)" "too-big 1400"
	ok "of IPv6 too" is "$(ask "$a" udp/5300 fd09::11 fd20::5 size=1430 dont-fragment patient)" "too-big 1400"
	ip -n "$gw" link set eth0 mtu 1500
	ok "another router's packet too big comes back" is "$(ask "$a" udp/5300 10.9.0.11 10.20.1.9 size=1380 dont-fragment patient)" "too-big 1300"
	ok "of IPv6 too" is "$(ask "$a" udp/5300 fd09::11 fd21::9 size=1360 dont-fragment patient)" "too-big 1300"
	ok "not to who may not ask" blocked "$b" udp/5300 10.9.0.12 10.20.1.9 size=1380 dont-fragment

	revocation
	dates
	masquerade
	neighbours
}

# ---- in the middle of a flow ----

word() { cut -d' ' -f"$1" "$2"; }
grows() { # FILE FIELD: its number grows
	local was
	was=$(word "$2" "$1") && waits sh -c '[ "$(cut -d" " -f"$2" "$1")" -gt "$(($3 + 3))" ]' sh "$1" "$2" "$was"
}
stream() { # NAME NAMESPACE WHAT FROM TO
	local name=$1 ns=$2
	shift 2
	ip netns exec "$ns" /usr/bin/python3 tests/e2e/flows.py stream "$@" "$work/stream-$name" >"$work/stream-$name.log" 2>&1 &
	children+=($!)
	streams+=($!)
	waits test -s "$work/stream-$name"
}
quiet() { # NAMESPACE: nothing but neighbour discovery arrives in a second
	in_ns "$1" timeout 1 tcpdump -nni eth0 -Q in "ip or (ip6 and not icmp6)" 2>/dev/null | grep -c . >"$work/quiet"
	is "$(cat "$work/quiet")" 0
}
revocation() {
	streams=()
	stream tcp4 "$a" tcp/8080 10.9.0.11 10.20.0.5
	stream udp4 "$a" udp/5300 10.9.0.11 10.20.0.5
	stream tcp6 "$a" tcp/8080 fd09::11 fd20::5
	stream hairpin "$a" tcp/7000 10.9.0.11 10.9.0.12
	local s
	for s in tcp4 udp4 tcp6 hairpin; do
		ok "the flow $s is heard" grows "$work/stream-$s" 2
	done
	write_tree "$(everyday | sed -e 's/^name: web$/&\nenabled: false/' -e 's/^name: to-ben$/&\nenabled: false/')"
	ok "the revocation loads" load
	ok "at once nothing of the device arrives at the server" quiet "$srv"
	ok "nor anything at the device" quiet "$a"
	ok "nor at the other device" quiet "$b"
	for s in tcp4 udp4 tcp6 hairpin; do
		word 2 "$work/stream-$s" >"$work/was-$s"
	done
	write_tree "$(everyday)"
	ok "granted again" load
	for s in tcp4 udp4 tcp6 hairpin; do
		ok "the flow $s goes on" grows "$work/stream-$s" 2
	done
	write_tree "$(everyday | sed -e 's/tcp.8080, udp.5300, /udp\/5300, /')"
	ok "one port revoked" load
	ok "stops the flow on it" waits stands tcp4
	ok "and not the other" grows "$work/stream-udp4" 2
	for s in "${streams[@]}"; do kill "$s" 2>/dev/null; done
}
stands() { # NAME: the flow hears nothing for a second
	local was
	was=$(word 2 "$work/stream-$1")
	sleep 1
	[ "$(word 2 "$work/stream-$1")" = "$was" ]
}

# ---- dates and windows: the kernel's clock decides, nobody loads anything in between ----

clock() { date -u -d "@$1" "+$2"; }
dated() { # edges at $1, seconds
	policy ends user:ana 10.20.0.5 udp/5400 "expires: $(clock "$1" %Y-%m-%dT%H:%M:%SZ)"
	policy begins user:ana 10.20.0.5 udp/5401 "not_before: $(clock "$1" %Y-%m-%dT%H:%M:%SZ)"
	policy pause user:ana 10.20.0.5 udp/5402
	policy pauses user:ana 10.20.0.5 udp/5402 'action: deny' "not_before: $(clock "$1" %Y-%m-%dT%H:%M:%SZ)" \
		"expires: $(clock $(($1 + 6)) %Y-%m-%dT%H:%M:%SZ)"
}
day_of() { clock "$1" %a | tr '[:upper:]' '[:lower:]'; }
windows() { # around $1, seconds: windows in it, before it, after it, over midnight, elsewhere
	local now=$1
	policy inside user:ana 10.20.0.5 udp/5400 "when: {hours: \"$(clock $((now - 3600)) %H:%M)-$(clock $((now + 3600)) %H:%M)\"}"
	policy before user:ana 10.20.0.5 udp/5401 "when: {hours: \"$(clock $((now - 7200)) %H:%M)-$(clock $((now - 300)) %H:%M)\"}"
	policy after user:ana 10.20.0.5 udp/5402 "when: {hours: \"$(clock $((now + 300)) %H:%M)-$(clock $((now + 7200)) %H:%M)\"}"
	policy today user:ana 10.20.0.5 udp/5403 "when: {days: [$(day_of "$now")]}"
	policy tomorrow user:ana 10.20.0.5 udp/5404 "when: {days: [$(day_of $((now + 86400)))]}"
	policy far user:ana 10.20.0.5 udp/5405 \
		"when: {hours: \"$(clock $((now - 3600 + 50400)) %H:%M)-$(clock $((now + 3600 + 50400)) %H:%M)\", days: [$(day_of $((now - 3600 + 50400)))], timezone: \"+14:00\"}"
	policy wrong-day user:ana 10.20.0.5 udp/5406 \
		"when: {hours: \"$(clock $((now - 3600 + 50400)) %H:%M)-$(clock $((now + 3600 + 50400)) %H:%M)\", days: [$(day_of $((now - 3600 + 50400 - 172800)))], timezone: \"+14:00\"}"
	policy minute user:ana 10.20.0.5 udp/5407 "when: {hours: \"$(clock $((now + 60)) %H:%M)-$(clock $((now + 120)) %H:%M)\"}"
}
at_edge() { # T PORT BEFORE AFTER: what is answered before T, and what after
	local got seen=''
	while got=$(ask "$a" "udp/$2" 10.9.0.11 10.20.0.5 wait=0.5) && [ "$(date +%s)" -lt "$1" ]; do
		[ "$got" = "$3" ] && seen=$got
		[ "$got" = "$3" ] || [ "$3" = yes ] || { echo "before its time: $got"; return 1; } # a yes may be late on a busy machine
	done
	is "$seen" "$3" || return 1
	sleep 0.2
	if [ "$4" = yes ]; then
		passes "$a" "udp/$2" 10.9.0.11 10.20.0.5
	else
		blocked "$a" "udp/$2" 10.9.0.11 10.20.0.5 wait=1
	fi
}
dates() {
	local edge t minute
	edge=$(($(date +%s) + 8))
	write_tree "$(dated "$edge")"
	ok "policies with a date of this very minute load" load
	at_edge "$edge" 5400 yes no >"$work/edge-ends" 2>&1 &
	local ends=$!
	at_edge "$edge" 5401 no yes >"$work/edge-begins" 2>&1 &
	local begins=$!
	at_edge "$edge" 5402 yes no >"$work/edge-denial" 2>&1 &
	local denial=$!
	wait "$ends"
	ok "access ends at its date" is "$?$(cat "$work/edge-ends")" 0
	wait "$begins"
	ok "begins at its date" is "$?$(cat "$work/edge-begins")" 0
	wait "$denial"
	ok "a denial begins at its date" is "$?$(cat "$work/edge-denial")" 0
	waits after $((edge + 6))
	ok "and is over at its date" passes "$a" udp/5402 10.9.0.11 10.20.0.5

	# Not in the last seconds of a minute, so that the windows are those of the minute in which they are tried.
	while t=$(date +%s) && [ $((t % 60)) -gt 40 ]; do sleep 1; done
	minute=$((t - t % 60))
	write_tree "$(windows "$minute")"
	ok "windows around now load" load
	ok "inside hours" passes "$a" udp/5400 10.9.0.11 10.20.0.5
	ok "after hours" blocked "$a" udp/5401 10.9.0.11 10.20.0.5
	ok "before hours" blocked "$a" udp/5402 10.9.0.11 10.20.0.5
	ok "on its day" passes "$a" udp/5403 10.9.0.11 10.20.0.5
	ok "on another day" blocked "$a" udp/5404 10.9.0.11 10.20.0.5
	ok "hours and a day of a far time zone" passes "$a" udp/5405 10.9.0.11 10.20.0.5
	ok "the same hours of another day there" blocked "$a" udp/5406 10.9.0.11 10.20.0.5
	if [ "$form" = netlink ]; then # one wait of up to a minute is enough
		ok "a window begins with its minute" at_edge $((minute + 60)) 5407 no yes
	fi
}
after() { [ "$(date +%s)" -gt "$1" ]; }

# ---- masquerading ----

masquerade() {
	nat=masquerade write_tree "$(everyday)"
	ok "a gateway that masquerades loads" load
	rm -f "$work/dump"
	in_ns "$srv" timeout 10 tcpdump -nni eth0 -c 1 "udp dst port 5300" >"$work/dump" 2>/dev/null &
	local dump=$!
	ok "what may pass passes" passes "$a" udp/5300 10.9.0.11 10.20.0.5
	ask "$a" udp/5300 10.9.0.11 10.20.0.5 >/dev/null
	wait "$dump"
	ok "from the gateway's address" grep -q 'IP 10\.20\.0\.1\.' "$work/dump"
	ok "TCP too" passes "$a" tcp/8080 10.9.0.11 10.20.0.5
	ok "and IPv6" passes "$a" tcp/8080 fd09::11 fd20::5
	ok "what may not does not" blocked "$a" tcp/8081 10.9.0.11 10.20.0.5
	ok "nor another device" blocked "$b" tcp/8080 10.9.0.12 10.20.0.5
	ok "between devices nobody is disguised" passes "$a" tcp/7000 10.9.0.11 10.9.0.12
	ok "errors find their way back" is "$(ask "$a" udp/5310 10.9.0.11 10.20.0.5 patient)" refused
	ok "fragments too" passes "$a" udp/5300 10.9.0.11 10.20.0.5 size=5000
	nat=none
}

# ---- beside other programs' rules ----

neighbours() {
	write_tree "$(everyday)"
	ok "the everyday tree once more" load
	in_ns "$gw" nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; ct state established,related accept; }; }'
	ok "a foreign FORWARD policy drops what we accept" blocked "$a" udp/5300 10.9.0.11 10.20.0.5
	in_ns "$gw" nft 'insert rule ip filter FORWARD iifname wg0 accept; insert rule ip filter FORWARD oifname wg0 accept'
	ok "after what W_FOREIGN_DROP says to type it passes" passes "$a" udp/5300 10.9.0.11 10.20.0.5
	ok "between devices too" passes "$a" tcp/7000 10.9.0.11 10.9.0.12
	ok "from the office too" passes "$srv" tcp/7100 10.20.0.5 10.9.0.12
	ok "and what we deny stays denied" blocked "$a" udp/5301 10.9.0.11 10.20.0.5
	in_ns "$gw" nft delete table ip filter
	in_ns "$gw" nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; ct state established,related accept; reject with icmpx admin-prohibited; }; }'
	ok "a foreign reject does so too" not passes_soon "$a" udp/5300 10.9.0.11 10.20.0.5
	in_ns "$gw" nft 'insert rule inet firewalld filter_FORWARD iifname wg0 accept; insert rule inet firewalld filter_FORWARD oifname wg0 accept'
	ok "and no more" passes "$a" udp/5300 10.9.0.11 10.20.0.5
	in_ns "$gw" nft delete table inet firewalld
	in_ns "$gw" nft 'table ip early { chain pre { type filter hook forward priority -300; accept; }; }'
	ok "a foreign accept before ours opens nothing" blocked "$a" udp/5301 10.9.0.11 10.20.0.5
	in_ns "$gw" nft delete table ip early
}
not() { ! "$@"; }
passes_soon() { is "$(ask "$@")" yes; }

for form in ${1:-netlink text}; do
	in_ns "$gw" nft flush ruleset
	run_form
done
echo "1..$n"
exit $status
