/* SPDX-License-Identifier: Apache-2.0 */
#include "log/audit.h"

#include <errno.h>
#include <string.h>

/* A commit and its policy tree. */
struct point {
	git_commit *commit; /* NULL: there is none */
	git_oid root;
	bool has_tree;
};

static void point_release(struct point *p)
{
	git_commit_free(p->commit);
	*p = (struct point){ .commit = NULL };
}

/* Takes the commit over. */
static int point_at(struct audit *u, git_commit *commit, struct point *out, char *err, size_t err_size)
{
	*out = (struct point){ .commit = commit };
	int ret = source_repo_root(u->repo, commit, &out->root, err, err_size);

	out->has_tree = ret == 0;
	return ret == -ENOENT ? 0 : ret;
}

static int first_parent(struct audit *u, const struct point *p, struct point *out, char *err, size_t err_size)
{
	git_commit *c = NULL;

	*out = (struct point){ .commit = NULL };
	if (git_commit_parentcount(p->commit) == 0)
		return 0;
	if (git_commit_parent(&c, p->commit, 0) < 0) {
		snprintf(err, err_size, "cannot read a parent of a commit; is the history complete?");
		return -EIO;
	}
	return point_at(u, c, out, err, err_size);
}

static bool same_tree(const struct point *x, const struct point *y)
{
	return x->has_tree == y->has_tree && (!x->has_tree || git_oid_cmp(&x->root, &y->root) == 0);
}

/* The nearest good tree from the first parent on; NULL in *tree after a failure. */
static int find_base(struct audit *u, const struct point *parent, struct audit_entry *e, char *err, size_t err_size)
{
	char hex[GIT_OID_HEXSZ + 1];
	struct point at = { .commit = NULL };
	int ret = 0;

	e->was = &u->empty;
	e->base_is_parent = true;
	if (parent->commit) {
		git_commit *copy = NULL;
		git_commit_dup(&copy, parent->commit);
		at = *parent;
		at.commit = copy;
	}
	while (at.commit) {
		const struct compile *tree = NULL;
		if (at.has_tree && !archive_is_bad(u->archive, &at.root) &&
		    !(tree = archive_get(u->archive, &at.root, err, err_size)))
			ret = -EIO;
		if (tree && tree->ready) {
			e->was = tree;
			git_oid_tostr(hex, sizeof(hex), git_commit_id(at.commit));
			e->base = arena_strdup(&u->arena, hex);
		}
		struct point up = { .commit = NULL };
		if (ret == 0 && !e->base) {
			e->base_is_parent = false;
			ret = first_parent(u, &at, &up, err, err_size);
		}
		point_release(&at);
		at = up;
	}
	return ret;
}

static int read_entry(struct audit *u, const struct point *p, const struct point *parent, struct audit_entry *e, char *err,
		      size_t err_size)
{
	const git_oid *before = parent->has_tree ? &parent->root : NULL, *after = p->has_tree ? &p->root : NULL;
	const git_oid *signers = parent->commit ? before : after;
	int ret = commit_read(&e->commit, u->repo, git_commit_id(p->commit), signers, &u->arena, err, err_size);

	if (ret == 0)
		ret = commit_files(&e->file, &e->nfiles, u->repo, before, after, &u->arena, err, err_size);
	if (ret == 0)
		ret = find_base(u, parent, e, err, err_size);
	if (ret == 0 && after && !(e->is = archive_get(u->archive, after, err, err_size)))
		ret = -EIO;
	if (ret < 0)
		return ret;
	e->broken = !e->is || !e->is->ready;
	if (!e->broken) {
		const struct diff_side was = { &e->was->access, &e->was->resolved };
		const struct diff_side is = { &e->is->access, &e->is->resolved };
		objects_between(&e->objects, &e->was->model, &e->is->model, &u->arena);
		access_diff(&e->access, was, is, e->commit.committer.date, &u->arena);
	}
	return 1;
}

/* 0 when the commit does not touch the policy tree. */
static int look_at(struct audit *u, const git_oid *id, struct audit_entry *e, char *err, size_t err_size)
{
	struct point p = { .commit = NULL }, parent = { .commit = NULL };
	git_commit *c = NULL;

	if (git_commit_lookup(&c, u->repo->git, id) < 0) {
		snprintf(err, err_size, "cannot read a commit of the history");
		return -EIO;
	}
	int ret = point_at(u, c, &p, err, err_size);

	if (ret == 0)
		ret = first_parent(u, &p, &parent, err, err_size);
	if (ret == 0 && !same_tree(&p, &parent))
		ret = read_entry(u, &p, &parent, e, err, err_size);
	point_release(&p);
	point_release(&parent);
	return ret;
}

int audit_open(struct audit *u, const struct source_repo *repo, const struct source_limits *lim, const char *range,
	       bool merged, char *err, size_t err_size)
{
	*u = (struct audit){ .repo = repo, .archive = archive_open(repo, lim) };
	compile_init(&u->empty);
	resolve(&u->empty.resolved, &u->empty.model, &u->empty.arena, &u->empty.diags);
	access_build(&u->empty.access, &u->empty.resolved, &u->empty.arena, NULL);
	arena_init(&u->arena);
	return history_read(&u->history, repo, range, merged, err, err_size);
}

void audit_close(struct audit *u)
{
	history_release(&u->history);
	archive_close(u->archive);
	compile_release(&u->empty);
	arena_release(&u->arena);
}

int audit_next(struct audit *u, struct audit_entry *e, char *err, size_t err_size)
{
	int ret = 0;

	archive_trim(u->archive);
	while (ret == 0 && u->next < u->history.n) {
		arena_release(&u->arena);
		*e = (struct audit_entry){ .base = NULL };
		ret = look_at(u, &u->history.v[u->next++].id, e, err, err_size);
	}
	return ret;
}
