#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Alert rules and dashboard: Prometheus takes them, each alert fires when it should, and they name only metrics that exist.
set -u
cd "$(dirname "$0")/../.." || exit 1

n=0
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ok() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/said"
		status=1
	fi
}
names() { # FILE...: the metrics in it, without the suffixes of a histogram
	grep -ohE '\byett_[a-z_]+[a-z]' "$@" | sed -E 's/_(bucket|sum|count)$//' | sort -u
}
known() { # FILE
	sed -nE 's/^\| `(yett_[a-z_]+)` .*/\1/p' docs/monitoring.md | sort >"$work/known"
	[ -s "$work/known" ] || return 1
	names "$1" | comm -23 - "$work/known" >"$work/unknown"
	cat "$work/unknown"
	[ ! -s "$work/unknown" ]
}
tested() { # every alert stands in the tests, firing
	sed -nE 's/^ *- alert: *//p' contrib/prometheus/yett.rules.yml | while read -r alert; do
		grep -qE "alertname=\"$alert\"" contrib/prometheus/yett.test.yml || echo "$alert fires in no test"
	done >"$work/untested"
	cat "$work/untested"
	[ ! -s "$work/untested" ]
}

ok "promtool takes the alert rules" promtool check rules contrib/prometheus/yett.rules.yml
ok "each fires when it should, and none without a reason" sh -c 'cd contrib/prometheus && promtool test rules yett.test.yml'
ok "every alert is tested" tested
ok "they name metrics that exist" known contrib/prometheus/yett.rules.yml
ok "so does the dashboard" known contrib/grafana/yett.json
python3 - >"$work/exprs.yml" <<'END'
import json
d = json.load(open("contrib/grafana/yett.json"))
exprs = [t["expr"] for p in d["panels"] for t in p["targets"]] + [a["expr"] for a in d["annotations"]["list"]]
assert len({p["id"] for p in d["panels"]}) == len(d["panels"]) >= 10
print("groups: [{name: dashboard, rules: [")
for i, e in enumerate(exprs):
    print(" ", json.dumps({"record": f"dashboard:{i}", "expr": e.replace("$instance", ".*")}), ",")
print("]}]")
END
ok "whose queries Prometheus takes" promtool check rules "$work/exprs.yml"
echo "1..$n"
exit $status
