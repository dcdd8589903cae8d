/* SPDX-License-Identifier: Apache-2.0 */
#include "build/parts.h"

#include <string.h>

#define GARBAGE_MAX ((size_t)8 << 20) /* besides as much as all parts took */
#define SPARE_SLOTS 1000

typedef VEC(struct kept_part) part_vec;

void parts_init(struct parts *p)
{
	memset(p, 0, sizeof(*p));
	arena_init(&p->arena);
	randombytes_buf(p->key, sizeof(p->key));
}

static void forget(struct parts *p)
{
	arena_release(&p->arena);
	vec_release(&p->kept);
	p->slots = 0;
	p->cold_bytes = 0;
}

void parts_release(struct parts *p)
{
	forget(p);
}

static struct part_hash hash_of(const struct parts *p, const struct source_file *f)
{
	struct part_hash h;

	crypto_shorthash_siphashx24(h.b, (const unsigned char *)f->data, f->len, p->key);
	return h;
}

/* What was kept of the file at that path; *at walks along with the sorted files. */
static const struct kept_part *kept_at(const struct parts *p, const char *path, size_t *at)
{
	while (*at < p->kept.n && strcmp(p->kept.v[*at].path, path) < 0)
		++*at;
	return *at < p->kept.n && strcmp(p->kept.v[*at].path, path) == 0 ? &p->kept.v[*at] : NULL;
}

/* Gives every file its slot as number in diagnostics; slots of files that went stay empty. */
static void number_files(struct compile *c, const part_vec *now, uint32_t slots)
{
	struct diags *d = &c->diags;
	struct diag_file *file = arena_array(&c->arena, slots, struct diag_file);

	for (size_t i = 0; i < c->source.nfiles; i++) {
		file[now->v[i].slot] = d->file[c->source.file[i].diag_file];
		c->source.file[i].diag_file = now->v[i].slot;
	}
	while (d->nfiles < slots)
		diags_add_file(d, "", NULL, 0);
	for (size_t i = 0; i < slots; i++)
		d->file[i] = file[i].path != NULL ? file[i] : (struct diag_file){ "", NULL, 0 };
	d->nfiles = slots;
}

/* Who is kept, and who takes whose number: of a changed file nothing else is left. */
static void match(struct parts *p, const struct source *s, part_vec *now)
{
	size_t at = 0;

	vec_reserve(now, s->nfiles);
	for (size_t i = 0; i < s->nfiles; i++) {
		struct kept_part mine = { .path = s->file[i].path, .hash = hash_of(p, &s->file[i]) };
		const struct kept_part *k = kept_at(p, mine.path, &at);
		if (k != NULL && memcmp(k->hash.b, mine.hash.b, sizeof(mine.hash.b)) == 0)
			mine = *k;
		mine.slot = k != NULL ? k->slot : p->slots++;
		vec_push(now, mine);
	}
}

/* Parses what is new. What says something is not kept. */
static void parse(struct parts *p, struct compile *c, part_vec *now, struct model_part **part)
{
	struct model_reader *r = model_reader_make(&p->arena, &c->diags);
	size_t kept = 0;

	p->parsed = 0;
	for (size_t i = 0; i < c->source.nfiles; i++) {
		struct kept_part *k = &now->v[i];
		size_t said = c->diags.errors + c->diags.warnings;
		if (k->part == NULL) {
			k->path = arena_strdup(&p->arena, k->path);
			k->part = model_reader_part(r, &c->source.file[i]);
			p->parsed++;
		}
		part[i] = k->part;
		if (c->diags.errors + c->diags.warnings == said)
			now->v[kept++] = *k;
	}
	now->n = kept;
}

/* Too much of the arena is of no use any more, or there is too much to keep. */
static bool worn(const struct parts *p, size_t nfiles)
{
	return p->arena.used > PARTS_BYTES_MAX || p->arena.used > 2 * p->cold_bytes + GARBAGE_MAX ||
	       p->slots > 2 * nfiles + SPARE_SLOTS;
}

/* A tree with mistakes is told about exactly as `yett check` does: from the start. */
static void read_again(struct compile *c)
{
	struct diags *d = &c->diags;

	diags_clear(d, d->nfiles);
	model_read(&c->model, &c->source, &c->arena, d);
}

void parts_read(struct parts *p, struct compile *c)
{
	struct model_part **part = arena_array(&c->arena, c->source.nfiles, struct model_part *);
	part_vec now = VEC_INIT;

	if (c->diags.errors + c->diags.warnings > 0) { /* of the tree as such: their files are numbered already */
		model_read(&c->model, &c->source, &c->arena, &c->diags);
		return;
	}
	if (p->kept.n == 0 || worn(p, c->source.nfiles))
		forget(p);
	bool cold = p->kept.n == 0;
	match(p, &c->source, &now);
	number_files(c, &now, p->slots);
	parse(p, c, &now, part);
	if (c->diags.errors > 0)
		read_again(c);
	else
		model_join(&c->model, part, c->source.nfiles, false, &c->arena, &c->diags);
	vec_release(&p->kept);
	p->kept.v = now.v;
	p->kept.n = now.n;
	p->kept.cap = now.cap;
	if (cold)
		p->cold_bytes = p->arena.used;
}
