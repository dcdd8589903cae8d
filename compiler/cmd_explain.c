/* SPDX-License-Identifier: Apache-2.0 */
/* yett explain - what a diagnostic's code means, why it is one, and what it looks like put right. */
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/codes.h"
#include "cmd.h"

static const char *severity_text(const char *code)
{
	return code_severity(code) == DIAG_ERROR ? "error" : "warning";
}

/* ---- text ---- */

static void text_lines(struct buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		buf_addf(out, "    %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

/* Words in lines of at most 100 columns. */
static void text_paragraph(struct buf *out, const char *text)
{
	size_t used = 0;

	while (*text) {
		size_t n = strcspn(text, " ");
		if (used > 0 && used + 1 + n > 100) {
			buf_addc(out, '\n');
			used = 0;
		} else if (used > 0) {
			buf_addc(out, ' ');
			used++;
		}
		buf_add(out, text, n);
		used += n;
		text += n + strspn(text + n, " ");
	}
	buf_addc(out, '\n');
}

static void text_row(struct buf *out, const struct code_row *r)
{
	buf_addf(out, "%s (%s): ", r->code, severity_text(r->code));
	buf_addf(out, "%s\n\n", r->title);
	text_paragraph(out, r->about);
	buf_adds(out, "\nWith it:\n\n");
	text_lines(out, r->bad);
	buf_adds(out, "\nWithout:\n\n");
	text_lines(out, r->good);
}

static void text_all(struct buf *out)
{
	for (size_t i = 0; i < ncode_rows; i++) {
		if (i == 0 || code_rows[i].group != code_rows[i - 1].group)
			buf_addf(out, "%s%s\n", i ? "\n" : "", code_group_titles[code_rows[i].group]);
		buf_addf(out, "  %-20s %s\n", code_rows[i].code, code_rows[i].title);
	}
}

/* ---- JSON ---- */

static json_t *json_row(const struct code_row *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s}", "code", r->code, "severity",
			 severity_text(r->code), "group", code_group_titles[r->group], "title", r->title,
			 "explanation", r->about, "compiled", !r->told, "bad", r->bad, "good", r->good);
}

static void json_add(struct buf *out, json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	buf_addf(out, "%s\n", text ? text : "null");
	free(text);
	json_decref(value);
}

static void json_all(struct buf *out)
{
	json_t *all = json_array();

	for (size_t i = 0; i < ncode_rows; i++)
		json_array_append_new(all, json_row(&code_rows[i]));
	json_add(out, all);
}

/* ---- Markdown ---- */

static void markdown_example(struct buf *out, const char *name, const struct code_row *r, const char *text)
{
	buf_addf(out, "%s\n\n```%s\n%s```\n\n", name, r->told ? "text" : "yaml", text);
}

static void markdown_row(struct buf *out, const struct code_row *r)
{
	buf_addf(out, "### `%s`\n\nIt says: %s.\n\n%s\n\n", r->code, r->title, r->about);
	markdown_example(out, "With it:", r, r->bad);
	markdown_example(out, "Without:", r, r->good);
}

static void markdown_group(struct buf *out, size_t from, size_t to)
{
	buf_addf(out, "## %s\n\n| code | what it says |\n| --- | --- |\n", code_group_titles[code_rows[from].group]);
	for (size_t i = from; i < to; i++) {
		buf_addf(out, "| [`%s`](#", code_rows[i].code);
		for (const char *c = code_rows[i].code; *c; c++)
			buf_addc(out, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
		buf_addf(out, ") | %s |\n", code_rows[i].title);
	}
	buf_addc(out, '\n');
	for (size_t i = from; i < to; i++)
		markdown_row(out, &code_rows[i]);
}

static void markdown_all(struct buf *out)
{
	size_t to;

	buf_adds(out,
		 "<!-- Made by `yett explain --all --format markdown` from compiler/base/codes.c: add or change a code there, and run\n"
		 "     `make golden-update`. Nothing in this file is written by hand, and a test compares it. -->\n"
		 "# Diagnostics\n\n"
		 "Every message has a code that stays. `E_` is an error: the tree (or the configuration) does not hold, and\n"
		 "nothing is built from it. `W_` is a warning: it is printed and changes no exit status. Each comes with file,\n"
		 "line and column, the source line with a caret, and where possible a fix. `yett explain CODE` prints what\n"
		 "stands here.\n\n"
		 "The YAML examples stand beside the tree `examples/quickstart/tree` without its tests; a document with the\n"
		 "kind and the name of one there takes its place. A test compiles them all.\n\n");
	for (size_t from = 0; from < ncode_rows; from = to) {
		for (to = from; to < ncode_rows && code_rows[to].group == code_rows[from].group;)
			to++;
		markdown_group(out, from, to);
	}
	out->len -= 1; /* one newline at the end */
}

/* ---- the command ---- */

static void explain_all(enum cmd_format format, struct buf *out)
{
	if (format == FORMAT_JSON)
		json_all(out);
	else if (format == FORMAT_MARKDOWN)
		markdown_all(out);
	else
		text_all(out);
}

static void explain_one(enum cmd_format format, const struct code_row *r, struct buf *out)
{
	if (format == FORMAT_JSON)
		json_add(out, json_row(r));
	else if (format == FORMAT_MARKDOWN)
		markdown_row(out, r);
	else
		text_row(out, r);
}

static int unknown(const struct cmd *cmd, const char *word)
{
	const struct code_row *near = code_nearest(word);

	if (near)
		return cmd_fail(cmd, "there is no code %s; did you mean %s?", word, near->code);
	return cmd_fail(cmd, "there is no code %s; yett explain --all lists them", word);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct cmd_common common;
	bool all = false;
	const struct cmd_option own[] = {
		{ "all", 0, OPTION_FLAG, NULL, "every code; with --format=markdown the whole manual of them", &all },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (all == (npos > 0))
		return cmd_fail(cmd, "it takes codes such as E_REF, or --all");
	if (all)
		explain_all(common.format, &out);
	for (int i = 0; i < npos; i++) {
		const struct code_row *r = code_find(argv[i]);
		if (!r)
			return unknown(cmd, argv[i]);
		if (i && common.format == FORMAT_TEXT)
			buf_addc(&out, '\n');
		explain_one(common.format, r, &out);
	}
	fwrite(buf_str(&out), 1, out.len, stdout);
	return EXIT_HOLDS;
}

const struct cmd cmd_explain = {
	.name = "explain",
	.args = "CODE...",
	.summary = "Say what a diagnostic's code means, with an example",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_MARKDOWN,
	.run = run,
};
