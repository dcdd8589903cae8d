#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd unit: its score, what its filter leaves, its users and folders; and yettd started as the unit starts it.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: systemd.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
n=0
status=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# failed: $*"
		sed 's/^/# /' "$work/said"
		status=1
	fi
}
is() { [ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }; }

mkdir "$work/units" "$work/sbin"
cp "$bin/yettd" "$work/sbin/yettd"
sed "s,@sbindir@,$work/sbin," contrib/systemd/yettd.service >"$work/units/yettd.service"
ok "the unit scores 1.7 or better" systemd-analyze security --offline=true --threshold=17 "$work/units/yettd.service"
cp "$work/units/yettd.service" "$work/units/loose.service"
sed -i '/^NoNewPrivileges/d; /^ProtectSystem/d' "$work/units/loose.service"
ok "which it would not without its settings" sh -c '! systemd-analyze security --offline=true --threshold=17 "$1"' sh "$work/units/loose.service"

# Every call that a process makes, before its own filter and within it, passes the unit's.
cat >"$work/filter.py" <<'END'
import re, subprocess, sys
def members(name):
    out = set()
    for word in subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True).stdout.split("\n")[1:]:
        word = word.strip()
        if word.startswith("#") or not word:
            continue
        out |= members(word) if word.startswith("@") else {word}
    return out
allowed = members("@default")
for line in open(sys.argv[1]):
    if not line.startswith("SystemCallFilter="):
        continue
    words = line.split("=", 1)[1].split()
    deny = words[0].startswith("~")
    for word in words:
        word = word.lstrip("~")
        found = members(word) if word.startswith("@") else {word}
        allowed = allowed - found if deny else allowed | found
start = """execve clone wait4 waitid socketpair socket connect dup2 fcntl close_range prctl capget capset getpid getppid prlimit64
landlock_create_ruleset landlock_add_rule landlock_restrict_self mmap mprotect openat rt_sigaction rt_sigprocmask signalfd4 bind listen
chmod umask unlink poll kill setsockopt lseek pread64 memfd_create""".split()
table = open("reconciler/sandbox/syscalls.c").read()
lists = table[:table.index("what nobody may")]
called = set(start) | set(re.findall(r"\{ NR\((\w+)\)", lists))
refused = {"symlink", "symlinkat", "sched_getaffinity"}  # fail with an error by our own table, or are asked by a local repository alone
missing = sorted(c for c in called - refused if c not in allowed)
print("\n".join(missing))
sys.exit(1 if missing else 0)
END
ok "its filter lets through what the processes call" python3 "$work/filter.py" "$work/units/yettd.service"
sed '/^SystemCallFilter=capset/d' "$work/units/yettd.service" >"$work/units/without.service"
ok "which is looked at: without capset it would not" sh -c '! python3 "$1" "$2"' sh "$work/filter.py" "$work/units/without.service"

mkdir -p "$work/root/etc/sysusers.d" "$work/root/etc/tmpfiles.d"
cp contrib/systemd/yett.sysusers.conf "$work/root/etc/sysusers.d/yett.conf"
ok "sysusers makes the users" systemd-sysusers --root="$work/root"
ok "all that yettd looks for" is "$(grep -c '^yett' "$work/root/etc/passwd")" 6
ok "none with a shell" sh -c '! grep ^yett "$1" | grep -v nologin' sh "$work/root/etc/passwd"
cp contrib/systemd/yett.tmpfiles.conf "$work/root/etc/tmpfiles.d/yett.conf"
ok "tmpfiles makes the folders" systemd-tmpfiles --root="$work/root" --create "$work/root/etc/tmpfiles.d/yett.conf"
ok "as they should be" is "$(stat -c %a "$work/root/etc/yett" "$work/root/var/lib/yett" | tr '\n' ' ')" "755 711 "

# ---- as the unit starts it: one user, one capability, a notify socket, a credential ----

mkdir -p "$work/state" "$work/run" "$work/credentials" "$work/tree"
(umask 077 && wg genkey >"$work/credentials/private.key")
chmod 440 "$work/credentials/private.key"
chown 0:64951 "$work/credentials/private.key"
chown 64951:64951 "$work/state" "$work/run"
printf '%s\n' "gateway: gw" "repository: https://127.0.0.1:9/net.git" "private_key_file: $work/credentials/private.key" \
	"state_dir: $work/state" "control_socket: $work/run/ctl.sock" "trust: {mode: unsigned}" >"$work/yettd.yaml"
chmod 644 "$work/yettd.yaml"
ip link set lo up
cat >"$work/manager.py" <<'END'
import os, socket, subprocess, sys, time
work, needs = sys.argv[1], {b"READY=1", b"WATCHDOG=1"}
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(work + "/notify")
os.chmod(work + "/notify", 0o777)
s.settimeout(30)
env = dict(os.environ, NOTIFY_SOCKET=work + "/notify", WATCHDOG_USEC="4000000", CREDENTIALS_DIRECTORY=work + "/credentials")
p = subprocess.Popen(["setpriv", "--reuid=64951", "--regid=64951", "--clear-groups", "--inh-caps=-all,+net_admin", "--ambient-caps=+net_admin",
                      "--bounding-set=-all,+net_admin", "--no-new-privs", work + "/sbin/yettd", "--config", work + "/yettd.yaml"],
                     env=env, stderr=open(work + "/log", "w"))
seen = set()
end = time.time() + 40
try:
    while time.time() < end and not needs <= seen:
        seen |= set(s.recv(4096).split(b"\n"))
except TimeoutError:
    pass
for _ in range(100):
    out = subprocess.run([sys.argv[2] + "/yettctl", "--socket=" + work + "/run/ctl.sock", "--format=json", "status"], capture_output=True, text=True).stdout
    if out.count('"ready":true') >= 3:
        break
    time.sleep(0.1)
open(work + "/status", "w").write(out)
p.terminate()
print("ready" if b"READY=1" in seen else "never ready", "alive" if b"WATCHDOG=1" in seen else "no sign of life", p.wait())
END
ok "it says that it is ready, shows life, and ends" is "$(python3 "$work/manager.py" "$work" "$bin" 2>&1)" "ready alive 0"
json() { python3 -c "import json,sys; o=json.load(open('$work/status')); print($1)"; }
ok "its processes are locked down" is "$(json "o['sandbox']['state']")" enforced
ok "they share the user, and it says so" sh -c 'case "$1" in *"user 64951"*CAP_SETUID*) ;; *) echo "$1"; exit 1 ;; esac' sh "$(json "o['sandbox']['users']")"
ok "the key was read from the credential" is "$(json "o['roles']['apply']['ready']")" True
ok "only the apply role has the capability" is "$(json "[r['cap_eff'] for n, r in sorted(o['roles'].items()) if 'cap_eff' in r]")" \
	"['0000000000001000', '0000000000000000', '0000000000000000', '0000000000000000']"
[ "$status" = 0 ] || sed 's/^/# log: /' "$work/log"

echo "1..$n"
exit $status
