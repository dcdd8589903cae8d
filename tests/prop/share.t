#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yett diff of two commits shares what both have: it says what the diff of their folders says, of which nothing is shared, whatever was edited.
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
git init -q -b main "$repo"
git -C "$repo" config user.name Tester
git -C "$repo" config user.email tester@example.com
tests/bench/gen.py "$work/gen" --devices 200 --policies 40 --groups 12
python3 - "$work/gen" "$repo" <<'PY'
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        for i, text in enumerate(open(os.path.join(folder, name)).read().split("---\n")):
            out = os.path.join(sys.argv[2], os.path.relpath(folder, sys.argv[1]), "%s-%d.yaml" % (name[:-5], i))
            os.makedirs(os.path.dirname(out), exist_ok=True)
            open(out, "w").write(text)
PY
cat >"$work/edit.py" <<'PY'
"""A few random edits of a tree: what people do, and mistakes."""
import os, random, shutil, sys
root, rnd = sys.argv[1], random.Random(int(sys.argv[2]))
def files(kind):
    return sorted(os.path.join(root, kind, f) for f in os.listdir(os.path.join(root, kind)))
def read(p):
    return open(p).read()
def write(p, text):
    open(p, "w").write(text)
def priority():
    p = rnd.choice(files("policies"))
    write(p, "".join(x for x in read(p).splitlines(True) if not x.startswith("priority")) + "priority: %d\n" % rnd.randrange(-9, 9))
def gone():
    os.remove(rnd.choice(files("devices")))
def moved():
    p = rnd.choice(files("devices"))
    os.makedirs(os.path.join(root, "moved"), exist_ok=True)
    shutil.move(p, os.path.join(root, "moved", os.path.basename(p)))
def off():
    p = rnd.choice(files("users"))
    write(p, read(p) + ("" if "enabled" in read(p) else "enabled: false\n"))
def copy():
    write(os.path.join(root, "copy.yaml"), read(rnd.choice(files("devices"))))
def broken():
    p = rnd.choice(files("groups"))
    write(p, read(p) + "colour: red\n")
def torn():
    write(os.path.join(root, "torn.yaml"), "a: [\n")
def empty():
    write(os.path.join(root, "empty.yaml"), "kind: Policy\nname: nobody\nfrom: [\"tag:unheard-of\"]\nto: [any]\n")
def comment():
    p = rnd.choice(files("policies"))
    write(p, "# why\n" + read(p))
edits = [priority, priority, gone, moved, off, comment, empty] + ([copy, broken, torn] if rnd.random() < 0.4 else [])
for _ in range(rnd.randrange(1, 5)):
    rnd.choice(edits)()
PY
git -C "$repo" add -A && git -C "$repo" commit -qm Base
ready=0
for seed in $(seq 14); do
	python3 "$work/edit.py" "$repo" "$seed"
	git -C "$repo" add -A && git -C "$repo" commit -qm "Edit $seed" --allow-empty
	for side in "main~1" main; do
		rm -rf "${work:?}/$side" && mkdir -p "$work/$side" && git -C "$repo" archive "$side" | tar -x -C "$work/$side"
	done
	"$yett" diff -C "$repo" --format=json "main~1" main >"$work/shared" 2>"$work/shared.said"
	shared=$?
	"$yett" diff --format=json "$work/main~1" "$work/main" >"$work/plain" 2>"$work/plain.said"
	plain=$?
	[ "$shared" -eq 0 ] && ready=$((ready + 1))
	for f in shared plain; do
		[ -s "$work/$f" ] && jq 'del(.base, .head)' "$work/$f" >"$work/$f.rest" || : >"$work/$f.rest"
	done
	[ "$shared" -eq "$plain" ] && cmp -s "$work/shared.rest" "$work/plain.rest" && cmp -s "$work/shared.said" "$work/plain.said"
	status=$?
	[ "$status" -eq 0 ] || diff "$work/shared.said" "$work/plain.said" | head -20 | sed 's/^/# /'
	ok "$status" "edit $seed: the same differences and messages (ended with $shared)"
	# What is broken is mended before the next.
	[ "$shared" -eq 0 ] || git -C "$repo" reset -q --hard main~1
done
[ "$ready" -ge 4 ] && [ "$ready" -lt 14 ]
ok $? "$ready of 14 trees were right, so both ways are taken"
echo "1..$n"
