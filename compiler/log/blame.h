/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blame - the commit that made a document what it is.
 *
 * A commit made it so if none of its parents holds a document of that kind and name that declares the same, in whatever file,
 * order of fields or layout. Where a merge's parents differ, the walk follows the first that has the document as it is: so a
 * merge is named only for what it changed itself.
 */
#pragma once

#include "log/archive.h"
#include "log/commit.h"

/*
 * object: as it is in the tree at hand. 0 with *out; 1 where rev does not hold it so (it is not committed yet); or a negative errno and
 * one line in err. Everything lives in a.
 */
int blame_object(struct commit *out, const struct source_repo *repo, const struct source_limits *lim, const char *rev,
		 const struct object *object, struct arena *a, char *err, size_t err_size);
