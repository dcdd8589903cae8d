/* SPDX-License-Identifier: Apache-2.0 */
/* region - a sweep over services; in each strip the algebra of one-dimensional range sets. */
#include "access/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define SET_EMPTY ((struct range_set){ NULL, 0 })

typedef VEC(struct slab) slab_vec;

/* ---- one dimension ---- */

static int range_cmp(const void *px, const void *py)
{
	const struct range *x = px, *y = py;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return 0;
}

/* Appends r, whose lo is not below that of the last; merges what overlaps or touches. */
static void push_range(struct range *v, size_t *n, struct range r)
{
	struct range *last = *n ? &v[*n - 1] : NULL;

	if (last && (last->hi == ADDR_LAST || r.lo <= last->hi + 1)) {
		if (r.hi > last->hi)
			last->hi = r.hi;
		return;
	}
	v[(*n)++] = r;
}

/* Index of the first range whose end is >= at. */
static size_t range_set_seek(struct range_set x, u128 at)
{
	size_t lo = 0, hi = x.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (x.v[mid].hi < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The ranges of x that meet the span of y, uncut, so that a small y costs little. */
static struct range_set range_set_near(struct range_set x, struct range_set y)
{
	if (!x.n || !y.n)
		return SET_EMPTY;
	size_t from = range_set_seek(x, y.v[0].lo);
	size_t to = range_set_seek(x, y.v[y.n - 1].hi);

	if (to < x.n && x.v[to].lo <= y.v[y.n - 1].hi)
		to++;
	return from < to ? (struct range_set){ x.v + from, to - from } : SET_EMPTY;
}

static bool ranges_are_canonical(const struct range *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i - 1].hi == ADDR_LAST || v[i].lo <= v[i - 1].hi + 1)
			return false;
	return true;
}

struct range_set range_set_make(struct arena *a, const struct range *v, size_t n)
{
	if (!n)
		return SET_EMPTY;
	struct range *out = arena_dup(a, v, n * sizeof(*v));

	if (ranges_are_canonical(out, n))
		return (struct range_set){ out, n };
	qsort(out, n, sizeof(*out), range_cmp);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		push_range(out, &kept, out[i]);
	return (struct range_set){ out, kept };
}

struct range_set range_set_union(struct arena *a, struct range_set x, struct range_set y)
{
	if (!y.n || range_set_subset(y, x))
		return x;
	if (!x.n || range_set_subset(x, y))
		return y;
	struct range *out = arena_array(a, x.n + y.n, struct range);
	size_t n = 0, i = 0, j = 0;

	while (i < x.n || j < y.n) {
		bool take_x = j == y.n || (i < x.n && x.v[i].lo <= y.v[j].lo);
		push_range(out, &n, take_x ? x.v[i++] : y.v[j++]);
	}
	return (struct range_set){ out, n };
}

struct range_set range_set_intersect(struct arena *a, struct range_set x, struct range_set y)
{
	if (range_set_subset(x, y))
		return x;
	if (range_set_subset(y, x))
		return y;
	struct range_set xs = range_set_near(x, y), ys = range_set_near(y, x);
	struct range *out = arena_array(a, xs.n + ys.n, struct range);
	size_t n = 0, i = 0, j = 0;

	while (i < xs.n && j < ys.n) {
		u128 lo = xs.v[i].lo > ys.v[j].lo ? xs.v[i].lo : ys.v[j].lo;
		u128 hi = xs.v[i].hi < ys.v[j].hi ? xs.v[i].hi : ys.v[j].hi;
		if (lo <= hi)
			out[n++] = (struct range){ lo, hi };
		if (xs.v[i].hi < ys.v[j].hi)
			i++;
		else
			j++;
	}
	return n ? (struct range_set){ out, n } : SET_EMPTY;
}

struct range_set range_set_subtract(struct arena *a, struct range_set x, struct range_set y)
{
	struct range_set ys = range_set_near(y, x);

	if (!ys.n)
		return x;
	struct range *out = arena_array(a, x.n + ys.n, struct range);
	size_t n = 0, j = 0;

