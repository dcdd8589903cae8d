/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of one cohort share what they reach when. Those of them that the same exceptions and waivers name are kin,
 * and are judged together; only `self` asks for one source at a time.
 */
#include "access/guardrails.h"

#include <stdlib.h>
#include <string.h>

#include "access/examples.h"
#include "access/moments.h"
#include "base/vec.h"

/* Sources of one cohort with the same leaves. */
struct kin {
	uint32_t cohort, next; /* next: another of the same cohort, or NONE */
	uint32_t chain;	       /* the leaves that name it, newest first, or NONE */
	uint32_t split_by, twin;
	uint32_t *member;
	size_t nmembers;
};

struct chain {
	uint32_t leave, before;
};

/* What one part allows of what is forbidden, at a moment. */
struct hit {
	int64_t at;
	const struct access_part *part;
	struct region region;
};

struct finding {
	struct guardrail_breach breach;
	uint64_t subject; /* whom it last counted */
};

enum meets { MEETS_UNKNOWN, MEETS_NOT, MEETS };

struct trial {
	const struct access *x;
	const struct cohorts *k;
	const struct resolved *r;
	const struct r_guardrail *g;
	const struct source_set *among; /* NULL: all sources */
	int64_t now;
	struct arena scratch; /* lives as long as the trial */
	struct arena brief;   /* what is asked of one source */
	struct region base;   /* what is forbidden, self aside */
	struct region *area;  /* per leave, self aside */
	bool leaves_self;     /* some leave names self */
	bool *applies, *used; /* per leave */
	bool *in_scope;	      /* per source */
	uint8_t *meets;	      /* per part, enum meets: whether it overlaps the base */
	VEC(struct kin) kin;
	VEC(struct chain) chain;
	uint32_t *kin_of; /* per source */
	VEC(uint32_t) relevant;
	VEC(struct hit) hit;
	uint32_t hits_class; /* whose hits these are, while they hold at any time; else NONE */
	VEC(struct finding) found;
	uint64_t subject;
};

static const struct r_dest everywhere = {.range = {0, ADDR_LAST}};

/* ---- what is forbidden, and what is left out ---- */

static struct region area_of_leave(const struct r_leave *l, struct arena *a)
{
	if (l->any_to)
		return dests_region(&everywhere, 1, l->port, l->nports, false, a);
	return dests_region(l->to, l->nto, l->port, l->nports, true, a);
}

static struct region self_area(const struct trial *t, uint32_t source, const struct service *port, size_t nports,
			       struct arena *a)
{
	const struct service any = {0, SERVICE_LAST};

	return region_product(a, other_devices(t->r, source, a), port ? port : &any, port ? nports : 1);
}

static bool has_fellows(struct trial *t, uint32_t source)
{
	bool has = other_devices(t->r, source, &t->brief).n > 0;

	arena_release(&t->brief);
	return has;
}

static void set_scope(struct trial *t)
{
	const struct r_guardrail *g = t->g;
	bool only = g->decl->only.set;

	t->in_scope = arena_array(&t->scratch, t->x->nsources, bool);
	memset(t->in_scope, only, t->x->nsources);
	for (size_t i = 0; i < g->from.n; i++)
		t->in_scope[g->from.v[i]] = !only;
	if (!t->among)
		return;
	bool *both = arena_array(&t->scratch, t->x->nsources, bool);

	for (size_t i = 0; i < t->among->n; i++)
		both[t->among->v[i]] = t->in_scope[t->among->v[i]];
	t->in_scope = both;
}

/* ---- kin ---- */

static void split_kin(struct trial *t, uint32_t leave, uint32_t source)
{
	struct kin *k = &t->kin.v[t->kin_of[source]];

	if (k->split_by != leave) {
		k->split_by = leave;
		k->twin = (uint32_t)t->kin.n;
		vec_push(&t->chain, ((struct chain){leave, k->chain}));
		struct kin twin = {k->cohort, k->next, (uint32_t)(t->chain.n - 1), NONE, NONE, NULL, 0};
		k->next = k->twin;
		vec_push(&t->kin, twin);
		k = &t->kin.v[t->kin_of[source]];
	}
	t->kin_of[source] = k->twin;
}

