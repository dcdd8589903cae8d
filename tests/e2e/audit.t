#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The audit trail of a running daemon: every event in it, verified, tampered with, told beside git history, on a full disk.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/daemon.sh
. tests/e2e/daemon.sh

trail=$state/audit
events() { "$bin/yettctl" audit show "$trail" | awk '{print $2}' | tr '\n' ' '; }
has_event() { events | grep -qw -- "$1"; }
verify() { "$bin/yettctl" audit verify "$@"; }
gives() { # STATUS COMMAND...
	local want=$1 got
	shift
	"$@"
	got=$?
	is "$got" "$want"
}
writes() { # TEXT COMMAND...: somewhere in what the command writes
	local want=$1
	shift
	"$@" >"$work/written" 2>&1
	grep -qF -- "$want" "$work/written" || { cat "$work/written"; return 1; }
}
json_log() { "$bin/yett" log -C "$repo" --format=json --audit "$@"; }

write_config
: >"$work/log"
ok "the daemon starts" start
first=$(head_is)
ok "and applies" waits has_event applied
nft delete table inet yett
ok "a repair is in the trail" waits has_event repaired
ok "with who made it necessary" writes 'after nft (process' "$bin/yettctl" audit show "$trail"
device ana-watch 10.7.0.14 >"$repo/ana-watch.yaml" && commit watch && ctl sync >/dev/null
second=$(head_is)
echo 'kind: Devise' >"$repo/broken.yaml" && commit broken && ctl sync >/dev/null
ok "a rejected commit too" waits has_event rejected
rm "$repo/broken.yaml" && commit mended && ctl sync >/dev/null
kill -9 "$(pid_of compile)"
ok "a process that died too" waits has_event role-lost
ok "the trail is whole" writes 'lines are whole and in order' verify "$trail"
ok "while it is written, too" gives 0 verify "$trail"
ok "the status has the newest line as a checkpoint" sh -c '"$1" audit verify --checkpoint="$2" "$3"' sh "$bin/yettctl" "$(json "'%d:%s' % (o['audit']['seq'], o['audit']['head'])")" "$trail"
ok "SIGTERM ends the daemon" stop
ok "and the trail" writes stopped "$bin/yettctl" audit show "$trail"
ok "from start to end" is "$(events)" "started applied enforced repaired applied rejected applied role-lost stopped "
head=$(verify "$trail" | sed -n 's/^head //p')
ok "only we can read it" is "$(stat -c %a "$trail" "$trail"/*.log | tr '\n' ' ')" "700 600 "

# ---- tampering ----

tampered() { # SED-SCRIPT TEXT: is told
	rm -rf "$work/t" && cp -r "$trail" "$work/t"
	sed -i "$1" "$work/t/000001.log"
	gives 1 verify "$work/t" && writes "$2" verify "$work/t"
}
ok "a line that is gone" tampered 4d '000001.log:4: this line has number 5 and follows number 3'
ok "a word that is another" tampered '5s/"applied"/"repaired"/' '000001.log:6: the line before this one was changed'
ok "a commit that is another" tampered "5s/$second/$first/" '000001.log:6: '
ok "two lines in each other's place" tampered '3{h;d};4{G}' '000001.log:3: '
ok "a line twice" tampered 2p '000001.log:3: '
ok "what is no line" tampered '3s/.*/hello/' '000001.log:3: this line is no JSON object'
rm -rf "$work/t" && cp -r "$trail" "$work/t" && truncate -s -5 "$work/t/000001.log"
ok "half a line at the end" writes 'the last line is cut off' verify "$work/t"
sed -i '$d' "$work/t/000001.log"
ok "a last line that is gone is a shorter trail" gives 0 verify "$work/t"
ok "but not the checkpoint's" gives 1 verify --checkpoint="$head" "$work/t"
ok "which says so" writes 'cut off' verify --checkpoint="$head" "$work/t"
ok "the whole one is" gives 0 verify --checkpoint="$head" "$trail"
ok "another trail is not" writes 'written anew' verify --checkpoint="${head%%:*}:$(printf '0%.0s' $(seq 64))" "$trail"
ok "a checkpoint that is none" gives 2 verify --checkpoint=7 "$trail"
ok "no trail" gives 2 verify "$work/nowhere"
ok "a folder without one" gives 2 verify "$repo"
ok "as JSON" sh -c '"$1" audit --format=json verify "$2" | python3 -c "import json,sys; o=json.load(sys.stdin); assert o[\"ok\"] and o[\"last\"] == 9 and len(o[\"head\"]) == 64"' sh "$bin/yettctl" "$trail"

