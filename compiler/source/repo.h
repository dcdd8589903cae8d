/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repo - a git repository held open, to read the policy trees of many of its commits.
 *
 * Who owns the repository does not matter, and nothing of the user's or the machine's configuration is read: objects are
 * read, hooks and filters never run.
 */
#pragma once

#include <git2.h>

#include "source/source.h"

/*
 * Bytes of files that an earlier tree had. What is kept must outlive every source that was read with it: their files' data
 * point there, so equal data pointers mean the same blob.
 */
struct source_blobs {
	void *ctx;
	/* NULL: not there. */
	const char *(*find)(void *ctx, const git_oid *id, size_t *len);
	/* A copy, NUL-terminated. */
	const char *(*keep)(void *ctx, const git_oid *id, const void *data, size_t len);
};

struct source_repo {
	git_repository *git;
	git_odb *odb;
	const char *name; /* as it was given, for messages */
	char *root;       /* the policy tree's folder inside each commit's tree; "": the top */
};

/* repo and path as for source_open_commit(). 0, or a negative errno and one line in err; close it in each case. */
int source_repo_open(struct source_repo *r, const char *repo, const char *path, char *err, size_t err_size);
void source_repo_close(struct source_repo *r);

/* The commit that a revision means; free it with git_commit_free(). */
int source_repo_commit(const struct source_repo *r, const char *rev, git_commit **commit, char *err, size_t err_size);
/* The id of the policy tree; -ENOENT where the commit has no such folder. */
int source_repo_root(const struct source_repo *r, const git_commit *commit, git_oid *root, char *err, size_t err_size);
/* The files of a policy tree; s->commit stays NULL. blobs: NULL to copy all into the arena. Mistakes as for source_open_commit(). */
int source_repo_read(const struct source_repo *r, const git_oid *root, const struct source_limits *lim,
		     const struct source_blobs *blobs, struct source *s, struct arena *a, struct diags *d, char *err,
		     size_t err_size);
/* The same to the byte, with up to that many threads and without blobs. */
int source_repo_read_crew(const struct source_repo *r, const git_oid *root, const struct source_limits *lim,
			  unsigned int threads, struct source *s, struct arena *a, struct diags *d, char *err, size_t err_size);
