#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A git host that serves old or other histories to a gateway in commit mode, and what is left when state, kernel or clock are tampered with.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/guarded.bash
. tests/e2e/guarded.bash
guarded_inside "$0" "$@"
guarded_begin
first=$(id_of HEAD)
# The first commit granted more than the second: that is what a rollback is for.
echo '# a note' >>"$repo/net.yaml"
accept bob
serial_is 2
result $? 'a second signed commit is accepted' <"$log"
second=$(id_of HEAD)
echo '# another' >>"$repo/net.yaml"
accept bob
third=$(id_of HEAD)
serial_is 3
result $? 'and a third' <"$log"
short() { printf %.12s "$1"; }
evidence() { ls "$state/evidence"; }

# --- rollback ---

attack 'an older commit' E_ROLLBACK "$second"
grep -q "have=$(short "$third") offered=$(short "$second")" "$work/told"
result $? 'it says what it has and what was offered' <"$work/told"
dir=$state/evidence/E_ROLLBACK-$(short "$third")-$(short "$second")
[ "$(git hash-object -t commit "$dir/have.commit") $(git hash-object -t commit "$dir/offered.commit")" = "$third $second" ]
result $? 'both commits are kept as evidence' < <(evidence)
serve "$third"
ctl sync >/dev/null
[ "$(json .trust.refused)" = null ]
result $? 'when the branch is back, all is well' < <(json .trust)

# --- fork: a signed history beside the one in force ---

git -C "$repo" checkout -q -b aside "$second"
echo '# aside' >>"$repo/net.yaml"
sign bob 'beside the third'
aside=$(id_of HEAD)
attack 'a signed commit beside the one in force' E_FORK "$aside"
git -C "$repo" checkout -q main
git init -q "$work/elsewhere"
git -C "$work/elsewhere" -c gpg.format=ssh -c user.signingkey="$keys/alice" commit -q -S --allow-empty -m 'Another repository'
git -C "$repo" fetch -q "$work/elsewhere" HEAD
attack 'a history that shares nothing' E_FORK "$(git -C "$repo" rev-parse FETCH_HEAD)"
ctl evidence >"$work/evidence"
[ "$(grep -c '^E_' "$work/evidence")" -eq 3 ]
result $? 'yettctl evidence lists the three cases' <"$work/evidence"
ctl --to="$work/exported" evidence export >"$work/said" 2>&1
[ "$(git hash-object -t commit "$work/exported/E_FORK-$(short "$third")-$(short "$aside")/offered.commit")" = "$aside" ]
result $? 'yettctl evidence export writes the raw objects' <"$work/said"

# --- the state folder is lost, torn, or put back from a copy ---

serve "$third"
ctl sync >/dev/null
stop_yettd
rm -rf "$state"
: >"$log"
start_yettd
waits_for serial_is 3
result $? 'without the state folder the kernel knows the third commit' <"$log"
json .trust.alarm | grep -q 'knows of no accepted commit, and the kernel holds'
result $? 'and it raises an alarm' < <(json .trust)
attack 'an older commit after the loss of the state folder' E_ROLLBACK "$first"
serve "$third"
ctl sync >/dev/null

stop_yettd
printf 'torn' >"$state/trust/a"
: >"$log"
start_yettd
serial_is 3 && json .trust.alarm | grep -q 'one of the two copies'
result $? 'a torn copy is told; the other counts' < <(json .trust)
cp -a "$state" "$work/backup"
echo '# once more' >>"$repo/net.yaml"
accept bob
fourth=$(id_of HEAD)
stop_yettd
rm -rf "$state" && cp -a "$work/backup" "$state"
: >"$log"
start_yettd
waits_for serial_is 4
result $? 'a state folder from a backup lowers nothing: the kernel knows better' < <(json .trust; cat "$log")
attack 'the commit of the backup' E_ROLLBACK "$third"
serve "$fourth"
ctl sync >/dev/null

# --- nothing left but the configuration ---

lose_all() {
	stop_yettd
	rm -rf "$state"
	in_ns gw ip link set wg0 down # as after a boot: nothing passes
	in_ns gw nft delete table inet yett
}
lose_all
write_config "trust: {mode: commit, anchor: $fourth}"
serve "$second"
: >"$log"
start_yettd
waits_for grep -q E_FORK "$log"
result $? 'with an anchor alone, a branch that lacks it is refused from the first' <"$log"
[ "$(json .plan)" = null ]
result $? 'and nothing of it comes into force' < <(json .)
serve "$fourth"
ctl sync >"$work/said" 2>&1
serial_is 1 && waits_for reaches_wiki
result $? 'the anchor itself is taken' <"$work/said"
lose_all
write_config
serve "$aside"
git -C "$repo" checkout -q aside
: >"$log"
start_yettd
waits_for grep -q E_SIGNER "$log"
result $? 'a first tip that somebody else signed than the gateway knows is refused, whatever its own tree says' <"$log"
git -C "$repo" checkout -q main
serve "$fourth"
ctl sync >/dev/null
[ "$(json .trust.refused.code)" = E_SIGNER ]
result $? 'bob signed the fourth: alice must take it in' < <(json .trust)
sign alice 'taken in'
push
ctl sync >"$work/said" 2>&1
serial_is 1 && waits_for reaches_wiki
result $? 'then it is in force' <"$work/said"

# --- history rewritten on purpose ---

now=$(id_of HEAD)
git -C "$repo" -c user.signingkey="$keys/alice" commit -q --amend -S --allow-empty -m 'Reworded'
amended=$(id_of HEAD)
attack 'an amended commit' E_FORK "$amended"
nobody() { nsenter --target "$pid_gw" --net --mount -- setpriv --reuid=65534 --clear-groups "$B/yettctl" --socket="$socket" "$@"; }
chmod 666 "$socket"
! nobody --commit="$amended" trust reanchor >"$work/said" 2>&1 && grep -q 'may not trust reanchor' "$work/said"
result $? 'only root may name another anchor' <"$work/said"
! ctl --commit="${amended:0:12}" trust reanchor >"$work/said" 2>&1
result $? 'the anchor is a whole id' <"$work/said"
ctl --commit="$amended" trust reanchor >"$work/said" 2>&1 && waits_for grep -q "$amended" "$state/trust/a" && waits_for serial_is 2
result $? 'root names another anchor, and the number grows' < <(cat "$work/said" "$log"; json .trust)
waits_for test "$(json .commit)" = "$amended"
grep -q '"event":"reanchored"' "$state/journal.jsonl"
result $? 'the journal says so' <"$state/journal.jsonl"
attack 'what was in force before' E_FORK "$now"
serve "$amended"
ctl sync >/dev/null

# --- clocks ---

[ "$(sed -n 's/^seen: //p' "$state/trust/a")" -gt 1700000000 ]
result $? 'the last second seen is kept, so that a clock set back revives no key' <"$state/trust/a"
guarded_end
