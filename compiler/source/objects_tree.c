/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as raw bytes: one folder, one file, what differs between two, all policy files of one. */
#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "source/objects.h"
#include "source/tree.h"

#define DIFF_PATHS_MAX 200000u
#define MODE_DIGITS_MAX 6

int object_entry_next(const char **p, const char *end, uint8_t id_len, struct object_entry *e)
{
	const char *s = *p;
	unsigned int mode = 0;

	if (s == end)
		return 0;
	if (*s == '0')
		return -EBADMSG;
	for (size_t n = 0; s < end && *s >= '0' && *s <= '7'; n++, s++) {
		if (n == MODE_DIGITS_MAX)
			return -EBADMSG;
		mode = mode << 3 | (unsigned int)(*s - '0');
	}
	if (s == *p || s == end || *s++ != ' ')
		return -EBADMSG;
	const char *nul = memchr(s, '\0', (size_t)(end - s));
	if (nul == NULL || nul == s || end - nul - 1 < id_len)
		return -EBADMSG;
	*e = (struct object_entry){ .mode = mode, .name = s, .id = { .len = id_len } };
	memcpy(e->id.b, nul + 1, id_len);
	*p = nul + 1 + id_len;
	return 1;
}

int object_entry_cmp(const struct object_entry *a, const struct object_entry *b)
{
	size_t la = strlen(a->name), lb = strlen(b->name), n = la < lb ? la : lb;
	int c = memcmp(a->name, b->name, n);

	if (c != 0)
		return c;
	int ca = la > n ? (unsigned char)a->name[n] : a->mode == OBJECT_MODE_FOLDER ? '/' : 0;
	int cb = lb > n ? (unsigned char)b->name[n] : b->mode == OBJECT_MODE_FOLDER ? '/' : 0;
	return ca - cb;
}

static int fail(struct object_error *e, struct arena *a, const char *code, const char *fmt, const char *path)
{
	*e = (struct object_error){ code, arena_printf(a, fmt, *path ? path : "the top folder") };
	return -EBADMSG;
}
#define FAIL(e, a, code, text, path) fail(e, a, code, "%s " text, path)

/* A tree's entries, read one by one; the empty tree has no id. */
struct reader {
	const char *p, *end;
	uint8_t id_len;
	struct object_entry e, before;
	bool more, any;
};

/* Moves to the next entry; entries out of git's order are refused. */
static int step(struct reader *r, const char *path, struct arena *a, struct object_error *e)
{
	r->before = r->e;
	int rc = object_entry_next(&r->p, r->end, r->id_len, &r->e);
	if (rc < 0)
		return FAIL(e, a, "E_TREE_ORDER", "is stored in a form that is no folder", path);
	r->more = rc == 1;
	if (r->more && r->any && object_entry_cmp(&r->before, &r->e) >= 0)
		return FAIL(e, a, "E_TREE_ORDER", "has entries that are not sorted", path);
	r->any = true;
	return 0;
}

static int open_tree(struct reader *r, const struct objects *o, const struct object_id *id, const char *path,
		     struct arena *a, struct object_error *e)
{
	*r = (struct reader){ .id_len = o->id_len };
	if (id->len == 0)
		return 0;
	const struct raw_object *tree = objects_find(o, id, OBJECT_TREE);
	if (tree == NULL)
		return FAIL(e, a, "E_ODB_MISSING", "was not handed over", path);
	r->p = tree->data;
	r->end = tree->data + tree->len;
	return step(r, path, a, e);
}

/* The entry of that name, or -ENOENT. */
static int find_entry(const struct objects *o, const struct object_id *folder, const char *name, size_t n, const char *path,
		      struct object_entry *out, struct arena *a, struct object_error *e)
{
	struct reader r;
	int rc = open_tree(&r, o, folder, path, a, e);

	for (; rc == 0 && r.more; rc = step(&r, path, a, e)) {
		if (strlen(r.e.name) == n && memcmp(r.e.name, name, n) == 0) {
			*out = r.e;
			return 0;
		}
	}
	return rc < 0 ? rc : -ENOENT;
}

