/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/weigh.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

/* Where sources of one class go instead. */
struct lead {
	uint32_t base, next; /* class numbers; next 0: nowhere */
	bool loses;
};

struct weighing {
	const struct gw_plan *base, *next;
	VEC(struct lead) lead; /* sorted */
	struct weight *out;
};

/* ---- rules ---- */

/* Acceptances wherever they stand only add. A condition that begins or ends, a log or a limit before a verdict may not. */
static bool only_accepts(const struct nft_rule *r)
{
	return r->nitems > 0 && r->item[r->nitems - 1].kind == NFT_ACCEPT;
}

/* Counters apart; comments are for people. */
static bool same_rule(const struct nft_rule *a, const struct nft_rule *b)
{
	struct nft_rule x = *a, y = *b;

	x.comment = y.comment = NULL;
	return nft_rule_equal(&x, &y);
}

/* Whether next is base with acceptances put in. What rules name by content is the same under the same name. */
static bool chain_only_gains(const struct nft_chain *base, const struct nft_chain *next)
{
	size_t i = 0;

	for (size_t k = 0; k < next->nrules; k++) {
		if (i < base->nrules && same_rule(&base->rule[i], &next->rule[k]))
			i++;
		else if (!only_accepts(&next->rule[k]))
			return false;
	}
	return i == base->nrules;
}

static bool chains_equal(const struct nft_chain *a, const struct nft_chain *b)
{
	if (a == NULL || b == NULL || a->nrules != b->nrules || a->hook != b->hook)
		return false;
	for (size_t i = 0; i < a->nrules; i++)
		if (!same_rule(&a->rule[i], &b->rule[i]))
			return false;
	return true;
}

/* The chains that have no name from their content: all packets pass them. */
static bool is_common(const char *name)
{
	return !(name[0] != '\0' && name[1] == '_') && strncmp(name, "limits", 6) != 0;
}

static bool common_rules_differ(const struct gw_plan *base, const struct gw_plan *next)
{
	for (size_t i = 0; i < base->nft.nchains; i++)
		if (is_common(base->nft.chain[i].name) &&
		    !chains_equal(&base->nft.chain[i], nft_find_chain(&next->nft, base->nft.chain[i].name)))
			return true;
	for (size_t i = 0; i < next->nft.nchains; i++)
		if (is_common(next->nft.chain[i].name) && nft_find_chain(&base->nft, next->nft.chain[i].name) == NULL)
			return true;
	return false;
}

/* ---- classes ---- */

static const struct nft_chain *class_chain(const struct gw_plan *p, uint32_t number)
{
	const struct nft_set *d = nft_find_set(&p->nft, "dispatch");
	size_t lo = 0, hi = d != NULL ? d->nelems : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (d->elem[mid].lo < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return d != NULL && lo < d->nelems && d->elem[lo].lo == number ? nft_find_chain(&p->nft, d->elem[lo].chain) : NULL;
}

static bool judge_lead(const struct weighing *w, uint32_t base, uint32_t next)
{
	const struct nft_chain *b = class_chain(w->base, base), *n = class_chain(w->next, next);

	if (b == NULL)
		return false; /* it led nowhere */
	return n == NULL || !(strcmp(b->name, n->name) == 0 || chain_only_gains(b, n));
}

/* Thousands of sources share a few leads: each is judged once. */
static bool lead_loses(struct weighing *w, uint32_t base, uint32_t next)
{
	size_t lo = 0, hi = w->lead.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct lead *m = &w->lead.v[mid];
		if (m->base < base || (m->base == base && m->next < next))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < w->lead.n && w->lead.v[lo].base == base && w->lead.v[lo].next == next)
		return w->lead.v[lo].loses;
	const struct lead l = { base, next, judge_lead(w, base, next) };
	vec_push(&w->lead, l);
	memmove(&w->lead.v[lo + 1], &w->lead.v[lo], (w->lead.n - 1 - lo) * sizeof(l));
	w->lead.v[lo] = l;
	return l.loses;
}

/* How many elements of a map lose. Class numbers come from content, so equal numbers lead alike but for collisions, which lead_loses() finds. */
static uint32_t map_losses(struct weighing *w, const struct nft_set *b, const struct nft_set *n)
{
	size_t nn = n != NULL ? n->nelems : 0;
	uint32_t losing = 0;

	for (size_t i = 0, k = 0; i < b->nelems;) {
		int c = k == nn ? -1 : nft_elem_cmp(&b->elem[i], &n->elem[k]);
		if (c <= 0)
			losing += lead_loses(w, b->elem[i].value, c == 0 ? n->elem[k].value : 0);
		i += c <= 0;
		k += c >= 0;
	}
	return losing;
}

