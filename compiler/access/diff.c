/* SPDX-License-Identifier: Apache-2.0 */
#include "access/diff.h"

#include <stdlib.h>
#include <string.h>

#include "access/delta.h"
#include "access/label.h"
#include "access/members.h"
#include "access/risk.h"
#include "base/clock.h"
#include "base/vec.h"

/* One side with what is computed once for it. */
struct side {
	struct diff_side in;
	struct digest *part, *class; /* content, from now on */
	struct label_index *label;   /* made at the first need */
	struct risk_index *risk;     /* with it */
};

/* A source that is on one side or on both. */
struct matched {
	uint32_t source[2]; /* or NONE */
	uint32_t class[2];
	struct access_window window[2];
	size_t delta; /* index of its delta; set for those that have one */
};

struct delta_entry {
	struct delta d;
	struct digest digest;
	size_t group; /* the first delta with equal content */
};

struct differ {
	struct side side[2];
	int64_t now;
	const int64_t *at; /* one moment of each side; NULL: every moment from now on */
	struct arena *a;
	VEC(struct matched) matched;
	VEC(struct delta_entry) delta;
};

/* ---- content ---- */

static void digest_side(struct side *s, int64_t now, struct arena *a)
{
	const struct access *x = s->in.access;

	s->part = arena_array(a, x->nparts, struct digest);
	s->class = arena_array(a, x->nclasses, struct digest);
	for (size_t i = 0; i < x->nparts; i++)
		s->part[i] = delta_part_digest(&x->part[i], now);
	for (size_t c = 0; c < x->nclasses; c++) {
		struct digest_ctx ctx;
		digest_begin(&ctx);
		for (size_t i = 0; i < x->class[c].nparts; i++) {
			uint32_t part = x->class[c].part[i];
			if (x->part[part].cond.expires > now)
				digest_add(&ctx, &s->part[part], sizeof(struct digest));
		}
		s->class[c] = digest_end(&ctx);
	}
}

/* ---- matching sources ---- */

static const char *name_of(const struct resolved *r, uint32_t source)
{
	if (source < r->ndevices)
		return r->device[source].decl->o.name;
	source -= (uint32_t)r->ndevices;
	if (source < r->nsites)
		return r->site[source].decl->o.name;
	return r->gateway[source - r->nsites].decl->o.name;
}

static bool is_never(struct access_window w)
{
	return w.from >= w.until;
}

static bool same_content(const struct differ *f, const struct matched *m)
{
	if (is_never(m->window[0]) && is_never(m->window[1]))
		return true;
	if (f->at != NULL)
		return false; /* the same parts may hold at one moment and not at the other */
	if (m->window[0].from != m->window[1].from || m->window[0].until != m->window[1].until)
		return false;
	return memcmp(&f->side[0].class[m->class[0]], &f->side[1].class[m->class[1]], sizeof(struct digest)) == 0;
}

/* When the source is active, as far as it is compared. */
static struct access_window window_of(const struct differ *f, int s, uint32_t source)
{
	struct access_window w = f->side[s].in.access->window[source];

	if (f->at == NULL)
		return delta_window(w, f->now);
	if (w.from <= f->at[s] && f->at[s] < w.until)
		return (struct access_window){ CLOCK_EVER, CLOCK_NEVER };
	return (struct access_window){ 0, 0 };
}

static void add_matched(struct differ *f, uint32_t was, uint32_t is)
{
	struct matched m = { .source = { was, is }, .class = { NONE, NONE } };

	for (int s = 0; s < 2; s++) {
		if (m.source[s] == NONE)
			continue;
		m.class[s] = f->side[s].in.access->class_of[m.source[s]];
		m.window[s] = window_of(f, s, m.source[s]);
	}
	if (!same_content(f, &m))
		vec_push(&f->matched, m);
}

/* Sources of one kind are sorted by name: v0..end0 on the one side, v1..end1 on the other. */
static void match_kind(struct differ *f, const uint32_t first[2], const uint32_t end[2])
{
	uint32_t i = first[0], j = first[1];

	while (i < end[0] || j < end[1]) {
		int cmp = i == end[0] ? 1 : j == end[1] ? -1 :
			  strcmp(name_of(f->side[0].in.resolved, i), name_of(f->side[1].in.resolved, j));
		add_matched(f, cmp <= 0 ? i : NONE, cmp >= 0 ? j : NONE);
		i += cmp <= 0;
		j += cmp >= 0;
	}
}

static void match_sources(struct differ *f)
{
	uint32_t edge[4][2];

	for (int s = 0; s < 2; s++) {
		const struct resolved *r = f->side[s].in.resolved;
		edge[0][s] = 0;
		edge[1][s] = (uint32_t)r->ndevices;
		edge[2][s] = (uint32_t)(r->ndevices + r->nsites);
		edge[3][s] = (uint32_t)r->nsources;
	}
	for (int k = 0; k < 3; k++)
		match_kind(f, edge[k], edge[k + 1]);
}

