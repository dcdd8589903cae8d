#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hostile git objects served to a gateway in commit mode: commits whose headers and signatures are not what they seem, trees that no tree should be.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/guarded.bash
. tests/e2e/guarded.bash
guarded_inside "$0" "$@"
guarded_begin
git -C "$repo" tag in-force

# What git would not write, straight into what the gateway fetches.
store() { # TYPE, bytes on standard input: its id
	git --git-dir="$bare" hash-object --literally -t "$1" -w --stdin
}
raw() { git -C "$repo" cat-file commit "$1"; }
block() { raw "$1" | sed -n '/^gpgsig/,/END SSH/p'; }

# --- commits ---

opens_other
sign alice good
git -C "$repo" push -q "$bare" "HEAD:refs/heads/parts" # its tree and its parent are there
good=$(id_of HEAD)
raw "$good" >"$work/good"
block "$good" >"$work/block"
body() { sed '/^gpgsig/,/END SSH/d' "$work/good"; }

attack 'a signature in the message alone' E_UNSIGNED "$( (body; cat "$work/block") | store commit)"
attack 'a NUL and more behind it' E_NUL "$( (cat "$work/good"; printf '\0evil') | store commit)"
attack 'two signatures' E_HDR "$(sed "/END SSH/r $work/block" "$work/good" | store commit)"
attack 'a signature of the other kind of repository' E_HDR "$(sed 's/^gpgsig /gpgsig-sha256 /' "$work/good" | store commit)"
attack 'a header that git ignores' E_HDR "$(sed 's/^committer .*/&\nevil: yes/' "$work/good" | store commit)"
attack 'PGP' E_SIGFORMAT "$(body | sed '/^committer/a gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----' | store commit)"
attack 'another message under the same signature' E_BADSIG "$(sed 's/^good$/evil/' "$work/good" | store commit)"

# A signature that alice made for something else, over exactly these bytes.
body >"$work/payload"
ssh-keygen -q -Y sign -f "$keys/alice" -n release@yett <"$work/payload" >"$work/sig" 2>/dev/null
sed '1s/^/gpgsig /; 2,$s/^/ /' "$work/sig" >"$work/other-block"
attack 'a signature made for another purpose' E_NS "$(sed "/^committer/r $work/other-block" "$work/payload" | store commit)"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$keys/rsa" </dev/null
ssh-keygen -q -Y sign -f "$keys/rsa" -n git <"$work/payload" >"$work/sig" 2>/dev/null
sed '1s/^/gpgsig /; 2,$s/^/ /' "$work/sig" >"$work/other-block"
attack 'a kind of key that does not count' E_KEYTYPE "$(sed "/^committer/r $work/other-block" "$work/payload" | store commit)"

# --- trees ---

blob=$(echo 'kind: User' | store blob)
entry() { # MODE NAME ID
	printf '%s %s\0' "$1" "$2"
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$(sed 's/../\\x&/g' <<<"$3")"
}
with_tree() { # of standard input's tree: a commit on top of what is in force
	printf 'tree %s\nparent %s\nauthor t <t@example.com> 0 +0000\ncommitter t <t@example.com> 0 +0000\n\nx\n' "$(store tree)" "$(id_of in-force)" |
		store commit
}
attack 'a way out of the tree' E_TREE_NAME "$(entry 100644 .. "$blob" | with_tree)"
attack 'a name with a slash' E_TREE_NAME "$(entry 100644 a/b "$blob" | with_tree)"
attack 'a name with a backslash' E_TREE_NAME "$(entry 100644 'a\b' "$blob" | with_tree)"
attack 'a repository in the tree' E_TREE_NAME "$(entry 100644 .GIT "$blob" | with_tree)"
attack 'names that case alone tells apart' E_TREE_CASE "$( (entry 100644 Users.yaml "$blob"; entry 100644 users.yaml "$blob") | with_tree)"
attack 'a symbolic link' E_TREE_MODE "$(entry 120000 x.yaml "$(printf /etc/shadow | store blob)" | with_tree)"
attack 'a submodule' E_TREE_MODE "$(entry 160000 x "$(id_of in-force)" | with_tree)"
attack 'entries out of order' E_TREE_ORDER "$( (entry 100644 b.yaml "$blob"; entry 100644 a.yaml "$blob") | with_tree)"
attack 'a name twice' E_TREE_ORDER "$( (entry 100644 a.yaml "$blob"; entry 100644 a.yaml "$blob") | with_tree)"
deep=$(entry 100644 a.yaml "$blob" | store tree)
for _ in $(seq 40); do deep=$(entry 40000 d "$deep" | store tree); done
attack 'forty folders deep' E_TREE_DEPTH "$(entry 40000 d "$deep" | with_tree)"
bomb=$(entry 100644 a "$blob" | store tree)
for _ in $(seq 20); do bomb=$( (entry 40000 a "$bomb"; entry 40000 b "$bomb") | store tree); done
attack 'a million paths out of twenty folders' E_TREE_COUNT "$(entry 40000 a "$bomb" | with_tree)"

# --- what is good goes through all the same ---

begin_anew
echo '# a note' >>"$repo/net.yaml"
accept bob
serial_is 2
result $? 'a signed commit is accepted after all that' <"$work/said"
guarded_end
