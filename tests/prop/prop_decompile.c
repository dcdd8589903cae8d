/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read back from a table is what the tree grants, as far as the gateway carries it; and whatever is changed in a table is told as the
 * access that it changes. The judge of changed tables is plan/trace, which runs rules for one packet and knows no sets of addresses.
 */
#include "base/vec.h"
#include "plan/agree.h"
#include "plan/plan.h"
#include "plan/trace.h"
#include "prop/world.h"
#include "resolve/links.h"
#include "resolve/place.h"

struct compiled {
	struct arena arena;
	struct diags diags;
	struct model model;
	struct resolved resolved;
	struct access access;
	struct buf yaml;
	struct gw_plan plan[SITES];
};

enum law {
	LAW_VALID,
	LAW_KNOWN,
	LAW_SAME,
	LAW_NOBODY,
	LAW_ROUND,
	LAW_TREES,
	LAW_MUTANT_TOLD,
	LAW_MUTANT_EXACT,
	LAW_COUNT
};

static const char *const law_name[LAW_COUNT] = {
	[LAW_VALID] = "random trees compile",
	[LAW_KNOWN] = "every rule of a plan is understood",
	[LAW_SAME] = "what a table grants a source is its access as far as the gateway carries it, on every way",
	[LAW_NOBODY] = "it grants nothing to anybody else",
	[LAW_ROUND] = "a plan agrees with itself as it is read from a kernel",
	[LAW_TREES] = "a kernel with another tree's plan differs by exactly what the trees grant differently",
	[LAW_MUTANT_TOLD] = "a change of one rule, box, map element or chain is told when it changes access",
	[LAW_MUTANT_EXACT] = "and what is told is so",
};

static bool compile_world(struct compiled *c, const struct world *w)
{
	struct source_file file = { .path = "tree.yaml" };
	struct source source = { .file = &file, .nfiles = 1 };

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	diags_init(&c->diags, &c->arena);
	world_yaml(w, &c->yaml);
	file.data = buf_str(&c->yaml);
	file.len = source.bytes = c->yaml.len;
	file.diag_file = diags_add_file(&c->diags, file.path, file.data, file.len);
	model_read(&c->model, &source, &c->arena, &c->diags);
	resolve(&c->resolved, &c->model, &c->arena, &c->diags);
	if (c->diags.errors)
		return false;
	access_build(&c->access, &c->resolved, &c->arena, &c->diags);
	for (uint32_t g = 0; g < c->resolved.ngateways && g < SITES; g++)
		plan_gateway(&c->plan[g], &c->access, &c->resolved, g, &c->arena);
	return !c->diags.errors && c->resolved.ngateways == SITES;
}

static void release(struct compiled *c)
{
	diags_release(&c->diags);
	buf_release(&c->yaml);
	arena_release(&c->arena);
}

/* ---- a table against the tree ---- */

static struct region of_family(struct region r, u128 source, struct arena *a)
{
	const struct range v4 = { ADDR_V4_FIRST, ADDR_V4_LAST };
	const struct service any = { 0, SERVICE_LAST };
	struct region family = region_product(a, range_set_make(a, &v4, 1), &any, 1);

	return addr_is_v4(source) ? region_intersect(a, r, family) : region_subtract(a, r, family);
}

static struct region tree_grants(struct compiled *c, uint32_t gateway, uint32_t source, u128 addr, int64_t t)
{
	const struct access *x = &c->access;
	const struct service any = { 0, SERVICE_LAST };
	struct range *carry;

	if (t < x->window[source].from || t >= x->window[source].until)
		return REGION_EMPTY;
	size_t n = place_carry(&c->resolved, gateway, source, &c->arena, &carry);
	struct region carried = region_product(&c->arena, range_set_make(&c->arena, carry, n), &any, 1);
	struct region r = region_intersect(&c->arena, class_allowed_at(x, x->class_of[source], t, &c->arena), carried);
	return of_family(r, addr, &c->arena);
}

static struct region table_grants(struct compiled *c, const struct decompiled *d, const struct decompile_cells *cells, u128 addr,
				  int64_t t)
{
	return of_family(class_allowed_at(&d->access, decompile_class(cells, addr), t, &c->arena), addr, &c->arena);
}

