/* SPDX-License-Identifier: Apache-2.0 */
#include "access/delta.h"

#include <stdlib.h>
#include <string.h>

#include "access/moments.h"
#include "base/bug.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"

typedef VEC(const struct access_part *) part_vec;

/* What a part allows at one moment and the other side does not. */
struct event {
	const struct access_part *part;
	const struct access_part *other; /* what denies it there; NULL: nothing allows it */
	struct region region;
	uint32_t moment;
};

/* Points that are granted at exactly the same moments. */
struct atom {
	struct region region;
	uint64_t *held; /* bits, one a moment */
};

typedef VEC(struct event) event_vec;
typedef VEC(struct atom) atom_vec;

struct work {
	const struct delta_side *side; /* two of them */
	int64_t now;
	const int64_t *at; /* two moments to compare, one a side; NULL: each moment from now on with itself */
	struct arena scratch;
	part_vec live[2];
	struct region interest; /* outside it both sides surely agree */
	struct moment *moment;
	size_t nmoments, words;
	event_vec event[2];
};

/* ---- what a part does from now on ---- */

static bool is_past(const struct cond *c, int64_t now)
{
	return c->expires <= now;
}

struct digest delta_part_digest(const struct access_part *p, int64_t now)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_add_u32(&c, p->deny);
	digest_add_u64(&c, p->cond.not_before <= now ? 0 : (uint64_t)p->cond.not_before);
	digest_add_u64(&c, (uint64_t)p->cond.expires);
	digest_add_u32(&c, p->cond.nweek);
	digest_add(&c, p->cond.week, p->cond.nweek * sizeof(*p->cond.week));
	for (size_t i = 0; i < p->region.n; i++) {
		const struct slab *s = &p->region.v[i];
		digest_add_u32(&c, s->service.lo);
		digest_add_u32(&c, s->service.hi);
		digest_add_u64(&c, s->addr.n);
		digest_add(&c, s->addr.v, s->addr.n * sizeof(*s->addr.v));
	}
	return digest_end(&c);
}

struct access_window delta_window(struct access_window w, int64_t now)
{
	if (w.from >= w.until || w.until <= now)
		return (struct access_window){ 0, 0 };
	if (w.from <= now)
		w.from = CLOCK_EVER;
	return w;
}

/* ---- where they may differ ---- */

static void find_live(struct work *w, int s)
{
	const struct delta_side *side = &w->side[s];

	if (side->class == NONE || side->window.from >= side->window.until)
		return;
	const struct access_class *c = &side->access->class[side->class];

	for (size_t i = 0; i < c->nparts; i++) {
		const struct access_part *p = &side->access->part[c->part[i]];
		if (w->at != NULL ? cond_holds(&p->cond, w->at[s]) : !is_past(&p->cond, w->now))
			vec_push(&w->live[s], p);
	}
}

static bool same_part(const struct work *w, const struct access_part *x, const struct access_part *y)
{
	return memcmp(&w->side[0].part_digest[x - w->side[0].access->part],
		      &w->side[1].part_digest[y - w->side[1].access->part], sizeof(struct digest)) == 0;
}

static bool is_active(const struct work *w, int s, int64_t t)
{
	return w->side[s].window.from <= t && t < w->side[s].window.until;
}

static bool same_window(const struct work *w)
{
	if (w->at != NULL)
		return is_active(w, 0, w->at[0]) == is_active(w, 1, w->at[1]);
	return w->side[0].window.from == w->side[1].window.from && w->side[0].window.until == w->side[1].window.until;
}

/* With equal windows a point that only the common head and tail of both lists name is decided alike. */
static void find_interest(struct work *w)
{
	part_vec *x = &w->live[0], *y = &w->live[1];
	size_t head = 0, tail = 0;
	VEC(struct slab) all = VEC_INIT;

	if (same_window(w)) {
		while (head < x->n && head < y->n && same_part(w, x->v[head], y->v[head]))
			head++;
		while (tail < x->n - head && tail < y->n - head &&
		       same_part(w, x->v[x->n - 1 - tail], y->v[y->n - 1 - tail]))
			tail++;
	}
	for (int s = 0; s < 2; s++)
		for (size_t i = head; i + tail < w->live[s].n; i++)
			for (size_t k = 0; k < w->live[s].v[i]->region.n; k++)
				vec_push(&all, w->live[s].v[i]->region.v[k]);
	w->interest = region_from_slabs(&w->scratch, all.v, all.n);
	vec_release(&all);
}

