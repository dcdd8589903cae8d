/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most mutations change what a policy's parts say and not who has them, so a copy of the parts is changed in place and
 * the classes stay; the others are built anew. Only the tests and guardrails that speak of the policy's sources are
 * asked.
 */
#include "access/mutate.h"

#include <string.h>

#include "access/examples.h"
#include "access/guardrails.h"
#include "access/moments.h"
#include "base/bug.h"
#include "base/vec.h"

const char *const mutation_text[MUTATION_COUNT] = {
	[MUTATION_REMOVE] = "is removed",
	[MUTATION_FROM] = "speaks of every device",
	[MUTATION_TO] = "speaks of every destination",
	[MUTATION_PORTS] = "speaks of every port",
	[MUTATION_TIME] = "holds at any time",
};

const char *const mutation_word[MUTATION_COUNT] = {
	[MUTATION_REMOVE] = "remove", [MUTATION_FROM] = "from", [MUTATION_TO] = "to",
	[MUTATION_PORTS] = "ports",   [MUTATION_TIME] = "time",
};

struct lab {
	const struct access *was;
	const struct resolved *r;
	const struct cohorts *k; /* of was */
	int64_t now;
	struct arena *a;
	struct arena scratch;		      /* of one mutant */
	bool *test_counts, *guardrail_counts; /* those that hold to begin with */
	struct source_set every;	      /* device */
	struct access_part *part;	      /* our own copy of was->part */
	struct r_policy *policy;	      /* our own copy of r->policy */
	struct policy decl;		      /* the mutated policy's document */
};

static const struct service any_port = {0, SERVICE_LAST};
static const struct r_dest everywhere = {.range = {0, ADDR_LAST}};

/* ---- one mutant ---- */

struct subject {
	const struct access *x;
	const struct cohorts *k;
	const struct resolved *r;
	const struct source_set *touched; /* whose access may differ */
};

/* Every device, and what of `from` is none. */
static struct source_set join(const struct lab *l, const struct source_set *from, struct arena *a)
{
	struct source_set out = {arena_array(a, l->every.n + from->n, uint32_t), l->every.n};

	memcpy(out.v, l->every.v, l->every.n * sizeof(*out.v));
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i] >= l->r->ndevices)
			out.v[out.n++] = from->v[i];
	return out;
}

/* Whether the policy can be widened so. */
static bool widens(struct lab *l, const struct r_policy *p, enum mutation how)
{
	struct cond cond;

	if (how != MUTATION_REMOVE && p->decl->action == ACTION_DENY)
		return false;
	switch (how) {
	case MUTATION_REMOVE: return true;
	case MUTATION_FROM: return join(l, &p->from, &l->scratch).n > p->from.n;
	case MUTATION_TO: break;
	case MUTATION_PORTS: return p->nports != 1 || p->port[0].lo != 0 || p->port[0].hi != SERVICE_LAST;
	case MUTATION_TIME: cond_of_policy(p->decl, &cond); return !cond_is_always(&cond);
	case MUTATION_COUNT: return false;
	}
	for (size_t i = 0; i < p->nto; i++)
		if (p->to[i].range.lo == 0 && p->to[i].range.hi == ADDR_LAST)
			return false;
	return true;
}

/* The document and what it resolves to, mutated. A removed one is not in the list any more: see try(). */
static void mutate_policy(struct lab *l, struct r_policy *p, enum mutation how)
{
	l->decl = *p->decl;
	p->decl = &l->decl;
	switch (how) {
	case MUTATION_FROM: p->from = join(l, &p->from, &l->scratch); return;
	case MUTATION_TO:
		p->to = arena_dup(&l->scratch, &everywhere, sizeof(everywhere));
		p->nto = 1;
		return;
	case MUTATION_PORTS:
		l->decl.ports.n = 0;
		p->port = arena_dup(&l->scratch, &any_port, sizeof(any_port));
		p->nports = 1;
		return;
	case MUTATION_TIME:
		l->decl.when.set = false;
		l->decl.not_before = CLOCK_EVER;
		l->decl.expires = CLOCK_NEVER;
		return;
	case MUTATION_REMOVE:
	case MUTATION_COUNT: l->decl.enabled = false; return;
	}
}