static void list_members(struct trial *t)
{
	uint32_t *at = arena_array(&t->scratch, t->x->nsources, uint32_t);

	for (size_t s = 0; s < t->x->nsources; s++)
		t->kin.v[t->kin_of[s]].nmembers += t->in_scope[s];
	for (size_t i = 0; i < t->kin.n; i++) {
		struct kin *k = &t->kin.v[i];
		k->member = at;
		at += k->nmembers;
		k->nmembers = 0;
	}
	for (uint32_t s = 0; s < t->x->nsources; s++) {
		struct kin *k = &t->kin.v[t->kin_of[s]];
		if (t->in_scope[s])
			k->member[k->nmembers++] = s;
	}
}

static void make_kin(struct trial *t)
{
	const struct r_guardrail *g = t->g;

	for (uint32_t i = 0; i < t->k->n; i++)
		vec_push(&t->kin, ((struct kin){i, NONE, NONE, NONE, NONE, NULL, 0}));
	t->kin_of = arena_dup(&t->scratch, t->k->of, t->x->nsources * sizeof(*t->kin_of));
	for (uint32_t i = 0; i < g->nleaves; i++)
		for (size_t n = 0; n < g->leave[i].from.n; n++)
			if (t->in_scope[g->leave[i].from.v[n]])
				split_kin(t, i, g->leave[i].from.v[n]);
	list_members(t);
}

static void set_applies(struct trial *t, const struct kin *k)
{
	for (size_t i = 0; i < t->g->nleaves; i++)
		t->applies[i] = t->g->leave[i].any_from;
	for (uint32_t c = k->chain; c != NONE; c = t->chain.v[c].before)
		t->applies[t->chain.v[c].leave] = true;
}

/* ---- what is reached of it ---- */

static bool part_meets(struct trial *t, uint32_t part, struct region asked, bool is_base)
{
	if (!is_base)
		return region_overlaps(t->x->part[part].region, asked);
	if (t->meets[part] == MEETS_UNKNOWN)
		t->meets[part] = region_overlaps(t->x->part[part].region, asked) ? MEETS : MEETS_NOT;
	return t->meets[part] == MEETS;
}

/* The parts of a class that say something of what is asked; false: none of them allows. */
static bool find_relevant(struct trial *t, uint32_t class, struct region asked, bool is_base, bool *timeless)
{
	const struct access_class *c = &t->x->class[class];
	bool allows = false;

	t->relevant.n = 0;
	*timeless = true;
	for (size_t i = 0; i < c->nparts; i++) {
		const struct access_part *p = &t->x->part[c->part[i]];
		if (!part_meets(t, c->part[i], asked, is_base))
			continue;
		vec_push(&t->relevant, c->part[i]);
		allows |= !p->deny;
		*timeless &= cond_is_always(&p->cond);
	}
	return allows;
}

static void add_hits(struct trial *t, struct region asked, int64_t at, struct arena *a)
{
	for (size_t i = 0; i < t->relevant.n && !region_is_empty(asked); i++) {
		const struct access_part *p = &t->x->part[t->relevant.v[i]];
		if (!cond_holds(&p->cond, at) || !region_overlaps(asked, p->region))
			continue;
		if (!p->deny)
			vec_push(&t->hit, ((struct hit){at, p, region_intersect(a, asked, p->region)}));
		asked = region_subtract(a, asked, p->region);
	}
}

static void add_dated_hits(struct trial *t, struct access_window w, struct region asked, struct arena *a)
{
	struct timeline *line = timeline_open(t->now);
	struct moment *moment;

	timeline_add_window(line, w);
	for (size_t i = 0; i < t->relevant.n; i++)
		timeline_add_cond(line, &t->x->part[t->relevant.v[i]].cond);
	size_t n = timeline_close(line, a, &moment);

	for (size_t i = 0; i < n; i++)
		if (w.from <= moment[i].at && moment[i].at < w.until)
			add_hits(t, asked, moment[i].at, a);
}

