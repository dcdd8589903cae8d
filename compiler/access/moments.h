/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moments - time cut into pieces in which nothing changes.
 *
 * Dates cut it into stretches; inside a stretch the weekly windows that are in force give each second of the week a
 * state. A moment stands for all seconds of one state in one stretch.
 */
#pragma once

#include "access/access.h"

struct moment {
	int64_t at;            /* the first such second: evaluate here */
	int64_t from, until;   /* the stretch, until exclusive */
	struct range_set week; /* the seconds of the week that share the state, as inclusive ranges */
};

struct timeline; /* collects conditions and windows */

struct timeline *timeline_open(int64_t from);
void timeline_add_cond(struct timeline *t, const struct cond *c);
void timeline_add_window(struct timeline *t, struct access_window w);
/* Ascending by at, at least one; frees the timeline. */
size_t timeline_close(struct timeline *t, struct arena *a, struct moment **out);
