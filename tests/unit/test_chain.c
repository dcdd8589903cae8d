/* SPDX-License-Identifier: Apache-2.0 */
/* Commit mode from raw objects: git's own names, walks over histories made here, bytes that somebody changed on the way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bug.h"
#include "ipc.h"
#include "judge/judged_tree.h"
#include "sign.h"
#include "source/source.h"
#include "trust/chain.h"
#include "trust/content.h"

#define FILES_MAX 16

/* A tree of at most two levels, as files; sorted by path. */
struct file {
	const char *path, *text;
};

struct world {
	struct buf out;
	struct arena a;
	struct sign_key alice, bob, token, stranger;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->a);
	w->alice = sign_key("chain alice", false);
	w->bob = sign_key("chain bob", false);
	w->token = sign_key("chain token", true);
	w->stranger = sign_key("chain stranger", false);
	objects_begin(&w->out, 20);
}

static void world_release(struct world *w)
{
	buf_release(&w->out);
	arena_release(&w->a);
}

static struct object_id put(struct world *w, enum object_type type, const void *data, size_t len)
{
	objects_add(&w->out, type, data, len);
	return object_hash(type, data, len, 20);
}

static void add_entry(struct buf *tree, const char *mode, const char *name, const struct object_id *id)
{
	buf_addf(tree, "%s %s", mode, name);
	buf_addc(tree, '\0');
	buf_add(tree, id->b, id->len);
}

/* Folders stand where git's order has them, as the files are sorted by whole paths. */
static struct object_id put_tree(struct world *w, const struct file *f, size_t n)
{
	struct buf top BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; i < n;) {
		const char *slash = strchr(f[i].path, '/');
		struct object_id id;
		if (slash == NULL) {
			id = put(w, OBJECT_BLOB, f[i].text, strlen(f[i].text));
			add_entry(&top, "100644", f[i].path, &id);
			i++;
			continue;
		}
		struct file below[FILES_MAX];
		size_t k = 0, len = (size_t)(slash - f[i].path) + 1;
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)len - 1, f[i].path);
		for (; i < n && strncmp(f[i].path, slash - len + 1, len) == 0 && k < FILES_MAX; i++)
			below[k++] = (struct file){ f[i].path + len, f[i].text };
		id = put_tree(w, below, k);
		add_entry(&top, "40000", name, &id);
	}
	return put(w, OBJECT_TREE, top.p != NULL ? top.p : "", top.len);
}

/* key NULL: unsigned. flags: of a security key. */
static struct object_id put_commit(struct world *w, const struct object_id *tree, const struct object_id *parent,
				   const struct sign_key *key, uint8_t flags)
{
	struct buf head BUF_CLEANUP = BUF_INIT, payload BUF_CLEANUP = BUF_INIT, armor BUF_CLEANUP = BUF_INIT;
	char hex[OBJECT_ID_TEXT_MAX];

	buf_addf(&head, "tree %s\n", object_id_text(tree, hex));
	if (parent != NULL)
		buf_addf(&head, "parent %s\n", object_id_text(parent, hex));
	buf_adds(&head, "author t <t@example.com> 0 +0000\ncommitter t <t@example.com> 0 +0000\n");
	buf_addf(&payload, "%s\nmessage\n", head.p);
	if (key != NULL) {
		sign_message(&armor, key, "git", payload.p, payload.len, flags);
		buf_adds(&head, "gpgsig");
		for (char *line = armor.p, *lf; (lf = strchr(line, '\n')) != NULL; line = lf + 1)
			buf_addf(&head, " %.*s\n", (int)(lf - line), line);
	}
	buf_adds(&head, "\nmessage\n");
	return put(w, OBJECT_COMMIT, head.p, head.len);
}

static const char *signers_of(struct world *w)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	sign_line(&b, "alice", "namespaces=\"git\"", &w->alice);
	sign_line(&b, "bob", "namespaces=\"git\"", &w->bob);
	sign_line(&b, "alice", "namespaces=\"git\"", &w->token);
	return arena_strdup(&w->a, b.p);
}

