#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The forms in which check and test answer, and explain.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp -R "$QUICK" tree
}

broken() {
	sed -i 's/group:everyone/group:evryone/' tree/policies/office.yaml
	echo 'colour: "50%, a:b <i>"' >>tree/sites/office.yaml
	printf 'kind: Policy\nname: idle\nfrom: [any]\nto: [site:office]\nnot_before: 2040-01-01\nexpires: 2030-01-01\n' >tree/policies/idle.yaml
}

# The public schema of SARIF 2.1.0, as an npm package ships it; kept in the build folder.
sarif_schema() {
	local folder=$B/npm/jest-sarif
	SCHEMA=$folder/package/lib/schemas/sarif-2.1.0-rtm.5.json
	[ ! -f "$SCHEMA" ] || return 0
	command -v npm >/dev/null || skip "npm is not installed"
	mkdir -p "$folder"
	(cd "$folder" && timeout 120 npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null 2>&1 && tar xzf ./*.tgz) ||
		skip "the npm registry is out of reach"
}

validate() { # FILE against $SCHEMA
	/usr/bin/python3 - "$SCHEMA" "$1" <<-'PYTHON'
		import json, sys, jsonschema
		schema, log = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
		jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
	PYTHON
}

@test "sarif: an empty log and a full one validate against the public schema" {
	sarif_schema
	run -0 --separate-stderr yett check -C tree --format=sarif
	printf '%s' "$output" >empty.sarif
	validate empty.sarif
	[ -z "$stderr" ]
	jq -e '.version == "2.1.0" and (.runs[0].results | length) == 0' empty.sarif
	broken
	run -1 --separate-stderr yett check -C tree --format=sarif
	printf '%s' "$output" >full.sarif
	validate full.sarif
	run -1 yett check -C "$BATS_TEST_TMPDIR" --format=sarif # no Network: a result without a place
	printf '%s' "$output" >whole.sarif
	validate whole.sarif
	sed -i 's/"2.1.0"/"2.1"/' full.sarif # the test of the test
	run ! validate full.sarif
}

@test "sarif: each result has its rule, its level and its place" {
	broken
	run -1 --separate-stderr yett check -C tree --format=sarif
	printf '%s' "$output" >log
	jq -e '.runs[0] as $r | $r.results | all(.[]; . as $x | $r.tool.driver.rules[$x.ruleIndex].id == $x.ruleId)' log
	jq -e '[.runs[0].results[] | select(.ruleId == "E_REF")][0].locations[0].physicalLocation |
		.artifactLocation.uri == "tree/policies/office.yaml" and .artifactLocation.uriBaseId == "%SRCROOT%" and
		.region.startLine == 4 and .region.startColumn == 8' log
	jq -e '.runs[0].results[] | select(.ruleId == "W_NEVER") | .level == "warning"' log
	jq -e '.runs[0].tool.driver.rules | all(.[]; .shortDescription.text != "" and .help.text != "")' log
	[ "$(jq '[.runs[0].tool.driver.rules[].id] | length' log)" -eq "$(jq '[.runs[0].results[].ruleId] | unique | length' log)" ]
}

@test "files are named from where the command runs, or from the repository's root" {
	echo 'colour: blue' >>tree/network.yaml
	for dir in tree ./tree "$PWD/tree"; do
		run -1 yett check -C "$dir" --format=github
		[[ "$output" == "::error file=tree/network.yaml,line=5,col=1,title=E_UNKNOWN_FIELD::"* ]]
	done
	cd tree
	run -1 yett check --format=github
	[[ "$output" == "::error file=network.yaml,"* ]]
	cd /
	run -1 yett check -C "$BATS_TEST_TMPDIR/tree" --format=sarif
	[ "$(jq -r '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri' <<<"$output")" != network.yaml ]
	cd "$BATS_TEST_TMPDIR"
	git init -q -b main .
	git add -A
	git commit -q -m start
	run -1 yett check --rev main --path tree --format=github
	[[ "$output" == "::error file=tree/network.yaml,"* ]]
}

@test "github: one line a diagnostic, with what ends a command or a property escaped" {
	broken
	printf 'kind: User\nname: "100%%\\nof, it: all"\n' >tree/users/odd.yaml
	run -1 --separate-stderr yett check -C tree --format=github
	[ -z "$stderr" ]
	while read -r line; do
		[[ "$line" =~ ^::(error|warning)\ (file=[^:,]+,line=[0-9]+,(col=[0-9]+,)?)?title=[EW]_[A-Z_]+::. ]] || { echo "$line"; false; }
	done <<<"$output"
	has '::warning file=tree/policies/idle.yaml,line=6,col=10,title=W_NEVER::'
	has '100%25'
	[[ "$output" != *"100% "* ]]
}

@test "junit: well-formed, a case for each diagnostic, and one that passes when nothing is wrong" {
	run -0 --separate-stderr yett check -C tree --format=junit
	[ "$(xpath_count "$output" './/testcase')" -eq 1 ]
	[ "$(xpath_count "$output" './/failure')" -eq 0 ]
	broken
	run -1 --separate-stderr yett check -C tree --format=junit
	[ -z "$stderr" ]
	local xml=$output
	run -1 --separate-stderr yett check -C tree --format=json
	[ "$(xpath_count "$xml" './/testcase')" -eq "$(jq length <<<"$output")" ]
	[ "$(xpath_count "$xml" './/failure')" -eq "$(jq '[.[] | select(.severity == "error")] | length' <<<"$output")" ]
}

xpath_count() { # XML XPATH
	/usr/bin/python3 -c 'import sys, xml.etree.ElementTree as e; print(len(e.fromstring(sys.argv[1].encode()).findall(sys.argv[2])))' "$1" "$2"
}

@test "test --format=junit: a case for each Test and Guardrail" {
	printf 'kind: Guardrail\nname: no-shares\nnever: {from: [user:cleo], to: [resource:nas]}\n' >tree/guardrail.yaml
	run -1 --separate-stderr yett test -C tree --format=junit
	[ "$(xpath_count "$output" './/testcase')" -eq 3 ]
	[ "$(xpath_count "$output" './/testcase[@name="no-shares"]/failure[@type="E_GUARDRAIL"]')" -eq 1 ]
	[ "$(xpath_count "$output" './/testcase[@classname="Test"]/failure')" -eq 0 ]
	sed -i 's/^never/severity: warning\nnever/' tree/guardrail.yaml
	run -0 --separate-stderr yett test -C tree --format=junit
	[ "$(xpath_count "$output" './/failure')" -eq 0 ]
	[ "$(xpath_count "$output" './/testcase[@name="no-shares"]/system-out')" -eq 1 ]
}

@test "json: an array on standard output, also of nothing; --quiet leaves the warnings out" {
	run -0 --separate-stderr yett check -C tree --format=json
	[ "$(jq length <<<"$output")" -eq 0 ]
	broken
	run -1 --separate-stderr yett check -C tree --format=json
	jq -e 'any(.[]; .code == "W_NEVER") and any(.[]; .code == "E_REF")' <<<"$output"
	run -1 --separate-stderr yett check -C tree --format=json --quiet
	jq -e 'all(.[]; .severity == "error")' <<<"$output"
}

@test "the forms keep what --max-errors keeps, and say that there is more" {
	for i in $(seq 12); do
		printf 'kind: User\nname: u%s\ncolour: blue\n' "$i" >"tree/users/u$i.yaml"
	done
	run -1 yett check -C tree --format=github --max-errors 5
	[ "${#lines[@]}" -eq 6 ]
	[[ "${lines[5]}" == "::notice title=yett::and 7 more" ]]
	run -1 yett check -C tree --format=junit --max-errors 5
	has 'and 7 more'
	run -1 --separate-stderr yett check -C tree --format=sarif --max-errors 5
	[ "$(jq '.runs[0].results | length' <<<"$output")" -eq 5 ]
}

@test "explain says what a code means, in three forms" {
	run -0 yett explain E_REF
	has "E_REF (error)"
	has "group:evryone"
	run -0 yett explain E_REF W_NO_PATH --format=json
	[ "$(jq -s 'map(.code) | join(" ")' <<<"$output")" = '"E_REF W_NO_PATH"' ]
	run -0 yett explain E_REF --format=markdown
	has "### \`E_REF\`"
}

@test "explain offers the nearest code, and lists all of them" {
	run -2 --separate-stderr yett explain E_RFE
	[[ "$stderr" == *"did you mean E_REF?"* ]]
	run -2 --separate-stderr yett explain w-no-path
	[[ "$stderr" == *"W_NO_PATH"* ]]
	run -2 yett explain nothing-like-that
	has "--all"
	run -2 yett explain
	run -2 yett explain --all E_REF
	run -0 yett explain --all
	has E_TREE_NAME
	has W_NO_PATH
	run -0 yett explain --all --format=json
	jq -e 'all(.[]; .code and .severity and .group and .title and .explanation and .bad and .good)' <<<"$output"
}
