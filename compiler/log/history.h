/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history - commits in order, and which of them was current when.
 *
 * A branch's own history are its tip and from there the first parent of each. A commit is current from its committer date on,
 * but never before its parent was: so dating a commit back does not change what the past was.
 */
#pragma once

#include "source/repo.h"

struct history_commit {
	git_oid id;
	int64_t date;  /* committer's, UTC seconds */
	int64_t since; /* when it became current, if the walk reached the first commit; else its date */
};

struct history {
	struct history_commit *v; /* newest first */
	size_t n;
};

/*
 * range: a revision, or BASE..TIP for what TIP has and BASE has not. merged: also the commits that merges brought in. 0, or a
 * negative errno and one line in err; release it in each case.
 */
int history_read(struct history *h, const struct source_repo *repo, const char *range, bool merged, char *err,
		 size_t err_size);
void history_release(struct history *h);

/* The commit of a history without merged ones that was current at t; NULL: none was yet. */
const struct history_commit *history_at(const struct history *h, int64_t t);
/* Whether the revision is a whole commit id, and so means that commit whatever the time. */
bool history_is_commit_id(const char *rev);
