#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# init: a tree that passes check, CI files that a forge takes, and what their steps do.
load helper

FORGES='github gitlab gitea'

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
}

ci_file() {
	case $1 in
	gitlab) echo .gitlab-ci.yml ;;
	*) echo ".$1/workflows/yett.yml" ;;
	esac
}

@test "the tree passes check and is canonical, with the CI files of each forge and without" {
	for forge in '' $FORGES; do
		rm -rf tree
		yett init --quiet tree ${forge:+--forge "$forge"}
		run -0 yett check -C tree
		run -0 yett fmt --check tree
		[ -z "$output" ]
		[ -z "$forge" ] || [ -s "tree/$(ci_file "$forge")" ]
	done
}

@test "what the pages say is what works: a device enrolled so passes check" {
	yett init --quiet tree
	cd tree
	command=$(sed -n 's/^    \(yett enroll .*\)/\1/p' devices/README.md)
	[ -n "$command" ]
	"$BASH" -c "PATH=$B:\$PATH; $command"
	run -0 yett check
	run -0 yett fmt --check
}

@test "who signs: from a file, from git's configuration in each of its forms, and nobody" {
	ssh-keygen -q -t ed25519 -N '' -C 'Alice@Example.com' -f key </dev/null
	key=$(cut -d' ' -f1,2 key.pub)
	run -0 yett init tree --signer key.pub
	[ "$(cat tree/trust/allowed_signers)" = "alice@example.com namespaces=\"git\" $key" ]
	run -0 yett check -C tree
	[ "$(grep -c '^repo-id: [0-9a-f]\{64\}$' tree/trust/trust.yaml)" -eq 1 ]
	run -2 yett init tree --signer key.pub
	has 'trust/trust.yaml is already there'
	for setting in "$PWD/key.pub" "$PWD/key" "key::$key" "$key"; do
		rm -rf tree
		printf '[gpg]\n\tformat = ssh\n[user]\n\temail = bob@example.com\n\tsigningkey = "%s"\n' "$setting" >.gitconfig
		run -0 yett init tree
		[ "$(cat tree/trust/allowed_signers)" = "bob@example.com namespaces=\"git\" $key" ]
	done
	rm -rf tree .gitconfig
	run -0 yett init tree
	has 'No trust/ was written'
	[ ! -e tree/trust ]
	run -0 yett init tree --signer key.pub # later is early enough
	[ -e tree/trust/trust.yaml ]
	ssh-keygen -q -t rsa -b 2048 -N '' -f rsa </dev/null
	run -2 yett init other --signer rsa.pub
	has 'rsa.pub is no ssh-ed25519'
	run -2 yett init other --signer nowhere.pub
	has 'nowhere.pub cannot be read'
}

@test "check judges trust/ too" {
	ssh-keygen -q -t ed25519 -N '' -C alice -f key </dev/null
	yett init --quiet tree --signer key.pub
	sed -i 's/members: \[alice\]/members: [bob]/' tree/trust/trust.yaml
	run -1 yett check -C tree
	has 'role root names bob, who has no key in trust/allowed_signers [E_TRUST_FILE]'
	sed -i 's/^version: 1/version: none/' tree/trust/trust.yaml
	run -1 yett check -C tree
	has 'trust/trust.yaml:6:10: error'
	sed -i 's/^version: none/version: 1/' tree/trust/trust.yaml
	echo '* nobody' >>tree/trust/allowed_signers
	run -1 yett check -C tree
	has 'trust/allowed_signers: error: line 2: '
}

@test "nothing is overwritten, and then nothing is written" {
	for file in network.yaml "$(ci_file github)"; do
		rm -rf tree
		mkdir -p "tree/$(dirname "$file")"
		echo mine >"tree/$file"
		run -2 yett init tree --forge github
		has "$file"
		[ "$(cat "tree/$file")" = mine ]
		[ "$(find tree -type f | wc -l)" -eq 1 ]
	done
}

