#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# contrib/pre-commit, as a hook of a real repository.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR"
	export PATH=$B:$PATH
	mkdir repo
	cp -R "$QUICK/." repo
	cd repo
	"$YETT" fmt --quiet
	git init -q -b main
	ln -s "$ROOT/contrib/pre-commit/pre-commit" .git/hooks/pre-commit
	git add -A
}

commits() { git rev-list --count HEAD 2>/dev/null || echo 0; }

@test "a tree that holds and is canonical is committed" {
	run -0 git commit -m start
	[ "$(commits)" -eq 1 ]
}

@test "a file that is not canonical is named, and nothing is committed" {
	git commit -qm start
	printf 'name: dora\nkind: User\n' >users/dora.yaml
	git add -A
	run -1 git commit -m more
	has users/dora.yaml
	has 'yett fmt'
	[ "$(commits)" -eq 1 ]
	yett fmt -q
	git add -A
	run -0 git commit -m more
	[ "$(commits)" -eq 2 ]
}

@test "a tree with errors is refused with the message of check" {
	git commit -qm start
	printf 'kind: Group\nname: more\nmembers: [user:nobody]\n' >groups/more.yaml
	git add -A
	run -1 git commit -m more
	has E_REF
	has groups/more.yaml:3
	printf 'kind: [Group\n' >groups/more.yaml
	git add -A
	run -1 git commit -m more
	has E_YAML_SYNTAX
	[ "$(commits)" -eq 1 ]
}

@test "what is staged counts: an unstaged repair does not help, an unstaged mistake does not hinder" {
	git commit -qm start
	printf 'kind: Group\nname: more\nmembers: [user:nobody]\n' >groups/more.yaml
	git add -A
	printf 'kind: Group\nname: more\nmembers: [user:ana]\n' >groups/more.yaml
	run -1 git commit -m more
	git add -A
	printf 'kind: Group\nname: more\nmembers: [user:nobody]\n' >groups/more.yaml
	run -0 git commit -m more
	[ "$(commits)" -eq 2 ]
}

@test "a tree in a folder of the repository; a commit beside it is none of its business" {
	mkdir net
	git mv devices gateways groups policies resources sites tests users network.yaml net
	git config yett.tree net
	run -0 git commit -m start
	printf 'kind: [broken\n' >net/broken.yaml
	echo text >README.md
	git add README.md
	run -0 git commit -m readme
	git add -A
	run -1 git commit -m broken
	git config yett.tree nowhere
	git rm -q --cached net/broken.yaml
	printf '# more\n' >>net/network.yaml
	git add net/network.yaml
	run -0 git commit -m other
}

@test "without the program it says so" {
	git config yett.program /no/such/yett
	run -1 git commit -m start
	has /no/such/yett
}
