#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# log: what each commit did, who signed it, who could ever reach something; --at with --rev.
load helper

setup() {
	repo=$BATS_TEST_TMPDIR/repo
	at 2030-01-01
	make_repo "$repo"
	cd "$repo" || return 1
}

at() { # DATE for the commits that follow
	export GIT_AUTHOR_DATE=${1}T12:00:00Z GIT_COMMITTER_DATE=${1}T12:00:00Z
}

commit() { # SUBJECT
	git add -A
	git commit -q -m "$1"
}

# ben gets ssh to the nas in February, loses it in April; a mistake lies between.
ssh_story() {
	at 2030-02-01
	printf -- 'kind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n' >policies/ssh.yaml
	commit 'Ben gets ssh'
	at 2030-03-01
	printf 'kind: Polcy\nname: x\n' >policies/slip.yaml
	commit 'A slip'
	at 2030-04-01
	git rm -q policies/slip.yaml policies/ssh.yaml
	commit 'Ben loses ssh'
}

@test "each commit with its people, its documents and its access" {
	ssh_story
	run -0 yett log
	has 'Ben gets ssh'
	has '+ Policy ben-ssh'
	has '+ resource:nas (192.168.10.30)  tcp/22  always  by policy ben-ssh (policies/ssh.yaml:1:1)'
	has '- Policy ben-ssh'
	has '- resource:nas'
	has 'author:    T <t@example.com>'
	has 'signature: none'
	has 'date:      2030-04-01T12:00:00Z'
	[[ "$(yett log | head -1)" == "commit $(git rev-parse HEAD)" ]]
}

@test "a commit with errors says so, and the next is compared with the last good one" {
	ssh_story
	run -0 yett log --format=json
	jq -e '.[1] | .broken and .errors[0].code == "E_KIND" and (has("access") | not)' <<<"$output"
	jq -e --arg base "$(git rev-parse HEAD~2)" '.[0].compared_with == $base' <<<"$output"
	jq -e '.[0].access[0].loses[0].policy == "ben-ssh"' <<<"$output"
	jq -e '[.[].subject] == ["Ben loses ssh", "A slip", "Ben gets ssh", "start"]' <<<"$output"
	run -0 yett log
	has 'the tree has errors; gateways keep what they have'
	has 'compared with'
}

@test "what log says of a commit is what diff says of it" {
	ssh_story
	run -0 yett log --format=json HEAD~3..HEAD~2
	log=$(jq -S '.[0].access' <<<"$output")
	run -0 yett diff --format=json --at "$GIT_COMMITTER_DATE" HEAD~3 HEAD~2
	[ "$log" = "$(jq -S .access <<<"$output")" ]
}

@test "ranges, --rev, --max-count, and what is no revision" {
	ssh_story
	[ "$(yett log HEAD~1 | grep -c '^commit')" = 3 ]
	[ "$(yett log HEAD~2.. | grep -c '^commit')" = 2 ]
	[ "$(yett log --rev HEAD~1 | grep -c '^commit')" = 3 ]
	[ "$(yett log -n 2 | grep -c '^commit')" = 2 ]
	run -0 yett log --format=json HEAD..HEAD
	[ "$output" = '[]' ]
	run -2 yett log no-such-branch
	has no-such-branch
	run -2 yett log HEAD~1...HEAD
	run -2 yett log HEAD --rev HEAD
	run -2 yett log --access resource:nas HEAD~1..HEAD
	mkdir "$BATS_TEST_TMPDIR/none"
	GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR run -2 yett log -C "$BATS_TEST_TMPDIR/none"
}

@test "commits that leave the policy tree alone are passed over" {
	mkdir net
	git mv -k [a-z]* net/
	commit 'Into a folder'
	echo text >README
	commit 'A note'
	echo '# a comment' >>net/network.yaml
	commit 'A comment'
	for where in '-C net' '--path net'; do
		# shellcheck disable=SC2086
		run -0 yett log $where
		[[ "$output" != *'A note'* ]]
		has 'A comment'
		has '~ network.yaml'
		has 'access does not change'
	done
}

@test "a merge is shown once, where it came into force; --merged adds what it brought" {
	git checkout -q -b side
	ssh_story >/dev/null
	git checkout -q main
	at 2030-05-01
	git checkout -q -b one HEAD
	printf -- 'kind: Policy\nname: cleo-ssh\nfrom: [user:cleo]\nto: [resource:nas]\nports: [tcp/22]\n' >policies/cleo.yaml
	commit 'On a branch'
	git checkout -q main
	at 2030-05-02
	git merge -q --no-ff -m 'Merge one' one
	run -0 yett log --format=json
	jq -e '[.[].subject] == ["Merge one", "start"] and .[0].merge and .[0].access[0].gains[0].policy == "cleo-ssh"' <<<"$output"
	run -0 yett log --merged --format=json
	jq -e '[.[].subject] == ["Merge one", "On a branch", "start"]' <<<"$output"
}

