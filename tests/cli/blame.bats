#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# can --blame: the commit that made the deciding policy what it is, and who signed it.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	at 2020-01-01
	make_repo repo
	cd repo || return 1
}

at() { # DATE for the commits that follow
	export GIT_AUTHOR_DATE=${1}T12:00:00Z GIT_COMMITTER_DATE=${1}T12:00:00Z
}
commit() { # SUBJECT
	git add -A
	git commit -q -m "$1"
}
ask() { # OPTIONS...: the subject of the commit that is named
	yett can -q "$@" ben-laptop resource:intranet tcp/443 --blame --format=json | jq -r '.introduced.subject'
}
office=policies/office.yaml

@test "the first commit, with its people; and nothing where no policy decides" {
	run -0 yett can ben-laptop resource:intranet tcp/443 --blame
	has 'policy: intranet (policies/office.yaml:1:1)'
	has "commit: $(git rev-parse HEAD) start"
	has 'author: T <t@example.com>, 2020-01-01T12:00:00Z'
	has 'committer: T <t@example.com>, 2020-01-01T12:00:00Z'
	has 'signature: none'
	run -1 yett can ben-laptop resource:nas tcp/22 --blame
	[[ "$output" != *commit:* ]]
	run -1 yett can ben-laptop resource:nas tcp/22 --blame --format=json
	jq -e 'has("introduced") and .introduced == null' <<<"$output"
	run -2 yett can --batch --blame
}

@test "what others do, layout and moves are passed over; a change of the document is named" {
	at 2020-02-01
	sed -i 's/^description: Everybody reads the intranet/description: Everybody reads it/' $office
	commit 'Says it shorter'
	at 2020-03-01
	sed -i 's/priority: 0//; s/File shares/Shares/' $office
	commit 'Another document of the file'
	sed -i 's/^from: \[group:everyone\]/from:\n  - "group:everyone"/; 1i # Policies of the office' $office
	commit 'Layout and a comment'
	mkdir later
	git mv $office later/all.yaml
	commit 'Moved'
	echo 'description: nothing' >>users/people.yaml
	commit 'A user'
	[ "$(ask)" = 'Says it shorter' ]
	git branch then
	sed -i 's/Everybody reads it/All read it/' later/all.yaml
	[ "$(ask)" = null ]
	run -0 yett can ben-laptop resource:intranet tcp/443 --blame
	has 'commit: intranet is not committed like this yet'
	[ "$(ask --rev then)" = 'Says it shorter' ]
	commit 'All of them'
	[ "$(ask)" = 'All of them' ]
	[ "$(ask --rev main~2)" = 'Says it shorter' ]
	[ "$(ask --rev main --at 2020-01-15)" = start ]
}

@test "what went and came back is the commit that brought it back; trees with mistakes in between are no obstacle" {
	cp $office "$BATS_TEST_TMPDIR/office"
	sed -i '1,/^---$/d' $office
	commit 'Gone'
	cp "$BATS_TEST_TMPDIR/office" $office
	commit 'Back'
	echo 'kind: Polcy' >policies/slip.yaml
	commit 'A slip'
	git rm -q policies/slip.yaml
	commit 'No slip'
	[ "$(ask)" = Back ]
}

@test "of a merge the side that it came from; the merge itself only for what it changed" {
	git checkout -q -b side
	sed -i 's/^description: Everybody reads the intranet/description: From the side/' $office
	commit 'On the side'
	git checkout -q main
	echo 'description: x' >>users/people.yaml
	commit 'On main'
	git merge -q --no-edit side
	[ "$(ask)" = 'On the side' ]
	git checkout -q -b other HEAD^1
	sed -i 's/^description: Everybody reads the intranet/description: From the other/' $office
	commit 'On the other'
	git checkout -q main
	git merge -q other || true
	git checkout -q --theirs $office 2>/dev/null
	sed -i 's/^description: From the other/description: From both/' $office
	commit 'Merged by hand'
	[ "$(ask)" = 'Merged by hand' ]
}

@test "the signer is named as the list before the commit names the key" {
	ssh-keygen -q -t ed25519 -N '' -f ../key
	mkdir trust
	printf 'ana@example.com namespaces="git" %s\n' "$(cut -d' ' -f1,2 ../key.pub)" >trust/allowed_signers
	commit 'Who may sign'
	sed -i 's/^description: Everybody reads the intranet/description: Signed/' $office
	git add -A
	git -c gpg.format=ssh -c user.signingkey=../key.pub commit -q -S -m Signed
	run -0 yett can ben-laptop resource:intranet tcp/443 --blame
	has 'signature: good, by ana@example.com (SHA256:'
	run -0 yett can ben-laptop resource:intranet tcp/443 --blame --format=json
	[ "$(jq -r '.introduced.signature | .state, .signer' <<<"$output" | xargs)" = 'good ana@example.com' ]
}

@test "no repository, and a history that was cut off, are said" {
	cp -R "$QUICK" ../plain
	run -2 yett can -C ../plain ben-laptop resource:intranet tcp/443 --blame
	has plain
	echo 'description: x' >>users/people.yaml
	commit 'On main'
	git clone -q --depth 1 "file://$PWD" ../shallow
	run -2 yett can -C ../shallow ben-laptop resource:intranet tcp/443 --blame
	has 'is the history complete?'
}
