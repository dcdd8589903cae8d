/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The difference as Markdown for the comment on a pull request: tables, of which what is long is folded, and what does
 * not fit is counted.
 */
#include <string.h>

#include "base/vec.h"
#include "diff_report.h"

enum {
	ROWS_OPEN = 12,   /* of one table; the rest is folded */
	GROUPS_OPEN = 8,  /* groups of people with a table of their own that stands open */
	LINES_MAX = 400,  /* of one policy in one group */
	TAIL = 400,       /* bytes kept for the last words */
};

/* Blocks that fit, and how many did not. */
struct page {
	struct buf *out;
	size_t left_groups, left_rows;
};

static const char fold[] = "<details><summary>%s</summary>\n\n", unfold[] = "</details>\n\n";

/* What stands in a table, and means nothing to a forge. */
static const char *cell(const struct diff_report *r, const char *text)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (; *text; text++) {
		if (strchr("|\\`*_<>[]#@&~", *text))
			buf_addc(&b, '\\');
		buf_addc(&b, *text);
	}
	return arena_strdup(r->arena, buf_str(&b));
}

static bool fits(const struct page *p, size_t len)
{
	return p->out->len + len + TAIL <= DIFF_MARKDOWN_MAX;
}

typedef VEC(const char *) row_vec;

/* A table of which the first rows stand open. Rows that do not fit are counted. */
static void add_table(struct page *p, const char *head, const row_vec *row, size_t open)
{
	size_t i = 0;

	buf_adds(p->out, head);
	for (; i < row->n && i < open && fits(p, strlen(row->v[i])); i++)
		buf_adds(p->out, row->v[i]);
	buf_addc(p->out, '\n');
	if (i < row->n && fits(p, strlen(head) + strlen(row->v[i]) + sizeof(fold) + sizeof(unfold))) {
		char summary[64];
		snprintf(summary, sizeof(summary), "%zu more", row->n - i);
		buf_addf(p->out, fold, summary);
		buf_adds(p->out, head);
		for (; i < row->n && fits(p, strlen(row->v[i]) + sizeof(unfold)); i++)
			buf_adds(p->out, row->v[i]);
		buf_addf(p->out, "\n%s", unfold);
	}
	p->left_rows += row->n - i;
}

/* ---- access ---- */

static void add_grants(const struct diff_report *r, int side, const struct diff_grant *v, size_t n, row_vec *out)
{
	const char *verb = side ? "gains" : "loses";
	struct diff_line *line = arena_array(r->arena, LINES_MAX, struct diff_line);

	for (size_t i = 0; i < n; i++) {
		size_t left, count = diff_text_lines(&r->text, v[i].item, v[i].nitems, line, LINES_MAX, &left);
		const char *risk = diff_text_risk(&r->text, &v[i]);
		for (size_t k = 0; k < count; k++)
			vec_push(out, arena_printf(r->arena, "| %s | %s | %s | %s | %s | %s |\n", verb,
						   cell(r, line[k].destinations), line[k].services,
						   v[i].when != NULL ? v[i].when : "then", risk,
						   cell(r, diff_text_policy(&r->text, side, &v[i]))));
		if (left)
			vec_push(out, arena_printf(r->arena, "| %s | and %zu destinations more | | | | %s |\n", verb, left,
						   cell(r, v[i].policy)));
	}
}

static void add_access(struct page *p, const struct diff_report *r)
{
	static const char head[] = "| | destination | ports | when | risk | policy |\n| --- | --- | --- | --- | --- | --- |\n";
	row_vec row = VEC_INIT;
	bool folded = false;

	for (size_t i = 0; i < r->access.ngroups; i++) {
		const struct diff_group *g = &r->access.group[i];
		const char *who = cell(r, diff_text_who(&r->text, g->member, g->nmembers));
		row.n = 0;
		add_grants(r, 1, g->gain, g->ngains, &row);
		add_grants(r, 0, g->loss, g->nlosses, &row);
		if (!fits(p, strlen(who) + sizeof(head) + sizeof(fold) + sizeof(unfold) + strlen(row.v[0]))) {
			p->left_groups += r->access.ngroups - i;
			break;
		}
		if (i == GROUPS_OPEN) {
			char summary[64];
			snprintf(summary, sizeof(summary), "%zu more groups of people", r->access.ngroups - i);
			buf_addf(p->out, fold, summary);
			folded = true;
		}
		buf_addf(p->out, "%s**%s**\n\n", i ? "" : "### Access\n\n", who);
		add_table(p, head, &row, ROWS_OPEN);
	}
	if (folded)
		buf_adds(p->out, unfold);
	vec_release(&row);
}

