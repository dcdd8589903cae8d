/* SPDX-License-Identifier: Apache-2.0 */
/* The log of releases and manifests, on a real repository: what is read, what is left out, limits, forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <git2.h>
#include <unistd.h>

#include "base/clock.h"
#include "release/handover.h"
#include "release/plans.h"
#include "release/releases.h"
#include "sign.h"

#define NOW INT64_C(1800000000)

struct world {
	char dir[64];
	git_repository *git;
	struct source_repo repo;
	struct arena a;
	struct sign_key key;
	git_oid tree, commit;
	char tip[GIT_OID_HEXSZ + 1];
	struct trust_file trust; /* without ignore: for manifests */
	char err[300];
};

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/yett-ledger-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	git_libgit2_init();
	arena_init(&w->a);
	assert_int_equal(git_repository_init(&w->git, w->dir, 1), 0);
	assert_int_equal(source_repo_open(&w->repo, w->dir, "", w->err, sizeof(w->err)), 0);
	git_treebuilder *b = NULL;
	assert_int_equal(git_treebuilder_new(&b, w->git, NULL), 0);
	assert_int_equal(git_treebuilder_write(&w->tree, b), 0);
	git_treebuilder_free(b);
	w->key = sign_key("alice", false);
}

static void close_world(struct world *w)
{
	char *cmd[] = { (char *)"rm", (char *)"-rf", w->dir, NULL };

	source_repo_close(&w->repo);
	git_repository_free(w->git);
	git_libgit2_shutdown();
	arena_release(&w->a);
	if (fork() == 0) {
		execvp("rm", cmd);
		_exit(1);
	}
}

static void put_mode(struct world *w, const char *path, const char *text, git_filemode_t mode)
{
	git_tree *base = NULL;
	git_tree_update u = { .action = text != NULL ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE, .filemode = mode, .path = path };

	if (text != NULL)
		assert_int_equal(git_blob_create_from_buffer(&u.id, w->git, text, strlen(text)), 0);
	assert_int_equal(git_tree_lookup(&base, w->git, &w->tree), 0);
	assert_int_equal(git_tree_create_updated(&w->tree, w->git, base, 1, &u), 0);
	git_tree_free(base);
}

static void put(struct world *w, const char *path, const char *text)
{
	put_mode(w, path, text, GIT_FILEMODE_BLOB);
}

static void put_trust(struct world *w)
{
	struct buf line BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;

	sign_line(&line, "alice", "namespaces=\"release@yett\"", &w->key);
	buf_addf(&text, "format: 1\nmode: release\nrepo-id: %064d\nversion: 1\nroot: {threshold: 1, members: [alice]}\n"
			"roles: {all: {threshold: 1, members: [alice]}}\nrules: [{paths: [\"**\"], roles: [all]}]\n", 7);
	put(w, "trust/allowed_signers", line.p);
	put(w, "trust/trust.yaml", text.p);
}

static void commit(struct world *w)
{
	git_signature *who = NULL;
	git_tree *tree = NULL;

	assert_int_equal(git_signature_new(&who, "t", "t@example.com", NOW, 0), 0);
	assert_int_equal(git_tree_lookup(&tree, w->git, &w->tree), 0);
	assert_int_equal(git_commit_create(&w->commit, w->git, NULL, who, who, NULL, "x", tree, 0, NULL), 0);
	git_tree_free(tree);
	git_signature_free(who);
}

static struct record record_of(struct world *w, uint64_t serial, const char *note)
{
	struct record r = { .serial = serial, .trust = 1, .format = 1, .not_before = CLOCK_EVER, .made = NOW };
	struct manifest m;
	uint8_t repo[32] = { [31] = 7 };

	assert_int_equal(manifest_read(&m, &w->repo, &w->tree, &w->trust, NULL, &w->a, w->err, sizeof(w->err)), 0);
	r.content = m.content;
	manifest_release(&m);
	memcpy(r.repo, repo, 32);
	snprintf(r.note, sizeof(r.note), "%s", note);
	git_oid_tostr(r.commit, GIT_OID_HEXSZ + 1, &w->commit);
	return r;
}

