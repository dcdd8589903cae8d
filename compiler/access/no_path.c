/* SPDX-License-Identifier: Apache-2.0 */
/* no_path - what a policy permits against what gateways carry; each (kind of source, address) is asked once. */
#include "access/no_path.h"

#include <stdlib.h>
#include <string.h>

#include "access/cond.h"
#include "base/vec.h"
#include "resolve/place.h"

/* Devices of one plan and one home that meet others, or do not, are carried alike; a site or a gateway is a group of its own. */
struct kin {
	uint32_t plan, home, source; /* source: one of the group, who is asked for all */
	bool meets;
};

enum carried { UNASKED, CARRIED, NOT_CARRIED };

struct asked {
	u128 addr;
	uint32_t group;
	enum carried state;
};

struct checker {
	const struct resolved *r;
	struct diags *d;
	uint32_t *group_of; /* per source; NONE: never active */
	VEC(struct kin) group;
	const struct r_policy *policy; /* the one at hand */
	VEC(uint32_t) mine;            /* its groups */
	VEC(size_t) step;   /* per group: the policy that last counted it, plus one */
	struct asked *memo; /* open addressing; a power of two */
	size_t nmemo, cap_memo;
	bool has_exit;
};

/* ---- groups of sources ---- */

static int kin_cmp(const void *px, const void *py)
{
	const struct kin *x = px, *y = py;

	if (x->plan != y->plan)
		return x->plan < y->plan ? -1 : 1;
	if (x->home != y->home)
		return x->home < y->home ? -1 : 1;
	if (x->meets != y->meets)
		return x->meets ? -1 : 1;
	return x->source < y->source ? -1 : x->source > y->source;
}

static bool same_kin(const struct kin *x, const struct kin *y)
{
	return x->plan == y->plan && x->home == y->home && x->meets == y->meets;
}

static void make_groups(struct checker *c)
{
	const struct resolved *r = c->r;
	VEC(struct kin) all = VEC_INIT;

	for (uint32_t s = 0; s < r->nsources; s++) {
		c->group_of[s] = NONE;
		if (s >= r->ndevices) {
			c->group_of[s] = (uint32_t)c->group.n;
			vec_push(&c->group, ((struct kin){ NONE, NONE, s, false }));
		} else if (!r->device[s].dead) {
			vec_push(&all, ((struct kin){ r->device[s].plan, r->device[s].home, s, r->device[s].meets }));
		}
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), kin_cmp);
	for (size_t i = 0; i < all.n; i++) {
		if (!i || !same_kin(&all.v[i], &all.v[i - 1]))
			vec_push(&c->group, all.v[i]);
		c->group_of[all.v[i].source] = (uint32_t)(c->group.n - 1);
	}
	vec_release(&all);
	for (size_t i = 0; i < c->group.n; i++)
		vec_push(&c->step, 0);
}

static void groups_of_policy(struct checker *c, const struct r_policy *p, size_t step)
{
	c->policy = p;
	c->mine.n = 0;
	for (size_t i = 0; i < p->from.n; i++) {
		uint32_t g = c->group_of[p->from.v[i]];
		if (g == NONE || c->step.v[g] == step)
			continue;
		c->step.v[g] = step;
		vec_push(&c->mine, g);
	}
}

/* ---- is it carried ---- */

static struct asked *memo_slot(struct asked *v, size_t cap, u128 addr, uint32_t group)
{
	uint64_t h = ((uint64_t)addr ^ (uint64_t)(addr >> 64) * 31 ^ (uint64_t)group << 40) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 20) & (cap - 1);

	while (v[i].state != UNASKED && (v[i].addr != addr || v[i].group != group))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void memo_grow(struct checker *c)
{
	size_t cap = c->cap_memo ? c->cap_memo * 2 : 1024;
	struct asked *v = vec_grow(NULL, &(size_t){ 0 }, cap, sizeof(*v));

	memset(v, 0, cap * sizeof(*v));
	for (size_t i = 0; i < c->cap_memo; i++)
		if (c->memo[i].state != UNASKED)
			*memo_slot(v, cap, c->memo[i].addr, c->memo[i].group) = c->memo[i];
	free(c->memo);
	c->memo = v;
	c->cap_memo = cap;
}

