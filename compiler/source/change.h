/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change - what lies between two commits of a repository, as bytes: the paths that differ below the policy root, the new
 * commit's object, and whether it descends from the old one. Nothing is judged here.
 */
#pragma once

#include "base/arena.h"
#include "source/repo.h"

#define CHANGE_PATHS_MAX 200000u

struct source_change {
	const char **path; /* below the policy root; sorted, unique */
	size_t npaths;
	const char *object; /* the new commit, without its "commit N" prefix */
	size_t object_len;
	char old_id[GIT_OID_HEXSZ + 1], new_id[GIT_OID_HEXSZ + 1];
	bool descends; /* the new one is the old one or comes after it */
};

/* 0, or a negative errno and one line in err. Everything lives in a. */
int source_change_read(struct source_change *c, const struct source_repo *r, const char *old_rev, const char *new_rev,
		       struct arena *a, char *err, size_t err_size);
/* One file below the policy root of a revision, at most max bytes; -ENOENT where there is none. */
int source_file_read(const struct source_repo *r, const char *rev, const char *path, size_t max, struct arena *a,
		     const char **data, size_t *len, char *err, size_t err_size);
