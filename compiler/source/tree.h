/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - what walking a folder and walking a commit have in common: names, limits, which files are
 * read, and the list that they end in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "source/ignore.h"
#include "source/source.h"

/* Entries of any kind: a commit's trees can share subtrees and so be larger than all that was ever fetched. */
#define TREE_ENTRIES_MAX (4 * SOURCE_FILES_MAX)
#define TREE_NAME_MAX 80
#define TREE_REPORTS_MAX 1000 /* about names and modes, before the walk gives up */

struct tree {
	struct source *s;
	struct arena *arena;
	struct diags *d;
	uint64_t max_bytes;
	struct ignore ignore;
	VEC(struct source_file) file;
	struct buf path; /* of the entry that is looked at */
	size_t depth;	 /* its parts */
	size_t entries, reports;
	bool full; /* a limit is reached: the walk ends */
};

void tree_begin(struct tree *t, struct source *s, const struct source_limits *lim, struct arena *a, struct diags *d);
/* Moves what was read into the source; releases the rest. */
void tree_end(struct tree *t);

/* Steps down to an entry of the folder that t->path names; gives what tree_leave() takes to step back. */
size_t tree_enter(struct tree *t, const char *name);
void tree_leave(struct tree *t, size_t mark);

/* An error or warning about t->path as a whole. */
void tree_report(struct tree *t, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Counts an entry; false when there are too many. */
bool tree_count(struct tree *t);
/* Whether the name may stand in a policy tree. */
bool tree_name_ok(const char *name);
/* tree_name_ok(), or E_TREE_NAME about t->path. */
bool tree_check_name(struct tree *t, const char *name);
/* The same for each part of t->path: in a folder only the way to a policy file is judged. */
bool tree_check_path(struct tree *t);
/* Whether t->path is too deep to be read; says so. */
bool tree_too_deep(struct tree *t);
/* E_TREE_CASE, or E_TREE_ORDER for equal names, among the n names of the folder t->path. Reorders them. */
void tree_check_case(struct tree *t, const char **name, size_t n);

/* Whether what lies below the folder is read: not below trust/ at the root, nor below a name that starts with '.'. */
bool tree_reads_folder(const struct tree *t, const char *name);
/* Whether the name is that of a policy file: *.yaml or *.yml. */
bool tree_is_policy(const char *name);
/* Whether the path of a policy file is one that a walk would have given. */
bool tree_path_ok(const char *path);

/* Whether a file of size bytes may still be read; says so when not. */
bool tree_has_room(struct tree *t, uint64_t size);
/* Adds the file t->path; data stays where it is. */
void tree_add(struct tree *t, const char *data, size_t len);
