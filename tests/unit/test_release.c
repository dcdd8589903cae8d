/* SPDX-License-Identifier: Apache-2.0 */
/* Records, Merkle trees, ticks, revocations and approvals: their one form, their limits, and who must have signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/clock.h"
#include "sign.h"
#include "trust/approvals.h"
#include "trust/merkle.h"
#include "trust/record.h"
#include "trust/revocation.h"
#include "trust/tick.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define REPO "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOW INT64_C(1800000000)

static const char good[] = "yett-release-v1\n"
			   "repo: " REPO "\n"
			   "serial: 42\n"
			   "prev: sha256:" ONES "\n"
			   "commit: sha1:4c30000000000000000000000000000000000000\n"
			   "content: sha256:" ONES "\n"
			   "plans: sha256:" ONES "\n"
			   "profiles: -\n"
			   "trust: 7\n"
			   "format: 3\n"
			   "flags: checkpoint,mass-change,rewind\n"
			   "not-before: 2026-11-21T02:00:00Z\n"
			   "made: 2026-11-21T01:55:10Z\n"
			   "note: Zwei Zeilen sind eine zu viel – hier ist eine\n";

/* ---- records ---- */

static int parse(const char *text, struct record *r)
{
	char err[200] = "";
	int ret = record_parse(r, text, strlen(text), err, sizeof(err));

	assert_true((ret == 0) == (err[0] == '\0'));
	return ret;
}

static void test_record(void **state)
{
	struct record r;
	struct buf b BUF_CLEANUP = BUF_INIT;

	(void)state;
	assert_int_equal(parse(good, &r), 0);
	assert_int_equal(r.serial, 42);
	assert_int_equal(r.trust, 7);
	assert_int_equal(r.flags, RECORD_CHECKPOINT | RECORD_MASS_CHANGE | RECORD_REWIND);
	assert_true(r.has_plans && !r.has_profiles);
	assert_int_equal(r.made - r.not_before, -290);
	record_write(&r, &b);
	assert_string_equal(b.p, good);
	r.not_before = CLOCK_EVER;
	r.flags = 0;
	r.note[0] = '\0';
	r.has_plans = false;
	buf_reset(&b);
	record_write(&r, &b);
	assert_int_equal(parse(b.p, &r), 0);
	assert_true(r.not_before == CLOCK_EVER && r.flags == 0 && r.note[0] == '\0' && !r.has_plans);
}

/* good with `was` replaced by `is`. */
static char *edit(const char *was, const char *is)
{
	const char *at = strstr(good, was);
	struct buf b = BUF_INIT;

	assert_non_null(at);
	buf_add(&b, good, (size_t)(at - good));
	buf_adds(&b, is);
	buf_adds(&b, at + strlen(was));
	return b.p;
}

static void test_record_refuses(void **state)
{
	static const char *const pair[][2] = {
		{ "yett-release-v1", "yett-release-v2" }, { "repo: 00", "repo: 0G" }, { "repo: 00112233445566778899aabb", "repo: 00112233445566778899AABB" },
		{ "serial: 42", "serial: 042" }, { "serial: 42", "serial: 0" }, { "serial: 42", "serial: -1" }, { "serial: 42", "serial: 10000000000" },
		{ "serial: 42", "serial: 1" }, { "serial: 42\n", "serial: 42 \n" }, { "serial: 42\n", "serial: 42\r\n" },
		{ "prev: sha256:" ONES, "prev: sha256:" ZEROS }, { "prev: sha256:", "prev: sha1:" },
		{ "sha1:4c30", "sha1:4C30" }, { "sha1:4c30", "md5:4c30" }, { "sha1:4c30", "sha256:4c30" },
		{ "profiles: -", "profiles: none" }, { "trust: 7", "trust: 0" }, { "format: 3", "format: 3.0" },
		{ "checkpoint,mass-change,rewind", "rewind,checkpoint" }, { "checkpoint,mass-change,rewind", "checkpoint,checkpoint" },
		{ "checkpoint,mass-change,rewind", "" }, { "checkpoint,mass-change,rewind", "checkpoint," }, { "checkpoint,mass-change,rewind", "force" },
		{ "T02:00:00Z", "T02:00:00+00:00" }, { "2026-11-21T02", "2026-02-30T02" }, { "made: 2026", "made: -" },
		{ "note: Zwei", "note: \xe2\x80\xae" "Zwei" }, { "note: Zwei", "note: \tZwei" }, { "note: Zwei", "note: \xff" }, { "eine\n", "eine" },
		{ "eine\n", "eine\n\n" }, { "eine\n", "eine\nmore: 1\n" }, { "trust: 7\nformat: 3\n", "format: 3\ntrust: 7\n" },
		{ "trust: 7\n", "" }, { "trust: 7\n", "trust: 7\ntrust: 7\n" }, { "serial: 42", "serial:42" },
	};
	struct record r, zero;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		char *text = edit(pair[i][0], pair[i][1]);
		if (parse(text, &r) == 0)
			fail_msg("accepted with %s", pair[i][1]);
		assert_memory_equal(&r, &zero, sizeof(r));
		free(text);
	}
	/* A NUL inside, and every prefix. */
	char *text = edit("Zwei", "Zw\1i");
	*strchr(text, '\1') = '\0';
	char err[200];
	assert_int_equal(record_parse(&r, text, sizeof(good) - 1, err, sizeof(err)), -1);
	free(text);
	for (size_t n = 0; n + 1 < sizeof(good); n++) {
		char *part = malloc(n + 1);
		memcpy(part, good, n);
		assert_int_equal(record_parse(&r, part, n, err, sizeof(err)), -1);
		free(part);
	}
}

