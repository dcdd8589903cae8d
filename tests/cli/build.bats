#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# build, init, schema: what is written, and that the same tree gives the same bytes.
load helper

same() { diff -r "$1" "$2"; }

@test "build writes the artifacts of every gateway and the profile of every device" {
	run -0 yett build -C "$QUICK" -o "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR/out"
	for file in manifest.json gateways/office/{wireguard.conf,ruleset.nft,state.json} profiles/ben-laptop.{json,conf}; do
		[ -s "$file" ] || { echo "missing $file"; false; }
	done
	jq -e . manifest.json gateways/office/state.json profiles/*.json >/dev/null
}

@test "manifest.json has the digest of each file" {
	yett build --quiet -C "$QUICK" -o "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR/out"
	find . -type f ! -name manifest.json | while read -r file; do
		grep -q "$(sha256sum "$file" | cut -d' ' -f1)" manifest.json || { echo "no digest of $file"; exit 1; }
	done
}

@test "the same bytes under another locale, time zone, umask, folder and directory order" {
	yett build --quiet -C "$ACME" -o "$BATS_TEST_TMPDIR/a"
	copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	(cd "$ACME" && find . -type f | sort -R --random-source=<(yes) | while read -r f; do
		mkdir -p "$copy/$(dirname "$f")"
		cp "$f" "$copy/$f"
	done)
	(
		umask 077
		cd /
		LC_ALL=tr_TR.UTF-8 LANG=de_DE TZ=Pacific/Apia HOME=/nowhere "$YETT" build --quiet -C "$copy" -o "$BATS_TEST_TMPDIR/b"
	)
	same "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "a commit and a folder give the same artifacts but for the commit in the manifest" {
	make_repo "$BATS_TEST_TMPDIR/repo"
	commit=$(git -C "$BATS_TEST_TMPDIR/repo" rev-parse HEAD)
	yett build --quiet -C "$QUICK" -o "$BATS_TEST_TMPDIR/a"
	yett build --quiet -C "$BATS_TEST_TMPDIR/repo" --rev main -o "$BATS_TEST_TMPDIR/b"
	jq -e '.commit == null' "$BATS_TEST_TMPDIR/a/manifest.json"
	jq -e --arg c "$commit" '.commit == $c' "$BATS_TEST_TMPDIR/b/manifest.json"
	diff <(jq 'del(.commit)' "$BATS_TEST_TMPDIR/a/manifest.json") <(jq 'del(.commit)' "$BATS_TEST_TMPDIR/b/manifest.json")
	rm "$BATS_TEST_TMPDIR"/[ab]/manifest.json
	same "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "no artifact but the manifest holds a commit, a path or a line" {
	make_repo "$BATS_TEST_TMPDIR/repo"
	yett build --quiet -C "$BATS_TEST_TMPDIR/repo" --rev main -o "$BATS_TEST_TMPDIR/out"
	rm "$BATS_TEST_TMPDIR/out/manifest.json"
	run -1 grep -rE "$(git -C "$BATS_TEST_TMPDIR/repo" rev-parse --short=10 HEAD)|office\.yaml|$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/out"
}

@test "build replaces its own output as a whole and leaves nothing old behind" {
	out=$BATS_TEST_TMPDIR/out
	yett build --quiet -C "$ACME" -o "$out"
	[ -e "$out/profiles/bob-laptop.json" ]
	yett build --quiet -C "$QUICK" -o "$out"
	[ ! -e "$out/profiles/bob-laptop.json" ]
	[ -e "$out/profiles/ben-laptop.json" ]
	[ "$(find "$BATS_TEST_TMPDIR" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "build keeps off a folder that is not its own" {
	mkdir "$BATS_TEST_TMPDIR/mine"
	echo precious >"$BATS_TEST_TMPDIR/mine/file"
	run -2 yett build -C "$QUICK" -o "$BATS_TEST_TMPDIR/mine"
	[ "$(cat "$BATS_TEST_TMPDIR/mine/file")" = precious ]
}

@test "build of a tree with errors writes nothing" {
	cp -R "$QUICK" "$BATS_TEST_TMPDIR/tree"
	echo 'colour: blue' >>"$BATS_TEST_TMPDIR/tree/network.yaml"
	run -1 yett build -C "$BATS_TEST_TMPDIR/tree" -o "$BATS_TEST_TMPDIR/out"
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "build --gateway writes that gateway alone; an unknown one ends with 2" {
	run -0 yett build -C "$ACME" -o "$BATS_TEST_TMPDIR/out" --gateway hq-1
	[ "$(ls "$BATS_TEST_TMPDIR/out/gateways")" = hq-1 ]
	run -2 yett build -C "$ACME" -o "$BATS_TEST_TMPDIR/other" --gateway hq-9
	has hq-9
	[ ! -e "$BATS_TEST_TMPDIR/other" ]
}

@test "no artifact holds a private key, and profiles have a place for one" {
	yett build --quiet -C "$QUICK" -o "$BATS_TEST_TMPDIR/out"
	run -0 grep -c PrivateKey "$BATS_TEST_TMPDIR/out/profiles/ben-laptop.conf"
	run -1 grep -rE '^PrivateKey *= *[A-Za-z0-9+/]{43}=' "$BATS_TEST_TMPDIR/out"
}

@test "wg-quick strips a profile" {
	[ "$(id -u)" -eq 0 ] || skip "needs root: wg-quick asks for it even to strip"
	yett build --quiet -C "$QUICK" -o "$BATS_TEST_TMPDIR/out"
	cp "$BATS_TEST_TMPDIR/out/profiles/ben-laptop.conf" "$BATS_TEST_TMPDIR/wg0.conf"
	chmod 600 "$BATS_TEST_TMPDIR/wg0.conf"
	run -0 wg-quick strip "$BATS_TEST_TMPDIR/wg0.conf"
	has '[Peer]'
}

@test "init makes a tree that passes check, and overwrites nothing" {
	run -0 yett init "$BATS_TEST_TMPDIR/new"
	run -0 yett check -C "$BATS_TEST_TMPDIR/new"
	echo '# mine' >>"$BATS_TEST_TMPDIR/new/network.yaml"
	run -2 yett init "$BATS_TEST_TMPDIR/new"
	has 'holds a policy tree already'
	tail -n 1 "$BATS_TEST_TMPDIR/new/network.yaml" | grep -q '# mine'
}

@test "init in a folder that cannot be made ends with 2" {
	run -2 yett init /proc/no/such
}

@test "schema prints JSON Schema 2020-12" {
	run -0 yett schema
	jq -e '."$schema" == "https://json-schema.org/draft/2020-12/schema"' <<<"$output"
}
