#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Attacks on a gateway in commit mode by whoever holds the forge or one key: who signed is all that counts.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/guarded.bash
. tests/e2e/guarded.bash
guarded_inside "$0" "$@"
guarded_begin
git -C "$repo" tag in-force

# --- a forge taken over: it can push, merge and press buttons ---

opens_other
git -C "$repo" add -A
git -C "$repo" commit -q -m 'The merge button'
attack 'an unsigned tip' E_UNSIGNED "$(id_of HEAD)"
[ "$(json '.trust.refused | "\(.pending) \(.could_sign)"')" = 'true alice' ]
result $? 'status tells that it waits, and for whom' < <(json .trust)
ctl status >"$work/status"
grep -q '^pending .*E_UNSIGNED.*git commit --allow-empty -S && git push.*could sign: alice' "$work/status"
result $? 'and what to type' <"$work/status"
ctl sync >/dev/null
[ "$(rejected E_UNSIGNED)" -eq 1 ]
result $? 'the same tip is counted once, or again when asked for' < <(json .counters)

begin_anew
opens_other
sign mallory 'by a key that may not'
attack 'a key that is listed for other things' E_SIGNER "$(id_of HEAD)"

ssh-keygen -q -t ed25519 -N '' -f "$keys/stranger" </dev/null
begin_anew
opens_other
sign stranger 'by nobody'
attack 'a key that nobody listed' E_SIGNER "$(id_of HEAD)"

# --- one person's key, for what is not his ---

begin_anew
opens_other
sign bob 'by bob'
attack 'a signer who may not change that path' E_APPROVALS "$(id_of HEAD)"
json .trust.refused.text | grep -q 'policies/other.yaml: rule 1: role security 0/1 (bob is no member; could sign: alice)'
result $? 'it says which path, which rule, who has signed and who is missing' < <(json .trust.refused)

begin_anew
echo 'eve namespaces="git" '"$(cut -d' ' -f1,2 "$keys/stranger.pub")" >>"$repo/trust/allowed_signers"
sed -i 's/^version: 1/version: 2/; s/security: .*/security: {threshold: 1, members: [alice, eve]}/' "$repo/trust/trust.yaml"
opens_other
sign bob 'lets eve in'
attack 'a change of trust/ by somebody else than the root role' E_ROOT "$(id_of HEAD)"
sign stranger 'uses what the change before would give'
attack 'a right that the change itself would give' E_SIGNER "$(id_of HEAD)"

begin_anew
opens_other docs/other.yaml 2>/dev/null || { mkdir -p "$repo/docs" && opens_other docs/other.yaml; }
sed -i 's/members: \[alice, bob, old\]/members: [bob]/' "$repo/trust/trust.yaml"
git -C "$repo" checkout -q trust/trust.yaml
git -C "$repo" add -A
git -C "$repo" commit -q -m 'In a folder that nobody judges'
attack 'a policy in a folder that is ignored' E_UNSIGNED "$(id_of HEAD)"

begin_anew
mkdir -p "$repo/hardware"
echo '# a note' >"$repo/hardware/x.yaml"
sign alice 'without a security key'
attack 'a software key where a security key is asked for' E_APPROVALS "$(id_of HEAD)"

begin_anew
opens_other
sign old 'by a key of the past'
attack 'a key that has expired' E_KEY_EXPIRED "$(id_of HEAD)"
GIT_AUTHOR_DATE='2019-06-01T00:00:00Z' GIT_COMMITTER_DATE='2019-06-01T00:00:00Z' sign old 'backdated'
attack 'the same, backdated' E_KEY_EXPIRED "$(id_of HEAD)"

# --- content that hides itself, or is made to hurt ---

begin_anew
printf 'kind: Policy\nname: x\ndescription: "a\xe2\x80\xaeb"\nfrom: [user:ana]\nto: [resource:other]\n' >"$repo/policies/x.yaml"
sign alice 'signed in good faith'
attack 'an override of the direction of writing' E_BYTES "$(id_of HEAD)"

begin_anew
{ echo 'a: &a [x,x,x,x,x,x,x,x,x]'; echo 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]'; } >"$repo/policies/bomb.yaml"
sign alice 'bomb'
attack 'aliases that multiply' E_YAML_ALIAS "$(id_of HEAD)"

# --- what the right person signs goes through all the same ---

begin_anew
opens_other policies/second.yaml
sed -i 's/resource:other/resource:wiki/' "$repo/policies/second.yaml"
git -C "$repo" add -A
git -C "$repo" commit -q -m 'The merge button again'
git -C "$repo" -c user.signingkey="$keys/alice" commit -q --allow-empty -S -m 'Taken in'
push
ctl sync >"$work/said" 2>&1
serial_is 2
result $? 'a signed commit on top of an unsigned one takes it in' <"$work/said"
nft_mark() { in_ns gw nft list table inet yett | grep -o 'comment "yett 2 [0-9a-f]*'; }
[ "$(nft_mark)" = "comment \"yett 2 $(id_of HEAD)" ]
result $? 'the kernel holds which commit it is' < <(in_ns gw nft list table inet yett)
[ "$(ctl diff)" = 'no difference' ]
result $? 'and that is no drift' < <(ctl diff)
guarded_end
