/* SPDX-License-Identifier: Apache-2.0 */
/* past - the trees of a revision's own history by the time at which they were current. */
#pragma once

#include "log/archive.h"
#include "log/history.h"

struct past {
	struct source_repo repo;
	struct archive *archive;
	struct history history;
};

/* 0, or a negative errno and one line in err; close it in each case. */
int past_open(struct past *p, const char *dir, const char *path, const char *rev, const struct source_limits *lim, char *err,
	      size_t err_size);
void past_close(struct past *p);

/* The commit that was current at t: for now and later the newest. NULL with a line in err: there was none yet. */
const struct history_commit *past_commit(const struct past *p, int64_t t, char *err, size_t err_size);
/* Its tree, ready, good until the next call; NULL with a line in err. */
struct compile *past_tree(struct past *p, int64_t t, char *err, size_t err_size);
