/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - who could ever reach a destination, from when to when, and by which commits.
 *
 * Over a branch's own history (history.h says when a commit is current) every source's access to the destination is followed:
 * a stay begins when a commit, or a date that it wrote, gives it, and ends when a commit or a date takes it. Another policy or
 * another commit that allows the same does not interrupt it. Days and hours do not cut it either: they are told beside it.
 */
#pragma once

#include "access/diff.h"
#include "log/archive.h"
#include "log/history.h"

struct reach_stay {
	const char *source; /* "device:alice-laptop" */
	const char *user;   /* its owner, or NULL */
	struct region region;
	const struct week_span *week; /* the seconds of the week; nweek 0: all */
	size_t nweek;
	const char *when;   /* the same: "mon-fri 08:00-18:00 UTC"; "": all the time */
	int64_t from, until; /* until: CLOCK_NEVER while nothing ends it */
	const struct history_commit *by;    /* the commit that gave it */
	const char *policy;                 /* its policy there */
	const struct history_commit *ended; /* the commit that took it; NULL: a date, or nothing did */
};

struct reach {
	struct reach_stay *v; /* by source, from, first address */
	size_t n;
	size_t broken; /* commits whose tree has errors, and which therefore changed nothing */
};

/*
 * dest: a selector, as `yett who` takes it. progress: called before each commit that counts, or NULL. 0, or a negative errno
 * and one line in err: -EINVAL where no tree of the history knows the destination. Everything lives in a.
 */
int reach_read(struct reach *out, const struct source_repo *repo, struct archive *archive, const struct history *h,
	       const char *dest, void (*progress)(size_t done, size_t all), struct arena *a, char *err, size_t err_size);
