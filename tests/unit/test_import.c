/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of imports, their names and their YAML, without files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/bug.h"
#include "import/hujson.h"
#include "import/import.h"
#include "import/tailscale.h"
#include "import/wireguard.h"
#include "yaml/yaml.h"

struct world {
	struct arena a;
	struct diags d;
	struct import im;
};

static void world_init(struct world *w)
{
	arena_init(&w->a);
	diags_init(&w->d, &w->a);
	import_init(&w->im, &w->a, &w->d);
}

static void world_release(struct world *w)
{
	import_release(&w->im);
	diags_release(&w->d);
	arena_release(&w->a);
}

static int read_text(struct world *w, const char *text, struct hujson *h)
{
	return hujson_parse(h, &w->a, diags_add_file(&w->d, "f", text, strlen(text)), text, strlen(text), &w->d);
}

/* ---- HuJSON ---- */

static void test_values(void **state)
{
	struct world w;
	struct hujson h;

	(void)state;
	world_init(&w);
	assert_int_equal(
		read_text(&w,
			  "// c\n{\"a\": [1, -2.5e+3, true, null,], /* d */\n \"\\u00e9\\ud83d\\ude00\": \"x\\n\",}",
			  &h),
		0);
	assert_int_equal(h.root->kind, HUJSON_OBJECT);
	assert_int_equal(h.root->n, 2);
	assert_int_equal(h.ncomments, 2);
	const struct hujson_member *a = hujson_find(h.root, "A");
	assert_non_null(a);
	assert_int_equal(a->value->n, 4);
	assert_string_equal(a->value->member[1].value->text, "-2.5e+3");
	assert_true(a->value->member[2].value->truth);
	assert_int_equal(a->value->member[3].value->kind, HUJSON_NULL);
	assert_int_equal(a->comments.first, 1); /* behind it on its line; the one before the brace is nobody's */
	assert_int_equal(a->comments.end, 2);
	assert_string_equal(h.root->member[1].key, "\xc3\xa9\xf0\x9f\x98\x80");
	assert_string_equal(h.root->member[1].value->text, "x\n");
	assert_int_equal(h.root->member[1].loc.line, 3);
	assert_int_equal(h.root->member[1].loc.col, 2);
	world_release(&w);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		uint32_t line, col;
	} bad[] = {
		{"", 1, 1},
		{"{", 1, 2},
		{"[1 2]", 1, 4},
		{"{\"a\" 1}", 1, 6},
		{"{a: 1}", 1, 2},
		{"[01]", 1, 2},
		{"[1.]", 1, 2},
		{"[+1]", 1, 2},
		{"[.5]", 1, 2},
		{"\"\\x\"", 1, 2},
		{"\"\\u12\"", 1, 6},
		{"\"\\udc00\"", 1, 2},
		{"\"\\u0000\"", 1, 2},
		{"\"a\nb\"", 1, 3},
		{"\"a", 1, 1},
		{"/", 1, 1},
		{"/* x", 1, 1},
		{"{} x", 1, 4},
		{"[,]", 1, 2},
		{"[1,,]", 1, 4},
		{"\n {\"a\":1,\n\"a\":2}", 3, 1},
		{"tru", 1, 1},
		{"\xff", 1, 1},
		{"\xef\xbb\xbf{}", 1, 1},
		{"nul", 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct world w;
		struct hujson h;
		world_init(&w);
		assert_int_equal(read_text(&w, bad[i].text, &h), -1);
		assert_int_equal(w.d.n, 1);
		assert_string_equal(w.d.v[0].code, "E_IMPORT");
		if (w.d.v[0].loc.line != bad[i].line || w.d.v[0].loc.col != bad[i].col)
			fail_msg("%s: %u:%u (%s)", bad[i].text, w.d.v[0].loc.line, w.d.v[0].loc.col, w.d.v[0].message);
		world_release(&w);
	}
}

static void test_limits(void **state)
{
	(void)state;
	for (unsigned int depth = HUJSON_DEPTH_MAX - 1; depth <= HUJSON_DEPTH_MAX + 1; depth++) {
		struct world w;
		struct hujson h;
		struct buf b BUF_CLEANUP = BUF_INIT;
		world_init(&w);
		for (unsigned int i = 0; i < depth; i++)
			buf_addc(&b, '[');
		for (unsigned int i = 0; i < depth; i++)
			buf_addc(&b, ']');
		assert_int_equal(read_text(&w, b.p, &h), depth <= HUJSON_DEPTH_MAX ? 0 : -1);
		world_release(&w);
	}
	for (unsigned int n = HUJSON_VALUES_MAX - 1; n <= HUJSON_VALUES_MAX; n++) { /* and the array itself */
		struct world w;
		struct hujson h;
		struct buf b BUF_CLEANUP = BUF_INIT;
		world_init(&w);
		buf_addc(&b, '[');
		for (unsigned int i = 0; i < n; i++)
			buf_adds(&b, "1,");
		buf_addc(&b, ']');
		assert_int_equal(read_text(&w, b.p, &h), n < HUJSON_VALUES_MAX ? 0 : -1);
		world_release(&w);
	}
}

