/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: where resources stand, what each site's gateways carry, and whether they have room. */
#include "resolve/place.h"
#include "resolve/resolver.h"

/* A stretch of addresses that would have a site carry it. */
struct stake {
	struct range range;
	uint32_t site;
	uint32_t order; /* among equally wide ones the smaller wins: resources in order of names, then networks */
};

struct stakes {
	struct stake *v;
	size_t n, cap;
};

static int stake_order(const void *pa, const void *pb)
{
	const struct stake *a = pa, *b = pb;
	if (a->range.lo != b->range.lo)
		return a->range.lo < b->range.lo ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void stake_range(struct stakes *out, struct range range, uint32_t site, uint32_t order)
{
	struct ranges parts RANGES_CLEANUP = VEC_INIT;
	ranges_add_written(&parts, range);
	for (size_t i = 0; i < parts.n; i++)
		vec_push(out, ((struct stake){ parts.v[i], site, order }));
}

static void stake_networks(const struct resolved *r, struct stakes *out)
{
	for (uint32_t i = 0; i < r->nsites; i++)
		for (size_t j = 0; j < r->site[i].decl->networks.n; j++)
			stake_range(out, prefix_range(r->site[i].decl->networks.v[j]), i, NONE);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), stake_order);
}

/* The sites whose networks hold the range from end to end: one, none (NONE), or two (*other is the second). */
static uint32_t site_holding(const struct stakes *nets, struct range range, uint32_t *other)
{
	*other = NONE;
	size_t lo = 0, hi = nets->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (nets->v[mid].range.hi < range.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	uint32_t site = NONE;
	u128 next = range.lo;
	for (; lo < nets->n && nets->v[lo].range.lo <= next; lo++) {
		const struct stake *x = &nets->v[lo];
		if (site == NONE)
			site = x->site;
		else if (site != x->site)
			*other = x->site;
		if (x->range.hi >= range.hi)
			return site;
		next = x->range.hi + 1;
	}
	*other = NONE;
	return NONE;
}

static void place_address(struct resolver *s, const struct stakes *nets, uint32_t index, size_t i)
{
	struct r_resource *res = &s->r->resource[index];
	struct range range = res->decl->addresses.v[i];
	uint32_t other;
	char text[ADDR_TEXT_MAX];
	res->site[i] = site_holding(nets, range, &other);
	if (res->site[i] != NONE && other == NONE)
		return;
	if (s->m->nbroken[KIND_SITE])
		return; /* perhaps that site's */
	struct loc loc = res->decl->addresses.loc[i];
	range_format(range, text);
	if (res->site[i] != NONE) {
		diag_add(s->d, "E_RESOURCE_SITE", loc, "%s of resource \"%s\" spans the sites \"%s\" and \"%s\"", text,
			 res->decl->o.name, s->r->site[res->site[i]].decl->o.name, s->r->site[other].decl->o.name);
		diag_hint(s->d, "split it, or say \"site:\"");
		res->site[i] = NONE;
	} else if (ranges_contain(s->r->pools, s->r->npools, range.lo)) {
		diag_add(s->d, "E_RESOURCE_SITE", loc, "%s of resource \"%s\" lies in a pool and no site's networks",
			 text, res->decl->o.name);
		diag_hint(s->d, "name devices by device:, user: or tag:, or say which site carries it: \"site:\"");
	} else {
		diag_add(s->d, "E_RESOURCE_SITE", loc, "no site's networks hold %s of resource \"%s\"", text,
			 res->decl->o.name);
		diag_hint(s->d, "say which site carries it (\"site:\"), or add it to that site's networks");
	}
}

void resolver_resources(struct resolver *s)
{
	struct resolved *r = s->r;
	struct stakes nets = VEC_INIT;
	stake_networks(r, &nets);
	for (uint32_t i = 0; i < r->nresources; i++) {
		struct r_resource *res = &r->resource[i];
		const struct resource *decl = res->decl;
		res->service = ports_merge(s->a, &decl->ports, &res->nservices);
		res->site = arena_array(s->a, decl->addresses.n, uint32_t);
		uint32_t site = resolver_ref(s, KIND_SITE, decl->site, object_loc(&decl->o, "site"));
		for (size_t j = 0; j < decl->addresses.n; j++) {
			if (decl->site)
				res->site[j] = site;
			else
				place_address(s, &nets, i, j);
		}
	}
	vec_release(&nets);
}

/*
 * Who carries what where stakes overlap: as in routing, the narrowest. Stakes enter a heap, narrowest on top, as the
 * sweep comes to them, and leave it lazily when it has passed their end.
 */
struct painter {
	const struct stake *stake;
	struct { uint32_t *v; size_t n, cap; } heap;
	struct { struct carrier *v; size_t n, cap; } out;
};

static bool narrower(const struct painter *p, uint32_t x, uint32_t y)
{
	const struct stake *a = &p->stake[x], *b = &p->stake[y];
	u128 wa = a->range.hi - a->range.lo, wb = b->range.hi - b->range.lo;
	if (wa != wb)
		return wa < wb;
	return a->order != b->order ? a->order < b->order : x < y;
}

static void heap_swap(struct painter *p, size_t i, size_t j)
{
	uint32_t x = p->heap.v[i];
	p->heap.v[i] = p->heap.v[j];
	p->heap.v[j] = x;
}

static void heap_push(struct painter *p, uint32_t stake)
{
	vec_push(&p->heap, stake);
	for (size_t i = p->heap.n - 1; i && narrower(p, p->heap.v[i], p->heap.v[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(p, i, (i - 1) / 2);
}

static void heap_pop(struct painter *p)
{
	p->heap.v[0] = p->heap.v[--p->heap.n];
	for (size_t i = 0;;) {
		size_t least = i;
		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < p->heap.n; c++)
			if (narrower(p, p->heap.v[c], p->heap.v[least]))
				least = c;
		if (least == i)
			return;
		heap_swap(p, i, least);
		i = least;
	}
}

static void paint(struct painter *p, u128 lo, u128 hi, uint32_t site)
{
	struct carrier *last = p->out.n ? &p->out.v[p->out.n - 1] : NULL;
	if (last && last->site == site && last->range.hi + 1 == lo)
		last->range.hi = hi;
	else
		vec_push(&p->out, ((struct carrier){ { lo, hi }, site }));
}

/* Paints from *at up to `until` (inclusive) with whatever is narrowest there. */
static void paint_until(struct painter *p, u128 *at, u128 until)
{
	while (p->heap.n) {
		const struct stake *top = &p->stake[p->heap.v[0]];
		if (top->range.hi < *at) {
			heap_pop(p);
			continue;
		}
		u128 hi = top->range.hi < until ? top->range.hi : until;
		paint(p, *at, hi, top->site);
		if (hi == until)
			return;
		*at = hi + 1;
	}
}

static void paint_all(struct painter *p, size_t n)
{
	u128 at = 0;
	for (uint32_t i = 0; i < n;) {
		u128 lo = p->stake[i].range.lo;
		if (lo)
			paint_until(p, &at, lo - 1);
		for (at = lo; i < n && p->stake[i].range.lo == lo; i++)
			heap_push(p, i);
	}
	paint_until(p, &at, ADDR_LAST);
}

static void stake_resources(const struct resolved *r, struct stakes *out)
{
	for (uint32_t i = 0; i < r->nresources; i++) {
		const struct r_resource *res = &r->resource[i];
		for (size_t j = 0; res->decl->site && j < res->decl->addresses.n; j++)
			if (res->site[j] != NONE)
				stake_range(out, res->decl->addresses.v[j], res->site[j], i);
	}
}

/*
 * What a device or gateway owns is reached where that is, though a resource names it and says a site. (Networks of sites
 * hold nothing of the kind.)
 */
static void leave_owned(const struct resolved *r, struct painter *p)
{
	struct ranges owned RANGES_CLEANUP = VEC_INIT, one RANGES_CLEANUP = VEC_INIT, rest RANGES_CLEANUP = VEC_INIT;
	struct painter kept = { .out = VEC_INIT };
	for (size_t i = 0; i < r->nowners; i++)
		vec_push(&owned, r->owner[i].range);
	ranges_merge(&owned);
	for (size_t i = 0; i < p->out.n; i++) {
		one.n = rest.n = 0;
		vec_push(&one, p->out.v[i].range);
		ranges_subtract(&one, &owned, &rest);
		for (size_t k = 0; k < rest.n; k++)
			paint(&kept, rest.v[k].lo, rest.v[k].hi, p->out.v[i].site);
	}
	vec_release(&p->out);
	p->out.v = kept.out.v;
	p->out.n = kept.out.n;
	p->out.cap = kept.out.cap;
}

void resolver_carried(struct resolver *s)
{
	struct resolved *r = s->r;
	struct stakes stakes = VEC_INIT;
	stake_resources(r, &stakes);
	stake_networks(r, &stakes); /* sorts all */
	struct painter p = { .stake = stakes.v, .heap = VEC_INIT, .out = VEC_INIT };
	paint_all(&p, stakes.n);
	leave_owned(r, &p);
	s->lookup->carrier = p.out.n ? vec_freeze(&p.out, s->a) : NULL;
	s->lookup->ncarriers = p.out.n;
	struct pairs by_site = VEC_INIT;
	for (uint32_t i = 0; i < p.out.n; i++)
		vec_push(&by_site, ((struct pair){ p.out.v[i].site, i }));
	struct source_set *set = pairs_index(s->a, &by_site, r->nsites);
	for (size_t i = 0; i < r->nsites; i++) {
		r->site[i].carried = arena_array(s->a, set[i].n, struct range);
		for (size_t j = 0; j < set[i].n; j++)
			r->site[i].carried[r->site[i].ncarried++] = p.out.v[set[i].v[j]].range;
	}
	vec_release(&by_site);
	vec_release(&p.heap);
	vec_release(&p.out);
	vec_release(&stakes);
}

static uint32_t home_of(const struct resolved *r, const struct addr_owner *o)
{
	return o->source < r->ndevices ? r->device[o->source].home : NONE;
}

/* The network's home: the pools but for what has another place, so that a new device there changes nothing. */
static void homed_at_network_home(const struct resolved *r, struct ranges *out)
{
	struct ranges pools RANGES_CLEANUP = VEC_INIT, elsewhere RANGES_CLEANUP = VEC_INIT;
	ranges_add(&pools, r->pools, r->npools);
	for (size_t i = 0; i < r->nowners; i++)
		if (!r->owner[i].network && home_of(r, &r->owner[i]) != r->home)
			vec_push(&elsewhere, r->owner[i].range);
	ranges_merge(&elsewhere);
	ranges_subtract(&pools, &elsewhere, out);
}

void resolver_homed(struct resolver *s)
{
	struct resolved *r = s->r;
	struct pairs by_home = VEC_INIT;
	for (uint32_t i = 0; i < r->nowners; i++) {
		uint32_t home = home_of(r, &r->owner[i]);
		if (home != NONE && (home != r->home || r->owner[i].network))
			vec_push(&by_home, ((struct pair){ home, i }));
	}
	struct source_set *set = pairs_index(s->a, &by_home, r->nsites);
	for (uint32_t i = 0; i < r->nsites; i++) {
		struct ranges x RANGES_CLEANUP = VEC_INIT;
		if (i == r->home)
			homed_at_network_home(r, &x);
		for (size_t j = 0; j < set[i].n; j++)
			vec_push(&x, r->owner[set[i].v[j]].range);
		ranges_merge(&x);
		r->site[i].homed = ranges_freeze(&x, s->a, &r->site[i].nhomed);
	}
	vec_release(&by_home);
}

/* Devices that may attach to a site that admits everybody everywhere: counted by plan, once for all sites. */
static size_t attachable(const struct resolved *r, const size_t *live_by_plan, uint32_t site)
{
	size_t n = live_by_plan[r->nplans];
	for (size_t p = 0; p < r->nplans; p++) {
		const struct source_set *sites = &r->plan_sites[p];
		bool allowed = !sites->n;
		for (size_t i = 0; i < sites->n && !allowed; i++)
			allowed = sites->v[i] == site;
		n += allowed ? live_by_plan[p] : 0;
	}
	return n;
}

/* How many devices the gateway has as peers, or a larger number that its capacity holds. */
static size_t count_admitted(const struct resolved *r, const size_t *live_by_plan, uint32_t gateway)
{
	if (r->gateway[gateway].decl->state == GATEWAY_MAINTENANCE)
		return 0;
	/* Most often the bound says enough, and nobody need be looked at. */
	size_t n = attachable(r, live_by_plan, r->gateway[gateway].site);
	if ((int64_t)n <= r->gateway[gateway].decl->capacity || place_admits_all(r, r->gateway[gateway].site))
		return n;
	n = 0;
	for (uint32_t d = 0; d < r->ndevices; d++)
		n += place_has(r, gateway, d);
	return n;
}

void resolver_capacity(struct resolver *s)
{
	const struct resolved *r = s->r;
	size_t *live_by_plan = arena_array(s->a, r->nplans + 1, size_t); /* the last: without a plan */
	for (size_t i = 0; i < r->ndevices; i++)
		if (!r->device[i].dead)
			live_by_plan[r->device[i].plan == NONE ? r->nplans : r->device[i].plan]++;
	for (uint32_t g = 0; g < r->ngateways; g++) {
		const struct gateway *decl = r->gateway[g].decl;
		if (!decl->capacity || r->gateway[g].site == NONE)
			continue;
		size_t admitted = count_admitted(r, live_by_plan, g);
		if ((int64_t)admitted <= decl->capacity)
			continue;
		diag_add(s->d, "E_CAPACITY", object_loc(&decl->o, "capacity"),
			 "gateway \"%s\" would admit %zu devices, and its capacity is %lld", decl->o.name, admitted,
			 (long long)decl->capacity);
		diag_hint(s->d, "raise its capacity, or add a gateway to site \"%s\" and say the site's \"redundancy\"",
			  r->site[r->gateway[g].site].decl->o.name);
	}
}