/* ---- deltas ---- */

static int window_cmp(const struct access_window *x, const struct access_window *y)
{
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->until < y->until ? -1 : x->until > y->until;
}

static int pair_cmp(const struct matched *x, const struct matched *y)
{
	for (int s = 0; s < 2; s++) {
		if (x->class[s] != y->class[s])
			return x->class[s] < y->class[s] ? -1 : 1;
		int ret = window_cmp(&x->window[s], &y->window[s]);
		if (ret)
			return ret;
	}
	return 0;
}

static int matched_cmp(const void *px, const void *py)
{
	const struct matched *x = px, *y = py;
	int ret = pair_cmp(x, y);

	for (int s = 0; !ret && s < 2; s++)
		ret = x->source[s] < y->source[s] ? -1 : x->source[s] > y->source[s];
	return ret;
}

static void digest_grants(struct digest_ctx *c, const struct diff_grant *v, size_t n)
{
	digest_add_u64(c, n);
	for (size_t i = 0; i < n; i++) {
		digest_add_str(c, v[i].policy);
		digest_add_str(c, v[i].denied_by != NULL ? v[i].denied_by : "");
		digest_add_u64(c, v[i].nspans);
		for (size_t k = 0; k < v[i].nspans; k++) {
			const struct diff_span *s = &v[i].span[k];
			digest_add_u64(c, (uint64_t)s->from);
			digest_add_u64(c, (uint64_t)s->until);
			digest_add_u64(c, s->nweek);
			digest_add(c, s->week, s->nweek * sizeof(*s->week));
		}
		digest_add_u64(c, v[i].region.n);
		for (size_t k = 0; k < v[i].region.n; k++) {
			const struct slab *s = &v[i].region.v[k];
			digest_add_u32(c, s->service.lo);
			digest_add_u32(c, s->service.hi);
			digest_add_u64(c, s->addr.n);
			digest_add(c, s->addr.v, s->addr.n * sizeof(*s->addr.v));
		}
	}
}

static struct digest digest_delta(const struct delta *d)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_grants(&c, d->grant[0], d->n[0]);
	digest_grants(&c, d->grant[1], d->n[1]);
	return digest_end(&c);
}

static void compute_pair(struct differ *f, const struct matched *m)
{
	struct delta_side side[2];
	struct delta_entry e = { .group = f->delta.n };

	for (int s = 0; s < 2; s++)
		side[s] = (struct delta_side){ f->side[s].in.access, f->side[s].part, m->class[s], m->window[s] };
	if (f->at != NULL)
		delta_between(&e.d, side, f->at, f->a);
	else
		delta_compute(&e.d, side, f->now, f->a);
	e.digest = digest_delta(&e.d);
	vec_push(&f->delta, e);
}

/* Each distinct pair of classes and windows once; sources whose delta is empty are dropped. */
static void compute_all(struct differ *f)
{
	size_t kept = 0;

	if (f->matched.n)
		qsort(f->matched.v, f->matched.n, sizeof(*f->matched.v), matched_cmp);
	for (size_t i = 0, end; i < f->matched.n; i = end) {
		struct matched first = f->matched.v[i];
		for (end = i + 1; end < f->matched.n && pair_cmp(&f->matched.v[end], &first) == 0;)
			end++;
		compute_pair(f, &first);
		const struct delta *d = &f->delta.v[f->delta.n - 1].d;
		for (size_t k = i; (d->n[0] || d->n[1]) && k < end; k++) {
			f->matched.v[kept] = f->matched.v[k];
			f->matched.v[kept++].delta = f->delta.n - 1;
		}
	}
	f->matched.n = kept;
}

struct by_digest {
	struct digest digest;
	size_t delta;
};

static int by_digest_cmp(const void *px, const void *py)
{
	const struct by_digest *x = px, *y = py;
	int ret = memcmp(&x->digest, &y->digest, sizeof(x->digest));

	return ret ? ret : x->delta < y->delta ? -1 : x->delta > y->delta;
}

/* Different pairs may come to the same delta; they name the first of them as their group. */
static void fold_deltas(struct differ *f)
{
	VEC(struct by_digest) v = VEC_INIT;

	for (size_t i = 0; i < f->delta.n; i++)
		vec_push(&v, ((struct by_digest){ f->delta.v[i].digest, i }));
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_digest_cmp);
	for (size_t i = 0, first = 0; i < v.n; i++) {
		if (memcmp(&v.v[i].digest, &v.v[first].digest, sizeof(struct digest)) != 0)
			first = i;
		f->delta.v[v.v[i].delta].group = v.v[first].delta;
	}
	vec_release(&v);
}

/* ---- the result ---- */