/* The ranges of a source, and whether its packets come in by our interface of that gateway. */
static size_t source_ranges(const struct compiled *c, uint32_t gateway, uint32_t source, struct range out[static 4], bool *inside)
{
	const struct resolved *r = &c->resolved;
	size_t n = 0;

	*inside = source < r->ndevices;
	if (*inside) {
		const struct device *d = r->device[source].decl;
		if (!place_admits(r, gateway, source))
			return 0;
		for (size_t i = 0; i < d->addresses.n; i++)
			out[n++] = (struct range){ d->addresses.v[i], d->addresses.v[i] };
		for (size_t i = 0; i < d->networks.n; i++)
			out[n++] = prefix_range(d->networks.v[i]);
	} else if (source < r->ndevices + r->nsites) {
		const struct site *s = r->site[source - r->ndevices].decl;
		for (size_t i = 0; r->gateway[gateway].site == source - r->ndevices && i < s->networks.n; i++)
			out[n++] = prefix_range(s->networks.v[i]);
	} else if (source - r->ndevices - r->nsites == gateway) {
		out[n++] = (struct range){ r->gateway[gateway].decl->addresses.v[0], r->gateway[gateway].decl->addresses.v[0] };
	}
	return n;
}

static bool source_same(struct compiled *c, const struct decompiled *d, uint32_t g, uint32_t s, struct range r, bool inside,
			struct prng *p)
{
	int64_t *moment;
	size_t n = access_moments(&c->access, &s, 1, WORLD_NOW, &c->arena, &moment);

	for (size_t i = 0; i < n + 4; i++) {
		int64_t t = i < n ? moment[i] : world_time(p);
		u128 addr = i % 2 ? r.hi : r.lo;
		struct region want = tree_grants(c, g, s, addr, t);
		for (size_t way = 0; way < WAY_COUNT; way++) {
			bool inner = way == WAY_THROUGH || way == WAY_BETWEEN || way == WAY_TO_SELF;
			for (size_t reply = 0; inner == inside && reply < 2; reply++)
				if (!region_equal(table_grants(c, d, &d->way[way][reply], addr, t), want))
					return false;
		}
	}
	return true;
}

static bool table_same(struct compiled *c, const struct decompiled *d, uint32_t g, struct prng *p)
{
	for (uint32_t s = 0; s < c->resolved.nsources; s++) {
		struct range r[4];
		bool inside;
		size_t n = source_ranges(c, g, s, r, &inside);
		for (size_t i = 0; i < n; i++)
			if (!source_same(c, d, g, s, r[i], inside, p))
				return false;
	}
	return true;
}

