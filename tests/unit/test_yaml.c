/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as plain data: what is read, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bug.h"
#include "base/buf.h"
#include "yaml/yaml.h"

struct run {
	struct arena a;
	struct diags d;
	struct node **docs;
	size_t ndocs;
	int rc;
};

static void run_n(struct run *r, const char *text, size_t len)
{
	arena_init(&r->a);
	diags_init(&r->d, &r->a);
	r->docs = NULL;
	r->ndocs = 0;
	/* An allocation of the exact size, so that reading past the end shows. */
	char *copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	uint32_t f = diags_add_file(&r->d, "f.yaml", NULL, 0);
	r->rc = yaml_parse(&r->a, f, copy, len, &r->d, &r->docs, &r->ndocs);
	free(copy);
	assert_int_equal(r->rc, r->d.n ? -1 : 0);
}

static void run(struct run *r, const char *text)
{
	run_n(r, text, strlen(text));
}

static void done(struct run *r)
{
	diags_release(&r->d);
	arena_release(&r->a);
}

static void reads_plain_data(void **state)
{
	(void)state;
	struct run r;
	run(&r, "# a comment\nkind: User\nname: 'no'\nlist: [a, \"b\\n\", {x: 1e3}]\nempty:\nquoted: \"\"\n"
		"tilde: ~\nnothing: null\nNull: Null\nblock: |\n  two\n  lines\n---\n- 0777\n---\n--- ~\n...\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.ndocs, 3);
	const struct node *m = r.docs[0];
	assert_int_equal(m->kind, NODE_MAP);
	assert_int_equal(m->n, 9);
	assert_int_equal(m->loc.line, 2);
	assert_int_equal(m->loc.col, 1);
	const struct node *name = node_get(m, "name");
	assert_string_equal(name->text, "no");
	assert_false(name->plain);
	assert_int_equal(name->loc.line, 3);
	assert_int_equal(name->loc.col, 7);
	const struct node *list = node_get(m, "list");
	assert_int_equal(list->n, 3);
	assert_string_equal(list->item[1]->text, "b\n");
	assert_int_equal(list->item[1]->len, 2);
	assert_string_equal(node_get(list->item[2], "x")->text, "1e3");
	assert_true(node_get(m, "empty")->null);
	assert_true(node_get(m, "tilde")->null);
	assert_true(node_get(m, "nothing")->null);
	assert_false(node_get(m, "Null")->null);
	assert_false(node_get(m, "quoted")->null);
	assert_string_equal(node_get(m, "block")->text, "two\nlines\n");
	assert_null(node_get(m, "absent"));
	assert_null(node_get(list, "absent"));
	assert_int_equal(r.docs[1]->kind, NODE_SEQ);
	assert_string_equal(r.docs[1]->item[0]->text, "0777");
	assert_true(r.docs[2]->null);
	done(&r);
}

static void empty_files_hold_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "\n", "# only this\n", "---\n", "---\n...\n---\n", " " };
	struct run empty;
	run(&empty, "[]");
	assert_int_equal(empty.ndocs, 1);
	assert_int_equal(empty.docs[0]->n, 0);
	done(&empty);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct run r;
		run(&r, texts[i]);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.ndocs, 0);
		done(&r);
	}
}