int objects_folder(const struct objects *o, const struct object_id *root, const char *path, struct object_id *folder,
		   struct arena *a, struct object_error *e)
{
	*folder = *root;
	for (const char *s = path; *s != '\0';) {
		struct object_entry entry;
		size_t n = strcspn(s, "/");
		if (n > 0 && !(n == 1 && *s == '.')) {
			int rc = find_entry(o, folder, s, n, path, &entry, a, e);
			if (rc < 0)
				return rc;
			if (entry.mode != OBJECT_MODE_FOLDER)
				return -ENOENT;
			*folder = entry.id;
		}
		s += n + (s[n] == '/');
	}
	return 0;
}

int objects_file(const struct objects *o, const struct object_id *root, const char *path, const struct raw_object **file,
		 struct arena *a, struct object_error *e)
{
	const char *slash = strrchr(path, '/');
	struct object_id folder = *root;
	struct object_entry entry;
	int rc = 0;

	if (slash != NULL)
		rc = objects_folder(o, root, arena_strndup(a, path, (size_t)(slash - path)), &folder, a, e);
	const char *name = slash != NULL ? slash + 1 : path;
	if (rc == 0)
		rc = find_entry(o, &folder, name, strlen(name), path, &entry, a, e);
	if (rc == 0 && entry.mode != OBJECT_MODE_FILE && entry.mode != OBJECT_MODE_EXECUTABLE)
		rc = -ENOENT;
	if (rc < 0)
		return rc;
	*file = objects_find(o, &entry.id, OBJECT_BLOB);
	return *file != NULL ? 0 : FAIL(e, a, "E_ODB_MISSING", "was not handed over", path);
}

/* ---- what differs ---- */

struct differ {
	const struct objects *o;
	struct arena *a;
	struct object_error *e;
	VEC(const char *) path;
	struct buf at; /* of the folder that is compared */
	size_t depth, entries;
};

static int diff_folders(struct differ *d, const struct object_id *was, const struct object_id *is);

static size_t enter(struct differ *d, const char *name)
{
	size_t mark = d->at.len;

	if (mark > 0)
		buf_addc(&d->at, '/');
	buf_adds(&d->at, name);
	d->depth++;
	return mark;
}

static void leave(struct differ *d, size_t mark)
{
	d->at.len = mark;
	d->at.p[mark] = '\0';
	d->depth--;
}

/* One entry that is on one side only, or differs. was, is: NULL where it is not. */
static int diff_entry(struct differ *d, const struct object_entry *was, const struct object_entry *is)
{
	static const struct object_id none = { .len = 0 };
	const struct object_entry *any = was != NULL ? was : is;
	size_t mark = enter(d, any->name);
	int rc = 0;

	if (++d->entries > TREE_ENTRIES_MAX)
		rc = FAIL(d->e, d->a, "E_TREE_COUNT", "is where too many entries differ", buf_str(&d->at));
	else if (d->depth > SOURCE_DEPTH_MAX)
		rc = FAIL(d->e, d->a, "E_TREE_DEPTH", "lies too deep", buf_str(&d->at));
	else if (any->mode == OBJECT_MODE_FOLDER)
		rc = diff_folders(d, was != NULL ? &was->id : &none, is != NULL ? &is->id : &none);
	else if (d->path.n == DIFF_PATHS_MAX)
		rc = FAIL(d->e, d->a, "E_TREE_COUNT", "is where too many paths differ", buf_str(&d->at));
	else
		vec_push(&d->path, arena_strdup(d->a, buf_str(&d->at)));
	leave(d, mark);
	return rc;
}

/* A folder and a file of one name stand at different places in git's order, so they are never taken for the same. */
static int diff_folders(struct differ *d, const struct object_id *was, const struct object_id *is)
{
	struct reader x, y;

	if (object_id_equal(was, is))
		return 0;
	int rc = open_tree(&x, d->o, was, buf_str(&d->at), d->a, d->e);
	if (rc == 0)
		rc = open_tree(&y, d->o, is, buf_str(&d->at), d->a, d->e);
	while (rc == 0 && (x.more || y.more)) {
		int c = !x.more ? 1 : !y.more ? -1 : object_entry_cmp(&x.e, &y.e);
		if (c != 0 || x.e.mode != y.e.mode || !object_id_equal(&x.e.id, &y.e.id))
			rc = diff_entry(d, c <= 0 ? &x.e : NULL, c >= 0 ? &y.e : NULL);
		if (rc == 0 && c <= 0)
			rc = step(&x, buf_str(&d->at), d->a, d->e);
		if (rc == 0 && c >= 0)
			rc = step(&y, buf_str(&d->at), d->a, d->e);
	}
	return rc;
}

