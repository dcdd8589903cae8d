/* SPDX-License-Identifier: Apache-2.0 */
#include "source/proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "source/tree.h"

struct oid_set {
	git_oid *v;
	bool *taken;
	size_t n, places;
};

struct collector {
	const struct source_repo *r;
	struct buf *out;
	struct oid_set have; /* what is in out */
	struct oid_set deep; /* folders of which everything below is too */
	struct oid_set on;   /* commits that lead back to where the way ends */
	size_t before_steps; /* bytes of out, before the commits between were looked at */
	char *err;
	size_t err_size;
};

static int fail(struct collector *c, int code, const char *what, const char *of)
{
	const git_error *e = git_error_last();

	snprintf(c->err, c->err_size, "%s %s%s%s", what, of, e != NULL && e->message != NULL ? ": " : "",
		 e != NULL && e->message != NULL ? e->message : "");
	return code;
}

/* ---- a set of ids ---- */

static size_t set_place(const struct oid_set *s, const git_oid *id)
{
	size_t h;

	memcpy(&h, id->id, sizeof(h));
	for (size_t i = h & (s->places - 1);; i = (i + 1) & (s->places - 1))
		if (!s->taken[i] || git_oid_equal(&s->v[i], id))
			return i;
}

static bool set_has(const struct oid_set *s, const git_oid *id)
{
	return s->n > 0 && s->taken[set_place(s, id)];
}

static void set_release(struct oid_set *s)
{
	free(s->v);
	free(s->taken);
	*s = (struct oid_set){ .n = 0 };
}

/* False when it was there. */
static bool set_add(struct oid_set *s, const git_oid *id)
{
	if (2 * (s->n + 1) > s->places) {
		struct oid_set big = { .places = s->places > 0 ? 2 * s->places : 1024 };
		big.v = calloc(big.places, sizeof(*big.v));
		big.taken = calloc(big.places, sizeof(*big.taken));
		if (big.v == NULL || big.taken == NULL)
			arena_oom(big.places * sizeof(*big.v));
		for (size_t i = 0; i < s->places; i++)
			if (s->taken[i])
				set_add(&big, &s->v[i]);
		set_release(s);
		*s = big;
	}
	size_t i = set_place(s, id);
	if (s->taken[i])
		return false;
	s->v[i] = *id;
	s->taken[i] = true;
	s->n++;
	return true;
}

/* ---- objects ---- */

static const char *type_word(enum object_type type)
{
	return type == OBJECT_COMMIT ? "the commit" : type == OBJECT_TREE ? "the folder" : "the file";
}

/* The object, appended unless it is there; out may be NULL. */
static int add(struct collector *c, enum object_type type, const git_oid *id, git_odb_object **out)
{
	static const git_object_t types[] = { [OBJECT_COMMIT] = GIT_OBJECT_COMMIT, [OBJECT_TREE] = GIT_OBJECT_TREE,
					      [OBJECT_BLOB] = GIT_OBJECT_BLOB };
	char hex[GIT_OID_HEXSZ + 1];
	git_odb_object *o = NULL;

	if (out == NULL && set_has(&c->have, id))
		return 0;
	int rc = git_odb_read(&o, c->r->odb, id);
	if (rc < 0 || git_odb_object_type(o) != types[type]) {
		git_odb_object_free(o);
		snprintf(c->err, c->err_size, "E_ODB_MISSING: the repository lacks %s %s", type_word(type),
			 git_oid_tostr(hex, sizeof(hex), id));
		return rc == GIT_ENOTFOUND || rc == 0 ? -ENOENT : -EIO;
	}
	if (set_add(&c->have, id))
		objects_add(c->out, type, git_odb_object_data(o), git_odb_object_size(o));
	if (c->out->len > OBJECTS_BYTES_MAX - ((size_t)4 << 20))
		rc = fail(c, -E2BIG, "too much would have to be judged of", c->r->name);
	if (out != NULL && rc == 0)
		*out = o;
	else
		git_odb_object_free(o);
	return rc;
}

/* Calls fn for each entry of a folder, which goes along. A folder that is no folder in form is left to the judge. */
typedef int (*entry_fn)(struct collector *c, const struct object_entry *e, size_t depth);

