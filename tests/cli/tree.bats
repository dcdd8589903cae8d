#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a policy tree may hold, in a folder and in a commit: the codes of files and folders, and their words.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	make_repo repo
	cd repo || return
}

commit() {
	git add -A
	git commit -q -m change
}

# A commit of a root tree that is written byte by byte: MODE NAME SHA-1, three arguments an entry.
commit_tree() {
	local tree
	while [ $# -gt 0 ]; do
		printf '%s %s\0' "$1" "$2"
		perl -e 'print pack("H*", shift)' "$3"
		shift 3
	done >../tree
	tree=$(git hash-object -t tree -w --literally --stdin <../tree)
	git update-ref refs/heads/main "$(git commit-tree -m crafted "$tree")"
}

@test "names that some system would read otherwise" {
	for name in -rf.yaml 'a b.yaml' $'bell\a.yaml' 'ümlaut.yaml'; do
		touch -- "$name"
		run -1 yett check
		has E_TREE_NAME
		commit
		run -1 yett check --rev main
		has E_TREE_NAME
		rm -- "./$name"
	done
}

@test "names that differ only in case" {
	cp -R users Users
	run -1 yett check
	has 'error: "Users" and "users" differ only in upper and lower case [E_TREE_CASE]'
	commit
	run -1 yett check --rev main
	has E_TREE_CASE
}

@test "a link, in a folder and in a commit" {
	ln -s network.yaml other.yaml
	run -1 yett check
	has 'other.yaml: error: symbolic links are not allowed in a policy tree [E_TREE_MODE]'
	commit
	run -1 yett check --rev main
	has E_TREE_MODE
}

@test "a submodule" {
	git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),sub"
	git commit -q -m submodule
	run -1 yett check --rev main
	has E_TREE_MODE
	has sub
}

@test "a tree that names an entry twice, or out of order" {
	blob=$(git hash-object -w network.yaml)
	commit_tree 100644 network.yaml "$blob" 100644 network.yaml "$blob"
	run -1 yett check --rev main
	has E_TREE_ORDER
	commit_tree 100644 network.yaml "$blob" 100644 a.yaml "$blob"
	run -1 yett check --rev main
	has E_TREE_ORDER
}

@test "a policy file that is marked as executable is a warning, once, and nothing else is" {
	git update-index --chmod=+x network.yaml
	printf '#!/bin/sh\n' >tool
	git add tool
	git update-index --chmod=+x tool
	git commit -q -m modes
	run -0 --separate-stderr yett check --rev main
	[[ "$stderr" == *'network.yaml: warning: '*'[W_TREE_MODE]'* ]]
	[ "$(grep -c W_TREE_MODE <<<"$stderr")" -eq 1 ]
	run -0 --separate-stderr yett check --rev main --quiet
	[ -z "$stderr" ]
}

@test "the sizes that are too large by one" {
	yes '# a comment of sixty-four bytes, which is a power of two, with its' | head -c $((4 << 20)) >big.yaml
	run -0 yett check
	printf '#' >>big.yaml
	run -1 yett check
	has 'big.yaml: error: '
	has E_LIMIT_FILE
	rm big.yaml
	bytes=$(find . -name '*.yaml' -printf '%s\n' | awk '{ n += $1 } END { print n }')
	run -0 yett check --max-bytes "$bytes"
	run -1 yett check --max-bytes $((bytes - 1))
	has E_LIMIT_BYTES
}

@test "a value that is too long by one" {
	value() { head -c "$1" /dev/zero | tr '\0' x; }
	printf 'kind: User\nname: long\ndescription: %s\n' "$(value 65536)" >long.yaml
	run -0 yett check
	printf 'kind: User\nname: long\ndescription: %s\n' "$(value 65537)" >long.yaml
	run -1 yett check
	has 'long.yaml:3:14'
	has E_LIMIT_SCALAR
}
