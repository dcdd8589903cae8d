#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Guardrails in check and test, waivers and time, packs, and the strength of tests.
load helper

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	cp -R "$QUICK" "$tree"
	at=2030-01-08T12:00:00Z
}

rail() { # YAML, after kind
	printf 'kind: Guardrail\n%s\n' "$1" >"$tree/rail.yaml"
}

@test "a broken guardrail fails check and names device, address, port, time, policy and its place" {
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}'
	run -1 yett check -C "$tree" --at "$at"
	has 'rail.yaml:1:1: error: guardrail nas: device:ben-laptop reaches 192.168.10.30 tcp/445 at 2030-01-08T12:00:00Z, by policy files [E_GUARDRAIL]'
	has 'policy files is at policies/office.yaml:7:1'
}

@test "a breach at another time of the week, or after years, is found now" {
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}'
	run -1 yett check -C "$tree" --at 2030-01-12T12:00:00Z
	has 'at 2030-01-14T07:00:00Z'
	printf 'kind: Policy\nname: later\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\nnot_before: 2050-01-01\nexpires: 2050-01-02\n' >"$tree/later.yaml"
	rail 'name: shell
never: {from: [user:ben], to: [resource:nas], ports: [tcp/22]}'
	run -1 yett check -C "$tree" --at "$at"
	has 'at 2050-01-01T00:00:00Z, by policy later'
	rm -r "$tree/tests" # of 2030
	run -0 yett check -C "$tree" --at 2050-01-02
}

@test "severity warning is said and fails nothing" {
	rail 'name: nas
severity: warning
never: {from: [user:ben], to: [resource:nas]}'
	run -0 yett check -C "$tree" --at "$at"
	has W_GUARDRAIL
	run -0 yett test -C "$tree" --at "$at"
	has 'not ok 3 - guardrail nas # TODO severity: warning'
}

@test "a waiver excuses until its date, and is named when it has ended" {
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}
waivers:
  - {policy: files, reason: Moves to the cloud, expires: 2030-03-01}'
	run -0 yett check -C "$tree" --at "$at"
	run -0 yett check -C "$tree" --at 2030-02-28T23:59:59Z
	run -1 yett check -C "$tree" --at 2030-03-01
	has 'the waiver at rail.yaml:5:5 ended at 2030-03-01T00:00:00Z'
}

@test "a guardrail that no policy can break is a warning" {
	rail 'name: interns
never: {from: [tag:intern], to: [any]}'
	run -0 yett check -C "$tree" --at "$at"
	has W_GUARDRAIL_EMPTY
	[[ "$output" != *W_EMPTY_SELECTOR* ]]
}

@test "yett test prints guardrails after the tests, and prove understands it" {
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}'
	run -1 yett test -C "$tree" --at "$at"
	has 1..3
	has 'not ok 3 - guardrail nas'
	has '# rail.yaml:1:1: device:ben-laptop reaches 192.168.10.30 tcp/445'
	has '# policy files is at policies/office.yaml:7:1'
	rail 'name: nas
severity: warning
never: {from: [user:ben], to: [resource:nas]}'
	printf '#!/bin/sh\nexec "%s" test -C "%s" --at %s\n' "$YETT" "$tree" "$at" >"$BATS_TEST_TMPDIR/tree.t"
	run -0 prove --exec sh "$BATS_TEST_TMPDIR/tree.t"
	has PASS
}

@test "yett test --format=json has the counterexample as data" {
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}'
	run -1 yett test -C "$tree" --at "$at" --format=json
	jq -e '.failed == 1 and (.results | length) == 3' <<<"$output"
	jq -e '.results[] | select(.name == "nas") | .kind == "Guardrail" and (.holds | not) and .failures[0].policy == "files"
		and .failures[0].counterexample == {source: "device:ben-laptop", address: "192.168.10.30", protocol: 6, port: 445, at: "2030-01-08T12:00:00Z"}' <<<"$output"
}

@test "--mutate lists what nothing notices, with an effect, and ends with 0" {
	run -0 yett test -C "$tree" --mutate --at "$at"
	has 'policies/office.yaml:7:1: nothing notices when policy files is removed: device:ben-laptop loses'
	has 'nothing notices when policy files speaks of every destination'
	[[ "$output" != *'policy intranet is removed'* ]] # the tests want it
	rail 'name: shares
only: {to: [resource:nas], from: [group:everyone]}'
	printf 'kind: Test\nname: shares\nfrom: [user:cleo]\nallow: [{to: [resource:nas], ports: [tcp/445]}]\ndeny: [{to: [192.168.10.1]}]\n' >"$tree/tests/shares.yaml"
	run -0 yett test -C "$tree" --mutate --at "$at"
	[[ "$output" != *'policy files is removed'* ]]
	[[ "$output" != *'policy files speaks of every destination'* ]]
	[[ "$output" =~ [0-9]+' mutations: '[0-9]+' noticed, '[0-9]+' unnoticed, '[0-9]+' without effect' ]]
}