/* Greater risks first; the rest as it came, by policy. */
static int grant_cmp(const void *px, const void *py)
{
	const struct diff_grant *x = px, *y = py;

	if (x->risk != y->risk)
		return x->risk > y->risk ? -1 : 1;
	int ret = strcmp(x->policy, y->policy);
	if (ret == 0)
		ret = strcmp(x->denied_by != NULL ? x->denied_by : "", y->denied_by != NULL ? y->denied_by : "");
	return ret != 0 ? ret : x->order < y->order ? -1 : x->order > y->order;
}

static void label_grants(struct differ *f, int s, struct diff_grant *v, size_t n)
{
	struct side *side = &f->side[s];

	if (n && !side->label) {
		side->label = label_index_make(side->in.resolved, f->a);
		side->risk = risk_index_make(side->in.resolved, f->a);
	}
	for (size_t i = 0; i < n; i++) {
		v[i].nitems = label_region(side->label, v[i].region, f->a, &v[i].item);
		v[i].risk = risk_of(side->risk, &v[i], f->a);
		v[i].order = i;
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), grant_cmp);
}

/* A source of a group. */
struct who {
	size_t group;
	struct member_source source;
};

static int who_cmp(const void *px, const void *py)
{
	const struct who *x = px, *y = py;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return member_source_cmp(&x->source, &y->source);
}

static struct who who_is(const struct differ *f, const struct matched *m)
{
	int s = m->source[1] != NONE;

	return (struct who){ f->delta.v[m->delta].group,
			     member_source_of(f->side[s].in.resolved, m->source[s], f->a) };
}

static void add_members(const struct differ *f, struct diff_group *g, const struct who *v, size_t n)
{
	const struct resolved *const r[2] = { f->side[0].in.resolved, f->side[1].in.resolved };
	VEC(struct member_source) source = VEC_INIT;

	for (size_t i = 0; i < n; i++)
		vec_push(&source, v[i].source);
	g->nmembers = members_make(r, source.v, source.n, f->a, &g->member);
	vec_release(&source);
}

static struct diff_group make_group(struct differ *f, const struct who *v, size_t n)
{
	const struct delta *d = &f->delta.v[v->group].d;
	struct diff_group g = { .gain = d->grant[1], .ngains = d->n[1], .loss = d->grant[0], .nlosses = d->n[0] };

	label_grants(f, 0, g.loss, g.nlosses);
	label_grants(f, 1, g.gain, g.ngains);
	add_members(f, &g, v, n);
	return g;
}

/* By what is gained, then by what is lost: the first grants have the greatest risk. */
static int risk_cmp(const struct diff_grant *x, size_t nx, const struct diff_grant *y, size_t ny)
{
	unsigned int rx = nx > 0 ? x->risk + 1 : 0, ry = ny > 0 ? y->risk + 1 : 0;

	return (rx < ry) - (rx > ry);
}

/* By risk, then by the first member: groups are disjoint, so no two are equal. */
static int group_cmp(const void *px, const void *py)
{
	const struct diff_group *gx = px, *gy = py;
	int ret = risk_cmp(gx->gain, gx->ngains, gy->gain, gy->ngains);

	if (ret == 0)
		ret = risk_cmp(gx->loss, gx->nlosses, gy->loss, gy->nlosses);
	return ret != 0 ? ret : members_cmp(gx->member, gy->member);
}

static void make_groups(struct differ *f, struct access_diff *out)
{
	VEC(struct who) who = VEC_INIT;
	VEC(struct diff_group) group = VEC_INIT;

	for (size_t i = 0; i < f->matched.n; i++)
		vec_push(&who, who_is(f, &f->matched.v[i]));
	if (who.n)
		qsort(who.v, who.n, sizeof(*who.v), who_cmp);
	for (size_t i = 0, end; i < who.n; i = end) {
		for (end = i + 1; end < who.n && who.v[end].group == who.v[i].group;)
			end++;
		vec_push(&group, make_group(f, &who.v[i], end - i));
	}
	if (group.n)
		qsort(group.v, group.n, sizeof(*group.v), group_cmp);
	out->group = vec_freeze(&group, f->a);
	out->ngroups = group.n;
	vec_release(&who);
	vec_release(&group);
}

static void differ_run(struct differ *f, struct access_diff *out)
{
	digest_side(&f->side[0], f->now, f->a);
	digest_side(&f->side[1], f->now, f->a);
	match_sources(f);
	compute_all(f);
	fold_deltas(f);
	make_groups(f, out);
	vec_release(&f->matched);
	vec_release(&f->delta);
}

void access_diff(struct access_diff *out, struct diff_side was, struct diff_side is, int64_t now, struct arena *a)
{
	struct differ f = { .side = { { .in = was }, { .in = is } }, .now = now < 0 ? 0 : now, .a = a };

	differ_run(&f, out);
}

void access_diff_at(struct access_diff *out, struct diff_side was, struct diff_side is, const int64_t at[2], struct arena *a)
{
	struct differ f = { .side = { { .in = was }, { .in = is } }, .at = at, .a = a };

	differ_run(&f, out);
}