@test "claims of reviews are told as claims" {
	echo '# x' >>network.yaml
	commit $'A change\n\nReviewed-by: Cleo <cleo@example.com>\napproved-by: Ana <ana@example.com>'
	run -0 yett log -n 1
	has 'message says: Reviewed-by: Cleo <cleo@example.com>'
	run -0 yett log -n 1 --format=json
	jq -e '.[0].approvals == [{claim:"Reviewed-by",who:"Cleo <cleo@example.com>"},{claim:"Approved-by",who:"Ana <ana@example.com>"}]' <<<"$output"
}

@test "signatures: whose, good or bad, by the list that was there before" {
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$BATS_TEST_TMPDIR/key"
	mkdir trust
	git config gpg.format ssh
	git config user.signingkey "$BATS_TEST_TMPDIR/key"
	printf 'ana@example.com namespaces="git" %s\n' "$(cut -d' ' -f1,2 "$BATS_TEST_TMPDIR/key.pub")" >trust/allowed_signers
	git add -A
	git commit -q -S -m 'Lists herself'
	echo '# x' >>network.yaml
	git add -A
	git commit -q -S -m 'By Ana'
	print=$(ssh-keygen -lf "$BATS_TEST_TMPDIR/key.pub" | cut -d' ' -f2)
	run -0 yett log
	has "signature: good, by ana@example.com ($print)"
	has "signature: good, by a key that is not listed ($print)"
	run -0 yett log --format=json
	jq -e --arg p "$print" '.[0].signature == {state:"good",signer:"ana@example.com",fingerprint:$p,code:null}' <<<"$output"
	jq -e '.[1].signature.signer == null and .[2].signature.state == "none"' <<<"$output"
	# the same object with another message
	id=$(git cat-file commit HEAD | sed 's/^By Ana$/By Eve/' | git hash-object -t commit -w --stdin)
	run -0 yett log -n 1 "$id"
	has 'By Eve'
	has 'signature: bad (E_BADSIG)'
}

@test "what a message holds cannot steer the terminal" {
	echo '# x' >>network.yaml
	printf 'red \033[31m \342\200\256 text\n' >"$BATS_TEST_TMPDIR/msg"
	git add -A
	git commit -q -F "$BATS_TEST_TMPDIR/msg"
	run -0 yett log -n 1
	[[ "$output" != *$'\033'* && "$output" != *$'\342\200\256'* ]]
	has 'red'
}

@test "--access: who, from when to when, by which commits" {
	ssh_story
	run -0 yett log --access resource:nas
	has 'device:ben-laptop (user:ben)'
	has 'from  2030-02-01T12:00:00Z'
	has 'Ben gets ssh (T), policy ben-ssh'
	has 'until 2030-04-01T12:00:00Z'
	has 'Ben loses ssh'
	has '1 commit with errors in the tree changed nothing'
	run -0 yett log --quiet --access resource:nas --format=json
	jq -e --arg by "$(git rev-parse HEAD~2)" --arg stop "$(git rev-parse HEAD)" \
		'[.[] | select(.source == "device:ben-laptop" and .policy == "ben-ssh")] | length == 1 and .[0].by.commit == $by and
		 .[0].ended_by.commit == $stop and .[0].to == [{port:"tcp/22",addresses:["192.168.10.30"]}] and .[0].when == ""' <<<"$output"
	jq -e '[.[] | select(.source == "device:ben-laptop" and .policy == "files")] | .[0].until == null and
		.[0].when == "mon-fri 07:00-20:00 UTC" and .[0].from == "2030-01-01T12:00:00Z"' <<<"$output"
	run -2 yett log --access resource:nsa
	has nas
}

