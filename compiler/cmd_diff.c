/* SPDX-License-Identifier: Apache-2.0 */
/* yett diff - who gains and loses access to what between two trees, and which peers, gateways and routes change. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "access/changes.h"
#include "access/diff.h"
#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"
#include "cmd.h"
#include "diff_text.h"

enum { VALUE_SHOWN = 160 }; /* characters of one field */

struct report {
	struct compile *tree[2]; /* BASE, HEAD */
	const char *name[2];
	const char *at; /* as given, or NULL */
	struct access_diff access;
	struct changes changes;
	struct diff_text text;
	struct arena *arena;
};

/* The three lists beside access. */
struct section {
	const char *key, *title;
	const struct change_list *list;
};

#define SECTIONS 3

static void sections_of(const struct report *r, struct section out[static SECTIONS])
{
	out[0] = (struct section){ "peers", "Peers", &r->changes.peers };
	out[1] = (struct section){ "gateways", "Gateways", &r->changes.gateways };
	out[2] = (struct section){ "sites", "Sites and routes", &r->changes.sites };
}

static bool is_nothing(const struct report *r)
{
	return !r->access.ngroups && !r->changes.peers.n && !r->changes.gateways.n && !r->changes.sites.n;
}

/* ---- JSON ---- */

static const char *how_text(enum change_how how)
{
	switch (how) {
	case CHANGE_ADDED: return "added";
	case CHANGE_REMOVED: return "removed";
	case CHANGE_CHANGED: return "changed";
	}
	BUG("change %d", (int)how);
}

static json_t *changes_json(const struct change_list *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct change *c = &list->v[i];
		json_t *fields = json_object();
		for (size_t k = 0; k < c->nfields; k++)
			json_object_set_new(fields, c->field[k].field,
					    json_pack("{s:s?, s:s?}", "was", c->field[k].was, "is", c->field[k].is));
		json_array_append_new(out, json_pack("{s:s, s:s, s:s?, s:o}", "change", how_text(c->how), "name",
						     c->name, "owner", c->note, "fields", fields));
	}
	return out;
}

static json_t *tree_json(const struct report *r, int side)
{
	return json_pack("{s:s, s:s?}", "name", r->name[side], "commit", r->tree[side]->source.commit);
}

static void print_json(const struct report *r)
{
	struct section section[SECTIONS];
	json_t *out = json_pack("{s:o, s:o, s:s?, s:o}", "base", tree_json(r, 0), "head", tree_json(r, 1), "at", r->at,
				"access", diff_text_json(&r->text, &r->access));

	sections_of(r, section);
	for (size_t i = 0; i < SECTIONS; i++)
		json_object_set_new(out, section[i].key, changes_json(section[i].list));
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

/* ---- words that text and markdown share ---- */

static const char *shortened(const struct report *r, const char *value)
{
	if (!value)
		return "none";
	return strlen(value) <= VALUE_SHOWN ? value : arena_printf(r->arena, "%.*s ...", VALUE_SHOWN, value);
}

/* ---- text ---- */

static void print_change(const struct report *r, const struct change *c)
{
	static const char mark[] = { [CHANGE_ADDED] = '+', [CHANGE_REMOVED] = '-', [CHANGE_CHANGED] = '~' };

	printf("  %c %s%s%s%s\n", mark[c->how], c->name, c->note ? " (" : "", c->note ? c->note : "",
	       c->note ? ")" : "");
	for (size_t i = 0; i < c->nfields; i++) {
		const struct change_field *f = &c->field[i];
		if (c->how == CHANGE_CHANGED)
			printf("      %s: %s -> %s\n", f->field, shortened(r, f->was), shortened(r, f->is));
		else
			printf("      %s: %s\n", f->field, shortened(r, c->how == CHANGE_ADDED ? f->is : f->was));
	}
}

static void print_text(const struct report *r)
{
	struct section section[SECTIONS];

	if (is_nothing(r))
		printf("nothing changes\n");
	if (r->access.ngroups)
		printf("Access\n");
	for (size_t i = 0; i < r->access.ngroups; i++) {
		const struct diff_group *g = &r->access.group[i];
		printf("  %s\n", diff_text_who(&r->text, g));
		diff_text_print(&r->text, 1, g->gain, g->ngains);
		diff_text_print(&r->text, 0, g->loss, g->nlosses);
	}
	sections_of(r, section);
	for (size_t i = 0; i < SECTIONS; i++) {
		if (section[i].list->n)
			printf("%s\n", section[i].title);
		for (size_t k = 0; k < section[i].list->n; k++)
			print_change(r, &section[i].list->v[k]);
	}
}

/* ---- markdown ---- */

/* A table's cell: no character of it ends the cell. */
static const char *cell(const struct report *r, const char *text)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (; *text; text++) {
		if (strchr("|\\`*_<>[]", *text))
			buf_addc(&b, '\\');
		buf_addc(&b, *text);
	}
	return arena_strdup(r->arena, buf_str(&b));
}

static void print_grant_rows(const struct report *r, int side, const struct diff_grant *v, size_t n)
{
	const char *verb = side ? "gains" : "loses";

	for (size_t i = 0; i < n; i++) {
		struct diff_line line[DIFF_LINES_SHOWN];
		size_t left, count = diff_text_lines(&r->text, &v[i], line, DIFF_LINES_SHOWN, &left);
		for (size_t k = 0; k < count; k++)
			printf("| %s | %s | %s | %s | %s |\n", verb, cell(r, line[k].destinations), line[k].services,
			       v[i].when, cell(r, diff_text_policy(&r->text, side, &v[i])));
		if (left)
			printf("| %s | and %zu destinations more | | | %s |\n", verb, left, cell(r, v[i].policy));
	}
}