@test "--mutate as JSON; it wants tests that hold, and no TAP" {
	run -0 yett test -C "$tree" --mutate --at "$at" --format=json
	jq -e '.mutations == .noticed + (.survivors | length)' <<<"$output"
	jq -e '[.survivors[] | select(.policy == "files") | .mutation] | index("remove") != null' <<<"$output"
	run -2 yett test -C "$tree" --mutate --format=tap
	rail 'name: nas
never: {from: [user:ben], to: [resource:nas]}'
	run -1 yett test -C "$tree" --mutate --at "$at"
	has 'fail as it is'
}

@test "the examples of the manual compile" {
	printf 'kind: Group\nname: helpdesk\nmembers: [user:ana]\n' >"$tree/helpdesk.yaml"
	awk '/^    kind: / { on = 1; print "---" } !/^    / { on = 0 } on { print substr($0, 5) }' "$ROOT/docs/guardrails.md" >"$tree/manual.yaml"
	[ "$(grep -c '^kind: Guardrail' "$tree/manual.yaml")" -eq 5 ]
	run yett check -C "$tree" --at "$at"
	[ "$(grep -o '\[E_[A-Z_]*\]' <<<"$output" | sort -u)" = '[E_GUARDRAIL]' ]
	[[ "$output" != *W_WAIVER* ]]
}

# The quickstart tree with somebody for each tag of the packs.
tag_everything() {
	sed -i '/^name: nas$/a tags: [production, personal-data]
/^name: intranet$/a tags: [internal]' "$tree/resources/office.yaml"
	sed -i '/^name: ana$/a tags: [operator]' "$tree"/users/*.yaml
	sed -i '/^name: cleo$/a tags: [guest]' "$tree"/users/*.yaml
	sed -i '/^name: ben$/a tags: [contractor, deployer]' "$tree"/users/*.yaml
	sed -i '/^name: ana-laptop$/a tags: [laptop]' "$tree"/devices/*.yaml
	rm -r "$tree/policies" "$tree/tests" "$tree/groups"
	sed -i 's/^networks:.*/&\nexit: true/' "$tree"/sites/*.yaml
	printf 'kind: Policy\nname: operation\ndescription: They run it\nfrom: [tag:operator]\nto: [tag:production]\nlog: true\n' >"$tree/operation.yaml"
}

@test "the packs compile in one tree, and every guardrail of theirs speaks of something" {
	tag_everything
	cp -R "$ROOT/policies" "$tree/packs"
	run -0 --separate-stderr yett check -C "$tree" --at "$at"
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	has '10 guardrails stand'
}

@test "every guardrail of the packs is broken by a policy that it is there for" {
	tag_everything
	cp -R "$ROOT/policies" "$tree/packs"
	rm "$tree/packs/baseline/baseline.yaml"
	breaks() { # GUARDRAIL POLICY-FIELDS
		printf 'kind: Policy\nname: wrong\n%b\n' "$2" >"$tree/wrong.yaml"
		run yett check -C "$tree" --at "$at"
		has "guardrail $1: "
	}
	breaks hygiene-described 'from: [any]\nto: [resource:intranet]'
	breaks hygiene-no-cleartext 'from: [any]\nto: [resource:intranet, site:office]\ndescription: x'
	breaks hygiene-no-shares-out 'from: [any]\nto: [internet]\ndescription: x'
	breaks contractors-not-in-production 'from: [user:ben]\nto: [resource:nas]'
	breaks contractors-not-on-laptops 'from: [user:ben]\nto: [user:ana]'
	breaks contractors-for-a-time 'from: [user:ben]\nto: [resource:intranet]\ndescription: x'
	breaks production-for-operators 'from: [user:cleo]\nto: [192.168.10.0/24]'
	breaks production-shell 'from: [user:ben]\nto: [resource:nas, site:office]\nports: [tcp/3389]'
	breaks production-logged 'from: [user:ana]\nto: [resource:nas]\ndescription: x'
	breaks guests-outside 'from: [user:cleo]\nto: [resource:intranet]'
}