/* ---- names and YAML ---- */

static void test_names(void **state)
{
	struct world w;
	char digits[101];

	(void)state;
	world_init(&w);
	struct import *im = &w.im;
	assert_string_equal(import_name(im, IMPORT_USER, "ana@example.com"), "ana@example.com");
	assert_string_equal(import_name(im, IMPORT_GROUP, "Ops / Team!"), "ops-team");
	const char *other = import_name(im, IMPORT_GROUP, "ops team");
	assert_string_not_equal(other, "ops-team");
	assert_memory_equal(other, "ops-team-", strlen("ops-team-"));
	assert_ptr_equal(import_name(im, IMPORT_GROUP, "ops team"), other);
	assert_string_equal(import_name(im, IMPORT_USER, "ops team"), "ops-team");
	assert_int_equal(strlen(import_name(im, IMPORT_USER, "\xc3\xbc")), 8);
	assert_int_equal(strlen(import_name(im, IMPORT_USER, "")), 8);
	memset(digits, '7', 100);
	digits[100] = '\0';
	const char *cut = import_name(im, IMPORT_USER, digits);
	assert_int_equal(strlen(cut), IMPORT_NAME_MAX);
	digits[99] = '8';
	assert_string_not_equal(import_name(im, IMPORT_USER, digits), cut);
	world_release(&w);
}

/* Whatever the text, the document reads back as the one field that was written. */
static void test_quoting(void **state)
{
	static const char *const texts[] = {
		"plain",
		"true",
		"null",
		"~",
		"",
		"a: b",
		"# x",
		"- x",
		"\"",
		"\\",
		"\"\\\"",
		"a\nkind: Policy",
		"'",
		"{",
		"[",
		"&a",
		"*a",
		"!x",
		"%x",
		"@x",
		"`x",
		"1e3",
		"::1",
		"fd00::",
		"10.0.0.0/8",
		"x:",
		"\xe2\x80\xae",
		"\x01",
		"\x7f",
		"\xff",
		"\xc2\x85",
		"\xe2\x80\xa8",
		"---",
		"...",
		" x ",
		"x #y",
		"yes",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct world w;
		struct doc d;
		struct node **docs = NULL;
		size_t ndocs = 0;
		world_init(&w);
		doc_begin(&d, &w.im, IMPORT_GROUP, "g", LOC_NONE);
		doc_comment(&d, texts[i], strlen(texts[i]));
		doc_head(&d);
		doc_list(&d, "members", false);
		doc_item(&d, texts[i], texts[i]);
		doc_end(&d, NULL);
		const struct import_file *f = &w.im.file.v[0];
		assert_string_equal(f->path, "groups/g.yaml");
		assert_int_equal(yaml_parse(&w.a, diags_add_file(&w.d, f->path, f->text, f->len), f->text, f->len, &w.d,
					    &docs, &ndocs),
				 0);
		assert_int_equal(ndocs, 1);
		assert_int_equal(docs[0]->n, 3);
		const struct node *members = node_get(docs[0], "members");
		assert_int_equal(members->n, 1);
		assert_false(members->item[0]->null);
		bool hidden = strpbrk(texts[i], "\n\x01\x7f\xff\xc2\xe2") != NULL;
		if (!hidden)
			assert_string_equal(members->item[0]->text, texts[i]);
		world_release(&w);
	}
}

/* ---- WireGuard ---- */

static bool parse_conf(struct world *w, struct wg_conf *c, const char *text)
{
	return wg_conf_parse(c, &w->im, diags_add_file(&w->d, "wg0.conf", NULL, 0), text, strlen(text));
}

#define SECRET "TFlmmEUC7V7VtiDYLKsbP5rySTKLIZq1yn8lMqK83wo="
#define PUBLIC "NYZxBGjCBKo2aAVTyMOIH5NMN9nLdUHMPO9kJfLbyko="
#define PEER "vBN7qyUTb5lJtWYJ8LhbPio1Z4RcyBPGnqFBGn6O6Qg="