	for (size_t i = 0; i < x.n; i++) {
		struct range left = x.v[i];
		bool some = true;
		while (j < ys.n && ys.v[j].hi < left.lo)
			j++;
		for (; some && j < ys.n && ys.v[j].lo <= left.hi; j++) {
			if (ys.v[j].lo > left.lo)
				out[n++] = (struct range){ left.lo, ys.v[j].lo - 1 };
			some = ys.v[j].hi < left.hi;
			if (!some)
				break; /* it may reach into the next of x */
			left.lo = ys.v[j].hi + 1;
		}
		if (some)
			out[n++] = left;
	}
	return n ? (struct range_set){ out, n } : SET_EMPTY;
}

bool range_set_equal(struct range_set x, struct range_set y)
{
	if (x.n != y.n)
		return false;
	return x.v == y.v || !x.n || memcmp(x.v, y.v, x.n * sizeof(*x.v)) == 0;
}

bool range_set_contains(struct range_set x, u128 at)
{
	size_t i = range_set_seek(x, at);

	return i < x.n && x.v[i].lo <= at;
}

bool range_set_subset(struct range_set x, struct range_set y)
{
	if (!x.n || (x.v == y.v && x.n <= y.n))
		return true;
	if (!y.n || x.v[0].lo < y.v[0].lo || x.v[x.n - 1].hi > y.v[y.n - 1].hi)
		return false;
	size_t j = range_set_seek(y, x.v[0].lo);

	for (size_t i = 0; i < x.n; i++) {
		while (j < y.n && y.v[j].hi < x.v[i].lo)
			j++;
		if (j == y.n || y.v[j].lo > x.v[i].lo || y.v[j].hi < x.v[i].hi)
			return false;
	}
	return true;
}

static bool range_set_overlaps(struct range_set x, struct range_set y)
{
	if (x.n > y.n) {
		struct range_set swap = x;
		x = y;
		y = swap;
	}
	if (!x.n)
		return false;
	size_t i = 0, j = range_set_seek(y, x.v[0].lo);

	while (i < x.n && j < y.n) {
		if (x.v[i].hi < y.v[j].lo)
			i++;
		else if (y.v[j].hi < x.v[i].lo)
			j++;
		else
			return true;
	}
	return false;
}

/* ---- two dimensions ---- */

/* Appends a strip above the last; equal neighbours that touch become one, empty ones nothing. */
static void push_slab(slab_vec *out, uint32_t lo, uint32_t hi, struct range_set addr)
{
	struct slab *last = out->n ? &out->v[out->n - 1] : NULL;

	if (!addr.n)
		return;
	if (last && last->service.hi + 1 == lo && range_set_equal(last->addr, addr)) {
		last->service.hi = hi;
		return;
	}
	vec_push(out, ((struct slab){ { lo, hi }, addr }));
}

static struct region freeze(slab_vec *out, struct arena *a)
{
	struct region r = REGION_EMPTY;

	if (out->n)
		r = (struct region){ vec_freeze(out, a), out->n };
	vec_release(out);
	return r;
}

typedef struct range_set (*set_op)(struct arena *a, struct range_set x, struct range_set y);

/* The slab of x that pos lies in or that comes next; *i only grows. */
static const struct slab *slab_at(struct region x, size_t *i, uint32_t pos)
{
	while (*i < x.n && x.v[*i].service.hi < pos)
		(*i)++;
	return *i < x.n ? &x.v[*i] : NULL;
}

/* The addresses of s at pos; *end is lowered to where that stops being true. */
static struct range_set strip_of(const struct slab *s, uint32_t pos, uint32_t *end)
{
	if (!s)
		return SET_EMPTY;
	bool inside = s->service.lo <= pos;
	uint32_t stop = inside ? s->service.hi : s->service.lo - 1;

	if (stop < *end)
		*end = stop;
	return inside ? s->addr : SET_EMPTY;
}

static struct region combine(struct arena *a, struct region x, struct region y, set_op op)
{
	slab_vec out = VEC_INIT;
	size_t i = 0, j = 0;

