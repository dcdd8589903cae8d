/* SPDX-License-Identifier: Apache-2.0 */
/* Classes, answers, moments and diffs against a brute-force reading of random trees. */
#include "access/diff.h"
#include "base/vec.h"
#include "prop/world.h"

/* A world that went through the stages. */
struct compiled {
	struct arena arena;
	struct diags diags;
	struct model model;
	struct resolved resolved;
	struct access access;
	struct buf yaml;
};

enum law {
	LAW_VALID,
	LAW_CLASSES,
	LAW_EVAL,
	LAW_AT,
	LAW_EVER,
	LAW_ASK,
	LAW_MOMENTS,
	LAW_SELF,
	LAW_DIFF,
	LAW_BETWEEN,
	LAW_ITEMS,
	LAW_ORDER,
	LAW_COUNT
};

static const char *const law_name[LAW_COUNT] = {
	[LAW_VALID] = "random trees compile",
	[LAW_CLASSES] = "every source is in one class, and no two classes are the same list",
	[LAW_EVAL] = "access_eval agrees with the language's four steps, policy named included",
	[LAW_AT] = "class_allowed_at agrees with access_eval",
	[LAW_EVER] = "class_allowed_ever holds what any moment allows, and denies what is always denied",
	[LAW_ASK] = "access_ask allows a region exactly when all of it is allowed",
	[LAW_MOMENTS] = "every time is alike one of access_moments",
	[LAW_SELF] = "diff(a, a) is empty",
	[LAW_DIFF] = "diff lists a point at a time exactly when access differs, with the policy that allows and the one that denies",
	[LAW_BETWEEN] = "and so it does between two moments, of one tree and of two",
	[LAW_ORDER] = "the greatest risk comes first",
	[LAW_ITEMS] = "the labelled items of a grant are together its region",
};

/* A law that held, or did not, in one more case. */
struct tally {
	bool ok[LAW_COUNT];
	uint64_t cases;
};

static void judge(struct tally *t, enum law law, bool holds)
{
	t->ok[law] &= holds;
	t->cases++;
}

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
	return !c->diags.errors;
}

static void release(struct compiled *c)
{
	diags_release(&c->diags);
	buf_release(&c->yaml);
	arena_release(&c->arena);
}

static uint32_t source_index(const struct compiled *c, struct w_source s)
{
	static const char *const word[SEL_COUNT] = {
		[SEL_DEVICE] = "device:d", [SEL_SITE] = "site:s", [SEL_GATEWAY] = "gateway:gw",
	};
	char text[32];

	snprintf(text, sizeof(text), "%s%u", word[s.kind], s.index);
	return source_find(&c->resolved, text);
}

/* ---- classes ---- */

static bool classes_hold(const struct compiled *c)
{
	const struct access *x = &c->access;
	size_t members = 0, uses = 0, lists = 0;

	for (size_t i = 0; i < x->nclasses; i++) {
		const struct access_class *k = &x->class[i];
		for (size_t m = 0; m < k->nmembers; m++)
			if (x->class_of[k->member[m]] != i || (m && k->member[m] <= k->member[m - 1]))
				return false;
		for (size_t j = 0; j < i; j++)
			if (x->class[j].nparts == k->nparts &&
			    (!k->nparts || !memcmp(x->class[j].part, k->part, k->nparts * sizeof(*k->part))))
				return false;
		members += k->nmembers;
		lists += k->nparts;
	}
	for (size_t i = 0; i < x->nparts; i++) {
		uses += x->part[i].nclasses;
		if (region_is_empty(x->part[i].region) || cond_is_never(&x->part[i].cond))
			return false;
	}
	return members == x->nsources && x->nsources == c->resolved.nsources && uses == lists;
}

/* ---- answers ---- */

static bool eval_holds(const struct compiled *c, const struct world *w, const struct w_question *q)
{
	struct w_verdict want = world_access(w, q);
	struct verdict got =
		access_eval(&c->access, source_index(c, q->source), q->addr, SERVICE(q->proto, q->port), q->t);
	const char *policy = got.part ? got.part->policy : NULL;

	return got.allow == want.allow && got.inactive == want.inactive && !policy == !want.policy &&
	       (!policy || !strcmp(policy, want.policy));
}

