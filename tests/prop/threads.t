#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# However many threads read a tree, artifacts and messages are the same to the byte: of good trees, and of trees with mistakes of all sorts.
set -u
cd "$(dirname "$0")/../.." || exit 1
yett=$(realpath "${B:-build}/yett")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
ok() { # ok STATUS NAME
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}
repo=$work/repo
tests/bench/gen.py "$work/gen" --devices 1500 --policies 60 --groups 30
git init -q -b main "$repo"
git -C "$repo" config user.name Tester
git -C "$repo" config user.email tester@example.com
# One document a file, so that there is something to share out.
python3 - "$work/gen" "$repo" <<'PY'
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        for i, text in enumerate(open(os.path.join(folder, name)).read().split("---\n")):
            out = os.path.join(sys.argv[2], os.path.relpath(folder, sys.argv[1]), "%s-%d.yaml" % (name[:-5], i))
            os.makedirs(os.path.dirname(out), exist_ok=True)
            open(out, "w").write(text)
PY
commit() { git -C "$repo" add -A && git -C "$repo" commit -qm "$1"; }
same() { # same NAME ARGUMENT...: with 1, 2 and 4 threads, of the commit and of the folder
	local name=$1 good=0 first="" t how
	shift
	for how in "--rev=main" "--quiet"; do
		[ "$how" = --quiet ] || set -- "$@" --quiet
		first=""
		for t in 1 2 4; do
			"$yett" "$@" -C "$repo" "$how" --threads "$t" >"$work/out" 2>&1
			echo "status $?" >>"$work/out"
			[ -s "$work/out" ] || good=1
			if [ -z "$first" ]; then first=$work/first && mv "$work/out" "$first"; else cmp -s "$first" "$work/out" || good=1; fi
		done
	done
	ok "$good" "$name"
}
commit Good
for t in 1 2 4; do
	"$yett" build -C "$repo" --rev main --threads "$t" -o "$work/build$t" --quiet || ok 1 "yett build with $t threads"
done
diff -r "$work/build1" "$work/build2" >/dev/null && diff -r "$work/build1" "$work/build4" >/dev/null
ok $? "the artifacts of a good tree"
same "the messages of a good tree" check --format=json

# Mistakes of each stage, in many files.
i=0
for file in "$repo"/devices/*-1?.yaml; do
	i=$((i + 1))
	case $((i % 6)) in
	0) echo "nonsense: 1" >>"$file" ;;
	1) echo "  bad: [" >>"$file" ;;
	2) sed -i 's/^owner: .*/owner: nobody/' "$file" ;;
	3) printf '\x01' >>"$file" ;;
	4) sed -i 's/^name: .*/name: d1/' "$file" ;;
	5) sed -i 's/^public_key: .*/public_key: *a/' "$file" ;;
	esac
done
commit Mistakes
same "the messages about mistakes" check --format=json --max-errors=100000
same "the messages about mistakes, as many as there is room for" check
head -c 5000000 /dev/zero | tr '\0' '#' >"$repo/devices/00000-50.yaml"
commit "A file that is too long"
same "a file that is too long" check --format=json --max-errors=100000
same "a tree that is too long" check --format=json --max-bytes=20K
chmod +x "$repo/users/00000-3.yaml" && ln -s x "$repo/users/link.yaml"
commit "Modes"
same "modes" check --format=json
echo "1..$n"
