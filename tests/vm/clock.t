#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dates and weekly windows as the kernel's clock passes them: random trees, the clock set just before and just after each
# edge, random packets, one verdict. Only in the guest, whose clock is nobody else's.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")
yett=$build/yett
trees=${YETT_CLOCK_TREES:-2}
count=${YETT_PACKETS:-250}

if [ -z "${VM_GUEST:-}" ]; then
	echo "1..0 # SKIP sets the clock: make test-vm"
	exit 0
fi
work=$(mktemp -d)
# shellcheck source=tests/e2e/packet_gateway.bash
. tests/e2e/packet_gateway.bash
trap 'del_namespaces; rm -rf "$work"' EXIT

# Of the dates and windows that tests/e2e/randtree.py deals out, by their offsets: a Sunday's and a Wednesday's edges of
# hours, midnights in each time zone, the first moment of an expiry.
edges=(
	2020-01-01T00:00:00Z 2098-01-01T00:00:00Z
	2027-03-07T06:00:00Z 2027-03-07T08:00:00Z 2027-03-07T18:00:00Z 2027-03-08T00:00:00Z
	2027-03-10T00:30:00Z 2027-03-09T18:30:00Z 2027-03-10T16:30:00Z
	2027-03-10T08:00:00Z 2027-03-11T02:00:00Z 2027-03-10T16:00:00Z
)
echo "1..$((2 * 2 * trees * ${#edges[@]}))"
n=0
for i in $(seq "$trees"); do
	tree=$work/tree$i
	/usr/bin/python3 tests/e2e/randtree.py "$i" "$tree" windows
	"$yett" build --quiet -C "$tree" -o "$work/out$i" || exit 1
	for form in text netlink; do
		del_namespaces
		make_namespaces || { echo "Bail out! cannot make network namespaces"; exit 1; }
		if [ $form = text ]; then
			in_gw env TZ=UTC nft -f "$work/out$i/gateways/gw/ruleset.nft"
		else
			in_gw "$build/tests/e2e/load_plan" "$tree" gw >"$work/log" 2>&1
		fi || { sed 's/^/# /' "$work/log"; exit 1; }
		for edge in "${edges[@]}"; do
			for shift in -40 1; do
				n=$((n + 1))
				date -s "@$(($(date -d "$edge" +%s) + shift))" >/dev/null
				ip netns exec "$host" /usr/bin/python3 tests/e2e/packets.py "$yett" "$tree" gw "$count" "$i.$n" "$(mac_of "$gw" wg0)" >"$work/log" 2>&1
				status=$?
				[ $shift -gt 0 ] || [ "$(date +%s)" -lt "$(date -d "$edge" +%s)" ] || echo "too slow: the edge has passed" >>"$work/log"
				[ $status -eq 0 ] || printf 'not '
				echo "ok $n - seed $i, $form form, $shift s from $edge"
				[ $status -eq 0 ] || sed 's/^#* */# /' "$work/log"
			done
		done
	done
done