static struct digest add_record(struct world *w, const struct record *r, bool with_signature)
{
	struct buf text BUF_CLEANUP = BUF_INIT, armor BUF_CLEANUP = BUF_INIT;
	char name[LEDGER_NAME_MAX], key[LEDGER_NAME_MAX];

	record_write(r, &text);
	struct digest d = record_digest(text.p, text.len);
	sign_message(&armor, &w->key, RECORD_NAMESPACE, text.p, text.len, 0);
	const char *base = arena_printf(&w->a, "rel/%010llu/%s", (unsigned long long)r->serial, ledger_digest_name(&d, name));
	const struct ledger_file file[] = {
		{ arena_printf(&w->a, "%s.rec", base), text.p, text.len },
		{ arena_printf(&w->a, "%s.sig.%s", base, ledger_key_name(w->key.wire, w->key.wire_len, key)), armor.p, armor.len },
	};
	assert_int_equal(ledger_append(&w->repo, w->tip, file, with_signature ? 2 : 1, r->commit, w->tip, w->err, sizeof(w->err)), 0);
	return d;
}

static void add_bytes(struct world *w, const char *path, const void *data, size_t len)
{
	const struct ledger_file file = { path, data, len };

	assert_int_equal(ledger_append(&w->repo, w->tip, &file, 1, NULL, w->tip, w->err, sizeof(w->err)), 0);
}

/* The state and code after one step over the log. */
static enum releases_state step(struct world *w, char code[32], uint64_t *serial)
{
	struct ledger l;
	struct releases r;

	assert_int_equal(ledger_open(&l, &w->repo, w->tip, w->err, sizeof(w->err)), 0);
	releases_init(&r, &w->repo, &l, NOW);
	enum releases_state s = releases_step(&r);
	snprintf(code, 32, "%s", r.code != NULL ? r.code : "");
	*serial = r.serial;
	releases_release(&r);
	ledger_close(&l);
	return s;
}

/* At most 8 signed records of one serial: one is a release, several are a fork, and past the limit nothing is judged. */
static void test_records_of_one_serial(void **state)
{
	struct world w;
	char code[32], note[32];
	uint64_t serial;

	(void)state;
	open_world(&w);
	put_trust(&w);
	commit(&w);
	for (int n = 1; n <= 9; n++) {
		snprintf(note, sizeof(note), "future %d", n);
		struct record r = record_of(&w, 1, note);
		add_record(&w, &r, true);
		enum releases_state s = step(&w, code, &serial);
		assert_int_equal(s, n == 1 ? RELEASES_ACCEPTED : RELEASES_STOPPED);
		assert_string_equal(code, n == 1 ? "" : n <= 8 ? "E_FORK" : "E_TOOMANY");
		assert_int_equal(serial, n == 1);
	}
	close_world(&w);
}

/* Junk of whoever may push: damaged records, unsigned ones, signatures under other names. The release counts all the same. */
static void test_junk(void **state)
{
	struct world w;
	char code[32], note[32];
	uint64_t serial;

	(void)state;
	open_world(&w);
	put_trust(&w);
	commit(&w);
	struct record r = record_of(&w, 1, "the one");
	struct digest d = add_record(&w, &r, true);
	char name[LEDGER_NAME_MAX];
	ledger_digest_name(&d, name);
	for (int i = 0; i < 100; i++) {
		snprintf(note, sizeof(note), "junk %d", i);
		struct record junk = record_of(&w, 1, note);
		add_record(&w, &junk, false);
		add_bytes(&w, arena_printf(&w.a, "rel/0000000001/%s.sig.%016x", name, i), "junk\n", 5);
	}
	add_bytes(&w, "rel/0000000001/0123456789abcdef.rec", "yett-release-v1\n", 16);
	add_bytes(&w, "rel/0000000001/x.rec", "x", 1);
	add_bytes(&w, "rel/0000000001/folder.rec/x", "x", 1);
	add_bytes(&w, "rel/junk/x", "x", 1);
	add_bytes(&w, "tick/x", "x", 1);
	assert_int_equal(step(&w, code, &serial), RELEASES_ACCEPTED);
	assert_int_equal(serial, 1);

	struct ledger l;
	struct ledger_record *v;
	struct ledger_tick *ticks;
	size_t n, ignored = 0;
	assert_int_equal(ledger_open(&l, &w.repo, w.tip, w.err, sizeof(w.err)), 0);
	ledger_records(&l, 1, NULL, &v, &n, &ignored, &w.a);
	assert_int_equal(n, 101);
	assert_int_equal(ignored, 3);
	assert_int_equal(ledger_last(&l), 1);
	assert_int_equal(ledger_ticks(&l, &ticks, &w.a), 0);
	struct ledger_record one;
	assert_true(ledger_record(&l, 1, &d, &one, &w.a));
	d.b[31] ^= 1; /* the same name, another digest */
	assert_false(ledger_record(&l, 1, &d, &one, &w.a));
	ledger_signatures(&l, &one, NULL, 0, &w.a); /* all of them: as many as are read, and one more */
	assert_int_equal(one.nsignatures, APPROVALS_SIGNATURES_MAX + 1);
	ledger_close(&l);
	close_world(&w);
}

