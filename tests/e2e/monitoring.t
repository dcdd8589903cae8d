#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The daemon watched over HTTP: metrics, health, status, the webhook, and requests that nobody honest sends.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/daemon.sh
. tests/e2e/daemon.sh

url=http://127.0.0.1:9469
(umask 077 && echo 'It is a secret, they say: 0123' >"$work/hook.secret")
secret='It is a secret, they say: 0123'
write_config "listen: 127.0.0.1:9469" "hook: {secret_file: $work/hook.secret}" "metrics: {devices: true}"
: >"$work/log"

get() { curl -sS --max-time 10 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
metric() { # NAME[{LABELS}]: its value
	get "$url/metrics" | grep -v '^#' | grep -F "$1 " | sed 's/.* //'
}
metric_is() { is "$(metric "$1")" "$2"; }
above() { # NAME LEAST
	local v
	v=$(metric "$1")
	echo "$1 is ${v:-missing}"
	[ -n "$v" ] && [ "${v%%.*}" -ge "$2" ]
}
healthy() { is "$(code $url/healthz)" 200; }

ok "a secret that others can read" sh -c 'chmod 644 "$1"; "$2" --config="$3" 2>"$4"; test $? -eq 2' sh "$work/hook.secret" "$bin/yettd" "$work/yettd.yaml" "$work/log"
ok "is refused with what to type" said 'chmod 600'
chmod 600 "$work/hook.secret"
echo short >"$work/hook.secret"
ok "a short secret" sh -c '"$1" --config="$2" 2>"$3"; test $? -eq 2' sh "$bin/yettd" "$work/yettd.yaml" "$work/log"
ok "is refused too" said 'openssl rand'
echo "$secret" >"$work/hook.secret"

ok "the daemon starts" start
ok "it answers" waits get "$url/healthz"
ok "and is well in a moment" waits healthy
ok "a process of its own does that" test "$(pid_of status)" -gt 0
ok "the metrics are metrics" sh -c 'curl -sS "$1" | promtool check metrics' sh "$url/metrics"
ok "they name the commit in force" waits metric_is "yett_gateway_info{gateway=\"gw\",commit=\"$(head_is)\",plan=\"$(json "o['plan']")\"}" 1
ok "count turns" above 'yett_turns_total{outcome="applied"}' 1
ok "and their phases" above 'yett_phase_duration_seconds_count{phase="fetch"}' 1
ok "and tell whether all guards are in force, as the status does" is "$(metric yett_sandbox_complete)" "$(json "int(o['sandbox']['state'] == 'enforced')")"
ok "and peers" metric_is 'yett_peers{state="configured"}' 2
ok "/v1/status is what yettctl says" sh -c '
	a=$(curl -sS "$1" | python3 -c "import json,sys; o=json.load(sys.stdin); print(o[\"commit\"], o[\"plan\"], sorted(o))")
	b=$("$2" --socket="$3" --format=json status | python3 -c "import json,sys; o=json.load(sys.stdin); print(o[\"commit\"], o[\"plan\"], sorted(o))")
	[ "$a" = "$b" ]' sh "$url/v1/status" "$bin/yettctl" "$socket"
ok "HEAD works" is "$(code -I $url/healthz)" 200
ok "another path is not found" is "$(code $url/)" 404
ok "a page takes no POST" is "$(code -X POST $url/metrics)" 405
ok "no page may be stored" sh -c 'curl -sSI "$1" | grep -qi "^cache-control: no-store"' sh "$url/v1/status"

# A real Prometheus takes the rules and reads the metrics.
cat >"$work/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$PWD/contrib/prometheus/yett.rules.yml]
scrape_configs: [{job_name: yett, static_configs: [{targets: ['127.0.0.1:9469']}]}]
END
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address=127.0.0.1:9090 2>"$work/prometheus.log" &
prometheus=$!
api() { # PATH PYTHON-EXPRESSION over d
	get "http://127.0.0.1:9090/api/v1/$1" | python3 -c "import json,sys; d=json.load(sys.stdin)['data']; sys.exit(not ($2))"
}
ok "a Prometheus scrapes it" within 60 api targets "d['activeTargets'][0]['health'] == 'up'"
ok "and sees who enforces what" within 30 api 'query?query=yett_gateway_info' "d['result'][0]['metric']['commit'] == '$(head_is)'"
ok "its rules are all evaluated" within 30 api rules "len(d['groups'][0]['rules']) > 10 and all(r['health'] == 'ok' for r in d['groups'][0]['rules'])"
ok "and none is firing" api alerts "not [a for a in d['alerts'] if a['state'] == 'firing']"
kill "$prometheus" && wait "$prometheus" 2>/dev/null

nft delete table inet yett
ok "a repair is counted" waits above 'yett_drift_repairs_total{kind="table"}' 1
ok "and its notice" above 'yett_drift_notices_total{kind="table"}' 1

# Real packets from a device through the gateway, over WireGuard.
ip netns add "c$$" && ip link add "v$$" type veth peer name e0 netns "c$$" && ip addr add 192.168.77.1/24 dev "v$$" && ip link set "v$$" up
ip netns exec "c$$" sh -c "ip addr add 192.168.77.2/24 dev e0; ip link set e0 up; ip link set lo up"
ip addr add 192.168.10.20/32 dev lo
sed -i "s/^endpoint: .*/endpoint: 192.168.77.1:51820/" "$repo/net.yaml" && commit endpoint && ctl sync >/dev/null
ip netns exec "c$$" wireguard-go wgc >/dev/null 2>&1
ip netns exec "c$$" sh -c "
	wg set wgc private-key $work/ana-laptop.key peer $(wg pubkey <"$work/gw.key") endpoint 192.168.77.1:$(wg show wg0 listen-port) allowed-ips 10.7.0.1/32,192.168.10.0/24
	ip addr add 10.7.0.11/32 dev wgc; ip link set wgc up; ip route add 192.168.10.0/24 dev wgc"
timeout 60 /usr/bin/python3 -c "
import socket
s = socket.create_server(('192.168.10.20', 443)); s.settimeout(1)
while True:
    try: c, _ = s.accept(); c.close()
    except TimeoutError: pass
" &
server=$!
touch_server() { ip netns exec "c$$" /usr/bin/python3 -c "import socket; socket.create_connection(('192.168.10.20', $1), timeout=3)"; }
ok "a device reaches what its policy allows" waits touch_server 443
touch_server 22 >/dev/null 2>&1
kill "$server" 2>/dev/null
ok "packets are counted by policy" within 40 above 'yett_policy_packets_total{policy="wiki",verdict="accept"}' 1
ok "and those denied" within 40 above 'yett_denied_packets_total' 1
ok "bytes by device" within 40 above 'yett_device_receive_bytes_total{device="ana-laptop"}' 100
ok "its handshake" above 'yett_device_last_handshake_timestamp_seconds{device="ana-laptop"}' 1
before=$(metric 'yett_policy_packets_total{policy="wiki",verdict="accept"}')
nft delete table inet yett
waits table
sleep 1
wg set wg0 peer "$(key ana-phone)" remove
within 40 has_peer ana-phone
ok "a new table takes nothing from the counts" within 20 above 'yett_policy_packets_total{policy="wiki",verdict="accept"}' "${before%%.*}"
ip netns del "c$$"

# ---- the webhook ----

sign() { printf %s "$1" | openssl dgst -sha256 -hmac "$secret" | sed 's/.* //'; }
hook() { # BODY SIGNATURE: the code
	code -X POST -H "X-Hub-Signature-256: sha256=$2" --data-binary "$1" "$url/v1/hook"
}
device ana-watch 10.7.0.14 >"$repo/ana-watch.yaml"
commit watch
ok "a signed webhook is taken" is "$(hook '{"ref":"main"}' "$(sign '{"ref":"main"}')")" 202
ok "and brings the commit" waits has_peer ana-watch
ok "another body under the same signature is not" is "$(hook '{"ref":"evil"}' "$(sign '{"ref":"main"}')")" 401
ok "nor one with a wrong last digit" is "$(hook '{}' "$(sign '{}' | sed 's/.$/x/')")" 401
ok "the token of another forge is" is "$(code -X POST -H "X-Gitlab-Token: $secret" -d '{}' "$url/v1/hook")" 202
ok "a wrong one is not" is "$(code -X POST -H "X-Gitlab-Token: ${secret}x" -d '{}' "$url/v1/hook")" 401
ok "a token does not mend a signature" is "$(code -X POST -H "X-Gitlab-Token: $secret" -H 'X-Hub-Signature-256: sha256=00' -d '{}' "$url/v1/hook")" 401
head -c 3000000 /dev/zero >"$work/big"
ok "a large body is hashed and forgotten" is "$(code -X POST -H "X-Hub-Signature-256: sha256=$(openssl dgst -sha256 -hmac "$secret" "$work/big" | sed 's/.* //')" --data-binary "@$work/big" "$url/v1/hook")" 202
for _ in $(seq 30); do hook '{}' "$(sign '{}')"; echo; done >"$work/codes"
ok "the same one again and again is limited" grep -q 429 "$work/codes"
ok "and counted" above 'yett_hook_requests_total{result="limited"}' 1
ok "the secret is in no log" not said 'It is a secret'
ok "nor in an argument list" sh -c '! tr "\0" "\n" </proc/"$1"/cmdline | grep -q secret' sh "$(pid_of status)"

# ---- who means no good ----

before=$(pid_of status)
ok "hostile requests get nothing" timeout 120 /usr/bin/python3 tests/e2e/hostile_http.py 127.0.0.1 9469
ok "the same process answers on" is "$(pid_of status)" "$before"
kill -STOP "$before"
nft delete table inet yett
ok "a status process that hangs holds up nobody" within 6 table
kill -9 "$before"
ok "a killed one comes back" waits get "$url/healthz"
ok "and is told how things are" waits healthy

# ---- health ----

ip link del wg0
ok "a gateway without its interface is not well" waits sh -c '[ "$(curl -sS -o /dev/null -w "%{http_code}" "$1")" = 503 ]' sh "$url/healthz"
ok "and says why" sh -c 'curl -sS "$1" | grep -q "does not agree with the plan"' sh "$url/healthz"
wireguard-go wg0 >/dev/null 2>&1
ok "it gets well" waits healthy
mv "$repo" "$repo.away"
ctl sync >/dev/null
ok "git away is a number" waits above yett_fetch_failures_total 1
ok "and no illness" healthy
mv "$repo.away" "$repo"
kill -STOP "$daemon"
ok "a stopped supervisor is told" sh -c 'curl -sS "$1" | grep -q "^yett_snapshot_age_seconds"' sh "$url/metrics"
kill -CONT "$daemon"
ok "SIGTERM ends it" stop
ok "nobody listens any more" not get "$url/healthz"
done_testing