/* All that the cohort reaches of what is asked, at the moments at which that changes, in the order of time; false:
 * nothing. */
static bool find_hits(struct trial *t, const struct cohort *c, struct region asked, bool is_base, struct arena *a)
{
	int64_t first = c->window.from > t->now ? c->window.from : t->now;
	bool timeless = true;

	if (first >= c->window.until)
		return false;
	if (!is_base || t->hits_class != c->class) {
		t->hit.n = 0;
		if (!find_relevant(t, c->class, asked, is_base, &timeless))
			timeless = true;
		else if (timeless)
			add_hits(t, asked, first, a);
		else
			add_dated_hits(t, c->window, asked, a);
		t->hits_class = is_base && timeless ? c->class : NONE;
	}
	for (size_t i = 0; timeless && i < t->hit.n; i++)
		t->hit.v[i].at = first;
	return t->hit.n > 0;
}

/* ---- breaches ---- */

static struct finding *finding_of(struct trial *t, const struct access_part *p)
{
	for (size_t i = 0; i < t->found.n; i++)
		if (t->found.v[i].breach.policy == p->policy)
			return &t->found.v[i];
	vec_push(&t->found, ((struct finding){.breach = {.policy = p->policy, .policy_loc = p->loc, .source = NONE}}));
	return &t->found.v[t->found.n - 1];
}

static bool waiver_ended(const struct trial *t, size_t leave)
{
	const struct waiver *w = t->g->leave[leave].waiver;

	return w && w->expires <= t->now;
}

static bool concerns(const struct trial *t, size_t leave, const struct access_part *p)
{
	const struct waiver *w = t->g->leave[leave].waiver;

	return t->applies[leave] && (!w || !w->policy || !strcmp(w->policy, p->policy));
}

static struct region leave_area(const struct trial *t, size_t leave, uint32_t source, struct arena *a)
{
	const struct r_leave *l = &t->g->leave[leave];

	if (!l->to_self || source == NONE)
		return t->area[leave];
	return region_union(a, t->area[leave], self_area(t, source, l->port, l->nports, a));
}

/* What neither an exception nor a living waiver takes out of a hit; notes the waivers that it needs. */
static struct region what_is_left(struct trial *t, const struct hit *h, uint32_t source, struct arena *a)
{
	struct region left = h->region, forbidden = left;

	for (size_t i = 0; i < t->g->nleaves && !region_is_empty(forbidden); i++) {
		if (!concerns(t, i, h->part))
			continue;
		struct region area = leave_area(t, i, source, a);
		if (!region_overlaps(area, forbidden))
			continue;
		t->used[i] = true;
		if (!waiver_ended(t, i))
			left = region_subtract(a, left, area);
		if (!t->g->leave[i].waiver) /* the exceptions come first */
			forbidden = left;
	}
	return left;
}

static const struct waiver *find_ended(struct trial *t, const struct guardrail_breach *b, const struct access_part *p,
				       uint32_t self, struct arena *a)
{
	for (size_t i = 0; i < t->g->nleaves; i++)
		if (waiver_ended(t, i) && concerns(t, i, p) &&
		    region_contains(leave_area(t, i, self, a), b->point.addr, b->point.service))
			return t->g->leave[i].waiver;
	return NULL;
}

/* source: the first of n that break it; self: the same, where `self` counts, else NONE. */
static void judge_hits(struct trial *t, uint32_t source, size_t n, uint32_t self, struct arena *a)
{
	t->subject++;
	for (size_t i = 0; i < t->hit.n; i++) {
		const struct hit *h = &t->hit.v[i];
		struct region left = what_is_left(t, h, self, a);
		if (region_is_empty(left))
			continue;
		struct finding *f = finding_of(t, h->part);
		struct guardrail_breach *b = &f->breach;
		b->nsources += f->subject != t->subject ? n : 0;
		f->subject = t->subject;
		if (b->source != NONE && (b->at < h->at || (b->at == h->at && b->source <= source)))
			continue;
		b->at = h->at;
		b->source = source;
		b->point = point_of(left);
		b->ended = find_ended(t, b, h->part, self, a);
	}
}

