/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob that the base has, at whatever path, is taken from there; a file with the same blob at the same path keeps its decoded documents and
 * its number in diagnostics, which places in them say. Whenever there is something to tell, the tree is compiled plainly instead, so that
 * it is told as for any tree.
 */
#include "compile_base.h"

#include <stdlib.h>
#include <string.h>

#include "source/repo.h"

struct shelf {
	const struct source *base;
	struct arena *arena; /* of the new tree */
	uint32_t *slot;      /* index of a file + 1, by id; 0: free */
	size_t mask;
};

static size_t slot_of(const struct shelf *s, const unsigned char *id)
{
	uint64_t h;

	memcpy(&h, id, sizeof(h)); /* as good as random already */
	size_t i = (size_t)h & s->mask;
	while (s->slot[i] != 0 && memcmp(s->base->file[s->slot[i] - 1].id, id, SOURCE_ID_BYTES) != 0)
		i = (i + 1) & s->mask;
	return i;
}

static void shelf_fill(struct shelf *s, const struct source *base, struct arena *a)
{
	size_t slots = 64;

	while (slots < 2 * base->nfiles)
		slots *= 2;
	*s = (struct shelf){ .base = base, .arena = a, .slot = calloc(slots, sizeof(*s->slot)), .mask = slots - 1 };
	if (s->slot == NULL)
		arena_oom(slots * sizeof(*s->slot));
	for (size_t i = 0; i < base->nfiles; i++)
		s->slot[slot_of(s, base->file[i].id)] = (uint32_t)i + 1;
}

static const char *find(void *ctx, const git_oid *id, size_t *len)
{
	const struct shelf *s = ctx;
	uint32_t at = s->slot[slot_of(s, id->id)];

	if (at == 0)
		return NULL;
	*len = s->base->file[at - 1].len;
	return s->base->file[at - 1].data;
}

static const char *keep(void *ctx, const git_oid *id, const void *data, size_t len)
{
	const struct shelf *s = ctx;

	(void)id;
	return arena_strndup(s->arena, data, len);
}

static int read_source(struct compile *c, const struct compile_input *in, struct shelf *shelf, char *err, size_t err_size)
{
	const struct source_blobs door = { shelf, find, keep };
	struct source_repo r;
	git_commit *commit = NULL;
	git_oid root;
	char hex[GIT_OID_HEXSZ + 1];
	int ret = source_repo_open(&r, in->dir, in->path, err, err_size);

	if (ret == 0)
		ret = source_repo_commit(&r, in->rev, &commit, err, err_size);
	if (ret == 0)
		ret = source_repo_root(&r, commit, &root, err, err_size);
	if (ret == 0)
		ret = source_repo_read(&r, &root, &in->limits, &door, &c->source, &c->arena, &c->diags, err, err_size);
	if (ret == 0)
		c->source.commit = arena_strdup(&c->arena, git_oid_tostr(hex, sizeof(hex), git_commit_id(commit)));
	git_commit_free(commit);
	source_repo_close(&r);
	return ret;
}

/* Both sources are sorted by path; *at walks along in the base. */
static bool same_file(const struct source *base, const struct source_file *f, size_t *at)
{
	while (*at < base->nfiles && strcmp(base->file[*at].path, f->path) < 0)
		++*at;
	return *at < base->nfiles && strcmp(base->file[*at].path, f->path) == 0 && base->file[*at].data == f->data;
}

/* The base's files keep their numbers; the others come after them. */
static void take_parts(struct compile *c, const struct compile *base)
{
	struct diags *d = &c->diags, mine = *d;
	struct model_part **part = arena_array(&c->arena, c->source.nfiles, struct model_part *);
	size_t at = 0;

	diags_init(d, &c->arena);
	d->max = mine.max;
	for (size_t i = 0; i < base->diags.nfiles; i++)
		diags_add_file(d, base->diags.file[i].path, base->diags.file[i].data, base->diags.file[i].len);
	struct model_reader *reader = model_reader_make(&c->arena, d);
	for (size_t i = 0; i < c->source.nfiles; i++) {
		struct source_file *f = &c->source.file[i];
		if (same_file(&base->source, f, &at) && !model_part_spoke(base->model.part[at])) {
			f->diag_file = base->source.file[at].diag_file;
			part[i] = base->model.part[at];
		} else {
			f->diag_file = diags_add_file(d, f->path, f->data, f->len);
			part[i] = model_reader_part(reader, f);
		}
	}
	diags_release(&mine);
	if (d->errors == 0)
		model_join(&c->model, part, c->source.nfiles, false, &c->arena, d);
}

int compile_base(struct compile *c, const struct compile_input *in, char *err, size_t err_size)
{
	const struct compile *base = in->base;
	size_t max = c->diags.max;
	struct shelf shelf;

	if (!base->ready || base->source.commit == NULL || base->diags.nfiles != base->source.nfiles)
		return 1;
	shelf_fill(&shelf, &base->source, &c->arena);
	int ret = read_source(c, in, &shelf, err, err_size);
	free(shelf.slot);
	if (ret < 0)
		return ret;
	if (c->diags.errors + c->diags.warnings == 0)
		take_parts(c, base);
	if (c->diags.errors + c->diags.warnings == 0)
		return 0;
	compile_release(c);
	compile_init(c);
	c->diags.max = max;
	return 1;
}
