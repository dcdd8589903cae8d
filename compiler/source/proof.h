/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof - of a repository, the objects that a judge needs to decide whether one commit may follow another: read here with libgit2, judged
 * from their bytes alone (objects.h, trust/chain.h). Nothing is decided here.
 *
 * These are: the commits on the way from one to the other; of each signed one, and of both ends, the trees that differ and what lies in
 * trust/; all trees of the newer one, and its .yettignore. The way takes at each commit the first parent that leads back to the older one.
 */
#pragma once

#include "source/objects.h"
#include "source/repo.h"

#define PROOF_COMMITS_MAX 10000u
#define PROOF_STEPS_BYTES_MAX ((size_t)64 << 20) /* for the commits between the two: beyond that they are left out */

/*
 * base: hex of the commit in force, or "". It need not be in the repository. Appends to out. 0, or a negative errno and one line in err:
 * -E2BIG when more than PROOF_COMMITS_MAX commits lie between.
 */
int source_proof(const struct source_repo *r, const char *base, const char *tip, struct buf *out, char *err, size_t err_size);
