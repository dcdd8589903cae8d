#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Help, usage errors and exit statuses of every command.
load helper

COMMANDS='check test build diff can who access init schema fmt address enroll complete'

@test "yett --help lists every command and --version says the version" {
	run -0 yett --help
	for command in $COMMANDS; do has "$command"; done
	run -0 yett --version
	has "$(cat "$ROOT/VERSION")"
}

@test "every command has --help with its options" {
	for command in $COMMANDS; do
		run -0 yett "$command" --help
		has "yett $command"
		has --quiet
	done
}

@test "help goes to standard output, errors to standard error" {
	run -0 --separate-stderr yett check --help
	[ -n "$output" ] && [ -z "$stderr" ]
	run -2 --separate-stderr yett check --no-such-option
	[ -z "$output" ] && [ -n "$stderr" ]
}

@test "no command, an unknown command and unknown options end with 2" {
	run -2 yett
	run -2 yett chekc
	for command in $COMMANDS; do
		run -2 yett "$command" --no-such-option
	done
}

@test "too few or too many arguments end with 2" {
	run -2 yett check extra
	run -2 yett test extra
	run -2 yett can
	run -2 yett can one
	run -2 yett can a b c d
	run -2 yett who
	run -2 yett access
	run -2 yett diff
	run -2 yett diff a b c
	run -2 yett build -C "$QUICK"
}

@test "a missing folder is one clear sentence and 2" {
	for command in check test 'can a b' 'who b' 'access any'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr yett $command -C /no/such/folder
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == *"/no/such/folder"* ]]
	done
}

@test "a file in place of a folder ends with 2" {
	run -2 yett check -C "$QUICK/network.yaml"
}

@test "a format that the command does not have ends with 2" {
	run -2 yett check -C "$QUICK" --format=sandwich
	run -2 yett who 10.7.0.11 -C "$QUICK" --format=tap
}

@test "--color and --max-bytes take sensible values only" {
	run -2 yett check -C "$QUICK" --color=sometimes
	run -2 yett check -C "$QUICK" --max-bytes=many
}

@test "a tree larger than --max-bytes is refused with a sentence" {
	run yett check -C "$QUICK" --max-bytes=100
	[ "$status" -ne 0 ]
	[ -n "$output" ]
}

@test "a bad time ends with 2" {
	run -2 yett can ben-laptop 192.168.10.20 -C "$QUICK" --at yesterday
	run -2 yett check -C "$QUICK" --at 2026-13-01
}

@test "yettd and yettctl have --help, and refuse what they do not know" {
	run -0 "$B/yettd" --help
	has --config
	run -0 "$B/yettctl" --help
	has status
	run -2 "$B/yettd" --no-such-option
	run -2 "$B/yettctl" --no-such-option
	run -2 "$B/yettctl" sandwich
}

@test "yettd without a configuration says so and ends with 2" {
	run -2 "$B/yettd" --config /no/such/file --once
	has /no/such/file
}

@test "yettd refuses a repository that is not said to be unsigned, and says what to write" {
	cat >"$BATS_TEST_TMPDIR/yettd.yaml" <<-EOF
		gateway: office
		repository: file://$BATS_TEST_TMPDIR/policy.git
		private_key_file: $BATS_TEST_TMPDIR/key
		state_dir: $BATS_TEST_TMPDIR/state
		control_socket: $BATS_TEST_TMPDIR/sock
	EOF
	run -2 "$B/yettd" --config "$BATS_TEST_TMPDIR/yettd.yaml" --once
	has 'trust: {mode: unsigned}'
}

@test "yettctl says so when no daemon listens" {
	run -2 "$B/yettctl" --socket "$BATS_TEST_TMPDIR/none.sock" status
	[ -n "$output" ]
}

@test "help and version that could not be written end with 2" {
	for word in --help --version 'check --help'; do
		# shellcheck disable=SC2086
		run -2 bash -c "$YETT $word >/dev/full"
		[[ "$output" == "yett: cannot write the result" ]]
	done
}

@test "help and version of the daemon and its control that could not be written end with 2" {
	for program in yettd yettctl; do
		for word in --help --version; do
			run -2 bash -c "$B/$program $word >/dev/full"
			[ "$output" = "$program: cannot write the result" ]
		done
	done
}

@test "no line of any help is longer than 80 columns" {
	{
		yett --help
		"$B/yettd" --help
		"$B/yettctl" --help
		for command in $(yett --help | sed -n 's/^  \([a-z]\{3,\}\) .*/\1/p'); do yett "$command" --help; done
	} >"$BATS_TEST_TMPDIR/help"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -gt 300 ]
	run -0 awk 'length($0) > 80 || / $/' "$BATS_TEST_TMPDIR/help"
	[ -z "$output" ]
}

@test "what the terminal would obey is not echoed" {
	bad=$'x\e[31mred\a\xe2\x80\xaetxt'
	for question in "can -C $QUICK $bad resource:nas" "can -C $QUICK ben-laptop $bad" "can -C $QUICK ben-laptop resource:nas $bad" \
		"$bad" "check --format=$bad" "check --$bad" "who -C $QUICK $bad" "explain $bad" "check --at $bad" "enroll $bad" "diff $bad"; do
		# shellcheck disable=SC2086
		run yett $question
		[ "$status" -ne 0 ]
		[[ "$output" == *red* ]]
		[[ "$output" != *$'\e'* && "$output" != *$'\a'* && "$output" != *$'\xe2\x80\xae'* ]]
	done
	run -2 "$B/yettctl" "$bad"
	[[ "$output" == *red* && "$output" != *$'\e'* ]]
}

@test "a limit of 0 is an error and not the default" {
	for limit in max-bytes max-errors threads; do
		run -2 yett check -C "$QUICK" --$limit=0
		[[ "$output" == "yett: check: --$limit takes a number"*"above 0, not 0" ]]
	done
	run -0 yett check -C "$QUICK" --max-errors=1 --max-bytes=1M
}

@test "a wrong option is told from one without its value" {
	run -2 yett check --frob
	[[ "$output" == *"--frob is not one of its options"* ]]
	run -2 yett check -C
	[[ "$output" == *"-C lacks its value"* ]]
	run -2 yett check --quiet=3
	[[ "$output" == *"--quiet=3 gives a value to an option that takes none"* ]]
	run -2 yett check --max-errors=many
	[[ "$output" == *"--max-errors takes a number above 0, not many"* ]]
}

@test "a misspelt device, gateway or port is named, and the nearest offered" {
	run -2 yett can -C "$QUICK" ben-lapto resource:nas
	[[ "$output" == *'did you mean "ben-laptop"?'* ]]
	run -2 yett can -C "$QUICK" user:ben resource:nas
	[[ "$output" == *'yett access user:ben'* ]]
	run -2 yett can -C "$QUICK" ben-laptop resource:nas 443
	[[ "$output" == *'not 443' ]]
	run -2 yett build -C "$QUICK" -o "$BATS_TEST_TMPDIR/out" --gateway=offic
	[[ "$output" == *'did you mean office?' ]]
	run -2 yett build -C "$QUICK" -o ''
	[[ "$output" == *'name the folder to write'* ]]
}