static void test_no_log(void **state)
{
	struct world w;
	struct ledger l;
	struct ledger_record *v;
	size_t n, ignored = 0;

	(void)state;
	open_world(&w);
	assert_int_equal(ledger_open(&l, &w.repo, LEDGER_REF, w.err, sizeof(w.err)), 0);
	ledger_records(&l, 1, NULL, &v, &n, &ignored, &w.a);
	assert_int_equal(n, 0);
	assert_int_equal(ledger_last(&l), 0);
	ledger_close(&l);
	close_world(&w);
}

/* ---- resuming ---- */

static void test_resume(void **state)
{
	struct world w;
	struct ledger l;
	struct releases r;

	(void)state;
	open_world(&w);
	put_trust(&w);
	commit(&w);
	struct record first = record_of(&w, 1, "");
	struct digest d1 = add_record(&w, &first, true);
	put(&w, "users/x.yaml", "kind: User\nname: x\n");
	commit(&w);
	struct record second = record_of(&w, 2, "");
	second.prev = d1;
	second.flags = RECORD_REWIND; /* these commits have no parents */
	struct digest d2 = add_record(&w, &second, true);
	assert_int_equal(ledger_open(&l, &w.repo, w.tip, w.err, sizeof(w.err)), 0);
	releases_init(&r, &w.repo, &l, NOW);
	assert_int_equal(releases_resume(&r, 2, &d2), RELEASES_ACCEPTED);
	assert_int_equal(r.serial, 2);
	assert_int_equal(releases_run(&r), RELEASES_END);
	releases_release(&r);
	releases_init(&r, &w.repo, &l, NOW);
	assert_int_equal(releases_resume(&r, 2, &d1), RELEASES_STOPPED);
	assert_string_equal(r.code, "E_ANCHOR");
	releases_release(&r);
	ledger_close(&l);

	/* Somebody approves another future of the serial that is in force. */
	snprintf(second.note, sizeof(second.note), "another");
	add_record(&w, &second, true);
	assert_int_equal(ledger_open(&l, &w.repo, w.tip, w.err, sizeof(w.err)), 0);
	releases_init(&r, &w.repo, &l, NOW);
	assert_int_equal(releases_resume(&r, 2, &d2), RELEASES_STOPPED);
	assert_string_equal(r.code, "E_FORK");
	releases_release(&r);
	ledger_close(&l);
	close_world(&w);
}

/* ---- handed over as bytes ---- */

static struct digest leaf_of(uint64_t serial)
{
	uint8_t repo[32] = { [31] = 7 };

	return merkle_plan_leaf(repo, "hq-1", &serial, sizeof(serial));
}

