#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff: who gains and loses what between two commits.
load helper

setup() {
	repo=$BATS_TEST_TMPDIR/repo
	make_repo "$repo"
	cd "$repo" || return 1
}

# What --format=json promises, in docs/diff.md.
is_diff_json() { # on standard input
	/usr/bin/python3 -c 'if True:
		import json, sys, jsonschema
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft202012Validator.check_schema(schema)
		jsonschema.Draft202012Validator(schema).validate(json.load(sys.stdin))
	' "$ROOT/schema/json/diff.schema.json"
}

@test "a commit against itself differs in nothing, and nothing is printed" {
	for format in text markdown; do
		run -0 yett diff --format=$format main main
		[ -z "$output" ]
	done
	run -0 yett diff --format=json main main
	is_diff_json <<<"$output"
	[ "$(jq -c '[.access, .paths, .peers, .gateways, .sites, .down]' <<<"$output")" = '[[],[],[],[],[],[]]' ]
}

@test "nothing is printed for what is only written differently" {
	git checkout -q -b change
	mkdir all
	cat devices/*.yaml policies/*.yaml >/dev/null
	for file in $(git ls-files '*.yaml'); do
		printf -- '---\n' >>all/one.yaml
		cat "$file" >>all/one.yaml
		git rm -q "$file"
	done
	sed -i 's/^name: administration$/name: administering/' all/one.yaml
	printf -- '---\nkind: Group\nname: nobody\nmembers: []\n---\nkind: Policy\nname: aside\nfrom: [any]\nto: [any]\nenabled: false\n' >>all/one.yaml
	git add -A
	git commit -q -m moved
	run -0 yett diff main change
	[ -z "$output" ]
}

@test "who gains and who loses is named with destination and port" {
	git checkout -q -b change
	sed -i 's/group:admins/user:ben/; s/name: administration/name: administration/' policies/office.yaml
	git commit -q -a -m change
	run -0 yett diff main change
	has ben
	has ana
	has 192.168.10.0/24
}

@test "a named resource is called by its name" {
	git checkout -q -b change
	printf -- '---\nkind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n' >>policies/office.yaml
	git commit -q -a -m change
	run -0 yett diff main change
	has ben
	has nas
	has tcp/22
}

@test "peers that come and go are named" {
	git checkout -q -b change
	echo 'revoked: true' >>devices/ben-laptop.yaml
	git commit -q -a -m change
	run -0 yett diff main change
	has ben-laptop
}

@test "without HEAD the folder is compared, uncommitted changes included" {
	printf -- '---\nkind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n' >>policies/office.yaml
	run -0 yett diff main
	has tcp/22
}

@test "--format=json and --format=markdown" {
	git checkout -q -b change
	echo 'revoked: true' >>devices/ben-laptop.yaml
	git commit -q -a -m change
	run -0 yett diff --format=json main change
	jq -e . <<<"$output"
	run -0 yett diff --format=markdown main change
	has ben
}

@test "a bad revision ends with 2, a broken side with 1" {
	run -2 yett diff main no-such-branch
	has no-such-branch
	echo 'colour: blue' >>network.yaml
	git commit -q -a -m broken
	run -1 yett diff main~1 main
	has network.yaml
}

@test "what denies a thing is named with its line, for what is taken and for what is given back" {
	git checkout -q -b change
	printf -- '---\nkind: Policy\nname: no-nas\naction: deny\npriority: 5\nfrom: [user:ben]\nto: [resource:nas]\n' >>policies/office.yaml
	line=$(grep -n 'name: no-nas' policies/office.yaml | cut -d: -f1)
	git commit -q -a -m change
	run -0 yett diff main change
	[[ "$output" =~ -\ resource:nas.*by\ policy\ [a-z-]+\ \(policies/office.yaml:[0-9]+:1\),\ denied\ now\ by\ no-nas\ \(policies/office.yaml:$((line - 1)):1\) ]]
	run -0 yett diff --format=json change main
	is_diff_json <<<"$output"
	[ "$(jq -r '.access[0].gains[0].denied.policy' <<<"$output")" = no-nas ]
	run -0 yett diff change main
	has 'denied before by no-nas'
}

@test "the greatest risk comes first: the internet, production, wide ranges, what never ends" {
	git checkout -q -b change
	cat >>policies/office.yaml <<-'YAML'
		---
		kind: Resource
		name: till
		tags: [production]
		addresses: [192.168.10.77]
		---
		kind: Policy
		name: aa-short
		from: [user:ana]
		to: [10.44.0.201]
		ports: [tcp/9]
		expires: 2099-01-01
		---
		kind: Policy
		name: bb-for-good
		from: [user:ana]
		to: [10.44.0.202]
		ports: [tcp/9]
		---
		kind: Policy
		name: cc-wide
		from: [user:ana]
		to: [10.0.0.0/24]
		ports: [tcp/9]
		---
		kind: Policy
		name: dd-production
		from: [user:ben]
		to: [resource:till]
		ports: [tcp/9]
		---
		kind: Policy
		name: ee-internet
		from: [user:cleo]
		to: [198.51.99.1]
		ports: [tcp/9]
	YAML
	git add -A
	git commit -q -m change
	run -0 yett diff -q --format=json main change
	is_diff_json <<<"$output"
	[ "$(jq -r '.access[].gains[].policy' <<<"$output" | xargs)" = 'ee-internet dd-production cc-wide bb-for-good aa-short' ]
	run -0 jq -r '.access[].gains[].risk | join("+")' <<<"$output"
	[ "$output" = $'internet\nproduction+permanent\nwide+permanent\npermanent' ]
	run -0 yett diff -q --format=markdown main change
	has '| gains | 198.51.99.1 | tcp/9 | until 2040-01-01T00:00:00Z | internet | ee-internet'
}

@test "a long difference is folded, fits a comment, and counts what does not fit" {
	git checkout -q -b change
	for i in $(seq 2 40); do
		printf -- '---\nkind: Policy\nname: many-%s\nfrom: [user:ben]\nto: [192.168.10.%s]\nports: [tcp/9]\n' "$i" "$((i * 2))"
	done >>policies/office.yaml
	git commit -q -a -m change
	run -0 yett diff --format=markdown main change
	has '<details><summary>27 more</summary>'
	[ "$(grep -c '^| gains' <<<"$output")" -eq 39 ]
	[ "$(grep -c '<details>' <<<"$output")" -eq "$(grep -c '</details>' <<<"$output")" ]
	for i in $(seq 1 2000); do
		printf -- '---\nkind: Policy\nname: %0100d\nfrom: [user:ben]\nto: [10.1.%s.%s]\nports: [tcp/9]\n' "$i" "$((i / 100))" "$((i % 100 * 2))"
	done | sed 's/^name: 0*\(.*\)$/name: p\1-a-name-that-is-rather-long-as-names-go/' >>policies/office.yaml
	git commit -q -a -m more
	yett diff -q --format=markdown main change >long.md
	[ "$(wc -c <long.md)" -le 60000 ]
	[ "$(wc -c <long.md)" -gt 50000 ]
	grep -q 'lines do not fit here. `yett diff` shows all of it.$' long.md
	[ "$(grep -c '<details>' long.md)" -eq "$(grep -c '</details>' long.md)" ]
}

@test "--at without BASE: now against then, in one tree" {
	printf -- '---\nkind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\nnot_before: 2098-01-01\nexpires: 2099-01-01\n' >>policies/office.yaml
	run -0 yett diff --at 2098-06-01
	[[ "$output" =~ \+\ resource:nas\ .*tcp/22\ \ by\ policy\ ben-ssh ]]
	run -0 yett diff --at 2099-01-01
	[[ "$output" != *ben-ssh* ]]
	run -0 yett diff --format=json --at 2098-06-01
	is_diff_json <<<"$output"
	[ "$(jq -r '.compared, .at, (.access[].gains[] | select(.policy == "ben-ssh") | .when)' <<<"$output" | xargs)" = 'now with at 2098-06-01 null' ]
}

@test "--down: what has no way left, and what a standby carries" {
	run -0 yett diff --down office
	[ "${lines[0]}" = Paths ]
	[[ "$output" =~ -\ resource:intranet.*no\ way\ without\ office ]]
	[[ "$output" != *'in place of'* ]]
	sed 's/^name: office/name: office-2/; s/10\.7\.0\.1\b/10.7.0.2/; s/^public_key: .*/public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD\/cdURnA=/' \
		gateways/office.yaml >gateways/office-2.yaml
	run -0 yett diff --down office --down office-2
	[[ "$output" =~ -\ resource:intranet.*no\ way\ without\ office(-2)?,\ office ]]
	run -0 yett diff --down office
	first=$output
	run -0 yett diff --down office-2
	# Each device prefers one of the two, and turns to the other.
	[[ "$first$output" =~ ~\ resource:intranet.*office-2\ in\ place\ of\ office ]]
	[[ "$first$output" =~ ~\ resource:intranet.*office\ in\ place\ of\ office-2 ]]
	[[ "$first" != *'resource:intranet'*'no way'* ]]
	run -0 yett diff --format=json --down office --down office-2
	is_diff_json <<<"$output"
	[ "$(jq -c '[.paths[].paths[].instead] | unique' <<<"$output")" = '[null]' ]
	[ "$(jq -c '.down' <<<"$output")" = '["office","office-2"]' ]
	run -0 yett diff --format=markdown --down office
	has '| moves |'
	run -2 yett diff --down offise
	has 'there is no gateway "offise"; did you mean "office"?'
	run -2 yett diff
	has 'a situation'
}
