/* SPDX-License-Identifier: Apache-2.0 */
#include "release/handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "release/descent.h"
#include "release/ledger.h"

#define ROOM ((size_t)4 << 20) /* one more object always fits */

struct collector {
	const struct source_repo *r;
	struct buf *out;
	VEC(git_oid) have; /* open addressing; an id of zeros is free */
	size_t n;
	char *err;
	size_t err_size;
};

static int fail(struct collector *c, int code, const char *what)
{
	snprintf(c->err, c->err_size, "%s", what);
	return code;
}

/* ---- what was handed over already ---- */

static git_oid *place_of(struct collector *c, const git_oid *id)
{
	size_t h;

	memcpy(&h, id->id, sizeof(h));
	for (h &= c->have.n - 1; !git_oid_is_zero(&c->have.v[h]); h = (h + 1) & (c->have.n - 1))
		if (git_oid_equal(&c->have.v[h], id))
			break;
	return &c->have.v[h];
}

static void grow(struct collector *c)
{
	struct collector big = { .n = 0 };
	git_oid zero = { .id = { 0 } };

	for (size_t i = 0, n = c->have.n > 0 ? 2 * c->have.n : 4096; i < n; i++)
		vec_push(&big.have, zero);
	for (size_t i = 0; i < c->have.n; i++)
		if (!git_oid_is_zero(&c->have.v[i]))
			*place_of(&big, &c->have.v[i]) = c->have.v[i];
	vec_release(&c->have);
	c->have.v = big.have.v;
	c->have.n = big.have.n;
	c->have.cap = big.have.cap;
}

/* Whether the id is new; from then on it is not. */
static bool note(struct collector *c, const git_oid *id)
{
	if (2 * (c->n + 1) > c->have.n)
		grow(c);
	git_oid *place = place_of(c, id);
	if (!git_oid_is_zero(place))
		return false;
	*place = *id;
	c->n++;
	return true;
}

/* The object's bytes go along; true with *o where it is new and of that type. What is not there is the judge's to miss. */
static int hand(struct collector *c, const git_oid *id, git_object_t type, git_odb_object **o)
{
	static const enum object_type types[] = { [GIT_OBJECT_COMMIT] = OBJECT_COMMIT, [GIT_OBJECT_TREE] = OBJECT_TREE, [GIT_OBJECT_BLOB] = OBJECT_BLOB };
	git_object_t real;
	size_t len;

	*o = NULL;
	if (git_odb_read_header(&len, &real, c->r->odb, id) < 0 || real != type || (type == GIT_OBJECT_BLOB && len > SOURCE_FILE_MAX))
		return 0;
	if (c->out->len + len + ROOM > OBJECTS_BYTES_MAX || c->n + 1 >= OBJECTS_MAX)
		return fail(c, -E2BIG, "the releases to judge hold more than is judged at once; use a later anchor");
	if (!note(c, id) || git_odb_read(o, c->r->odb, id) < 0)
		return 0;
	objects_add(c->out, types[type], git_odb_object_data(*o), git_odb_object_size(*o));
	return 0;
}

static int hand_blob(struct collector *c, const git_oid *id)
{
	git_odb_object *o;
	int ret = hand(c, id, GIT_OBJECT_BLOB, &o);

	git_odb_object_free(o);
	return ret;
}

/* A folder and all below; once. */
static int hand_tree(struct collector *c, const git_oid *id, unsigned int depth)
{
	git_odb_object *o;
	struct object_entry e;
	int ret = hand(c, id, GIT_OBJECT_TREE, &o);

	if (o == NULL || depth > SOURCE_DEPTH_MAX) {
		git_odb_object_free(o);
		return ret;
	}
	const char *p = git_odb_object_data(o), *end = p + git_odb_object_size(o);
	while (ret == 0 && object_entry_next(&p, end, GIT_OID_RAWSZ, &e) == 1) {
		git_oid below;
		memcpy(below.id, e.id.b, GIT_OID_RAWSZ);
		if (e.mode == OBJECT_MODE_FOLDER)
			ret = hand_tree(c, &below, depth + 1);
		else if (e.mode == OBJECT_MODE_FILE || e.mode == OBJECT_MODE_EXECUTABLE)
			ret = hand_blob(c, &below);
	}
	git_odb_object_free(o);
	return ret;
}

