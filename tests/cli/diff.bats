#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff: who gains and loses what between two commits.
load helper

setup() {
	repo=$BATS_TEST_TMPDIR/repo
	make_repo "$repo"
	cd "$repo" || return 1
}

@test "a commit against itself differs in nothing" {
	run -0 yett diff main main
	[[ "$output" != *tcp/* ]]
	run -0 yett diff --format=json main main
	jq -e . <<<"$output"
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
