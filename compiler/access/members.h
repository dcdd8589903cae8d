/* SPDX-License-Identifier: Apache-2.0 */
/* members - sources as people read them: by user, with a user's devices where not all of them are meant. */
#pragma once

#include "access/diff.h"

/* One source; texts in the arena. */
struct member_source {
	const char *user; /* NULL: nobody owns it */
	const char *text; /* "device:alice-laptop" */
};

struct member_source member_source_of(const struct resolved *r, uint32_t source, struct arena *a);
/* By user, those without one last; then by text. */
int member_source_cmp(const struct member_source *x, const struct member_source *y);
/* v: sorted so. Of a user's living devices those of either tree count; r[1] may be r[0]. Returns how many *out has. */
size_t members_make(const struct resolved *const r[2], const struct member_source *v, size_t n, struct arena *a,
		    struct diff_member **out);
/* Two lists of disjoint groups, by the first of each. */
int members_cmp(const struct diff_member *x, const struct diff_member *y);
