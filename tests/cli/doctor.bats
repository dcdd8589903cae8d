#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# doctor: what it finds in a clone, of a key, at a remote and in a gateway's configuration, and what it says to type.
load helper

setup_file() {
	export KEYS=$BATS_FILE_TMPDIR/keys
	mkdir -m 700 "$KEYS"
	for who in alice bob; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$KEYS/$who"; done
	ssh-keygen -q -t rsa -b 2048 -N '' -C rsa -f "$KEYS/rsa"
}

setup() {
	T=$BATS_TEST_TMPDIR
	make_repo "$T/repo"
	cd "$T/repo" || return 1
	unset SSH_AUTH_SOCK
	mkdir trust
	cat >trust/trust.yaml <<-YAML
		format: 1
		mode: release
		repo-id: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
		version: 1
		root: {threshold: 1, members: [alice, bob]}
		roles:
		  netops: {threshold: 1, members: [alice]}
		rules:
		  - {paths: ["**"], roles: [netops]}
	YAML
	for who in alice bob; do echo "$who namespaces=\"git,release@yett\" $(cut -d' ' -f1,2 "$KEYS/$who.pub")"; done >trust/allowed_signers
	git add -A
	git commit -q -m Trust
	git clone -q --bare . "$T/origin.git"
	git remote add origin "$T/origin.git"
	git config user.signingkey "$KEYS/alice.pub"
}
edit() { # FILE SED
	sed -i "$2" "$1"
	git commit -q -a -m edit
}

@test "nothing bad: exit 0, and JSON says the same" {
	run -0 yett doctor
	has 'trust/ reads well: release mode, version 1, 2 signers'
	has "it is alice's, of root, netops"
	has 'origin has no log of releases yet'
	run -0 yett doctor --format=json
	[ "$(jq '[.[] | select(.level == "bad")] | length' <<<"$output")" = 0 ]
	run -0 yett doctor --quiet
	[ -z "$output" ]
}

@test "no key, an unreadable one, one of another kind, one that nobody listed, one without its private half" {
	git config --unset user.signingkey
	run -1 yett doctor
	has 'git has no key to sign with'
	has 'type: git config user.signingkey'
	run -1 yett doctor --key "$T/none.pub"
	has 'cannot be read'
	run -1 yett doctor --key "$KEYS/rsa.pub"
	has 'not of a kind that counts'
	edit trust/allowed_signers '/^bob/d'
	run -1 yett doctor --key "$KEYS/bob.pub"
	has 'trust/allowed_signers does not list it'
	cp "$KEYS/alice.pub" "$T/alone.pub"
	run -1 yett doctor --key "$T/alone.pub"
	has 'type: ssh-add'
}

@test "the key of an agent" {
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q "$KEYS/alice"
	git config user.signingkey "key::$(cat "$KEYS/alice.pub")"
	run yett doctor
	ssh-agent -k >/dev/null
	[ "$status" = 0 ]
}

@test "a namespace, a window, a role, a security key that lacks" {
	edit trust/allowed_signers 's/^alice namespaces="git,release@yett"/alice namespaces="git",valid-before="20200101Z"/'
	run -1 yett doctor
	has 'lacks the namespace release@yett'
	has 'outside its validity window'
	edit trust/trust.yaml 's/members: \[alice, bob\]/members: [bob]/; s/members: \[alice\]/members: [bob]/'
	run -1 yett doctor
	has 'alice is a member of no role'
	edit trust/trust.yaml 's/netops: {threshold: 1, members: \[bob\]/netops: {threshold: 1, members: [alice], require-hardware: true/'
	run -1 yett doctor
	has 'takes security keys alone'
}

@test "roles that nobody can fill, or only just" {
	edit trust/trust.yaml 's/threshold: 1, members: \[alice, bob\]/threshold: 2, members: [alice, bob]/'
	run -0 yett doctor
	has 'role root needs all 2 of its members'
	edit trust/allowed_signers '/^bob/d'
	run -1 yett doctor
	has 'lists 1 of its members'
}

@test "trust files with mistakes, none, no repository" {
	edit trust/trust.yaml 's/version: 1/version: 0/'
	run -1 yett doctor
	has 'trust/trust.yaml:4'
	git rm -q -r trust
	git commit -q -m none
	run -1 yett doctor
	has 'there is no folder trust'
	run -1 yett doctor -C "$T"
	has 'no git repository'
}

@test "commit mode: git has to sign with SSH keys" {
	edit trust/trust.yaml 's/mode: release/mode: commit/'
	run -1 yett doctor
	has 'type: git config gpg.format ssh'
	git config gpg.format ssh
	run -0 yett doctor
}

@test "a forge: tried only when asked, and left as it was" {
	run -0 yett doctor --try
	has 'takes refs below refs/yett'
	has 'lets whoever may push rewrite them'
	[ -z "$(git -C "$T/origin.git" for-each-ref refs/yett)" ]
	cat >"$T/origin.git/hooks/update" <<-'SH'
		#!/bin/sh
		case $2$3 in *0000000000*) exit 0 ;; esac
		git merge-base --is-ancestor "$2" "$3"
	SH
	chmod +x "$T/origin.git/hooks/update"
	run -0 yett doctor --try
	has 'takes fast-forwards alone'
	printf '#!/bin/sh\ncase $1 in refs/heads/*) exit 0 ;; esac\nexit 1\n' >"$T/origin.git/hooks/update"
	run -0 yett doctor --try
	has 'the log will be the branch yett-log'
	git remote set-url origin "$T/gone.git"
	run -1 yett doctor
	has 'does not answer'
	git remote remove origin
	run -0 yett doctor
	has 'there is no remote origin'
}

@test "a gateway's configuration, asked of yettd" {
	printf 'gateway: hq-1\nrepository: /srv/net.git\ntrust: {mode: unsigned}\n' >"$T/yettd.yaml"
	head -c 32 /dev/urandom | base64 >"$T/private.key"
	chmod 600 "$T/private.key"
	printf 'private_key_file: %s\n' "$T/private.key" >>"$T/yettd.yaml"
	run -0 yett doctor --config "$T/yettd.yaml"
	has 'yettd takes'
	sed -i '/^trust/d' "$T/yettd.yaml"
	run -1 yett doctor --config "$T/yettd.yaml"
	has 'yettd refuses'
	has 'E_TRUST'
	has 'type: yettd --check'
}

@test "a shallow clone" {
	git clone -q --depth 1 "file://$T/origin.git" "$T/shallow"
	run yett doctor -C "$T/shallow"
	has 'git fetch --unshallow'
}
