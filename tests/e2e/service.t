#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the daemon tells a service manager (sd_notify(3)), and its log as JSON lines.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/daemon.sh
. tests/e2e/daemon.sh

# A service manager that writes down what it is told.
/usr/bin/python3 -c "
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('$work/notify')
while True:
    sys.stdout.write(s.recv(4096).decode().replace('\n', '|') + '\n'); sys.stdout.flush()
" >"$work/told" &
manager=$!
told() { grep -aqE -- "$1" "$work/told"; }
counted() { [ "$(grep -ac "$1" "$work/told")" -ge "$2" ]; }
waits test -S "$work/notify"

write_config "log: {format: json}"
: >"$work/log"
export NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=1500000
ok "the daemon starts" start
ok "it is ready" waits told '^READY=1\|MAINPID=[0-9]+$'
ok "with its own process id" told "MAINPID=$daemon\$"
ok "says what it did" waits told '^STATUS=applied'
ok "and that it lives" waits counted WATCHDOG=1 3
kill -HUP "$daemon"
ok "SIGHUP is a reload" waits told '^RELOADING=1\|MONOTONIC_USEC=[0-9]+$'
ok "that ends" waits sh -c 'sed -n "/^RELOADING/,\$p" "$1" | grep -q "^READY=1$"' sh "$work/told"
kill -STOP "$daemon"
before=$(grep -c WATCHDOG "$work/told")
sleep 3
ok "a supervisor that hangs does not say that it lives" test "$(grep -c WATCHDOG "$work/told")" -le $((before + 1))
kill -CONT "$daemon"
kill -9 "$(pid_of compile)"
nft delete table inet yett
waits table
ok "SIGTERM ends it" stop
ok "and it said so first" told '^STOPPING=1'
ok "every line of the log is JSON" python3 -c "
import json
roles = set()
for line in open('$work/log'):
    o = json.loads(line)
    assert sorted(o) == ['level', 'message', 'pid', 'role', 'time'], o
    roles.add((o['role'], o['level']))
assert ('supervisor', 'info') in roles and ('supervisor', 'warning') in roles, roles
"
ok "no key is in it" sh -c '! grep -qF "$(cat "$1")" "$2"' sh "$work/gw.key" "$work/log"
WATCHDOG_PID=1 start
n_before=$(grep -c WATCHDOG "$work/told")
sleep 2
ok "a watchdog for another process is not fed" is "$(grep -c WATCHDOG "$work/told")" "$n_before"
stop
kill "$manager"
done_testing