/* reliability 5.5: a record of 4 KiB, a note of 200 bytes, a serial of ten digits; one below, at, and one above. */
static void test_record_limits(void **state)
{
	struct record r;
	char note[300];

	(void)state;
	for (size_t n = RECORD_NOTE_MAX - 1; n <= RECORD_NOTE_MAX + 1; n++) {
		memset(note, 'x', n);
		note[n] = '\0';
		char *text = edit("Zwei Zeilen sind eine zu viel – hier ist eine", note);
		assert_int_equal(parse(text, &r), n > RECORD_NOTE_MAX ? -1 : 0);
		free(text);
	}
	static const char *const serial[] = { "9999999998", "9999999999", "10000000000" };
	for (int i = 0; i < 3; i++) {
		char *text = edit("42", serial[i]);
		assert_int_equal(parse(text, &r), i == 2 ? -1 : 0);
		assert_true(i == 2 || r.serial == RECORD_SERIAL_MAX - 1 + (uint64_t)i);
		free(text);
	}
	/* No record is as long as the limit; past it nothing else is looked at. */
	for (size_t n = RECORD_MAX - 1; n <= RECORD_MAX + 1; n++) {
		char *text = malloc(n), err[200];
		memset(text, 'x', n);
		assert_int_equal(record_parse(&r, text, n, err, sizeof(err)), -1);
		assert_true((strstr(err, "more bytes") != NULL) == (n > RECORD_MAX));
		free(text);
	}
}

/* ---- Merkle trees ---- */

static void test_merkle(void **state)
{
	struct digest leaf[70], path[MERKLE_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 70; i++)
		leaf[i] = digest_of(&i, sizeof(i));
	struct digest none = merkle_root(NULL, 0), empty = digest_of("", 0);
	assert_memory_equal(&none, &empty, sizeof(none));
	for (size_t n = 1; n <= 70; n++) {
		struct digest root = merkle_root(leaf, n);
		for (size_t i = 0; i < n; i++) {
			size_t k = merkle_path(leaf, n, i, path);
			assert_true(merkle_holds(&root, &leaf[i], n, i, path, k));
			/* Not elsewhere, not another, not with a shorter or changed path, not among more. */
			assert_false(merkle_holds(&root, &leaf[(i + 1) % 70], n, i, path, k));
			assert_false(i + 1 < n && merkle_holds(&root, &leaf[i], n, i + 1, path, k));
			assert_false(k > 0 && merkle_holds(&root, &leaf[i], n, i, path, k - 1));
			assert_false(merkle_holds(&root, &leaf[i], n, n, path, k));
			if (k > 0) {
				path[0].b[0] ^= 1;
				assert_false(merkle_holds(&root, &leaf[i], n, i, path, k));
			}
		}
	}
	assert_false(merkle_holds(&leaf[0], &leaf[0], 0, 0, path, 0));
}