/* ---- the evaluation ---- */

static void judge_kin(struct trial *t, const struct kin *k)
{
	set_applies(t, k);
	if (!t->leaves_self) {
		judge_hits(t, k->member[0], k->nmembers, NONE, &t->scratch);
		return;
	}
	for (size_t i = 0; i < k->nmembers; i++) {
		judge_hits(t, k->member[i], 1, k->member[i], &t->brief);
		arena_release(&t->brief);
	}
}

/* Each of these has its own other devices to reach. */
static void judge_selves(struct trial *t, const struct kin *k)
{
	const struct r_guardrail *g = t->g;

	set_applies(t, k);
	for (size_t i = 0; i < k->nmembers; i++) {
		struct region self = self_area(t, k->member[i], g->port, g->nports, &t->brief);
		struct region asked = region_union(&t->brief, t->base, self);
		if (find_hits(t, &t->k->v[k->cohort], asked, false, &t->brief))
			judge_hits(t, k->member[i], 1, k->member[i], &t->brief);
		arena_release(&t->brief);
	}
}

static void judge_cohort(struct trial *t, uint32_t cohort)
{
	bool ready = false, any = false;

	for (uint32_t i = cohort; i != NONE; i = t->kin.v[i].next) {
		const struct kin *k = &t->kin.v[i];
		if (!k->nmembers)
			continue;
		if (t->g->to_self) {
			judge_selves(t, k);
			continue;
		}
		if (!ready)
			any = find_hits(t, &t->k->v[cohort], t->base, true, &t->scratch);
		ready = true;
		if (any)
			judge_kin(t, k);
	}
}

/* Whether the exceptions take all of the base, from everybody. */
static bool all_excepted(struct trial *t)
{
	bool any = false;

	for (size_t i = 0; i < t->kin.n; i++) {
		struct region left = t->base;
		if (!t->kin.v[i].nmembers)
			continue;
		set_applies(t, &t->kin.v[i]);
		for (size_t e = 0; e < t->g->decl->never.except.n; e++)
			if (t->applies[e])
				left = region_subtract(&t->brief, left, t->area[e]);
		any |= !region_is_empty(left);
		arena_release(&t->brief);
		if (any)
			return false;
	}
	return true;
}

static const char *emptiness(struct trial *t)
{
	const struct r_guardrail *g = t->g;
	bool source = false, fellow = false;

	for (uint32_t s = 0; s < t->x->nsources; s++) {
		source |= t->in_scope[s];
		if (g->to_self && t->in_scope[s] && !fellow)
			fellow = has_fellows(t, s);
	}
	if (!source)
		return g->decl->only.set ? "its from names everybody there is" : "its from matches no source";
	if (region_is_empty(t->base) && !fellow)
		return "its to matches no destination";
	if (g->decl->never.except.n && !g->to_self && all_excepted(t))
		return "its exceptions leave nothing of it";
	return NULL;
}

static void trial_open(struct trial *t)
{
	const struct r_guardrail *g = t->g;

	arena_init(&t->scratch);
	arena_init(&t->brief);
	t->hits_class = NONE;
	t->base = dests_region(g->to, g->nto, g->port, g->nports, false, &t->scratch);
	t->area = arena_array(&t->scratch, g->nleaves, struct region);
	t->applies = arena_array(&t->scratch, g->nleaves, bool);
	t->used = arena_array(&t->scratch, g->nleaves, bool);
	t->meets = arena_array(&t->scratch, t->x->nparts, uint8_t);
	for (size_t i = 0; i < g->nleaves; i++) {
		t->area[i] = area_of_leave(&g->leave[i], &t->scratch);
		t->leaves_self |= g->leave[i].to_self;
	}
	set_scope(t);
	make_kin(t);
}

