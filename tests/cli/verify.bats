#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# verify: real commits, signed by real ssh-keygen keys, judged by the trust files of the tree before them.
load helper

setup_file() {
	export KEYS=$BATS_FILE_TMPDIR/keys
	mkdir -m 700 "$KEYS"
	for who in alice bob carol mallory old; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$KEYS/$who"; done
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

# A change of trust/ that may follow: its version grows by one.
next_version() {
	local v
	v=$(sed -n 's/^version: //p' trust/trust.yaml)
	sed -i "s/^version: .*/version: $((v + 1))/" trust/trust.yaml
	git add -A
}

@test "each signed commit on the way is judged in its turn, and judges what follows" {
	change policies/office.yaml
	sign bob
	echo "carol namespaces=\"git\" $(cut -d' ' -f1,2 "$KEYS/carol.pub")" >>trust/allowed_signers
	sed -i 's/netops: .*members: .*/netops: {threshold: 1, members: [alice, bob, carol]}/' trust/trust.yaml
	next_version
	sign alice
	git tag carol-joins
	change policies/office.yaml
	git commit -q -m 'Not signed, vouched for by the next'
	change policies/other.yaml
	sign carol
	run -0 yett verify base..HEAD --format=json
	[ "$(jq -r '"\(.signer) \(.steps)"' <<<"$output")" = 'carol 3' ]
	[ "$(jq -r .tree <<<"$output")" = "$(git rev-parse 'HEAD^{tree}')" ]
	# The same in two parts: who saw a tip between comes to the same end.
	run -0 yett verify base..carol-joins
	run -0 yett verify carol-joins..HEAD
	# Without the step between, nobody let carol in.
	git reset -q --soft base
	sign carol
	run -1 yett verify base..HEAD
	has E_SIGNER
}

@test "a merge that the forge made is taken in by a signed commit on top; either parent may lead back" {
	git checkout -q -b side
	change policies/side.yaml
	sign bob
	git checkout -q main
	change users/new.yaml
	sign bob
	git merge -q --no-ff -m 'Merge, unsigned' side
	run -1 yett verify base
	has 'pending: '
	has 'could sign all of it: alice, bob'
	has 'type: git commit --allow-empty -S && git push'
	git -c user.signingkey="$KEYS/bob" commit -q --allow-empty -S -m 'Taken in'
	run -0 yett verify base..HEAD
	run -0 yett verify side..HEAD
}

@test "trust/ goes forward one version at a time, keeps its repo-id, and does not lock its signer out" {
	change trust/allowed_signers
	sign alice
	run -1 yett verify base
	has 'E_ROOT: with a change below trust/ its version goes from 1 to 2; write version: 2 in trust/trust.yaml'
	git reset -q --hard base
	next_version
	next_version
	sign alice
	run -1 yett verify base
	has 'E_ROOT: with a change'
	git reset -q --hard base
	next_version
	sed -i 's/^repo-id: 00/repo-id: 01/' trust/trust.yaml
	git add -A
	sign alice
	run -1 yett verify base
	has 'E_ROOT: repo-id changes'
	git reset -q --hard base
	next_version
	sed -i 's/^root: .*/root: {threshold: 1, members: [bob]}/' trust/trust.yaml
	git add -A
	sign alice
	run -1 yett verify base
	has 'E_ROOT: role root 0/1 (alice is no member; could sign: bob)'
	git reset -q --hard base
	next_version
	sed -i '/^alice/d' trust/allowed_signers
	git add -A
	sign alice
	run -1 yett verify base
	has 'E_ROOT: the key of alice would no longer stand in trust/allowed_signers'
}

@test "a trust folder that could not judge the next change is refused: E_SIGNERS, E_TRUST_FILE, E_TRUST_MODE" {
	for line in '* namespaces="git"' 'eve' 'eve namespaces="git"'; do
		git reset -q --hard base
		echo "$line $(cut -d' ' -f1,2 "$KEYS/mallory.pub")" >>trust/allowed_signers
		next_version
		sign alice
		run -1 yett verify base
		has 'E_SIGNERS: trust/allowed_signers: line 5: '
	done
	git reset -q --hard base
	sed -i 's/^root: .*/root: {threshold: 0, members: [alice]}/' trust/trust.yaml
	next_version
	sign alice
	run -1 yett verify base
	has 'E_TRUST_FILE: trust/trust.yaml:5: a threshold is at least 1'
	git reset -q --hard base
	git rm -q -r trust
	sign alice
	run -1 yett verify base
	has 'E_TRUST_FILE: there is no file trust/trust.yaml'
	git reset -q --hard base
	sed -i 's/^mode: commit/mode: release/' trust/trust.yaml
	next_version
	sign alice
	run -1 yett verify base
	has E_TRUST_MODE
}

@test "what is refused in a commit's header: two signatures, one before the author, a strange one, a NUL" {
	change policies/office.yaml
	sign bob
	git cat-file commit HEAD >"$BATS_TEST_TMPDIR/good"
	sed -n '/^gpgsig/,/END SSH/p' "$BATS_TEST_TMPDIR/good" >"$BATS_TEST_TMPDIR/block"
	body() { sed '/^gpgsig/,/END SSH/d' "$BATS_TEST_TMPDIR/good"; }
	body | sed "/^committer/r $BATS_TEST_TMPDIR/block" | sed "/END SSH/r $BATS_TEST_TMPDIR/block" >"$BATS_TEST_TMPDIR/twice"
	body | sed "/^parent/r $BATS_TEST_TMPDIR/block" >"$BATS_TEST_TMPDIR/early"
	sed 's/^gpgsig /gpgsig-sha256 /' "$BATS_TEST_TMPDIR/good" >"$BATS_TEST_TMPDIR/strange"
	run -2 --separate-stderr yett verify base "$(git hash-object --literally -t commit -w "$BATS_TEST_TMPDIR/early")"
	[[ "$stderr" == *E_HDR* ]]
	for what in twice strange; do
		run -1 yett verify base "$(git hash-object --literally -t commit -w "$BATS_TEST_TMPDIR/$what")"
		has E_HDR
	done
	{ cat "$BATS_TEST_TMPDIR/good"; printf '\0evil'; } >"$BATS_TEST_TMPDIR/nul"
	run -1 yett verify base "$(git hash-object --literally -t commit -w "$BATS_TEST_TMPDIR/nul")"
	has E_NUL
}

@test "every file of the tree counts: flipped by somebody else it is rejected, by the right person the approved tree is another" {
	change docs/readme.md
	change policies/prod/db.yaml
	change policies/office.yaml
	change users/ana.yaml
	sign alice
	git tag approved
	run -0 yett verify base..approved --format=json
	tree=$(jq -r .tree <<<"$output")
	for file in $(git ls-files); do
		git checkout -q approved
		python3 - "$file" <<-'PY'
			import sys
			data = bytearray(open(sys.argv[1], "rb").read())
			data[-2] ^= 1
			open(sys.argv[1], "wb").write(data)
		PY
		git add -A
		# The old signature over a new tree.
		git cat-file commit approved | sed "s/^tree .*/tree $(git write-tree)/" >"$BATS_TEST_TMPDIR/forged"
		run -1 yett verify base "$(git hash-object -t commit -w "$BATS_TEST_TMPDIR/forged")"
		has E_BADSIG
		git -c user.signingkey="$KEYS/mallory" commit -q -S -m flip
		run -1 yett verify approved..HEAD
		git -c user.signingkey="$KEYS/alice" commit -q --amend -S -m flip
		run yett verify approved..HEAD --format=json
		[ "$status" -eq 1 ] || [ "$(jq -r .tree <<<"$output")" != "$tree" ]
	done
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