static bool nobody_else(struct compiled *c, const struct decompiled *d, uint32_t g)
{
	for (size_t way = 0; way < WAY_COUNT; way++) {
		bool inner = way == WAY_THROUGH || way == WAY_BETWEEN || way == WAY_TO_SELF;
		const struct decompile_cells *cells = &d->way[way][0];
		VEC(struct range) judged = VEC_INIT;
		bool ok = cells->v[0].lo == 0 && cells->v[cells->n - 1].hi == ADDR_LAST;
		for (uint32_t s = 0; s < c->resolved.nsources; s++) {
			struct range r[4];
			bool inside;
			size_t n = source_ranges(c, g, s, r, &inside);
			for (size_t i = 0; i < n && inside == inner; i++)
				vec_push(&judged, r[i]);
		}
		struct range_set known = range_set_make(&c->arena, judged.v, judged.n);
		for (size_t i = 0; i < cells->n; i++) {
			struct range one = { cells->v[i].lo, cells->v[i].hi };
			bool empty = region_is_empty(class_allowed_ever(&d->access, cells->v[i].class, &c->arena));
			ok &= empty || range_set_subset((struct range_set){ &one, 1 }, known);
			ok &= i == 0 || cells->v[i - 1].hi + 1 == cells->v[i].lo;
		}
		vec_release(&judged);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- as a kernel would tell it ---- */

/* The plan as it stands in a kernel at that time: peers inside their dates, without names. */
static bool observe(const struct gw_plan *p, struct gw_plan *out, struct arena *a)
{
	struct gw_plan k = *p;
	struct buf bytes = BUF_INIT;
	char err[256];

	k.gateway = "";
	k.peer = arena_array(a, p->npeers, struct gw_peer);
	k.npeers = 0;
	for (size_t i = 0; i < p->npeers; i++) {
		struct gw_peer peer = p->peer[i];
		if (peer.revoked || WORLD_NOW < peer.not_before || WORLD_NOW >= peer.expires)
			continue;
		peer.name = NULL;
		peer.not_before = CLOCK_EVER;
		peer.expires = CLOCK_NEVER;
		k.peer[k.npeers++] = peer;
	}
	gw_plan_encode_observed(&k, &bytes);
	int ret = gw_plan_decode_observed(out, buf_str(&bytes), bytes.len, a, err, sizeof(err));
	if (ret < 0)
		printf("# %s\n", err);
	buf_release(&bytes);
	return ret == 0;
}

static bool round_trip(struct compiled *c, const struct gw_plan *p)
{
	struct gw_plan have;
	struct agreement x;
	struct plan_delta d;

	if (!observe(p, &have, &c->arena))
		return false;
	agree_compare(&x, &have, p, WORLD_NOW, &c->arena);
	gw_plan_diff(&have, p, WORLD_NOW, &c->arena, &d);
	return agree_holds(&x) && d.nops == 0 && d.link == 0;
}

/* ---- what is told ---- */

static bool span_holds(const struct diff_span *s, int64_t t)
{
	uint32_t second = clock_week_second(t);

	if (t < s->from || t >= s->until)
		return false;
	for (size_t i = 0; i < s->nweek; i++)
		if (s->week[i].from <= second && second < s->week[i].until)
			return true;
	return !s->nweek;
}

static bool granted(const struct diff_grant *g, size_t n, const struct trace_flow *f)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < g[i].nspans; k++)
			if (region_contains(g[i].region, f->dest, f->service) && span_holds(&g[i].span[k], f->at))
				return true;
	return false;
}

/* What is told about a flow by one way: +1 more, -1 less, 0 nothing, 2 both. */
static int told(const struct agreement *x, const struct trace_flow *f, enum decompile_way way)
{
	bool more = false, less = false;

	for (size_t i = 0; i < x->ngroups; i++) {
		const struct agree_group *g = &x->group[i];
		for (size_t k = 0; k < g->nwho; k++) {
			const struct agree_who *w = &g->who[k];
			bool inside = way == WAY_THROUGH || way == WAY_BETWEEN || way == WAY_TO_SELF;
			if (f->source < w->range.lo || f->source > w->range.hi || inside != (w->peer != NULL) ||
			    !(g->ways & 1u << way))
				continue;
			more |= granted(g->more, g->nmore, f);
			less |= granted(g->less, g->nless, f);
		}
	}
	return more && less ? 2 : (int)more - (int)less;
}

static bool tree_allows(struct compiled *c, uint32_t g, uint32_t s, const struct trace_flow *f)
{
	return s != NONE && region_contains(tree_grants(c, g, s, f->source, f->at), f->dest, f->service);
}

static struct trace_flow flow_of(const struct world *w, struct prng *p)
{
	struct w_question q = world_question(w, p);

	return (struct trace_flow){ .dest = q.addr, .service = SERVICE(q.proto, q.port),
				    .at = q.t < WORLD_NOW ? 2 * WORLD_NOW - q.t : q.t };
}

struct side {
	struct compiled *c;
	uint32_t g, device;
	bool planned, now; /* it is a peer that is not over; its dates hold now */
};

static struct side side_of(struct compiled *c, uint32_t g, uint32_t i)
{
	char name[16];
	struct side s = { .c = c, .g = g };

	snprintf(name, sizeof(name), "device:d%u", i);
	s.device = source_find(&c->resolved, name);
	if (s.device == NONE)
		return s;
	const struct r_device *d = &c->resolved.device[s.device];
	s.planned = place_admits(&c->resolved, g, s.device) && d->expires > WORLD_NOW && !d->decl->revoked;
	s.now = s.planned && d->not_before <= WORLD_NOW;
	return s;
}

