/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical layout, case by case: what is written, that it is canonical itself, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bug.h"
#include "fmt/fmt.h"

/* An allocation of the exact size, so that reading past the end shows. */
static enum fmt_result format(const char *text, size_t len, struct buf *out)
{
	struct arena a;
	struct diags d;
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	arena_init(&a);
	diags_init(&d, &a);
	enum fmt_result res = fmt_text(&a, &d, diags_add_file(&d, "t.yaml", copy, len), copy, len, out);
	if (res == FMT_ERRORS)
		assert_true(d.errors > 0);
	diags_release(&d);
	arena_release(&a);
	free(copy);
	return res;
}

/* LONG is 100 columns as a value of "to: "; LONG2 one more. */
#define FIFTY "a23456789-b23456789-c23456789-d23456789-e23456789-"
#define LIST96 "[" FIFTY ", f23456789-g23456789-h23456789-i23456789-j2]"

static const struct {
	const char *name, *in, *out;
} cases[] = {
	{ "nothing", "", "" },
	{ "blank lines alone", "\n\n", "" },
	{ "comments alone", "\n# a\n\n\n#b  \n", "# a\n\n#b\n" },
	{ "no line feed at the end", "kind: User\nname: a", "kind: User\nname: a\n" },
	{ "fields in the order of the schema", "email: x@y\nname: a\ntags: [t]\nkind: User\ndescription: d\n",
	  "kind: User\nname: a\ndescription: d\ntags: [t]\nemail: x@y\n" },
	{ "unknown fields stay in order, behind", "zz: 1\naa: 2\nname: a\nkind: User\n", "kind: User\nname: a\nzz: 1\naa: 2\n" },
	{ "an unknown kind", "to: x\nname: a\nkind: Wish\n", "kind: Wish\nname: a\nto: x\n" },
	{ "nested fields too", "kind: Policy\nwhen:\n    timezone: UTC\n    days:\n    - mon\n",
	  "kind: Policy\nwhen:\n  days:\n    - mon\n  timezone: UTC\n" },
	{ "fields of mappings in lists", "kind: Test\nallow:\n- ports:\n  - tcp\n  to:\n  - a\n",
	  "kind: Test\nallow:\n  - to:\n      - a\n    ports:\n      - tcp\n" },
	{ "brackets that fit stay", "kind: Test\nallow: [ {ports: [tcp], to: [a ,b]} ]\n",
	  "kind: Test\nallow: [{to: [a, b], ports: [tcp]}]\n" },
	{ "brackets over several lines that fit", "kind: Policy\nto: [\n  a,\n  b,\n]\n", "kind: Policy\nto: [a, b]\n" },
	{ "brackets of 100 columns stay", "kind: Policy\nto: " LIST96 "\n", "kind: Policy\nto: " LIST96 "\n" },
	{ "brackets of 101 columns go", "kind: Policy\nfrom: [" FIFTY ", f23456789-g23456789-h23456789-i23456789-j]\n",
	  "kind: Policy\nfrom:\n  - " FIFTY "\n  - f23456789-g23456789-h23456789-i23456789-j\n" },
	{ "empty ones", "kind: Group\nmembers: [ ]\nx: { }\n", "kind: Group\nmembers: []\nx: {}\n" },
	{ "a list below its key keeps its form", "kind: Group\nmembers:\n- a\n-   b\n", "kind: Group\nmembers:\n  - a\n  - b\n" },
	{ "a list in a list", "x:\n- - a\n  - b\n- [c]\n", "x:\n  -\n    - a\n    - b\n  - [c]\n" },

	/* Quotes. */
	{ "quotes that nothing needs", "kind: 'User'\nname: \"a\"\n'email': 'a@b'\n", "kind: User\nname: a\nemail: a@b\n" },
	{ "text that looks like something else keeps them",
	  "kind: Group\nname: \"no\"\ntags: ['1e3', \"0777\", '0x1f', \"true\", '12:30:45', \"2026-01-01\", '1_000', '.5', '-1']\n",
	  "kind: Group\nname: \"no\"\ntags: [\"1e3\", \"0777\", \"0x1f\", \"true\", \"12:30:45\", \"2026-01-01\", \"1_000\", \".5\", "
	  "\"-1\"]\n" },
	{ "and gets none where it had none", "kind: Group\nname: no\ntags: [1e3, 0777]\n",
	  "kind: Group\nname: no\ntags: [1e3, 0777]\n" },
	{ "where the schema wants no text there is no doubt",
	  "kind: Policy\npriority: \"5\"\nlog: 'true'\nexpires: \"2040-01-01\"\nto: ['10.0.0.1', \"fd00::1\", '10.0.0.0/8']\n",
	  "kind: Policy\nto: [10.0.0.1, fd00::1, 10.0.0.0/8]\npriority: 5\nexpires: 2040-01-01\nlog: true\n" },
	{ "null stays what it is", "a: null\nb: ~\nc:\nd: \"null\"\ne: '~'\nf: ''\n",
	  "a: null\nb: ~\nc:\nd: \"null\"\ne: \"~\"\nf: \"\"\n" },
	{ "characters that mean something",
	  "a: '- x'\nb: 'x: y'\nc: 'x #y'\nd: '#x'\ne: '[x'\nf: 'x:'\ng: ' x'\nh: '@x'\ni: '-x'\nj: ':x'\nk: 'x#y'\nl: 'a,b]'\n",
	  "a: \"- x\"\nb: \"x: y\"\nc: \"x #y\"\nd: \"#x\"\ne: \"[x\"\nf: \"x:\"\ng: \" x\"\nh: \"@x\"\ni: -x\nj: :x\nk: x#y\nl: a,b]\n" },
	{ "and more of them in brackets", "a: ['::1', 'x,y', '[x', 'x?', 'a:b']\n", "a: [\"::1\", \"x,y\", \"[x\", \"x?\", a:b]\n" },
	{ "single quotes where double ones would need a backslash", "a: \"say \\\"x\\\": y\"\nb: 'c:\\d: e'\nc: 'it''s \\: \"'\n",
	  "a: 'say \"x\": y'\nb: 'c:\\d: e'\nc: 'it''s \\: \"'\n" },
	{ "what cannot be seen is written as an escape", "a: \"x\\u200by\\tz\\nq\"\nb: \"\\e\"\n", NULL },
	{ "escapes stay escapes", "a: \"x\\u200by\\tz\\nq\\U000e0001\"\n", "a: \"x\\u200By\\tz\\nq\\U000E0001\"\n" },
	{ "letters of other scripts need no quotes", "description: \"Zürich, 東京\"\n", "description: Zürich, 東京\n" },

	/* Text of several lines. */
	{ "lines that fit one are one", "description: one\n  two\n  three\n", "description: one two three\n" },
	{ "a paragraph break is an escape", "description: \"one\n\n  two\"\n", "description: \"one\\ntwo\"\n" },
	{ "literal text moves as a whole", "kind: User\ndescription: |\n       a\n         b\n\n       c\n\n",
	  "kind: User\ndescription: |\n  a\n    b\n\n  c\n" },
	{ "without a line feed at its end", "description: |-\n a\n b\nname: x\n", "name: x\ndescription: |-\n  a\n  b\n" },
	{ "with more of them", "description: |+\n  a\n\nname: x\n", "name: x\ndescription: \"a\\n\\n\"\n" },
	{ "that starts with a blank", "description: |2\n   a\n  b\nname: x\n", "name: x\ndescription: \" a\\nb\\n\"\n" },
	{ "folded text keeps its lines", "description: >\n    one\n    two\n\n    three\n      four\n",
	  "description: >\n  one\n  two\n\n  three\n    four\n" },
	{ "blanks behind folded text", "description: >-\n  one\n  two\n  \n \nname: x\n", "name: x\ndescription: >-\n  one\n  two\n" },
	{ "text in a list", "x:\n- |\n  a\n- >-\n  b\n  c\n", "x:\n  - |\n    a\n  - >-\n    b\n    c\n" },
	{ "too long for one line", "description: " FIFTY "\n  " FIFTY "\n  c\n", "description: >-\n  " FIFTY "\n  " FIFTY " c\n" },

	/* Comments. */
	{ "behind a value", "name: a   # x\nkind: User # y  \n", "kind: User  # y\nname: a  # x\n" },
	{ "above a field moves with it", "kind: User\n# of email\nemail: x\n# of name\nname: a\n",
	  "kind: User\n# of name\nname: a\n# of email\nemail: x\n" },
	{ "at the top stays there", "# licence\n\n# about\nname: a\nkind: User\n", "# licence\n\n# about\nkind: User\nname: a\n" },
	{ "in a list", "x:\n# a\n- 1 # b\n# c\n\n\n# d\n- 2\n", "x:\n  # a\n  - 1  # b\n  # c\n\n  # d\n  - 2\n" },
	{ "at the end of a list", "x:\n  - 1\n  # - 2\ny: 3\n", "x:\n  - 1\n  # - 2\ny: 3\n" },
	{ "an item taken out of a list beside its key", "x:\n- 1\n# - 2\n# of y\ny: 3\n", "x:\n  - 1\n  # - 2\n# of y\ny: 3\n" },
	{ "at the end of nested lists", "x:\n  - y:\n      - 1\n      # in\n    # out\n  # far\n# end\n",
	  "x:\n  - y:\n      - 1\n      # in\n    # out\n  # far\n# end\n" },
	{ "on a key's line", "x: # a\n  - 1\ny: # b\n  2\nz: # c\n  [3]\n", "x:  # a\n  - 1\n# b\ny: 2\nz: [3]  # c\n" },
	{ "in brackets", "x: [ # a\n  1, # b\n  # c\n  2 # d\n  # e\n] # f\n",
	  "# f\nx:  # a\n  - 1  # b\n  # c\n  - 2  # d\n  # e\n" },
	{ "in braces", "x: {b: 1, # b\n  # a\n  a: 2}\n", "x:\n  b: 1  # b\n  # a\n  a: 2\n" },
	{ "between a key and its brackets", "x:\n  # a\n  [1]\ny: # b\n  [2]\n", "# a\nx: [1]\ny: [2]  # b\n" },
	{ "behind brackets that go, in a list", "- [a, # b\n  c] # d\n", "# d\n-\n  - a  # b\n  - c\n" },
	{ "in empty brackets", "x: [ # a\n]\n", "x: []  # a\n" },
	{ "before a mapping in a list", "x:\n- # a\n  # b\n  k: 1\n  # c\n  l: 2\n", "x:\n  # a\n  # b\n  - k: 1\n    # c\n    l: 2\n" },
	{ "of the field that comes first in an item", "kind: Test\nallow:\n- ports: [tcp]\n  # why\n  to: [a]\n",
	  "kind: Test\nallow:\n  # why\n  - to: [a]\n    ports: [tcp]\n" },
	{ "beside block text", "a: | # x\n  t\n# y\nb: >- # z\n  u\n", "a: |  # x\n  t\n# y\nb: >-  # z\n  u\n" },
	{ "a # inside text is none", "a: x#y\nb: 'x # y'\nc: |\n  # t\nd: \"# \\\" # e\" # f\n",
	  "a: x#y\nb: \"x # y\"\nc: |\n  # t\nd: '# \" # e'  # f\n" },

	/* Blank lines and documents. */
	{ "one blank line is kept", "kind: User\n\n\n\nname: a\n\n\n", "kind: User\n\nname: a\n" },
	{ "none at the start of a list", "x:\n\n  - 1\n\n  - 2\n", "x:\n  - 1\n\n  - 2\n" },
	{ "none above the field that comes first", "name: a\n\nkind: User\n", "kind: User\nname: a\n" },
	{ "documents", "---\nkind: User\n---\n# b\nkind: Group\n...\n", "kind: User\n---\n# b\nkind: Group\n" },
	{ "comments between documents", "a: 1\n# end of a\n--- # start of b\n# b\nb: 1\n",
	  "a: 1\n# end of a\n---\n# start of b\n# b\nb: 1\n" },
	{ "documents with nothing in them go", "---\n# x\n---\na: 1\n---\n# y\n---\nb: 1\n---\n",
	  "# x\na: 1\n# y\n---\nb: 1\n" },
	{ "a document in braces", "{b: 1, kind: User}\n", "kind: User\nb: 1\n" },
	{ "a key in quotes that it needs", "\"a: b\": 1\n? c\n: 2\n", "\"a: b\": 1\nc: 2\n" },

	/* Mistakes. */
	{ "an anchor", "a: &x 1\n", NULL },
	{ "a duplicate key", "a: 1\na: 2\n", NULL },
	{ "not YAML", "a: [1\n", NULL },
	{ "a carriage return", "a: 1\r\n", NULL },
};