/* What the one part of a policy is when it is mutated. */
static void mutate_part(struct lab *l, struct access_part *part, const struct r_policy *p, enum mutation how)
{
	switch (how) {
	case MUTATION_REMOVE: part->region = REGION_EMPTY; return;
	case MUTATION_TO: part->region = dests_region(p->to, p->nto, p->port, p->nports, false, &l->scratch); return;
	case MUTATION_PORTS: part->region = dests_region(p->to, p->nto, NULL, 0, true, &l->scratch); return;
	case MUTATION_TIME: part->cond = cond_always; return;
	case MUTATION_FROM:
	case MUTATION_COUNT: break;
	}
	BUG("mutation %d of a part", (int)how);
}

/* Changes the parts in place; false: that does not do. */
static bool patch(struct lab *l, const struct r_policy *p, enum mutation how, struct access *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->was->nparts; i++)
		n += l->part[i].policy == p->decl->o.name;
	bool reshaped = how == MUTATION_TO || how == MUTATION_PORTS;
	if (how == MUTATION_FROM || (how != MUTATION_REMOVE && n == 0) || (reshaped && p->to_self))
		return false;
	for (size_t i = 0; i < l->was->nparts; i++)
		if (l->part[i].policy == p->decl->o.name)
			mutate_part(l, &l->part[i], p, how);
	*out = *l->was;
	out->part = l->part;
	return true;
}

static void unpatch(struct lab *l, const struct policy *decl)
{
	for (size_t i = 0; i < l->was->nparts; i++)
		if (l->part[i].policy == decl->o.name)
			l->part[i] = l->was->part[i];
}

/* ---- who notices ---- */

static bool sets_meet(const struct source_set *x, const struct source_set *y)
{
	for (size_t i = 0, k = 0; i < x->n && k < y->n;) {
		if (x->v[i] == y->v[k])
			return true;
		if (x->v[i] < y->v[k])
			i++;
		else
			k++;
	}
	return false;
}

static bool test_notices(struct lab *l, const struct subject *s)
{
	for (size_t i = 0; i < l->r->ntests; i++) {
		const struct r_test *t = &l->r->test[i];
		struct example_result res;
		if (!l->test_counts[i] || !sets_meet(&t->from, s->touched))
			continue;
		example_run(s->x, s->r, t, l->now, &l->scratch, &res);
		if (res.why)
			return true;
	}
	return false;
}

static bool guardrail_notices(struct lab *l, const struct subject *s)
{
	for (size_t i = 0; i < l->r->nguardrails; i++) {
		const struct r_guardrail *g = &l->r->guardrail[i];
		struct guardrail_result res;
		if (!l->guardrail_counts[i] || (g->decl->never.set && !sets_meet(&g->from, s->touched)))
			continue;
		guardrail_judge(s->x, s->k, s->r, g, s->touched, l->now, &l->scratch, &res);
		if (res.nbreaches)
			return true;
	}
	return false;
}

/* ---- what it changes ---- */

static const char *effect_text(struct lab *l, uint32_t source, struct region more, bool gains, int64_t t)
{
	char when[CLOCK_TEXT_MAX];

	return arena_printf(l->a, "%s %s %s at %s", source_text(l->r, source, l->a), gains ? "gains" : "loses",
			    point_text(point_of(more), l->a), clock_format(t, when));
}

static void add_conds(struct timeline *line, const struct access *x, uint32_t class)
{
	for (size_t i = 0; i < x->class[class].nparts; i++)
		timeline_add_cond(line, &x->part[x->class[class].part[i]].cond);
}

static const char *effect_on(struct lab *l, const struct access *x, uint32_t source)
{
	uint32_t was = l->was->class_of[source], is = x->class_of[source];
	struct access_window w = x->window[source];
	struct timeline *line = timeline_open(l->now);
	struct moment *moment;

	timeline_add_window(line, w);
	add_conds(line, l->was, was);
	add_conds(line, x, is);
	size_t n = timeline_close(line, &l->scratch, &moment);

	for (size_t i = 0; i < n; i++) {
		int64_t t = moment[i].at;
		if (t < w.from || t >= w.until)
			continue;
		struct region before = class_allowed_at(l->was, was, t, &l->scratch);
		struct region after = class_allowed_at(x, is, t, &l->scratch);
		struct region more = region_subtract(&l->scratch, after, before);
		if (!region_is_empty(more))
			return effect_text(l, source, more, true, t);
		if (!region_equal(before, after))
			return effect_text(l, source, region_subtract(&l->scratch, before, after), false, t);
	}
	return NULL;
}