static void refuses_what_is_not_plain(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code;
		uint32_t line, col;
		const char *says;
	} cases[] = {
		{ "a: 1\nb: &x 2\n", "E_YAML_ALIAS", 2, 4, "anchors" },
		{ "a: &x\n  b: 1\n", "E_YAML_ALIAS", 1, 4, "anchors" },
		{ "a: &x [1]\n", "E_YAML_ALIAS", 1, 4, "anchors" },
		{ "a: *x\n", "E_YAML_ALIAS", 1, 4, "aliases" },
		{ "*x : 1\n", "E_YAML_ALIAS", 1, 1, "aliases" },
		{ "a: & b\n", "E_YAML_ALIAS", 1, 4, "anchors" },
		{ "<<: {a: 1}\n", "E_YAML_ALIAS", 1, 1, "merge" },
		{ "a: !!str 1\n", "E_YAML_TAG", 1, 4, "tags" },
		{ "a: !x {b: 1}\n", "E_YAML_TAG", 1, 4, "tags" },
		{ "a: !x [b]\n", "E_YAML_TAG", 1, 4, "tags" },
		{ "a: !e!x 1\n", "E_YAML_TAG", 1, 4, "tags" },
		{ "a: ! 1\n", "E_YAML_TAG", 1, 4, "tags" },
		{ "a: 1\nb: 2\na: 3\n", "E_YAML_DUP", 3, 1, "line 1" },
		{ "x:\n  'a': 1\n  \"a\": 3\n", "E_YAML_DUP", 3, 3, "line 2" },
		{ "? [a]\n: 1\n", "E_YAML_KEY", 1, 3, "list" },
		{ "? {a: 1}\n: 1\n", "E_YAML_KEY", 1, 3, "mapping" },
		{ "{[a]: 1}\n", "E_YAML_KEY", 1, 2, "list" },
		{ "{? : 1}\n", "E_YAML_KEY", 0, 0, "no key" },
		{ "? \n: 1\n", "E_YAML_KEY", 0, 0, "no key" },
		{ "%YAML 1.1\n---\na: 1\n", "E_YAML_DIRECTIVE", 1, 1, "directives" },
		{ "%YAML 1.3\n---\na: 1\n", "E_YAML_DIRECTIVE", 1, 1, "directives" },
		{ "%TAG ! tag:x,2000:\n---\na: 1\n", "E_YAML_DIRECTIVE", 1, 1, "directives" },
		{ "%FOO bar\n---\na: 1\n", "E_YAML_DIRECTIVE", 1, 1, "directives" },
		{ "a:\n\tb: 1\n", "E_YAML_SYNTAX", 2, 1, "tab" },
		{ "a: b: c\n", "E_YAML_SYNTAX", 1, 5, "colon" },
		{ "a: [1, 2\n", "E_YAML_SYNTAX", 2, 1, "comma" },
		{ "a: {b: 1\n", "E_YAML_SYNTAX", 2, 1, "comma" },
		{ "a: \"open\n", "E_YAML_SYNTAX", 0, 0, "quoted" },
		{ "a: 'x\n---\nb: 1\n", "E_YAML_SYNTAX", 0, 0, "quoted" },
		{ "a: @x\n", "E_YAML_SYNTAX", 1, 4, "@" },
		{ "a: `x\n", "E_YAML_SYNTAX", 1, 4, "`" },
		{ "a: 1\n  b: 2\n", "E_YAML_SYNTAX", 0, 0, NULL },
		{ "a: 1\n- b\n", "E_YAML_SYNTAX", 0, 0, NULL },
		{ "a: \"\\q\"\n", "E_YAML_SYNTAX", 0, 0, "escape" },
		{ "a: ]\n", "E_YAML_SYNTAX", 0, 0, NULL },
		{ "- a\nb\n", "E_YAML_SYNTAX", 2, 1, "colon" },
		{ "a: 1\n}\n", "E_YAML_SYNTAX", 0, 0, NULL },
		{ "a: \"\\u202e\"\n", "E_BYTES", 1, 4, "U+202E" },
		{ "a: \"\\0\"\n", "E_BYTES", 1, 4, "U+0000" },
		{ "a: \"\\r\"\n", "E_BYTES", 1, 4, "U+000D" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		run(&r, cases[i].text);
		if (r.rc != -1 || r.d.n != 1)
			fail_msg("%s: %d, %zu", cases[i].text, r.rc, r.d.n);
		const struct diag *g = &r.d.v[0];
		if (strcmp(g->code, cases[i].code) != 0 ||
		    (cases[i].line && (g->loc.line != cases[i].line || g->loc.col != cases[i].col)) ||
		    (cases[i].says && !strstr(g->message, cases[i].says)))
			fail_msg("%s: %s at %u:%u: %s", cases[i].text, g->code, g->loc.line, g->loc.col, g->message);
		if (strcmp(cases[i].code, "E_YAML_SYNTAX") != 0)
			assert_int_equal(r.ndocs, 0);
		done(&r);
	}
}