/* By the two trees, what the gateway of `have` lets through and that of `want` does not (+1), or the other way. */
static int trees_differ(const struct side *have, const struct side *want, const struct trace_flow *f)
{
	bool h = have->now && tree_allows(have->c, have->g, have->device, f);
	bool w = want->planned && tree_allows(want->c, want->g, want->device, f);

	if (!have->now && !want->now)
		return 0; /* it comes when it is due */
	return (int)h - (int)w;
}

static bool trees_told(struct compiled *was, struct compiled *is, const struct world *w, uint32_t g, struct prng *p)
{
	struct gw_plan have;
	struct agreement x;

	if (!observe(&was->plan[g], &have, &is->arena))
		return false;
	agree_compare(&x, &have, &is->plan[g], WORLD_NOW, &is->arena);
	for (int k = 0; k < 60; k++) {
		uint32_t i = prng_below(p, DEVICES);
		struct trace_flow f = flow_of(w, p);
		struct side h = side_of(was, g, i), n = side_of(is, g, i);
		f.source = device_addr(i);
		if (told(&x, &f, WAY_THROUGH) != trees_differ(&h, &n, &f))
			return false;
	}
	return x.nnotes == 0;
}

/* ---- tables that somebody changed ---- */

static bool is_class(const struct nft_chain *c)
{
	return strchr("cdp", c->name[0]) != NULL && c->name[1] == '_';
}

static bool mutate_rule(struct nft_chain *c, struct prng *p)
{
	if (c->nrules == 0)
		return false;
	size_t at = prng_below(p, (uint32_t)c->nrules);
	struct nft_rule *r = &c->rule[at];
	struct nft_item *it = &r->item[prng_below(p, (uint32_t)r->nitems)];

	switch (prng_below(p, 4)) {
	case 0:
		memmove(r, r + 1, (c->nrules - at - 1) * sizeof(*r));
		c->nrules--;
		return true;
	case 1:
		if (it->kind == NFT_ACCEPT)
			*it = (struct nft_item){ .kind = NFT_DROP };
		else if (it->kind == NFT_GOTO)
			*it = (struct nft_item){ .kind = NFT_ACCEPT };
		else
			return false;
		return true;
	case 2:
		if (it->kind != NFT_MATCH || it->op != NFT_EQ || it->field == NFT_CT_L3PROTO || it->field == NFT_DAY)
			return false;
		it->lo ^= 1;
		it->hi = it->field == NFT_CT_DADDR ? it->lo : 0;
		return true;
	default:
		if (it->kind != NFT_MATCH || (it->op != NFT_RANGE && it->op != NFT_PREFIX) || it->hi <= it->lo)
			return false;
		it->op = NFT_RANGE;
		*(prng_chance(p, 50) ? &it->lo : &it->hi) = it->lo + (it->hi - it->lo) / 2;
		return true;
	}
}

static bool mutate_set(struct nft_set *s, const struct gw_plan *plan, struct prng *p)
{
	const struct nft_set *dispatch = nft_find_set(&plan->nft, "dispatch");

	if (s->nelems == 0 || s->kind > NFT_SET_BOX6)
		return false;
	size_t at = prng_below(p, (uint32_t)s->nelems);
	struct nft_elem *e = &s->elem[at];
	if (prng_chance(p, 40)) {
		memmove(e, e + 1, (s->nelems - at - 1) * sizeof(*e));
		s->nelems--;
	} else if (s->kind == NFT_MAP_CHAIN) {
		e->chain = dispatch->elem[prng_below(p, (uint32_t)dispatch->nelems)].chain;
	} else if (s->kind <= NFT_MAP_NET6) {
		e->value = (uint32_t)dispatch->elem[prng_below(p, (uint32_t)dispatch->nelems)].lo;
	} else if (e->hi > e->lo) {
		e->hi = e->lo + (e->hi - e->lo) / 2;
	} else if (s->kind == NFT_SET_BOX4 || s->kind == NFT_SET_BOX6) {
		e->port_lo = e->port_hi;
	} else {
		return false;
	}
	return true;
}