/* Three releases with plans; the digests of their records. */
static void three_releases(struct world *w, struct digest d[4])
{
	put_trust(w);
	for (uint64_t serial = 1; serial <= 3; serial++) {
		const char *gateway[] = { "hq-1", "hq-2" };
		struct digest leaf[2] = { leaf_of(serial), digest_of("x", 1) };
		const struct plans p = { gateway, leaf, 2 };
		struct buf list BUF_CLEANUP = BUF_INIT;
		char name[LEDGER_NAME_MAX];
		put(w, "users/x.yaml", arena_printf(&w->a, "kind: User\nname: x%d\n", (int)serial));
		put(w, "deep/er/y.yaml", arena_printf(&w->a, "kind: User\nname: y%d\n", (int)serial));
		commit(w);
		struct record r = record_of(w, serial, "");
		r.flags = serial > 1 ? RECORD_REWIND : 0;
		r.format = GW_PLAN_FORMAT;
		r.has_plans = true;
		r.plans = plans_root(&p);
		if (serial > 1)
			r.prev = d[serial - 1];
		d[serial] = add_record(w, &r, true);
		plans_write(&p, &list);
		add_bytes(w, arena_printf(&w->a, "rel/%010llu/%s.plans", (unsigned long long)serial, ledger_digest_name(&d[serial], name)),
			  list.p, list.len);
	}
}

static struct handover_answer ask(struct world *w, uint64_t serial, const struct digest *d, const void *data, size_t len)
{
	struct handover_question q = { .path = "", .tip = w->tip, .serial = serial, .in_force = true, .gateway = "hq-1", .now = NOW };
	struct handover_answer out;

	if (d != NULL)
		q.record = *d;
	assert_int_equal(handover_judge(&q, data, len, &out, &w->a), 0);
	assert_true((out.state == HANDOVER_STOPPED) == (out.code != NULL));
	return out;
}

static void collect(struct world *w, uint64_t from, struct buf *out)
{
	git_oid tip;

	assert_int_equal(git_oid_fromstr(&tip, w->tip), 0);
	assert_int_equal(handover_collect(&w->repo, &tip, from, out, w->err, sizeof(w->err)), 0);
}

static void test_handover(void **state)
{
	struct world w;
	struct digest d[4], leaf = leaf_of(3);
	struct buf all BUF_CLEANUP = BUF_INIT, later BUF_CLEANUP = BUF_INIT;

	(void)state;
	open_world(&w);
	three_releases(&w, d);
	collect(&w, 0, &all);
	struct handover_answer got = ask(&w, 0, NULL, all.p, all.len);
	assert_int_equal(got.state, HANDOVER_ACCEPTED);
	assert_int_equal(got.serial, 3);
	assert_memory_equal(&got.record, &d[3], sizeof(d[3]));
	assert_true(got.has_plan);
	assert_memory_equal(&got.plan, &leaf, sizeof(leaf));
	assert_string_equal(got.signers, "alice");
	/* From the one in force, with what has come since and one before. */
	collect(&w, 1, &later);
	got = ask(&w, 2, &d[2], later.p, later.len);
	assert_int_equal(got.serial, 3);
	/* A release in force that the log does not know is a step back; no log at all is one too. */
	struct digest other = digest_of("x", 1);
	got = ask(&w, 3, &other, all.p, all.len);
	assert_string_equal(got.code, "E_ROLLBACK");
	const struct handover_question none = { .path = "", .tip = "", .serial = 1, .gateway = "", .now = NOW };
	assert_int_equal(handover_judge(&none, NULL, 0, &got, &w.a), 0);
	assert_string_equal(got.code, "E_ROLLBACK");
	/* Another gateway's name, and one that the list has not. */
	struct handover_question q = { .path = "", .tip = w.tip, .gateway = "hq-3", .now = NOW };
	assert_int_equal(handover_judge(&q, all.p, all.len, &got, &w.a), 0);
	assert_string_equal(got.code, "E_PLAN_MISMATCH");
	assert_int_equal(handover_judge(&q, all.p, all.len - 1, &got, &w.a), -EBADMSG);
	/* Plans of another format cannot be compared. */
	struct record r = record_of(&w, 4, "");
	r.flags = RECORD_REWIND;
	r.prev = d[3];
	r.format = GW_PLAN_FORMAT + 1;
	r.has_plans = true;
	add_record(&w, &r, true);
	buf_reset(&all);
	collect(&w, 0, &all);
	got = ask(&w, 0, NULL, all.p, all.len);
	assert_string_equal(got.code, "E_FORMAT");
	close_world(&w);
}

