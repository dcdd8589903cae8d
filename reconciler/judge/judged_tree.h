/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judged_tree - whether a bundle of policy files is exactly what a tree says: each file's bytes hash to the id that stands at its path, none
 * is missing and none is more. The newest good bundle stays mapped, so that of the next one only changed files are hashed.
 */
#pragma once

#include "base/digest.h"
#include "source/objects.h"

struct judged_file {
	const char *path; /* points into the bundle or into arena */
	const char *data; /* points into the bundle */
	size_t len;
	struct object_id id;
	struct digest leaf; /* see trust/content.h */
};

struct judged_tree {
	const void *bundle; /* mapped; NULL: nothing is kept */
	size_t bundle_len;
	struct arena arena;
	struct judged_file *file; /* sorted by path */
	size_t nfiles;
};

void judged_tree_init(struct judged_tree *t);
void judged_tree_release(struct judged_tree *t);
/*
 * Judges the bundle fd, which it takes, by the policy tree root among o; it must say commit of itself. 0, with the content digest of the
 * policy files in hex; else -EBADMSG with *e, and t is as before.
 */
int judged_tree_check(struct judged_tree *t, const struct objects *o, const struct object_id *root, const char *commit, int fd,
		      char content[static DIGEST_HEX_MAX], struct arena *a, struct object_error *e);