static void refuses_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		uint32_t line, col;
		const char *says;
	} cases[] = {
		{ "a: x\xe2\x80\xaey\n", 9, 1, 5, "U+202E is not allowed" },
		{ "a: \xe2\x81\xa6y\n", 8, 1, 4, "U+2066" },
		{ "\xef\xbb\xbf" "a: 1\n", 8, 1, 1, "U+FEFF" },
		{ "a: 1\r\nb: 2\r\n", 12, 1, 5, "U+000D" },
		{ "a: 1\n\xc2\x85", 7, 2, 1, "U+0085" },
		{ "a: \xc3\xa9\xe2\x80\xa8", 8, 1, 5, "U+2028" },
		{ "# \xe2\x80\xa9\n", 6, 1, 3, "U+2029" },
		{ "a: \0x\n", 6, 1, 4, "U+0000" },
		{ "a: \x1b[31m\n", 9, 1, 4, "U+001B" },
		{ "a: \xff\n", 5, 1, 4, "0xFF" },
		{ "a: \xc0\xaf\n", 6, 1, 4, "0xC0" },
		{ "a: \xed\xa0\x80\n", 7, 1, 4, "0xED" },
		{ "a: \xf4\x90\x80\x80\n", 8, 1, 4, "0xF4" },
		{ "a: \xe2\x80", 5, 1, 4, "0xE2" },
		{ "\xff\xfe" "a\0:\0", 6, 1, 1, "0xFF" },
		{ "a: \x7f\n", 5, 1, 4, "U+007F" },
		{ "a: \xef\xbf\xbe\n", 7, 1, 4, "U+FFFE" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		run_n(&r, cases[i].text, cases[i].len);
		if (r.rc != -1 || r.d.n != 1)
			fail_msg("%zu: %d, %zu", i, r.rc, r.d.n);
		const struct diag *g = &r.d.v[0];
		if (strcmp(g->code, "E_BYTES") != 0 || g->loc.line != cases[i].line || g->loc.col != cases[i].col ||
		    !strstr(g->message, cases[i].says))
			fail_msg("%zu: %s at %u:%u: %s", i, g->code, g->loc.line, g->loc.col, g->message);
		assert_int_equal(r.ndocs, 0);
		done(&r);
	}
	struct run r;
	run(&r, "a: \xc3\xa9 \xf0\x9f\x98\x80 \xe4\xb8\xad\tx\n");
	assert_int_equal(r.rc, 0);
	done(&r);
}

static void finds_all_mistakes_of_a_file(void **state)
{
	(void)state;
	struct run r;
	run(&r, "a: &x 1\na: *x\n---\nb: 1\n---\nc: !t 1\n---\nd: [\n");
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.d.n, 5);
	diags_sort(&r.d);
	static const char *const want[] = { "E_YAML_ALIAS", "E_YAML_DUP", "E_YAML_ALIAS", "E_YAML_TAG", "E_YAML_SYNTAX" };
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(r.d.v[i].code, want[i]);
	assert_int_equal(r.ndocs, 1);
	assert_string_equal(node_get(r.docs[0], "b")->text, "1");
	done(&r);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	for (size_t depth = 15; depth <= 18; depth++) {
		struct buf b = BUF_INIT;
		struct run r;
		for (size_t i = 0; i < depth; i++)
			buf_adds(&b, i % 2 ? "{a: " : "[");
		buf_adds(&b, "x");
		for (size_t i = depth; i-- > 0;)
			buf_adds(&b, i % 2 ? "}" : "]");
		run(&r, b.p);
		assert_int_equal(r.rc, depth <= 16 ? 0 : -1);
		if (depth > 16) {
			assert_string_equal(r.d.v[0].code, "E_YAML_DEPTH");
			assert_int_equal(r.d.v[0].loc.col, 8 * 5 + 1);
		}
		done(&r);
		buf_release(&b);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Each of these is slow, or worse, in a reader that is not careful. The bounds leave room for sanitizers. */
static void hostile_shapes_are_quick(void **state)
{
	(void)state;
	static const struct {
		const char *head, *repeat;
		size_t times;
		const char *code;
	} cases[] = {
		{ "", "[", 50000, "E_YAML_DEPTH" },	  { "", "{a: ", 50000, "E_YAML_DEPTH" },
		{ "", "- ", 50000, "E_YAML_DEPTH" },	  { "", "? ", 50000, "E_YAML_KEY" },
		{ "a: &a [x]\nb: [*a", ",*a", 100000, "E_YAML_ALIAS" }, { "x: 1\n", "x: 1\n", 100000, "E_YAML_DUP" },
		{ "a: \"", "\\x41", 100000, "E_YAML_SYNTAX" },
		{ "a: [", "b,", 300000, "E_YAML_SYNTAX" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = BUF_INIT;
		struct run r;
		buf_adds(&b, cases[i].head);
		for (size_t k = 0; k < cases[i].times; k++)
			buf_adds(&b, cases[i].repeat);
		int64_t start = now_ms();
		run(&r, b.p);
		if (now_ms() - start > 2000)
			fail_msg("%s took %lld ms", cases[i].repeat, (long long)(now_ms() - start));
		assert_string_equal(r.d.v[0].code, cases[i].code);
		done(&r);
		buf_release(&b);
	}
}

static void scalars_are_bounded(void **state)
{
	(void)state;
	for (size_t n = YAML_SCALAR_MAX - 1; n <= YAML_SCALAR_MAX + 1; n++) {
		struct buf b = BUF_INIT;
		struct run r;
		buf_adds(&b, "a: '");
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, 'x');
		buf_adds(&b, "'\n");
		run(&r, b.p);
		if (n <= YAML_SCALAR_MAX) {
			assert_int_equal(r.rc, 0);
			assert_int_equal(node_get(r.docs[0], "a")->len, n);
		} else {
			assert_string_equal(r.d.v[0].code, "E_LIMIT_SCALAR");
			assert_int_equal(r.d.v[0].loc.col, 4);
		}
		done(&r);
		buf_release(&b);
	}
}

static void large_maps_find_their_doubles(void **state)
{
	(void)state;
	static const size_t sizes[] = { 2, 16, 17, 18, 50000 };
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (int twice = 0; twice < 2; twice++) {
			struct buf b = BUF_INIT;
			struct run r;
			for (size_t i = 1; i < sizes[s]; i++)
				buf_addf(&b, "k%zu: 1\n", i * 7919 % 100003);
			buf_adds(&b, twice ? "k7919: 2\n" : "other: 2\n");
			run(&r, b.p);
			assert_int_equal(r.d.n, twice);
			if (twice) {
				assert_string_equal(r.d.v[0].code, "E_YAML_DUP");
				assert_int_equal(r.d.v[0].loc.line, sizes[s]);
				assert_non_null(strstr(r.d.v[0].message, "line 1"));
			} else {
				assert_int_equal(r.docs[0]->n, sizes[s]);
				assert_string_equal(r.docs[0]->pair[0].key->text, sizes[s] > 1 ? "k7919" : "other");
			}
			done(&r);
			buf_release(&b);
		}
	}
}

