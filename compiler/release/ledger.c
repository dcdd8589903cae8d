/* SPDX-License-Identifier: Apache-2.0 */
#include "release/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"

#define TICKS_MAX 64
#define FILE_MAX 4096u /* of a record or a signature; a byte more is read as too long */

static int fail(char *err, size_t err_size, int code, const char *what)
{
	const git_error *e = git_error_last();

	snprintf(err, err_size, "%s%s%s", what, e != NULL && e->message != NULL ? ": " : "",
		 e != NULL && e->message != NULL ? e->message : "");
	return code;
}

int ledger_open_at(struct ledger *l, const struct source_repo *repo, const git_oid *tip, char *err, size_t err_size)
{
	git_commit *commit = NULL;

	*l = (struct ledger){ .repo = repo };
	int ret = git_commit_lookup(&commit, repo->git, tip);
	if (ret == 0)
		ret = git_commit_tree(&l->tree, commit);
	if (ret == 0)
		git_oid_tostr(l->tip, sizeof(l->tip), tip);
	git_commit_free(commit);
	return ret < 0 ? fail(err, err_size, -EIO, "cannot read the log of releases") : 0;
}

int ledger_open(struct ledger *l, const struct source_repo *repo, const char *ref, char *err, size_t err_size)
{
	git_object *o = NULL;
	git_commit *commit = NULL;

	*l = (struct ledger){ .repo = repo };
	int ret = git_revparse_single(&o, repo->git, ref);
	if (ret == GIT_ENOTFOUND)
		return 0;
	if (ret == 0)
		ret = git_object_peel((git_object **)&commit, o, GIT_OBJECT_COMMIT);
	git_object_free(o);
	if (ret < 0)
		return fail(err, err_size, -EIO, "cannot read the log of releases");
	ret = ledger_open_at(l, repo, git_commit_id(commit), err, err_size);
	git_commit_free(commit);
	return ret;
}

void ledger_close(struct ledger *l)
{
	git_tree_free(l->tree);
	*l = (struct ledger){ .repo = NULL };
}

/* ---- names ---- */

char *ledger_digest_name(const struct digest *d, char out[static LEDGER_NAME_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(out, LEDGER_NAME_MAX, "%s", digest_hex(d, 8, hex));
	return out;
}

char *ledger_key_name(const uint8_t *key, size_t len, char out[static LEDGER_NAME_MAX])
{
	struct digest d = digest_of(key, len);

	return ledger_digest_name(&d, out);
}

/* ---- reading ---- */

/* A folder of the log's tree; NULL where there is none. */
static git_tree *folder(const struct ledger *l, const char *path)
{
	git_tree_entry *e = NULL;
	git_tree *tree = NULL;

	if (l->tree == NULL || git_tree_entry_bypath(&e, l->tree, path) < 0)
		return NULL;
	if (git_tree_entry_type(e) != GIT_OBJECT_TREE || git_tree_lookup(&tree, l->repo->git, git_tree_entry_id(e)) < 0)
		tree = NULL;
	git_tree_entry_free(e);
	return tree;
}

/* A file's bytes, NUL-terminated; false for what is no file of 1..max bytes. */
static bool read_entry(const struct ledger *l, const git_tree_entry *e, size_t max, struct arena *a, const char **data, size_t *len)
{
	git_odb_object *o = NULL;
	git_object_t type;

	if (git_tree_entry_type(e) != GIT_OBJECT_BLOB ||
	    git_odb_read_header(len, &type, l->repo->odb, git_tree_entry_id(e)) < 0 || type != GIT_OBJECT_BLOB || *len == 0 ||
	    *len > max || git_odb_read(&o, l->repo->odb, git_tree_entry_id(e)) < 0)
		return false;
	bool whole = git_odb_object_size(o) == *len;
	if (whole)
		*data = arena_strndup(a, git_odb_object_data(o), *len);
	git_odb_object_free(o);
	return whole;
}

static bool read_named(const struct ledger *l, const git_tree *dir, const char *name, size_t max, struct arena *a,
		       const char **data, size_t *len)
{
	const git_tree_entry *e = git_tree_entry_byname(dir, name);

	return e != NULL && read_entry(l, e, max, a, data, len);
}

/* The names of the keys that count; any: all do. */
struct key_names {
	char (*v)[LEDGER_NAME_MAX];
	size_t n;
	bool any;
};

static struct key_names names_of(const struct signers *const *signers, size_t n, struct arena *a)
{
	struct key_names out = { .any = n == 0 };
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += signers[i]->n;
	out.v = arena_calloc(a, all, sizeof(*out.v));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < signers[i]->n; k++)
			ledger_key_name(signers[i]->v[k].key, signers[i]->v[k].key_len, out.v[out.n++]);
	return out;
}

static bool key_listed(const struct key_names *k, const char *fp16)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i], fp16) == 0)
			return true;
	return k->any;
}