@test "--access: another policy that goes on with it, dates, and a user who ends" {
	at 2030-02-01
	printf -- 'kind: Policy\nname: a\nfrom: [user:ben]\nto: [192.168.10.30]\nports: [tcp/22, tcp/23]\n' >policies/ssh.yaml
	commit 'First'
	at 2030-03-01
	printf -- 'kind: Policy\nname: b\nexpires: 2030-06-01\nfrom: [user:ben]\nto: [192.168.10.30]\nports: [tcp/22]\n' >policies/ssh.yaml
	commit 'Second'
	run -0 yett log --access resource:nas --format=json
	jq -e '[.[] | select(.policy == "a")] | length == 2 and
		(.[0] | .to[0].port == "tcp/23" and .until == "2030-03-01T12:00:00Z" and .ended_by.subject == "Second") and
		(.[1] | .to[0].port == "tcp/22" and .from == "2030-02-01T12:00:00Z" and .until == "2030-06-01T00:00:00Z" and .ended_by == null)' <<<"$output"
	run -0 yett log --access resource:nas
	has 'by its dates'
}

@test "--at with --rev: a past date is answered by the commit that was current then" {
	at 2020-01-01
	git commit -q --amend --reset-author -m start
	at 2021-01-01
	printf -- 'kind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n' >policies/ssh.yaml
	commit 'Ben gets ssh'
	gets=$(git rev-parse HEAD)
	at 2022-01-01
	git rm -q policies/ssh.yaml
	commit 'Ben loses ssh'
	run -1 yett can --rev main ben-laptop resource:nas tcp/22
	run -0 yett can --rev main --at 2021-06-01 ben-laptop resource:nas tcp/22
	has ben-ssh
	run -1 yett can --rev main --at 2020-06-01 ben-laptop resource:nas tcp/22
	run -1 yett can --rev main --at 2022-06-01 ben-laptop resource:nas tcp/22
	run -2 yett can --rev main --at 2019-06-01 ben-laptop resource:nas tcp/22
	has 'does not reach back to 2019-06-01'
	# a whole commit id is that commit, whatever the time
	run -0 yett can --rev "$gets" --at 2020-06-01 ben-laptop resource:nas tcp/22
	run -0 yett who --rev main --at 2021-06-01 resource:nas tcp/22
	has ben-laptop
	run -0 yett who --rev main --at 2022-06-01 resource:nas tcp/22
	[[ "$output" != *ben-laptop* ]]
	run -0 yett access --rev main --at 2021-06-01 user:ben
	has tcp/22
	# the folder itself knows no past
	run -1 yett can --at 2021-06-01 ben-laptop resource:nas tcp/22
	# each line of a batch its own
	printf '{"device":"ben-laptop","dest":"resource:nas","port":"tcp/22","at":"%s-06-01"}\n' 2020 2021 2022 2100 >lines
	printf '{"device":"ben-laptop","dest":"resource:nas","port":"tcp/22"}\n' >>lines
	run -0 yett can --batch --rev main <lines
	[ "$(jq -r .verdict <<<"$output" | tr '\n' ' ')" = 'deny allow deny deny deny ' ]
	run -2 yett can --batch --rev main <<<'{"device":"ben-laptop","dest":"resource:nas","at":"2019-06-01"}'
	has 'does not reach back'
}

@test "dating a commit back does not change the past" {
	at 2021-01-01
	printf -- 'kind: Policy\nname: ben-ssh\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n' >policies/ssh.yaml
	git add -A
	GIT_COMMITTER_DATE=2020-06-01T00:00:00Z git commit -q --amend --reset-author -m start
	GIT_COMMITTER_DATE=2024-01-01T00:00:00Z git commit -q --allow-empty -m later
	git rm -q policies/ssh.yaml
	GIT_COMMITTER_DATE=2021-01-01T00:00:00Z git commit -q -m 'Dated back'
	run -0 yett can --rev main --at 2022-01-01 ben-laptop resource:nas tcp/22
	run -1 yett can --rev main --at 2024-06-01 ben-laptop resource:nas tcp/22
	run -0 yett log --access resource:nas --format=json
	jq -e '.[] | select(.policy == "ben-ssh") | .until == "2024-01-01T00:00:00Z"' <<<"$output"
}

@test "a repository without work tree, and a tree that comes and goes" {
	ssh_story
	git clone -q --bare . "$BATS_TEST_TMPDIR/bare.git"
	[ "$(yett log -C "$BATS_TEST_TMPDIR/bare.git" main)" = "$(yett log main)" ]
	run -0 yett log --path no-such-folder
	[ -z "$output" ]
	mkdir net
	git mv -k [a-z]* net/
	at 2030-05-01
	commit 'Into a folder'
	git rm -q -r net
	at 2030-06-01
	echo text >README
	commit 'Gone'
	run -0 yett log --path net
	has 'the policy tree is gone; gateways keep what they have'
	has '+ Network example'
}
