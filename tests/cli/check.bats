#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# check and test: exit statuses, places, colour, formats, commits.
load helper

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	cp -R "$QUICK" "$tree"
}

@test "the examples pass without a word of warning, but for one that is meant" {
	run -0 --separate-stderr yett check -C "$QUICK"
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	run -0 --separate-stderr yett check -C "$ACME" # its phones reach the internet by a split tunnel
	[ "$(grep -c '\[[EW]_' <<<"$stderr")" -eq 1 ] || { echo "$stderr"; false; }
	[[ "$stderr" == *W_PROFILE_QR* ]]
}

@test "check --quiet says nothing when all is well" {
	run -0 yett check --quiet -C "$QUICK"
	[ -z "$output" ]
}

@test "a misspelt name is shown with file, line, column, caret and the nearest name" {
	sed -i 's/group:everyone/group:evryone/' "$tree/policies/office.yaml"
	run -1 yett check -C "$tree"
	has 'policies/office.yaml:4:8'
	has E_REF
	has '^'
	has everyone
}

@test "every mistake of a tree comes in one run" {
	sed -i 's/tcp\/443/tcp\/99999/' "$tree/resources/office.yaml"
	sed -i 's/10.7.0.12/10.8.0.12/' "$tree/devices/ben-laptop.yaml"
	echo 'colour: blue' >>"$tree/sites/office.yaml"
	run -1 yett check -C "$tree"
	has resources/office.yaml
	has devices/ben-laptop.yaml
	has sites/office.yaml
	has "3 errors"
}

@test "diagnostics go to standard error, the summary to standard output" {
	echo 'colour: blue' >>"$tree/network.yaml"
	run -1 --separate-stderr yett check -C "$tree"
	[[ "$stderr" == *network.yaml* ]]
	[[ "$output" != *network.yaml* ]]
}

@test "no colour when standard error is no terminal, with NO_COLOR or --color=never; colour with --color=always" {
	echo 'colour: blue' >>"$tree/network.yaml"
	esc=$'\033'
	run -1 yett check -C "$tree"
	[[ "$output" != *"$esc"* ]]
	NO_COLOR=1 run -1 yett check -C "$tree"
	[[ "$output" != *"$esc"* ]]
	run -1 yett check -C "$tree" --color=never
	[[ "$output" != *"$esc"* ]]
	run -1 yett check -C "$tree" --color=always
	[[ "$output" == *"$esc"* ]]
}

@test "NO_COLOR wins on a terminal" {
	echo 'colour: blue' >>"$tree/network.yaml"
	run script -qec "NO_COLOR=1 $YETT check -C $tree" /dev/null
	[[ "$output" != *$'\033['* ]]
}

@test "--format=json gives diagnostics as JSON" {
	echo 'colour: blue' >>"$tree/network.yaml"
	run -1 --separate-stderr yett check -C "$tree" --format=json
	jq -e '.. | objects | select(.code? == "E_UNKNOWN_FIELD") | .file == "network.yaml"' <<<"$stderr$output"
}

@test "the kinds and fields of later versions are refused and never ignored" {
	printf 'kind: Link\nname: l\ntopology: mesh\nsites: [office]\nipsec: {}\n' >"$tree/link.yaml"
	run -1 yett check -C "$tree"
	has E_LATER
	has link.yaml
}

@test "a failing Test fails check, with a counterexample and the policy that decided" {
	printf 'kind: Test\nname: nobody-reads\nfrom: [user:ben]\ndeny:\n  - to: [resource:intranet]\n' >"$tree/tests/bad.yaml"
	run -1 yett check -C "$tree"
	has nobody-reads
	has ben-laptop
	has policies/office.yaml
}

@test "yett test speaks TAP, and its status is that of the tests" {
	run -0 yett test -C "$QUICK"
	has 1..2
	has 'ok 1 - admins-get-everywhere-in-the-office'
	printf 'kind: Test\nname: nobody-reads\nfrom: [user:ben]\ndeny:\n  - to: [resource:intranet]\n' >"$tree/tests/bad.yaml"
	run -1 yett test -C "$tree"
	has 'not ok 3 - nobody-reads'
	has '# '
}

