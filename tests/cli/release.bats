#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Release mode with a real bare repository, real clones and real ssh-keygen: approve, verify --release, log --pending, tick.
load helper

setup_file() {
	export KEYS=$BATS_FILE_TMPDIR/keys
	mkdir -m 700 "$KEYS"
	for who in alice bob carol dave mallory ticker; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$KEYS/$who"; done
}

line() { # NAME NAMESPACES
	echo "$1 namespaces=\"$2\" $(cut -d' ' -f1,2 "$KEYS/$1.pub")"
}

setup() {
	T=$BATS_TEST_TMPDIR
	make_repo "$T/first"
	cd "$T/first" || return 1
	mkdir trust
	cat >trust/trust.yaml <<-YAML
		format: 1
		mode: release
		repo-id: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
		version: 1
		root: {threshold: 2, members: [alice, bob, carol]}
		roles:
		  netops: {threshold: 1, members: [alice, dave]}
		  owners: {threshold: 2, members: [bob, carol, dave]}
		  clock: {threshold: 1, members: [ticker], may: [tick]}
		rules:
		  - {paths: ["policies/**", "resources/**"], roles: [owners]}
		  - {paths: ["devices/**"], roles: [owners], effect: {revoke: 1}}
		  - {paths: ["**"], roles: [netops]}
		effects:
		  - {to: ["site:office"], roles: [owners]}
		limits: {max-removed-peers-percent: 50}
		ignore: ["docs/**"]
	YAML
	for who in alice bob carol dave; do line $who git,release@yett; done >trust/allowed_signers
	line ticker tick@yett >>trust/allowed_signers
	git add -A
	git commit -q -m 'Trust'
	git clone -q --bare . "$T/origin.git"
	for who in alice bob carol dave mallory ticker; do
		git clone -q "$T/origin.git" "$T/$who"
		git -C "$T/$who" config user.signingkey "$KEYS/$who.pub"
	done
}

approve() { # WHO [ARGUMENT...]
	local who=$1
	shift
	git -C "$T/$who" pull -q --ff-only
	yett approve --yes -C "$T/$who" "$@"
}
begin() { # serial 1, by two of the root
	approve alice >/dev/null
	approve bob >/dev/null
}
change() { # FILE SED-PROGRAM: committed and pushed by dave
	git -C "$T/dave" pull -q --ff-only
	sed -i "$2" "$T/dave/$1"
	git -C "$T/dave" commit -q -a -m "Change $1"
	git -C "$T/dave" push -q
}

fp16() { # WHO: as files are named
	cut -d' ' -f2 "$KEYS/$1.pub" | base64 -d | sha256sum | cut -c1-16
}
add_file() { # PATH FILE: to the log at origin, as anybody who may push could
	local o=$T/origin.git
	GIT_INDEX_FILE=$T/add git -C "$o" read-tree refs/yett/log
	GIT_INDEX_FILE=$T/add git -C "$o" update-index --add --cacheinfo "100644,$(git -C "$o" hash-object -w "$2"),$1"
	git -C "$o" update-ref refs/yett/log "$(GIT_INDEX_FILE=$T/add git -C "$o" write-tree | xargs git -C "$o" commit-tree -p refs/yett/log -m added)"
}

@test "the first release takes the root's threshold; the log tells who is missing and what to type" {
	run -0 approve alice
	has 'Release 1, after 0'
	has 'role root 1/2 (have alice; could add: bob, carol)'
	has 'signed by alice and pushed to origin (refs/yett/log)'
	has 'release 1 waits'
	run -0 yett log --pending -C "$T/bob"
	has 'signed by alice (SHA256:'
	has "to approve it: yett approve $(git -C "$T/bob" rev-parse --short=12 HEAD)"
	run -1 yett verify --release -C "$T/bob"
	has 'no release is approved yet'
	run -0 approve bob
	has 'release 1 is approved'
	run -0 yett verify --release -C "$T/carol" --format=json
	[ "$(jq -r .release.serial <<<"$output")" = 1 ]
	[ "$(jq -r .state <<<"$output")" = end ]
	run -0 yett log --pending -C "$T/carol"
	has 'nothing waits; release 1 is the newest'
	# Approving again changes nothing.
	run -0 approve carol
	has 'nothing to approve'
}

