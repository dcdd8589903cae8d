/* SPDX-License-Identifier: Apache-2.0 */
/* The signature vectors of tests/data/sshsig, each with its exact code, and the splitter's own limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "trust/commit_object.h"
#include "trust/content.h"
#include "trust/signers.h"
#include "trust/sshsig.h"

#define FOLDER "tests/data/sshsig/"

static struct buf read_whole(const char *name, const char *suffix)
{
	char path[256];
	struct buf b = BUF_INIT;
	char part[4096];
	size_t n;

	snprintf(path, sizeof(path), FOLDER "%s%s", name, suffix);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return b;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, part, n);
	fclose(f);
	return b;
}

/* The lower layer's code for a commit, as the manifest counts: no signature is no armor. */
static const char *judge_commit(const struct buf *b)
{
	struct commit_object c;
	struct sshsig sig;
	char *scratch = malloc(2 * b->len + 1);
	enum commit_error e = commit_object_split(b->p, b->len, scratch, &c);
	const char *code = commit_error_code(e);

	if (e == COMMIT_UNSIGNED)
		code = "E_ARMOR";
	else if (e == COMMIT_OK)
		code = sshsig_error_code(sshsig_verify(c.armor, c.armor_len, "git", c.payload, c.payload_len, &sig));
	free(scratch);
	return code;
}

static const char *judge_signature(const struct buf *b)
{
	struct buf msg = read_whole("msg", "");
	struct sshsig sig;
	enum sshsig_error e = sshsig_verify(b->p, b->len, "git", msg.p, msg.len, &sig);

	if (e == SSHSIG_OK)
		assert_true(sig.key_len > 32);
	else
		assert_int_equal(sig.key_len, 0);
	buf_release(&msg);
	return sshsig_error_code(e);
}