/* Drops the parts that have no say there, and with them their dates and windows. */
static void drop_others(struct work *w)
{
	for (int s = 0; s < 2; s++) {
		size_t kept = 0;
		for (size_t i = 0; i < w->live[s].n; i++)
			if (region_overlaps(w->live[s].v[i]->region, w->interest))
				w->live[s].v[kept++] = w->live[s].v[i];
		w->live[s].n = kept;
	}
}

/* ---- every moment ---- */

static void find_moments(struct work *w)
{
	struct timeline *t = timeline_open(w->now);

	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < w->live[s].n; i++)
			timeline_add_cond(t, &w->live[s].v[i]->cond);
		timeline_add_window(t, w->side[s].window);
	}
	w->nmoments = timeline_close(t, &w->scratch, &w->moment);
	w->words = w->nmoments / 64 + 1;
}

/* What one side says at a moment: the pieces of the interest that each part decides, and what is allowed in all. */
struct verdicts {
	event_vec allow, deny;
	struct region allowed;
};

static void decide(struct work *w, int s, uint32_t moment, struct verdicts *out)
{
	struct arena *a = &w->scratch;
	int64_t t = w->at != NULL ? w->at[s] : w->moment[moment].at;
	struct region open = w->interest;

	out->allow.n = out->deny.n = 0;
	out->allowed = REGION_EMPTY;
	if (!is_active(w, s, t))
		return;
	for (size_t i = 0; i < w->live[s].n && !region_is_empty(open); i++) {
		const struct access_part *p = w->live[s].v[i];
		if (!cond_holds(&p->cond, t) || !region_overlaps(p->region, open))
			continue;
		struct event e = { p, NULL, region_intersect(a, open, p->region), moment };
		if (p->deny) {
			vec_push(&out->deny, e);
		} else {
			vec_push(&out->allow, e);
			out->allowed = region_union(a, out->allowed, e.region);
		}
		open = region_subtract(a, open, p->region);
	}
}

/* Cuts the event by what denies it on the other side. */
static void add_events(struct work *w, int s, struct event e, const event_vec *deny)
{
	for (size_t i = 0; i < deny->n && !region_is_empty(e.region); i++) {
		if (!region_overlaps(e.region, deny->v[i].region))
			continue;
		struct event cut = { e.part, deny->v[i].part, region_intersect(&w->scratch, e.region, deny->v[i].region),
				     e.moment };
		vec_push(&w->event[s], cut);
		e.region = region_subtract(&w->scratch, e.region, cut.region);
	}
	if (!region_is_empty(e.region))
		vec_push(&w->event[s], e);
}

static void compare_at(struct work *w, uint32_t moment, struct verdicts v[2])
{
	decide(w, 0, moment, &v[0]);
	decide(w, 1, moment, &v[1]);
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < v[s].allow.n; i++) {
			struct event e = v[s].allow.v[i];
			e.region = region_subtract(&w->scratch, e.region, v[!s].allowed);
			add_events(w, s, e, &v[!s].deny);
		}
}

/* ---- moments to spans ---- */

static bool is_held(const struct atom *x, size_t moment)
{
	return x->held[moment / 64] >> moment % 64 & 1;
}

/* A run of stretches in which the atom holds in the seconds `in` of the week; `known` are those that occur at all. */
struct run {
	int64_t from, until;
	struct range_set in, known;
};

/* Whether both say the same of every second that both know. */
static bool agree(struct work *w, const struct run *x, const struct run *y)
{
	struct arena *a = &w->scratch;

	return range_set_equal(range_set_intersect(a, x->in, y->known), range_set_intersect(a, y->in, x->known));
}

static struct run stretch_of(struct work *w, const struct atom *x, size_t *i)
{
	struct run r = { w->moment[*i].from, w->moment[*i].until, { NULL, 0 }, { NULL, 0 } };

	for (; *i < w->nmoments && w->moment[*i].from == r.from; ++*i) {
		r.known = range_set_union(&w->scratch, r.known, w->moment[*i].week);
		if (is_held(x, *i))
			r.in = range_set_union(&w->scratch, r.in, w->moment[*i].week);
	}
	return r;
}

static struct diff_span span_of(const struct work *w, const struct run *r, struct arena *a)
{
	struct diff_span span = { r->from <= w->now ? CLOCK_EVER : r->from, r->until, NULL, 0 };

