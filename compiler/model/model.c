/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/decode.h"
#include "yaml/yaml.h"

/* A document of a part that says its kind and name; object is NULL where it was left out. */
struct part_entry {
	enum kind kind;
	const char *name;
	struct object *object;
	struct loc loc;
};

struct model_part {
	struct part_entry *entry; /* in the file's order */
	size_t n;
	struct part_entry *unread; /* names alone, in a file that is not YAML, as far as they can be told */
	size_t nunread;
	bool torn; /* something could not be read at all */
	bool spoke; /* something was said about the file */
};

struct model_reader {
	struct arena *arena;
	struct diags *diags;
	struct decoder decoder;
};

/* The same among all documents of a kind. */
struct entry {
	const char *name;
	struct object *object;
	struct loc loc;
	size_t order; /* among all documents */
};

typedef VEC(struct entry) entry_vec;
typedef VEC(const char *) name_vec;

typedef VEC(struct part_entry) part_vec;

struct reading {
	struct arena *arena;
	struct diags *diags;
	entry_vec entry[KIND_COUNT];
	name_vec unread[KIND_COUNT];
	size_t documents;
	bool torn;
};

static int cmp_entry(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = strcmp(a->name, b->name);
	return c ? c : a->order < b->order ? -1 : a->order > b->order;
}

static u128 entry_key(const void *entry)
{
	return order_key_text(((const struct entry *)entry)->name);
}

static int cmp_name(const void *pa, const void *pb)
{
	return strcmp(*(const char *const *)pa, *(const char *const *)pb);
}

struct text {
	const char *s;
	size_t n;
};

/* The first line of *rest, which moves past it. */
static struct text take_line(struct text *rest)
{
	const char *nl = memchr(rest->s, '\n', rest->n);
	struct text line = { rest->s, nl ? (size_t)(nl - rest->s) : rest->n };
	size_t taken = line.n + (nl != NULL);
	rest->s += taken;
	rest->n -= taken;
	return line;
}

/* The value of "key: value" at the start of a line, without quotes or a comment; NULL for another line. */
static const char *line_value(struct arena *a, struct text line, const char *key)
{
	size_t from = strlen(key), end;
	if (line.n <= from || memcmp(line.s, key, from) != 0)
		return NULL;
	while (from < line.n && memchr(" \"'", line.s[from], 3))
		from++;
	for (end = from; end < line.n && !memchr(" \t\"'#", line.s[end], 5);)
		end++;
	return end > from ? arena_strndup(a, line.s + from, end - from) : NULL;
}

/*
 * A file that is not YAML declares things all the same: their names are taken from its lines, so that
 * who refers to one of them is not blamed too.
 */
static void salvage(struct model_reader *r, const struct source_file *file, part_vec *unread)
{
	const char *name = NULL;
	const struct kind_row *row = NULL;
	for (struct text rest = { file->data, file->len }; rest.n > 0;) {
		struct text line = take_line(&rest);
		const char *kind = line_value(r->arena, line, "kind:"), *value = line_value(r->arena, line, "name:");
		if (kind)
			row = kind_by_name(kind);
		if (value)
			name = value;
		bool whole = row && name;
		if (whole)
			vec_push(unread, ((struct part_entry){ .kind = row->kind, .name = name }));
		if (whole || (line.n >= 3 && memcmp(line.s, "---", 3) == 0)) {
			row = NULL;
			name = NULL;
		}
	}
}

struct model_reader *model_reader_make(struct arena *a, struct diags *d)
{
	struct model_reader *r = arena_new(a, struct model_reader);
	*r = (struct model_reader){ .arena = a, .diags = d, .decoder = { .arena = a, .diags = d } };
	return r;
}