static void many_documents_append(void **state)
{
	(void)state;
	struct arena a;
	struct diags d;
	struct node **docs = NULL;
	size_t n = 0;
	arena_init(&a);
	diags_init(&d, &a);
	for (uint32_t i = 0; i < 1000; i++) {
		char text[64];
		int len = snprintf(text, sizeof(text), "n: %u\n---\nm: %u\n", i, i);
		assert_int_equal(yaml_parse(&a, i, text, (size_t)len, &d, &docs, &n), 0);
	}
	assert_int_equal(n, 2000);
	for (uint32_t i = 0; i < 2000; i++) {
		assert_int_equal(docs[i]->loc.file, i / 2);
		assert_int_equal(atol(docs[i]->pair[0].value->text), i / 2);
	}
	diags_release(&d);
	arena_release(&a);
}

/* Whatever stands before it and wherever it falls in a word. */
static void bytes_have_their_place(void **state)
{
	(void)state;
	static const char *const bad[] = { "\x7f", "\x01", "\xff", "\r" };
	for (size_t b = 0; b < ARRAY_SIZE(bad); b++) {
		for (size_t before = 0; before < 40; before++) {
			for (size_t every = 1; every < 20; every++) {
				char text[64];
				struct run r;
				size_t line = 1, col = 1;
				for (size_t i = 0; i < before; i++) {
					text[i] = i % every == every - 1 ? '\n' : i % 7 == 3 ? '\t' : 'a';
					line += text[i] == '\n';
					col = text[i] == '\n' ? 1 : col + 1;
				}
				snprintf(text + before, sizeof(text) - before, "%s: some more\n", bad[b]);
				run(&r, text);
				assert_true(r.d.n >= 1);
				assert_string_equal(r.d.v[0].code, "E_BYTES");
				assert_int_equal(r.d.v[0].loc.line, line);
				assert_int_equal(r.d.v[0].loc.col, col);
				done(&r);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain_data),
		cmocka_unit_test(empty_files_hold_nothing),
		cmocka_unit_test(refuses_what_is_not_plain),
		cmocka_unit_test(refuses_bytes),
		cmocka_unit_test(bytes_have_their_place),
		cmocka_unit_test(finds_all_mistakes_of_a_file),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(hostile_shapes_are_quick),
		cmocka_unit_test(scalars_are_bounded),
		cmocka_unit_test(large_maps_find_their_doubles),
		cmocka_unit_test(many_documents_append),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