@test "what a stranger signs does not count, and approve says so before it pushes" {
	run -2 approve mallory
	has 'E_SIGNER'
	[ -z "$(git -C "$T/origin.git" for-each-ref refs/yett)" ]
}

@test "without a terminal it asks for --yes, and signs nothing" {
	run -2 yett approve -C "$T/alice" </dev/null
	has 'nothing was signed'
	[ -z "$(git -C "$T/origin.git" for-each-ref refs/yett)" ]
}

@test "thresholds by path: one below waits, at is approved" {
	begin
	change policies/office.yaml 's/description: Everybody reads/description: All read/'
	run -0 approve bob
	has 'policies/office.yaml: rule 1: role owners 1/2 (have bob; could add: carol, dave)'
	git -C "$T/carol" pull -q --ff-only
	run -1 yett verify --release -C "$T/carol" HEAD
	has 'role owners 1/2'
	run -0 approve carol
	has 'release 2 is approved'
	run -0 yett verify --release -C "$T/dave" HEAD
	has 'is released: its content is that of release 2'
}

@test "one stolen key: the thief's record waits, E_APPROVALS 1/2, and the others see it" {
	begin
	cp "$KEYS/bob" "$T/stolen"
	cp "$KEYS/bob.pub" "$T/stolen.pub"
	git -C "$T/mallory" pull -q --ff-only
	sed -i 's/tcp\/443/tcp\/1-65535/' "$T/mallory/resources/office.yaml"
	git -C "$T/mallory" commit -q -a -m 'Nothing to see'
	git -C "$T/mallory" push -q
	run -0 yett approve --yes -C "$T/mallory" --key "$T/stolen"
	has 'release 2 waits'
	run -0 yett verify --release -C "$T/alice"
	has 'release 1 is approved'
	has 'E_APPROVALS'
	has 'role owners 1/2'
	run -0 yett log --pending -C "$T/carol" --format=json
	[ "$(jq -r '.next[0].signatures[0].signer' <<<"$output")" = bob ]
	[ "$(jq -r '.next[0].code' <<<"$output")" = E_APPROVALS ]
}

@test "who gains access needs the owners, whatever file was edited" {
	begin
	change groups/admins.yaml 's/^  - user:ana$/  - user:ana\n  - user:cleo/; s/members: \[user:ana\]/members: [user:ana, user:cleo]/'
	run -0 approve alice
	has 'effect 1: role owners 0/2'
	has 'gains site:office'
	has 'groups/admins.yaml: rule 3: role netops 1/1'
	has 'release 2 waits'
	run -0 approve dave
	run -0 approve carol
	has 'release 2 is approved'
}

@test "a pure revocation takes one, a change that looks like one does not" {
	begin
	echo 'revoked: true' >"$T/more"
	git -C "$T/dave" pull -q --ff-only
	cat "$T/more" >>"$T/dave/devices/cleo-laptop.yaml"
	git -C "$T/dave" commit -q -a -m 'Stolen laptop'
	git -C "$T/dave" push -q
	run -0 approve bob
	has 'rule 2: role owners 0/1'
	has 'release 2 is approved'
	sed -i '/^revoked: true$/d' "$T/dave/devices/cleo-laptop.yaml"
	git -C "$T/dave" commit -q -a -m 'Found again'
	git -C "$T/dave" push -q
	run -0 approve bob
	has 'role owners 1/2'
	has 'release 3 waits'
}

@test "many peers at once take the flag mass-change" {
	begin
	git -C "$T/dave" pull -q --ff-only
	for d in ana-laptop ana-phone ben-laptop; do echo 'revoked: true' >>"$T/dave/devices/$d.yaml"; done
	git -C "$T/dave" rm -q -r tests
	git -C "$T/dave" commit -q -a -m 'Everybody'
	git -C "$T/dave" push -q
	run -2 approve bob
	has 'E_MASS_CHANGE'
	run -0 approve bob --mass-change
	run -0 approve alice --mass-change
	has 'release 2 is approved'
}