struct model_part *model_reader_part(struct model_reader *r, const struct source_file *file)
{
	struct model_part *part = arena_new(r->arena, struct model_part);
	struct node **docs = NULL;
	size_t n = 0, said = r->diags->errors + r->diags->warnings;
	part_vec entry = VEC_INIT, unread = VEC_INIT;
	if (yaml_parse(r->arena, file->diag_file, file->data, file->len, r->diags, &docs, &n) < 0) {
		part->torn = true;
		salvage(r, file, &unread);
	}
	for (size_t i = 0; i < n; i++) {
		struct decoded d = decode_document(&r->decoder, docs[i]);
		if (d.kind == KIND_COUNT)
			part->torn = true;
		else if (d.name && !kind_rows[d.kind].later)
			vec_push(&entry, ((struct part_entry){ d.kind, d.name, d.object, d.name_loc }));
		else if (d.kind == KIND_NETWORK)
			part->torn = true;
	}
	part->entry = vec_freeze(&entry, r->arena);
	part->n = entry.n;
	part->unread = vec_freeze(&unread, r->arena);
	part->nunread = unread.n;
	part->spoke = r->diags->errors + r->diags->warnings != said;
	vec_release(&entry);
	vec_release(&unread);
	return part;
}

bool model_part_spoke(const struct model_part *part)
{
	return part->spoke;
}

static void add_part(struct reading *r, const struct model_part *part)
{
	r->torn |= part->torn;
	for (size_t i = 0; i < part->nunread; i++)
		vec_push(&r->unread[part->unread[i].kind], part->unread[i].name);
	for (size_t i = 0; i < part->n; i++) {
		const struct part_entry *e = &part->entry[i];
		vec_push(&r->entry[e->kind], ((struct entry){ e->name, e->object, e->loc, r->documents++ }));
	}
}

/* What is left of a name's entries: the first, unless its document was left out. */
static void settle_name(struct reading *r, enum kind kind, const struct entry *e, size_t n, struct model *m)
{
	for (size_t i = 1; i < n; i++) {
		diag_add(r->diags, "E_DUP_NAME", e[i].loc, "there is another %s \"%.63s\" at %s", kind_rows[kind].name,
			 e[i].name, diag_loc_text(r->diags, r->arena, e[0].loc));
		diag_hint(r->diags, "names are unique within a kind");
	}
	if (e[0].object)
		m->object[kind][m->n[kind]++] = e[0].object;
	else
		m->broken[kind][m->nbroken[kind]++] = e[0].name;
}

/* Names of unread documents that no other document declares join the broken ones. */
static void settle_unread(struct reading *r, enum kind kind, struct model *m)
{
	name_vec *unread = &r->unread[kind];
	for (size_t i = 0; i < unread->n; i++)
		if (!model_find(m, kind, unread->v[i]))
			m->broken[kind][m->nbroken[kind]++] = unread->v[i];
	if (m->nbroken[kind] > 1)
		qsort(m->broken[kind], m->nbroken[kind], sizeof(*m->broken[kind]), cmp_name);
}

static void settle_kind(struct reading *r, enum kind kind, struct model *m)
{
	entry_vec *v = &r->entry[kind];
	m->object[kind] = arena_array(r->arena, v->n, struct object *);
	m->broken[kind] = arena_array(r->arena, v->n + r->unread[kind].n, const char *);
	order_sort(v->v, v->n, sizeof(*v->v), entry_key, cmp_entry);
	for (size_t i = 0, end; i < v->n; i = end) {
		end = i + 1;
		while (end < v->n && strcmp(v->v[end].name, v->v[i].name) == 0)
			end++;
		settle_name(r, kind, &v->v[i], end - i, m);
	}
	settle_unread(r, kind, m);
}

/* A tree has exactly one Network, whatever the names: the first counts. */
static void settle_network(struct reading *r)
{
	entry_vec *v = &r->entry[KIND_NETWORK];
	for (size_t i = 1; i < v->n; i++) {
		diag_add(r->diags, "E_NETWORK", v->v[i].loc, "there is another Network at %s; a tree has exactly one",
			 diag_loc_text(r->diags, r->arena, v->v[0].loc));
	}
	if (v->n == 0 && !r->torn) {
		diag_add(r->diags, "E_NETWORK", LOC_NONE, "there is no Network; a tree has exactly one");
		diag_hint(r->diags, "a document with kind: Network, a name and pools, for example pools: [10.7.0.0/24]");
	}
	v->n = v->n > 1 ? 1 : v->n;
}

