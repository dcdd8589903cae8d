/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage - the apply role's part in quotas: what is used is read from the kernel, goes on where a counter begins anew, and begins
 * with nothing in a new period.
 *
 * A reading counts only when the turn that made it has ended well: until then the one before is what a restart goes on from.
 */
#pragma once

#include "kernel/kernel.h"
#include "state/quota.h"

#define USAGE_SECONDS 60 /* between two readings, so what a power loss may forgive */

struct usage {
	struct quota_state state; /* of the newest turn that ended well */
	bool told;                /* it is the supervisor's too */
	/* Tells the supervisor; may be NULL. */
	int (*tell)(void *ctx, const struct quota_state *q);
	void *ctx;

	/* This turn. */
	struct quota_state fresh;
	bool read;
	struct nft_set *set; /* counters as read; in the turn's arena */
	size_t nsets;
};

void usage_release(struct usage *u);
/* Reads the counters of the table that was observed, and seeds what the plan wants of it. */
int usage_look(struct usage *u, struct kernel *k, const struct gw_plan *have, const struct gw_plan *want, struct arena *a,
	       int64_t now, char *err, size_t err_size);
/* Whether the changes touch what is counted, so that it has to be read before. */
bool usage_concerns(const struct plan_delta *d);
/* Before d is applied: a table made anew comes with the counters that we give it. */
int usage_before(struct usage *u, const struct plan_delta *d);
/* When all else is as wanted: writes the counters that are not what they should be, and keeps the reading. */
int usage_end(struct usage *u, struct kernel *k, const struct gw_plan *want, struct arena *a, char *err, size_t err_size);
/* Drops the reading of a turn that failed or changed nothing. */
void usage_drop(struct usage *u);
/* When the kernel is to be looked at again for the sake of quotas; CLOCK_NEVER: the plan has none. */
int64_t usage_next(const struct gw_plan *want, int64_t now);