/* Whether the entry is a record of this serial under its own name. */
static bool read_record(const struct ledger *l, const git_tree_entry *e, uint64_t serial, struct ledger_record *r, struct arena *a)
{
	const char *name = git_tree_entry_name(e);
	char own[LEDGER_NAME_MAX], err[160];

	*r = (struct ledger_record){ .text = NULL };
	if (strlen(name) != 20 || strcmp(name + 16, ".rec") != 0 || !read_entry(l, e, FILE_MAX, a, &r->text, &r->len))
		return false;
	r->digest = record_digest(r->text, r->len);
	return strncmp(ledger_digest_name(&r->digest, own), name, 16) == 0 &&
	       record_parse(&r->record, r->text, r->len, err, sizeof(err)) == 0 && r->record.serial == serial;
}

static bool is_record_name(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".rec") == 0;
}

static git_tree *serial_folder(const struct ledger *l, uint64_t serial)
{
	char path[32];

	snprintf(path, sizeof(path), "rel/%010llu", (unsigned long long)serial);
	return folder(l, path);
}

static void read_plans(const struct ledger *l, const git_tree *dir, struct ledger_record *r, struct arena *a)
{
	char name[LEDGER_NAME_MAX];
	char *plans = arena_printf(a, "%s.plans", ledger_digest_name(&r->digest, name));

	if (!read_named(l, dir, plans, LEDGER_PLANS_MAX, a, &r->plans, &r->plans_len))
		r->plans = NULL;
}

void ledger_records(const struct ledger *l, uint64_t serial, const struct digest *prev, struct ledger_record **out, size_t *n,
		    size_t *ignored, struct arena *a)
{
	VEC(struct ledger_record) v = VEC_INIT;
	git_tree *dir = serial_folder(l, serial);
	size_t count = dir != NULL ? git_tree_entrycount(dir) : 0, seen = 0;

	for (size_t i = 0; i < count && i < LEDGER_ENTRIES_MAX && seen < LEDGER_CANDIDATES_MAX; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		struct ledger_record r;
		if (!is_record_name(git_tree_entry_name(e)))
			continue;
		seen++;
		if (!read_record(l, e, serial, &r, a)) {
			*ignored += 1;
		} else if (prev == NULL || memcmp(r.record.prev.b, prev->b, DIGEST_BYTES) == 0) {
			read_plans(l, dir, &r, a);
			vec_push(&v, r);
		}
	}
	git_tree_free(dir);
	*n = v.n;
	*out = vec_freeze(&v, a);
	vec_release(&v);
}

bool ledger_record(const struct ledger *l, uint64_t serial, const struct digest *d, struct ledger_record *out, struct arena *a)
{
	char name[LEDGER_NAME_MAX];
	git_tree *dir = serial_folder(l, serial);
	char *file = arena_printf(a, "%s.rec", ledger_digest_name(d, name));
	const git_tree_entry *e = dir != NULL ? git_tree_entry_byname(dir, file) : NULL;
	bool found = e != NULL && read_record(l, e, serial, out, a) && memcmp(out->digest.b, d->b, DIGEST_BYTES) == 0;

	if (found)
		read_plans(l, dir, out, a);
	git_tree_free(dir);
	return found;
}

void ledger_signatures(const struct ledger *l, struct ledger_record *r, const struct signers *const *signers, size_t nsigners,
		       struct arena *a)
{
	VEC(struct approval_signature) v = VEC_INIT;
	const struct key_names keys = names_of(signers, nsigners, a);
	char prefix[LEDGER_NAME_MAX + 5], name[LEDGER_NAME_MAX];
	git_tree *dir = serial_folder(l, r->record.serial);
	size_t n = dir != NULL ? git_tree_entrycount(dir) : 0;

	snprintf(prefix, sizeof(prefix), "%s.sig.", ledger_digest_name(&r->digest, name));
	for (size_t i = 0; i < n && i < LEDGER_ENTRIES_MAX && v.n <= APPROVALS_SIGNATURES_MAX; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		const char *file = git_tree_entry_name(e);
		struct approval_signature s;
		if (strncmp(file, prefix, strlen(prefix)) == 0 && key_listed(&keys, file + strlen(prefix)) &&
		    read_entry(l, e, FILE_MAX, a, &s.armor, &s.len))
			vec_push(&v, s);
	}
	git_tree_free(dir);
	r->signature = vec_freeze(&v, a);
	r->nsignatures = v.n;
	vec_release(&v);
}

uint64_t ledger_last(const struct ledger *l)
{
	git_tree *dir = folder(l, "rel");
	uint64_t last = 0;

	/* Ten digits sort as numbers; anything else is passed over. */
	for (size_t i = dir != NULL ? git_tree_entrycount(dir) : 0; last == 0 && i-- > 0;) {
		const char *name = git_tree_entry_name(git_tree_entry_byindex(dir, i));
		if (strlen(name) == 10 && strspn(name, "0123456789") == 10)
			last = strtoull(name, NULL, 10);
	}
	git_tree_free(dir);
	return last;
}