/* ---- paths ---- */

static void add_paths(struct page *p, const struct diff_report *r)
{
	static const char head[] = "| who | | destination | ports | |\n| --- | --- | --- | --- | --- |\n";
	struct diff_line *line = arena_array(r->arena, LINES_MAX, struct diff_line);
	row_vec row = VEC_INIT;

	for (size_t i = 0; i < r->outage.ngroups; i++) {
		const struct outage_group *g = &r->outage.group[i];
		const char *who = cell(r, diff_text_who(&r->text, g->member, g->nmembers));
		for (size_t k = 0; k < g->npaths; k++) {
			const struct outage_path *x = &g->path[k];
			size_t left, n = diff_text_lines(&r->text, x->item, x->nitems, line, LINES_MAX, &left);
			for (size_t m = 0; m < n; m++)
				vec_push(&row, arena_printf(r->arena, "| %s | %s | %s | %s | %s |\n", who,
							    x->instead == NULL ? "unreachable" : "moves",
							    cell(r, line[m].destinations), line[m].services,
							    cell(r, diff_report_path(r, x))));
			p->left_rows += left;
		}
	}
	if (row.n) {
		buf_adds(p->out, "### Paths\n\n");
		add_table(p, head, &row, ROWS_OPEN);
	}
	vec_release(&row);
}

/* ---- peers, gateways, sites ---- */

static void add_changes(struct page *p, const struct diff_report *r, const struct diff_section *s)
{
	static const char head[] = "| | name | field | was | is |\n| --- | --- | --- | --- | --- |\n";
	row_vec row = VEC_INIT;

	for (size_t i = 0; i < s->list->n; i++) {
		const struct change *c = &s->list->v[i];
		const char *how = diff_report_how(c->how), *name = cell(r, c->name);
		if (c->note)
			name = arena_printf(r->arena, "%s (%s)", name, cell(r, c->note));
		if (!c->nfields)
			vec_push(&row, arena_printf(r->arena, "| %s | %s | | | |\n", how, name));
		for (size_t k = 0; k < c->nfields; k++)
			vec_push(&row, arena_printf(r->arena, "| %s | %s | %s | %s | %s |\n", how, name,
						    cell(r, c->field[k].field),
						    cell(r, diff_report_value(r, c->field[k].was)),
						    cell(r, diff_report_value(r, c->field[k].is))));
	}
	if (row.n && fits(p, sizeof(head) + strlen(row.v[0]) + 64)) {
		buf_addf(p->out, "### %s\n\n", s->title);
		add_table(p, head, &row, ROWS_OPEN);
	} else {
		p->left_rows += row.n;
	}
	vec_release(&row);
}

void diff_report_markdown(const struct diff_report *r, struct buf *out)
{
	struct page p = { .out = out };
	struct diff_section section[DIFF_SECTIONS];

	add_access(&p, r);
	add_paths(&p, r);
	diff_report_sections(r, section);
	for (size_t i = 0; i < DIFF_SECTIONS; i++)
		add_changes(&p, r, &section[i]);
	if (p.left_groups)
		buf_addf(out, "%zu groups of people with lesser changes do not fit here. ", p.left_groups);
	if (p.left_rows)
		buf_addf(out, "%zu lines do not fit here. ", p.left_rows);
	if (p.left_groups || p.left_rows)
		buf_adds(out, "`yett diff` shows all of it.\n");
}