	for (uint32_t pos = 0; pos <= SERVICE_LAST;) {
		const struct slab *sx = slab_at(x, &i, pos), *sy = slab_at(y, &j, pos);
		if (!sx && !sy)
			break;
		uint32_t end = SERVICE_LAST;
		struct range_set xs = strip_of(sx, pos, &end);
		struct range_set ys = strip_of(sy, pos, &end);
		if (xs.n || ys.n)
			push_slab(&out, pos, end, op(a, xs, ys));
		pos = end + 1;
	}
	return freeze(&out, a);
}

struct region region_union(struct arena *a, struct region x, struct region y)
{
	if (!x.n)
		return y;
	return y.n ? combine(a, x, y, range_set_union) : x;
}

struct region region_intersect(struct arena *a, struct region x, struct region y)
{
	return x.n && y.n ? combine(a, x, y, range_set_intersect) : REGION_EMPTY;
}

struct region region_subtract(struct arena *a, struct region x, struct region y)
{
	return x.n && y.n ? combine(a, x, y, range_set_subtract) : x;
}

static int slab_cmp(const void *px, const void *py)
{
	const struct service *x = &((const struct slab *)px)->service, *y = &((const struct slab *)py)->service;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi < y->hi ? -1 : x->hi > y->hi;
}

/* Union of many sets; where the largest holds the others, it is shared and nothing is made. */
static struct range_set union_of_slabs(struct arena *a, const struct slab *const *v, size_t n)
{
	size_t big = 0, total = 0;

	for (size_t i = 0; i < n; i++) {
		total += v[i]->addr.n;
		if (v[i]->addr.n > v[big]->addr.n)
			big = i;
	}
	VEC(struct range) others = VEC_INIT;

	vec_reserve(&others, total - v[big]->addr.n + 1);
	for (size_t i = 0; i < n; i++) {
		if (i == big || range_set_subset(v[i]->addr, v[big]->addr))
			continue;
		for (size_t k = 0; k < v[i]->addr.n; k++)
			others.v[others.n++] = v[i]->addr.v[k];
	}
	struct range_set out = v[big]->addr;

	if (others.n)
		out = range_set_union(a, out, range_set_make(a, others.v, others.n));
	vec_release(&others);
	return out;
}

static bool slabs_are_canonical(const struct slab *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i].addr.n || (i && v[i - 1].service.hi + 1 >= v[i].service.lo))
			return false; /* one that merely touches may have to be merged */
	return true;
}

/* The slabs that cover the place where a sweep stands. */
struct sweep {
	const struct slab *all; /* sorted */
	size_t n, next;
	const struct slab **open;
	size_t nopen;
};

/* Moves to pos; returns the end of the strip that begins there. */
static uint32_t sweep_to(struct sweep *w, uint32_t pos)
{
	size_t kept = 0;
	uint32_t end = SERVICE_LAST;

	for (size_t i = 0; i < w->nopen; i++)
		if (w->open[i]->service.hi >= pos)
			w->open[kept++] = w->open[i];
	for (; w->next < w->n && w->all[w->next].service.lo <= pos; w->next++)
		w->open[kept++] = &w->all[w->next];
	w->nopen = kept;
	for (size_t i = 0; i < kept; i++)
		if (w->open[i]->service.hi < end)
			end = w->open[i]->service.hi;
	if (w->next < w->n && w->all[w->next].service.lo - 1 < end)
		end = w->all[w->next].service.lo - 1;
	return end;
}

struct region region_from_slabs(struct arena *a, const struct slab *v, size_t n)
{
	if (!n)
		return REGION_EMPTY;
	if (slabs_are_canonical(v, n))
		return (struct region){ arena_dup(a, v, n * sizeof(*v)), n };
	VEC(struct slab) sorted = VEC_INIT;
	VEC(const struct slab *) open = VEC_INIT;
	slab_vec out = VEC_INIT;

	vec_reserve(&sorted, n);
	vec_reserve(&open, n);
	memcpy(sorted.v, v, n * sizeof(*v));
	qsort(sorted.v, n, sizeof(*v), slab_cmp);
	struct sweep w = { sorted.v, n, 0, open.v, 0 };