/* The folder of a document's file, without a slash at the end. */
static const char *folder_of(struct reading *r, struct loc loc)
{
	const char *path = r->diags->file[loc.file].path, *slash = strrchr(path, '/');
	return slash ? arena_strndup(r->arena, path, (size_t)(slash - path)) : "";
}

/* Whether the folder holds documents of other kinds, as a tree's root does and a folder for Networks does not. */
static bool is_root(const struct reading *r, const char *folder)
{
	size_t len = strlen(folder);
	for (enum kind k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; k != KIND_NETWORK && i < r->entry[k].n; i++) {
			const char *path = r->diags->file[r->entry[k].v[i].loc.file].path;
			if (!len || (strncmp(path, folder, len) == 0 && path[len] == '/'))
				return true;
		}
	return false;
}

/*
 * Networks in folders of their own with all that belongs to them are several trees, read as one by mistake. That is the
 * one thing to say then, and not that their names and addresses repeat.
 */
static bool is_several_trees(struct reading *r)
{
	enum { SHOWN = 4 };
	const entry_vec *v = &r->entry[KIND_NETWORK];
	struct buf folders BUF_CLEANUP = BUF_INIT;
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++) {
		const char *folder = folder_of(r, v->v[i].loc);
		bool known = !is_root(r, folder);
		for (size_t k = 0; k < i && !known; k++)
			known = strcmp(folder_of(r, v->v[k].loc), folder) == 0;
		if (known)
			return false;
		if (n++ < SHOWN)
			buf_addf(&folders, "%s%s", n > 1 ? ", " : "", *folder ? folder : ".");
	}
	if (n < 2)
		return false;
	if (n > SHOWN)
		buf_addf(&folders, " and %zu more", n - SHOWN);
	diag_add(r->diags, "E_NETWORK", v->v[1].loc, "there are %zu policy trees here and not one: %s", n, buf_str(&folders));
	diag_hint(r->diags, "name one of these folders with -C, or with --path beside a revision");
	return true;
}

void model_join(struct model *m, struct model_part *const *part, size_t n, bool torn, struct arena *a, struct diags *d)
{
	struct reading r = { .arena = a, .diags = d, .torn = torn };
	*m = (struct model){ .part = part };
	for (size_t i = 0; i < n; i++)
		add_part(&r, part[i]);
	bool several = is_several_trees(&r);
	if (!several)
		settle_network(&r);
	for (enum kind k = 0; k < KIND_COUNT; k++) {
		if (several)
			r.entry[k].n = r.unread[k].n = 0;
		settle_kind(&r, k, m);
		vec_release(&r.entry[k]);
		vec_release(&r.unread[k]);
	}
}

void model_read(struct model *m, const struct source *s, struct arena *a, struct diags *d)
{
	bool torn = d->errors > 0;
	struct model_reader *r = model_reader_make(a, d);
	struct model_part **part = arena_array(a, s->nfiles, struct model_part *);
	for (size_t i = 0; i < s->nfiles; i++)
		part[i] = model_reader_part(r, &s->file[i]);
	model_join(m, part, s->nfiles, torn, a, d);
}

struct object *model_find(const struct model *m, enum kind kind, const char *name)
{
	size_t lo = 0, hi = m->n[kind];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(m->object[kind][mid]->name, name);
		if (c == 0)
			return m->object[kind][mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool model_is_broken(const struct model *m, enum kind kind, const char *name)
{
	return m->nbroken[kind] > 0 &&
	       bsearch(&name, m->broken[kind], m->nbroken[kind], sizeof(name), cmp_name) != NULL;
}

struct loc object_loc(const struct object *o, const char *field)
{
	const struct node *n = o->node;
	while (n && n->kind == NODE_MAP) {
		size_t len = strcspn(field, ".");
		const struct node *next = NULL;
		for (size_t i = 0; i < n->n && !next; i++)
			if (n->pair[i].key->len == len && memcmp(n->pair[i].key->text, field, len) == 0)
				next = n->pair[i].value;
		if (!next || field[len] == '\0')
			return next ? next->loc : o->loc;
		n = next;
		field += len + 1;
	}
	return o->loc;
}
