/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source - a policy tree as bytes: from a folder, from a commit's objects, or from a bundle.
 *
 * Reads every *.yaml and *.yml below the root except below trust/, below folders whose name
 * starts with '.', and what .yettignore at the root matches. Files come in byte order of paths.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#define SOURCE_FILE_MAX (4u << 20)
#define SOURCE_FILES_MAX 200000u
#define SOURCE_BYTES_MAX ((uint64_t)64 << 20)
#define SOURCE_DEPTH_MAX 32u

#define SOURCE_ID_BYTES 20

struct source_file {
	const char *path; /* relative to the root, '/' between parts */
	const char *data;
	size_t len;
	uint32_t diag_file; /* its index in diags */
	unsigned char id[SOURCE_ID_BYTES]; /* of a commit's: the blob's; else zeros */
};

struct source {
	struct source_file *file;
	size_t nfiles;
	uint64_t bytes;
	const char *commit; /* 40 or 64 hex digits, or NULL from a folder */
};

struct source_limits {
	uint64_t max_bytes; /* 0: SOURCE_BYTES_MAX */
	unsigned int threads; /* to read a commit with; the result is the same. 0, 1: none but this */
};

/*
 * All three put everything into arena. The writer's mistakes (E_TREE_NAME, E_TREE_CASE,
 * E_TREE_MODE, E_TREE_ORDER, E_TREE_DEPTH, E_TREE_COUNT, E_LIMIT_FILE, E_LIMIT_FILES, E_LIMIT_BYTES) go to
 * diags and give 0; the world's failures give a negative errno and one line in err.
 */
int source_open_dir(struct source *s, const char *dir, const struct source_limits *lim,
		    struct arena *a, struct diags *d, char *err, size_t err_size);
/* repo: a path to a repository (bare or not, or a folder inside one); rev: any revision; path: root inside the tree, "" for the top, NULL for the place of the folder `repo` in its work tree. */
int source_open_commit(struct source *s, const char *repo, const char *rev, const char *path,
		       const struct source_limits *lim, struct arena *a, struct diags *d,
		       char *err, size_t err_size);

/*
 * A bundle is the same tree as one run of bytes, to hand from process to process:
 * "YETTBND1", u16 length + commit hex, u32 count, then per file u32 path length, path, u32 length,
 * bytes; integers little-endian. source_open_bundle() checks every bound and gives -EBADMSG on
 * anything else; data must outlive s (nothing is copied).
 */
void source_to_bundle(const struct source *s, struct buf *out);
int source_open_bundle(struct source *s, const void *data, size_t len, struct arena *a,
		       struct diags *d);