static bool group_reaches(struct checker *c, uint32_t group, u128 addr)
{
	uint32_t gateway;

	if (c->nmemo * 2 >= c->cap_memo)
		memo_grow(c);
	struct asked *m = memo_slot(c->memo, c->cap_memo, addr, group);

	if (m->state == UNASKED) {
		bool yes = place_path(c->r, c->group.v[group].source, addr, &gateway, 1) > 0;
		*m = (struct asked){ addr, group, yes ? CARRIED : NOT_CARRIED };
		c->nmemo++;
	}
	return m->state == CARRIED;
}

/* The device or gateway whose own address or network this is, or NONE. */
static uint32_t owner_of(const struct resolved *r, u128 addr)
{
	size_t lo = 0, hi = r->nowners;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->owner[mid].range.hi < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->nowners && r->owner[lo].range.lo <= addr ? r->owner[lo].source : NONE;
}

/* Which devices one gateway of several admits is each device's own matter, so here they are all asked. */
static bool gateway_reached(struct checker *c, u128 addr)
{
	const struct source_set *from = &c->policy->from;
	uint32_t owner = owner_of(c->r, addr), gateway;

	if (owner == NONE || owner < c->r->ndevices)
		return false;
	for (size_t i = 0; i < from->n; i++)
		if (c->group_of[from->v[i]] != NONE && place_path(c->r, from->v[i], addr, &gateway, 1))
			return true;
	return false;
}

static bool reached(struct checker *c, u128 addr)
{
	for (size_t i = 0; i < c->mine.n; i++)
		if (group_reaches(c, c->mine.v[i], addr))
			return true;
	return gateway_reached(c, addr);
}

/* The first address of `of` that lies in r; false when none does. */
static bool first_inside(struct range r, struct range of, u128 *out)
{
	*out = of.lo > r.lo ? of.lo : r.lo;
	return of.lo <= r.hi && of.hi >= r.lo;
}

static bool any_reached(struct checker *c, struct range r, const struct range *v, size_t n)
{
	u128 at;

	for (size_t i = 0; i < n; i++)
		if (first_inside(r, v[i], &at))
			return reached(c, at);
	return false;
}

/* A wide range may begin where nothing leads and still hold what a site, a device or the internet carries. */
static bool range_reached(struct checker *c, struct range r)
{
	const struct resolved *x = c->r;
	u128 at;

	if (reached(c, r.lo))
		return true;
	if (r.lo == r.hi)
		return false;
	for (size_t i = 0; i < x->nsites; i++)
		if (any_reached(c, r, x->site[i].carried, x->site[i].ncarried))
			return true;
	for (size_t i = 0; i < x->nowners; i++)
		if (first_inside(r, x->owner[i].range, &at) && reached(c, at))
			return true;
	return any_reached(c, r, x->internet, x->ninternet);
}

/* ---- which selector said so ---- */

static bool holds_address(const addr_list *v, u128 at)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i] == at)
			return true;
	return false;
}

static bool holds_prefix(const prefix_list *v, u128 at)
{
	for (size_t i = 0; i < v->n; i++)
		if (prefix_contains(v->v[i], at))
			return true;
	return false;
}

static bool resource_holds(const struct resource *x, struct range r)
{
	for (size_t i = 0; i < x->addresses.n; i++)
		if (x->addresses.v[i].lo == r.lo && x->addresses.v[i].hi == r.hi)
			return true;
	return false;
}

/* Whether the selector surely is the origin of r. Tags, users and groups can not be told from the range alone. */
static bool selector_is(const struct resolved *r, const struct selector *s, struct range range)
{
	uint32_t i;

	switch (s->kind) {
	case SEL_RESOURCE:
		i = resolved_find(r, KIND_RESOURCE, s->name);
		return i != NONE && resource_holds(r->resource[i].decl, range);
	case SEL_DEVICE:
		i = resolved_find(r, KIND_DEVICE, s->name);
		return i != NONE && (holds_address(&r->device[i].decl->addresses, range.lo) ||
				     holds_prefix(&r->device[i].decl->networks, range.lo));
	case SEL_SITE:
		i = resolved_find(r, KIND_SITE, s->name);
		return i != NONE && holds_prefix(&r->site[i].decl->networks, range.lo);
	case SEL_GATEWAY:
		i = resolved_find(r, KIND_GATEWAY, s->name);
		return i != NONE && holds_address(&r->gateway[i].decl->addresses, range.lo);
	case SEL_RANGE: return s->range.lo == range.lo && s->range.hi == range.hi;
	case SEL_USER:
	case SEL_GROUP:
	case SEL_TAG:
	case SEL_PLAN:
	case SEL_SELF:
	case SEL_ANY:
	case SEL_INTERNET:
	case SEL_COUNT: break;
	}
	return false;
}

