/* SPDX-License-Identifier: Apache-2.0 */
#include "log/blame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log/objects.h"

/* A commit whose tree holds the document. */
struct holder {
	git_commit *commit;
	git_oid root;
	const char *path; /* the document's file */
};

struct walk {
	const struct source_repo *repo;
	struct archive *archive;
	const struct object *object;
	struct arena *a;
	char *err;
	size_t err_size;
};

static const struct object *find(const struct model *m, const struct object *like)
{
	for (size_t i = 0; i < m->n[like->kind]; i++)
		if (strcmp(m->object[like->kind][i]->name, like->name) == 0)
			return m->object[like->kind][i];
	return NULL;
}

static bool entry_of(const struct walk *w, const git_oid *root, const char *path, git_oid *id)
{
	git_tree *tree = NULL;
	git_tree_entry *e = NULL;
	bool there = git_tree_lookup(&tree, w->repo->git, root) == 0 && git_tree_entry_bypath(&e, tree, path) == 0;

	if (there)
		git_oid_cpy(id, git_tree_entry_id(e));
	git_tree_entry_free(e);
	git_tree_free(tree);
	return there;
}

/* The same bytes in the same file hold the same document; no tree need be read for that. */
static bool same_file(const struct walk *w, const struct holder *h, const git_oid *root)
{
	git_oid x, y;

	return h->path != NULL && entry_of(w, &h->root, h->path, &x) && entry_of(w, root, h->path, &y) && git_oid_equal(&x, &y);
}

/* 1: the commit's tree holds the document as it is, and *out is filled in; 0: it does not. Takes the commit over. */
static int look_at(struct walk *w, git_commit *commit, const struct holder *from, struct holder *out)
{
	struct holder h = { .commit = commit, .path = from != NULL ? from->path : NULL };
	int ret = source_repo_root(w->repo, commit, &h.root, w->err, w->err_size);
	bool holds = ret == 0 && from != NULL && (git_oid_equal(&from->root, &h.root) || same_file(w, from, &h.root));

	if (ret == 0 && !holds) {
		struct compile *c = archive_get(w->archive, &h.root, w->err, w->err_size);
		const struct object *o = c != NULL ? find(&c->model, w->object) : NULL;
		ret = c == NULL ? -EIO : 0;
		holds = o != NULL && object_same(o, w->object);
		if (holds)
			h.path = arena_strdup(w->a, c->diags.file[o->loc.file].path);
		archive_trim(w->archive);
	}
	if (!holds) {
		git_commit_free(commit);
		return ret == -ENOENT ? 0 : ret;
	}
	*out = h;
	return 1;
}

/* 1: *h moves to the first parent that has it; 0: none has. */
static int step(struct walk *w, struct holder *h)
{
	struct holder up;
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < git_commit_parentcount(h->commit); i++) {
		git_commit *parent = NULL;
		if (git_commit_parent(&parent, h->commit, i) < 0) {
			snprintf(w->err, w->err_size, "cannot read a parent of a commit; is the history complete?");
			return -EIO;
		}
		ret = look_at(w, parent, h, &up);
	}
	if (ret == 1) {
		git_commit_free(h->commit);
		*h = up;
	}
	return ret;
}

/* Keys are named by the list of the tree before, or of the first commit's own. */
static int read_commit(struct walk *w, const struct holder *h, struct commit *out)
{
	git_commit *parent = NULL;
	git_oid root;
	bool before = git_commit_parentcount(h->commit) > 0 && git_commit_parent(&parent, h->commit, 0) == 0 &&
		      source_repo_root(w->repo, parent, &root, w->err, w->err_size) == 0;

	int ret = commit_read(out, w->repo, git_commit_id(h->commit), before ? &root : &h->root, w->a, w->err, w->err_size);
	git_commit_free(parent);
	return ret;
}

int blame_object(struct commit *out, const struct source_repo *repo, const struct source_limits *lim, const char *rev,
		 const struct object *object, struct arena *a, char *err, size_t err_size)
{
	struct walk w = { .repo = repo, .object = object, .a = a, .err = err, .err_size = err_size };
	struct holder h = { .commit = NULL };
	git_commit *tip = NULL;
	int ret = source_repo_commit(repo, rev, &tip, err, err_size);

	if (ret < 0)
		return ret;
	w.archive = archive_open(repo, lim);
	ret = look_at(&w, tip, NULL, &h);
	if (ret == 1) {
		while ((ret = step(&w, &h)) == 1)
			;
		if (ret == 0)
			ret = read_commit(&w, &h, out);
		git_commit_free(h.commit);
	} else if (ret == 0) {
		ret = 1;
	}
	archive_close(w.archive);
	return ret;
}