@test "going back takes the flag rewind, and the serial goes up" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	run -0 approve alice
	has 'release 2 is approved'
	run -2 approve alice HEAD~1
	has 'E_REWIND'
	run -0 approve alice --rewind HEAD~1
	has 'release 3 is approved'
	run -0 yett verify --release -C "$T/bob" --format=json
	[ "$(jq -r .release.commit <<<"$output")" = "$(git -C "$T/alice" rev-parse HEAD~1)" ]
	[ "$(jq -r .release.flags <<<"$output")" = rewind ]
}

@test "the root role changes by the old threshold and the new one, one version at a time" {
	begin
	git -C "$T/dave" pull -q --ff-only
	sed -i 's/^version: 1$/version: 2/; s/^root: .*/root: {threshold: 2, members: [carol, dave]}/' "$T/dave/trust/trust.yaml"
	git -C "$T/dave" commit -q -a -m 'New root'
	git -C "$T/dave" push -q
	run -0 approve alice
	run -0 approve bob
	has 'trust/ of this release: role root 0/2 (could add: carol, dave)'
	run -0 approve carol
	run -0 approve dave
	has 'release 2 is approved'
	# The old root is nobody now.
	sed -i 's/^version: 2$/version: 3/' "$T/dave/trust/trust.yaml"
	git -C "$T/dave" commit -q -a -m 'Again'
	git -C "$T/dave" push -q
	run -0 approve alice
	run -0 approve bob
	has 'release 3 waits'
	# A version that does not go one up can never be.
	sed -i 's/^version: 3$/version: 9/' "$T/dave/trust/trust.yaml"
	git -C "$T/dave" commit -q -a -m 'Too far'
	git -C "$T/dave" push -q
	run -2 approve carol
	has 'E_ROOT'
}

@test "a revoked key no longer counts, and what it signed before stays" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	approve alice
	git -C "$T/dave" pull -q --ff-only
	printf 'revoked:\n  - {key: "%s", after-serial: 3, reason: stolen}\n' "$(ssh-keygen -lf "$KEYS/alice.pub" | cut -d' ' -f2)" >>"$T/dave/trust/trust.yaml"
	sed -i 's/^version: 1$/version: 2/' "$T/dave/trust/trust.yaml"
	git -C "$T/dave" commit -q -a -m 'Stolen key'
	git -C "$T/dave" push -q
	approve bob
	run -0 approve carol
	has 'release 3 is approved'
	change users/people.yaml 's/ann@/anna@/'
	run -2 approve alice
	has 'E_SIGNER_REVOKED'
	# Nor does it with another program.
	local rec
	approve dave --not-before 2099-01-01T00:00:00Z
	rec=$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep '0004/.*rec$')
	git -C "$T/origin.git" show "refs/yett/log:$rec" >"$T/rec"
	ssh-keygen -q -Y sign -n release@yett -f "$KEYS/alice" "$T/rec"
	add_file "${rec%.rec}.sig.$(fp16 alice)" "$T/rec.sig"
	run -0 yett log --pending -C "$T/bob"
	has 'does not count: E_SIGNER_REVOKED'
	run -0 yett verify --release -C "$T/bob" --at 2099-01-01T00:00:00Z
	has 'release 4 is approved'
}

