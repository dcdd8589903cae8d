#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# can, who, access.
load helper

@test "can: allowed ends with 0 and names policy, file, line and gateway" {
	run -0 yett can -C "$QUICK" ben-laptop 192.168.10.20 tcp/443
	has allow
	has 'intranet (policies/office.yaml:1'
	has 'path: office'
}

@test "can: denied ends with 1; where a policy decided it is named" {
	run -1 yett can -C "$QUICK" ben-laptop resource:nas tcp/22
	has deny
	run -1 yett can -C "$ACME" bob-laptop 10.50.1.7 tcp/443 --at 2030-01-01
	has production-closed
	has policies/production.yaml:1
}

@test "can without a port means any: all of it must be allowed" {
	run -1 yett can -C "$QUICK" ben-laptop resource:intranet
	run -0 yett can -C "$QUICK" ana-laptop 192.168.10.99
}

@test "can --at looks at that moment" {
	run -0 yett can -C "$QUICK" ben-laptop resource:nas tcp/445 --at 2030-01-08T12:00:00Z
	run -1 yett can -C "$QUICK" ben-laptop resource:nas tcp/445 --at 2030-01-08T20:00:00Z
	run -0 yett can -C "$QUICK" ben-laptop resource:nas tcp/445 --at 2030-01-08T19:59:59Z
	run -1 yett can -C "$QUICK" ben-laptop resource:nas tcp/445 --at 2030-01-12T12:00:00Z
	run -0 yett can -C "$QUICK" ben-laptop resource:nas tcp/445 --at 2030-01-08T08:00:00+01:00
}

@test "can: an expired owner makes the device inactive" {
	run -0 yett can -C "$QUICK" cleo-laptop resource:intranet tcp/443 --at 2039-12-31T23:59:59Z
	run -1 yett can -C "$QUICK" cleo-laptop resource:intranet tcp/443 --at 2040-01-01
	has 'not active'
}

@test "can: what does not exist ends with 2 and is named" {
	run -2 yett can -C "$QUICK" nobody 192.168.10.20
	has nobody
	run -2 yett can -C "$QUICK" ben-laptop resource:intrant
	has intrant
	run -2 yett can -C "$QUICK" ben-laptop 192.168.10.20 tcp/70000
}

@test "can --format=json is one object" {
	run -0 yett can -C "$QUICK" ben-laptop 192.168.10.20 tcp/443 --format=json
	jq -e '.verdict == "allow" and .policy == "intranet"' <<<"$output"
}

@test "can --batch answers a line a line" {
	run -0 yett can --batch -C "$QUICK" <<-'EOF'
		{"device":"ben-laptop","dest":"192.168.10.20","port":"tcp/443","at":"2030-01-08T12:00:00Z"}
		{"device":"ben-laptop","dest":"192.168.10.30","port":"tcp/22"}
		{"dest":"resource:nas","device":"ana-phone","port":"tcp/22"}
	EOF
	[ "${#lines[@]}" -eq 3 ]
	jq -e '.verdict == "allow" and .policy == "intranet"' <<<"${lines[0]}"
	jq -e '.verdict == "deny" and .policy == null' <<<"${lines[1]}"
	jq -e '.verdict == "allow" and .policy == "administration"' <<<"${lines[2]}"
}

@test "can --batch: a malformed line gets an error member, the others their answers, and the run ends 2" {
	run -2 --separate-stderr yett can --batch -C "$QUICK" <<-'EOF'
		{"device":"ben-laptop","dest":"192.168.10.20","port":"tcp/443"}
		not json
		{"device":"nobody","dest":"192.168.10.20"}
		{"device":"ben-laptop"}
		{"device":"ben-laptop","dest":"192.168.10.20","port":"tcp/0x1"}
		{"device":"ben-laptop","dest":"192.168.10.20","at":"noon"}
		{"device":"ben-laptop","dest":"192.168.10.20","surprise":1}
		{"device":"ben-laptop","dest":"192.168.10.20","port":"tcp/443"}
	EOF
	[ "${#lines[@]}" -eq 8 ]
	for i in 1 2 3 4 5 6; do
		jq -e '(.error | length) > 0 and .verdict == null' <<<"${lines[$i]}"
	done
	jq -e '.verdict == "allow"' <<<"${lines[7]}"
}

