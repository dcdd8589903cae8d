#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# verify: real commits, signed by real ssh-keygen keys, judged by the trust files of the tree before them.
load helper

setup_file() {
	export KEYS=$BATS_FILE_TMPDIR/keys
	mkdir -m 700 "$KEYS"
	for who in alice bob mallory old; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$KEYS/$who"; done
}

setup() {
	repo=$BATS_TEST_TMPDIR/repo
	make_repo "$repo"
	cd "$repo" || return 1
	git config gpg.format ssh
	mkdir trust
	cat >trust/trust.yaml <<-YAML
		format: 1
		mode: commit
		repo-id: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
		version: 1
		root: {threshold: 1, members: [alice]}
		roles:
		  netops: {threshold: 1, members: [alice, bob, old]}
		  security: {threshold: 1, members: [alice]}
		  board: {threshold: 2, members: [alice, bob]}
		rules:
		  - {paths: ["policies/prod/**"], roles: [security]}
		  - {paths: ["board/**"], roles: [board]}
		  - {paths: ["users/**", "policies/**", "*.yaml"], roles: [netops]}
		ignore: ["docs/**"]
	YAML
	{
		echo "alice namespaces=\"git\" $(cut -d' ' -f1,2 "$KEYS/alice.pub")"
		echo "bob namespaces=\"git\" $(cut -d' ' -f1,2 "$KEYS/bob.pub")"
		echo "old namespaces=\"git\",valid-before=\"20200101Z\" $(cut -d' ' -f1,2 "$KEYS/old.pub")"
		echo "tick namespaces=\"tick@yett\" $(cut -d' ' -f1,2 "$KEYS/mallory.pub")"
	} >trust/allowed_signers
	git add -A
	git commit -q -m 'In force'
	git tag base
}

# change FILE: writes it; sign WHO: commits what changed with that key.
change() {
	mkdir -p "$(dirname "$1")"
	echo "# $RANDOM" >>"$1"
	git add -A
}
sign() {
	git -c user.signingkey="$KEYS/$1" commit -q -S -m 'A change'
}

@test "a member of the path's role is accepted" {
	change policies/office.yaml
	sign bob
	run -0 yett verify base
	has 'accepted: '
	has 'signed by: bob (SHA256:'
	run -0 yett verify base HEAD --format=json
	[ "$(jq -r .signer <<<"$output")" = bob ]
	[ "$(jq -r .key <<<"$output")" = "$(ssh-keygen -lf "$KEYS/bob.pub" | cut -d' ' -f2)" ]
}

@test "the first rule that matches decides, and says who could sign" {
	change policies/prod/db.yaml
	sign bob
	run -1 yett verify base
	has E_APPROVALS
	has 'policies/prod/db.yaml: rule 1: role security 0/1 (bob is no member; could sign: alice)'
	git -c user.signingkey="$KEYS/alice" commit -q --amend -S -m 'Again'
	run -0 yett verify base
}

@test "a path that no rule matches may not change, one that is ignored may" {
	change docs/readme.md
	sign bob
	run -0 yett verify base
	change elsewhere/x.yaml
	sign alice
	run -1 yett verify base
	has 'elsewhere/x.yaml: no rule'
}

@test "what the compiler reads is judged, whatever is ignored" {
	change docs/hidden.yaml
	sign alice
	run -1 yett verify base
	has 'docs/hidden.yaml: no rule'
}

@test "trust/ is the root role's" {
	change trust/allowed_signers
	sed -i 's/^version: 1$/version: 2/' trust/trust.yaml
	git add -A
	sign bob
	run -1 yett verify base
	has E_ROOT
	has 'could sign all of it: alice'
	git -c user.signingkey="$KEYS/alice" commit -q --amend -S -m 'By the root'
	run -0 yett verify base
}

@test "a change cannot grant itself the right that it uses" {
	echo "mallory namespaces=\"git\" $(cut -d' ' -f1,2 "$KEYS/mallory.pub")" >trust/allowed_signers
	sed -i 's/members: \[alice\]/members: [mallory]/' trust/trust.yaml
	git add -A
	sign mallory
	run -1 yett verify base
	has E_SIGNER
}

@test "an unsigned commit is pending, and says what to type" {
	change policies/office.yaml
	git commit -q -m unsigned
	run -1 yett verify base
	has 'pending: '
	has E_UNSIGNED
	has 'git commit --allow-empty -S'
	git -c user.signingkey="$KEYS/bob" commit -q --allow-empty -S -m 'For the merge'
	run -0 yett verify base
}

@test "a signature block in the message is no signature" {
	change policies/office.yaml
	sign bob
	git cat-file commit HEAD | sed -n '/^gpgsig/,/END SSH/p' >"$BATS_TEST_TMPDIR/block"
	git commit -q --amend -F "$BATS_TEST_TMPDIR/block"
	run -1 yett verify base
	has E_UNSIGNED
}

@test "PGP is named for what it is" {
	change policies/office.yaml
	git commit -q -m x
	git cat-file commit HEAD | sed '/^committer/a gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----' >"$BATS_TEST_TMPDIR/pgp"
	run -1 yett verify base "$(git hash-object -t commit -w "$BATS_TEST_TMPDIR/pgp")"
	has E_SIGFORMAT
}

@test "a changed message, an unlisted key, an expired key, a key for other things" {
	change policies/office.yaml
	sign bob
	git cat-file commit HEAD | sed 's/^A change$/A chance/' >"$BATS_TEST_TMPDIR/forged"
	run -1 yett verify base "$(git hash-object -t commit -w "$BATS_TEST_TMPDIR/forged")"
	has E_BADSIG
	git -c user.signingkey="$KEYS/old" commit -q --amend -S -m x
	run -1 yett verify base
	has E_KEY_EXPIRED
	run -0 yett verify base --at 2019-06-01
	git -c user.signingkey="$KEYS/mallory" commit -q --amend -S -m x
	run -1 yett verify base
	has 'may not sign commits'
}

@test "history does not go back" {
	change policies/office.yaml
	sign bob
	git tag newer
	run -1 yett verify newer base
	has "E_ROLLBACK: have=$(git rev-parse --short=12 newer) offered=$(git rev-parse --short=12 base)"
	git reset -q --hard base
	change users/new.yaml
	sign bob
	run -1 yett verify newer..HEAD
	has "E_FORK: have=$(git rev-parse --short=12 newer) offered=$(git rev-parse --short=12 HEAD)"
}

@test "a threshold above one takes release mode" {
	change board/x.yaml
	sign alice
	run -1 yett verify base
	has 'role board needs 2 signatures'
}

@test "a tree without trust files, a broken one, a bad revision: exit 2 and one sentence" {
	run -2 --separate-stderr yett verify base nowhere
	git rm -q -r trust
	git commit -q -m 'No trust'
	run -2 --separate-stderr yett verify HEAD
	[ "$stderr" = 'yett: verify: of the tree in force: there is no file trust/trust.yaml [E_TRUST_FILE]' ]
	git revert -n HEAD
	sed -i 's/threshold: 1, members: \[alice\]/threshold: 0, members: [alice]/' trust/trust.yaml
	git add -A
	git commit -q -m 'Zero'
	run -2 --separate-stderr yett verify HEAD
	[[ "$stderr" == *E_TRUST_FILE* ]]
}