static int each_entry(struct collector *c, const git_oid *id, size_t depth, entry_fn fn)
{
	git_odb_object *o = NULL;
	struct object_entry e;
	int rc = add(c, OBJECT_TREE, id, &o);

	if (rc < 0)
		return rc;
	const char *p = git_odb_object_data(o), *end = p + git_odb_object_size(o);
	while (rc == 0 && object_entry_next(&p, end, GIT_OID_RAWSZ, &e) == 1)
		rc = fn(c, &e, depth);
	git_odb_object_free(o);
	return rc;
}

static void oid_of(const struct object_entry *e, git_oid *id)
{
	memcpy(id->id, e->id.b, GIT_OID_RAWSZ);
}

/* All folders below; one that stands in several places is the same. */
static int add_folders(struct collector *c, const struct object_entry *e, size_t depth)
{
	git_oid id;

	if (e->mode != OBJECT_MODE_FOLDER || depth > SOURCE_DEPTH_MAX)
		return 0;
	oid_of(e, &id);
	return set_add(&c->deep, &id) ? each_entry(c, &id, depth + 1, add_folders) : 0;
}

static int add_below(struct collector *c, const git_oid *id)
{
	struct object_entry top = { .mode = OBJECT_MODE_FOLDER, .name = "", .id = { .len = GIT_OID_RAWSZ } };

	memcpy(top.id.b, id->id, GIT_OID_RAWSZ);
	return add_folders(c, &top, 0);
}

/* Where two folders differ, both; what is on one side only, whole. was, is: NULL for none. */
static int add_differing(struct collector *c, const git_oid *was, const git_oid *is, size_t depth)
{
	git_tree *x = NULL, *y = NULL;
	int rc = add(c, OBJECT_TREE, was, NULL);

	if (rc == 0)
		rc = add(c, OBJECT_TREE, is, NULL);
	if (rc == 0 && (git_tree_lookup(&x, c->r->git, was) < 0 || git_tree_lookup(&y, c->r->git, is) < 0))
		rc = fail(c, -EIO, "cannot read a folder of", c->r->name);
	for (size_t i = 0; rc == 0 && i < git_tree_entrycount(y); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(y, i);
		const git_tree_entry *old = git_tree_entry_byname(x, git_tree_entry_name(e));
		if (git_tree_entry_type(e) != GIT_OBJECT_TREE || depth > SOURCE_DEPTH_MAX)
			continue;
		if (old == NULL || git_tree_entry_type(old) != GIT_OBJECT_TREE)
			rc = add_below(c, git_tree_entry_id(e));
		else if (!git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(e)))
			rc = add_differing(c, git_tree_entry_id(old), git_tree_entry_id(e), depth + 1);
	}
	for (size_t i = 0; rc == 0 && i < git_tree_entrycount(x); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(x, i);
		const git_tree_entry *new = git_tree_entry_byname(y, git_tree_entry_name(e));
		if (git_tree_entry_type(e) == GIT_OBJECT_TREE && (new == NULL || git_tree_entry_type(new) != GIT_OBJECT_TREE))
			rc = add_below(c, git_tree_entry_id(e));
	}
	git_tree_free(x);
	git_tree_free(y);
	return rc;
}

/* A file directly in a folder; none there is no failure. */
static int add_file(struct collector *c, const git_oid *folder, const char *name, size_t max)
{
	git_tree *tree = NULL;
	git_object_t type;
	size_t len;

	if (git_tree_lookup(&tree, c->r->git, folder) < 0)
		return fail(c, -EIO, "cannot read a folder of", c->r->name);
	const git_tree_entry *e = git_tree_entry_byname(tree, name);
	int rc = 0;
	if (e != NULL && git_tree_entry_type(e) == GIT_OBJECT_BLOB &&
	    git_odb_read_header(&len, &type, c->r->odb, git_tree_entry_id(e)) == 0 && len <= max)
		rc = add(c, OBJECT_BLOB, git_tree_entry_id(e), NULL);
	git_tree_free(tree);
	return rc;
}