	for (uint32_t pos = sorted.v[0].service.lo; pos <= SERVICE_LAST;) {
		uint32_t end = sweep_to(&w, pos);
		if (!w.nopen && w.next == n)
			break;
		if (w.nopen)
			push_slab(&out, pos, end, union_of_slabs(a, w.open, w.nopen));
		pos = end + 1;
	}
	vec_release(&sorted);
	vec_release(&open);
	return freeze(&out, a);
}

static int box_cmp(const void *px, const void *py)
{
	const struct box *x = px, *y = py;

	if (x->service.lo != y->service.lo)
		return x->service.lo < y->service.lo ? -1 : 1;
	if (x->service.hi != y->service.hi)
		return x->service.hi < y->service.hi ? -1 : 1;
	return range_cmp(&x->addr, &y->addr);
}

struct region region_make(struct arena *a, const struct box *v, size_t n)
{
	VEC(struct box) sorted = VEC_INIT;
	VEC(struct range) addr = VEC_INIT;
	slab_vec slabs = VEC_INIT;

	if (!n)
		return REGION_EMPTY;
	vec_reserve(&sorted, n);
	memcpy(sorted.v, v, n * sizeof(*v));
	qsort(sorted.v, n, sizeof(*v), box_cmp);
	for (size_t i = 0; i < n;) {
		struct service s = sorted.v[i].service;
		addr.n = 0;
		for (; i < n && sorted.v[i].service.lo == s.lo && sorted.v[i].service.hi == s.hi; i++)
			vec_push(&addr, sorted.v[i].addr);
		vec_push(&slabs, ((struct slab){ s, range_set_make(a, addr.v, addr.n) }));
	}
	struct region out = region_from_slabs(a, slabs.v, slabs.n);

	vec_release(&sorted);
	vec_release(&addr);
	vec_release(&slabs);
	return out;
}

struct region region_product(struct arena *a, struct range_set addr, const struct service *s, size_t ns)
{
	slab_vec slabs = VEC_INIT;

	for (size_t i = 0; i < ns; i++)
		vec_push(&slabs, ((struct slab){ s[i], addr }));
	struct region out = region_from_slabs(a, slabs.v, slabs.n);

	vec_release(&slabs);
	return out;
}

struct region region_all(struct arena *a)
{
	const struct box all = { { 0, ADDR_LAST }, { 0, SERVICE_LAST } };

	return region_make(a, &all, 1);
}

/* ---- questions ---- */

bool region_is_empty(struct region x)
{
	return !x.n;
}

bool region_equal(struct region x, struct region y)
{
	if (x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n && x.v != y.v; i++)
		if (x.v[i].service.lo != y.v[i].service.lo || x.v[i].service.hi != y.v[i].service.hi ||
		    !range_set_equal(x.v[i].addr, y.v[i].addr))
			return false;
	return true;
}

bool region_contains(struct region x, u128 addr, uint32_t service)
{
	size_t lo = 0, hi = x.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (x.v[mid].service.hi < service)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x.n && x.v[lo].service.lo <= service && range_set_contains(x.v[lo].addr, addr);
}

bool region_overlaps(struct region x, struct region y)
{
	size_t i = 0, j = 0;

	while (i < x.n && j < y.n) {
		const struct slab *sx = &x.v[i], *sy = &y.v[j];
		if (sx->service.lo <= sy->service.hi && sy->service.lo <= sx->service.hi &&
		    range_set_overlaps(sx->addr, sy->addr))
			return true;
		if (sx->service.hi < sy->service.hi)
			i++;
		else
			j++;
	}
	return false;
}

struct range_set region_addresses(struct arena *a, struct region x)
{
	VEC(const struct slab *) all = VEC_INIT;

	if (!x.n)
		return SET_EMPTY;
	vec_reserve(&all, x.n);
	for (size_t i = 0; i < x.n; i++)
		all.v[all.n++] = &x.v[i];
	struct range_set out = union_of_slabs(a, all.v, all.n);

	vec_release(&all);
	return out;
}

size_t region_boxes(struct region x)
{
	size_t n = 0;

	for (size_t i = 0; i < x.n; i++)
		n += x.v[i].addr.n;
	return n;
}

struct box region_first(struct region x)
{
	return (struct box){ x.v[0].addr.v[0], x.v[0].service };
}
