/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit - what each commit of a history did to the policy.
 *
 * A commit is compared with its first parent, a merge too. Where a tree has errors gateways keep what they have, so such a
 * commit changes no access, and the next one is compared with the last that was good. Access counts from the commit's own
 * date on. Commits that leave the policy tree as it was are passed over.
 */
#pragma once

#include "access/diff.h"
#include "log/archive.h"
#include "log/commit.h"
#include "log/history.h"
#include "log/objects.h"

struct audit {
	const struct source_repo *repo;
	struct archive *archive;
	struct history history;
	size_t next;          /* index of the commit to look at */
	struct compile empty; /* what a tree is compared with where there was none */
	struct arena arena;   /* of the entry */
};

struct audit_entry {
	struct commit commit;
	const char *base;                 /* the commit compared with; NULL: there was no policy before */
	bool base_is_parent;
	const struct compile *was, *is;   /* is: NULL where the commit holds no policy tree any more */
	bool broken;                      /* nothing is said of objects and access */
	struct commit_file *file;
	size_t nfiles;
	struct object_changes objects;
	struct access_diff access;
};

/* As history_read(). 0, or a negative errno and one line in err; close it in each case. */
int audit_open(struct audit *u, const struct source_repo *repo, const struct source_limits *lim, const char *range,
	       bool merged, char *err, size_t err_size);
void audit_close(struct audit *u);
/* 1 and the next entry, newest first, good until the next call; 0 at the end; or a negative errno. */
int audit_next(struct audit *u, struct audit_entry *e, char *err, size_t err_size);