static void layout_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		BUF_CLEANUP struct buf out = BUF_INIT;
		BUF_CLEANUP struct buf again = BUF_INIT;
		enum fmt_result res = format(cases[i].in, strlen(cases[i].in), &out);
		if (!cases[i].out) {
			if (res != FMT_ERRORS)
				fail_msg("%s: taken", cases[i].name);
			continue;
		}
		if (res != FMT_DONE || strcmp(buf_str(&out), cases[i].out) != 0)
			fail_msg("%s (%d): got\n%s\nwanted\n%s", cases[i].name, (int)res, buf_str(&out), cases[i].out);
		assert_int_equal(format(out.p ? out.p : "", out.len, &again), FMT_DONE);
		if (strcmp(buf_str(&again), cases[i].out) != 0)
			fail_msg("%s: not canonical: again\n%s", cases[i].name, buf_str(&again));
	}
}

/* Random documents from small parts, most of which fit together: what comes out is canonical, or there is nothing. */
static uint32_t seed;

static uint32_t pick(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void random_text(struct buf *b)
{
	static const char *const part[] = {
		"kind: Test\n", "name: a\n", "  ", "- ", "to: ", "[a, b]", "{c: d}", "\n", "# c\n", " # t\n", "'q'", "\"x\\ty\"",
		"allow:\n", "- to: [x]\n", "  ports: tcp\n", "|\n  l\n", ">-\n  f\n  g\n", "---\n", "", "[", "]", ",", "k: v\n",
		"tags: [t, # u\n  v]\n", "description: long\n  and more\n", "    - deep\n", "  # in\n", "x:\n  y:\n    z: 1\n    # z\n",
	};
	uint32_t n = 1 + pick(14);
	for (uint32_t i = 0; i < n; i++)
		buf_adds(b, part[pick(ARRAY_SIZE(part))]);
}

static void random_documents(void **state)
{
	(void)state;
	size_t done = 0;
	seed = 7;
	for (int i = 0; i < 100000; i++) {
		BUF_CLEANUP struct buf in = BUF_INIT;
		BUF_CLEANUP struct buf out = BUF_INIT;
		BUF_CLEANUP struct buf again = BUF_INIT;
		random_text(&in);
		enum fmt_result res = format(buf_str(&in), in.len, &out);
		if (res == FMT_REFUSED)
			fail_msg("refused:\n%s\nas\n%s", buf_str(&in), buf_str(&out));
		if (res != FMT_DONE)
			continue;
		done++;
		if (format(buf_str(&out), out.len, &again) != FMT_DONE || strcmp(buf_str(&out), buf_str(&again)) != 0)
			fail_msg("not canonical:\n%s\nfirst\n%s\nthen\n%s", buf_str(&in), buf_str(&out), buf_str(&again));
	}
	assert_true(done > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(layout_cases), cmocka_unit_test(random_documents) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