static bool selector_names_many(const struct selector *s)
{
	return s->kind == SEL_TAG || s->kind == SEL_USER || s->kind == SEL_GROUP;
}

/* Index into decl->to of the selector that r came from; the number of selectors when none can be named. */
static size_t find_selector(const struct resolved *r, const struct policy *p, struct range range)
{
	size_t many = p->to.n;

	for (size_t i = 0; i < p->to.n; i++) {
		if (selector_is(r, &p->to.v[i], range))
			return i;
		if (many == p->to.n && selector_names_many(&p->to.v[i]))
			many = i;
	}
	return many;
}

/* ---- policies ---- */

static bool has_selector(const struct policy *p, enum selector_kind kind, size_t *at)
{
	for (*at = 0; *at < p->to.n; ++*at)
		if (p->to.v[*at].kind == kind)
			return true;
	return false;
}

/* Made by `any` or `internet`: carried by exits, and much of it on purpose by nobody. */
static bool is_open(const struct checker *c, const struct r_policy *p, struct range range)
{
	size_t at, lo = 0, hi = c->r->ninternet;

	if (has_selector(p->decl, SEL_ANY, &at))
		return true; /* everything else is in it */
	if (!has_selector(p->decl, SEL_INTERNET, &at))
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->r->internet[mid].hi < range.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->r->ninternet && c->r->internet[lo].lo <= range.lo && range.hi <= c->r->internet[lo].hi;
}

/* A disabled device among many is out of reach on purpose; one that is named alone is worth a word. */
static bool is_resting(const struct checker *c, const struct r_policy *p, size_t selector, struct range range)
{
	uint32_t owner = owner_of(c->r, range.lo);
	bool many = selector >= p->decl->to.n || selector_names_many(&p->decl->to.v[selector]);

	return many && owner != NONE && owner < c->r->ndevices && c->r->device[owner].dead;
}

static void warn_no_exit(struct checker *c, const struct r_policy *p)
{
	size_t at;

	if (c->has_exit || !has_selector(p->decl, SEL_INTERNET, &at))
		return;
	diag_add(c->d, "W_NO_PATH", p->decl->to.loc[at],
		 "policy %s allows the internet, but no site is an exit", p->decl->o.name);
	diag_hint(c->d, "write `exit: true` in the Site that offers the internet");
}

static void warn_at(struct checker *c, const struct r_policy *p, size_t selector, struct range range)
{
	char text[ADDR_TEXT_MAX];
	struct loc loc = selector < p->decl->to.n ? p->decl->to.loc[selector] : object_loc(&p->decl->o, "to");

	diag_add(c->d, "W_NO_PATH", loc, "policy %s allows %s, but no gateway carries it for any of its sources",
		 p->decl->o.name, range_format(range, text));
}

static void check_policy(struct checker *c, const struct r_policy *p, size_t step)
{
	VEC(bool) warned = VEC_INIT;

	groups_of_policy(c, p, step);
	if (!c->mine.n)
		return;
	warn_no_exit(c, p);
	for (size_t i = 0; i <= p->decl->to.n; i++)
		vec_push(&warned, false);
	for (size_t i = 0; i < p->nto; i++) {
		if (is_open(c, p, p->to[i].range) || range_reached(c, p->to[i].range))
			continue;
		size_t selector = find_selector(c->r, p->decl, p->to[i].range);
		if (is_resting(c, p, selector, p->to[i].range))
			continue;
		if (!warned.v[selector])
			warn_at(c, p, selector, p->to[i].range);
		warned.v[selector] = true;
	}
	vec_release(&warned);
}

void no_path_warn(const struct resolved *r, struct diags *d)
{
	struct checker c = { .r = r, .d = d };

	c.group_of = vec_grow(NULL, &(size_t){ 0 }, r->nsources + 1, sizeof(*c.group_of));
	make_groups(&c);
	for (size_t i = 0; i < r->nsites; i++)
		c.has_exit = c.has_exit || r->site[i].decl->exit;
	for (size_t i = 0; i < r->npolicies; i++) {
		const struct policy *p = r->policy[i].decl;
		if (p->enabled && p->action == ACTION_ALLOW && p->expires > p->not_before)
			check_policy(&c, &r->policy[i], i + 1);
	}
	free(c.group_of);
	free(c.memo);
	vec_release(&c.group);
	vec_release(&c.mine);
	vec_release(&c.step);
}
