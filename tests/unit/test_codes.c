/* SPDX-License-Identifier: Apache-2.0 */
/* The table of codes, and that what gives codes by number gives codes of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/codes.h"
#include "trust/commit_object.h"
#include "trust/sshsig.h"

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ncode_rows; i++) {
		const struct code_row *r = &code_rows[i];
		assert_true(r->group < CODE_GROUP_COUNT);
		assert_true(i == 0 || code_rows[i - 1].group <= r->group);
		assert_ptr_equal(code_find(r->code), r);
		assert_null(strchr(r->title, '\n'));
		assert_int_equal(r->bad[strlen(r->bad) - 1], '\n');
		assert_int_equal(r->good[strlen(r->good) - 1], '\n');
		assert_int_equal(code_severity(r->code), r->code[0] == 'E' ? DIAG_ERROR : DIAG_WARNING);
	}
	for (size_t g = 0; g < CODE_GROUP_COUNT; g++)
		assert_non_null(code_group_titles[g]);
}

static void test_find(void **state)
{
	(void)state;
	assert_null(code_find("E_NOTHING_LIKE_IT"));
	assert_null(code_find(""));
	assert_string_equal(code_nearest("E_RFE")->code, "E_REF");
	assert_string_equal(code_nearest("e-yaml-tag")->code, "E_YAML_TAG");
	assert_null(code_nearest("nothing at all like it"));
	assert_null(code_nearest("E_0123456789012345678901234567890123456789012345678901234567890123456789"));
}

static void test_numbered(void **state)
{
	(void)state;
	for (int e = SSHSIG_OK + 1; e < SSHSIG_ERROR_COUNT; e++)
		assert_non_null(code_find(sshsig_error_code((enum sshsig_error)e)));
	for (int e = COMMIT_OK + 1; e <= COMMIT_UNSIGNED; e++)
		assert_non_null(code_find(commit_error_code((enum commit_error)e)));
}

/* ---- signatures that no vector has ---- */

static void put_u32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_addc(b, (char)(v >> shift & 0xff));
}

static void put_string(struct buf *b, const void *p, size_t n)
{
	put_u32(b, (uint32_t)n);
	buf_add(b, p, n);
}

static void put_text(struct buf *b, const char *s)
{
	put_string(b, s, strlen(s));
}

/* An armored blob, lines of 70 characters as ssh-keygen writes them. */
static const char *code_of(const struct buf *blob)
{
	BUF_CLEANUP struct buf armor = BUF_INIT;
	char text[4096];
	struct sshsig sig;

	sodium_bin2base64(text, sizeof(text), (const unsigned char *)blob->p, blob->len, sodium_base64_VARIANT_ORIGINAL);
	buf_adds(&armor, "-----BEGIN SSH SIGNATURE-----\n");
	for (size_t i = 0; i < strlen(text); i += 70)
		buf_addf(&armor, "%.70s\n", text + i);
	buf_adds(&armor, "-----END SSH SIGNATURE-----\n");
	return sshsig_error_code(sshsig_verify(armor.p, armor.len, "git", "m", 1, &sig));
}

static void put_signature(struct buf *b, const char *sig_type)
{
	BUF_CLEANUP struct buf key = BUF_INIT, sig = BUF_INIT;
	char zero[64] = { 0 };

	put_text(&key, "ssh-ed25519");
	put_string(&key, zero, 32);
	put_text(&sig, sig_type);
	put_string(&sig, zero, 64);
	buf_adds(b, "SSHSIG");
	put_u32(b, 1);
	put_string(b, key.p, key.len);
	put_text(b, "git");
	put_text(b, "");
	put_text(b, "sha512");
	put_string(b, sig.p, sig.len);
}

static void test_signatures(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT, long_armor = BUF_INIT;
	struct sshsig sig;

	(void)state;
	put_signature(&b, "ssh-ed25519");
	assert_string_equal(code_of(&b), "E_BADSIG");
	b.len -= 70;
	assert_string_equal(code_of(&b), "E_TRUNC");
	buf_reset(&b);
	put_signature(&b, "sk-ssh-ed25519@openssh.com");
	assert_string_equal(code_of(&b), "E_SIGTYPE");
	for (int i = 0; i <= SSHSIG_ARMOR_MAX; i++)
		buf_addc(&long_armor, 'A');
	assert_string_equal(sshsig_error_code(sshsig_verify(long_armor.p, long_armor.len, "git", "m", 1, &sig)), "E_SIZE");
}

static void test_unsigned_commit(void **state)
{
	static const char commit[] = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
				     "author A <a@example.com> 1767225600 +0000\n"
				     "committer A <a@example.com> 1767225600 +0000\n\nmessage\n";
	char scratch[2 * sizeof(commit)];
	struct commit_object c;

	(void)state;
	assert_string_equal(commit_error_code(commit_object_split(commit, sizeof(commit) - 1, scratch, &c)), "E_UNSIGNED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),      cmocka_unit_test(test_find),
		cmocka_unit_test(test_numbered),   cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_unsigned_commit),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
