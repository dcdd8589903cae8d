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
	const char head[] = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a\ncommitter c\n\n";
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),	      cmocka_unit_test(test_key_and_counter),
		cmocka_unit_test(test_truncation),    cmocka_unit_test(test_commit_fields),
		cmocka_unit_test(test_commit_size),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