static void trial_close(struct trial *t)
{
	arena_release(&t->scratch);
	arena_release(&t->brief);
	vec_release(&t->kin);
	vec_release(&t->chain);
	vec_release(&t->relevant);
	vec_release(&t->hit);
	vec_release(&t->found);
}

/* ---- the result ---- */

static const char *breach_text(const struct trial *t, const struct guardrail_breach *b, struct arena *a)
{
	char when[CLOCK_TEXT_MAX];

	return arena_printf(a, "%s reaches %s at %s, by policy %s", source_text(t->r, b->source, a),
			    point_text(b->point, a), clock_format(b->at, when), b->policy);
}

static int breach_cmp(const void *px, const void *py)
{
	return strcmp(((const struct guardrail_breach *)px)->policy, ((const struct guardrail_breach *)py)->policy);
}

static void take_breaches(const struct trial *t, struct arena *a, struct guardrail_result *out)
{
	out->nbreaches = t->found.n;
	out->breach = arena_array(a, t->found.n, struct guardrail_breach);
	for (size_t i = 0; i < t->found.n; i++) {
		out->breach[i] = t->found.v[i].breach;
		out->breach[i].why = breach_text(t, &out->breach[i], a);
	}
	if (out->nbreaches > 1)
		qsort(out->breach, out->nbreaches, sizeof(*out->breach), breach_cmp);
}

void guardrail_add_notes(const struct r_guardrail *g, const bool *used, int64_t now, struct arena *a,
			 struct guardrail_result *out)
{
	char when[CLOCK_TEXT_MAX];

	out->note = arena_array(a, g->nleaves, struct guardrail_note);
	for (size_t i = 0; i < g->nleaves; i++) {
		const struct waiver *w = g->leave[i].waiver;
		if (!w || used[i])
			continue;
		out->note[out->nnotes++] = (struct guardrail_note){
			w->loc,
			w->expires > now ? "this waiver excuses nothing that anybody may do"
					 : arena_printf(a, "this waiver ended at %s, and nothing needs it any more",
							clock_format(w->expires, when)),
		};
	}
}

void guardrail_judge(const struct access *x, const struct cohorts *k, const struct resolved *r,
		     const struct r_guardrail *g, const struct source_set *among, int64_t now, struct arena *a,
		     struct guardrail_result *out)
{
	struct trial t = {.x = x, .k = k, .r = r, .g = g, .among = among, .now = now};

	*out = (struct guardrail_result){.decl = g->decl};
	if (g->decl->require.set) {
		require_judge(r, g, now, a, out);
		return;
	}
	trial_open(&t);
	out->empty = emptiness(&t);
	for (uint32_t i = 0; !out->empty && i < k->n; i++)
		judge_cohort(&t, i);
	take_breaches(&t, a, out);
	if (!out->empty)
		guardrail_add_notes(g, t.used, now, a, out);
	trial_close(&t);
}

size_t guardrails_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		      struct guardrail_result **out)
{
	struct cohorts k;

	*out = arena_array(a, r->nguardrails, struct guardrail_result);
	if (!r->nguardrails)
		return 0;
	cohorts_make(&k, x, a);
	for (size_t i = 0; i < r->nguardrails; i++)
		guardrail_judge(x, &k, r, &r->guardrail[i], NULL, now, a, &(*out)[i]);
	return r->nguardrails;
}

const char *guardrail_hint(const struct guardrail_breach *b, const struct diags *d, struct arena *a)
{
	const char *text = arena_printf(a, "policy %s is at %s", b->policy, diag_loc_text(d, a, b->policy_loc));
	char when[CLOCK_TEXT_MAX];

	if (b->nsources > 1)
		text = arena_printf(a, "%s; %zu sources do so", text, b->nsources);
	if (b->ended)
		text = arena_printf(a, "%s; the waiver at %s ended at %s", text, diag_loc_text(d, a, b->ended->loc),
				    clock_format(b->ended->expires, when));
	return text;
}