static bool at_holds(struct compiled *c, const struct w_question *q)
{
	uint32_t s = source_index(c, q->source), service = SERVICE(q->proto, q->port);
	struct verdict v = access_eval(&c->access, s, q->addr, service, q->t);
	struct region r = class_allowed_at(&c->access, c->access.class_of[s], q->t, &c->arena);

	return v.inactive || region_contains(r, q->addr, service) == v.allow;
}

static bool ever_holds(struct compiled *c, const struct w_question *q)
{
	uint32_t s = source_index(c, q->source), service = SERVICE(q->proto, q->port);
	struct verdict v = access_eval(&c->access, s, q->addr, service, q->t);
	bool ever = region_contains(class_allowed_ever(&c->access, c->access.class_of[s], &c->arena), q->addr, service);
	bool denied = v.part && v.part->deny && cond_is_always(&v.part->cond);

	if (v.allow)
		return ever;
	/* What an unconditional deny decides may still be allowed at other times by a policy before it. */
	for (size_t i = 0; denied && i < c->access.class[c->access.class_of[s]].nparts; i++) {
		const struct access_part *p = &c->access.part[c->access.class[c->access.class_of[s]].part[i]];
		if (p == v.part)
			return !ever;
		if (!p->deny && region_contains(p->region, q->addr, service))
			return ever;
	}
	return true;
}

static bool ask_holds(struct compiled *c, const struct world *w, struct prng *p, struct w_question q)
{
	uint32_t s = source_index(c, q.source);
	struct box box[3];
	size_t n = 1 + prng_below(p, 3);
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		u128 lo = world_addr(p);
		world_service(p, &q.proto, &q.port);
		box[i] = (struct box){ { lo, lo + (addr_is_v4(lo) ? prng_below(p, 4) : 0) },
				       { SERVICE(q.proto, q.port), SERVICE(q.proto, q.port) } };
		for (q.addr = box[i].addr.lo; q.addr <= box[i].addr.hi && lo != PUBLIC_V4; q.addr++)
			all = all && world_access(w, &q).allow;
		if (lo == PUBLIC_V4) {
			box[i].addr.hi = q.addr = lo;
			all = all && world_access(w, &q).allow;
		}
	}
	struct answer ans = access_ask(&c->access, s, region_make(&c->arena, box, n), q.t, &c->arena);
	struct verdict v = access_eval(&c->access, s, ans.box.addr.lo, ans.box.service.lo, q.t);

	return ans.allow == all && v.allow == all && v.part == ans.verdict.part && v.inactive == ans.verdict.inactive;
}

/* ---- moments ---- */

enum { PROBES = 60 };

struct probes {
	u128 addr[PROBES];
	uint32_t service[PROBES];
};

static uint64_t signature(const struct compiled *c, uint32_t s, const struct probes *x, int64_t t)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < PROBES; i++)
		bits |= (uint64_t)access_eval(&c->access, s, x->addr[i], x->service[i], t).allow << i;
	return bits;
}

static bool moments_hold(struct compiled *c, const struct world *w, struct prng *p)
{
	uint32_t s = source_index(c, world_source(w, p));
	struct probes x;
	int64_t *moment;
	size_t n = access_moments(&c->access, &s, 1, WORLD_NOW, &c->arena, &moment);
	bool ok = n > 0 && moment[0] == WORLD_NOW;
	uint64_t *seen = arena_array(&c->arena, n, uint64_t);

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t proto, port;
		x.addr[i] = world_addr(p);
		world_service(p, &proto, &port);
		x.service[i] = SERVICE(proto, port);
	}
	for (size_t i = 0; i < n; i++) {
		seen[i] = signature(c, s, &x, moment[i]);
		ok = ok && (!i || moment[i] > moment[i - 1]);
	}
	for (int k = 0; ok && k < 12; k++) {
		int64_t t = world_time(p);
		uint64_t now = t >= WORLD_NOW ? signature(c, s, &x, t) : seen[0];
		size_t i = 0;
		while (i < n && seen[i] != now)
			i++;
		ok = i < n;
	}
	return ok;
}

