/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/meaning.h"

#include <string.h>

#include "base/clock.h"
#include "base/vec.h"

#define DAY_SECONDS 86400u
#define PROTO_LAST 255u
#define PORT_LAST 65535u
#define L3_IPV4 2  /* NFPROTO_IPV4 */
#define L3_IPV6 10 /* NFPROTO_IPV6 */

const struct guard guard_all = { .any_source = true, .any_target = true,
				 .cond = { .not_before = CLOCK_EVER, .expires = CLOCK_NEVER } };

/* A rule while it is read, item by item. */
struct reading {
	struct meaning *m;
	const struct crossing *crossing;
	struct meaning_sets *sets;
	struct arena *a;
	u128 proto_lo, proto_hi, port_lo, port_hi;
	struct range_set target; /* addresses */
	bool any_target;
	struct region box;
	bool any_box;
	struct range_set week; /* seconds */
	bool any_week;
	bool limited; /* not every packet that matches */
	bool metered; /* only what exceeds a device's limit */
};

static void unknown(struct reading *r, const char *why)
{
	if (r->m->end != END_UNKNOWN)
		r->m->why = why;
	r->m->end = END_UNKNOWN;
}

/* --- conditions and guards --- */

static struct range_set week_of(const struct cond *c, struct arena *a)
{
	static const struct range whole = { 0, WEEK_SECONDS - 1 };
	struct range *v = arena_array(a, c->nweek, struct range);

	if (c->nweek == 0)
		return (struct range_set){ &whole, 1 };
	for (size_t i = 0; i < c->nweek; i++)
		v[i] = (struct range){ c->week[i].from, c->week[i].until - 1 };
	return (struct range_set){ v, c->nweek };
}

