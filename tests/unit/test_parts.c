/* SPDX-License-Identifier: Apache-2.0 */
/* What the compile role keeps from tree to tree changes nothing of what comes out: plans and complaints are those of a fresh compile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "build/parts.h"
#include "report/text.h"

#define FILES 60
#define COMMIT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct tree {
	char text[FILES][700]; /* "": no such file */
	uint32_t dice;
};

static uint32_t roll(struct tree *t, uint32_t n)
{
	t->dice = t->dice * 1664525u + 1013904223u;
	return (t->dice >> 8) % n;
}

static const char *const base =
	"kind: Network\nname: net\npools: [10.7.0.0/16]\n---\nkind: Site\nname: hq\nnetworks: [192.168.0.0/16]\n---\n"
	"kind: Gateway\nname: gw\nsite: hq\nendpoint: 192.0.2.1:51820\npublic_key: n3puQRtzcBzQIxfCc3eHyud9z09A6o9C5xvQrGLEHUg=\n"
	"addresses: [10.7.0.1]\n---\nkind: User\nname: ana\n---\nkind: User\nname: ben\n---\n"
	"kind: Policy\nname: p\nfrom: [user:ana]\nto: [site:hq]\nports: [tcp/443]\n";

static void put_device(struct tree *t, size_t i, const char *more)
{
	uint8_t key[32] = { 2, (uint8_t)i, (uint8_t)roll(t, 256) };
	char text[64];

	sodium_bin2base64(text, sizeof(text), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(t->text[i], sizeof(t->text[i]), "kind: Device\nname: d%zu\nowner: %s\npublic_key: %s\naddresses: [10.7.%u.%zu]\n%s", i,
		 roll(t, 2) ? "ana" : "ben", text, roll(t, 3), i + 2, more);
}

/* One to three files change, come or go; now and then with a mistake. */
static void edit(struct tree *t)
{
	static const char *const more[] = {
		"", "", "", "", "", "description: x\n", "revoked: true\n", "expires: 2001-01-01T00:00:00Z\n", "colour: red\n", "tags: [a\n",
		"name: twice\n", "---\nkind: User\nname: ana\n", "---\nkind: Network\nname: other\npools: [10.8.0.0/16]\n", "\t\n",
	};

	for (uint32_t n = roll(t, 3) + 1; n > 0; n--) {
		size_t i = roll(t, FILES - 1) + 1;
		uint32_t what = roll(t, 40);
		if (what == 0)
			t->text[0][0] ^= 'k' ^ 'x'; /* the Network's own file, and back */
		else if (what < 8)
			t->text[i][0] = '\0';
		else
			put_device(t, i, more[roll(t, (uint32_t)(sizeof(more) / sizeof(more[0])))]);
	}
	if (t->text[0][0] != 'k' && roll(t, 3) == 0)
		t->text[0][0] = 'k';
}

static void bundle_of(const struct tree *t, struct buf *out)
{
	static char path[FILES][32];
	struct source_file file[FILES];
	struct source s = { .file = file, .commit = COMMIT };

	for (size_t i = 0; i < FILES; i++) {
		if (t->text[i][0] == '\0')
			continue;
		snprintf(path[i], sizeof(path[i]), "d/f%02zu.yaml", i);
		file[s.nfiles++] = (struct source_file){ .path = path[i], .data = t->text[i], .len = strlen(t->text[i]) };
	}
	buf_reset(out);
	source_to_bundle(&s, out);
}

static void read_model(void *ctx, struct compile *c)
{
	parts_read(ctx, c);
}

/* The plan's bytes, or the complaints; and the warnings. */
static void outcome(const struct buf *bundle, struct parts *p, struct buf *out)
{
	const struct compile_input in = { .bundle = bundle->p, .bundle_len = bundle->len,
					  .read_model = p != NULL ? read_model : NULL, .ctx = p };
	struct compile c;
	char err[256];

	buf_reset(out);
	compile_init(&c);
	assert_int_equal(compile_run(&c, &in, err, sizeof(err)), 0);
	uint32_t gateway = c.ready ? resolved_find(&c.resolved, KIND_GATEWAY, "gw") : NONE;
	if (gateway != NONE) {
		struct gw_plan plan = { 0 };
		plan_gateway(&plan, &c.access, &c.resolved, gateway, &c.arena);
		gw_plan_encode(&plan, out);
	}
	text_of_diags(&c.diags, out);
	compile_release(&c);
}

static void test_parts(void **state)
{
	(void)state;
	static struct tree t = { .dice = 1 };
	struct parts p;
	struct buf bundle = BUF_INIT, warm = BUF_INIT, cold = BUF_INIT;
	size_t plans = 0, saved = 0;

	parts_init(&p);
	snprintf(t.text[0], sizeof(t.text[0]), "%s", base);
	for (size_t i = 1; i < FILES / 2; i++)
		put_device(&t, i, "");
	for (int round = 0; round < 600; round++) {
		bundle_of(&t, &bundle);
		outcome(&bundle, &p, &warm);
		outcome(&bundle, NULL, &cold);
		assert_int_equal(warm.len, cold.len);
		assert_memory_equal(warm.p, cold.p, warm.len);
		plans += warm.len > 8 && memcmp(warm.p, "YETTPLN1", 8) == 0;
		saved += p.kept.n > p.parsed;
		if (round % 7 != 3)
			edit(&t);
		if (round % 6 == 5) /* from time to time all is well again */
			for (size_t i = 1; i < FILES; i++)
				if (t.text[i][0] != '\0')
					put_device(&t, i, "");
	}
	assert_true(plans > 150 && plans < 590);
	assert_true(saved > 200);
	/* A file that changed is parsed, and no other. */
	t.text[0][0] = 'k';
	for (size_t i = 1; i < FILES; i++)
		put_device(&t, i, "");
	bundle_of(&t, &bundle);
	outcome(&bundle, &p, &warm);
	put_device(&t, 7, "description: new\n");
	bundle_of(&t, &bundle);
	outcome(&bundle, &p, &warm);
	assert_int_equal(p.parsed, 1);
	outcome(&bundle, &p, &warm);
	assert_int_equal(p.parsed, 0);
	parts_release(&p);
	buf_release(&bundle);
	buf_release(&warm);
	buf_release(&cold);
}

/* However long it goes on, what is kept does not grow without end. */
static void test_parts_are_bounded(void **state)
{
	(void)state;
	static struct tree t = { .dice = 2 };
	struct parts p;
	struct buf bundle = BUF_INIT, warm = BUF_INIT;

	parts_init(&p);
	snprintf(t.text[0], sizeof(t.text[0]), "%s", base);
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 1; i < FILES; i++)
			put_device(&t, i, "");
		bundle_of(&t, &bundle);
		outcome(&bundle, &p, &warm);
		assert_true(p.arena.used < 10u << 20);
		assert_true(p.slots <= FILES);
	}
	parts_release(&p);
	buf_release(&bundle);
	buf_release(&warm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_parts_are_bounded),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
