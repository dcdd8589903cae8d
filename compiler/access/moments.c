/* SPDX-License-Identifier: Apache-2.0 */
#include "access/moments.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"

typedef VEC(uint32_t) index_vec;

struct timeline {
	int64_t from;
	VEC(int64_t) date;
	VEC(struct cond) weekly; /* conditions with a weekly window */
};

/* The states of the week under a set of weekly conditions. */
struct states {
	index_vec live;       /* the conditions, indices into weekly */
	index_vec edge;       /* where intervals begin, 0 first; the end of the week last */
	VEC(uint64_t) sig;    /* words of bits, one run for each interval: which conditions hold in it */
	size_t words;
	index_vec order;      /* intervals by signature, then time */
};

struct timeline *timeline_open(int64_t from)
{
	struct timeline *t = vec_grow(NULL, &(size_t){ 0 }, 1, sizeof(*t));

	/* No date of the language lies before 1970. */
	*t = (struct timeline){ .from = from < 0 ? 0 : from };
	return t;
}

static void add_date(struct timeline *t, int64_t date)
{
	if (date > t->from && date != CLOCK_NEVER)
		vec_push(&t->date, date);
}

void timeline_add_cond(struct timeline *t, const struct cond *c)
{
	add_date(t, c->not_before);
	add_date(t, c->expires);
	if (c->nweek && c->expires > t->from)
		vec_push(&t->weekly, *c);
}

void timeline_add_window(struct timeline *t, struct access_window w)
{
	if (w.from >= w.until)
		return;
	add_date(t, w.from);
	add_date(t, w.until);
}

static int date_cmp(const void *px, const void *py)
{
	const int64_t *x = px, *y = py;

	return *x < *y ? -1 : *x > *y;
}

static int u32_cmp(const void *px, const void *py)
{
	const uint32_t *x = px, *y = py;

	return *x < *y ? -1 : *x > *y;
}

static int weekly_cmp(const void *px, const void *py)
{
	return cond_cmp(px, py);
}

static void sort_unique(struct timeline *t)
{
	size_t kept = 0;

	if (t->date.n)
		qsort(t->date.v, t->date.n, sizeof(*t->date.v), date_cmp);
	for (size_t i = 0; i < t->date.n; i++)
		if (!kept || t->date.v[i] != t->date.v[kept - 1])
			t->date.v[kept++] = t->date.v[i];
	t->date.n = kept;
	kept = 0;
	if (t->weekly.n)
		qsort(t->weekly.v, t->weekly.n, sizeof(*t->weekly.v), weekly_cmp);
	for (size_t i = 0; i < t->weekly.n; i++)
		if (!kept || cond_cmp(&t->weekly.v[i], &t->weekly.v[kept - 1]) != 0)
			t->weekly.v[kept++] = t->weekly.v[i];
	t->weekly.n = kept;
}

/* ---- states of the week ---- */

/* The weekly conditions in force in the stretch that begins at `from`; false: the same as before. */
static bool find_live(const struct timeline *t, int64_t from, struct states *s)
{
	index_vec live = VEC_INIT;

	for (size_t i = 0; i < t->weekly.n; i++)
		if (t->weekly.v[i].not_before <= from && from < t->weekly.v[i].expires)
			vec_push(&live, (uint32_t)i);
	bool same = s->edge.n && live.n == s->live.n &&
		    (!live.n || memcmp(live.v, s->live.v, live.n * sizeof(*live.v)) == 0);

	if (same) {
		vec_release(&live);
		return false;
	}
	vec_release(&s->live);
	s->live = live;
	return true;
}

static void find_edges(const struct timeline *t, struct states *s)
{
	s->edge.n = 0;
	vec_push(&s->edge, 0);
	vec_push(&s->edge, WEEK_SECONDS);
	for (size_t i = 0; i < s->live.n; i++) {
		const struct cond *c = &t->weekly.v[s->live.v[i]];
		for (uint32_t k = 0; k < c->nweek; k++) {
			vec_push(&s->edge, c->week[k].from);
			vec_push(&s->edge, c->week[k].until);
		}
	}
	qsort(s->edge.v, s->edge.n, sizeof(*s->edge.v), u32_cmp);
	size_t kept = 0;

	for (size_t i = 0; i < s->edge.n; i++)
		if (!kept || s->edge.v[i] != s->edge.v[kept - 1])
			s->edge.v[kept++] = s->edge.v[i];
	s->edge.n = kept;
}

