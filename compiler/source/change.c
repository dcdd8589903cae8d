/* SPDX-License-Identifier: Apache-2.0 */
#include "source/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

typedef VEC(const char *) path_vec;

static int fail(char *err, size_t err_size, int code, const char *what)
{
	const git_error *e = git_error_last();

	snprintf(err, err_size, "%s%s%s", what, e != NULL && e->message != NULL ? ": " : "",
		 e != NULL && e->message != NULL ? e->message : "");
	return code;
}

/* The policy tree of a commit. */
static int tree_of(const struct source_repo *r, const git_commit *commit, git_tree **tree, char *err, size_t err_size)
{
	git_oid root;
	int ret = source_repo_root(r, commit, &root, err, err_size);

	if (ret == 0 && git_tree_lookup(tree, r->git, &root) < 0)
		ret = fail(err, err_size, -EIO, "cannot read the policy tree");
	return ret;
}

static int path_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_path(path_vec *v, struct arena *a, const char *path)
{
	if (path != NULL)
		vec_push(v, arena_strdup(a, path));
}

static int paths_between(struct source_change *c, const struct source_repo *r, git_tree *old_tree, git_tree *new_tree,
			 struct arena *a, char *err, size_t err_size)
{
	git_diff_options options;
	git_diff *diff = NULL;
	path_vec v = VEC_INIT;

	if (git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION) < 0)
		return fail(err, err_size, -EIO, "cannot compare the two trees");
	options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
	if (git_diff_tree_to_tree(&diff, r->git, old_tree, new_tree, &options) < 0)
		return fail(err, err_size, -EIO, "cannot compare the two trees");
	size_t n = git_diff_num_deltas(diff);
	int ret = n > CHANGE_PATHS_MAX ? fail(err, err_size, -E2BIG, "too many paths differ") : 0;
	for (size_t i = 0; ret == 0 && i < n; i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);
		add_path(&v, a, d->old_file.path);
		add_path(&v, a, d->new_file.path);
	}
	git_diff_free(diff);
	if (v.n > 0)
		qsort(v.v, v.n, sizeof(*v.v), path_cmp);
	for (size_t i = 0; i < v.n; i++)
		if (c->npaths == 0 || strcmp(v.v[c->npaths - 1], v.v[i]) != 0)
			v.v[c->npaths++] = v.v[i];
	c->path = arena_dup(a, v.v, c->npaths * sizeof(*v.v));
	vec_release(&v);
	return ret;
}

static int read_object(struct source_change *c, const struct source_repo *r, const git_commit *commit, struct arena *a,
		       char *err, size_t err_size)
{
	git_odb_object *o = NULL;

	if (git_odb_read(&o, r->odb, git_commit_id(commit)) < 0)
		return fail(err, err_size, -EIO, "cannot read the commit");
	c->object_len = git_odb_object_size(o);
	c->object = arena_dup(a, git_odb_object_data(o), c->object_len);
	git_odb_object_free(o);
	return 0;
}

int source_change_read(struct source_change *c, const struct source_repo *r, const char *old_rev, const char *new_rev,
		       struct arena *a, char *err, size_t err_size)
{
	git_commit *was = NULL, *is = NULL;
	git_tree *old_tree = NULL, *new_tree = NULL;

	memset(c, 0, sizeof(*c));
	int ret = source_repo_commit(r, old_rev, &was, err, err_size);
	if (ret == 0)
		ret = source_repo_commit(r, new_rev, &is, err, err_size);
	if (ret == 0)
		ret = tree_of(r, was, &old_tree, err, err_size);
	if (ret == 0)
		ret = tree_of(r, is, &new_tree, err, err_size);
	if (ret == 0)
		ret = paths_between(c, r, old_tree, new_tree, a, err, err_size);
	if (ret == 0)
		ret = read_object(c, r, is, a, err, err_size);
	if (ret == 0) {
		const git_oid *o = git_commit_id(was), *n = git_commit_id(is);
		c->descends = git_oid_equal(o, n) || git_graph_descendant_of(r->git, n, o) == 1;
		git_oid_tostr(c->old_id, sizeof(c->old_id), o);
		git_oid_tostr(c->new_id, sizeof(c->new_id), n);
	}
	git_tree_free(old_tree);
	git_tree_free(new_tree);
	git_commit_free(was);
	git_commit_free(is);
	return ret;
}

static int read_entry(const struct source_repo *r, git_tree *tree, const char *path, size_t max, struct arena *a,
		      const char **data, size_t *len, char *err, size_t err_size)
{
	git_tree_entry *e = NULL;
	git_blob *blob = NULL;
	int ret = git_tree_entry_bypath(&e, tree, path);

	if (ret == 0 && (git_tree_entry_type(e) != GIT_OBJECT_BLOB || git_tree_entry_filemode_raw(e) == GIT_FILEMODE_LINK))
		ret = GIT_ENOTFOUND;
	if (ret == 0)
		ret = git_blob_lookup(&blob, r->git, git_tree_entry_id(e));
	git_tree_entry_free(e);
	if (ret < 0) {
		snprintf(err, err_size, "there is no file %s", path);
		return ret == GIT_ENOTFOUND ? -ENOENT : -EIO;
	}
	*len = (size_t)git_blob_rawsize(blob);
	if (*len > max)
		snprintf(err, err_size, "%s is longer than %zu bytes", path, max);
	else
		*data = arena_strndup(a, git_blob_rawcontent(blob), *len);
	git_blob_free(blob);
	return *len > max ? -EFBIG : 0;
}

int source_file_read(const struct source_repo *r, const char *rev, const char *path, size_t max, struct arena *a,
		     const char **data, size_t *len, char *err, size_t err_size)
{
	git_commit *commit = NULL;
	git_tree *tree = NULL;
	int ret = source_repo_commit(r, rev, &commit, err, err_size);

	if (ret == 0)
		ret = tree_of(r, commit, &tree, err, err_size);
	if (ret == 0)
		ret = read_entry(r, tree, path, max, a, data, len, err, err_size);
	git_tree_free(tree);
	git_commit_free(commit);
	return ret;
}
