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
};

void judge_commit(const struct judge_case *c, struct judgement *out, struct arena *a);