static void weigh_maps(struct weighing *w, unsigned int share)
{
	static const struct {
		const char *name;
		bool own;
	} maps[] = {
		{ "class4", false },   { "class6", false },  { "network4", false },
		{ "network6", false }, { "outside4", true }, { "outside6", true },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		const struct nft_set *b = nft_find_set(&w->base->nft, maps[i].name);
		uint32_t losing = b != NULL ? map_losses(w, b, nft_find_set(&w->next->nft, maps[i].name)) : 0;
		w->out->sources += b != NULL ? (uint32_t)b->nelems : 0;
		w->out->losing += losing;
		if (maps[i].own && losing > 0)
			w->out->risk |= WEIGH_OWN;
	}
	if (w->out->losing > 1 && (uint64_t)w->out->losing * 100 > (uint64_t)w->out->sources * share)
		w->out->risk |= WEIGH_SHARE;
}

/* ---- peers and the interface ---- */

static bool configured(const struct gw_peer *p, int64_t now)
{
	return !p->revoked && p->not_before <= now && now < p->expires;
}

static void weigh_peers(struct weighing *w, int64_t now)
{
	const struct gw_plan *b = w->base, *n = w->next;

	for (size_t i = 0, k = 0; i < b->npeers;) {
		int c = k == n->npeers ? -1 : pubkey_cmp(&b->peer[i].public_key, &n->peer[k].public_key);
		if (c <= 0 && configured(&b->peer[i], now)) {
			w->out->peers++;
			w->out->peers_removed += c < 0 || !configured(&n->peer[k], now);
		}
		i += c <= 0;
		k += c >= 0;
	}
}

static bool has_prefix(const struct prefix *v, size_t n, struct prefix p)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].addr == p.addr && v[i].len == p.len)
			return true;
	return false;
}

static void weigh_interface(struct weighing *w)
{
	const struct gw_plan *b = w->base, *n = w->next;

	if (strcmp(b->interface, n->interface) != 0 || pubkey_cmp(&b->public_key, &n->public_key) != 0 ||
	    b->listen_port != n->listen_port || b->mtu != n->mtu)
		w->out->risk |= WEIGH_INTERFACE;
	for (size_t i = 0; i < b->naddresses; i++)
		if (!has_prefix(n->address, n->naddresses, b->address[i]))
			w->out->risk |= WEIGH_ADDRESS;
	for (size_t i = 0, k = 0; k < n->nroutes; k++) { /* both sorted */
		while (i < b->nroutes && (b->route[i].addr < n->route[k].addr ||
					  (b->route[i].addr == n->route[k].addr && b->route[i].len < n->route[k].len)))
			i++;
		if (i == b->nroutes || b->route[i].addr != n->route[k].addr || b->route[i].len != n->route[k].len)
			w->out->risk |= WEIGH_ROUTE;
	}
}

void weigh(const struct gw_plan *base, const struct gw_plan *next, int64_t now, unsigned int share, struct weight *out)
{
	struct weighing w = { .base = base, .next = next, .out = out };

	*out = (struct weight){ .risk = 0 };
	weigh_interface(&w);
	if (common_rules_differ(base, next))
		out->risk |= WEIGH_RULES;
	weigh_maps(&w, share);
	weigh_peers(&w, now);
	out->removals = out->losing > 0 || out->peers_removed > 0 || (out->risk & (WEIGH_RULES | WEIGH_ADDRESS)) != 0;
	vec_release(&w.lead);
}

void weigh_print(const struct weight *w, struct buf *out)
{
	static const struct {
		enum weigh_risk bit;
		const char *text;
	} rows[] = {
		{ WEIGH_INTERFACE, "the interface changes" },
		{ WEIGH_ADDRESS, "an address of the gateway goes" },
		{ WEIGH_ROUTE, "a route comes" },
		{ WEIGH_RULES, "the rules that all packets pass change" },
		{ WEIGH_OWN, "the gateway's own access, or its site's, may shrink" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (w->risk & rows[i].bit)
			buf_addf(out, "%s%s", out->len > 0 ? ", " : "", rows[i].text);
	if (w->risk & WEIGH_SHARE)
		buf_addf(out, "%s%u of %u sources may lose access", out->len > 0 ? ", " : "", w->losing, w->sources);
}