@test "two approved releases of one serial are a fork; a checkpoint of the root decides" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	git -C "$T/alice" pull -q --ff-only
	# The same person approves two futures, on two logs that later become one.
	git clone -q --bare "$T/origin.git" "$T/other.git"
	git -C "$T/other.git" fetch -q "$T/origin.git" refs/yett/log:refs/yett/log
	git -C "$T/alice" remote add other "$T/other.git"
	approve alice --note one
	git -C "$T/alice" update-ref -d refs/yett/log
	yett approve --yes -C "$T/alice" --remote other --note two
	local tree parent
	parent=$(git -C "$T/origin.git" rev-parse refs/yett/log)
	git -C "$T/origin.git" fetch -q "$T/other.git" refs/yett/log:refs/yett/other
	tree=$(git -C "$T/origin.git" ls-tree -r "refs/yett/log" | cat - <(git -C "$T/origin.git" ls-tree -r refs/yett/other) | sort -u |
		GIT_INDEX_FILE=$T/index git -C "$T/origin.git" update-index --index-info && GIT_INDEX_FILE=$T/index git -C "$T/origin.git" write-tree)
	git -C "$T/origin.git" update-ref refs/yett/log "$(git -C "$T/origin.git" commit-tree -p "$parent" -m both "$tree")"
	run -1 yett verify --release -C "$T/bob"
	has 'E_FORK'
	has 'release 1 is approved'
	# bob and carol anchor at the release that they want to keep, and sign a checkpoint on top.
	local keep
	keep=$(sha256sum <(git -C "$T/origin.git" show "$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep '0002/.*rec$' | head -1 | sed 's/^/refs\/yett\/log:/')") | cut -d' ' -f1)
	for who in bob carol; do run -0 approve $who --checkpoint --anchor "2:$keep"; done
	run -0 yett verify --release -C "$T/dave" --format=json
	[ "$(jq -r .release.serial <<<"$output")" = 3 ]
	[ "$(jq -r .release.flags <<<"$output")" = checkpoint ]
}

@test "two who push at once both count" {
	begin
	change policies/office.yaml 's/Everybody reads/All read/'
	for who in bob carol dave; do git -C "$T/$who" pull -q --ff-only; done
	yett approve --yes -C "$T/bob" >/dev/null
	git -C "$T/carol" fetch -q origin refs/yett/log:refs/yett/log
	yett approve --yes -C "$T/carol" >"$T/carol.out" 2>&1 &
	local one=$!
	yett approve --yes -C "$T/dave" >"$T/dave.out" 2>&1 &
	local two=$!
	wait "$one" && wait "$two"
	[ "$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep -c '0000000002/.*[.]sig[.]')" = 3 ]
	run -0 yett verify --release -C "$T/alice"
	has 'release 2 is approved'
}

@test "six who begin the log at once: one first commit, all signatures" {
	local pids=()
	for who in alice bob carol; do
		yett approve --yes -C "$T/$who" >"$T/$who.out" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(git -C "$T/origin.git" rev-list --max-parents=0 --first-parent refs/yett/log | wc -l)" = 1 ]
	[ "$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep -c '[.]sig[.]')" = 3 ]
}

@test "a forge that takes branches alone" {
	cat >"$T/origin.git/hooks/update" <<-'SH'
		#!/bin/sh
		case $1 in refs/heads/*) exit 0 ;; *) echo "funny refname" >&2; exit 1 ;; esac
	SH
	chmod +x "$T/origin.git/hooks/update"
	run -0 approve alice
	has '(refs/heads/yett-log)'
	run -0 approve bob
	has 'release 1 is approved'
	run -0 yett verify --release -C "$T/carol"
}

@test "a log that goes back is told" {
	begin
	local old
	old=$(git -C "$T/origin.git" rev-parse refs/yett/log)
	change users/people.yaml 's/ana@/ann@/'
	approve alice
	run -0 yett verify --release -C "$T/bob"
	has 'release 2 is approved'
	git -C "$T/origin.git" update-ref refs/yett/log "$old"
	run -2 yett verify --release -C "$T/bob"
	has 'E_ROLLBACK'
}

@test "a commit that is not what its record says is refused" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	approve alice
	# The forge puts another record in place, with another commit: no signature fits it.
	local rec
	rec=$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep '0002/.*rec$')
	git -C "$T/origin.git" show "refs/yett/log:$rec" >"$T/rec"
	[ "$(sha256sum <"$T/rec" | cut -c1-16)" = "$(basename "$rec" .rec)" ]
	run -0 yett verify --release -C "$T/bob" --anchor "2:$(sha256sum <"$T/rec" | cut -d' ' -f1)"
	has 'release 2 is approved'
	run -1 yett verify --release -C "$T/bob" --anchor "2:$(printf '%064d' 7)"
	has 'E_ANCHOR'
	run -2 yett verify --release -C "$T/bob" --anchor 2
}

@test "an approved record over another commit than its content: E_CONTENT, and what is approved stays" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	approve dave --not-before 2099-01-01T00:00:00Z
	local rec name
	rec=$(git -C "$T/origin.git" ls-tree -r --name-only refs/yett/log | grep '0002/.*rec$')
	git -C "$T/origin.git" show "refs/yett/log:$rec" |
		sed "s/^commit: .*/commit: sha1:$(git -C "$T/dave" rev-parse HEAD~1)/; s/^not-before: .*/not-before: -/" >"$T/forged"
	name=rel/0000000002/$(sha256sum <"$T/forged" | cut -c1-16)
	ssh-keygen -q -Y sign -n release@yett -f "$KEYS/dave" "$T/forged"
	add_file "$name.rec" "$T/forged"
	add_file "$name.sig.$(fp16 dave)" "$T/forged.sig"
	run -0 yett verify --release -C "$T/bob"
	has 'release 1 is approved'
	has 'E_CONTENT'
}