#define TRUST(version) \
	"format: 1\nmode: commit\nrepo-id: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\nversion: " version "\n" \
	"root: {threshold: 1, members: [alice]}\n" \
	"roles:\n  ops: {threshold: 1, members: [alice, bob]}\n  hard: {threshold: 1, members: [alice], require-hardware: true}\n" \
	"  pin: {threshold: 1, members: [alice], verify-required: true}\n" \
	"rules:\n  - {paths: [\"hard/**\"], roles: [hard]}\n  - {paths: [\"pin/**\"], roles: [pin]}\n  - {paths: [\"**\"], roles: [ops]}\n"

/* The tree with one file more, or with another text. */
static struct object_id tree_with(struct world *w, const char *path, const char *text, const char *version)
{
	const struct file f[] = {
		{ "a.yaml", "a" },      { "b/c.yaml", strcmp(path, "b/c.yaml") == 0 ? text : "c" },
		{ "hard/x.yaml", strcmp(path, "hard/x.yaml") == 0 ? text : "x" },
		{ "pin/x.yaml", strcmp(path, "pin/x.yaml") == 0 ? text : "x" },
		{ "trust/allowed_signers", signers_of(w) },
		{ "trust/trust.yaml", arena_printf(&w->a, "%s", strcmp(version, "1") == 0 ? TRUST("1") : TRUST("2")) },
	};

	return put_tree(w, f, ARRAY_SIZE(f));
}

static const char *judge(struct world *w, const struct object_id *base, const struct object_id *tip, struct chain_verdict *v)
{
	struct objects o;

	assert_int_equal(objects_open(&o, w->out.p, w->out.len, &w->a), 0);
	const struct chain_case c = { .objects = &o, .path = "", .base = *base, .tip = *tip, .now = 1000 };
	chain_judge(&c, v, &w->a);
	return v->j.accepted ? "accepted" : v->j.code;
}

static void test_names(void **state)
{
	(void)state;
	char hex[OBJECT_ID_TEXT_MAX];
	struct object_id id = object_hash(OBJECT_BLOB, "", 0, 20);

	assert_string_equal(object_id_text(&id, hex), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
	id = object_hash(OBJECT_TREE, "", 0, 20);
	assert_string_equal(object_id_text(&id, hex), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
	id = object_hash(OBJECT_TREE, "", 0, 32);
	assert_string_equal(object_id_text(&id, hex), "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321");
	assert_false(object_id_parse(&id, "E69de29bb2d1d6434b8b29ae775ad8c2e48c5391"));
	assert_false(object_id_parse(&id, "e69de29"));
	assert_true(object_id_parse(&id, "") && id.len == 0);
}

static void test_malformed(void **state)
{
	(void)state;
	struct world w;
	struct objects o;

	world_init(&w);
	put(&w, OBJECT_BLOB, "abc", 3);
	for (size_t n = 0; n < w.out.len; n++) /* a part of it, but for the empty list */
		if (n != 9)
			assert_int_equal(objects_open(&o, w.out.p, n, &w.a), -EBADMSG);
	w.out.p[9] = 4;
	assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), -EBADMSG);
	w.out.p[9] = 1;
	w.out.p[8] = 21;
	assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), -EBADMSG);
	world_release(&w);
}

