/* SPDX-License-Identifier: Apache-2.0 */
#include "log/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define SHARED_MAX ((size_t)512 << 20) /* bytes of decoded files before all is forgotten */
#define TABLE_FIRST 1024

/* A blob where it stands: its documents know their file. */
struct placed {
	struct placed *next;
	const char *path;
	struct model_part *part;
	uint32_t file; /* index in the archive's table of files */
	bool bad;      /* it has mistakes */
};

struct blob {
	git_oid id;
	size_t len;
	struct placed *placed;
	char data[];
};

struct kept {
	git_oid root;
	uint64_t used; /* 0: free */
	struct compile c;
};

struct archive {
	const struct source_repo *repo;
	struct source_limits limits;
	struct arena shared; /* blobs and what was decoded from them */
	struct diags diags;  /* every file ever seen, and what is wrong with any */
	struct model_reader *reader;
	struct blob **table; /* by id, open addressing; size a power of two */
	size_t nblobs, size;
	uint64_t clock;
	struct kept kept[ARCHIVE_KEPT];
	VEC(git_oid) bad;
};

/* ---- blobs ---- */

static size_t slot_of(const struct archive *ar, const git_oid *id)
{
	uint64_t h;

	memcpy(&h, id->id, sizeof(h));
	size_t i = (size_t)h & (ar->size - 1);
	while (ar->table[i] && git_oid_cmp(&ar->table[i]->id, id) != 0)
		i = (i + 1) & (ar->size - 1);
	return i;
}

static void resize(struct archive *ar, size_t size)
{
	struct blob **old = ar->table;
	size_t n = ar->size;

	ar->table = calloc(size, sizeof(struct blob *));
	if (!ar->table)
		arena_oom(size * sizeof(struct blob *));
	ar->size = size;
	for (size_t i = 0; i < n; i++)
		if (old[i])
			ar->table[slot_of(ar, &old[i]->id)] = old[i];
	free(old);
}

static const char *find_blob(void *ctx, const git_oid *id, size_t *len)
{
	const struct archive *ar = ctx;
	const struct blob *b = ar->table[slot_of(ar, id)];

	if (!b)
		return NULL;
	*len = b->len;
	return b->data;
}

static const char *keep_blob(void *ctx, const git_oid *id, const void *data, size_t len)
{
	struct archive *ar = ctx;
	struct blob *b = arena_alloc(&ar->shared, sizeof(*b) + len + 1);

	git_oid_cpy(&b->id, id);
	b->len = len;
	memcpy(b->data, data, len);
	if (2 * ++ar->nblobs > ar->size)
		resize(ar, 2 * ar->size);
	ar->table[slot_of(ar, id)] = b;
	return b->data;
}

/* What archive's blobs gave as data. */
static struct blob *blob_of(const char *data)
{
	return (struct blob *)(void *)((char *)(uintptr_t)data - offsetof(struct blob, data));
}

static const struct placed *place(struct archive *ar, const struct source_file *f)
{
	struct blob *b = blob_of(f->data);

	for (const struct placed *p = b->placed; p; p = p->next)
		if (strcmp(p->path, f->path) == 0)
			return p;
	struct placed *p = arena_new(&ar->shared, struct placed);
	size_t errors = ar->diags.errors;

	p->file = diags_add_file(&ar->diags, f->path, b->data, b->len);
	p->path = ar->diags.file[p->file].path;
	p->part = model_reader_part(ar->reader, &(struct source_file){ .path = p->path, .data = b->data, .len = b->len, .diag_file = p->file });
	p->bad = ar->diags.errors > errors;
	p->next = b->placed;
	b->placed = p;
	return p;
}

/* ---- trees ---- */

static int read_source(struct archive *ar, const git_oid *root, const struct source_blobs *blobs, struct compile *c,
		       char *err, size_t err_size)
{
	compile_init(c);
	return source_repo_read(ar->repo, root, &ar->limits, blobs, &c->source, &c->arena, &c->diags, err, err_size);
}

static void settle(struct compile *c, struct diags *warn)
{
	resolve(&c->resolved, &c->model, &c->arena, &c->diags);
	if (c->diags.errors == 0)
		access_build(&c->access, &c->resolved, &c->arena, warn);
	c->ready = c->diags.errors == 0;
}