/* False: it has more pieces than a condition holds. */
static bool week_set(struct cond *c, struct range_set s)
{
	c->nweek = 0;
	memset(c->week, 0, sizeof(c->week));
	if (s.n == 1 && s.v[0].lo == 0 && s.v[0].hi == WEEK_SECONDS - 1)
		return true;
	if (s.n > COND_WEEK_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		c->week[i] = (struct week_span){ (uint32_t)s.v[i].lo, (uint32_t)s.v[i].hi + 1 };
	c->nweek = (uint32_t)s.n;
	return true;
}

static bool cond_meet(const struct cond *x, const struct cond *y, struct cond *out, struct arena *a, const char **why)
{
	*out = *x;
	out->not_before = x->not_before > y->not_before ? x->not_before : y->not_before;
	out->expires = x->expires < y->expires ? x->expires : y->expires;
	if (out->expires <= out->not_before)
		return false;
	if (y->nweek == 0)
		return true;
	struct range_set week = range_set_intersect(a, week_of(x, a), week_of(y, a));
	if (week.n == 0)
		return false;
	if (week_set(out, week))
		return true;
	*why = "has more windows of time than can be told";
	return false;
}

bool guard_is_all(const struct guard *g)
{
	return g->any_source && g->any_target && cond_is_always(&g->cond);
}

bool guard_meet(const struct guard *x, const struct guard *y, struct guard *out, struct arena *a, const char **why)
{
	struct guard g = *x;

	if (!cond_meet(&x->cond, &y->cond, &g.cond, a, why))
		return false;
	if (x->any_source)
		g.source = y->source;
	else if (!y->any_source)
		g.source = range_set_intersect(a, x->source, y->source);
	g.any_source = x->any_source && y->any_source;
	if (x->any_target)
		g.target = y->target;
	else if (!y->any_target)
		g.target = region_intersect(a, x->target, y->target);
	g.any_target = x->any_target && y->any_target;
	*out = g;
	return (g.any_source || g.source.n > 0) && (g.any_target || !region_is_empty(g.target));
}

/* --- sets --- */

void meaning_sets_make(struct meaning_sets *s, const struct nft_table *t, struct arena *a)
{
	s->table = t;
	s->addr = arena_array(a, t->nsets, struct range_set);
	s->box = arena_array(a, t->nsets, struct region);
	s->known = arena_array(a, t->nsets, bool);
}

static void set_find(struct meaning_sets *s, const struct nft_set *set, bool boxes, struct arena *a)
{
	size_t i = (size_t)(set - s->table->set);
	VEC(struct range) addr = VEC_INIT;
	VEC(struct box) box = VEC_INIT;

	if (s->known[i])
		return;
	s->known[i] = true;
	for (size_t k = 0; k < set->nelems; k++) {
		const struct nft_elem *e = &set->elem[k];
		if (e->lo > e->hi || e->proto_lo > e->proto_hi || e->port_lo > e->port_hi)
			continue;
		const struct range r = { e->lo, e->hi };
		if (!boxes)
			vec_push(&addr, r);
		for (uint32_t p = e->proto_lo; boxes && p <= e->proto_hi; p++)
			vec_push(&box, ((struct box){ r, { SERVICE(p, e->port_lo), SERVICE(p, e->port_hi) } }));
	}
	if (boxes)
		s->box[i] = region_make(a, box.v, box.n);
	else
		s->addr[i] = range_set_make(a, addr.v, addr.n);
	vec_release(&addr);
	vec_release(&box);
}

/* The set of one of two kinds, or NULL. */
static const struct nft_set *set_of(struct reading *r, const char *name, enum nft_set_kind v4, enum nft_set_kind v6)
{
	const struct nft_set *s = nft_find_set(r->sets->table, name);

	if (s == NULL || (s->kind != v4 && s->kind != v6)) {
		unknown(r, "looks something up in a set that is not there");
		return NULL;
	}
	set_find(r->sets, s, v4 == NFT_SET_BOX4, r->a);
	return s;
}

/* --- matches --- */

static struct range_set one_range(struct reading *r, u128 lo, u128 hi)
{
	const struct range v = { lo, hi };

	return lo <= hi ? (struct range_set){ arena_dup(r->a, &v, sizeof(v)), 1 } : (struct range_set){ NULL, 0 };
}

static struct range_set everything(struct reading *r)
{
	return one_range(r, 0, ADDR_LAST);
}

/* The addresses that a match on one means; false: unknown. */
static bool addresses(struct reading *r, const struct nft_item *it, struct range_set *out)
{
	const struct nft_set *s;

	switch (it->op) {
	case NFT_EQ:
		*out = one_range(r, it->lo, it->lo);
		return true;
	case NFT_NEQ:
		*out = range_set_subtract(r->a, everything(r), one_range(r, it->lo, it->lo));
		return true;
	case NFT_RANGE:
	case NFT_PREFIX:
		*out = one_range(r, it->lo, it->hi);
		return true;
	case NFT_IN_SET:
		s = set_of(r, it->name, NFT_SET_ADDR4, NFT_SET_ADDR6);
		if (s != NULL)
			*out = r->sets->addr[s - r->sets->table->set];
		return s != NULL;
	case NFT_GE:
	case NFT_LT:
		break;
	}
	unknown(r, "compares an address in a way that yett never does");
	return false;
}

static void meet_target(struct reading *r, struct range_set s)
{
	r->target = r->any_target ? s : range_set_intersect(r->a, r->target, s);
	r->any_target = false;
}

static void match_target(struct reading *r, const struct nft_item *it)
{
	struct range_set s;

	if (addresses(r, it, &s))
		meet_target(r, s);
}

static void match_source(struct reading *r, const struct nft_item *it)
{
	struct range_set s;
	struct guard *g = &r->m->guard;

	if (!addresses(r, it, &s))
		return;
	g->source = g->any_source ? s : range_set_intersect(r->a, g->source, s);
	g->any_source = false;
}

static void match_family(struct reading *r, const struct nft_item *it)
{
	struct range_set v4 = one_range(r, ADDR_V4_FIRST, ADDR_V4_LAST);

	if (it->op != NFT_EQ || (it->lo != L3_IPV4 && it->lo != L3_IPV6))
		unknown(r, "compares the family in a way that yett never does");
	else
		meet_target(r, it->lo == L3_IPV4 ? v4 : range_set_subtract(r->a, everything(r), v4));
}

static void match_number(struct reading *r, const struct nft_item *it, u128 *lo, u128 *hi)
{
	u128 from = it->lo, to = it->op == NFT_RANGE ? it->hi : it->lo;

	if (it->op != NFT_EQ && it->op != NFT_RANGE) {
		unknown(r, "compares a protocol or port in a way that yett never does");
		return;
	}
	*lo = from > *lo ? from : *lo;
	*hi = to < *hi ? to : *hi;
}

static void match_box(struct reading *r, const struct nft_item *it)
{
	const struct nft_set *s = it->op == NFT_IN_SET ? set_of(r, it->name, NFT_SET_BOX4, NFT_SET_BOX6) : NULL;

	if (s == NULL) {
		unknown(r, "looks boxes up in a way that yett never does");
		return;
	}
	struct region box = r->sets->box[s - r->sets->table->set];
	r->box = r->any_box ? box : region_intersect(r->a, r->box, box);
	r->any_box = false;
}

static int64_t clamp_time(u128 v)
{
	return v > (u128)CLOCK_NEVER ? CLOCK_NEVER : (int64_t)v;
}

static void match_time(struct reading *r, const struct nft_item *it)
{
	struct cond *c = &r->m->guard.cond;
	int64_t from = CLOCK_EVER, until = CLOCK_NEVER;

	if (it->op == NFT_GE || it->op == NFT_RANGE)
		from = clamp_time(it->lo);
	else if (it->op == NFT_LT)
		until = clamp_time(it->lo);
	else
		unknown(r, "compares the time in a way that yett never does");
	if (it->op == NFT_RANGE && it->hi < (u128)CLOCK_NEVER)
		until = clamp_time(it->hi) + 1;
	c->not_before = from > c->not_before ? from : c->not_before;
	c->expires = until < c->expires ? until : c->expires;
	r->m->never |= c->expires <= c->not_before;
}

static void meet_week(struct reading *r, const struct range *v, size_t n)
{
	struct range_set s = range_set_make(r->a, v, n);

	r->week = r->any_week ? s : range_set_intersect(r->a, r->week, s);
	r->any_week = false;
}

static void match_day(struct reading *r, const struct nft_item *it)
{
	if (it->op != NFT_EQ || it->lo > 6) {
		unknown(r, "compares the day in a way that yett never does");
		return;
	}
	u128 day = (it->lo + 6) % 7 * DAY_SECONDS; /* the kernel counts from Sunday */
	const struct range v = { day, day + DAY_SECONDS - 1 };
	meet_week(r, &v, 1);
}

static void match_hour(struct reading *r, const struct nft_item *it)
{
	struct range v[7];

	if (it->op != NFT_RANGE || it->lo > it->hi || it->hi >= DAY_SECONDS) {
		unknown(r, "compares the time of day in a way that yett never does");
		return;
	}
	for (uint32_t day = 0; day < 7; day++)
		v[day] = (struct range){ day * DAY_SECONDS + it->lo, day * DAY_SECONDS + it->hi };
	meet_week(r, v, 7);
}

/* ours: whether the packet crosses our interface on that side. */
static void match_interface(struct reading *r, const struct nft_item *it, bool ours)
{
	bool named = strcmp(it->name, r->crossing->interface) == 0;

	if (it->op != NFT_EQ && it->op != NFT_NEQ)
		unknown(r, "compares an interface in a way that yett never does");
	else if (ours)
		r->m->never |= named != (it->op == NFT_EQ);
	else if (named)
		r->m->never |= it->op == NFT_EQ;
	else
		unknown(r, "asks for an interface that is not the gateway's own");
}

static bool crossing_known(struct reading *r)
{
	if (r->crossing == NULL)
		unknown(r, "asks how the packet crosses the gateway where yett never does");
	return r->crossing != NULL;
}

static void match_direction(struct reading *r, const struct nft_item *it)
{
	if (it->op != NFT_EQ)
		unknown(r, "compares the direction in a way that yett never does");
	else
		r->m->never |= (it->lo == 1) != r->crossing->reply;
}

static void match(struct reading *r, const struct nft_item *it)
{
	switch (it->field) {
	case NFT_IIFNAME:
		if (crossing_known(r))
			match_interface(r, it, r->crossing->in);
		return;
	case NFT_OIFNAME:
		if (crossing_known(r))
			match_interface(r, it, r->crossing->out);
		return;
	case NFT_CT_INVALID: /* such a packet has no flow, and no access is about it */
		r->m->never = true;
		return;
	case NFT_CT_DIRECTION:
		if (crossing_known(r))
			match_direction(r, it);
		return;
	case NFT_CT_L3PROTO:
		match_family(r, it);
		return;
	case NFT_CT_PROTO:
		match_number(r, it, &r->proto_lo, &r->proto_hi);
		return;
	case NFT_CT_SADDR:
		match_source(r, it);
		return;
	case NFT_CT_DADDR:
		match_target(r, it);
		return;
	case NFT_CT_DPORT:
		match_number(r, it, &r->port_lo, &r->port_hi);
		return;
	case NFT_CT_DBOX:
		match_box(r, it);
		return;
	case NFT_TIME:
		match_time(r, it);
		return;
	case NFT_DAY:
		match_day(r, it);
		return;
	case NFT_HOUR:
		match_hour(r, it);
		return;
	case NFT_NFPROTO: /* a gate's: what it decides depends on a moment */
		break;
	}
	unknown(r, "asks for something that yett never does");
}

/* --- the rest of a rule --- */

static void end(struct reading *r, enum meaning_end e, const struct nft_item *it)
{
	if (r->limited && r->m->end != END_UNKNOWN)
		unknown(r, "decides about some of the packets only (a rate limit)");
	if (r->m->end != END_ON)
		return;
	if (r->metered && e == END_DENY)
		return; /* what is over a device's limit: a matter of how much, not of whom and where */
	if (r->metered) {
		unknown(r, "does something with what exceeds a limit that yett never does");
		return;
	}
	r->m->end = e;
	r->m->name = it->name;
	r->m->name2 = it->name2;
}

/* False: nothing after it counts. */
static bool read_item(struct reading *r, const struct nft_item *it)
{
	if (r->m->end == END_DISPATCH && it->kind != NFT_COUNTER)
		unknown(r, "goes on after it looked the source up");
	switch (it->kind) {
	case NFT_MATCH:
		match(r, it);
		return true;
	case NFT_COUNTER:
	case NFT_LOG:
	case NFT_MSS_CLAMP:
	case NFT_CLEAR_MARK:
		return true;
	case NFT_LIMIT:
		r->limited = true;
		return true;
	case NFT_METER:
		r->metered = true;
		return true;
	case NFT_ACCEPT:
	case NFT_MASQUERADE: /* which is what it gives the packet besides */
		end(r, END_ALLOW, it);
		return false;
	case NFT_DROP:
		end(r, END_DENY, it);
		return false;
	case NFT_RETURN:
		end(r, END_LEAVE, it);
		return false;
	case NFT_JUMP:
		end(r, END_JUMP, it);
		return false;
	case NFT_GOTO:
		end(r, END_GOTO, it);
		return false;
	case NFT_DISPATCH:
		end(r, END_DISPATCH, it);
		return true;
	case NFT_FOREIGN:
		break;
	}
	unknown(r, "has an expression that yett never makes");
	return false;
}

static struct region services(struct reading *r)
{
	VEC(struct service) v = VEC_INIT;
	struct range_set addr = r->any_target ? everything(r) : r->target;

	if (r->port_lo == 0 && r->port_hi == PORT_LAST)
		vec_push(&v, ((struct service){ SERVICE(r->proto_lo, 0), SERVICE(r->proto_hi, PORT_LAST) }));
	else
		for (u128 p = r->proto_lo; p <= r->proto_hi; p++)
			vec_push(&v, ((struct service){ SERVICE(p, r->port_lo), SERVICE(p, r->port_hi) }));
	struct region out = region_product(r->a, addr, v.v, v.n);
	vec_release(&v);
	return out;
}

static void settle_target(struct reading *r)
{
	struct guard *g = &r->m->guard;
	bool any_service = r->proto_lo == 0 && r->proto_hi == PROTO_LAST && r->port_lo == 0 && r->port_hi == PORT_LAST;

	if (r->proto_lo > r->proto_hi || r->port_lo > r->port_hi || (!r->any_target && r->target.n == 0)) {
		r->m->never = true;
		return;
	}
	g->any_target = any_service && r->any_target && r->any_box;
	if (g->any_target)
		return;
	g->target = any_service && r->any_target ? r->box : services(r);
	if (!r->any_box && !(any_service && r->any_target))
		g->target = region_intersect(r->a, g->target, r->box);
	r->m->never |= region_is_empty(g->target);
}

void meaning_of(struct meaning *m, const struct nft_rule *rule, const struct crossing *c, struct meaning_sets *s, struct arena *a)
{
	struct reading r = { .m = m, .crossing = c, .sets = s, .a = a, .proto_hi = PROTO_LAST, .port_hi = PORT_LAST,
			     .any_target = true, .any_box = true, .any_week = true };

	*m = (struct meaning){ .guard = guard_all };
	for (size_t i = 0; i < rule->nitems; i++)
		if (!read_item(&r, &rule->item[i]))
			break;
	settle_target(&r);
	if (!r.any_week) {
		m->never |= r.week.n == 0;
		if (!week_set(&m->guard.cond, r.week))
			unknown(&r, "has more windows of time than can be told");
	}
	m->never |= !m->guard.any_source && m->guard.source.n == 0;
	if (m->never) /* whatever else it says */
		m->end = END_ON;
}
