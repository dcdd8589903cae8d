/* SPDX-License-Identifier: Apache-2.0 */
/* eval - questions answered by the classes and nothing else. */
#include "access/access.h"

#include "base/vec.h"

static bool is_active(const struct access *x, uint32_t source, int64_t t)
{
	return x->window[source].from <= t && t < x->window[source].until;
}

struct verdict access_eval(const struct access *x, uint32_t source, u128 addr, uint32_t service, int64_t t)
{
	const struct access_class *c = &x->class[x->class_of[source]];

	if (!is_active(x, source, t))
		return (struct verdict){ .inactive = true };
	for (size_t i = 0; i < c->nparts; i++) {
		const struct access_part *p = &x->part[c->part[i]];
		if (region_contains(p->region, addr, service) && cond_holds(&p->cond, t))
			return (struct verdict){ .allow = !p->deny, .part = p };
	}
	return (struct verdict){ .allow = false };
}

typedef bool (*part_filter)(const struct access_part *p, int64_t t);

static bool holds_at(const struct access_part *p, int64_t t)
{
	return cond_holds(&p->cond, t);
}

/* An allow counts if it ever holds, a deny only if it always does. */
static bool holds_ever(const struct access_part *p, int64_t t)
{
	(void)t;
	return p->deny ? cond_is_always(&p->cond) : !cond_is_never(&p->cond);
}

/* From the last part to the first, which overrule it; each run of parts with one verdict at once. */
static struct region allowed(const struct access *x, uint32_t class, part_filter holds, int64_t t, struct arena *a)
{
	const struct access_class *c = &x->class[class];
	VEC(struct slab) run = VEC_INIT;
	struct region out = REGION_EMPTY;

	for (size_t i = c->nparts; i > 0;) {
		bool deny = x->part[c->part[i - 1]].deny;
		run.n = 0;
		for (; i > 0 && x->part[c->part[i - 1]].deny == deny; i--) {
			const struct access_part *p = &x->part[c->part[i - 1]];
			for (size_t k = 0; holds(p, t) && k < p->region.n; k++)
				vec_push(&run, p->region.v[k]);
		}
		struct region r = region_from_slabs(a, run.v, run.n);
		out = deny ? region_subtract(a, out, r) : region_union(a, out, r);
	}
	vec_release(&run);
	return out;
}

struct region class_allowed_at(const struct access *x, uint32_t class, int64_t t, struct arena *a)
{
	return allowed(x, class, holds_at, t, a);
}

struct region class_allowed_ever(const struct access *x, uint32_t class, struct arena *a)
{
	return allowed(x, class, holds_ever, 0, a);
}

/* What of `asked` the class denies at t. */
static struct region denied(const struct access *x, uint32_t class, struct region asked, int64_t t, struct arena *a)
{
	const struct access_class *c = &x->class[class];
	struct region open = asked, out = REGION_EMPTY;

	for (size_t i = 0; i < c->nparts && !region_is_empty(open); i++) {
		const struct access_part *p = &x->part[c->part[i]];
		if (!cond_holds(&p->cond, t) || !region_overlaps(p->region, open))
			continue;
		if (p->deny)
			out = region_union(a, out, region_intersect(a, open, p->region));
		open = region_subtract(a, open, p->region);
	}
	return region_union(a, out, open);
}

struct answer access_ask(const struct access *x, uint32_t source, struct region asked, int64_t t, struct arena *a)
{
	if (region_is_empty(asked))
		return (struct answer){ .allow = false };
	struct region no = is_active(x, source, t) ? denied(x, x->class_of[source], asked, t, a) : asked;
	struct answer ans = { .allow = region_is_empty(no) };

	ans.box = region_first(ans.allow ? asked : no);
	ans.verdict = access_eval(x, source, ans.box.addr.lo, ans.box.service.lo, t);
	return ans;
}
