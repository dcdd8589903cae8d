/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cond - when something holds: dates and a weekly window in UTC.
 *
 * Canonical, so equal conditions are equal structs (compare with cond_cmp). The weekly window is a sorted list of
 * disjoint second-of-week intervals (0 is Monday 00:00:00 UTC), `until` exclusive; nweek == 0 means the whole week.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kinds.h"

#define WEEK_SECONDS 604800u
#define COND_WEEK_MAX 15 /* seven wrapping windows, one of them cut by the week's edge */

struct week_span {
	uint32_t from, until;
};

struct cond {
	int64_t not_before, expires; /* holds while not_before <= t < expires */
	uint32_t nweek;
	struct week_span week[COND_WEEK_MAX];
};

extern const struct cond cond_always;

void cond_of_policy(const struct policy *p, struct cond *out);
bool cond_holds(const struct cond *c, int64_t t);
bool cond_is_always(const struct cond *c);
bool cond_is_never(const struct cond *c); /* expires <= not_before */
int cond_cmp(const struct cond *a, const struct cond *b);
/* The first moment >= t at which c holds, or CLOCK_NEVER. */
int64_t cond_next(const struct cond *c, int64_t t);
/* "always", or "until 2026-12-31T00:00:00Z, mon-fri 08:00-18:00 UTC"; into the arena. */
const char *cond_text(const struct cond *c, struct arena *a);
/* "mon-fri 08:00-18:00 UTC" of sorted, disjoint spans; "" for none of them (the whole week). */
const char *week_text(const struct week_span *v, size_t n, struct arena *a);
/* The dates alone: "until 2026-12-31T00:00:00Z", "from ...", "... to ..."; "" for ever. */
const char *dates_text(int64_t from, int64_t until, struct arena *a);