@test "can --batch with nothing to answer ends with 0" {
	run -0 yett can --batch -C "$QUICK" </dev/null
	[ -z "$output" ]
}

@test "who lists the devices that reach a destination, and ends with 0 also for nobody" {
	run -0 yett who -C "$QUICK" resource:nas tcp/22
	has ana-laptop
	[[ "$output" != *ben-laptop* ]]
	run -0 yett who -C "$QUICK" 172.16.0.1
	has nobody
}

@test "who --format=json is an array" {
	run -0 yett who -C "$QUICK" resource:intranet tcp/443 --format=json
	jq -e 'length == 4 and all(.source | startswith("device:"))' <<<"$output"
}

@test "access says what a user's, a group's or one device reaches" {
	run -0 yett access -C "$QUICK" user:ben --at 2030-01-08T12:00:00Z
	has 192.168.10.20
	has tcp/445
	run -0 yett access -C "$QUICK" ben-laptop --at 2030-01-12T12:00:00Z
	[[ "$output" != *tcp/445* ]]
	run -0 yett access -C "$QUICK" group:admins --format=json
	jq -e 'map(.source) == ["device:ana-laptop", "device:ana-phone"]' <<<"$output"
	run -2 yett access -C "$QUICK" group:admns
	has admns
}

@test "can --explain tells owner, memberships, each policy in order and the rendered rule" {
	run -1 yett can -C "$ACME" bob-laptop resource:prod-db tcp/5432 --explain
	has 'owner: bob (users/backend.yaml:1:1)'
	has 'member of staff: by group:engineering (groups/staff.yaml:5:5)'
	has '> production-closed: deny, priority 100'
	has 'production-move: allow, priority 200 (policies/production.yaml:57:1): does not hold then'
	run -0 yett can -C "$ACME" alice-laptop resource:wiki tcp/443 --explain
	has '> intranet: allow'
	has 'rule on hq-1: chain '
	has 'counter accept comment'
	run -0 yett can -C "$ACME" alice-laptop resource:wiki tcp/443 --explain --format=json
	[ "$(jq -r '.why.policies[] | select(.decides) | .policy' <<<"$output")" = intranet ]
}

@test "can says services in words: all but some, and what is left by name" {
	run -1 yett can -C "$ACME" alice-laptop resource:wiki
	has 'deny: device:alice-laptop to 10.10.20.10 any except tcp/80, tcp/443'
	has 'allowed of it: resource:wiki tcp/80, tcp/443'
	run -1 yett can -C "$ACME" alice-laptop internet
	has ' tcp/25'
	has 'allowed of it: internet any except tcp/25'
	run -1 yett can -C "$ACME" alice-laptop 10.10.20.10 tcp
	has 'to 10.10.20.10 tcp/0-79, tcp/81-442, tcp/444-65535'
	run -1 yett can -C "$ACME" alice-laptop 10.10.0.0/16 icmp
	has 'to 10.10.0.0/16 icmp'
	run -0 yett can -C "$ACME" alice-laptop resource:wiki tcp/80
	has 'allow: device:alice-laptop to 10.10.20.10 tcp/80'
	run -1 yett can -C "$ACME" alice-laptop any
	[[ "$output" != *proto/*:* ]]
	# Only the part that the named policy decides is said to be its.
	cp -R "$QUICK" "$BATS_TEST_TMPDIR/tree"
	printf -- '---\nkind: Policy\nname: no-low-ports\naction: deny\npriority: 9\nfrom: [any]\nto: [192.168.10.99]\nports: [tcp/0-1023, udp, icmp]\n' \
		>>"$BATS_TEST_TMPDIR/tree/policies/office.yaml"
	run -1 yett can -C "$BATS_TEST_TMPDIR/tree" ben-laptop 192.168.10.99
	has 'policy: none allows it'
	has 'to 192.168.10.99 any except icmp, tcp/0-1023, udp'
	run -1 yett can -C "$BATS_TEST_TMPDIR/tree" ben-laptop 192.168.10.99 tcp
	has 'policy: no-low-ports'
	has 'to 192.168.10.99 tcp/0-1023'
}