static const char *effect_of(struct lab *l, const struct subject *s)
{
	/* Per cohort before: the one after, plus one, of its source that was asked last. Few cohorts split. */
	uint32_t *asked = arena_array(&l->scratch, l->k->n, uint32_t);

	for (size_t i = 0; i < s->touched->n; i++) {
		uint32_t source = s->touched->v[i];
		uint32_t *last = &asked[l->k->of[source]], now = s->k->of[source] + 1;
		if (*last == now)
			continue;
		*last = now;
		const char *effect = effect_on(l, s->x, source);
		if (effect)
			return effect;
	}
	return NULL;
}

/* ---- the run ---- */

typedef VEC(struct mutant) mutant_vec;

static void try(struct lab *l, size_t index, enum mutation how, struct mutate_report *out, mutant_vec *survivors)
{
	const struct r_policy *original = &l->r->policy[index];
	struct resolved r = *l->r;
	struct access x;
	struct cohorts k;

	mutate_policy(l, &l->policy[index], how);
	struct source_set touched = l->policy[index].from;
	r.policy = l->policy;
	if (how == MUTATION_REMOVE) {
		memmove(&l->policy[index], &l->policy[index + 1], (r.npolicies - index - 1) * sizeof(*l->policy));
		r.npolicies--;
	}
	struct subject s = {&x, l->k, &r, &touched};
	const struct r_policy *mutated = how == MUTATION_REMOVE ? original : &l->policy[index];
	if (!patch(l, mutated, how, &x)) {
		access_build(&x, &r, &l->scratch, NULL);
		cohorts_make(&k, &x, &l->scratch);
		s.k = &k;
	}
	out->tried++;
	if (test_notices(l, &s) || guardrail_notices(l, &s))
		out->noticed++;
	else
		vec_push(survivors, ((struct mutant){original->decl, how, effect_of(l, &s)}));
	unpatch(l, original->decl);
	memcpy(&l->policy[index], original, (l->r->npolicies - index) * sizeof(*l->policy));
	arena_release(&l->scratch);
}

static void find_noticers(struct lab *l)
{
	struct example_result *res;
	struct guardrail_result *g;
	size_t n = examples_run(l->was, l->r, l->now, l->a, &res);

	l->test_counts = arena_array(l->a, n, bool);
	for (size_t i = 0; i < n; i++)
		l->test_counts[i] = !res[i].why;
	n = guardrails_run(l->was, l->r, l->now, l->a, &g);
	l->guardrail_counts = arena_array(l->a, n, bool);
	for (size_t i = 0; i < n; i++)
		l->guardrail_counts[i] = !g[i].nbreaches;
}

static struct source_set every_device(const struct resolved *r, struct arena *a)
{
	struct source_set s = {arena_array(a, r->ndevices, uint32_t), r->ndevices};

	for (uint32_t i = 0; i < s.n; i++)
		s.v[i] = i;
	return s;
}

void mutate_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		struct mutate_report *out)
{
	struct cohorts k;
	struct lab l = {.was = x, .r = r, .k = &k, .now = now, .a = a, .every = every_device(r, a)};
	mutant_vec survivors = VEC_INIT;

	*out = (struct mutate_report){.tried = 0};
	cohorts_make(&k, x, a);
	l.part = arena_dup(a, x->part, x->nparts * sizeof(*l.part));
	l.policy = arena_dup(a, r->policy, r->npolicies * sizeof(*l.policy));
	arena_init(&l.scratch);
	find_noticers(&l);
	for (size_t i = 0; i < r->npolicies; i++)
		for (int how = 0; how < MUTATION_COUNT; how++)
			if (widens(&l, &r->policy[i], (enum mutation)how))
				try(&l, i, (enum mutation)how, out, &survivors);
	out->nsurvivors = survivors.n;
	out->survivor = survivors.n ? vec_freeze(&survivors, a) : NULL;
	vec_release(&survivors);
	arena_release(&l.scratch);
}