static void test_tree_forms(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		const char *code;
	} rows[] = {
		{ "100644 b\0" "11111111111111111111" "100644 a\0" "11111111111111111111", 58, "E_TREE_ORDER" },
		{ "100644 a\0" "11111111111111111111" "100644 a\0" "11111111111111111111", 58, "E_TREE_ORDER" },
		{ "0100644 a\0" "11111111111111111111", 30, "E_TREE_ORDER" },
		{ "100644 a\0" "1111", 13, "E_TREE_ORDER" },
		{ "100648 a\0" "11111111111111111111", 29, "E_TREE_ORDER" },
		{ "100644 ..\0" "11111111111111111111", 30, "E_TREE_NAME" },
		{ "100644 .GIT\0" "11111111111111111111", 32, "E_TREE_NAME" },
		{ "100644 a\\b\0" "11111111111111111111", 31, "E_TREE_NAME" },
		{ "100644 a/b\0" "11111111111111111111", 31, "E_TREE_NAME" },
		{ "100644 A\0" "11111111111111111111" "100644 a\0" "11111111111111111111", 58, "E_TREE_CASE" },
		{ "120000 a\0" "11111111111111111111", 29, "E_TREE_MODE" },
		{ "160000 a\0" "11111111111111111111", 29, "E_TREE_MODE" },
		{ "40000 a\0" "11111111111111111111", 28, "E_ODB_MISSING" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world w;
		struct objects o;
		struct source s;
		struct diags d;
		struct object_error e = { NULL, NULL };
		world_init(&w);
		struct object_id root = put(&w, OBJECT_TREE, rows[i].bytes, rows[i].len);
		assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), 0);
		diags_init(&d, &w.a);
		int ret = objects_source(&o, &root, &s, &w.a, &d, &e);
		assert_string_equal(ret < 0 ? e.code : d.n > 0 ? d.v[0].code : "nothing", rows[i].code);
		diags_release(&d);
		world_release(&w);
	}
}

static void test_steps(void **state)
{
	(void)state;
	struct world w;
	struct chain_verdict v;

	world_init(&w);
	struct object_id t1 = tree_with(&w, "b/c.yaml", "c", "1"), t2 = tree_with(&w, "b/c.yaml", "other", "1");
	struct object_id t3 = tree_with(&w, "b/c.yaml", "other", "2"), t4 = tree_with(&w, "hard/x.yaml", "y", "1");
	struct object_id t5 = tree_with(&w, "pin/x.yaml", "y", "1");
	struct object_id base = put_commit(&w, &t1, NULL, NULL, 0);
	struct object_id c1 = put_commit(&w, &t2, &base, &w.bob, 0), c2 = put_commit(&w, &t3, &c1, &w.alice, 0);
	struct object_id loose = put_commit(&w, &t2, &base, NULL, 0), over = put_commit(&w, &t2, &loose, &w.bob, 0);

	assert_string_equal(judge(&w, &base, &base, &v), "accepted");
	assert_int_equal(v.steps, 0);
	assert_string_equal(judge(&w, &base, &c1, &v), "accepted");
	assert_int_equal(v.steps, 1);
	assert_string_equal(v.j.principal, "bob");
	assert_int_equal(v.nchanged, 1);
	assert_string_equal(v.changed[0], "b/c.yaml");
	assert_string_equal(judge(&w, &base, &c2, &v), "accepted");
	assert_int_equal(v.steps, 2);
	assert_int_equal(v.version, 2);
	assert_string_equal(judge(&w, &base, &loose, &v), "E_UNSIGNED");
	assert_true(v.j.pending);
	assert_string_equal(v.j.could_sign, "alice, bob");
	assert_string_equal(judge(&w, &base, &over, &v), "accepted");
	assert_string_equal(judge(&w, &c1, &base, &v), "E_ROLLBACK");
	assert_non_null(v.have);
	assert_non_null(v.offered);
	assert_string_equal(judge(&w, &c1, &over, &v), "E_FORK");
	assert_non_null(v.have);

	/* Security keys: touched, and where the role wants it, with a PIN. */
	struct object_id soft = put_commit(&w, &t4, &base, &w.alice, 0), hard = put_commit(&w, &t4, &base, &w.token, 1);
	struct object_id asleep = put_commit(&w, &t4, &base, &w.token, 0), odd = put_commit(&w, &t4, &base, &w.token, 0x41);
	assert_string_equal(judge(&w, &base, &soft, &v), "E_APPROVALS");
	assert_string_equal(v.j.could_sign, "alice");
	assert_string_equal(judge(&w, &base, &hard, &v), "accepted");
	assert_string_equal(judge(&w, &base, &asleep, &v), "E_FLAGS");
	assert_string_equal(judge(&w, &base, &odd, &v), "E_FLAGS");
	struct object_id touch = put_commit(&w, &t5, &base, &w.token, 1), pin = put_commit(&w, &t5, &base, &w.token, 5);
	assert_string_equal(judge(&w, &base, &touch, &v), "E_APPROVALS");
	assert_string_equal(judge(&w, &base, &pin, &v), "accepted");
	world_release(&w);
}

