#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each fuzzer for FUZZ_SECONDS (60) from its corpus: no crash, no leak, nothing undefined, no input that takes over 5 s. Two at a time,
# behind everything else that runs.
# `make fuzz` runs them for an hour each. What was found is kept in B/fuzz/found.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${B:-build}")/fuzz
seconds=${FUZZ_SECONDS:-60}
found=$build/found
mkdir -p "$found"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

names=()
for source in tests/fuzz/fuzz_*.c; do
	name=${source#tests/fuzz/fuzz_}
	names+=("${name%.c}")
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fuzz() { # fuzz NAME: its log and status into $work
	mkdir -p "$work/$1.new"
	if [ ! -d "tests/fuzz/corpus/$1" ]; then
		echo "it has no corpus" >"$work/$1.log"
		echo 1 >"$work/$1.status"
		return
	fi
	nice -n 5 timeout $((seconds + 60)) "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 \
		-artifact_prefix="$found/$1-" "$work/$1.new" "tests/fuzz/corpus/$1" >"$work/$1.log" 2>&1
	echo $? >"$work/$1.status"
}

echo "1..${#names[@]}"
for ((i = 0; i < ${#names[@]}; i += 2)); do
	for name in "${names[@]:i:2}"; do fuzz "$name" & done
	wait
	for ((k = i; k < i + 2 && k < ${#names[@]}; k++)); do
		name=${names[k]}
		status=$(cat "$work/$name.status")
		runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$work/$name.log")
		[ "$status" -eq 0 ] && [ "${runs:-0}" -gt 0 ] || printf 'not '
		echo "ok $((k + 1)) - $name: ${runs:-0} runs in ${seconds} s"
		[ "$status" -eq 0 ] || tail -n 60 "$work/$name.log" | sed 's/^/# /'
	done
done
