/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/ranges.h"

void ranges_release(struct ranges *x)
{
	vec_release(x);
}

void ranges_add(struct ranges *x, const struct range *v, size_t n)
{
	vec_reserve(x, n);
	for (size_t i = 0; i < n; i++)
		x->v[x->n++] = v[i];
}

void ranges_add_written(struct ranges *x, struct range r)
{
	if (r.lo >= ADDR_V4_FIRST || r.hi <= ADDR_V4_LAST) {
		vec_push(x, r);
		return;
	}
	vec_push(x, ((struct range){ r.lo, ADDR_V4_FIRST - 1 }));
	vec_push(x, ((struct range){ ADDR_V4_LAST + 1, r.hi }));
}

static int range_order(const void *pa, const void *pb)
{
	const struct range *a = pa, *b = pb;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi == b->hi ? 0 : a->hi < b->hi ? -1 : 1;
}

static bool is_sorted(const struct ranges *x)
{
	for (size_t i = 1; i < x->n; i++)
		if (x->v[i].lo < x->v[i - 1].lo)
			return false;
	return true;
}

void ranges_merge(struct ranges *x)
{
	if (x->n < 2)
		return;
	if (!is_sorted(x))
		qsort(x->v, x->n, sizeof(*x->v), range_order);
	size_t last = 0;
	for (size_t i = 1; i < x->n; i++) {
		struct range *top = &x->v[last];
		if (top->hi == ADDR_LAST || x->v[i].lo <= top->hi + 1) {
			if (x->v[i].hi > top->hi)
				top->hi = x->v[i].hi;
		} else {
			x->v[++last] = x->v[i];
		}
	}
	x->n = last + 1;
}

void ranges_subtract(const struct ranges *x, const struct ranges *y, struct ranges *out)
{
	for (size_t i = 0; i < x->n; i++) {
		u128 lo = x->v[i].lo, hi = x->v[i].hi;
		bool left = true;
		for (size_t j = ranges_seek(y->v, y->n, lo); left && j < y->n && y->v[j].lo <= hi; j++) {
			if (y->v[j].lo > lo)
				vec_push(out, ((struct range){ lo, y->v[j].lo - 1 }));
			left = y->v[j].hi < hi;
			lo = y->v[j].hi + 1; /* not read after a wrap: then left is false */
		}
		if (left)
			vec_push(out, ((struct range){ lo, hi }));
	}
}

struct range *ranges_freeze(const struct ranges *x, struct arena *a, size_t *n)
{
	*n = x->n;
	return x->n ? vec_freeze(x, a) : NULL;
}

size_t ranges_seek(const struct range *v, size_t n, u128 addr)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid].hi < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ranges_contain(const struct range *v, size_t n, u128 addr)
{
	size_t i = ranges_seek(v, n, addr);
	return i < n && v[i].lo <= addr;
}