/* The tree's root of three leaves by hand: RFC 9162 splits at the largest power of two below n. */
static void test_merkle_by_hand(void **state)
{
	struct digest leaf[3], left, want;
	uint8_t node[65] = { 1 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		leaf[i] = digest_of(&i, sizeof(i));
	memcpy(node + 1, leaf[0].b, 32);
	memcpy(node + 33, leaf[1].b, 32);
	left = digest_of(node, 65);
	memcpy(node + 1, left.b, 32);
	memcpy(node + 33, leaf[2].b, 32);
	want = digest_of(node, 65);
	struct digest root = merkle_root(leaf, 3);
	assert_memory_equal(&root, &want, sizeof(want));

	uint8_t repo[32] = { 0 };
	struct buf b BUF_CLEANUP = BUF_INIT;
	buf_add(&b, "\0yett-plan-v1\0", 14);
	buf_add(&b, repo, 32);
	buf_add(&b, "\0\0\0\4hq-1\0\0\0\3abc", 15);
	want = digest_of(b.p, b.len);
	struct digest plan = merkle_plan_leaf(repo, "hq-1", "abc", 3);
	assert_memory_equal(&plan, &want, sizeof(want));
}

/* ---- a small company ---- */

struct company {
	struct arena a;
	struct diags d;
	struct trust_file trust;
	struct signers signers;
	struct sign_key alice, alice2, bob, carol, erin, tick, mallory;
};

static const char trust_text[] = "format: 1\n"
				 "mode: release\n"
				 "repo-id: " REPO "\n"
				 "version: 7\n"
				 "root: {threshold: 2, members: [alice, bob, carol]}\n"
				 "roles:\n"
				 "  netops: {threshold: 1, members: [alice, dave]}\n"
				 "  security: {threshold: 2, members: [bob, carol, erin]}\n"
				 "  tokens: {threshold: 1, members: [alice, bob, erin], require-hardware: true}\n"
				 "  pins: {threshold: 1, members: [erin], require-hardware: true, verify-required: true}\n"
				 "  clock: {threshold: 1, members: [ticker], may: [tick]}\n"
				 "rules:\n"
				 "  - {paths: [\"policies/prod/**\"], roles: [security]}\n"
				 "  - {paths: [\"devices/**\"], roles: [security], effect: {revoke: 1}}\n"
				 "  - {paths: [\"tokens/**\"], roles: [tokens]}\n"
				 "  - {paths: [\"pins/**\"], roles: [pins]}\n"
				 "  - {paths: [\"users/**\", \"*.yaml\"], roles: [netops]}\n"
				 "effects:\n"
				 "  - {to: [\"resource:db\"], roles: [security]}\n"
				 "limits: {max-removed-peers-percent: 30, max-record-age-days: 90, tick-ttl: 26h}\n"
				 "ignore: [\"docs/**\"]\n"
				 "revoked:\n"
				 "  - {key: \"SHA256:%s\", after-serial: 41, reason: stolen}\n";

static void read_trust(struct company *c, struct trust_file *t, const char *text)
{
	uint32_t file = diags_add_file(&c->d, "trust/trust.yaml", text, strlen(text));

	if (trust_file_parse(t, file, text, strlen(text), &c->a, &c->d) < 0)
		fail_msg("%s", c->d.v[0].message);
}

static void company_open(struct company *c)
{
	struct buf lines BUF_CLEANUP = BUF_INIT;
	char gone[SSHSIG_FINGERPRINT_MAX], err[200];

	memset(c, 0, sizeof(*c));
	arena_init(&c->a);
	diags_init(&c->d, &c->a);
	c->alice = sign_key("alice", false);
	c->alice2 = sign_key("alice's token", true);
	c->bob = sign_key("bob", false);
	c->carol = sign_key("carol", false);
	c->erin = sign_key("erin", true);
	c->tick = sign_key("tick", false);
	c->mallory = sign_key("mallory", false);
	sign_line(&lines, "alice", "namespaces=\"git,release@yett\"", &c->alice);
	sign_line(&lines, "alice", "namespaces=\"release@yett\"", &c->alice2);
	sign_line(&lines, "bob", "namespaces=\"release@yett\"", &c->bob);
	sign_line(&lines, "carol", "namespaces=\"release@yett\",valid-before=\"20300101Z\"", &c->carol);
	sign_line(&lines, "erin", "namespaces=\"release@yett\"", &c->erin);
	sign_line(&lines, "ticker", "namespaces=\"tick@yett\"", &c->tick);
	assert_int_equal(signers_parse(&c->signers, lines.p, lines.len, &c->a, err, sizeof(err)), 0);
	struct sign_key old = sign_key("gone", false);
	sign_fingerprint(&old, gone);
	read_trust(c, &c->trust, arena_printf(&c->a, trust_text, gone + 7));
}

static void company_close(struct company *c)
{
	diags_release(&c->d);
	arena_release(&c->a);
}

/* A release of the company, by what it changes and who signs. */
struct release {
	struct company *c;
	struct approvals_case of;
	struct record record;
	struct buf text;
	struct buf armor[70];
	struct approval_signature signature[70];
	struct approval_path path[8];
};

static void release_begin(struct release *r, struct company *c)
{
	memset(r, 0, sizeof(*r));
	r->c = c;
	assert_int_equal(parse(good, &r->record), 0);
	r->record.flags = 0;
	r->record.not_before = CLOCK_EVER;
	memcpy(r->record.repo, c->trust.repo_id, 32);
	r->of = (struct approvals_case){ .trust = &c->trust, .signers = &c->signers, .next = &c->trust,
					 .next_signers = &c->signers, .record = &r->record, .signature = r->signature,
					 .path = r->path, .now = NOW };
}

static void changes(struct release *r, const char *path, bool revokes)
{
	r->path[r->of.npaths++] = (struct approval_path){ path, revokes };
}

static void by_flags(struct release *r, const struct sign_key *k, uint8_t flags)
{
	size_t i = r->of.nsignatures++;

	if (r->text.len == 0)
		record_write(&r->record, &r->text);
	sign_message(&r->armor[i], k, RECORD_NAMESPACE, r->text.p, r->text.len, flags);
	r->signature[i] = (struct approval_signature){ r->armor[i].p, r->armor[i].len };
}

static void by(struct release *r, const struct sign_key *k)
{
	by_flags(r, k, 1);
}

static struct approvals judge(struct release *r)
{
	struct approvals out;

	if (r->text.len == 0)
		record_write(&r->record, &r->text);
	r->of.text = r->text.p;
	r->of.len = r->text.len;
	approvals_judge(&r->of, &out, &r->c->a);
	assert_true(out.accepted == (out.code == NULL));
	return out;
}

static void release_end(struct release *r)
{
	for (size_t i = 0; i < 70; i++)
		buf_release(&r->armor[i]);
	buf_release(&r->text);
}

/* The release's code by its signers, "OK" when accepted. */
#define EXPECT(r, want) \
	do { \
		struct approvals got_ = judge(r); \
		assert_string_equal(got_.code != NULL ? got_.code : "OK", want); \
		release_end(r); \
	} while (0)

static void test_thresholds(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	/* One below, at, above: and nobody twice, whatever his keys. */
	release_begin(&r, &c);
	changes(&r, "policies/prod/db.yaml", false);
	by(&r, &c.bob);
	struct approvals got = judge(&r);
	assert_string_equal(got.code, "E_APPROVALS");
	assert_true(got.pending);
	assert_string_equal(got.why, "policies/prod/db.yaml: rule 1: role security 1/2 (have bob; could add: carol, erin)");
	release_end(&r);

	release_begin(&r, &c);
	changes(&r, "policies/prod/db.yaml", false);
	by(&r, &c.bob);
	by(&r, &c.bob);
	EXPECT(&r, "E_APPROVALS");

	release_begin(&r, &c);
	changes(&r, "policies/prod/db.yaml", false);
	by(&r, &c.bob);
	by(&r, &c.carol);
	EXPECT(&r, "OK");

	release_begin(&r, &c);
	changes(&r, "policies/prod/db.yaml", false);
	by(&r, &c.bob);
	by(&r, &c.carol);
	by(&r, &c.erin);
	EXPECT(&r, "OK");

	/* Every path needs its own. */
	release_begin(&r, &c);
	changes(&r, "policies/prod/db.yaml", false);
	changes(&r, "users/eve.yaml", false);
	by(&r, &c.bob);
	by(&r, &c.erin);
	got = judge(&r);
	assert_string_equal(got.why, "users/eve.yaml: rule 5: role netops 0/1 (could add: alice, dave)");
	assert_int_equal(got.nneeds, 2);
	release_end(&r);

	/* A member of another role, a stranger, a key for other things, and nobody. */
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	by(&r, &c.erin);
	by(&r, &c.mallory);
	by(&r, &c.tick);
	got = judge(&r);
	assert_string_equal(got.code, "E_APPROVALS");
	assert_int_equal(got.nrefused, 2);
	assert_string_equal(got.refused[0].code, "E_SIGNER");
	assert_string_equal(got.refused[1].code, "E_SIGNER");
	release_end(&r);
	release_begin(&r, &c);
	EXPECT(&r, "E_APPROVALS");
	company_close(&c);
}

/* The root role may sign what no rule covers, and anything else. */
static void test_root_may_all(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	release_begin(&r, &c);
	changes(&r, "elsewhere/x", false);
	by(&r, &c.alice);
	EXPECT(&r, "E_APPROVALS");
	release_begin(&r, &c);
	changes(&r, "elsewhere/x", false);
	changes(&r, "policies/prod/x.yaml", false);
	by(&r, &c.alice);
	by(&r, &c.bob);
	EXPECT(&r, "OK");
	company_close(&c);
}

static void test_hardware(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	release_begin(&r, &c);
	changes(&r, "tokens/x", false);
	by(&r, &c.alice); /* a member, with a key in a file */
	EXPECT(&r, "E_APPROVALS");
	release_begin(&r, &c);
	changes(&r, "tokens/x", false);
	by(&r, &c.alice2);
	EXPECT(&r, "OK");
	/* A token that nobody touched, one that asked no PIN, one that did. */
	release_begin(&r, &c);
	changes(&r, "tokens/x", false);
	by_flags(&r, &c.alice2, 0);
	struct approvals got = judge(&r);
	assert_string_equal(got.refused[0].code, "E_FLAGS");
	release_end(&r);
	release_begin(&r, &c);
	changes(&r, "pins/x", false);
	by_flags(&r, &c.erin, 1);
	EXPECT(&r, "E_APPROVALS");
	release_begin(&r, &c);
	changes(&r, "pins/x", false);
	by_flags(&r, &c.erin, 5);
	EXPECT(&r, "OK");
	company_close(&c);
}

static void test_effects_and_revocations(void **state)
{
	struct company c;
	struct release r;
	const struct approval_effect effect = { 0, "device:eve gains resource:db" };

	(void)state;
	company_open(&c);
	/* netops may edit users; whoever gains the database needs its owners too. */
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	r.of.effect = &effect;
	r.of.neffects = 1;
	by(&r, &c.alice);
	struct approvals got = judge(&r);
	assert_string_equal(got.why, "device:eve gains resource:db: effect 1: role security 0/2 (could add: bob, carol, erin)");
	release_end(&r);
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	r.of.effect = &effect;
	r.of.neffects = 1;
	by(&r, &c.alice);
	by(&r, &c.carol);
	by(&r, &c.erin);
	EXPECT(&r, "OK");
	/* A revocation takes one; what only looks like one, and one by which somebody gains, two. */
	for (int i = 0; i < 4; i++) {
		release_begin(&r, &c);
		changes(&r, "devices/eve.yaml", i != 1);
		if (i == 3)
			changes(&r, "devices/new.yaml", false);
		r.of.shrinks = i != 2;
		by(&r, &c.erin);
		EXPECT(&r, i == 0 ? "OK" : "E_APPROVALS");
	}
	company_close(&c);
}

static void test_record_must_fit(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	for (int i = 0; i < 7; i++) {
		static const char *const want[] = { "E_RECORD", "E_RECORD", "E_RECORD", "E_MASS_CHANGE", "E_REWIND", "OK", "E_NOT_BEFORE" };
		release_begin(&r, &c);
		changes(&r, "users/eve.yaml", false);
		switch (i) {
		case 0: r.record.repo[31] ^= 1; break;
		case 1: r.record.trust = 8; break;
		case 2: r.record.has_profiles = true; break;
		case 3: r.of.flags_asked = RECORD_MASS_CHANGE; r.record.flags = RECORD_REWIND; break;
		case 4: r.of.flags_asked = RECORD_REWIND; break;
		case 5: r.of.flags_asked = r.record.flags = RECORD_REWIND | RECORD_MASS_CHANGE; r.record.not_before = NOW; break;
		case 6: r.record.not_before = NOW + 1; break;
		}
		by(&r, &c.alice);
		EXPECT(&r, want[i]);
	}
	/* A checkpoint is the root's. */
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	r.record.flags = RECORD_CHECKPOINT;
	by(&r, &c.alice);
	EXPECT(&r, "E_ROOT");
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	r.record.flags = RECORD_CHECKPOINT;
	by(&r, &c.alice);
	by(&r, &c.carol);
	EXPECT(&r, "OK");
	company_close(&c);
}

/* Serial-based: what a key signed before it was revoked stays good, dates do not matter. */
static void test_revoked_signer(void **state)
{
	struct company c;
	struct release r;
	char alice[SSHSIG_FINGERPRINT_MAX];
	const struct trust_revoked *old;

	(void)state;
	company_open(&c);
	sign_fingerprint(&c.alice, alice);
	struct trust_revoked revoked = { alice, 41, NULL };
	old = c.trust.revoked;
	c.trust.revoked = &revoked;
	c.trust.nrevoked = 1;
	for (uint64_t serial = 40; serial <= 42; serial++) { /* one below, at, one above */
		release_begin(&r, &c);
		r.record.serial = serial;
		changes(&r, "users/eve.yaml", false);
		by(&r, &c.alice);
		struct approvals got = judge(&r);
		assert_true(got.accepted == (serial <= 41));
		if (serial > 41)
			assert_string_equal(got.refused[0].code, "E_SIGNER_REVOKED");
		release_end(&r);
	}
	/* Another key of the same person still counts. */
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	by(&r, &c.alice2);
	EXPECT(&r, "OK");
	assert_non_null(old);
	company_close(&c);
}

static void test_validity(void **state)
{
	struct company c;
	struct release r;
	int64_t end;

	(void)state;
	company_open(&c);
	assert_true(clock_parse("2030-01-01", 10, &end));
	for (int64_t now = end - 1; now <= end; now++) {
		release_begin(&r, &c);
		changes(&r, "policies/prod/x.yaml", false);
		r.of.now = now;
		by(&r, &c.bob);
		by(&r, &c.carol);
		struct approvals got = judge(&r);
		assert_true(got.accepted == (now < end));
		if (now == end)
			assert_string_equal(got.refused[0].code, "E_KEY_EXPIRED");
		release_end(&r);
	}
	company_close(&c);
}

/* trust/ changes only with the old root's threshold and the new root's, and one version up. */
static void test_root_rotation(void **state)
{
	struct company c;
	struct release r;
	struct trust_file next;
	struct signers next_signers;
	struct buf lines BUF_CLEANUP = BUF_INIT;
	char err[200];

	(void)state;
	company_open(&c);
	struct sign_key dora = sign_key("dora", false);
	next = c.trust;
	const char *members[] = { "carol", "dora" };
	next.version = 8;
	next.root.member = members;
	next.root.nmembers = 2;
	sign_line(&lines, "carol", "namespaces=\"release@yett\"", &c.carol);
	sign_line(&lines, "dora", "namespaces=\"release@yett\"", &dora);
	assert_int_equal(signers_parse(&next_signers, lines.p, lines.len, &c.a, err, sizeof(err)), 0);
	for (int who = 0; who < 8; who++) {
		release_begin(&r, &c);
		changes(&r, "trust/trust.yaml", false);
		r.of.next = &next;
		r.of.next_signers = &next_signers;
		r.record.trust = 8;
		if (who & 1)
			by(&r, &c.bob);
		if (who & 2)
			by(&r, &c.carol);
		if (who & 4)
			by(&r, &dora);
		EXPECT(&r, who == 7 ? "OK" : "E_ROOT");
	}
	for (uint32_t version = 6; version <= 9; version++) {
		release_begin(&r, &c);
		changes(&r, "trust/trust.yaml", false);
		r.of.next = &next;
		r.of.next_signers = &next_signers;
		r.record.trust = next.version = version;
		by(&r, &c.bob);
		by(&r, &c.carol);
		by(&r, &dora);
		EXPECT(&r, version == 8 ? "OK" : "E_ROOT");
	}
	company_close(&c);
}

/* A changed byte of the record or of a signature counts for nothing. */
static void test_what_is_signed(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	by(&r, &c.alice);
	assert_true(judge(&r).accepted);
	for (size_t i = 0; i < r.text.len; i++) {
		r.text.p[i] ^= 1;
		assert_false(judge(&r).accepted);
		r.text.p[i] ^= 1;
	}
	release_end(&r);
	/* Of another namespace. */
	release_begin(&r, &c);
	changes(&r, "users/eve.yaml", false);
	record_write(&r.record, &r.text);
	sign_message(&r.armor[0], &c.alice, "git", r.text.p, r.text.len, 0);
	r.signature[0] = (struct approval_signature){ r.armor[0].p, r.armor[0].len };
	r.of.nsignatures = 1;
	struct approvals got = judge(&r);
	assert_string_equal(got.refused[0].code, "E_NS");
	release_end(&r);
	company_close(&c);
}

static void test_signature_limit(void **state)
{
	struct company c;
	struct release r;

	(void)state;
	company_open(&c);
	for (size_t n = APPROVALS_SIGNATURES_MAX - 1; n <= APPROVALS_SIGNATURES_MAX + 1; n++) {
		release_begin(&r, &c);
		changes(&r, "users/eve.yaml", false);
		for (size_t i = 0; i < n; i++)
			by(&r, &c.alice);
		EXPECT(&r, n > APPROVALS_SIGNATURES_MAX ? "E_TOOMANY" : "OK");
	}
	company_close(&c);
}

/* ---- ticks ---- */

static const char *tick_code(struct company *c, struct tick *made, const struct sign_key *k, const char *name_space)
{
	struct buf text BUF_CLEANUP = BUF_INIT, armor BUF_CLEANUP = BUF_INIT;
	const char *why = "";
	struct tick t;

	tick_write(made, &text);
	sign_message(&armor, k, name_space, text.p, text.len, 0);
	const char *code = tick_verify(&t, &c->trust, &c->signers, text.p, text.len, armor.p, armor.len, NOW, &c->a, &why);
	if (code == NULL)
		assert_int_equal(t.serial, made->serial);
	else
		assert_true(t.serial == 0 && *why != '\0');
	return code != NULL ? code : "OK";
}

static void test_tick(void **state)
{
	struct company c;
	struct tick t = { .serial = 42, .time = NOW, .ttl = 3600 };

	(void)state;
	company_open(&c);
	memcpy(t.repo, c.trust.repo_id, 32);
	assert_string_equal(tick_code(&c, &t, &c.tick, TICK_NAMESPACE), "OK");
	assert_string_equal(tick_code(&c, &t, &c.tick, RECORD_NAMESPACE), "E_NS");
	assert_string_equal(tick_code(&c, &t, &c.alice, TICK_NAMESPACE), "E_SIGNER");
	assert_string_equal(tick_code(&c, &t, &c.mallory, TICK_NAMESPACE), "E_SIGNER");
	t.repo[0] ^= 1;
	assert_string_equal(tick_code(&c, &t, &c.tick, TICK_NAMESPACE), "E_TICK");
	company_close(&c);
}

static void test_tick_states(void **state)
{
	struct tick t = { .time = NOW, .ttl = 3600 };

	(void)state;
	assert_int_equal(tick_state_at(NULL, 100, NOW), TICK_NONE);
	static const struct {
		int64_t age;
		enum tick_state want;
	} row[] = { { 0, TICK_FRESH }, { 3600, TICK_FRESH }, { 3601, TICK_STALE }, { 3 * 3600, TICK_STALE }, { 3 * 3600 + 1, TICK_FROZEN },
		    { -TICK_AHEAD_MAX, TICK_FRESH }, { -TICK_AHEAD_MAX - 1, TICK_AHEAD } };
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(tick_state_at(&t, 7200, NOW + row[i].age), row[i].want);
		assert_true(strlen(tick_state_word(row[i].want)) > 0);
	}
	/* A thief of the tick key gains nothing by a long ttl. */
	t.ttl = 999999999;
	assert_int_equal(tick_state_at(&t, 3600, NOW + 3601), TICK_STALE);
}

