/* SPDX-License-Identifier: Apache-2.0 */
/* blobs - the files of the newest tree by their git id, so that the next commit's tree is read by its changed files alone. */
#pragma once

#include "base/arena.h"
#include "source/repo.h"

struct blob {
	git_oid id;
	const char *data; /* NULL: a free place; NUL-terminated */
	size_t len;
};

struct blobs {
	struct arena arena;
	struct blob *table; /* open addressing; places is a power of two, at most half of them taken */
	size_t places, n;
	size_t bytes;       /* of all data */
	size_t used;        /* of those, by the tree that is being read */
	size_t read;        /* files that the newest tree had to read from the repository */
};

void blobs_init(struct blobs *b);
void blobs_release(struct blobs *b);
/* Before a tree is read: forgets all when most of what is kept belonged to older trees only. */
void blobs_begin(struct blobs *b);
/* For source_repo_read(); valid while b is. */
struct source_blobs blobs_door(struct blobs *b);