/* Sets bit `bit` in the intervals of the condition's windows, whose ends are all edges. */
static void mark(struct states *s, const struct cond *c, size_t bit)
{
	size_t i = 0;

	for (uint32_t k = 0; k < c->nweek; k++) {
		while (s->edge.v[i] < c->week[k].from)
			i++;
		for (; s->edge.v[i] < c->week[k].until; i++)
			s->sig.v[i * s->words + bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

static int sig_cmp(const void *px, const void *py, void *arg)
{
	const struct states *s = arg;
	uint32_t x = *(const uint32_t *)px, y = *(const uint32_t *)py;
	int ret = memcmp(&s->sig.v[x * s->words], &s->sig.v[y * s->words], s->words * sizeof(uint64_t));

	return ret ? ret : x < y ? -1 : x > y;
}

static bool same_state(const struct states *s, uint32_t x, uint32_t y)
{
	return memcmp(&s->sig.v[x * s->words], &s->sig.v[y * s->words], s->words * sizeof(uint64_t)) == 0;
}

static void find_states(const struct timeline *t, struct states *s)
{
	find_edges(t, s);
	size_t n = s->edge.n - 1;

	s->words = s->live.n / 64 + 1;
	s->sig.n = 0;
	vec_reserve(&s->sig, n * s->words);
	memset(s->sig.v, 0, n * s->words * sizeof(*s->sig.v));
	for (size_t i = 0; i < s->live.n; i++)
		mark(s, &t->weekly.v[s->live.v[i]], i);
	s->order.n = 0;
	for (size_t i = 0; i < n; i++)
		vec_push(&s->order, (uint32_t)i);
	qsort_r(s->order.v, n, sizeof(*s->order.v), sig_cmp, s);
}

/* ---- moments ---- */

/* The first second from `from` on that lies in the interval of the week. */
static int64_t first_in(uint32_t lo, uint32_t until, int64_t from)
{
	uint32_t now = clock_week_second(from);

	if (lo <= now && now < until)
		return from;
	return from + (now < lo ? lo - now : WEEK_SECONDS - now + lo);
}

/* One moment for the intervals order[i..end), which share a state. */
static struct moment moment_of(const struct states *s, size_t i, size_t end, int64_t from, int64_t until,
			       struct arena *a)
{
	VEC(struct range) week = VEC_INIT;
	struct moment m = { CLOCK_NEVER, from, until, { NULL, 0 } };

	for (; i < end; i++) {
		uint32_t lo = s->edge.v[s->order.v[i]], stop = s->edge.v[s->order.v[i] + 1];
		int64_t at = first_in(lo, stop, from);
		if (at < m.at)
			m.at = at;
		vec_push(&week, ((struct range){ lo, stop - 1 }));
	}
	m.week = range_set_make(a, week.v, week.n);
	vec_release(&week);
	return m;
}

typedef VEC(struct moment) moment_vec;

static void add_stretch(const struct states *s, int64_t from, int64_t until, struct arena *a, moment_vec *out)
{
	for (size_t i = 0, end; i < s->order.n; i = end) {
		for (end = i + 1; end < s->order.n && same_state(s, s->order.v[i], s->order.v[end]);)
			end++;
		struct moment m = moment_of(s, i, end, from, until, a);
		if (m.at < until)
			vec_push(out, m);
	}
}

static int moment_cmp(const void *px, const void *py)
{
	const struct moment *x = px, *y = py;

	return x->at < y->at ? -1 : x->at > y->at;
}

size_t timeline_close(struct timeline *t, struct arena *a, struct moment **out)
{
	struct states s = { .words = 0 };
	moment_vec all = VEC_INIT;

	sort_unique(t);
	for (size_t i = 0; i <= t->date.n; i++) {
		int64_t from = i ? t->date.v[i - 1] : t->from;
		int64_t until = i < t->date.n ? t->date.v[i] : CLOCK_NEVER;
		if (find_live(t, from, &s))
			find_states(t, &s);
		add_stretch(&s, from, until, a, &all);
	}
	qsort(all.v, all.n, sizeof(*all.v), moment_cmp);
	size_t n = all.n;

	*out = vec_freeze(&all, a);
	vec_release(&all);
	vec_release(&s.live);
	vec_release(&s.edge);
	vec_release(&s.sig);
	vec_release(&s.order);
	vec_release(&t->date);
	vec_release(&t->weekly);
	free(t);
	return n;
}

/* Adds the conditions of a class's parts, each part once for all classes. */
static void add_class(struct timeline *t, const struct access *x, uint32_t class, bool *seen)
{
	const struct access_class *c = &x->class[class];

	for (size_t i = 0; i < c->nparts; i++) {
		if (!seen[c->part[i]])
			timeline_add_cond(t, &x->part[c->part[i]].cond);
		seen[c->part[i]] = true;
	}
}

size_t access_moments(const struct access *x, const uint32_t *source, size_t n, int64_t from, struct arena *a,
		      int64_t **out)
{
	bool *class_seen = vec_grow(NULL, &(size_t){ 0 }, x->nclasses + x->nparts + 1, sizeof(bool));
	bool *part_seen = class_seen + x->nclasses;
	struct timeline *t = timeline_open(from);
	struct moment *moment;

	memset(class_seen, 0, (x->nclasses + x->nparts) * sizeof(bool));
	for (size_t i = 0; i < n; i++) {
		uint32_t class = x->class_of[source[i]];
		timeline_add_window(t, x->window[source[i]]);
		if (!class_seen[class])
			add_class(t, x, class, part_seen);
		class_seen[class] = true;
	}
	size_t count = timeline_close(t, a, &moment);

	*out = arena_array(a, count, int64_t);
	for (size_t i = 0; i < count; i++)
		(*out)[i] = moment[i].at;
	free(class_seen);
	return count;
}
