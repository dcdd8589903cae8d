/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_text.h"

#include <string.h>

#include "access/risk.h"
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

json_t *diff_text_items_json(const struct diff_item *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, item_json(&v[i]));
	return out;
}

/* What denies it on the other side. */
static json_t *denied_json(const struct diff_text *t, int other, const struct diff_grant *g)
{
	if (g->denied_by == NULL)
		return json_null();
	return json_pack("{s:s, s:s}", "policy", g->denied_by, "where",
			 diag_loc_text(t->diags[other], t->arena, g->denied_loc));
}

static json_t *risk_json(unsigned int risk)
{
	json_t *out = json_array();

	for (unsigned int bit = 1u << (RISK_BITS - 1); bit != 0; bit >>= 1)
		if (risk & bit)
			json_array_append_new(out, json_string(risk_word((enum risk)bit)));
	return out;
}

static json_t *grants_json(const struct diff_text *t, int side, const struct diff_grant *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *spans = json_array(), *items = diff_text_items_json(v[i].item, v[i].nitems);
		for (size_t k = 0; k < v[i].nspans; k++)
			json_array_append_new(spans, span_json(&v[i].span[k]));
		json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:o, s:s?, s:o, s:o}", "policy", v[i].policy, "where",
						     diag_loc_text(t->diags[side], t->arena, v[i].loc), "denied",
						     denied_json(t, !side, &v[i]), "risk", risk_json(v[i].risk), "when",
						     v[i].when, "spans", spans, "to", items));
	}
	return out;
}

json_t *diff_text_members_json(const struct diff_member *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct diff_member *m = &v[i];
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
		json_array_append_new(out, json_pack("{s:o, s:o, s:o}", "who", diff_text_members_json(g->member, g->nmembers), "gains",
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

const char *diff_text_who(const struct diff_text *t, const struct diff_member *v, size_t n)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t shown = 0, total = 0;

	for (size_t i = 0; i < n; i++) {
		const struct diff_member *m = &v[i];
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

static struct diff_line make_line(const struct diff_text *t, const struct diff_item *item, size_t nitems,
				  const char *const *services, size_t first, bool *done)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t n = 0;

	for (size_t i = first; i < nitems; i++) {
		if (done[i] || strcmp(services[i], services[first]) != 0)
			continue;
		done[i] = true;
		if (n++ < ITEMS_SHOWN)
			buf_addf(&b, "%s%s", n > 1 ? ", " : "", item[i].label);
	}
	if (n == 1)
		add_addresses(&b, &item[first]);
	if (n > ITEMS_SHOWN)
		buf_addf(&b, " and %zu more", n - ITEMS_SHOWN);
	return (struct diff_line){ arena_strdup(t->arena, buf_str(&b)), services[first] };
}

size_t diff_text_lines(const struct diff_text *t, const struct diff_item *item, size_t nitems, struct diff_line *out,
		       size_t max, size_t *left)
{
	const char **services = arena_array(t->arena, nitems, const char *);
	bool *done = arena_array(t->arena, nitems, bool);
	size_t n = 0;

	*left = 0;
	for (size_t i = 0; i < nitems; i++)
		services[i] = services_text(item[i].service, item[i].nservices, t->arena);
	for (size_t i = 0; i < nitems; i++) {
		if (!done[i] && n < max)
			out[n++] = make_line(t, item, nitems, services, i, done);
		*left += !done[i];
	}
	return n;
}

const char *diff_text_policy(const struct diff_text *t, int side, const struct diff_grant *g)
{
	const char *text = arena_printf(t->arena, "%s (%s)", g->policy, diag_loc_text(t->diags[side], t->arena, g->loc));

	if (g->denied_by == NULL)
		return text;
	return arena_printf(t->arena, "%s, denied %s by %s (%s)", text, side ? "before" : "now", g->denied_by,
			    diag_loc_text(t->diags[!side], t->arena, g->denied_loc));
}

const char *diff_text_risk(const struct diff_text *t, const struct diff_grant *g)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (unsigned int bit = 1u << (RISK_BITS - 1); bit > RISK_PERMANENT; bit >>= 1) /* permanent: `when` says so */
		if (g->risk & bit)
			buf_addf(&b, "%s%s", b.len ? ", " : "", risk_word((enum risk)bit));
	return arena_strdup(t->arena, buf_str(&b));
}

static void add_grants(const struct diff_text *t, int side, const struct diff_grant *v, size_t n, struct buf *out)
{
	char mark = side ? '+' : '-';

	for (size_t i = 0; i < n; i++) {
		struct diff_line line[DIFF_LINES_SHOWN];
		size_t left, count = diff_text_lines(t, v[i].item, v[i].nitems, line, DIFF_LINES_SHOWN, &left);
		const char *risk = diff_text_risk(t, &v[i]);
		for (size_t k = 0; k < count; k++)
			buf_addf(out, "    %c %s  %s  %s%sby policy %s%s%s%s\n", mark, line[k].destinations, line[k].services,
				 v[i].when != NULL ? v[i].when : "", v[i].when != NULL ? "  " : "",
				 diff_text_policy(t, side, &v[i]), *risk ? "  [" : "", risk, *risk ? "]" : "");
		if (left)
			buf_addf(out, "    %c and %zu destinations more by policy %s; see --format=json\n", mark, left,
				 v[i].policy);
	}
}

void diff_text_groups(const struct diff_text *t, const struct diff_group *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "  %s\n", diff_text_who(t, v[i].member, v[i].nmembers));
		add_grants(t, 1, v[i].gain, v[i].ngains, out);
		add_grants(t, 0, v[i].loss, v[i].nlosses, out);
	}
}
