/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage - what is out of reach while gateways are down: paths, and no permissions.
 *
 * The tree stays as it is, and so do profiles: nothing moves by itself to a gateway that stands in none. A permission is lost when
 * no gateway is left that carries it, or one on the way over links is gone; it is moved when the gateway that profiles prefer is
 * gone, and another one carries it for whoever turns to that.
 */
#pragma once

#include "access/diff.h"

struct outage_path {
	const char *down;    /* "hq-1, hq-2": those that are missed */
	const char *instead; /* NULL: it is lost */
	struct diff_item *item;
	size_t nitems;
};

/* Sources, and what all of them miss and nobody else does. */
struct outage_group {
	struct diff_member *member;
	size_t nmembers;
	struct outage_path *path; /* lost ones first */
	size_t npaths;
};

struct outage {
	struct outage_group *group; /* by the first member, those that lose something first */
	size_t ngroups;
};

/* down: gateways. What may ever be reached from `from` on counts, or with `once` what may be at that moment. */
void outage_find(struct outage *out, const struct access *x, const struct resolved *r, const uint32_t *down, size_t n,
		 int64_t from, bool once, struct arena *a);