static void test_conf(void **state)
{
	struct world w;
	struct wg_conf c;
	char key[KEY_TEXT_MAX];

	(void)state;
	world_init(&w);
	assert_true(parse_conf(
		&w, &c,
		"# Name = me\r\n[interface]\r\n  privatekey=" SECRET " # not shown\r\nADDRESS = 10.0.0.2/24,fd00::2\r\n"
		"DNS=1.1.1.1, corp.example\r\n\r\n# Hub\r\n[PEER]\r\nPublicKey = " PEER "\r\nAllowedIPs =\r\n"
		"AllowedIPs = ::0/0, 10.0.0.1\r\nEndpoint = [2001:db8::1]:1\r\nPersistentKeepalive = off\r\n"));
	assert_string_equal(pubkey_format(&c.key, key), PUBLIC);
	assert_int_equal(c.address.n, 2);
	assert_int_equal(c.address.v[1].len, 128);
	assert_int_equal(c.dns.n, 1);
	assert_string_equal(c.search.v[0].text, "corp.example");
	assert_int_equal(c.peer.n, 1);
	assert_string_equal(c.peer.v[0].hint, "Hub");
	assert_string_equal(c.peer.v[0].host, "[2001:db8::1]");
	assert_int_equal(c.peer.v[0].allowed.n, 2);
	assert_true(c.peer.v[0].keepalive.set);
	assert_int_equal(w.d.n, 0);
	wg_conf_release(&c);
	world_release(&w);
}

static void test_conf_refused(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
	} bad[] = {
		{"", 1},
		{"[Peer]\nPublicKey = " PEER "\n", 1},
		{"[Interface]\n[Interface]\n", 2},
		{"PrivateKey = " SECRET "\n", 1},
		{"[Interface]\nPrivateKey = " SECRET "\nPrivateKey = " SECRET "\n", 3},
		{"[Interface]\n" SECRET "\n", 2},
		{"[Interface]\nPrivateKy = " SECRET "\n", 2},
		{"[Interface]\nPrivateKey = x" SECRET "\n", 2},
		{"[Interface]\nAddress = 10.0.0.1/33\n", 2},
		{"[Interface]\nAddress = 10.0.0.1,,10.0.0.2\n", 2},
		{"[Interface]\nAddress = ::ffff:10.0.0.1\n", 2},
		{"[Interface]\nListenPort = 65536\n", 2},
		{"[Interface]\nMTU = -1\n", 2},
		{"[Interface]\n[Peer]\nPublicKey = " PEER "\nEndpoint = h\n", 4},
		{"[Interface]\n[Peer]\nPublicKey = " PEER "\nEndpoint = h:0\n", 4},
		{"[Interface]\n[Peer]\nPublicKey = " PEER "\nEndpoint = 2001:db8::1:5\n", 4},
		{"[Interface]\n[Peer]\nAllowedIPs = 10.0.0.1\n", 2},
		{"[Interface]\n[Peer]\nPublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 3},
		{"[Interface]\nAddress = 10.0.0.1 \x01\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct world w;
		struct wg_conf c;
		world_init(&w);
		assert_false(parse_conf(&w, &c, bad[i].text));
		assert_true(w.d.errors > 0);
		if (w.d.v[0].loc.line != bad[i].line)
			fail_msg("%s: line %u (%s)", bad[i].text, w.d.v[0].loc.line, w.d.v[0].message);
		for (size_t k = 0; k < w.d.n; k++)
			assert_null(strstr(w.d.v[k].message, "TFlmm"));
		wg_conf_release(&c);
		world_release(&w);
	}
}

/* A policy file makes the documents that its rules say, in any order of sections. */
static void test_tailscale(void **state)
{
	static const char text[] = "{\"acls\":[{\"action\":\"accept\",\"src\":[\"group:a\"],\"dst\":[\"h:22\"]}],"
				   "\"hosts\":{\"h\":\"10.0.0.1\"},\"groups\":{\"group:a\":[\"x@y.z\"]}}";
	struct world w;
	struct hujson h;
	bool seen = false;

	(void)state;
	world_init(&w);
	assert_int_equal(read_text(&w, text, &h), 0);
	const struct tailscale_input in = {.policy = &h, .text = text, .len = strlen(text)};
	assert_true(tailscale_import(&w.im, &in));
	assert_int_equal(w.d.n, 0);
	for (size_t i = 0; i < w.im.file.n; i++)
		if (strcmp(w.im.file.v[i].path, "policies/acl-1.yaml") == 0)
			seen = strstr(w.im.file.v[i].text,
				      "from:\n  - group:a\nto:\n  - resource:h\nports:\n  - tcp/22\n") != NULL;
	assert_true(seen);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	     cmocka_unit_test(test_refused),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names),	     cmocka_unit_test(test_quoting),   cmocka_unit_test(test_conf),
		cmocka_unit_test(test_conf_refused), cmocka_unit_test(test_tailscale),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
