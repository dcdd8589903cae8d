/* SPDX-License-Identifier: Apache-2.0 */
#include "access/label.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/vec.h"

/* In the order in which names are tried. */
enum rank { RANK_ANY, RANK_INTERNET, RANK_SITE, RANK_RESOURCE, RANK_DEVICE, RANK_GATEWAY, RANK_COUNT };

#define EXCEPT_MAX 4 /* exceptions that a label names at most */

struct named {
	const char *text;
	struct range_set addr;
	struct region region; /* addr × the services of its own */
	enum rank rank;
};

struct label_index {
	struct named *v; /* by lowest address */
	size_t n;
	struct named any, internet;
};

typedef VEC(struct named) named_vec;
typedef VEC(struct range) range_vec;
typedef VEC(struct diff_item) item_vec;

static const struct service any_service = { 0, SERVICE_LAST };

/* ---- names ---- */

static struct named make_named(enum rank rank, const char *text, struct range_set addr, const struct service *s,
			       size_t n, struct arena *a)
{
	return (struct named){ text, addr, region_product(a, addr, n ? s : &any_service, n ? n : 1), rank };
}

static void add_named(named_vec *out, enum rank rank, const char *kind, const char *name, range_vec *range,
		      const struct service *s, size_t n, struct arena *a)
{
	if (range->n)
		vec_push(out, make_named(rank, arena_printf(a, "%s:%s", kind, name),
					 range_set_make(a, range->v, range->n), s, n, a));
	range->n = 0;
}

static void add_resource(named_vec *out, const struct resource *x, range_vec *range, struct arena *a)
{
	VEC(struct service) own = VEC_INIT;

	for (size_t i = 0; i < x->addresses.n; i++)
		vec_push(range, x->addresses.v[i]);
	for (size_t i = 0; i < x->ports.n; i++)
		for (size_t k = 0; k < x->ports.v[i].n; k++)
			vec_push(&own, x->ports.v[i].s[k]);
	add_named(out, RANK_RESOURCE, "resource", x->o.name, range, own.v, own.n, a);
	vec_release(&own);
}

static void add_addresses(range_vec *out, const addr_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		vec_push(out, ((struct range){ v->v[i], v->v[i] }));
}

static void add_prefixes(range_vec *out, const prefix_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		vec_push(out, prefix_range(v->v[i]));
}

static void add_all(const struct resolved *r, named_vec *out, struct arena *a)
{
	range_vec range = VEC_INIT;

	for (size_t i = 0; i < r->nsites; i++) {
		add_prefixes(&range, &r->site[i].decl->networks);
		add_named(out, RANK_SITE, "site", r->site[i].decl->o.name, &range, NULL, 0, a);
	}
	for (size_t i = 0; i < r->nresources; i++)
		add_resource(out, r->resource[i].decl, &range, a);
	for (size_t i = 0; i < r->ndevices; i++) {
		if (r->device[i].decl->revoked)
			continue; /* its addresses are no longer its own */
		add_addresses(&range, &r->device[i].decl->addresses);
		add_prefixes(&range, &r->device[i].decl->networks);
		add_named(out, RANK_DEVICE, "device", r->device[i].decl->o.name, &range, NULL, 0, a);
	}
	for (size_t i = 0; i < r->ngateways; i++) {
		add_addresses(&range, &r->gateway[i].decl->addresses);
		add_named(out, RANK_GATEWAY, "gateway", r->gateway[i].decl->o.name, &range, NULL, 0, a);
	}
	vec_release(&range);
}

static int named_cmp(const void *px, const void *py)
{
	const struct named *x = px, *y = py;
	int ret = addr_cmp(x->addr.v[0].lo, y->addr.v[0].lo);

	if (!ret)
		ret = (int)x->rank - (int)y->rank;
	return ret ? ret : strcmp(x->text, y->text);
}

struct label_index *label_index_make(const struct resolved *r, struct arena *a)
{
	struct label_index *x = arena_new(a, struct label_index);
	const struct range all = { 0, ADDR_LAST };
	named_vec v = VEC_INIT;

	add_all(r, &v, a);
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), named_cmp);
	x->v = vec_freeze(&v, a);
	x->n = v.n;
	vec_release(&v);
	x->any = make_named(RANK_ANY, "any", range_set_make(a, &all, 1), NULL, 0, a);
	x->internet = make_named(RANK_INTERNET, "internet", range_set_make(a, r->internet, r->ninternet), NULL, 0, a);
	return x;
}

/* ---- names in a region ---- */

struct labelling {
	const struct label_index *x;
	struct region rest;
	item_vec item;
	struct arena *a;
};