	if (range_set_equal(r->in, r->known))
		return span;
	struct week_span *week = arena_array(a, r->in.n, struct week_span);

	for (size_t i = 0; i < r->in.n; i++)
		week[i] = (struct week_span){ (uint32_t)r->in.v[i].lo, (uint32_t)r->in.v[i].hi + 1 };
	span.week = week;
	span.nweek = r->in.n;
	return span;
}

static void find_spans(struct work *w, const struct atom *x, struct diff_grant *g, struct arena *a)
{
	VEC(struct run) run = VEC_INIT;
	VEC(struct diff_span) span = VEC_INIT;

	for (size_t i = 0; i < w->nmoments;) {
		struct run next = stretch_of(w, x, &i);
		struct run *last = run.n ? &run.v[run.n - 1] : NULL;
		if (!last || !agree(w, last, &next)) {
			vec_push(&run, next);
			continue;
		}
		last->until = next.until;
		last->in = range_set_union(&w->scratch, last->in, next.in);
		last->known = range_set_union(&w->scratch, last->known, next.known);
	}
	for (size_t i = 0; i < run.n; i++)
		if (run.v[i].in.n)
			vec_push(&span, span_of(w, &run.v[i], a));
	g->span = vec_freeze(&span, a);
	g->nspans = span.n;
	vec_release(&run);
	vec_release(&span);
}

static const char *spans_text(const struct diff_span *v, size_t n, struct arena *a)
{
	enum { MOST = 6 };
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (size_t i = 0; i < n && i < MOST; i++) {
		const char *dates = dates_text(v[i].from, v[i].until, a), *week = week_text(v[i].week, v[i].nweek, a);
		buf_adds(&b, i ? "; " : "");
		buf_adds(&b, dates);
		buf_adds(&b, *dates && *week ? ", " : "");
		buf_adds(&b, *dates || *week ? week : "always");
	}
	if (n > MOST)
		buf_addf(&b, "; and %zu times more", n - MOST);
	return arena_strdup(a, buf_str(&b));
}

/* ---- events to grants ---- */

static int other_cmp(const struct event *x, const struct event *y)
{
	if (x->other == NULL || y->other == NULL)
		return (x->other != NULL) - (y->other != NULL);
	return strcmp(x->other->policy, y->other->policy);
}

/* Events that become one list of grants. */
static int origin_cmp(const struct event *x, const struct event *y)
{
	int ret = strcmp(x->part->policy, y->part->policy);

	return ret ? ret : other_cmp(x, y);
}