static int hand_commit(void *ctx, const git_oid *id)
{
	git_odb_object *o;
	int ret = hand(ctx, id, GIT_OBJECT_COMMIT, &o);

	git_odb_object_free(o);
	return ret;
}

/* ---- releases ---- */

/* The commit, its whole tree, and the commits back to that of the release before. */
static int hand_release(struct collector *c, const char *hex, const git_oid *before)
{
	git_commit *commit = NULL;
	git_oid id;
	bool met;
	int ret = 0;

	if (git_oid_fromstr(&id, hex) < 0 || git_commit_lookup(&commit, c->r->git, &id) < 0)
		return 0;
	ret = before != NULL ? descent_walk(c->r, &id, before, hand_commit, c, &met) : hand_commit(c, &id);
	if (ret == 0)
		ret = hand_tree(c, git_commit_tree_id(commit), 0);
	git_commit_free(commit);
	return ret;
}

static int hand_serial(struct collector *c, const struct ledger *l, uint64_t serial, git_oid *before, bool *has_before, struct arena *a)
{
	struct ledger_record *r;
	size_t n, ignored = 0;
	git_oid last = *before;
	bool any = *has_before;
	int ret = 0;

	ledger_records(l, serial, NULL, &r, &n, &ignored, a);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		ret = hand_release(c, r[i].record.commit, *has_before ? before : NULL);
		any |= git_oid_fromstr(&last, r[i].record.commit) == 0;
	}
	*before = last;
	*has_before = any;
	return ret;
}

/* The log's own trees but for serials before `from`. */
static int hand_log(struct collector *c, const struct ledger *l, uint64_t from)
{
	git_odb_object *o;
	struct object_entry e;
	git_tree_entry *rel = NULL;
	int ret = hand(c, git_tree_id(l->tree), GIT_OBJECT_TREE, &o);

	git_odb_object_free(o);
	for (size_t i = 0; ret == 0 && i < git_tree_entrycount(l->tree); i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(l->tree, i);
		if (git_tree_entry_type(entry) == GIT_OBJECT_TREE && strcmp(git_tree_entry_name(entry), "rel") != 0)
			ret = hand_tree(c, git_tree_entry_id(entry), 0);
	}
	if (ret < 0 || git_tree_entry_bypath(&rel, l->tree, "rel") < 0)
		return ret;
	ret = hand(c, git_tree_entry_id(rel), GIT_OBJECT_TREE, &o);
	git_tree_entry_free(rel);
	const char *p = o != NULL ? git_odb_object_data(o) : NULL, *end = o != NULL ? p + git_odb_object_size(o) : NULL;
	while (ret == 0 && o != NULL && object_entry_next(&p, end, GIT_OID_RAWSZ, &e) == 1) {
		git_oid below;
		memcpy(below.id, e.id.b, GIT_OID_RAWSZ);
		if (e.mode == OBJECT_MODE_FOLDER && strtoull(e.name, NULL, 10) >= from)
			ret = hand_tree(c, &below, 0);
	}
	git_odb_object_free(o);
	return ret;
}

int handover_collect(const struct source_repo *r, const git_oid *tip, uint64_t from, struct buf *out, char *err, size_t err_size)
{
	struct collector c = { .r = r, .out = out, .err = err, .err_size = err_size };
	struct ledger l;
	struct arena a;
	git_oid before = { .id = { 0 } };
	bool has_before = false;
	int ret = ledger_open_at(&l, r, tip, err, err_size);

	objects_begin(out, GIT_OID_RAWSZ);
	if (ret == 0)
		ret = hand_commit(&c, tip);
	if (ret == 0)
		ret = hand_log(&c, &l, from);
	uint64_t last = ret == 0 ? ledger_last(&l) : 0;
	for (uint64_t serial = from > 0 ? from : 1; ret == 0 && serial <= last; serial++) {
		arena_init(&a);
		ret = hand_serial(&c, &l, serial, &before, &has_before, &a);
		arena_release(&a);
	}
	ledger_close(&l);
	vec_release(&c.have);
	return ret;
}