/* Its addresses times the services on which all of them lie in the rest. */
static struct region whole_part(const struct labelling *l, const struct named *x)
{
	VEC(struct service) s = VEC_INIT;
	struct region out = REGION_EMPTY;

	for (size_t i = 0; i < l->rest.n; i++)
		if (range_set_subset(x->addr, l->rest.v[i].addr))
			vec_push(&s, l->rest.v[i].service);
	if (s.n)
		out = region_intersect(l->a, region_product(l->a, x->addr, s.v, s.n), x->region);
	vec_release(&s);
	return out;
}

static void add_item(struct labelling *l, const char *label, bool is_object, struct range_set addr,
		     const struct slab *v, size_t n)
{
	struct service *s = arena_array(l->a, n, struct service);

	for (size_t i = 0; i < n; i++)
		s[i] = v[i].service;
	vec_push(&l->item, ((struct diff_item){ label, is_object, addr, s, n }));
}

typedef VEC(struct slab) slab_vec;

static void try_name(struct labelling *l, const struct named *x, slab_vec *taken)
{
	struct region whole = x->addr.n ? whole_part(l, x) : REGION_EMPTY;

	if (region_is_empty(whole))
		return;
	add_item(l, x->text, x->rank >= RANK_SITE, x->addr, whole.v, whole.n);
	for (size_t i = 0; i < whole.n; i++)
		vec_push(taken, whole.v[i]);
}

static void drop_taken(struct labelling *l, slab_vec *taken)
{
	if (taken->n)
		l->rest = region_subtract(l->a, l->rest, region_from_slabs(l->a, taken->v, taken->n));
	taken->n = 0;
}

static void try_one(struct labelling *l, const struct named *x)
{
	slab_vec taken = VEC_INIT;

	try_name(l, x, &taken);
	drop_taken(l, &taken);
	vec_release(&taken);
}

/* Names of the rank whose lowest address lies in the rest: no other can be whole. */
static void try_rank(struct labelling *l, enum rank rank)
{
	struct range_set addr = region_addresses(l->a, l->rest);
	slab_vec taken = VEC_INIT;
	size_t at = 0;

	for (size_t i = 0; i < addr.n; i++) {
		size_t hi = l->x->n;
		while (at < hi) {
			size_t mid = at + (hi - at) / 2;
			if (l->x->v[mid].addr.v[0].lo < addr.v[i].lo)
				at = mid + 1;
			else
				hi = mid;
		}
		for (; at < l->x->n && l->x->v[at].addr.v[0].lo <= addr.v[i].hi; at++)
			if (l->x->v[at].rank == rank)
				try_name(l, &l->x->v[at], &taken);
	}
	drop_taken(l, &taken);
	vec_release(&taken);
}

/* ---- what has no name ---- */

/* Cuts at the edges of IPv4, so that each piece has a text of its own family. */
static struct range_set by_family(struct range_set x, struct arena *a)
{
	const u128 edge[] = { ADDR_V4_FIRST, ADDR_V4_LAST + 1 };
	range_vec v = VEC_INIT;

	for (size_t i = 0; i < x.n; i++) {
		struct range r = x.v[i];
		for (size_t k = 0; k < 2; k++)
			if (r.lo < edge[k] && edge[k] <= r.hi) {
				vec_push(&v, ((struct range){ r.lo, edge[k] - 1 }));
				r.lo = edge[k];
			}
		vec_push(&v, r);
	}
	struct range_set out = { vec_freeze(&v, a), v.n };

	vec_release(&v);
	return out;
}

static bool add_except(struct labelling *l, const struct named *of, struct range_set addr, const struct slab *v,
		       size_t n)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	char text[ADDR_TEXT_MAX];

	if (!range_set_subset(addr, of->addr))
		return false;
	struct range_set missing = by_family(range_set_subtract(l->a, of->addr, addr), l->a);

	if (missing.n > EXCEPT_MAX || missing.n >= addr.n)
		return false;
	buf_addf(&b, "%s except ", of->text);
	for (size_t i = 0; i < missing.n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", range_format(missing.v[i], text));
	add_item(l, arena_strdup(l->a, buf_str(&b)), false, addr, v, n);
	return true;
}

static void add_raw(struct labelling *l, struct range_set addr, const struct slab *v, size_t n)
{
	char text[ADDR_TEXT_MAX];
	struct range_set cut = by_family(addr, l->a);

	if (add_except(l, &l->x->internet, addr, v, n) || add_except(l, &l->x->any, addr, v, n))
		return;
	for (size_t i = 0; i < cut.n; i++)
		add_item(l, arena_strdup(l->a, range_format(cut.v[i], text)), false,
			 (struct range_set){ &cut.v[i], 1 }, v, n);
}

