/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain - whether a commit may come into force after the one that is, from git objects as raw bytes: commit mode as one pure function, the same on
 * a laptop (`yett verify`), in CI and in the judge role of yettd.
 *
 * The way from the commit in force to the tip is walked forward. Each signed commit on it that may follow the last accepted one is
 * accepted in turn, and from then on its trust folder judges; the tip must be accepted at the end. So it does not matter which of these
 * commits a gateway happened to see as a tip. Unsigned commits between are vouched for by who signs after them.
 */
#pragma once

#include "source/objects.h"
#include "trust/judge.h"

#define CHAIN_COMMITS_MAX 20000u /* handed over */

struct chain_case {
	const struct objects *objects;
	const char *path;      /* of the policy root inside each commit's tree, "" for the top */
	struct object_id base; /* in force; no id: nothing is yet */
	struct object_id tip;
	/*
	 * While nothing was accepted yet: who may sign the first tip. Then base, if it is given, only has to come before the tip.
	 * NULL: base judges by its own trust folder.
	 */
	const struct signers *first;
	int64_t now;           /* UTC seconds */
};

struct chain_verdict {
	/* code besides those of judge.h: E_ODB_MISSING, those about trees, E_ROLLBACK, E_FORK, E_TRUST_FILE, E_SIGNERS, E_TRUST_MODE */
	struct judgement j;
	bool base_unread;       /* it is the tree in force that cannot judge */
	uint32_t steps;         /* accepted commits, the tip included; 0 when the tip is in force already */
	struct object_id root;  /* the tip's policy tree */
	const char **changed;   /* what was judged of the last step, below the policy root */
	size_t nchanged;
	uint8_t repo_id[TRUST_REPO_ID_BYTES]; /* of the tip's trust file, when it is accepted */
	uint32_t version;                     /* likewise */
	const struct raw_object *have, *offered;  /* E_ROLLBACK, E_FORK: both commits, as evidence; have is NULL when it was not handed over */
};

void chain_judge(const struct chain_case *c, struct chain_verdict *out, struct arena *a);
