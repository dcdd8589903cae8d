/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agree - whether a gateway as it was found grants exactly what a plan says; where not, who reaches what more or less, and by which way.
 *
 * Both tables are decompiled. A source inside counts for the peer that WireGuard takes it from (by the longest of all allowed prefixes), so a
 * peer that is missing has lost all, and a strange one has gained whatever its addresses may reach. Times count from now on.
 */
#pragma once

#include "access/diff.h"
#include "plan/decompile.h"
#include "plan/gw_plan.h"

struct agree_who {
	const struct gw_peer *peer; /* of the plan if it is there, else as found; NULL: a source that is not behind a peer */
	bool strange;               /* the plan does not have it, or has it as revoked */
	struct range range;         /* its addresses that are concerned */
};

/* Sources with the same difference. */
struct agree_group {
	struct agree_who *who; /* by name, key, address */
	size_t nwho;
	uint32_t ways;    /* bits 1 << enum decompile_way */
	uint32_t replies; /* the same, of replies */
	const struct diff_grant *more, *less; /* what only the kernel, and only the plan, lets through; items not filled in */
	size_t nmore, nless;
};

struct agreement {
	struct agree_group *group;
	size_t ngroups;
	const struct decompile_note *note; /* what of the kernel is not understood */
	size_t nnotes;
	const char *link; /* why no peer comes in at all; NULL: they do */
};

/* "+" is what have grants and want does not. Everything in a, or where have and want are. */
void agree_compare(struct agreement *out, const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct arena *a);
/* No difference, and nothing that is not understood. */
bool agree_holds(const struct agreement *x);
