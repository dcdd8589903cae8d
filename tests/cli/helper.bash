# SPDX-License-Identifier: Apache-2.0
# Shared by the command line tests: where the program is, and trees to try it on.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
B=$(cd "$ROOT" && realpath -m "${B:-build}")
YETT=$B/yett
ACME=$ROOT/examples/acme/tree
QUICK=$ROOT/examples/quickstart/tree
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.com
unset NO_COLOR

# The bats of Debian 12 knows --separate-stderr only when asked for.
bats_require_minimum_version 1.5.0

yett() { "$YETT" "$@"; }

# A git repository whose main branch holds the quickstart tree.
make_repo() { # DIR
	mkdir -p "$1"
	cp -R "$QUICK/." "$1"
	git -C "$1" init -q -b main
	git -C "$1" add -A
	git -C "$1" commit -q -m start
}

has() { # TEXT in the output
	[[ "$output" == *"$1"* ]] || {
		printf 'not in the output: %s\n%s\n' "$1" "$output"
		return 1
	}
}