@test "the TAP of yett test is what prove understands" {
	printf '#!/bin/sh\nexec "%s" test -C "%s"\n' "$YETT" "$ACME" >"$BATS_TEST_TMPDIR/acme.t"
	run -0 prove --exec sh "$BATS_TEST_TMPDIR/acme.t"
	has PASS
}

@test "a tree of a commit is read without a checkout" {
	make_repo "$BATS_TEST_TMPDIR/repo"
	cd "$BATS_TEST_TMPDIR/repo"
	echo 'colour: blue' >>network.yaml
	git commit -q -a -m broken
	run -0 yett check --rev main~1
	run -1 yett check --rev main
	rm -r policies
	run -0 yett check --rev main~1
	run -0 yett check -C "$BATS_TEST_TMPDIR/repo" --rev "$(git rev-parse main~1)"
}

@test "a tree in a folder of the commit is found with --path" {
	repo=$BATS_TEST_TMPDIR/sub
	mkdir -p "$repo/net"
	cp -R "$QUICK/." "$repo/net"
	git -C "$repo" init -q -b main
	git -C "$repo" add -A
	git -C "$repo" commit -q -m start
	run -0 yett check -C "$repo" --rev main --path net
}

@test "--path without a revision is a mistake, not ignored" {
	run -2 yett check -C "$tree" --path policies
	has '--path goes with a revision'
}

@test "a folder inside a repository is read at the same place of a commit's tree" {
	repo=$BATS_TEST_TMPDIR/inside
	make_repo "$repo/net"
	mv "$repo/net/.git" "$repo/.git"
	git -C "$repo" add -A
	git -C "$repo" commit -q -m moved
	printf 'kind: User\nname: [broken\n' >"$repo/elsewhere.yaml"
	git -C "$repo" add -A
	git -C "$repo" commit -q -m 'not in the folder'
	run -0 yett check -C "$repo/net" --rev main
	run -1 yett check -C "$repo" --rev main
	run -0 yett diff -C "$repo/net" main
	[ -z "$output" ]
}

@test "a bad revision and a folder that is no repository end with 2 and one sentence" {
	make_repo "$BATS_TEST_TMPDIR/repo"
	run -2 --separate-stderr yett check -C "$BATS_TEST_TMPDIR/repo" --rev no-such-branch
	[[ "$stderr" == *no-such-branch* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	cp -R "$QUICK" "$BATS_TEST_TMPDIR/plain"
	GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR run -2 yett check -C "$BATS_TEST_TMPDIR/plain" --rev main
}

@test "symbolic links are errors" {
	ln -s network.yaml "$tree/other.yaml"
	run -1 yett check -C "$tree"
	has other.yaml
}

@test "an unreadable file is one error" {
	[ "$(id -u)" -ne 0 ] || return 0 # root reads everything
	chmod 000 "$tree/network.yaml"
	run yett check -C "$tree"
	[ "$status" -ne 0 ]
	has network.yaml
}

@test ".yettignore leaves files out" {
	mkdir "$tree/drafts"
	echo 'not: [yaml' >"$tree/drafts/x.yaml"
	run -1 yett check -C "$tree"
	echo 'drafts/' >"$tree/.yettignore"
	run -0 yett check -C "$tree"
}

@test "an empty folder is a tree without a Network, which is said" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	run -1 yett check -C "$BATS_TEST_TMPDIR/empty"
	has Network
}

@test "a folder with several policy trees: that is said once, and where they are" {
	cd "$BATS_TEST_TMPDIR"
	mkdir both
	cp -R "$QUICK" both/quick
	cp -R "$QUICK" both/again
	run -1 yett check -C both
	[ "$(grep -c 'error:' <<<"$output")" -eq 1 ]
	has 'there are 2 policy trees here and not one: again, quick [E_NETWORK]'
	has 'hint: name one of these folders with -C'
	run -0 yett check -C both/quick
	# One inside the other is no better.
	cp -R "$QUICK/." both
	run -1 yett check -C both
	[ "$(grep -c 'error:' <<<"$output")" -eq 1 ]
	has 'there are 3 policy trees here and not one: again, ., quick [E_NETWORK]'
	# A second Network of one tree is a mistake in that tree.
	rm -r both/again both/quick
	mkdir both/networks
	sed 's/^name: .*/name: second/' both/network.yaml >both/networks/second.yaml
	run -1 yett check -C both
	has 'there is another Network at'
}