static int slab_cmp(const void *px, const void *py)
{
	const struct slab *x = px, *y = py;

	for (size_t i = 0; i < x->addr.n && i < y->addr.n; i++) {
		int ret = addr_cmp(x->addr.v[i].lo, y->addr.v[i].lo);
		if (!ret)
			ret = addr_cmp(x->addr.v[i].hi, y->addr.v[i].hi);
		if (ret)
			return ret;
	}
	if (x->addr.n != y->addr.n)
		return x->addr.n < y->addr.n ? -1 : 1;
	return x->service.lo < y->service.lo ? -1 : x->service.lo > y->service.lo;
}

/* Slabs with the same addresses are one item, or one an address range. */
static void label_rest(struct labelling *l)
{
	struct slab *v = arena_dup(l->a, l->rest.v, l->rest.n * sizeof(*v));

	if (l->rest.n)
		qsort(v, l->rest.n, sizeof(*v), slab_cmp);
	for (size_t i = 0, end; i < l->rest.n; i = end) {
		for (end = i + 1; end < l->rest.n && range_set_equal(v[end].addr, v[i].addr);)
			end++;
		add_raw(l, v[i].addr, &v[i], end - i);
	}
}

size_t label_region(const struct label_index *x, struct region region, struct arena *a, struct diff_item **out)
{
	struct labelling l = { .x = x, .rest = region, .a = a };

	try_one(&l, &x->any);
	try_one(&l, &x->internet);
	for (enum rank rank = RANK_SITE; rank < RANK_COUNT; rank++)
		try_rank(&l, rank);
	label_rest(&l);
	size_t n = l.item.n;

	*out = vec_freeze(&l.item, a);
	vec_release(&l.item);
	return n;
}

/* ---- services ---- */

/* The language's `icmp` is both. */
static bool is_icmp_pair(const struct service *v, size_t n, size_t i)
{
	if (v[i].lo != SERVICE(1, 0) || v[i].hi != SERVICE(1, 0xffff))
		return false;
	for (size_t k = i + 1; k < n; k++)
		if (v[k].lo == SERVICE(58, 0) && v[k].hi == SERVICE(58, 0xffff))
			return true;
	return false;
}

/* An interval cut where a protocol of which it has only some ports begins or ends: "proto/0-5, tcp/0-79". */
static size_t by_protocol(struct service s, struct service out[static 3])
{
	size_t n = 0;

	if (SERVICE_PROTO(s.lo) == SERVICE_PROTO(s.hi)) {
		out[n++] = s;
		return n;
	}
	if (SERVICE_PORT(s.lo) != 0) {
		out[n++] = (struct service){ s.lo, SERVICE(SERVICE_PROTO(s.lo), 0xffff) };
		s.lo = out[0].hi + 1;
	}
	bool cut = SERVICE_PORT(s.hi) != 0xffff;
	uint32_t last = cut ? SERVICE(SERVICE_PROTO(s.hi), 0) - 1 : s.hi;
	if (s.lo <= last)
		out[n++] = (struct service){ s.lo, last };
	if (cut)
		out[n++] = (struct service){ last + 1, s.hi };
	return n;
}

static void add_services(struct buf *b, const struct service *v, size_t n)
{
	char text[SERVICE_TEXT_MAX];
	bool both = false;

	for (size_t i = 0; i < n; i++) {
		bool pair = is_icmp_pair(v, n, i);
		struct service piece[3];
		if (both && v[i].lo == SERVICE(58, 0) && v[i].hi == SERVICE(58, 0xffff))
			continue;
		both = both || pair;
		size_t pieces = by_protocol(v[i], piece);
		for (size_t k = 0; k < pieces; k++)
			buf_addf(b, "%s%s", i || k ? ", " : "", pair ? "icmp" : service_format(piece[k], text));
	}
}

/* What lies between the intervals; they are ascending, from the first service to the last. */
static void add_all_except(struct buf *b, const struct service *v, size_t n)
{
	VEC(struct service) gap = VEC_INIT;

	for (size_t i = 1; i < n; i++)
		vec_push(&gap, ((struct service){ v[i - 1].hi + 1, v[i].lo - 1 }));
	buf_adds(b, "any except ");
	add_services(b, gap.v, gap.n);
	vec_release(&gap);
}

const char *services_text(const struct service *v, size_t n, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	if (n > 1 && v[0].lo == 0 && v[n - 1].hi == SERVICE_LAST)
		add_all_except(&b, v, n);
	else
		add_services(&b, v, n);
	return arena_strdup(a, buf_str(&b));
}