@test "ticks: fresh, by their own key alone, and withheld releases are told" {
	begin
	run -0 yett tick -C "$T/ticker"
	has 'release 1 is the newest one'
	run -0 yett verify --release -C "$T/alice"
	has ': fresh'
	run -0 yett verify --release -C "$T/alice" --at "$(date -u -d '+2 days' +%FT%TZ)"
	has ': stale'
	run -0 yett verify --release -C "$T/alice" --at "$(date -u -d '+9 days' +%FT%TZ)"
	has ': frozen'
	run -2 yett tick -C "$T/alice"
	has 'E_SIGNER'
	# A tick of a release that the host keeps back.
	change users/people.yaml 's/ana@/ann@/'
	approve alice
	yett tick -q -C "$T/ticker"
	local before
	before=$(git -C "$T/origin.git" ls-tree -r refs/yett/log | grep -v 0000000002)
	GIT_INDEX_FILE=$T/i git -C "$T/origin.git" update-index --index-info <<<"$before"
	git -C "$T/origin.git" update-ref refs/yett/log "$(GIT_INDEX_FILE=$T/i git -C "$T/origin.git" write-tree | xargs git -C "$T/origin.git" commit-tree -p refs/yett/log -m less)"
	run -0 yett verify --release -C "$T/carol"
	has 'release 1 is approved'
	has W_WITHHELD
}

@test "a tree with mistakes is not released" {
	begin
	change policies/office.yaml 's/group:everyone/group:evryone/'
	run -2 approve bob
	has E_REF
	run -1 yett verify --release -C "$T/bob" HEAD
}

@test "a key from the agent, a note, a time to wait for" {
	begin
	change users/people.yaml 's/ana@/ann@/'
	local agent
	agent=$(ssh-agent -s)
	eval "$agent" >/dev/null
	ssh-add -q "$KEYS/alice"
	mv "$KEYS/alice" "$KEYS/alice.away"
	git -C "$T/alice" config user.signingkey "key::$(cat "$KEYS/alice.pub")"
	run approve alice --note 'Fourth floor' --not-before 2099-01-01T00:00:00Z
	local status_was=$status
	ssh-agent -k >/dev/null
	mv "$KEYS/alice.away" "$KEYS/alice"
	[ "$status_was" = 0 ]
	has 'E_NOT_BEFORE'
	run -0 yett log --pending -C "$T/bob"
	has 'Fourth floor'
	has 'waits until 2099-01-01T00:00:00Z'
	run -0 yett verify --release -C "$T/bob" --at 2099-01-01T00:00:00Z
	has 'release 2 is approved'
}

@test "the wrong arguments: exit 2 and one sentence" {
	run -2 --separate-stderr yett approve -C "$T/alice" --not-before soon
	[[ $stderr == *"--not-before takes a time"* ]]
	run -2 --separate-stderr yett approve -C "$T/alice" --note $'two\nlines' --yes
	[[ $stderr == *"the note is one line"* ]]
	run -2 --separate-stderr yett log -C "$T/alice" --pending main
	run -2 --separate-stderr yett tick -C "$T/alice" x
	run -2 --separate-stderr yett tick -C "$T/ticker"
	[[ $stderr == *"no release is approved yet"* ]]
}
