/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

/*
 * A sweep along the address axis over the ranges that the classes reach, cut to the addresses of devices. Between two
 * events the same classes are active; stretches with the same ones share a set.
 */
struct event {
	u128 at; /* the first address at which it counts */
	uint32_t class;
	bool leaves;
};

struct stretch {
	u128 lo;
	struct range_set sources;
};

struct known {
	uint64_t key[2]; /* a sum over the active classes */
	struct range_set sources;
	bool taken;
};

struct inbound {
	struct stretch *v; /* ascending; each reaches to the next */
	size_t n;
};

struct sweep {
	const struct access *x;
	const struct resolved *r;
	struct arena *a;
	VEC(struct event) event;
	uint32_t *active, *place; /* class ids, and where each stands in active */
	size_t nactive;
	uint64_t key[2];
	struct known *known; /* open addressing */
	size_t nknown, cap_known;
	VEC(struct stretch) stretch;
	VEC(struct range) range;
};

static uint64_t mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

static void source_ranges(struct sweep *s, uint32_t source)
{
	const struct resolved *r = s->r;
	const struct access_window *w = &s->x->window[source];

	if (w->from >= w->until)
		return;
	if (source < r->ndevices) {
		const struct device *d = r->device[source].decl;
		for (size_t i = 0; i < d->addresses.n; i++)
			vec_push(&s->range, ((struct range){ d->addresses.v[i], d->addresses.v[i] }));
		for (size_t i = 0; i < d->networks.n; i++)
			vec_push(&s->range, prefix_range(d->networks.v[i]));
	} else if (source < r->ndevices + r->nsites) {
		const struct site *site = r->site[source - r->ndevices].decl;
		for (size_t i = 0; i < site->networks.n; i++)
			vec_push(&s->range, prefix_range(site->networks.v[i]));
	} else {
		const struct gateway *g = r->gateway[source - r->ndevices - r->nsites].decl;
		for (size_t i = 0; i < g->addresses.n; i++)
			vec_push(&s->range, ((struct range){ g->addresses.v[i], g->addresses.v[i] }));
	}
}

static struct known *known_slot(const struct known *v, size_t cap, const uint64_t key[2])
{
	size_t i = key[0] & (cap - 1);

	while (v[i].taken && (v[i].key[0] != key[0] || v[i].key[1] != key[1]))
		i = (i + 1) & (cap - 1);
	return (struct known *)&v[i];
}

static void known_grow(struct sweep *s)
{
	size_t cap = s->cap_known ? 2 * s->cap_known : 256;
	struct known *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		BUG("out of memory");
	for (size_t i = 0; i < s->cap_known; i++)
		if (s->known[i].taken)
			*known_slot(v, cap, s->known[i].key) = s->known[i];
	free(s->known);
	s->known = v;
	s->cap_known = cap;
}

static struct range_set active_sources(struct sweep *s)
{
	if (4 * (s->nknown + 1) > 3 * s->cap_known)
		known_grow(s);
	struct known *k = known_slot(s->known, s->cap_known, s->key);
	if (k->taken)
		return k->sources;
	s->range.n = 0;
	for (size_t i = 0; i < s->nactive; i++) {
		const struct access_class *c = &s->x->class[s->active[i]];
		for (size_t m = 0; m < c->nmembers; m++)
			source_ranges(s, c->member[m]);
	}
	*k = (struct known){ { s->key[0], s->key[1] }, range_set_make(s->a, s->range.v, s->range.n), true };
	s->nknown++;
	return k->sources;
}

static void activate(struct sweep *s, uint32_t class, bool leaves)
{
	uint64_t sign = leaves ? UINT64_MAX : 1;

	s->key[0] += sign * mix(class);
	s->key[1] += sign * mix(~(uint64_t)class);
	if (leaves) {
		uint32_t last = s->active[--s->nactive];
		s->active[s->place[class]] = last;
		s->place[last] = s->place[class];
	} else {
		s->place[class] = (uint32_t)s->nactive;
		s->active[s->nactive++] = class;
	}
}

static int cmp_event(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	int c = addr_cmp(x->at, y->at);

	if (c == 0)
		c = y->leaves - x->leaves;
	return c != 0 ? c : (x->class > y->class) - (x->class < y->class);
}

static struct range_set device_ranges(const struct resolved *r, struct arena *a)
{
	VEC(struct range) v = VEC_INIT;

	for (size_t i = 0; i < r->nowners; i++)
		if (r->owner[i].source < r->ndevices)
			vec_push(&v, r->owner[i].range);
	struct range_set s = range_set_make(a, v.v, v.n);
	vec_release(&v);
	return s;
}

static void add_events(struct sweep *s, uint32_t class, struct range_set reach)
{
	for (size_t i = 0; i < reach.n; i++) {
		vec_push(&s->event, ((struct event){ reach.v[i].lo, class, false }));
		if (reach.v[i].hi != ADDR_LAST)
			vec_push(&s->event, ((struct event){ reach.v[i].hi + 1, class, true }));
	}
}

struct inbound *inbound_make(const struct access *x, const struct resolved *r, const struct range_set *out,
			     struct arena *a)
{
	struct sweep s = { .x = x, .r = r, .a = a };
	struct inbound *in = arena_new(a, struct inbound);
	struct arena scratch;

	arena_init(&scratch);
	struct range_set devices = device_ranges(r, &scratch);
	for (uint32_t c = 0; c < x->nclasses; c++)
		add_events(&s, c, range_set_intersect(&scratch, out[c], devices));
	if (s.event.n > 0)
		qsort(s.event.v, s.event.n, sizeof(*s.event.v), cmp_event);
	s.active = arena_array(&scratch, x->nclasses, uint32_t);
	s.place = arena_array(&scratch, x->nclasses, uint32_t);
	for (size_t i = 0; i < s.event.n;) {
		u128 at = s.event.v[i].at;
		for (; i < s.event.n && s.event.v[i].at == at; i++)
			activate(&s, s.event.v[i].class, s.event.v[i].leaves);
		struct stretch t = { at, active_sources(&s) };
		vec_push(&s.stretch, t);
	}
	in->v = vec_freeze(&s.stretch, a);
	in->n = s.stretch.n;
	free(s.known);
	vec_release(&s.event);
	vec_release(&s.stretch);
	vec_release(&s.range);
	arena_release(&scratch);
	return in;
}

struct range_set inbound_of(const struct inbound *in, struct range r, struct arena *a)
{
	struct range_set out = { NULL, 0 };
	size_t lo = 0, hi = in->n;

	while (lo < hi) { /* the first stretch that starts beyond r.lo */
		size_t mid = lo + (hi - lo) / 2;
		if (in->v[mid].lo <= r.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo > 0 ? lo - 1 : 0; i < in->n && in->v[i].lo <= r.hi; i++)
		if (in->v[i].sources.n > 0)
			out = out.n > 0 ? range_set_union(a, out, in->v[i].sources) : in->v[i].sources;
	return out;
}
