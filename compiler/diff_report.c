/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_report.h"

#include <string.h>

#include "base/bug.h"

enum { VALUE_SHOWN = 160 }; /* characters of one field */

void diff_report_sections(const struct diff_report *r, struct diff_section out[static DIFF_SECTIONS])
{
	out[0] = (struct diff_section){ "peers", "Peers", &r->changes.peers };
	out[1] = (struct diff_section){ "gateways", "Gateways", &r->changes.gateways };
	out[2] = (struct diff_section){ "sites", "Sites and routes", &r->changes.sites };
}

/* ---- words that the forms share ---- */

const char *diff_report_how(enum change_how how)
{
	switch (how) {
	case CHANGE_ADDED: return "added";
	case CHANGE_REMOVED: return "removed";
	case CHANGE_CHANGED: return "changed";
	}
	BUG("change %d", (int)how);
}

const char *diff_report_value(const struct diff_report *r, const char *value)
{
	if (!value)
		return "none";
	return strlen(value) <= VALUE_SHOWN ? value : arena_printf(r->arena, "%.*s ...", VALUE_SHOWN, value);
}

const char *diff_report_path(const struct diff_report *r, const struct outage_path *p)
{
	if (p->instead == NULL)
		return arena_printf(r->arena, "no way without %s", p->down);
	return arena_printf(r->arena, "%s in place of %s", p->instead, p->down);
}

/* ---- JSON ---- */

static json_t *changes_json(const struct change_list *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct change *c = &list->v[i];
		json_t *fields = json_object();
		for (size_t k = 0; k < c->nfields; k++)
			json_object_set_new(fields, c->field[k].field,
					    json_pack("{s:s?, s:s?}", "was", c->field[k].was, "is", c->field[k].is));
		json_array_append_new(out, json_pack("{s:s, s:s, s:s?, s:o}", "change", diff_report_how(c->how), "name",
						     c->name, "owner", c->note, "fields", fields));
	}
	return out;
}

static json_t *paths_json(const struct diff_report *r)
{
	json_t *out = json_array();

	for (size_t i = 0; i < r->outage.ngroups; i++) {
		const struct outage_group *g = &r->outage.group[i];
		json_t *paths = json_array();
		for (size_t k = 0; k < g->npaths; k++)
			json_array_append_new(paths, json_pack("{s:s, s:s?, s:o}", "without", g->path[k].down, "instead",
							       g->path[k].instead, "to",
							       diff_text_items_json(g->path[k].item, g->path[k].nitems)));
		json_array_append_new(out, json_pack("{s:o, s:o}", "who",
						     diff_text_members_json(g->member, g->nmembers), "paths", paths));
	}
	return out;
}

static json_t *tree_json(const struct diff_report *r, int side)
{
	return json_pack("{s:s, s:s?}", "name", r->name[side], "commit", r->tree[side]->source.commit);
}

json_t *diff_report_json(const struct diff_report *r)
{
	struct diff_section section[DIFF_SECTIONS];
	json_t *down = json_array();
	json_t *out = json_pack("{s:i, s:o, s:o, s:s?, s:s, s:o, s:o}", "format", 1, "base", tree_json(r, 0), "head",
				tree_json(r, 1), "at", r->at, "compared", r->moments ? "now with at" : "from then on",
				"access", diff_text_json(&r->text, &r->access), "paths", paths_json(r));

	for (size_t i = 0; i < r->ndown; i++)
		json_array_append_new(down, json_string(r->down[i]));
	json_object_set_new(out, "down", down);
	diff_report_sections(r, section);
	for (size_t i = 0; i < DIFF_SECTIONS; i++)
		json_object_set_new(out, section[i].key, changes_json(section[i].list));
	return out;
}

/* ---- text ---- */

static void add_change(const struct diff_report *r, const struct change *c, struct buf *out)
{
	static const char mark[] = { [CHANGE_ADDED] = '+', [CHANGE_REMOVED] = '-', [CHANGE_CHANGED] = '~' };

	buf_addf(out, "  %c %s%s%s%s\n", mark[c->how], c->name, c->note ? " (" : "", c->note ? c->note : "",
		 c->note ? ")" : "");
	for (size_t i = 0; i < c->nfields; i++) {
		const struct change_field *f = &c->field[i];
		if (c->how == CHANGE_CHANGED)
			buf_addf(out, "      %s: %s -> %s\n", f->field, diff_report_value(r, f->was),
				 diff_report_value(r, f->is));
		else
			buf_addf(out, "      %s: %s\n", f->field,
				 diff_report_value(r, c->how == CHANGE_ADDED ? f->is : f->was));
	}
}

static void add_paths(const struct diff_report *r, const struct outage_group *g, struct buf *out)
{
	struct diff_line line[DIFF_LINES_SHOWN];

	buf_addf(out, "  %s\n", diff_text_who(&r->text, g->member, g->nmembers));
	for (size_t i = 0; i < g->npaths; i++) {
		const struct outage_path *p = &g->path[i];
		size_t left, n = diff_text_lines(&r->text, p->item, p->nitems, line, DIFF_LINES_SHOWN, &left);
		char mark = p->instead == NULL ? '-' : '~';
		for (size_t k = 0; k < n; k++)
			buf_addf(out, "    %c %s  %s  %s\n", mark, line[k].destinations, line[k].services,
				 diff_report_path(r, p));
		if (left)
			buf_addf(out, "    %c and %zu destinations more; see --format=json\n", mark, left);
	}
}

void diff_report_text(const struct diff_report *r, struct buf *out)
{
	struct diff_section section[DIFF_SECTIONS];

	if (r->access.ngroups)
		buf_adds(out, "Access\n");
	diff_text_groups(&r->text, r->access.group, r->access.ngroups, out);
	if (r->outage.ngroups)
		buf_adds(out, "Paths\n");
	for (size_t i = 0; i < r->outage.ngroups; i++)
		add_paths(r, &r->outage.group[i], out);
	diff_report_sections(r, section);
	for (size_t i = 0; i < DIFF_SECTIONS; i++) {
		if (section[i].list->n)
			buf_addf(out, "%s\n", section[i].title);
		for (size_t k = 0; k < section[i].list->n; k++)
			add_change(r, &section[i].list->v[k], out);
	}
}