static void print_change_rows(const struct report *r, const struct section *s)
{
	printf("### %s\n\n| | name | field | was | is |\n| --- | --- | --- | --- | --- |\n", s->title);
	for (size_t i = 0; i < s->list->n; i++) {
		const struct change *c = &s->list->v[i];
		if (!c->nfields)
			printf("| %s | %s | | | |\n", how_text(c->how), cell(r, c->name));
		for (size_t k = 0; k < c->nfields; k++)
			printf("| %s | %s%s%s%s | %s | %s | %s |\n", how_text(c->how), cell(r, c->name),
			       c->note ? " (" : "", c->note ? cell(r, c->note) : "", c->note ? ")" : "",
			       cell(r, c->field[k].field), cell(r, shortened(r, c->field[k].was)),
			       cell(r, shortened(r, c->field[k].is)));
	}
	printf("\n");
}

static void print_markdown(const struct report *r)
{
	struct section section[SECTIONS];

	if (is_nothing(r))
		printf("Nothing changes: no access, no peer, no gateway, no route.\n");
	for (size_t i = 0; i < r->access.ngroups; i++) {
		const struct diff_group *g = &r->access.group[i];
		printf("%s**%s**\n\n| | destination | ports | when | policy |\n| --- | --- | --- | --- | --- |\n",
		       i ? "" : "### Access\n\n", cell(r, diff_text_who(&r->text, g)));
		print_grant_rows(r, 1, g->gain, g->ngains);
		print_grant_rows(r, 0, g->loss, g->nlosses);
		printf("\n");
	}
	sections_of(r, section);
	for (size_t i = 0; i < SECTIONS; i++)
		if (section[i].list->n)
			print_change_rows(r, &section[i]);
}

/* ---- the command ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One side: what is a folder is read as a folder, NULL is the working folder, anything else is a revision. */
static int load(const struct cmd *cmd, const struct cmd_common *common, const char *text, struct compile *c)
{
	struct cmd_common own = *common;
	BUF_CLEANUP struct buf dir = BUF_INIT;

	if (text && !is_folder(text))
		return cmd_load(cmd, &own, text, c);
	buf_adds(&dir, text ? text : common->dir);
	if (!text && common->path)
		buf_addf(&dir, "/%s", common->path);
	own.dir = buf_str(&dir);
	own.path = NULL;
	return cmd_load(cmd, &own, NULL, c);
}

static void report(struct report *r, int64_t now, const struct cmd_common *common)
{
	struct diff_side side[2];

	for (int s = 0; s < 2; s++)
		side[s] = (struct diff_side){ &r->tree[s]->access, &r->tree[s]->resolved };
	access_diff(&r->access, side[0], side[1], now, r->arena);
	changes_between(&r->changes, side[0].resolved, side[1].resolved, r->arena);
	switch (common->format) {
	case FORMAT_JSON: print_json(r); break;
	case FORMAT_MARKDOWN: print_markdown(r); break;
	case FORMAT_TEXT:
	case FORMAT_TAP:
	case FORMAT_SARIF:
	case FORMAT_GITHUB:
	case FORMAT_JUNIT: print_text(r); break;
	}
}

static int compare(const struct cmd *cmd, const struct cmd_common *common, const char *base, const char *head,
		   int64_t now, const char *at)
{
	struct cmd_common without_warnings = *common;
	struct compile tree[2];
	struct report r = { .tree = { &tree[0], &tree[1] }, .name = { base, head ? head : common->dir }, .at = at };
	int status = EXIT_CANNOT;

	/* What is wrong with the base besides errors is not this change's matter. */
	without_warnings.quiet = true;
	if (load(cmd, &without_warnings, base, &tree[0]) < 0) {
		compile_release(&tree[0]);
		return EXIT_CANNOT;
	}
	if (load(cmd, common, head, &tree[1]) == 0) {
		status = tree[0].ready && tree[1].ready ? EXIT_HOLDS : EXIT_FAILS;
		r.arena = &tree[1].arena;
		r.text = (struct diff_text){ r.arena, { &tree[0].diags, &tree[1].diags } };
		if (status == EXIT_HOLDS)
			report(&r, now, common);
	}
	compile_release(&tree[0]);
	compile_release(&tree[1]);
	return status;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	const char *at = NULL;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "access from this time on (default: now)", &at },
		{ 0 },
	};
	struct cmd_common common;
	int64_t now;
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos < 1 || npos > 2)
		return cmd_fail(cmd, "it takes BASE and at most one HEAD; see yett diff --help");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	return compare(cmd, &common, argv[0], npos > 1 ? argv[1] : common.rev, now, at);
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "BASE [HEAD]",
	.summary = "Who gains and loses access to what, and which peers, gateways and routes change",
	.help = "BASE and HEAD are revisions of the repository in -C, or existing folders. Without HEAD (and\n"
		"without --rev) the folder itself is compared, with what is not committed yet. Access is\n"
		"compared from now on, or from --at.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_MARKDOWN,
	.run = run,
};
