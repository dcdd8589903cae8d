/* SPDX-License-Identifier: Apache-2.0 */
#include "access/risk.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"

static const char *const production_tag[] = { "production", "prod" };

struct risk_index {
	struct range_set internet, production;
};

typedef VEC(struct range) range_vec;

static bool is_production(const struct object *o)
{
	for (size_t i = 0; i < o->tags.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(production_tag); k++)
			if (strcmp(o->tags.v[i], production_tag[k]) == 0)
				return true;
	return false;
}

static void add_prefixes(range_vec *out, const prefix_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		vec_push(out, prefix_range(v->v[i]));
}

struct risk_index *risk_index_make(const struct resolved *r, struct arena *a)
{
	struct risk_index *x = arena_new(a, struct risk_index);
	range_vec v = VEC_INIT;

	for (size_t i = 0; i < r->nsites; i++)
		if (is_production(&r->site[i].decl->o))
			add_prefixes(&v, &r->site[i].decl->networks);
	for (size_t i = 0; i < r->nresources; i++)
		for (size_t k = 0; is_production(&r->resource[i].decl->o) && k < r->resource[i].decl->addresses.n; k++)
			vec_push(&v, r->resource[i].decl->addresses.v[k]);
	for (size_t i = 0; i < r->ndevices; i++) {
		const struct device *d = r->device[i].decl;
		if (!is_production(&d->o))
			continue;
		for (size_t k = 0; k < d->addresses.n; k++)
			vec_push(&v, ((struct range){ d->addresses.v[k], d->addresses.v[k] }));
		add_prefixes(&v, &d->networks);
	}
	x->production = range_set_make(a, v.v, v.n);
	x->internet = range_set_make(a, r->internet, r->ninternet);
	vec_release(&v);
	return x;
}

static bool is_wide(struct range_set x)
{
	for (size_t i = 0; i < x.n; i++) {
		u128 last = x.v[i].hi - x.v[i].lo;
		if (last >= (addr_is_v4(x.v[i].lo) && addr_is_v4(x.v[i].hi) ? 255 : UINT64_MAX))
			return true;
	}
	return false;
}

static bool is_permanent(const struct diff_grant *g)
{
	for (size_t i = 0; i < g->nspans; i++)
		if (g->span[i].until == CLOCK_NEVER)
			return true;
	return false;
}

unsigned int risk_of(const struct risk_index *x, const struct diff_grant *g, struct arena *scratch)
{
	struct range_set addr = region_addresses(scratch, g->region);
	unsigned int risk = 0;

	risk |= range_set_intersect(scratch, addr, x->internet).n > 0 ? RISK_INTERNET : 0;
	risk |= range_set_intersect(scratch, addr, x->production).n > 0 ? RISK_PRODUCTION : 0;
	risk |= is_wide(addr) ? RISK_WIDE : 0;
	return risk | (is_permanent(g) ? RISK_PERMANENT : 0);
}

const char *risk_word(enum risk bit)
{
	switch (bit) {
	case RISK_PERMANENT: return "permanent";
	case RISK_WIDE: return "wide";
	case RISK_PRODUCTION: return "production";
	case RISK_INTERNET: return "internet";
	}
	BUG("risk %d", (int)bit);
}