# ---- beside git history ----

ok "yett log --audit names gateway and commits" sh -c '"$1" log -C "$2" --audit "$3" | head -1 | grep -qx gw && "$1" log -C "$2" --audit "$3" | grep -q "watch (t)"' sh "$bin/yett" "$repo" "$trail"
ok "from when to when, and what was repaired" sh -c '"$@" | python3 -c "
import json,sys
s = json.load(sys.stdin)
assert [x[\"subject\"] for x in s] == [\"first\", \"watch\", \"mended\"], s
assert [x[\"end\"] for x in s] == [\"replaced\", \"replaced\", \"still\"], s
assert s[0][\"until\"] == s[1][\"since\"] and s[0][\"repairs\"] == 1 and all(x[\"found\"] for x in s), s
"' sh "$bin/yett" log -C "$repo" --format=json --audit "$trail"
git init -q "$work/strange" && git -C "$work/strange" commit -q --allow-empty -m x
ok "commits of another repository are told as that" sh -c '"$1" log -C "$2" --audit "$3" | grep -q "not a commit of this repository"' sh "$bin/yett" "$work/strange" "$trail"
sed -i 5d "$work/t/000001.log"
ok "a broken trail ends the tale" gives 2 json_log "$work/t"
ok "at the line" writes '000001.log:5: ' json_log "$work/t"
ok "two trails stand side by side" sh -c '"$@" | python3 -c "import json,sys; assert len(json.load(sys.stdin)) == 6"' sh "$bin/yett" log -C "$repo" --format=json --audit "$trail" "$trail/000001.log"

# ---- a crash within a line, a full disk ----

printf '{"boot":"' >>"$trail/000001.log"
ok "it starts after a torn line" start
ok "and says what was cut off" waits has_event torn
ok "the trail is whole again" gives 0 verify "$trail"
ok "and goes on in number" sh -c '"$1" audit show --format=json "$2" | tail -1 | grep -q "\"seq\":1[0-9]"' sh "$bin/yettctl" "$trail"
stop
mkdir "$work/small" && mount -t tmpfs -o size=3m,mode=700 tmpfs "$work/small" &&
	find "$state" -mindepth 1 -maxdepth 1 ! -name reserve -exec cp -r {} "$work/small/" \; # which is larger than the disk
write_config "state_dir: $work/small"
trail=$work/small/audit
ok "on a small disk" start
head -c 4m /dev/zero >"$work/small/fill" 2>/dev/null
while printf 'x%.0s' $(seq 4096) >>"$work/small/fill2" 2>/dev/null; do :; done
nft delete table inet yett
ok "a full disk keeps no repair" waits table
# The file's last page has room for some lines more. A suspension that cannot be written down holds in memory, and yettctl says so.
for _ in $(seq 40); do
	! said 'the audit trail cannot be written' || break
	ctl suspend >/dev/null 2>&1
	ctl resume >/dev/null 2>&1
done
ok "the trail's line is in the log instead" said 'the audit trail cannot be written.*"ev":"(suspended|resumed)"'
ok "and what is written is whole" gives 0 verify "$trail"
rm "$work/small/fill" "$work/small/fill2"
ctl suspend >/dev/null && ctl resume >/dev/null
ok "with room again it goes on" waits sh -c 'grep -q "\"missed\":[1-9]" "$1"/*.log' sh "$trail"
ok "whole" gives 0 verify "$trail"
stop
umount "$work/small"
done_testing