static void test_first(void **state)
{
	(void)state;
	struct world w;
	struct objects o;
	struct signers first;
	struct chain_verdict v;
	char why[100];

	world_init(&w);
	struct object_id t1 = tree_with(&w, "b/c.yaml", "c", "1"), t2 = tree_with(&w, "b/c.yaml", "d", "1");
	struct object_id c1 = put_commit(&w, &t1, NULL, &w.alice, 0), c2 = put_commit(&w, &t2, &c1, &w.alice, 0);
	struct object_id bobs = put_commit(&w, &t1, NULL, &w.bob, 0);
	struct buf line BUF_CLEANUP = BUF_INIT;
	sign_line(&line, "alice", "namespaces=\"git\"", &w.alice);
	assert_int_equal(signers_parse(&first, line.p, line.len, &w.a, why, sizeof(why)), 0);
	assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), 0);
	struct chain_case c = { .objects = &o, .path = "", .tip = c1, .first = &first, .now = 1000 };

	chain_judge(&c, &v, &w.a);
	assert_true(v.j.accepted && v.steps == 1);
	c.tip = bobs; /* a signer in its own tree, and none of the gateway's */
	chain_judge(&c, &v, &w.a);
	assert_string_equal(v.j.code, "E_SIGNER");
	c.base = c2; /* the anchor is newer than what is offered */
	c.tip = c1;
	chain_judge(&c, &v, &w.a);
	assert_string_equal(v.j.code, "E_ROLLBACK");
	c.base = c1;
	c.tip = c2;
	chain_judge(&c, &v, &w.a);
	assert_true(v.j.accepted);
	c.first = NULL;
	c.base.len = 0;
	chain_judge(&c, &v, &w.a);
	assert_string_equal(v.j.code, "E_TRUST");
	world_release(&w);
}

/* Whoever hands the objects over can leave some out, and gains nothing by it. */
static void test_withheld(void **state)
{
	(void)state;
	struct world w;
	struct chain_verdict v;

	world_init(&w);
	struct object_id t1 = tree_with(&w, "b/c.yaml", "c", "1"), t2 = tree_with(&w, "b/c.yaml", "d", "1");
	struct object_id base = put_commit(&w, &t1, NULL, NULL, 0), tip = put_commit(&w, &t2, &base, &w.stranger, 0);
	struct object_id good = put_commit(&w, &t2, &base, &w.bob, 0);
	assert_string_equal(judge(&w, &base, &tip, &v), "E_SIGNER");
	struct objects o;
	assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), 0);
	for (size_t skip = 0; skip < o.n; skip++) {
		struct buf less BUF_CLEANUP = BUF_INIT;
		struct objects part;
		objects_begin(&less, 20);
		for (size_t i = 0; i < o.n; i++)
			if (!object_id_equal(&o.v[i].id, &o.v[skip].id))
				objects_add(&less, o.v[i].type, o.v[i].data, o.v[i].len);
		assert_int_equal(objects_open(&part, less.p, less.len, &w.a), 0);
		struct chain_case c = { .objects = &part, .path = "", .base = base, .tip = tip, .now = 1000 };
		chain_judge(&c, &v, &w.a);
		assert_false(v.j.accepted);
		c.tip = good;
		chain_judge(&c, &v, &w.a);
		if (v.j.accepted)
			assert_true(object_id_equal(&v.root, &t2));
	}
	world_release(&w);
}

/* ---- the files that the compiler would get ---- */