static void test_vectors(void **state)
{
	struct buf manifest = read_whole("MANIFEST.tsv", "");
	size_t n = 0;
	char *save = NULL;

	(void)state;
	assert_non_null(manifest.p);
	for (char *line = strtok_r(manifest.p, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char name[64], want[32];
		if (sscanf(line, "%63s %31s", name, want) != 2 || strcmp(name, "case") == 0)
			continue;
		struct buf sig = read_whole(name, ".sig"), commit = read_whole(name, ".commit");
		assert_true((sig.p != NULL) != (commit.p != NULL));
		const char *got = sig.p != NULL ? judge_signature(&sig) : judge_commit(&commit);
		if (strcmp(got, want) != 0)
			fail_msg("%s: %s, not %s", name, got, want);
		buf_release(&sig);
		buf_release(&commit);
		n++;
	}
	assert_int_equal(n, 41);
	buf_release(&manifest);
}

static void test_key_and_counter(void **state)
{
	struct buf b = read_whole("ok-sk-up", ".sig"), msg = read_whole("msg", "");
	struct sshsig sig;
	char text[SSHSIG_FINGERPRINT_MAX];

	(void)state;
	assert_int_equal(sshsig_verify(b.p, b.len, "git", msg.p, msg.len, &sig), SSHSIG_OK);
	assert_true(sig.security_key);
	assert_int_equal(sig.flags, SSHSIG_FLAG_PRESENT);
	assert_int_equal(sig.counter, 7);
	assert_memory_equal(sshsig_fingerprint(&sig, text), "SHA256:", 7);
	assert_int_equal(strlen(text), 7 + 43);
	assert_int_equal(sshsig_verify(b.p, b.len, "release@yett", msg.p, msg.len, &sig), SSHSIG_NS);
	buf_release(&b);
	buf_release(&msg);
}

/* A prefix of a good signature or commit is never good, and reads nothing beyond its end. */
static void test_truncation(void **state)
{
	struct buf sig = read_whole("ok-ed-sha512", ".sig"), commit = read_whole("ok-commit", ".commit");

	(void)state;
	for (size_t n = 0; n < sig.len; n++) {
		struct buf part = BUF_INIT;
		buf_add(&part, sig.p, n);
		assert_string_not_equal(judge_signature(&part), "OK");
		buf_release(&part);
	}
	for (size_t n = 1; n < commit.len; n++) {
		struct buf part = BUF_INIT;
		buf_add(&part, commit.p, n);
		assert_string_not_equal(judge_commit(&part), "OK");
		buf_release(&part);
	}
	buf_release(&sig);
	buf_release(&commit);
}

static void test_commit_fields(void **state)
{
	struct buf b = read_whole("ok-commit", ".commit");
	struct commit_object c;
	char *scratch = malloc(2 * b.len);

	(void)state;
	assert_int_equal(commit_object_split(b.p, b.len, scratch, &c), COMMIT_OK);
	assert_int_equal(c.nparents, 1);
	assert_int_equal(c.hex_len, 40);
	assert_memory_equal(c.tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904", 40);
	assert_int_equal(c.message_len, strlen("subject\n"));
	assert_memory_equal(c.message, "subject\n", c.message_len);
	free(scratch);
	buf_release(&b);
}

static void test_commit_size(void **state)
{
	const char head[] = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a> 1 +0000\ncommitter c <c> 1 +0000\n\n";
	struct commit_object c;

	(void)state;
	for (size_t len = COMMIT_OBJECT_MAX - 1; len <= COMMIT_OBJECT_MAX + 1; len++) {
		char *object = malloc(len), *scratch = malloc(2 * len);
		memset(object, 'x', len);
		memcpy(object, head, sizeof(head) - 1);
		assert_int_equal(commit_object_split(object, len, scratch, &c),
				 len > COMMIT_OBJECT_MAX ? COMMIT_SIZE : COMMIT_UNSIGNED);
		free(object);
		free(scratch);
	}
}

/* Who git would not name, we do not take either; and nothing is passed over inside an armor. */
static void test_idents_and_armor(void **state)
{
	static const struct {
		const char *ident;
		bool ok;
	} row[] = { { "A B <a@example.com> 1767225600 +0000", true }, { " <> 0 -1200", true }, { "<a> 1 +0000", true },
		    { "A a@example.com> 1 +0000", false }, { "A <a@example.com 1 +0000", false }, { "A <a> 1", false }, { "A <a> 1 +00000", false },
		    { "A <a> 1 +00", false }, { "A <a> x +0000", false }, { "A <a>1 +0000", false }, { "A <a>  1 +0000", false },
		    { "A<a> 1 +0000", false }, { "A <<a> 1 +0000", false }, { "A <a>> 1 +0000", false }, { "A >a< 1 +0000", false },
		    { "A <a> 1234567890123 +0000", false }, { "", false } };
	struct commit_object c;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
		const char *ident = row[i / 2].ident, *good = "A <a> 1 +0000";
		char object[400], scratch[800];
		int n = snprintf(object, sizeof(object), "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor %s\ncommitter %s\n\nx\n",
				 i & 1 ? ident : good, i & 1 ? good : ident);
		if (commit_object_split(object, (size_t)n, scratch, &c) != (row[i / 2].ok ? COMMIT_UNSIGNED : COMMIT_HDR))
			fail_msg("%s", ident);
	}
	struct buf sig = read_whole("ok-ed-sha512", ".sig"), msg = read_whole("msg", "");
	struct sshsig out;
	for (size_t i = 0; i <= sig.len; i++) {
		char *with = malloc(sig.len + 1);
		memcpy(with, sig.p, i);
		with[i] = '\0';
		memcpy(with + i + 1, sig.p + i, sig.len - i);
		assert_int_not_equal(sshsig_verify(with, sig.len + 1, "git", msg.p, msg.len, &out), SSHSIG_OK);
		free(with);
	}
	/* One text for one signature: no other byte stands for a letter, whatever the decoder thinks. */
	for (size_t i = 0; i < sig.len; i++) {
		char was = sig.p[i];
		for (int byte = 0; byte < 256; byte++) {
			sig.p[i] = (char)byte;
			if (sig.p[i] != was)
				assert_int_not_equal(sshsig_verify(sig.p, sig.len, "git", msg.p, msg.len, &out), SSHSIG_OK);
		}
		sig.p[i] = was;
	}
	buf_release(&sig);
	buf_release(&msg);
}

#define KEY_ED "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkkIhBYV6B1j6iXjdJsvkKZyweOf/a+u6NJ7edAuCWD"
#define KEY_SK                                                                                                         \
	"sk-ssh-ed25519@openssh.com "                                                                                  \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAILD7GsOKtON3I9BsGCE8+fxaM0bnyojNDgdI00KqrEgyAAAABHNzaDo="

static void test_signers_good(void **state)
{
	const char text[] = "# people\n\nalice@example.com namespaces=\"git,release@yett\" " KEY_ED " laptop\n"
			    "bob Namespaces=\"git\",valid-after=\"20260101Z\",valid-before=\"20270101120000Z\" " KEY_SK;
	struct buf b = read_whole("ok-sk-up", ".sig"), msg = read_whole("msg", "");
	struct arena a;
	struct signers s;
	struct sshsig sig;
	char err[200] = "";

	(void)state;
	arena_init(&a);
	assert_int_equal(signers_parse(&s, text, strlen(text), &a, err, sizeof(err)), 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[0].principal, "alice@example.com");
	assert_int_equal(s.v[0].namespaces, SIGNER_GIT | SIGNER_RELEASE);
	assert_false(s.v[0].security_key);
	assert_int_equal(s.v[1].valid_after, 1767225600);
	assert_int_equal(s.v[1].valid_before, 1798804800);
	assert_true(s.v[1].security_key);
	assert_int_equal(s.v[1].line, 4);
	assert_int_equal(sshsig_verify(b.p, b.len, "git", msg.p, msg.len, &sig), SSHSIG_OK);
	assert_ptr_equal(signers_find(&s, &sig), &s.v[1]);
	buf_release(&b);
	buf_release(&msg);
	arena_release(&a);
}

static void test_signers_bad(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "* namespaces=\"git\" " KEY_ED, "literal" },
		{ "alice,bob namespaces=\"git\" " KEY_ED, "literal" },
		{ "!alice namespaces=\"git\" " KEY_ED, "literal" },
		{ "alice@ namespaces=\"git\" " KEY_ED, "literal" },
		{ "alice " KEY_ED, "namespaces" },
		{ "alice valid-before=\"20270101Z\" " KEY_ED, "required" },
		{ "alice namespaces=\"file\" " KEY_ED, "lists" },
		{ "alice namespaces=\"git,git\" " KEY_ED, "once" },
		{ "alice namespaces=\"\" " KEY_ED, "lists" },
		{ "alice namespaces=\"git\",namespaces=\"git\" " KEY_ED, "twice" },
		{ "alice namespaces=\"git\",valid-before=\"20270101\" " KEY_ED, "UTC" },
		{ "alice namespaces=\"git\",valid-before=\"20271301Z\" " KEY_ED, "UTC" },
		{ "alice cert-authority,namespaces=\"git\" " KEY_ED, "authorities" },
		{ "alice namespaces=\"git\",no-touch-required " KEY_ED, "required" },
		{ "alice namespaces=git " KEY_ED, "quotes" },
		{ "alice namespaces=\"git " KEY_ED, "closed" },
		{ "alice namespaces=\"git\" ssh-rsa AAAAB3NzaC1yc2E=", "keys are" },
		{ "alice namespaces=\"git\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkkIhBYV6B1j6iXjdJsvkKZyweOf", "damaged" },
		{ "alice namespaces=\"git\" sk-ssh-ed25519@openssh.com AAAAC3NzaC1lZDI1NTE5AAAAIDkkIhBYV6B1j6iXjdJsvkKZyweOf/a+u6NJ7edAuCWD", "damaged" },
		{ "alice namespaces=\"git\" " KEY_ED "\nbob namespaces=\"git\" " KEY_ED, "already" },
		{ "alice namespaces=\"git\" " KEY_ED "\r", "ASCII" },
		{ "alic\xc3\xa9 namespaces=\"git\" " KEY_ED, "ASCII" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a;
		struct signers s;
		char err[200] = "";
		arena_init(&a);
		assert_int_equal(signers_parse(&s, bad[i].line, strlen(bad[i].line), &a, err, sizeof(err)), -1);
		if (strstr(err, bad[i].why) == NULL || strncmp(err, "line ", 5) != 0)
			fail_msg("%s: %s", bad[i].line, err);
		assert_int_equal(s.n, 0);
		arena_release(&a);
	}
}

/* Computed by another program from the formula in trust/content.h. */
static void test_content_digest(void **state)
{
	struct content_file v[] = { { "b/c.yaml", "", 0 }, { "a.yaml", "kind: User\n", 11 } };
	char hex[DIGEST_HEX_MAX];
	struct digest d = content_digest(v, 2);

	(void)state;
	assert_string_equal(digest_hex(&d, DIGEST_BYTES, hex),
			    "1a2224cb2cd613d77001fa3ca803480ecb53e92dadf92c1246f7c828a812a2c7");
	d = content_digest(NULL, 0);
	assert_string_equal(digest_hex(&d, DIGEST_BYTES, hex),
			    "b523a88b7f8ea8cecf963d567eb51d9f25cf43642b3eb528cd5268630974a1ba");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),	      cmocka_unit_test(test_key_and_counter),
		cmocka_unit_test(test_truncation),    cmocka_unit_test(test_commit_fields),
		cmocka_unit_test(test_commit_size), cmocka_unit_test(test_idents_and_armor),  cmocka_unit_test(test_signers_good),
		cmocka_unit_test(test_signers_bad),   cmocka_unit_test(test_content_digest),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