int objects_diff(const struct objects *o, const struct object_id *was, const struct object_id *is, const char ***path,
		 size_t *npaths, struct arena *a, struct object_error *e)
{
	struct differ d = { .o = o, .a = a, .e = e };
	int rc = diff_folders(&d, was, is);

	*npaths = rc == 0 ? d.path.n : 0;
	*path = rc == 0 ? vec_freeze(&d.path, a) : NULL;
	vec_release(&d.path);
	buf_release(&d.at);
	return rc;
}

/* ---- all policy files ---- */

struct walk {
	struct tree t;
	const struct objects *o;
	struct object_error *e;
};

static int walk_folder(struct walk *w, const struct object_id *id, bool reads);

static void report_mode(struct tree *t, unsigned int mode)
{
	if (mode == OBJECT_MODE_LINK || mode == OBJECT_MODE_SUBMODULE)
		tree_report(t, "E_TREE_MODE", "%s are not allowed in a policy tree",
			    mode == OBJECT_MODE_LINK ? "symbolic links" : "submodules");
	else
		tree_report(t, "E_TREE_MODE", "mode %06o is not that of a file or folder", mode);
}

static int walk_entry(struct walk *w, const struct object_entry *e, bool reads)
{
	struct tree *t = &w->t;
	bool is_dir = e->mode == OBJECT_MODE_FOLDER;

	if (!tree_check_name(t, e->name) || tree_too_deep(t))
		return 0;
	if (!is_dir && e->mode != OBJECT_MODE_FILE && e->mode != OBJECT_MODE_EXECUTABLE) {
		report_mode(t, e->mode);
		return 0;
	}
	reads = reads && !ignore_matches(&t->ignore, t->path.p, is_dir);
	if (is_dir)
		return walk_folder(w, &e->id, reads && tree_reads_folder(t, e->name));
	if (reads && tree_is_policy(e->name) && tree_has_room(t, 0))
		tree_add(t, arena_dup(t->arena, e->id.b, e->id.len), e->id.len);
	return 0;
}

/* step() has seen to the order; names that only case tells apart are left. */
static int check_case(struct walk *w, const struct object_id *id)
{
	VEC(const char *) names = VEC_INIT;
	struct reader r;
	int rc = open_tree(&r, w->o, id, buf_str(&w->t.path), w->t.arena, w->e);

	for (; rc == 0 && r.more; rc = step(&r, buf_str(&w->t.path), w->t.arena, w->e))
		vec_push(&names, r.e.name);
	if (rc == 0)
		tree_check_case(&w->t, names.v, names.n);
	vec_release(&names);
	return rc;
}

static int walk_folder(struct walk *w, const struct object_id *id, bool reads)
{
	struct reader r;
	int rc = check_case(w, id);

	if (rc == 0)
		rc = open_tree(&r, w->o, id, buf_str(&w->t.path), w->t.arena, w->e);
	while (rc == 0 && r.more && !w->t.full && tree_count(&w->t)) {
		size_t mark = tree_enter(&w->t, r.e.name);
		rc = walk_entry(w, &r.e, reads);
		tree_leave(&w->t, mark);
		if (rc == 0)
			rc = step(&r, buf_str(&w->t.path), w->t.arena, w->e);
	}
	return rc;
}

static int read_ignore(struct walk *w, const struct object_id *root)
{
	struct tree *t = &w->t;
	const struct raw_object *file = NULL;
	int rc = objects_file(w->o, root, IGNORE_FILE, &file, t->arena, w->e);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && file->len > IGNORE_BYTES_MAX) {
		size_t mark = tree_enter(t, IGNORE_FILE);
		tree_report(t, "E_LIMIT_FILE", "the file has more than %u bytes", IGNORE_BYTES_MAX);
		tree_leave(t, mark);
		file = NULL;
	}
	ignore_parse(&t->ignore, t->arena, file != NULL ? file->data : "", file != NULL ? file->len : 0);
	return 0;
}

/* git's order is that of the paths' bytes, so the files come sorted. */
int objects_source(const struct objects *o, const struct object_id *root, struct source *s, struct arena *a,
		   struct diags *d, struct object_error *e)
{
	struct walk w = { .o = o, .e = e };

	tree_begin(&w.t, s, NULL, a, d);
	int rc = read_ignore(&w, root);
	if (rc == 0)
		rc = walk_folder(&w, root, true);
	tree_end(&w.t);
	return rc;
}