/* Whoever hands over can leave out and change; then less is accepted, never anything else. */
static void test_handover_tampered(void **state)
{
	struct world w;
	struct digest d[4];
	struct buf all BUF_CLEANUP = BUF_INIT;
	size_t fewer = 0, objects = 0;

	(void)state;
	open_world(&w);
	three_releases(&w, d);
	collect(&w, 0, &all);
	for (size_t at = 9; at < all.len; objects++) {
		const uint8_t *head = (const uint8_t *)all.p + at;
		size_t len = 5 + ((size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16);
		for (int how = 0; how < 2; how++) {
			struct buf part BUF_CLEANUP = BUF_INIT;
			buf_add(&part, all.p, at);
			if (how == 1)
				buf_add(&part, all.p + at, len);
			buf_add(&part, all.p + at + len, all.len - at - len);
			if (how == 1)
				part.p[at + 4 + len / 2] ^= 1;
			struct handover_answer got = ask(&w, 0, NULL, part.p, part.len);
			if (got.state == HANDOVER_ACCEPTED) {
				assert_memory_equal(&got.record, &d[got.serial], sizeof(d[0]));
				struct digest leaf = leaf_of(got.serial);
				assert_true(got.has_plan && memcmp(&got.plan, &leaf, sizeof(leaf)) == 0);
			}
			fewer += got.state != HANDOVER_ACCEPTED || got.serial < 3;
		}
		at += len;
	}
	/* Only what nobody needs may be missing without a trace: the log's own commits' parents and the like. */
	assert_true(objects > 30 && fewer > objects);
	close_world(&w);
}

/* ---- manifests ---- */

static void test_manifest_refuses(void **state)
{
	static const git_filemode_t mode[] = { GIT_FILEMODE_BLOB, GIT_FILEMODE_BLOB_EXECUTABLE, GIT_FILEMODE_LINK };
	struct world w;
	struct manifest m;

	(void)state;
	open_world(&w);
	for (int i = 0; i < 3; i++) {
		put_mode(&w, "a", "x", mode[i]);
		int ret = manifest_read(&m, &w.repo, &w.tree, &w.trust, NULL, &w.a, w.err, sizeof(w.err));
		assert_int_equal(ret, i == 2 ? -EBADMSG : 0);
		manifest_release(&m);
	}
	put(&w, "a", "x");
	put(&w, "sub/-x", "x");
	assert_int_equal(manifest_read(&m, &w.repo, &w.tree, &w.trust, NULL, &w.a, w.err, sizeof(w.err)), -EBADMSG);
	manifest_release(&m);
	put(&w, "sub/-x", NULL);
	/* Deeper than a tree may be, one below, at, above. */
	for (unsigned int depth = SOURCE_DEPTH_MAX - 1; depth <= SOURCE_DEPTH_MAX + 1; depth++) {
		struct buf path BUF_CLEANUP = BUF_INIT;
		for (unsigned int i = 0; i < depth; i++)
			buf_adds(&path, "d/");
		buf_adds(&path, "x");
		put(&w, path.p, "x");
		int ret = manifest_read(&m, &w.repo, &w.tree, &w.trust, NULL, &w.a, w.err, sizeof(w.err));
		assert_int_equal(ret, depth > SOURCE_DEPTH_MAX ? -EBADMSG : 0);
		manifest_release(&m);
		put(&w, path.p, NULL);
	}
	close_world(&w);
}

/* Read from the one before, a manifest is what it is when read anew; the digest is that of content.h. */
static void test_manifest_incremental(void **state)
{
	static const char *const name[] = { "a", "a.b", "a-b/x", "a-b.yaml", "b/c/d.yaml", "b/c.x", "b/c/e", "b+c/x", "docs/x.md", "docs/y.yaml", "z" };
	const char *ignore[] = { "docs/**" };
	struct world w;
	struct manifest before = { .v = NULL };
	uint32_t seed = 12345;

	(void)state;
	open_world(&w);
	w.trust.ignore = ignore;
	w.trust.nignore = 1;
	for (int round = 0; round < 200; round++) {
		seed = seed * 1664525u + 1013904223u;
		const char *path = name[seed >> 16 & 15 ? (seed >> 20) % 11 : 0];
		git_tree *t = NULL;
		git_tree_entry *e = NULL;
		git_tree_lookup(&t, w.git, &w.tree);
		bool there = git_tree_entry_bypath(&e, t, path) == 0;
		git_tree_entry_free(e);
		git_tree_free(t);
		if (there && seed & 64)
			put(&w, path, NULL);
		else
			put(&w, path, arena_printf(&w.a, "text %d", round));
		struct manifest m, fresh;
		struct manifest_change *change;
		assert_int_equal(manifest_read(&m, &w.repo, &w.tree, &w.trust, round > 0 ? &before : NULL, &w.a, w.err, sizeof(w.err)), 0);
		assert_int_equal(manifest_read(&fresh, &w.repo, &w.tree, &w.trust, NULL, &w.a, w.err, sizeof(w.err)), 0);
		assert_memory_equal(&m.content, &fresh.content, sizeof(m.content));
		assert_int_equal(m.n, fresh.n);
		size_t n = manifest_changes(&before, &m, &w.trust, &w.a, &change);
		bool hidden = strcmp(path, "docs/x.md") == 0;
		assert_int_equal(n, !hidden);
		assert_true(hidden || strcmp(change[0].path, path) == 0);
		struct content_file file[16];
		size_t files = 0;
		for (size_t i = 0; i < m.n; i++) {
			assert_int_equal(m.v[i].ignored, strcmp(m.v[i].path, "docs/x.md") == 0);
			assert_true(i == 0 || strcmp(m.v[i - 1].path, m.v[i].path) < 0);
			if (!m.v[i].ignored) {
				file[files].path = m.v[i].path;
				assert_int_equal(manifest_blob(&w.repo, &m.v[i].id, 100, &w.a, (const char **)&file[files].data,
							       &file[files].len, w.err, sizeof(w.err)), 0);
				files++;
			}
		}
		struct digest whole = content_digest(file, files);
		assert_memory_equal(&whole, &m.content, sizeof(whole));
		manifest_release(&fresh);
		manifest_release(&before);
		before = m;
	}
	manifest_release(&before);
	close_world(&w);
}

/* ---- lists of plans ---- */

static void test_plans(void **state)
{
	const char *gateway[] = { "hq-1", "hq-2" };
	struct digest leaf[2] = { digest_of("a", 1), digest_of("b", 1) };
	const struct plans p = { gateway, leaf, 2 };
	struct plans back;
	struct buf text BUF_CLEANUP = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	plans_write(&p, &text);
	assert_int_equal(plans_parse(&back, text.p, text.len, &a), 0);
	struct digest x = plans_root(&p), y = plans_root(&back);
	assert_memory_equal(&x, &y, sizeof(x));
	assert_memory_equal(plans_leaf(&back, "hq-2"), &leaf[1], sizeof(leaf[1]));
	assert_null(plans_leaf(&back, "hq"));
	for (size_t n = 0; n < text.len; n++) {
		char *part = malloc(n + 1);
		memcpy(part, text.p, n);
		bool line_end = n > 0 && text.p[n - 1] == '\n';
		assert_int_equal(plans_parse(&back, part, n, &a), line_end ? 0 : -1);
		free(part);
	}
	/* Not in order, twice, another digit, another word. */
	static const char *const bad[] = { "hq-2", "hq-1\nhq-1" };
	for (int i = 0; i < 2; i++) {
		struct plans q = p;
		const char *names[] = { bad[i], "hq-1" };
		q.gateway = names;
		buf_reset(&text);
		plans_write(&q, &text);
		assert_int_equal(plans_parse(&back, text.p, text.len, &a), -1);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_one_serial), cmocka_unit_test(test_junk), cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_resume), cmocka_unit_test(test_handover), cmocka_unit_test(test_handover_tampered), cmocka_unit_test(test_manifest_refuses), cmocka_unit_test(test_manifest_incremental),
		cmocka_unit_test(test_plans),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