/* ---- revocations ---- */

static void test_revocation(void **state)
{
	static const struct {
		const char *was, *is;
		bool only;
	} row[] = {
		{ "kind: Device\nname: a\n", "kind: Device\nname: a\nrevoked: true\n", true },
		{ "kind: Device\nname: a\nrevoked: false\n", "kind: Device\nrevoked: true\nname: a\n", true },
		{ "kind: User\nname: a\n", "kind: User\nname: a\ndisabled: true\n", true },
		{ "kind: Device\nname: a\n", NULL, true },
		{ "kind: Device\nname: a\n---\nkind: User\nname: b\n", NULL, true },
		{ "kind: Device\nname: a\n---\nkind: User\nname: b\n", "kind: Device\nname: a\nrevoked: true\n---\nkind: User\nname: b\n", true },
		{ "kind: Device\nname: a\nrevoked: true\n", "kind: Device\nname: a\n", false },
		{ "kind: Device\nname: a\nrevoked: true\n", "kind: Device\nname: a\nrevoked: false\n", false },
		{ "kind: Device\nname: a\n", "kind: Device\nname: b\nrevoked: true\n", false },
		{ "kind: Device\nname: a\n", "kind: Device\nname: a\nowner: eve\nrevoked: true\n", false },
		{ "kind: Device\nname: a\ntags: [x, y]\n", "kind: Device\nname: a\ntags: [x, z]\nrevoked: true\n", false },
		{ "kind: Policy\nname: a\n", NULL, false },
		{ "kind: Guardrail\nname: a\n", NULL, false },
		{ "kind: Device\nname: a\n---\nkind: Policy\nname: p\n", NULL, false },
		{ "kind: Policy\nname: a\n", "kind: Policy\nname: a\ndisabled: true\n", false },
		{ "kind: Device\nname: a\n---\nkind: User\nname: b\n", "kind: Device\nname: a\nrevoked: true\n", false },
		{ "kind: Device\n- broken", NULL, false },
		{ "kind: Device\nname: a\n", "revoked: [", false },
		{ "- Device\n", NULL, false },
		{ "", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		bool only = revocation_only(row[i].was, strlen(row[i].was), row[i].is, row[i].is ? strlen(row[i].is) : 0);
		if (only != row[i].only)
			fail_msg("%s to %s", row[i].was, row[i].is ? row[i].is : "nothing");
	}
	assert_false(revocation_only(NULL, 0, "kind: Device\n", 13));
}

/* ---- the trust file's own ---- */

static bool reads(const char *more, const char *mode)
{
	struct arena a;
	struct diags d;
	struct trust_file t;

	arena_init(&a);
	diags_init(&d, &a);
	const char *text = arena_printf(&a, "format: 1\nmode: %s\nrepo-id: " REPO "\nversion: 1\nroot: {threshold: 1, members: [a]}\n"
					    "roles: {net: {threshold: 1, members: [a]}, clock: {threshold: 1, members: [t], may: [tick]}}\n"
					    "rules: []\n%s", mode, more);
	uint32_t file = diags_add_file(&d, "t", text, strlen(text));
	bool ok = trust_file_parse(&t, file, text, strlen(text), &a, &d) == 0;
	assert_true(ok == (d.n == 0));
	diags_release(&d);
	arena_release(&a);
	return ok;
}

static void test_trust_members(void **state)
{
	(void)state;
	assert_true(reads("", "release"));
	assert_true(reads("effects: [{to: [\"resource:x\"], roles: [net]}]\n", "release"));
	assert_false(reads("effects: [{to: [\"resource:x\"], roles: [net]}]\n", "commit"));
	assert_false(reads("limits: {tick-ttl: 1h}\n", "commit"));
	assert_false(reads("revoked: []\n", "commit"));
	assert_false(reads("effects: [{to: [], roles: [net]}]\n", "release"));
	assert_false(reads("effects: [{to: [\"x\"], roles: [none]}]\n", "release"));
	assert_false(reads("effects: [{to: [\"x\"], roles: [clock]}]\n", "release"));
	assert_false(reads("profiles: {role: net}\n", "release"));
	static const struct {
		const char *limit;
		bool ok;
	} row[] = { { "max-removed-peers-percent: 0", true }, { "max-removed-peers-percent: 100", true }, { "max-removed-peers-percent: 101", false },
		    { "max-record-age-days: 3650", true }, { "max-record-age-days: 3651", false }, { "max-record-age-days: 0", false },
		    { "tick-ttl: 366d", true }, { "tick-ttl: 367d", false }, { "tick-ttl: 0h", false }, { "tick-ttl: 26", false }, { "tick-ttl: h", false },
		    { "tick-ttl: 26w", false }, { "tick-ttl: 1h1", false }, { "other: 1", false } };
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[100];
		snprintf(text, sizeof(text), "limits: {%s}\n", row[i].limit);
		if (reads(text, "release") != row[i].ok)
			fail_msg("%s", row[i].limit);
	}
	assert_true(reads("revoked: [{key: \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\", after-serial: 0}]\n", "release"));
	assert_false(reads("revoked: [{key: \"SHA256:AAAA\", after-serial: 0}]\n", "release"));
	assert_false(reads("revoked: [{key: \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]\n", "release"));
}

