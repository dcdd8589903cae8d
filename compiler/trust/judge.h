/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - whether a commit may follow the tree that is in force (commit mode): one signature by somebody who may change every path that it changes.
 *
 * A pure function of bytes: the same on a laptop, in CI and on a gateway. It is handed what the tree in force says of
 * trust, the new commit's object, and the paths that differ; who handed them over is not believed.
 */
#pragma once

#include "trust/signers.h"
#include "trust/trust_file.h"

struct judge_case {
	const struct trust_file *trust;  /* of the tree in force */
	const struct signers *signers;   /* likewise */
	const char *commit;              /* the new commit's object, without its "commit N" prefix */
	size_t commit_len;
	const char *const *changed;      /* paths below the policy root that differ, appear or vanish */
	size_t nchanged;
	int64_t now;                     /* UTC seconds, for validity windows; never a date in the commit */
};

struct judgement {
	bool accepted;
	const char *code;      /* NULL when accepted; E_UNSIGNED, E_SIGFORMAT, E_NUL, E_HDR, E_SIGNER, E_KEY_EXPIRED, E_APPROVALS, E_ROOT, or what sshsig.h names */
	const char *why;       /* one sentence, in the arena */
	const char *principal; /* who signed, where that is known; else NULL */
	char fingerprint[SSHSIG_FINGERPRINT_MAX]; /* of the key that signed; "" when no signature verified */
	bool pending;          /* nothing is wrong but that a signature is missing: say what to type */
	const char *could_sign; /* when pending, who could sign all of it, "alice, bob"; "" where no one person can; else NULL */
};

void judge_commit(const struct judge_case *c, struct judgement *out, struct arena *a);

/*
 * The two halves of judge_commit(), for who finds out what changed only when somebody known has signed. judge_signature(): the signer, or NULL
 * with *out filled in; *sig is what verified. judge_paths(): whether he may change all of c->changed. Neither fills in could_sign.
 */
const struct signer *judge_signature(const struct judge_case *c, struct sshsig *sig, struct judgement *out, struct arena *a);
bool judge_paths(const struct judge_case *c, const struct signer *s, const struct sshsig *sig, struct judgement *out,
		 struct arena *a);
/* Who, of those who may sign commits now, could sign all of c->changed: names parted by ", ", at most 8 of them; "" for nobody. */
const char *judge_could_sign(const struct judge_case *c, struct arena *a);
/* Why one signature does not reach a role's threshold, or NULL when it does. */
const char *judge_lacks(const struct trust_role *role, const struct signer *s, const struct sshsig *sig, struct arena *a);

/* What to type when only a signature is missing. */
#define JUDGE_WHAT_TO_TYPE "git commit --allow-empty -S && git push"