/* The folders down to the policy root go along; -ENOENT where there is none. */
static int add_root(struct collector *c, const git_commit *commit, git_oid *root)
{
	git_oid id = *git_commit_tree_id(commit);
	int rc = source_repo_root(c->r, commit, root, c->err, c->err_size);

	if (rc < 0)
		return rc;
	rc = add(c, OBJECT_TREE, &id, NULL);
	for (const char *s = c->r->root; rc == 0 && *s != '\0';) {
		char name[256];
		git_tree *tree = NULL;
		size_t n = strcspn(s, "/");
		snprintf(name, sizeof(name), "%.*s", (int)n, s);
		s += n + (s[n] == '/');
		if (n == 0 || strcmp(name, ".") == 0)
			continue;
		if (git_tree_lookup(&tree, c->r->git, &id) < 0 || git_tree_entry_byname(tree, name) == NULL)
			rc = fail(c, -EIO, "cannot read a folder of", c->r->name);
		else
			id = *git_tree_entry_id(git_tree_entry_byname(tree, name));
		git_tree_free(tree);
		if (rc == 0)
			rc = add(c, OBJECT_TREE, &id, NULL);
	}
	return rc;
}

/* What the tree says of trust, as far as it says anything. */
static int add_trust(struct collector *c, const git_oid *root)
{
	git_tree *tree = NULL;

	if (git_tree_lookup(&tree, c->r->git, root) < 0)
		return fail(c, -EIO, "cannot read a folder of", c->r->name);
	const git_tree_entry *e = git_tree_entry_byname(tree, "trust");
	int rc = 0;
	if (e != NULL && git_tree_entry_type(e) == GIT_OBJECT_TREE) {
		const git_oid *id = git_tree_entry_id(e);
		rc = add(c, OBJECT_TREE, id, NULL);
		if (rc == 0)
			rc = add_file(c, id, "trust.yaml", SOURCE_FILE_MAX);
		if (rc == 0)
			rc = add_file(c, id, "allowed_signers", SOURCE_FILE_MAX);
	}
	git_tree_free(tree);
	return rc;
}

/* ---- the way from one commit to another ---- */

static bool leads_back(const struct collector *c, const git_commit *commit, const git_oid *to)
{
	for (unsigned int i = 0; i < git_commit_parentcount(commit); i++)
		if (git_oid_equal(git_commit_parent_id(commit, i), to) || set_has(&c->on, git_commit_parent_id(commit, i)))
			return true;
	return false;
}

/* Which of the commits that `from` has and `to` has not lead back to `to`: parents come before children. */
static int mark_way(struct collector *c, const git_oid *from, const git_oid *to)
{
	git_revwalk *walk = NULL;
	git_oid id;
	size_t n = 0;
	int rc = git_revwalk_new(&walk, c->r->git);

	if (rc == 0)
		rc = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if (rc == 0)
		rc = git_revwalk_push(walk, from);
	if (rc == 0)
		rc = git_revwalk_hide(walk, to);
	if (rc < 0)
		rc = fail(c, -EIO, "cannot follow the history of", c->r->name);
	while (rc == 0 && git_revwalk_next(&id, walk) == 0) {
		git_commit *commit = NULL;
		if (++n > PROOF_COMMITS_MAX) {
			git_error_clear();
			rc = fail(c, -E2BIG, "more than 10000 commits have come since what is in force in", c->r->name);
		} else if (git_commit_lookup(&commit, c->r->git, &id) < 0) {
			rc = fail(c, -EIO, "cannot read a commit of", c->r->name);
		} else if (leads_back(c, commit, to)) {
			set_add(&c->on, &id);
		}
		git_commit_free(commit);
	}
	git_revwalk_free(walk);
	return rc;
}

typedef VEC(git_oid) oid_vec;