/* What the compiler reads is never left out. */
static void test_ignores(void **state)
{
	const char *pattern[] = { "docs/**", "**", "trust/**" };
	const struct trust_file t = { .ignore = pattern, .nignore = 3 };

	(void)state;
	assert_true(trust_ignores(&t, "docs/readme.md"));
	assert_true(trust_ignores(&t, ".github/workflows/x.yml"));
	assert_true(trust_ignores(&t, "a/.b/x.yaml"));
	assert_false(trust_ignores(&t, "docs/policy.yaml"));
	assert_false(trust_ignores(&t, "docs/policy.yml"));
	assert_false(trust_ignores(&t, ".yettignore"));
	assert_false(trust_ignores(&t, "trust/trust.yaml"));
	assert_false(trust_ignores(&t, "trust/notes.md"));
	assert_false(trust_ignores(&(struct trust_file){ .nignore = 0 }, "docs/readme.md"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record), cmocka_unit_test(test_record_refuses), cmocka_unit_test(test_record_limits),
		cmocka_unit_test(test_merkle), cmocka_unit_test(test_merkle_by_hand), cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_root_may_all), cmocka_unit_test(test_hardware), cmocka_unit_test(test_effects_and_revocations),
		cmocka_unit_test(test_record_must_fit), cmocka_unit_test(test_revoked_signer), cmocka_unit_test(test_validity),
		cmocka_unit_test(test_root_rotation), cmocka_unit_test(test_what_is_signed), cmocka_unit_test(test_signature_limit),
		cmocka_unit_test(test_tick), cmocka_unit_test(test_tick_states), cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_trust_members), cmocka_unit_test(test_ignores),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
