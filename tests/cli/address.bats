#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# address: free ones, the same for the same name, others for other names.
load helper

setup() { cd "$BATS_TEST_TMPDIR"; }

network() { # POOLS
	mkdir -p tree
	printf 'kind: Network\nname: n\npools: [%s]\n---\nkind: Site\nname: s\n' "$1" >tree/network.yaml
}

device() { # NAME ADDRESSES
	local key
	key=$(printf '%-31.31s\n' "$1" | base64)
	printf 'kind: Device\nname: %s\ntags: [t]\npublic_key: %s\naddresses: [%s]\n' "$1" "$key" "$2" >"tree/$1.yaml"
}

@test "an address of each family, inside the pools, the same each time" {
	run -0 yett address -C "$ACME" new-laptop
	[[ "$output" =~ ^10\.90\.[0-9.]+\ fd5a:ac3e:90:[0-9a-f:]+$ ]]
	first=$output
	run -0 yett address -C "$ACME" new-laptop
	[ "$output" = "$first" ]
	run -0 yett address -C "$ACME" other-laptop
	[ "$output" != "$first" ]
}

@test "what is proposed passes check, with gateways and devices in the way" {
	network '10.9.0.0/28'
	for i in $(seq 13); do
		device "d$i" "$(yett address -C tree "d$i")"
	done
	run -0 yett check -C tree
	run -0 yett address -C tree last
	device last "$output"
	run -0 yett check -C tree
	# 16 addresses, less the network's and the broadcast address, are 14.
	run -1 --separate-stderr yett address -C tree more
	[ -z "$output" ]
	[[ "$stderr" == *'no free address left'* ]]
}

@test "--count proposes that many, all different; fewer when there are no more" {
	run -0 yett address -C "$QUICK" x --count 20
	[ "${#lines[@]}" -eq 20 ]
	[ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" -eq 20 ]
	for taken in 1 11 12 13 14; do
		[[ " ${lines[*]} " != *" 10.7.0.$taken "* ]]
	done
	run -1 --separate-stderr yett address -C "$QUICK" x -n 1000
	# Of 254 the quickstart has 4 devices and a gateway.
	[ "${#lines[@]}" -eq 249 ]
	[ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" -eq 249 ]
}

@test "the place depends on the name alone: a device elsewhere moves nothing" {
	network '10.9.0.0/16, fd00:9::/64'
	run -0 yett address -C tree x
	first=$output
	device other '10.9.77.77, fd00:9::77'
	run -0 yett address -C tree x
	[ "$output" = "$first" ]
	device x "${first/ /, }"
	run -0 yett address -C tree x
	[ "$output" != "$first" ]
}

@test "an address that a resource or a name server has is not free; a revoked device's is" {
	network '10.9.0.0/29'
	sed -i 's/^name: n$/name: n\ndns: {servers: [10.9.0.2]}/' tree/network.yaml
	printf 'kind: Resource\nname: r\nsite: s\naddresses: [10.9.0.3]\n' >tree/r.yaml
	device a 10.9.0.4
	device b 10.9.0.5
	echo 'revoked: true' >>tree/b.yaml
	run -0 yett address -C tree c -n 3
	[ "$(printf '%s\n' "${lines[@]}" | sort | tr '\n' ' ')" = '10.9.0.1 10.9.0.5 10.9.0.6 ' ]
}

@test "small pools: /32, /31, /30, /128" {
	network '10.9.0.0/32'
	run -0 yett address -C tree x
	[ "$output" = 10.9.0.0 ]
	network '10.9.0.0/31'
	run -1 yett address -C tree x -n 3
	has 10.9.0.1
	network '10.9.0.0/30, fd00::7/128'
	run -0 yett address -C tree x
	[[ "$output" =~ ^10\.9\.0\.[12]\ fd00::7$ ]]
}

@test "--format=json" {
	run -0 yett address -C "$ACME" x -n 2 --format=json
	jq -e '.name == "x" and (.proposals | length) == 2 and (.proposals[0] | length) == 2' <<<"$output"
}

@test "from a commit" {
	make_repo repo
	run -0 yett address -C repo --rev main x
	[[ "$output" == 10.7.0.* ]]
}

@test "a tree with errors, a bad name and bad counts are refused" {
	cp -R "$QUICK" tree
	echo 'addresses: [10.7.0.300]' >>tree/devices/ana-laptop.yaml
	run -1 --separate-stderr yett address -C tree x
	[ -z "$output" ]
	run -2 yett address -C "$QUICK" 'Not A Name'
	has name
	run -2 yett address -C "$QUICK"
	run -2 yett address -C "$QUICK" a b
	run -2 yett address -C "$QUICK" a -n 0
	run -2 yett address -C "$QUICK" a -n many
}
