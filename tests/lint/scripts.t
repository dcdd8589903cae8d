#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every shell script of ours, judged by shellcheck.
set -u

scripts=()
while IFS= read -r file; do
	scripts+=("$file")
done < <(find contrib tests .ci -type f ! -path '*/golden/*/*' -exec grep -lE '^#!.*\b(sh|bash)$' {} + | LC_ALL=C sort)

echo "1..${#scripts[@]}"
status=0
n=0
for file in "${scripts[@]}"; do
	n=$((n + 1))
	if out=$(shellcheck -x -S warning "$file" 2>&1); then
		echo "ok $n - shellcheck $file"
	else
		echo "not ok $n - shellcheck $file"
		while IFS= read -r line; do echo "# $line"; done <<<"$out"
		status=1
	fi
done
exit $status
