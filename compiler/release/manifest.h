/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest - every file of a policy tree with its digest: what a release's content digest and its changed paths are made of.
 *
 * Read from the tree before it where there is one, a manifest costs what changed: equal subtrees are taken over without a look.
 */
#pragma once

#include <git2.h>

#include "source/repo.h"
#include "trust/content.h"
#include "trust/trust_file.h"

struct manifest_file {
	const char *path; /* below the policy root */
	git_oid id;       /* of the blob */
	bool ignored;     /* by the trust file that it was read with: not part of the content */
	bool has_leaf;
	struct digest leaf; /* content_leaf() */
};

struct manifest {
	git_oid root;
	struct manifest_file *v; /* by path bytes; on the heap */
	size_t n, cap;
	struct digest content;
};

/* One path that differs, judged: not ignored. */
struct manifest_change {
	const char *path;
	const git_oid *was, *is; /* NULL: not there; inside the two manifests */
};

/*
 * root: a policy tree's id. trust: whose `ignore` counts. before: a manifest of the same repository, or NULL. Paths live in a, and are those of
 * before where the file was there. 0; -EBADMSG where the tree holds what no release may (a link, a submodule, a name, too much); another
 * negative errno where it cannot be read; one line in err. Release it in each case.
 */
int manifest_read(struct manifest *m, const struct source_repo *r, const git_oid *root, const struct trust_file *trust,
		  const struct manifest *before, struct arena *a, char *err, size_t err_size);
void manifest_release(struct manifest *m);

/* What trust_ignores() leaves of the paths that differ, sorted; into the arena. was may be empty (n 0). */
size_t manifest_changes(const struct manifest *was, const struct manifest *is, const struct trust_file *trust, struct arena *a,
			struct manifest_change **out);
const struct manifest_file *manifest_find(const struct manifest *m, const char *path);
/* A blob's bytes, NUL-terminated, in the arena; -EFBIG past max. */
int manifest_blob(const struct source_repo *r, const git_oid *id, size_t max, struct arena *a, const char **data, size_t *len,
		  char *err, size_t err_size);
