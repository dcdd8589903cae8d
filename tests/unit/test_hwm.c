/* SPDX-License-Identifier: Apache-2.0 */
/* The high-water mark: its files, its copy in the kernel, and which of them counts; the counting of refusals. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bug.h"
#include "state/durable.h"
#include "state/hwm.h"
#include "trust.h"

#define COMMIT "4c30aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define REPO "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct hwm mark_of(uint64_t serial)
{
	struct hwm h = { .serial = serial, .commit = COMMIT, .repo = REPO, .version = 7, .seen = 1795000000 };

	return h;
}

static int folder(char path[static 64])
{
	snprintf(path, 64, "/tmp/test_hwm.XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_folder(const char *path)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", path);
	assert_int_equal(system(cmd), 0);
}

static void test_form(void **state)
{
	(void)state;
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct hwm h = mark_of(UINT64_MAX), back;

	hwm_encode(&h, &b);
	assert_true(b.len <= HWM_BYTES_MAX);
	assert_int_equal(hwm_decode(&back, b.p, b.len), 0);
	assert_true(back.serial == h.serial && back.version == h.version && back.seen == h.seen);
	assert_string_equal(back.commit, h.commit);
	assert_string_equal(back.repo, h.repo);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(hwm_decode(&back, b.p, n), -EBADMSG);
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
			assert_int_equal(hwm_decode(&back, b.p, b.len), -EBADMSG);
			assert_int_equal(back.serial, 0);
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
		}
	}
}

static void test_mark(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
					   "yett",
					   "yett 42 " COMMIT,
					   "yett 0 " COMMIT " 00112233445566778899aabbccddeeff",
					   "yett 042 " COMMIT " 00112233445566778899aabbccddeeff",
					   "yett 42  " COMMIT " 00112233445566778899aabbccddeeff",
					   "yett 42 4C30 00112233445566778899aabbccddeeff",
					   "yett 18446744073709551616 " COMMIT " 00112233445566778899aabbccddeeff",
					   "yett 42 " COMMIT " 00112233445566778899aabbccddeeff0",
					   "yett 42 " COMMIT " 00112233445566778899aabbccddeeff " };
	struct hwm h = mark_of(42), back;
	char text[MARK_TEXT_MAX];

	hwm_mark(&h, text);
	assert_string_equal(text, "yett 42 " COMMIT " 00112233445566778899aabbccddeeff");
	assert_true(hwm_mark_parse(&back, text));
	assert_int_equal(back.serial, 42);
	assert_string_equal(back.commit, COMMIT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(hwm_mark_parse(&back, bad[i]));
	memset(h.commit, 'a', 64); /* the longest */
	h.commit[64] = '\0';
	h.serial = UINT64_MAX;
	hwm_mark(&h, text);
	assert_true(hwm_mark_parse(&back, text));
	h.serial = 0;
	hwm_mark(&h, text);
	assert_string_equal(text, "");
}

static void test_copies(void **state)
{
	(void)state;
	char path[64];
	int dirfd = folder(path);
	struct hwm h = mark_of(42), back;

	assert_int_equal(hwm_load(dirfd, &back), HWM_NONE);
	assert_int_equal(hwm_save(dirfd, &h), 0);
	assert_int_equal(hwm_load(dirfd, &back), HWM_BOTH);
	assert_int_equal(back.serial, 42);
	/* One is torn: the other counts, whichever it is. Of two the higher. */
	int sub = openat(dirfd, HWM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (const char *name = "ab"; *name != '\0'; name++) {
		char file[2] = { *name, '\0' };
		assert_int_equal(durable_write(sub, file, "yett-hwm-v1\nser", 15), 0);
		assert_int_equal(hwm_load(dirfd, &back), HWM_ONE);
		assert_int_equal(back.serial, 42);
		struct buf b BUF_CLEANUP = BUF_INIT;
		struct hwm older = mark_of(41);
		hwm_encode(&older, &b);
		assert_int_equal(durable_write(sub, file, b.p, b.len), 0);
		assert_int_equal(hwm_load(dirfd, &back), HWM_BOTH);
		assert_int_equal(back.serial, 42);
		assert_int_equal(hwm_save(dirfd, &h), 0);
	}
	assert_int_equal(durable_write(sub, "a", "x", 1), 0);
	assert_int_equal(durable_write(sub, "b", "x", 1), 0);
	assert_int_equal(hwm_load(dirfd, &back), HWM_DAMAGED);
	assert_int_equal(back.serial, 0);
	close(sub);
	close(dirfd);
	remove_folder(path);
}

static void test_adopt(void **state)
{
	(void)state;
	struct hwm h = mark_of(42), kernel = mark_of(43);

	kernel.repo[HWM_REPO_MARK] = '\0';
	kernel.seen = 0;
	assert_true(hwm_adopt(&h, &kernel)); /* an older state folder was put back */
	assert_int_equal(h.serial, 43);
	assert_string_equal(h.repo, REPO);
	assert_int_equal(h.seen, 1795000000);
	assert_false(hwm_adopt(&h, &kernel));
	kernel.serial = 99;
	kernel.repo[0] = 'f'; /* of another repository */
	assert_false(hwm_adopt(&h, &kernel));
	h = (struct hwm){ .serial = 0 };
	assert_true(hwm_adopt(&h, &kernel)); /* the state folder is lost */
	assert_int_equal(h.serial, 99);
	kernel.serial = 0;
	assert_false(hwm_adopt(&h, &kernel));
}

static void test_refusals(void **state)
{
	(void)state;
	struct refusals t = { .nrows = 0 };
	char code[CODE_TEXT_MAX];

	assert_string_equal(code_in("a.yaml:3:1: error: no such group [E_REF]", code), "E_REF");
	assert_string_equal(code_in("E_ODB_MISSING: the repository lacks", code), "E_ODB_MISSING");
	assert_string_equal(code_in("THE_E_NOT E_ E_2BIG", code), "E_2BIG");
	assert_string_equal(code_in("nothing", code), "");
	refusals_count(&t, "E_FORK: a");
	refusals_count(&t, "E_FORK: b");
	refusals_count(&t, "x");
	for (int i = 0; i < 100; i++) {
		snprintf(code, sizeof(code), "E_N%d", i);
		refusals_count(&t, code);
	}
	assert_int_equal(t.nrows, REFUSAL_CODES);
	assert_string_equal(t.row[0].code, "E_FORK");
	assert_int_equal(t.row[0].n, 2);
	assert_int_equal(t.other, 1 + 100 - (REFUSAL_CODES - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),  cmocka_unit_test(test_mark),  cmocka_unit_test(test_copies),
		cmocka_unit_test(test_adopt), cmocka_unit_test(test_refusals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