@test "each pack alone and all of them: the tree passes check, and is canonical" {
	mapfile -t packs < <(cd "$ROOT/policies" && printf '%s\n' */ | tr -d /)
	[ ${#packs[@]} -ge 5 ]
	all=()
	for pack in "${packs[@]}"; do
		rm -rf tree
		yett init --quiet tree --pack "$pack"
		cmp "tree/packs/$pack.yaml" "$ROOT/policies/$pack/$pack.yaml"
		run -0 yett check -C tree
		all+=(--pack "$pack")
	done
	rm -rf tree
	yett init --quiet tree "${all[@]}" "${all[@]}"
	[ "$(find tree/packs -type f | wc -l)" -eq ${#packs[@]} ]
	run -0 yett check -C tree
	run -0 yett fmt --check tree
	[ -z "$output" ]
}

@test "a tree that is there gets packs and nothing else, and its own files stay" {
	cp -R "$QUICK" tree
	mv tree/network.yaml tree/net.yaml
	run -0 yett init tree --pack contractors --pack production
	[ "$output" = $'tree/packs/contractors.yaml\ntree/packs/production.yaml\nNext: yett check -C tree' ]
	run -0 yett check --quiet -C tree
	run -2 yett init tree --pack guests --pack production
	has 'tree/packs/production.yaml is already there; nothing was written'
	[ ! -e tree/packs/guests.yaml ]
	run -2 yett init tree
	has 'tree holds a policy tree already (its network: net.yaml:'
	[ ! -e tree/network.yaml ]
	run -0 yett init --quiet tree --forge github
	[ "$(find tree -newer tree/packs/production.yaml -name '*.yml' | wc -l)" -eq 1 ]
}

@test "an unknown pack is named with the nearest, and nothing is written" {
	run -2 yett init tree --pack hygeine
	has 'there is no pack "hygeine"; did you mean "hygiene"?'
	run -2 yett init tree --pack fence
	has 'there is no pack "fence"; there are baseline, contractors, guests, hygiene, production'
	[ ! -e tree ]
	echo text >file
	run -2 yett init file --pack guests
	has file
}

@test "an unknown forge is named" {
	run -2 yett init tree --forge sourceforge
	has sourceforge
	[ ! -e tree ]
}

@test "the CI files are what a forge takes, ask for few rights, and shellcheck has nothing against their scripts" {
	for forge in $FORGES; do
		yett init --quiet "$forge" --forge "$forge"
		/usr/bin/python3 "$BATS_TEST_DIRNAME/init/ci.py" judge "$forge" "$forge/$(ci_file "$forge")"
	done
}

# A repository with the tree on main, and a branch that changes something.
clone_with_change() { # FORGE
	rm -rf tree clone origin.git comments bin
	yett init --quiet tree --forge "$1"
	git -C tree init -q -b main
	git -C tree add -A
	git -C tree commit -qm start
	git clone -q --bare tree origin.git
	git clone -q origin.git clone
	cd clone
	git checkout -qb change
	printf 'kind: Policy\nname: all-of-it\nfrom: [group:staff]\nto: [site:office]\n' >policies/all.yaml
	yett enroll -q me-laptop --owner me --key ../"$1.key" >devices/me-laptop.yaml
	git add -A
	git commit -qm change
	mkdir ../comments ../bin
	ln -s "$YETT" ../bin/yett
	ln -s "$ROOT/tests/cli/init/forge.py" ../bin/gh
	ln -s "$ROOT/tests/cli/init/forge.py" ../bin/curl
}

pipeline() { # FORGE EVENT [TOKEN]
	local run=$BATS_TEST_TMPDIR/runner
	mkdir -p "$run"
	: >"$run/summary"
	local given=(PATH="$BATS_TEST_TMPDIR/bin:$PATH" FORGE_DIR="$BATS_TEST_TMPDIR/comments" RUNNER_TEMP="$run" GITHUB_STEP_SUMMARY="$run/summary"
		vars.YETT_SOURCE= vars.YETT_VERSION= github.event_name="$2" github.base_ref=main github.token="${3-secret-token}"
		github.repository=o/r github.event.pull_request.number=7 github.api_url=https://forge/api/v1 runner.temp="$run"
		github.event.pull_request.head.sha="$(git rev-parse HEAD)" CI_COMMIT_SHA="$(git rev-parse HEAD)"
		CI_API_V4_URL=https://forge/api/v4 CI_PROJECT_ID=3 YETT_TOKEN="${3-secret-token}")
	[ "$2" != pull_request ] || given+=(CI_MERGE_REQUEST_IID=7 CI_MERGE_REQUEST_DIFF_BASE_SHA="$(git merge-base origin/main HEAD)")
	/usr/bin/python3 "$ROOT/tests/cli/init/ci.py" run "$1" "$(ci_file "$1")" "${given[@]}"
}

@test "a pull request gets the difference as one comment, which the next push changes" {
	for forge in $FORGES; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		run -0 pipeline "$forge" pull_request
		grep -q 'all-of-it' ../comments/1
		grep -q 'me-laptop' ../comments/1
		[ "$(head -1 ../comments/1)" = '<!-- yett diff -->' ]
		sed -i 's/all-of-it/less/' policies/all.yaml
		git commit -qam less
		run -0 pipeline "$forge" pull_request
		[ "$(ls ../comments)" = $'1\nlog' ]
		grep -q less ../comments/1
	done
}

@test "a pull request shows which signature it still needs, and fails when one does not hold" {
	ssh-keygen -q -t ed25519 -N '' -C alice -f key </dev/null
	for forge in $FORGES; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		git checkout -q main
		yett init --quiet --signer "$BATS_TEST_TMPDIR/key.pub" .
		git add -A
		git commit -qm 'Who signs'
		git update-ref refs/remotes/origin/main HEAD
		git checkout -q -b signatures
		echo '# a comment' >>network.yaml
		git commit -qam unsigned
		run -0 pipeline "$forge" pull_request
		has 'pending: '
		has 'could sign all of it: alice'
		git -c gpg.format=ssh -c user.signingkey="$BATS_TEST_TMPDIR/key" commit -q -S --allow-empty -m signed
		run -0 pipeline "$forge" pull_request
		has 'accepted: '
		git reset -q --hard "$(git cat-file commit HEAD | sed 's/^signed$/forged/' | git hash-object -t commit -w --stdin)"
		run -1 pipeline "$forge" pull_request
		has E_BADSIG
	done
}

@test "a pull request that changes no access says so" {
	for forge in $FORGES; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		git reset -q --hard main
		echo '# a comment' >>network.yaml
		git commit -qam comment
		run -0 pipeline "$forge" pull_request
		[ "$(cat ../comments/1)" = $'<!-- yett diff -->\nNothing changes: no access, no peer, no gateway, no route.' ]
	done
}

@test "a push to main is checked and comments on nothing; a tree with errors fails either way" {
	for forge in $FORGES; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		run -0 pipeline "$forge" push
		[ ! -e ../comments/log ]
		echo 'from: [group:nobody]' >>policies/all.yaml
		git commit -qam broken
		for event in push pull_request; do
			run ! pipeline "$forge" "$event"
			[ ! -e ../comments/log ]
		done
	done
}

@test "a token that may not comment, as of a pull request from a fork, fails nothing on GitHub and Gitea" {
	for forge in github gitea; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		run -0 pipeline "$forge" pull_request read-only
		[ ! -e ../comments/1 ]
		has 'could not comment'
	done
	grep -q all-of-it "$BATS_TEST_TMPDIR/runner/summary" || [[ "$output" == *all-of-it* ]]
}

@test "without yett on the runner and without its source the step says what to set" {
	for forge in $FORGES; do
		cd "$BATS_TEST_TMPDIR"
		clone_with_change "$forge"
		rm ../bin/yett
		for tool in bash git jq dirname cat sed mktemp; do ln -sf "$(command -v "$tool")" ../bin/; done
		PATH=$BATS_TEST_TMPDIR/bin run ! pipeline "$forge" push
		has YETT_SOURCE
	done
}

@test "a long difference is cut to what a comment holds" {
	clone_with_change github
	for i in $(seq 1500); do printf -- '---\nkind: Policy\nname: p%s-with-a-name-that-takes-some-room-in-the-comment\nfrom: [group:staff]\nto: [10.99.%s.%s]\n' "$i" $((i / 250 + 1)) $((i % 250 + 1)); done >policies/many.yaml
	git add -A
	git commit -qm many
	run -0 pipeline github pull_request
	[ "$(wc -c <../comments/1)" -lt 65536 ]
}
