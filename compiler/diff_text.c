/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
	MEMBERS_SHOWN = 8,   /* of one group */
	ITEMS_SHOWN = 8,     /* destinations on one line */
	ADDRESSES_SHOWN = 2, /* beside a name that stands alone */
};

/* ---- JSON ---- */

static json_t *span_json(const struct diff_span *s)
{
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	json_t *week = json_array();

	for (size_t i = 0; i < s->nweek; i++)
		json_array_append_new(week, json_pack("[i, i]", (int)s->week[i].from, (int)s->week[i].until));
	return json_pack("{s:s?, s:s?, s:o}", "from", s->from == CLOCK_EVER ? NULL : clock_format(s->from, from),
			 "until", s->until == CLOCK_NEVER ? NULL : clock_format(s->until, until), "week", week);
}

static json_t *item_json(const struct diff_item *item)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];
	json_t *addresses = json_array(), *ports = json_array();

	for (size_t i = 0; i < item->addr.n; i++)
		json_array_append_new(addresses, json_string(range_format(item->addr.v[i], addr)));
	for (size_t i = 0; i < item->nservices; i++)
		json_array_append_new(ports, json_string(service_format(item->service[i], service)));
	return json_pack("{s:s, s:o, s:o}", "destination", item->label, "addresses", addresses, "ports", ports);
}

static json_t *grants_json(const struct diff_text *t, int side, const struct diff_grant *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *spans = json_array(), *items = json_array();
		for (size_t k = 0; k < v[i].nspans; k++)
			json_array_append_new(spans, span_json(&v[i].span[k]));
		for (size_t k = 0; k < v[i].nitems; k++)
			json_array_append_new(items, item_json(&v[i].item[k]));
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:o, s:o}", "policy", v[i].policy, "where",
						     diag_loc_text(t->diags[side], t->arena, v[i].loc), "when",
						     v[i].when, "spans", spans, "to", items));
	}
	return out;
}

static json_t *members_json(const struct diff_group *g)
{
	json_t *out = json_array();

	for (size_t i = 0; i < g->nmembers; i++) {
		const struct diff_member *m = &g->member[i];
		json_t *sources = json_array();
		for (size_t k = 0; k < m->nsources; k++)
			json_array_append_new(sources, json_string(m->source[k]));
		json_array_append_new(out, json_pack("{s:s?, s:o, s:b}", "user", m->user, "sources", sources, "whole",
						     (int)m->whole));
	}
	return out;
}

json_t *diff_text_json(const struct diff_text *t, const struct access_diff *d)
{
	json_t *out = json_array();

	for (size_t i = 0; i < d->ngroups; i++) {
		const struct diff_group *g = &d->group[i];
		json_array_append_new(out, json_pack("{s:o, s:o, s:o}", "who", members_json(g), "gains",
						     grants_json(t, 1, g->gain, g->ngains), "loses",
						     grants_json(t, 0, g->loss, g->nlosses)));
	}
	return out;
}
/* ---- text ---- */

static const char *bare(const char *source) /* a user's sources are devices: the kind need not be said */
{
	const char *colon = strchr(source, ':');

	return colon ? colon + 1 : source;
}

static void add_user(struct buf *b, const struct diff_member *m)
{
	buf_adds(b, m->user);
	for (size_t i = 0; !m->whole && i < m->nsources; i++)
		buf_addf(b, "%s%s%s", i ? ", " : " (", bare(m->source[i]), i + 1 == m->nsources ? ")" : "");
}

const char *diff_text_who(const struct diff_text *t, const struct diff_group *g)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t shown = 0, total = 0;

	for (size_t i = 0; i < g->nmembers; i++) {
		const struct diff_member *m = &g->member[i];
		size_t names = m->user ? 1 : m->nsources;
		for (size_t k = 0; k < names; k++, total++) {
			if (shown == MEMBERS_SHOWN)
				continue;
			buf_adds(&b, shown++ ? ", " : "");
			if (m->user)
				add_user(&b, m);
			else
				buf_adds(&b, m->source[k]);
		}
	}
	if (total > shown)
		buf_addf(&b, " and %zu more", total - shown);
	return arena_strdup(t->arena, buf_str(&b));
}

/* A name that stands alone says which addresses it stands for, where they are few. */
static void add_addresses(struct buf *b, const struct diff_item *item)
{
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; item->is_object && item->addr.n <= ADDRESSES_SHOWN && i < item->addr.n; i++)
		buf_addf(b, "%s%s%s", i ? ", " : " (", range_format(item->addr.v[i], addr),
			 i + 1 == item->addr.n ? ")" : "");
}

static struct diff_line make_line(const struct diff_text *t, const struct diff_grant *g, const char *const *services,
			     size_t first, bool *done)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t n = 0;

	for (size_t i = first; i < g->nitems; i++) {
		if (done[i] || strcmp(services[i], services[first]) != 0)
			continue;
		done[i] = true;
		if (n++ < ITEMS_SHOWN)
			buf_addf(&b, "%s%s", n > 1 ? ", " : "", g->item[i].label);
	}
	if (n == 1)
		add_addresses(&b, &g->item[first]);
	if (n > ITEMS_SHOWN)
		buf_addf(&b, " and %zu more", n - ITEMS_SHOWN);
	return (struct diff_line){ arena_strdup(t->arena, buf_str(&b)), services[first] };
}

size_t diff_text_lines(const struct diff_text *t, const struct diff_grant *g, struct diff_line *out, size_t max,
		       size_t *left)
{
	const char **services = arena_array(t->arena, g->nitems, const char *);
	bool *done = arena_array(t->arena, g->nitems, bool);
	size_t n = 0;

	*left = 0;
	for (size_t i = 0; i < g->nitems; i++)
		services[i] = services_text(g->item[i].service, g->item[i].nservices, t->arena);
	for (size_t i = 0; i < g->nitems; i++) {
		if (!done[i] && n < max)
			out[n++] = make_line(t, g, services, i, done);
		*left += !done[i];
	}
	return n;
}

const char *diff_text_policy(const struct diff_text *t, int side, const struct diff_grant *g)
{
	return arena_printf(t->arena, "%s (%s)", g->policy, diag_loc_text(t->diags[side], t->arena, g->loc));
}
void diff_text_print(const struct diff_text *t, int side, const struct diff_grant *v, size_t n)
{
	char mark = side ? '+' : '-';

	for (size_t i = 0; i < n; i++) {
		struct diff_line line[DIFF_LINES_SHOWN];
		size_t left, count = diff_text_lines(t, &v[i], line, DIFF_LINES_SHOWN, &left);
		for (size_t k = 0; k < count; k++)
			printf("    %c %s  %s  %s  by policy %s\n", mark, line[k].destinations, line[k].services,
			       v[i].when, diff_text_policy(t, side, &v[i]));
		if (left)
			printf("    %c and %zu destinations more by policy %s; see --format=json\n", mark, left,
			       v[i].policy);
	}
}
