/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/judged_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc.h"
#include "source/source.h"
#include "trust/content.h"

/* source.h's bytes, and room for the paths and lengths of its most files. */
#define BUNDLE_BYTES_MAX ((size_t)SOURCE_BYTES_MAX * 2)

void judged_tree_init(struct judged_tree *t)
{
	memset(t, 0, sizeof(*t));
	arena_init(&t->arena);
}

void judged_tree_release(struct judged_tree *t)
{
	if (t->bundle != NULL)
		munmap((void *)(uintptr_t)t->bundle, t->bundle_len);
	arena_release(&t->arena);
	judged_tree_init(t);
}

static int wrong(struct object_error *e, const char *why)
{
	*e = (struct object_error){ "E_CONTENT", why };
	return -EBADMSG;
}

/* The mistakes of a tree that the fetch role should not have passed on. */
static int mistake(const struct diags *d, struct object_error *e)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].severity != DIAG_ERROR)
			continue;
		*e = (struct object_error){ d->v[i].code, d->v[i].message };
		return -EBADMSG;
	}
	return 0;
}

/* What the older bundle had at that path; *at walks along, as both are sorted. */
static const struct judged_file *kept_at(const struct judged_tree *t, const char *path, size_t *at)
{
	while (*at < t->nfiles && strcmp(t->file[*at].path, path) < 0)
		++*at;
	return *at < t->nfiles && strcmp(t->file[*at].path, path) == 0 ? &t->file[*at] : NULL;
}

static void hash(struct judged_file *f, const struct judged_file *old, uint8_t id_len)
{
	if (old != NULL && old->len == f->len && memcmp(old->data, f->data, f->len) == 0) {
		f->id = old->id;
		f->leaf = old->leaf;
		return;
	}
	f->id = object_hash(OBJECT_BLOB, f->data, f->len, id_len);
	f->leaf = content_leaf(f->path, f->data, f->len);
}

static int compare(struct judged_tree *next, const struct judged_tree *t, const struct source *bundle, const struct source *tree,
		   uint8_t id_len, struct object_error *e)
{
	size_t at = 0;

	if (bundle->nfiles != tree->nfiles)
		return wrong(e, "there are not as many policy files as the tree has");
	next->file = arena_array(&next->arena, bundle->nfiles, struct judged_file);
	next->nfiles = bundle->nfiles;
	for (size_t i = 0; i < bundle->nfiles; i++) {
		struct judged_file *f = &next->file[i];
		*f = (struct judged_file){ .path = bundle->file[i].path, .data = bundle->file[i].data, .len = bundle->file[i].len };
		if (strcmp(f->path, tree->file[i].path) != 0)
			return wrong(e, "the policy files are not those of the tree");
		hash(f, kept_at(t, f->path, &at), id_len);
		if (tree->file[i].len != id_len || memcmp(f->id.b, tree->file[i].data, id_len) != 0)
			return wrong(e, "a policy file has other bytes than the tree says");
	}
	return 0;
}

static void digest_all(const struct judged_tree *t, struct arena *a, char content[static DIGEST_HEX_MAX])
{
	struct digest *leaf = arena_array(a, t->nfiles, struct digest);

	for (size_t i = 0; i < t->nfiles; i++)
		leaf[i] = t->file[i].leaf;
	struct digest d = content_of_leaves(leaf, t->nfiles);
	digest_hex(&d, DIGEST_BYTES, content);
}

static int check(struct judged_tree *next, const struct judged_tree *t, const struct objects *o, const struct object_id *root,
		 const char *commit, struct arena *a, struct object_error *e)
{
	struct source bundle, tree;
	struct diags d;

	diags_init(&d, a);
	int ret = source_open_bundle(&bundle, next->bundle, next->bundle_len, &next->arena, &d);
	if (ret < 0 || bundle.commit == NULL || strcmp(bundle.commit, commit) != 0)
		ret = wrong(e, "the policy files are not those of the commit");
	if (ret == 0)
		ret = objects_source(o, root, &tree, a, &d, e);
	if (ret == 0)
		ret = mistake(&d, e);
	if (ret == 0)
		ret = compare(next, t, &bundle, &tree, o->id_len, e);
	diags_release(&d);
	return ret;
}

int judged_tree_check(struct judged_tree *t, const struct objects *o, const struct object_id *root, const char *commit, int fd,
		      char content[static DIGEST_HEX_MAX], struct arena *a, struct object_error *e)
{
	struct judged_tree next;

	judged_tree_init(&next);
	int ret = ipc_map(fd, BUNDLE_BYTES_MAX, &next.bundle, &next.bundle_len);
	close(fd); /* the mapping stays */
	if (ret < 0) {
		next.bundle = NULL;
		ret = wrong(e, "the policy files cannot be used");
	}
	if (ret == 0)
		ret = check(&next, t, o, root, commit, a, e);
	if (ret < 0) {
		judged_tree_release(&next);
		return ret;
	}
	judged_tree_release(t);
	*t = next;
	digest_all(t, a, content);
	return 0;
}
