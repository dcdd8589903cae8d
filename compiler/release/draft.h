/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft - the record that would release a commit next: content, plans and flags computed on this machine, and what approvals it
 * would need.
 */
#pragma once

#include "release/plans.h"
#include "release/releases.h"

struct draft_wish {
	const char *commit; /* hexadecimal */
	unsigned int flags; /* enum record_flag bits that the approver grants */
	int64_t not_before; /* CLOCK_EVER: none */
	const char *note;   /* "": none */
};

struct draft {
	struct record record;
	struct buf text, plans_text;
	struct plans plans;
	struct compile *tree; /* the commit's, ready; in the releases' archive */
	struct compile *before; /* of the release before, ready; NULL where there is none or it has errors */
	struct releases_candidate x; /* judged, without signatures */
	bool same; /* the newest release has this content and these plans already */
};

/*
 * After releases_run(). 0, or a negative errno and one line in err: -EBADMSG where the tree has mistakes (then *d->tree has them, where
 * it is not NULL). Release it in each case. What it points to is good until the next step of the releases.
 */
int draft_make(struct draft *d, struct releases *c, const struct draft_wish *wish, char *err, size_t err_size);
void draft_release(struct draft *d);
/* Whether an approver who computed the draft may sign this record: it says the same, but for when and what was noted. */
bool draft_matches(const struct draft *d, const struct record *r);