static int check_bundle(struct judged_tree *t, const struct objects *o, const struct object_id *root, const char *bytes, size_t len,
			char content[static DIGEST_HEX_MAX], struct arena *a, const char **code)
{
	struct object_error e = { NULL, NULL };
	int ret = judged_tree_check(t, o, root, "1111111111111111111111111111111111111111", ipc_memfd("bundle", bytes, len), content, a, &e);

	*code = e.code;
	return ret;
}

static void test_bundle(void **state)
{
	(void)state;
	struct world w;
	struct objects o;
	struct judged_tree t;
	char content[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX];
	const char *code;

	world_init(&w);
	judged_tree_init(&t);
	struct object_id root = tree_with(&w, "b/c.yaml", "c", "1");
	assert_int_equal(objects_open(&o, w.out.p, w.out.len, &w.a), 0);
	struct source_file file[] = { { .path = "a.yaml", .data = "a", .len = 1 }, { .path = "b/c.yaml", .data = "c", .len = 1 },
				      { .path = "hard/x.yaml", .data = "x", .len = 1 }, { .path = "pin/x.yaml", .data = "x", .len = 1 },
				      { .path = "z.yaml", .data = "z", .len = 1 } };
	struct source s = { .file = file, .nfiles = 4, .commit = "1111111111111111111111111111111111111111" };
	struct buf bundle BUF_CLEANUP = BUF_INIT;
	source_to_bundle(&s, &bundle);
	assert_int_equal(check_bundle(&t, &o, &root, bundle.p, bundle.len, content, &w.a, &code), 0);
	struct content_file cf[] = { { "a.yaml", "a", 1 }, { "b/c.yaml", "c", 1 }, { "hard/x.yaml", "x", 1 }, { "pin/x.yaml", "x", 1 } };
	struct digest d = content_digest(cf, 4);
	assert_string_equal(content, digest_hex(&d, DIGEST_BYTES, want));
	/* Again by what was kept, and with each of its bytes changed. */
	assert_int_equal(check_bundle(&t, &o, &root, bundle.p, bundle.len, content, &w.a, &code), 0);
	for (size_t i = 0; i < bundle.len; i++) {
		bundle.p[i] ^= 1;
		assert_int_equal(check_bundle(&t, &o, &root, bundle.p, bundle.len, content, &w.a, &code), -EBADMSG);
		assert_string_equal(code, "E_CONTENT");
		bundle.p[i] ^= 1;
	}
	for (size_t n = 3; n <= 5; n += 2) { /* one too few, one too many */
		buf_reset(&bundle);
		s.nfiles = n;
		source_to_bundle(&s, &bundle);
		assert_int_equal(check_bundle(&t, &o, &root, bundle.p, bundle.len, content, &w.a, &code), -EBADMSG);
		assert_string_equal(code, "E_CONTENT");
	}
	assert_int_equal(t.nfiles, 4); /* what was kept stays */
	judged_tree_release(&t);
	world_release(&w);
}

/* ---- the figure ---- */

static void test_thousand(void **state)
{
	(void)state;
	struct world w;
	struct chain_verdict v;
	struct timespec start, end;

	world_init(&w);
	struct object_id tree = tree_with(&w, "b/c.yaml", "c", "1"), base = put_commit(&w, &tree, NULL, NULL, 0), tip = base;
	for (size_t i = 0; i < 1000; i++) {
		tree = tree_with(&w, "b/c.yaml", arena_printf(&w.a, "%zu", i), "1");
		tip = put_commit(&w, &tree, &tip, i % 2 ? &w.alice : &w.bob, 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_string_equal(judge(&w, &base, &tip, &v), "accepted");
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(v.steps, 1000);
	double took = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	print_message("# 1000 signed commits judged in %.2f s\n", took);
	assert_true(took < 5);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),    cmocka_unit_test(test_malformed), cmocka_unit_test(test_tree_forms),
		cmocka_unit_test(test_steps),    cmocka_unit_test(test_first),     cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_bundle),   cmocka_unit_test(test_thousand),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