/* The commits on the way, newest first, without `to`; none when there is no way. */
static int find_way(struct collector *c, const git_oid *from, const git_oid *to, oid_vec *way)
{
	git_oid at = *from;
	int rc = mark_way(c, from, to);

	while (rc == 0 && set_has(&c->on, &at)) {
		git_commit *commit = NULL;
		vec_push(way, at);
		rc = git_commit_lookup(&commit, c->r->git, &at) < 0 ? fail(c, -EIO, "cannot read a commit of", c->r->name) : 0;
		for (unsigned int i = 0; rc == 0 && i < git_commit_parentcount(commit); i++) {
			at = *git_commit_parent_id(commit, i);
			if (git_oid_equal(&at, to) || set_has(&c->on, &at))
				break;
		}
		git_commit_free(commit);
	}
	set_release(&c->on);
	return rc;
}

static int add_way(struct collector *c, const oid_vec *way)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < way->n; i++)
		rc = add(c, OBJECT_COMMIT, &way->v[i], NULL);
	return rc;
}

/* A commit on the way: the tip, or what was one in its own right. Those between cost memory, so only while there is some. */
static int add_step(struct collector *c, const git_oid *id, const git_oid *base_root, bool is_tip)
{
	git_commit *commit = NULL;
	git_oid root;

	if (c->out->len - c->before_steps > PROOF_STEPS_BYTES_MAX)
		return 0;
	if (git_commit_lookup(&commit, c->r->git, id) < 0)
		return fail(c, -EIO, "cannot read a commit of", c->r->name);
	const char *header = git_commit_raw_header(commit);
	int rc = 0;
	if (is_tip || (header != NULL && strstr(header, "\ngpgsig") != NULL)) {
		rc = add_root(c, commit, &root);
		if (rc == 0)
			rc = add_differing(c, base_root, &root, 0);
		if (rc == 0)
			rc = add_trust(c, &root);
		if (rc == -ENOENT && !is_tip) /* it has no policy root: no step of ours */
			rc = 0;
	}
	git_commit_free(commit);
	return rc;
}

/* base is there: how the two hang together. */
static int add_between(struct collector *c, git_commit *base, const git_oid *tip)
{
	oid_vec way = VEC_INIT;
	git_oid root;
	int rc = add(c, OBJECT_COMMIT, git_commit_id(base), NULL);

	if (rc == 0)
		rc = add_root(c, base, &root);
	if (rc == 0)
		rc = add_trust(c, &root);
	if (rc == 0 && !git_oid_equal(git_commit_id(base), tip))
		rc = find_way(c, tip, git_commit_id(base), &way);
	bool forward = way.n > 0;
	if (rc == 0 && !forward && !git_oid_equal(git_commit_id(base), tip))
		rc = find_way(c, git_commit_id(base), tip, &way); /* back, or aside */
	if (rc == 0)
		rc = add_way(c, &way);
	c->before_steps = c->out->len;
	if (rc == 0 && forward)
		rc = add_step(c, &way.v[0], &root, true);
	c->before_steps = c->out->len;
	for (size_t i = way.n; rc == 0 && forward && i > 1; i--)
		rc = add_step(c, &way.v[i - 1], &root, false);
	vec_release(&way);
	return rc;
}

static int add_tip(struct collector *c, const git_commit *tip)
{
	git_oid root;
	int rc = add(c, OBJECT_COMMIT, git_commit_id(tip), NULL);

	if (rc == 0)
		rc = add_root(c, tip, &root);
	if (rc == 0)
		rc = add_trust(c, &root);
	if (rc == 0)
		rc = add_file(c, &root, IGNORE_FILE, SOURCE_FILE_MAX);
	if (rc == 0)
		rc = add_below(c, &root);
	return rc;
}

int source_proof(const struct source_repo *r, const char *base, const char *tip, struct buf *out, char *err, size_t err_size)
{
	struct collector c = { .r = r, .out = out, .err = err, .err_size = err_size };
	git_commit *was = NULL, *is = NULL;
	char none[64];

	objects_begin(out, GIT_OID_RAWSZ);
	int rc = source_repo_commit(r, tip, &is, err, err_size);
	if (rc == 0 && *base != '\0' && source_repo_commit(r, base, &was, none, sizeof(none)) == 0)
		rc = add_between(&c, was, git_commit_id(is));
	if (rc == 0)
		rc = add_tip(&c, is);
	set_release(&c.have);
	set_release(&c.deep);
	set_release(&c.on);
	git_commit_free(was);
	git_commit_free(is);
	return rc;
}
