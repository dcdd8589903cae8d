/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive - the compiled policy trees of a history, each file of it parsed once.
 *
 * Neighbouring commits share nearly all of their files: a file with the same bytes at the same path is decoded for the first
 * tree that has it, and the later ones are joined from what is there. What a tree means is then settled for it as a whole, by
 * the same stages as for any tree.
 */
#pragma once

#include "compile.h"
#include "source/repo.h"

#define ARCHIVE_KEPT 8 /* trees, the ones asked for last */

struct archive;

struct archive *archive_open(const struct source_repo *repo, const struct source_limits *lim);
void archive_close(struct archive *ar);

/*
 * The tree with this id, compiled; not ready where it has errors, with its diagnostics. Good until ARCHIVE_KEPT - 1 others
 * were asked for or archive_trim() is called. NULL with a line in err: the repository cannot be read.
 */
struct compile *archive_get(struct archive *ar, const git_oid *root, char *err, size_t err_size);
/* Whether it is known that the tree has errors. */
bool archive_is_bad(const struct archive *ar, const git_oid *root);
/* Forgets all when much has gathered; call it where no tree is in use. */
void archive_trim(struct archive *ar);