/* The diagnostics of a tree whose places are in the archive's own table of files. */
static void share_files(struct archive *ar, struct compile *c)
{
	diags_release(&c->diags);
	c->diags.file = vec_grow(NULL, &c->diags.cap_files, ar->diags.nfiles, sizeof(*c->diags.file));
	memcpy(c->diags.file, ar->diags.file, ar->diags.nfiles * sizeof(*c->diags.file));
	c->diags.nfiles = ar->diags.nfiles;
}

/* Joined from decoded files; not ready where anything is wrong, and then without a word of what. */
static int join(struct archive *ar, const git_oid *root, struct compile *c, char *err, size_t err_size)
{
	const struct source_blobs blobs = { ar, find_blob, keep_blob };
	int ret = read_source(ar, root, &blobs, c, err, err_size);
	bool good = ret == 0 && c->diags.errors == 0;
	struct model_part **part = arena_array(&c->arena, c->source.nfiles, struct model_part *);

	for (size_t i = 0; good && i < c->source.nfiles; i++) {
		const struct placed *p = place(ar, &c->source.file[i]);
		c->source.file[i].diag_file = p->file;
		part[i] = p->part;
		good = !p->bad;
	}
	if (!good)
		return ret;
	share_files(ar, c);
	model_join(&c->model, part, c->source.nfiles, c->diags.errors > 0, &c->arena, &c->diags);
	settle(c, NULL);
	return 0;
}

/* As any tree is compiled, so that its mistakes are told in the words and the order of `yett check`. */
static int compile_plainly(struct archive *ar, const git_oid *root, struct compile *c, char *err, size_t err_size)
{
	compile_release(c);
	int ret = read_source(ar, root, NULL, c, err, err_size);

	if (ret < 0)
		return ret;
	model_read(&c->model, &c->source, &c->arena, &c->diags);
	settle(c, &c->diags);
	diags_sort(&c->diags);
	return 0;
}

static struct kept *find_kept(struct archive *ar, const git_oid *root)
{
	for (size_t i = 0; i < ARCHIVE_KEPT; i++)
		if (ar->kept[i].used && git_oid_cmp(&ar->kept[i].root, root) == 0)
			return &ar->kept[i];
	return NULL;
}

static struct kept *oldest(struct archive *ar)
{
	struct kept *k = &ar->kept[0];

	for (size_t i = 1; i < ARCHIVE_KEPT; i++)
		if (ar->kept[i].used < k->used)
			k = &ar->kept[i];
	return k;
}

static void forget(struct kept *k)
{
	if (k->used)
		compile_release(&k->c);
	k->used = 0;
}

struct compile *archive_get(struct archive *ar, const git_oid *root, char *err, size_t err_size)
{
	struct kept *k = find_kept(ar, root);

	if (!k) {
		k = oldest(ar);
		forget(k);
		int ret = join(ar, root, &k->c, err, err_size);
		if (ret == 0 && !k->c.ready)
			ret = compile_plainly(ar, root, &k->c, err, err_size);
		if (ret < 0) {
			compile_release(&k->c);
			return NULL;
		}
		git_oid_cpy(&k->root, root);
		if (!k->c.ready && !archive_is_bad(ar, root))
			vec_push(&ar->bad, *root);
	}
	k->used = ++ar->clock;
	return &k->c;
}

bool archive_is_bad(const struct archive *ar, const git_oid *root)
{
	for (size_t i = 0; i < ar->bad.n; i++)
		if (git_oid_cmp(&ar->bad.v[i], root) == 0)
			return true;
	return false;
}

/* ---- the whole ---- */

static void begin(struct archive *ar)
{
	arena_init(&ar->shared);
	diags_init(&ar->diags, &ar->shared);
	ar->reader = model_reader_make(&ar->shared, &ar->diags);
	ar->nblobs = ar->size = 0;
	ar->table = NULL;
	resize(ar, TABLE_FIRST);
}

static void end(struct archive *ar)
{
	for (size_t i = 0; i < ARCHIVE_KEPT; i++)
		forget(&ar->kept[i]);
	diags_release(&ar->diags);
	arena_release(&ar->shared);
	free(ar->table);
}

struct archive *archive_open(const struct source_repo *repo, const struct source_limits *lim)
{
	struct archive *ar = calloc(1, sizeof(*ar));

	if (!ar)
		arena_oom(sizeof(*ar));
	ar->repo = repo;
	ar->limits = *lim;
	begin(ar);
	return ar;
}

void archive_close(struct archive *ar)
{
	end(ar);
	vec_release(&ar->bad);
	free(ar);
}

void archive_trim(struct archive *ar)
{
	if (ar->shared.used < SHARED_MAX)
		return;
	end(ar);
	begin(ar);
}
