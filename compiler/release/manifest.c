/* SPDX-License-Identifier: Apache-2.0 */
#include "release/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "source/tree.h"

#define MODE_FOLDER 0040000u
#define MODE_FILE 0100644u
#define MODE_EXECUTABLE 0100755u

struct walk {
	struct manifest *m;
	const struct source_repo *r;
	const struct trust_file *trust;
	const struct manifest *before; /* or NULL */
	struct arena *a;
	struct buf path; /* of the entry that is looked at */
	uint64_t bytes;
	unsigned int depth;
	size_t entries;
	char *err;
	size_t err_size;
};

static int fail(struct walk *w, int code, const char *what)
{
	snprintf(w->err, w->err_size, "%s: %s", w->path.len > 0 ? w->path.p : "the policy root", what);
	return code;
}

/* The first of a sorted list that is not below path. */
static size_t lower_bound(const struct manifest *m, const char *path)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(m->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *path)
{
	size_t i = lower_bound(m, path);

	return i < m->n && strcmp(m->v[i].path, path) == 0 ? &m->v[i] : NULL;
}

int manifest_blob(const struct source_repo *r, const git_oid *id, size_t max, struct arena *a, const char **data, size_t *len,
		  char *err, size_t err_size)
{
	git_odb_object *o = NULL;
	git_object_t type;
	int ret = 0;

	if (git_odb_read_header(len, &type, r->odb, id) < 0 || type != GIT_OBJECT_BLOB) {
		snprintf(err, err_size, "the repository lacks a file's object");
		return -EIO;
	}
	if (*len > max) {
		snprintf(err, err_size, "a file is longer than %zu bytes", max);
		return -EFBIG;
	}
	if (git_odb_read(&o, r->odb, id) < 0 || git_odb_object_size(o) != *len) {
		snprintf(err, err_size, "a file's object cannot be read");
		ret = -EIO;
	} else {
		*data = arena_strndup(a, git_odb_object_data(o), *len);
	}
	git_odb_object_free(o);
	return ret;
}

static int read_leaf(struct walk *w, struct manifest_file *f)
{
	git_odb_object *o = NULL;
	git_object_t type;
	size_t len;

	if (git_odb_read_header(&len, &type, w->r->odb, &f->id) < 0)
		return fail(w, -EIO, "the repository lacks this file's object");
	if (type != GIT_OBJECT_BLOB)
		return fail(w, -EBADMSG, "it is not stored as a file");
	w->bytes += len;
	if (len > SOURCE_FILE_MAX || w->bytes > SOURCE_BYTES_MAX)
		return fail(w, -EBADMSG, "the file, or all of them together, are larger than a policy tree may be; see ignore in trust/trust.yaml");
	if (git_odb_read(&o, w->r->odb, &f->id) < 0)
		return fail(w, -EIO, "this file's object cannot be read");
	f->leaf = content_leaf(f->path, git_odb_object_data(o), git_odb_object_size(o));
	f->has_leaf = true;
	git_odb_object_free(o);
	return 0;
}