static int event_cmp(const void *px, const void *py)
{
	const struct event *x = px, *y = py;
	int ret = origin_cmp(x, y);

	if (ret)
		return ret;
	if (x->moment != y->moment)
		return x->moment < y->moment ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

static void add_atom(struct work *w, atom_vec *v, struct region region, const uint64_t *held, uint32_t moment)
{
	uint64_t *bits = arena_array(&w->scratch, w->words, uint64_t);

	if (held)
		memcpy(bits, held, w->words * sizeof(*bits));
	bits[moment / 64] |= UINT64_C(1) << moment % 64;
	vec_push(v, ((struct atom){ region, bits }));
}

/* Cuts the atoms so that `region` is made of whole ones, and marks those as held. */
static void refine(struct work *w, atom_vec *v, struct region region, uint32_t moment)
{
	struct arena *a = &w->scratch;
	size_t n = v->n;

	for (size_t i = 0; i < n && !region_is_empty(region); i++) {
		struct region old = v->v[i].region;
		if (!region_overlaps(old, region))
			continue;
		struct region both = region_intersect(a, old, region);
		region = region_subtract(a, region, both);
		if (region_equal(both, old)) {
			v->v[i].held[moment / 64] |= UINT64_C(1) << moment % 64;
			continue;
		}
		add_atom(w, v, both, v->v[i].held, moment);
		v->v[i].region = region_subtract(a, old, both);
	}
	if (!region_is_empty(region))
		add_atom(w, v, region, NULL, moment);
}

static int atom_cmp(const void *px, const void *py, void *arg)
{
	const struct atom *x = px, *y = py;
	const struct work *w = arg;
	int ret = memcmp(x->held, y->held, w->words * sizeof(*x->held));

	if (ret)
		return ret;
	struct box bx = region_first(x->region), by = region_first(y->region);

	if (bx.service.lo != by.service.lo)
		return bx.service.lo < by.service.lo ? -1 : 1;
	return addr_cmp(bx.addr.lo, by.addr.lo);
}

static struct region join_alike(struct work *w, const atom_vec *v, size_t *i, struct arena *a)
{
	const uint64_t *held = v->v[*i].held;
	VEC(struct slab) all = VEC_INIT;

	for (; *i < v->n && memcmp(v->v[*i].held, held, w->words * sizeof(*held)) == 0; ++*i)
		for (size_t k = 0; k < v->v[*i].region.n; k++)
			vec_push(&all, v->v[*i].region.v[k]);
	struct region joined = region_from_slabs(&w->scratch, all.v, all.n);
	struct slab *out = arena_dup(a, joined.v, joined.n * sizeof(*joined.v));

	for (size_t k = 0; k < joined.n; k++)
		out[k].addr.v = arena_dup(a, out[k].addr.v, out[k].addr.n * sizeof(*out[k].addr.v));
	vec_release(&all);
	return (struct region){ out, joined.n };
}

typedef VEC(struct diff_grant) grant_vec;

/* The grants of one policy against one other, whose events are v[0..n). */
static void grants_of_policy(struct work *w, const struct event *v, size_t n, struct arena *a, grant_vec *out)
{
	atom_vec atom = VEC_INIT;

	for (size_t i = 0; i < n;) {
		uint32_t moment = v[i].moment;
		struct region region = REGION_EMPTY;
		for (; i < n && v[i].moment == moment; i++)
			region = region_union(&w->scratch, region, v[i].region);
		refine(w, &atom, region, moment);
	}
	qsort_r(atom.v, atom.n, sizeof(*atom.v), atom_cmp, w);
	for (size_t i = 0; i < atom.n;) {
		struct diff_grant g = { .policy = v->part->policy, .loc = v->part->loc };
		if (v->other != NULL) {
			g.denied_by = v->other->policy;
			g.denied_loc = v->other->loc;
		}
		size_t first = i;
		g.region = join_alike(w, &atom, &i, a);
		if (w->at == NULL)
			find_spans(w, &atom.v[first], &g, a);
		g.when = w->at == NULL ? spans_text(g.span, g.nspans, a) : NULL;
		vec_push(out, g);
	}
	vec_release(&atom);
}

static void grants_of_side(struct work *w, int s, struct delta *out, struct arena *a)
{
	event_vec *v = &w->event[s];
	grant_vec grant = VEC_INIT;

	if (v->n)
		qsort(v->v, v->n, sizeof(*v->v), event_cmp);
	for (size_t i = 0, end; i < v->n; i = end) {
		for (end = i + 1; end < v->n && origin_cmp(&v->v[end], &v->v[i]) == 0;)
			end++;
		grants_of_policy(w, &v->v[i], end - i, a, &grant);
	}
	out->grant[s] = vec_freeze(&grant, a);
	out->n[s] = grant.n;
	vec_release(&grant);
}

static void compute(struct work *w, struct delta *out, struct arena *a)
{
	struct verdicts v[2] = { { .allowed = REGION_EMPTY }, { .allowed = REGION_EMPTY } };

	*out = (struct delta){ .n = { 0, 0 } };
	arena_init(&w->scratch);
	find_live(w, 0);
	find_live(w, 1);
	find_interest(w);
	if (!region_is_empty(w->interest)) {
		drop_others(w);
		if (w->at == NULL)
			find_moments(w);
		for (size_t i = 0; i < w->nmoments; i++)
			compare_at(w, (uint32_t)i, v);
		grants_of_side(w, 0, out, a);
		grants_of_side(w, 1, out, a);
	}
	for (int s = 0; s < 2; s++) {
		vec_release(&w->live[s]);
		vec_release(&w->event[s]);
		vec_release(&v[s].allow);
		vec_release(&v[s].deny);
	}
	arena_release(&w->scratch);
}

void delta_compute(struct delta *out, const struct delta_side side[2], int64_t now, struct arena *a)
{
	struct work w = { .side = side, .now = now < 0 ? 0 : now };

	compute(&w, out, a);
}

void delta_between(struct delta *out, const struct delta_side side[2], const int64_t at[2], struct arena *a)
{
	struct work w = { .side = side, .at = at, .nmoments = 1, .words = 1 };

	compute(&w, out, a);
}