static bool mutate(struct gw_plan *k, struct prng *p)
{
	if (k->nft.nsets > 0 && prng_chance(p, 50))
		return mutate_set(&k->nft.set[prng_below(p, (uint32_t)k->nft.nsets)], k, p);
	struct nft_chain *c = &k->nft.chain[prng_below(p, (uint32_t)k->nft.nchains)];
	return is_class(c) && mutate_rule(c, p);
}

static int traces_differ(const struct gw_plan *have, const struct gw_plan *want, const struct trace_flow *f)
{
	struct trace_result h, w;

	nft_trace(&have->nft, f, &h);
	nft_trace(&want->nft, f, &w);
	return (int)h.accept - (int)w.accept;
}

/* A point out of each thing that is told. */
static bool told_is_so(const struct agreement *x, const struct gw_plan *have, const struct gw_plan *want)
{
	for (size_t i = 0; i < x->ngroups; i++) {
		const struct agree_group *g = &x->group[i];
		for (size_t k = 0; k < g->nmore + g->nless; k++) {
			const struct diff_grant *d = k < g->nmore ? &g->more[k] : &g->less[k - g->nmore];
			struct box b = region_first(d->region);
			int64_t t = d->span[0].from < WORLD_NOW ? WORLD_NOW : d->span[0].from;
			while (!span_holds(&d->span[0], t))
				t += 60;
			const struct trace_flow f = { g->who[0].range.lo, b.addr.lo, b.service.lo, t };
			if (traces_differ(have, want, &f) != (k < g->nmore ? 1 : -1))
				return false;
		}
	}
	return true;
}

static void try_mutant(struct compiled *c, const struct world *w, uint32_t g, struct prng *p, bool ok[LAW_COUNT])
{
	const struct gw_plan *want = &c->plan[g];
	struct gw_plan have;
	struct agreement x;

	if (!observe(want, &have, &c->arena) || !mutate(&have, p))
		return;
	agree_compare(&x, &have, want, WORLD_NOW, &c->arena);
	for (int k = 0; k < 80; k++) {
		uint32_t i = prng_below(p, DEVICES);
		struct trace_flow f = flow_of(w, p);
		struct side s = side_of(c, g, i);
		f.source = device_addr(i);
		if (s.now && addr_is_v4(f.dest) && told(&x, &f, WAY_THROUGH) != traces_differ(&have, want, &f))
			ok[LAW_MUTANT_TOLD] = false;
	}
	ok[LAW_MUTANT_EXACT] &= told_is_so(&x, &have, want) && x.nnotes == 0;
}

static void try(struct prng *p, bool ok[LAW_COUNT])
{
	struct world w, after;
	struct compiled c, is;

	world_make(&w, p);
	if (!compile_world(&c, &w)) {
		ok[LAW_VALID] = false;
		release(&c);
		return;
	}
	for (uint32_t g = 0; g < SITES; g++) {
		struct decompiled d;
		decompile(&d, &c.plan[g].nft, c.plan[g].interface, &c.arena);
		ok[LAW_KNOWN] &= d.nnotes == 0;
		ok[LAW_SAME] &= table_same(&c, &d, g, p);
		ok[LAW_NOBODY] &= nobody_else(&c, &d, g);
		ok[LAW_ROUND] &= round_trip(&c, &c.plan[g]);
		for (int k = 0; k < 4; k++)
			try_mutant(&c, &w, g, p, ok);
	}
	after = w;
	for (uint32_t i = 1 + prng_below(p, 3); i > 0; i--)
		world_change(&after, p);
	ok[LAW_VALID] &= compile_world(&is, &after);
	for (uint32_t g = 0; g < SITES && !is.diags.errors; g++)
		ok[LAW_TREES] &= trees_told(&c, &is, &after, g, p);
	release(&is);
	release(&c);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 1000);
	bool ok[LAW_COUNT], was[LAW_COUNT];
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { (seed + c) * 0x9e3779b9u };
		try(&p, ok);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i], (unsigned long long)(seed + c));
			was[i] = ok[i];
		}
	}
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, ok[i], law_name[i]);
	return tap_done(&t);
}