static void push(struct manifest *m, const struct manifest_file *f)
{
	if (m->n == m->cap)
		m->v = vec_grow(m->v, &m->cap, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = *f;
}

/* Adds the file; its leaf is what was known of the same blob at the same path, or read. */
static int add_file(struct walk *w, const git_oid *id)
{
	const char *path = buf_str(&w->path);
	const struct manifest_file *old = w->before != NULL ? manifest_find(w->before, path) : NULL;
	struct manifest_file f = { .path = old != NULL ? old->path : arena_strdup(w->a, path) };

	if (w->m->n > 0 && strcmp(w->m->v[w->m->n - 1].path, path) >= 0)
		return fail(w, -EBADMSG, "the entries of a folder are not sorted");
	if (w->m->n == SOURCE_FILES_MAX)
		return fail(w, -EBADMSG, "more files than a policy tree may have");
	git_oid_cpy(&f.id, id);
	f.ignored = trust_ignores(w->trust, path);
	if (old != NULL && old->has_leaf && git_oid_equal(&old->id, id)) {
		f.leaf = old->leaf;
		f.has_leaf = true;
	}
	int ret = f.ignored || f.has_leaf ? 0 : read_leaf(w, &f);
	push(w->m, &f);
	return ret;
}

static int walk_tree(struct walk *w, const git_oid *id, const git_oid *was);

/* The subtree is the one of before: its files are taken over. */
static int take_over(struct walk *w)
{
	size_t len = w->path.len;
	const char *prefix = buf_str(&w->path);

	for (size_t i = len > 0 ? lower_bound(w->before, prefix) : 0; i < w->before->n; i++) {
		struct manifest_file f = w->before->v[i];
		if (len > 0 && (strncmp(f.path, prefix, len) != 0 || f.path[len] != '/')) {
			if (strncmp(f.path, prefix, len) == 0 && (unsigned char)f.path[len] < '/')
				continue; /* "a.b" stands before "a/c" */
			break;
		}
		if (w->m->n > 0 && strcmp(w->m->v[w->m->n - 1].path, f.path) >= 0)
			return fail(w, -EBADMSG, "the entries of a folder are not sorted");
		f.ignored = w->trust->nignore > 0 && trust_ignores(w->trust, f.path);
		int ret = f.ignored || f.has_leaf ? 0 : read_leaf(w, &f);
		if (ret < 0)
			return ret;
		push(w->m, &f);
	}
	return 0;
}

static int walk_entry(struct walk *w, const git_tree_entry *e, const git_tree *was)
{
	unsigned int mode = (unsigned int)git_tree_entry_filemode_raw(e);
	const char *name = git_tree_entry_name(e);

	if (!tree_name_ok(name))
		return fail(w, -EBADMSG, "the name is not allowed");
	if (mode == MODE_FILE || mode == MODE_EXECUTABLE)
		return add_file(w, git_tree_entry_id(e));
	if (mode != MODE_FOLDER)
		return fail(w, -EBADMSG, "neither a file nor a folder");
	if (w->depth >= SOURCE_DEPTH_MAX)
		return fail(w, -EBADMSG, "deeper than a policy tree may be");
	const git_tree_entry *old = was != NULL ? git_tree_entry_byname(was, name) : NULL;
	bool is_folder = old != NULL && git_tree_entry_type(old) == GIT_OBJECT_TREE;
	w->depth++;
	int ret = walk_tree(w, git_tree_entry_id(e), is_folder ? git_tree_entry_id(old) : NULL);
	w->depth--;
	return ret;
}

static int walk_tree(struct walk *w, const git_oid *id, const git_oid *was)
{
	git_tree *tree = NULL, *old = NULL;
	size_t mark = w->path.len;

	if (was != NULL && git_oid_equal(id, was))
		return take_over(w);
	int ret = git_tree_lookup(&tree, w->r->git, id) < 0 ? fail(w, -EIO, "the folder's object cannot be read") : 0;
	if (ret == 0 && was != NULL)
		(void)git_tree_lookup(&old, w->r->git, was); /* without it everything is read */
	for (size_t i = 0, n = ret == 0 ? git_tree_entrycount(tree) : 0; ret == 0 && i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		if (++w->entries > TREE_ENTRIES_MAX)
			ret = fail(w, -EBADMSG, "more entries than a policy tree may have");
		buf_addf(&w->path, "%s%s", mark > 0 ? "/" : "", git_tree_entry_name(e));
		if (ret == 0)
			ret = walk_entry(w, e, old);
		w->path.len = mark;
		w->path.p[mark] = '\0';
	}
	git_tree_free(tree);
	git_tree_free(old);
	return ret;
}

/* As content_digest() of the files that are not ignored. */
static struct digest content_of(const struct manifest *m)
{
	struct digest_ctx c;
	uint32_t count = 0;

	for (size_t i = 0; i < m->n; i++)
		count += !m->v[i].ignored;
	content_begin(&c, count);
	for (size_t i = 0; i < m->n; i++)
		if (!m->v[i].ignored)
			digest_add(&c, m->v[i].leaf.b, DIGEST_BYTES);
	return digest_end(&c);
}

int manifest_read(struct manifest *m, const struct source_repo *r, const git_oid *root, const struct trust_file *trust,
		  const struct manifest *before, struct arena *a, char *err, size_t err_size)
{
	struct walk w = { .m = m, .r = r, .trust = trust, .before = before, .a = a, .path = BUF_INIT, .err = err,
			  .err_size = err_size };

	*m = (struct manifest){ .v = NULL };
	git_oid_cpy(&m->root, root);
	int ret = walk_tree(&w, root, before != NULL && before->n > 0 ? &before->root : NULL);
	if (ret == 0)
		m->content = content_of(m);
	buf_release(&w.path);
	return ret;
}

void manifest_release(struct manifest *m)
{
	free(m->v);
	*m = (struct manifest){ .v = NULL };
}

static void change(struct manifest_change **out, size_t *n, size_t *cap, const struct trust_file *trust, const char *path,
		   const git_oid *was, const git_oid *is)
{
	if (trust_ignores(trust, path))
		return;
	if (*n == *cap)
		*out = vec_grow(*out, cap, *n + 1, sizeof(**out));
	(*out)[(*n)++] = (struct manifest_change){ path, was, is };
}

size_t manifest_changes(const struct manifest *was, const struct manifest *is, const struct trust_file *trust, struct arena *a,
			struct manifest_change **out)
{
	struct manifest_change *v = NULL;
	size_t n = 0, cap = 0, i = 0, k = 0;

	while (i < was->n || k < is->n) {
		const struct manifest_file *x = i < was->n ? &was->v[i] : NULL, *y = k < is->n ? &is->v[k] : NULL;
		int order = x == NULL ? 1 : y == NULL ? -1 : x->path == y->path ? 0 : strcmp(x->path, y->path);
		if (order < 0)
			change(&v, &n, &cap, trust, x->path, &x->id, NULL);
		else if (order > 0)
			change(&v, &n, &cap, trust, y->path, NULL, &y->id);
		else if (!git_oid_equal(&x->id, &y->id))
			change(&v, &n, &cap, trust, x->path, &x->id, &y->id);
		i += order <= 0;
		k += order >= 0;
	}
	*out = arena_dup(a, v, n * sizeof(*v));
	free(v);
	return n;
}
