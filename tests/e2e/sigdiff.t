#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Signatures and signed commits, wrong in one place or in none: what we accept, ssh-keygen -Y verify and git verify-commit accept too. For
# 20 seconds, or FUZZ_SECONDS; `make fuzz` gives it an hour.
set -u
build=$(realpath -m "${B:-build}")
seconds=${FUZZ_SECONDS:-20}
seed=${FUZZ_SEED:-$(date +%s)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME=$dir
echo 1..2
out=$(timeout $((seconds + 120)) "$build/tests/e2e/sigdiff" "$dir" "$seconds" "$seed" 2>"$dir/err")
status=$?
figure() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$out"; }
echo "# seed $seed: $out"
[ "$status" -eq 0 ] && [ "$(figure looser)" = 0 ] || printf 'not '
echo "ok 1 - nothing is accepted here that OpenSSH or git refuse"
[ "$status" -eq 0 ] || sed 's/^/# /' "$dir/err" | head -50
# Without many that both accept, and some that only they do, the first line would say little.
[ "$(figure both)" -ge 10 ] && [ "$(figure stricter)" -ge 1 ] && [ "$(figure neither)" -ge 5 ] || printf 'not '
echo "ok 2 - the inputs come near enough: accepted by both, by neither, and by them alone"
exit $((status != 0))
