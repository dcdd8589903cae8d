#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rulesets that strain the text form: every kind of match, large sets of boxes, thousands of classes. nft loads them and lists what was meant.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP needs root: nft_check.t loads rulesets in a network namespace'
	exit 0
fi
if [ -z "${NFT_CHECK_INSIDE:-}" ]; then
	NFT_CHECK_INSIDE=1 exec unshare --net "$BASH" "$0"
fi

yett=${B:-build}/yett
export TZ=UTC
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0 n=0
result() { # STATUS NAME, explanation on standard input
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	head -n 20 | sed 's/^/# /'
	status=1
}
loads() { # NAME RULESET
	nft -c -f "$2" >"$work/log" 2>&1
	result $? "$1: nft -c -f takes it" <"$work/log"
	nft -f "$2" >"$work/log" 2>&1 && nft -f "$2" >>"$work/log" 2>&1
	result $? "$1: it loads, and again in place of itself" <"$work/log"
	nft list table inet yett >"$work/listed" 2>"$work/log"
	result $? "$1: nft lists it" <"$work/log"
}
lists() { # NAME TEXT...
	local name=$1 text
	shift
	for text; do
		grep -qF -- "$text" "$work/listed"
		result $? "$name: $text" <"$work/listed"
	done
}

common() { # DIR
	mkdir -p "$1"
	cat >"$1/base.yaml" <<-'END'
		kind: Network
		name: net
		pools: [10.7.0.0/16, 'fd07::/64']
		---
		kind: Site
		name: hq
		networks: [10.1.0.0/16, 'fd01::/48']
		exit: true
		---
		kind: Gateway
		name: gw
		site: hq
		endpoint: 192.0.2.1:51820
		public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=
		addresses: [10.7.0.1, 'fd07::1']
		interface: wg-test.0
		---
		kind: User
		name: ana
		not_before: 2020-01-01
		expires: 2090-01-01
		---
		kind: Device
		name: laptop
		owner: ana
		public_key: E+U5JbsX9myHstmWoWF/7al9edpWtWapnHzpuMUXB2M=
		addresses: [10.7.0.11, 'fd07::11']
		networks: [192.168.7.0/24, 192.168.8.0/24, 'fd99::/64']
	END
}

policies() {
	cat <<-'END'
		kind: Policy
		name: range
		from: ['device:laptop']
		to: [10.1.0.5-10.1.0.9, 'fd01::5-fd01::9']
		ports: [tcp/443, udp/5000-5100, icmp, proto/47]
		---
		kind: Policy
		name: hours
		from: ['device:laptop']
		to: [10.1.4.0/24]
		ports: [tcp]
		when: {days: [sun, mon], hours: 22:00-06:00, timezone: '+02:00'}
		not_before: 2021-01-01
		expires: 2080-01-01
		---
		kind: Policy
		name: denied.with+every@char_acter-of.a.name
		action: deny
		priority: 5
		log: true
		from: [any]
		to: [10.1.5.0/24, 'fd01::/64']
		ports: [udp]
		---
		kind: Policy
		name: out
		from: ['device:laptop']
		to: [internet]
		ports: [tcp/80-443]
		---
		kind: Policy
		name: inward
		from: ['site:hq', 'gateway:gw']
		to: ['device:laptop']
	END
}

many_boxes() {
	printf 'kind: Policy\nname: boxes\nfrom: [any]\nto:\n'
	for i in $(seq 0 119); do printf -- '- 10.1.10.%d\n' $((2 * i)); done
	printf -- '- fd01::1:1\nports:\n'
	for i in $(seq 0 119); do printf -- '- tcp/%d-%d\n' $((1000 + 4 * i)) $((1001 + 4 * i)); done
	printf -- '- udp/77\n'
}

common "$work/kinds"
policies >"$work/kinds/policies.yaml"
"$yett" build --quiet -C "$work/kinds" -o "$work/out1" >"$work/log" 2>&1
result $? 'every kind of match builds' <"$work/log"
loads 'every kind of match' "$work/out1/gateways/gw/ruleset.nft"
lists 'every kind of match' 'ct original ip daddr 10.1.0.5-10.1.0.9' 'meta hour "20:00"-"23:59:59"' 'meta day "Sunday"' \
	'log prefix "yett denied.with+every@char_acter-of.a.name: "' 'iifname "wg-test.0"' '192.168.7.0/24 : 0x' 'masquerade'

common "$work/boxes"
many_boxes >"$work/boxes/policies.yaml"
"$yett" build --quiet -C "$work/boxes" -o "$work/out2" >"$work/log" 2>&1
result $? 'more boxes than one set holds build' <"$work/log"
loads 'many boxes' "$work/out2/gateways/gw/ruleset.nft"
[ "$(grep -c 'set b_' "$work/listed")" -eq 3 ]
result $? 'many boxes: three sets of boxes' <"$work/listed"

/usr/bin/python3 tests/bench/gen.py "$work/big" --devices 1500 --policies 300 --groups 60 --shape organic >"$work/log" 2>&1 &&
	"$yett" build --quiet -C "$work/big" -o "$work/out3" --gateway g0 >>"$work/log" 2>&1
result $? 'a thousand classes build' <"$work/log"
loads 'a thousand classes' "$work/out3/gateways/g0/ruleset.nft"
echo "1..$n"
exit $status
