/* SPDX-License-Identifier: Apache-2.0 */
/* delta - what two classes allow differently, and when. */
#pragma once

#include "access/diff.h"
#include "base/digest.h"

struct delta_side {
	const struct access *access;
	const struct digest *part_digest; /* per part: delta_part_digest() */
	uint32_t class;                   /* NONE: the source is not there */
	struct access_window window;      /* as delta_window() makes it */
};

/* Of the verdict, the condition from now on and the region: what a part does, not who says so. */
struct digest delta_part_digest(const struct access_part *p, int64_t now);
/* The same window from now on; windows that differ only in the past become equal. */
struct access_window delta_window(struct access_window w, int64_t now);

struct delta {
	struct diff_grant *grant[2]; /* [0] what only side 0 allows, [1] what only side 1 does; items not filled in */
	size_t n[2];
};

void delta_compute(struct delta *out, const struct delta_side side[2], int64_t now, struct arena *a);
/* One moment of each side: side 0 at at[0] and side 1 at at[1], with windows as they are. The grants have no spans. */
void delta_between(struct delta *out, const struct delta_side side[2], const int64_t at[2], struct arena *a);