/* ---- diff ---- */

static bool is_member(const struct diff_group *g, const char *source)
{
	for (size_t i = 0; i < g->nmembers; i++)
		for (size_t k = 0; k < g->member[i].nsources; k++)
			if (!strcmp(g->member[i].source[k], source))
				return true;
	return false;
}

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

/* The one grant that says so; *twice where there are more. Without spans (two moments) they all do. */
static const struct diff_grant *listed(const struct diff_grant *v, size_t n, const struct w_question *q, bool *twice)
{
	const struct diff_grant *found = NULL;

	for (size_t i = 0; i < n; i++) {
		bool holds = v[i].when == NULL;
		for (size_t k = 0; !holds && k < v[i].nspans; k++)
			holds = span_holds(&v[i].span[k], q->t);
		if (!holds || !region_contains(v[i].region, q->addr, SERVICE(q->proto, q->port)))
			continue;
		*twice |= found != NULL;
		found = &v[i];
	}
	return found;
}

static bool same_text(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

/* Listed exactly when it is allowed here and not there, with what allows it here and what denies it there. */
static bool grant_is(const struct diff_grant *g, struct w_verdict here, struct w_verdict there)
{
	if (!here.allow || there.allow)
		return g == NULL;
	return g != NULL && same_text(g->policy, here.policy) &&
	       same_text(g->denied_by, there.inactive ? NULL : there.policy);
}

/* at: the moments of the two sides, or NULL: one moment that the question says, of both. */
static bool diff_holds(const struct access_diff *d, const struct world w[2], const int64_t *at, struct prng *p)
{
	static const char *const word[SEL_COUNT] = {
		[SEL_DEVICE] = "device:d", [SEL_SITE] = "site:s", [SEL_GATEWAY] = "gateway:gw",
	};
	struct w_question q = world_question(&w[prng_below(p, 2)], p);
	struct w_verdict v[2] = { { .allow = false }, { .allow = false } };
	const struct diff_grant *gain = NULL, *loss = NULL;
	bool twice = false;
	char text[32];

	if (q.t < WORLD_NOW)
		q.t = WORLD_NOW + (WORLD_NOW - q.t);
	for (int s = 0; s < 2; s++) {
		struct w_question own = q;
		own.t = at ? at[s] : q.t;
		if (q.source.kind != SEL_DEVICE || w[s].device[q.source.index].there)
			v[s] = world_access(&w[s], &own);
	}
	snprintf(text, sizeof(text), "%s%u", word[q.source.kind], q.source.index);
	for (size_t i = 0; i < d->ngroups; i++)
		if (is_member(&d->group[i], text)) {
			gain = listed(d->group[i].gain, d->group[i].ngains, &q, &twice);
			loss = listed(d->group[i].loss, d->group[i].nlosses, &q, &twice);
		}
	return !twice && grant_is(gain, v[1], v[0]) && grant_is(loss, v[0], v[1]);
}

/* The greatest risk first, of grants in a group and of groups by what they gain, then lose. */
static bool order_holds(const struct access_diff *d)
{
	for (size_t i = 0; i < d->ngroups; i++) {
		const struct diff_group *g = &d->group[i];
		for (size_t k = 1; k < g->ngains; k++)
			if (g->gain[k].risk > g->gain[k - 1].risk)
				return false;
		for (size_t k = 1; k < g->nlosses; k++)
			if (g->loss[k].risk > g->loss[k - 1].risk)
				return false;
		if (i && g->ngains && (!g[-1].ngains || g[-1].gain->risk < g->gain->risk))
			return false;
	}
	return true;
}

static bool items_are_region(const struct diff_grant *g, struct arena *a)
{
	struct region all = REGION_EMPTY;

	for (size_t i = 0; i < g->nitems; i++)
		all = region_union(a, all,
				   region_product(a, g->item[i].addr, g->item[i].service, g->item[i].nservices));
	return region_equal(all, g->region) && !region_is_empty(all) && (!g->when || (*g->when && g->nspans));
}

static bool items_hold(const struct access_diff *d, struct arena *a)
{
	for (size_t i = 0; i < d->ngroups; i++) {
		const struct diff_group *g = &d->group[i];
		if (!g->nmembers || !(g->ngains + g->nlosses))
			return false;
		for (size_t k = 0; k < g->ngains; k++)
			if (!items_are_region(&g->gain[k], a))
				return false;
		for (size_t k = 0; k < g->nlosses; k++)
			if (!items_are_region(&g->loss[k], a))
				return false;
	}
	return true;
}

static struct diff_side side_of(const struct compiled *c)
{
	return (struct diff_side){ &c->access, &c->resolved };
}

/* One tree at two times, and two trees at two. */
static void try_moments(struct compiled *was, struct compiled *is, const struct world w[2], struct prng *p, struct tally *t)
{
	const struct world same[2] = { w[0], w[0] };
	const int64_t at[2] = { world_time(p), world_time(p) };
	struct access_diff d;

	access_diff_at(&d, side_of(was), side_of(was), at, &was->arena);
	judge(t, LAW_ITEMS, items_hold(&d, &was->arena));
	for (int i = 0; i < 30; i++)
		judge(t, LAW_BETWEEN, diff_holds(&d, same, at, p));
	access_diff_at(&d, side_of(was), side_of(is), at, &was->arena);
	for (int i = 0; i < 30; i++)
		judge(t, LAW_BETWEEN, diff_holds(&d, w, at, p));
}

static void try_diff(struct compiled *was, const struct world *w, struct prng *p, struct tally *t)
{
	struct world both[2] = { *w, *w };
	struct compiled is;
	struct access_diff d;

	access_diff(&d, side_of(was), side_of(was), WORLD_NOW, &was->arena);
	judge(t, LAW_SELF, d.ngroups == 0);
	for (uint32_t i = 1 + prng_below(p, 3); i > 0; i--)
		world_change(&both[1], p);
	judge(t, LAW_VALID, compile_world(&is, &both[1]));
	if (!is.diags.errors) {
		access_diff(&d, side_of(was), side_of(&is), WORLD_NOW, &was->arena);
		judge(t, LAW_ITEMS, items_hold(&d, &was->arena));
		judge(t, LAW_ORDER, order_holds(&d));
		for (int i = 0; i < 60; i++)
			judge(t, LAW_DIFF, diff_holds(&d, both, NULL, p));
		try_moments(was, &is, both, p, t);
	}
	release(&is);
}

static void try(struct prng *p, struct tally *t)
{
	struct world w;
	struct compiled c;

	world_make(&w, p);
	if (!compile_world(&c, &w)) {
		if (t->ok[LAW_VALID])
			printf("# %s\n", c.diags.n ? c.diags.v[0].message : "?");
		t->ok[LAW_VALID] = false;
	} else {
		judge(t, LAW_CLASSES, classes_hold(&c));
		for (int i = 0; i < 40; i++) {
			struct w_question q = world_question(&w, p);
			judge(t, LAW_EVAL, eval_holds(&c, &w, &q));
			judge(t, LAW_AT, at_holds(&c, &q));
			judge(t, LAW_EVER, ever_holds(&c, &q));
			judge(t, LAW_ASK, ask_holds(&c, &w, p, q));
		}
		judge(t, LAW_MOMENTS, moments_hold(&c, &w, p));
		try_diff(&c, &w, p, t);
	}
	release(&c);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 3600);
	struct tally all = { .cases = 0 };
	bool was[LAW_COUNT];
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		all.ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { (seed + c) * 0x9e3779b9u };
		try(&p, &all);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !all.ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i],
				       (unsigned long long)(seed + c));
			was[i] = all.ok[i];
		}
	}
	printf("# %llu trees, %llu answers compared with brute force\n", (unsigned long long)cases,
	       (unsigned long long)all.cases);
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, all.ok[i], law_name[i]);
	return tap_done(&t);
}