size_t ledger_ticks(const struct ledger *l, struct ledger_tick **out, struct arena *a)
{
	VEC(struct ledger_tick) v = VEC_INIT;
	git_tree *dir = folder(l, "tick");

	for (size_t i = 0, n = dir != NULL ? git_tree_entrycount(dir) : 0; i < n && v.n < TICKS_MAX; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		const char *name = git_tree_entry_name(e);
		struct ledger_tick t;
		if (strlen(name) != 21 || strcmp(name + 16, ".tick") != 0 || !read_entry(l, e, TICK_MAX, a, &t.text, &t.len))
			continue;
		if (read_named(l, dir, arena_printf(a, "%.16s.sig", name), FILE_MAX, a, &t.armor, &t.armor_len))
			vec_push(&v, t);
	}
	git_tree_free(dir);
	*out = vec_freeze(&v, a);
	size_t n = v.n;
	vec_release(&v);
	return n;
}

/* ---- writing ---- */

/* Who and when: neither is believed by anybody, so neither is told. The first commit is the same for everybody who makes it. */
static int commit_as(const struct source_repo *repo, git_oid *out, int64_t when, const char *message, git_tree *tree,
		     const git_commit **parents, size_t n)
{
	git_signature *who = NULL;
	int ret = git_signature_new(&who, "yett", "yett@localhost", when, 0);

	if (ret == 0)
		ret = git_commit_create(out, repo->git, NULL, who, who, NULL, message, tree, n, parents);
	git_signature_free(who);
	return ret;
}

/* The log's first commit: an empty tree at a fixed time, so two who begin at once begin with the same. */
static int begin(const struct source_repo *repo, git_commit **tip)
{
	git_treebuilder *b = NULL;
	git_tree *tree = NULL;
	git_oid id;
	int ret = git_treebuilder_new(&b, repo->git, NULL);

	if (ret == 0)
		ret = git_treebuilder_write(&id, b);
	if (ret == 0)
		ret = git_tree_lookup(&tree, repo->git, &id);
	if (ret == 0)
		ret = commit_as(repo, &id, 0, "The log of releases\n", tree, NULL, 0);
	if (ret == 0)
		ret = git_commit_lookup(tip, repo->git, &id);
	git_tree_free(tree);
	git_treebuilder_free(b);
	return ret;
}

static int lookup_hex(const struct source_repo *repo, const char *hex, git_commit **out)
{
	git_oid id;
	int ret = git_oid_fromstr(&id, hex);

	return ret == 0 ? git_commit_lookup(out, repo->git, &id) : ret;
}

static int add_files(const struct source_repo *repo, git_tree *base, const struct ledger_file *file, size_t n, git_oid *tree)
{
	git_tree_update *u = calloc(n, sizeof(*u));
	int ret = 0;

	if (u == NULL)
		arena_oom(n * sizeof(*u));
	for (size_t i = 0; ret == 0 && i < n; i++) {
		u[i] = (git_tree_update){ .action = GIT_TREE_UPDATE_UPSERT, .filemode = GIT_FILEMODE_BLOB, .path = file[i].path };
		ret = git_blob_create_from_buffer(&u[i].id, repo->git, file[i].data, file[i].len);
	}
	if (ret == 0)
		ret = git_tree_create_updated(tree, repo->git, base, n, u);
	free(u);
	return ret;
}

int ledger_append(const struct source_repo *repo, const char *tip, const struct ledger_file *file, size_t n, const char *released,
		  char out[static GIT_OID_HEXSZ + 1], char *err, size_t err_size)
{
	git_commit *top = NULL, *content = NULL;
	git_tree *base = NULL, *tree = NULL;
	git_oid id;
	int ret = *tip != '\0' ? lookup_hex(repo, tip, &top) : begin(repo, &top);

	if (ret == 0 && released != NULL)
		ret = lookup_hex(repo, released, &content);
	if (ret == 0)
		ret = git_commit_tree(&base, top);
	if (ret == 0)
		ret = add_files(repo, base, file, n, &id);
	if (ret == 0)
		ret = git_tree_lookup(&tree, repo->git, &id);
	const git_commit *parents[] = { top, content };
	if (ret == 0)
		ret = commit_as(repo, &id, clock_now(), "A release's record, signature or tick\n", tree, parents, content != NULL ? 2 : 1);
	if (ret == 0)
		git_oid_tostr(out, GIT_OID_HEXSZ + 1, &id);
	git_tree_free(tree);
	git_tree_free(base);
	git_commit_free(content);
	git_commit_free(top);
	return ret < 0 ? fail(err, err_size, -EIO, "cannot add to the log of releases") : 0;
}
