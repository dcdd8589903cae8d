#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fmt: in place, all or nothing, canonical, and without a change of what a tree says.
load helper

setup() { cd "$BATS_TEST_TMPDIR"; }

build() { "$YETT" build --quiet -C "$1" -o "$2"; }

comments() { grep -rhoE '(^|[[:space:]])#.*' tree | sed 's/^ *//; s/ *$//' | sort; }

# Formats a tree, and again, and compares what it compiles to.
keeps() { # TREE
	rm -rf before after
	build "$1" before
	"$YETT" fmt --quiet "$1"
	run -0 yett fmt --check "$1"
	[ -z "$output" ]
	run -0 yett fmt "$1"
	[ -z "$output" ]
	build "$1" after
	diff -r before after
}

@test "the examples compile to the same bytes, and fmt has nothing more to say" {
	for tree in "$QUICK" "$ACME"; do
		rm -rf tree
		cp -R "$tree" tree
		keeps tree
	done
}

@test "so do shuffled and quoted trees" {
	for seed in 1 2 3 4; do
		rm -rf tree plain
		/usr/bin/python3 "$ROOT/tests/prop/shuffle.py" "$seed" "$ACME" tree
		keeps tree
		/usr/bin/python3 "$ROOT/tests/e2e/randtree.py" "$seed" plain windows
		rm -rf tree
		/usr/bin/python3 "$ROOT/tests/prop/shuffle.py" "$seed" plain tree
		keeps tree
	done
}

@test "so do trees with comments and blank lines anywhere, and no comment is lost" {
	for seed in 1 2 3 4; do
		rm -rf tree
		/usr/bin/python3 "$ROOT/tests/prop/shuffle.py" "$seed" "$QUICK" tree
		[ "$seed" -gt 2 ] || { rm -rf tree && cp -R "$ACME" tree; }
		/usr/bin/python3 "$BATS_TEST_DIRNAME/fmt/scatter.py" "$seed" tree
		comments >before.comments
		keeps tree
		comments >after.comments
		[ -s before.comments ]
		cmp before.comments after.comments
	done
}

@test "golden trees: the same verdict before and after, whatever it is" {
	codes() { "$YETT" check -C "$1" --max-errors=1000 --format=json 2>&1 >/dev/null | jq -r '.[].code' | sort; }
	n=0
	for tree in "$ROOT"/tests/golden/*/tree; do
		cp -R "$tree" tree
		if "$YETT" fmt --quiet tree >/dev/null 2>&1; then
			n=$((n + 1))
			if ! diff <(codes "$tree") <(codes tree); then
				echo "$tree"
				false
			fi
			"$YETT" fmt --check tree
			rm -rf before after
			if build "$tree" before >/dev/null 2>&1; then
				build tree after
				diff -r before after
			fi
		fi
		rm -rf tree
	done
	[ "$n" -gt 10 ]
}

@test "fmt prints what it changes; --check prints it, changes nothing and ends with 1" {
	mkdir tree
	printf 'name: a\nkind: User\n' >tree/a.yaml
	printf 'kind: User\nname: b\n' >tree/b.yml
	run -1 yett fmt --check tree
	[ "$output" = tree/a.yaml ]
	[ "$(head -1 tree/a.yaml)" = 'name: a' ]
	run -0 yett fmt tree
	[ "$output" = tree/a.yaml ]
	[ "$(cat tree/a.yaml)" = $'kind: User\nname: a' ]
	run -0 yett fmt --check tree
	[ -z "$output" ]
}

@test "without arguments the tree of -C or the current folder" {
	mkdir -p tree/users tree/trust tree/.hidden
	for file in users/a users/skip trust/t .hidden/h; do printf 'name: a\nkind: User\n' >"tree/$file.yaml"; done
	echo skip.yaml >tree/.yettignore
	run -1 yett fmt --check -C tree
	[ "$output" = tree/users/a.yaml ]
	cd tree
	run -0 yett fmt
	[ "$output" = users/a.yaml ]
	run -1 yett fmt --check users/skip.yaml trust
	[ "${#lines[@]}" -eq 2 ]
}

@test "a file with errors is left alone and reported with its place; the others are done" {
	mkdir tree
	printf 'name: a\nkind: [User\n' >tree/a.yaml
	printf 'name: b\nkind: &x User\n' >tree/b.yaml
	printf 'name: c\nkind: User\n' >tree/c.yaml
	cp -R tree before
	run -1 --separate-stderr yett fmt tree
	[ "$output" = tree/c.yaml ]
	[[ "$stderr" == *tree/a.yaml:*E_YAML_SYNTAX* ]]
	[[ "$stderr" == *tree/b.yaml:2:*E_YAML_ALIAS* ]]
	cmp tree/a.yaml before/a.yaml
	cmp tree/b.yaml before/b.yaml
	run -1 yett fmt --check tree
}

@test "a field or kind that nobody knows is no reason to leave a file alone" {
	printf 'wish: {b: 1}\nname: a\nkind: Wish\n' >a.yaml
	run -0 yett fmt a.yaml
	[ "$(cat a.yaml)" = $'kind: Wish\nname: a\nwish: {b: 1}' ]
}

@test "the file's mode stays, nothing is left beside it, and what is canonical is not written" {
	mkdir tree
	printf 'name: a\nkind: User\n' >tree/a.yaml
	chmod 640 tree/a.yaml
	yett fmt -q tree
	[ "$(stat -c %a tree/a.yaml)" = 640 ]
	[ "$(ls -A tree)" = a.yaml ]
	inode=$(stat -c %i tree/a.yaml)
	yett fmt -q tree
	[ "$(stat -c %i tree/a.yaml)" = "$inode" ]
}

@test "a file that cannot be replaced stays as it is, and the run ends with 2" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null
	mkdir tree
	printf 'name: a\nkind: User\n' >tree/a.yaml
	chmod 755 "$BATS_TEST_TMPDIR" tree
	as=()
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
	cp "$YETT" yett
	chmod 555 tree
	run -2 "${as[@]}" ./yett fmt tree
	[ "$(head -1 tree/a.yaml)" = 'name: a' ]
}

@test "- reads standard input and writes standard output" {
	run -0 yett fmt - <<<$'name: a # x\nkind: User'
	[ "$output" = $'kind: User\nname: a  # x' ]
	run -1 --separate-stderr yett fmt - <<<$'name: [a'
	[ -z "$output" ]
	run -1 yett fmt --check - <<<$'name: a\nkind: User'
	[ -z "$output" ]
	run -0 yett fmt --check - <<<$'kind: User\nname: a'
}

@test "links, missing files and --rev are refused" {
	printf 'name: a\nkind: User\n' >a.yaml
	ln -s a.yaml link.yaml
	run -2 yett fmt link.yaml
	has link
	run -2 yett fmt missing.yaml
	run -2 yett fmt --rev HEAD
	run -2 yett fmt /dev/null
	[ "$(head -1 a.yaml)" = 'name: a' ]
}

@test "what is shipped is laid out so: examples, packs, and the tree of yett init" {
	run -0 yett fmt --check "$ROOT/examples/acme/tree" "$ROOT/examples/quickstart/tree" "$ROOT/policies"
	[ -z "$output" ]
	yett init -q tree
	run -0 yett fmt --check tree
}
