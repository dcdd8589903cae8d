/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region algebra against sets of bits: 16 stretches of addresses times 8 stretches of services are the 128 bits of
 * one integer, in which union, intersection and difference are | & and & ~.
 */
#include "access/region.h"
#include "prop/prop.h"

#define NADDR 16
#define NSERVICE 8

/* Where each stretch begins; both ends of both axes, the edges of IPv4 and touching single points are among them. */
static const u128 addr_from[NADDR + 1] = {
	0, 1, 2, 0x100, ADDR_V4_FIRST - 1, ADDR_V4_FIRST, ADDR_V4_FIRST + 0x0a000000u, ADDR_V4_FIRST + 0x0a000001u,
	ADDR_V4_FIRST + 0x0a000100u, ADDR_V4_LAST, ADDR_V4_LAST + 1, (u128)0x2000 << 112, (u128)0xfd00 << 112,
	((u128)0xfd00 << 112) + 1, ADDR_LAST - 1, ADDR_LAST, 0 /* one past the last */
};

static const uint32_t service_from[NSERVICE + 1] = {
	0, 1, SERVICE(1, 0), SERVICE(6, 0), SERVICE(6, 443), SERVICE(6, 444), SERVICE(17, 0), SERVICE_LAST,
	SERVICE_LAST + 1
};

static u128 bit(unsigned int addr, unsigned int service)
{
	return (u128)1 << (service * NADDR + addr);
}

static u128 bits_of(struct region r)
{
	u128 out = 0;

	for (unsigned int s = 0; s < NSERVICE; s++)
		for (unsigned int i = 0; i < NADDR; i++)
			if (region_contains(r, addr_from[i], service_from[s]))
				out |= bit(i, s);
	return out;
}

struct cells {
	unsigned int a0, a1, s0, s1; /* inclusive */
};

static struct cells random_cells(struct prng *p)
{
	struct cells c = { prng_below(p, NADDR), 0, prng_below(p, NSERVICE), 0 };
	bool wide = prng_chance(p, 30);

	c.a1 = c.a0 + prng_below(p, wide ? NADDR - c.a0 : 1 + (c.a0 < NADDR - 1));
	c.s1 = c.s0 + prng_below(p, prng_chance(p, 40) ? NSERVICE - c.s0 : 1);
	return c;
}

static struct box box_of(struct cells c)
{
	return (struct box){ { addr_from[c.a0], addr_from[c.a1 + 1] - 1 },
			     { service_from[c.s0], service_from[c.s1 + 1] - 1 } };
}

static struct region random_region(struct prng *p, struct arena *a, u128 *bits)
{
	struct box box[12];
	size_t n = prng_below(p, 13);

	*bits = 0;
	for (size_t i = 0; i < n; i++) {
		struct cells c = random_cells(p);
		box[i] = box_of(c);
		for (unsigned int s = c.s0; s <= c.s1; s++)
			for (unsigned int k = c.a0; k <= c.a1; k++)
				*bits |= bit(k, s);
	}
	return region_make(a, box, n);
}

/* The promises of region.h about the form. */
static bool is_canonical(struct region r)
{
	for (size_t i = 0; i < r.n; i++) {
		const struct slab *s = &r.v[i];
		if (!s->addr.n || s->service.lo > s->service.hi || s->service.hi > SERVICE_LAST)
			return false;
		for (size_t k = 0; k < s->addr.n; k++)
			if (s->addr.v[k].lo > s->addr.v[k].hi ||
			    (k && (s->addr.v[k - 1].hi == ADDR_LAST || s->addr.v[k].lo <= s->addr.v[k - 1].hi + 1)))
				return false;
		if (i && s[-1].service.hi >= s->service.lo)
			return false;
		if (i && s[-1].service.hi + 1 == s->service.lo && range_set_equal(s[-1].addr, s->addr))
			return false;
	}
	return r.n != 0 || r.v == NULL;
}

static bool is(struct region r, u128 bits)
{
	return is_canonical(r) && bits_of(r) == bits;
}

enum law {
	LAW_MAKE, LAW_UNION, LAW_INTERSECT, LAW_SUBTRACT, LAW_OVERLAPS, LAW_EQUAL, LAW_ADDRESSES, LAW_FIRST, LAW_SLABS,
	LAW_COUNT
};

static const char *const law_name[LAW_COUNT] = {
	[LAW_MAKE] = "region_make is the union of its boxes, in canonical form",
	[LAW_UNION] = "region_union is or",
	[LAW_INTERSECT] = "region_intersect is and",
	[LAW_SUBTRACT] = "region_subtract is and-not",
	[LAW_OVERLAPS] = "region_overlaps says whether the intersection has a point",
	[LAW_EQUAL] = "the same set has the same bytes, however it was made",
	[LAW_ADDRESSES] = "region_addresses is the projection",
	[LAW_FIRST] = "region_first is the lowest box and region_boxes counts",
	[LAW_SLABS] = "region_from_slabs and region_product are the union of their slabs",
};

static bool addresses_hold(struct arena *a, struct region x, u128 bits)
{
	struct range_set set = region_addresses(a, x);

	for (unsigned int i = 0; i < NADDR; i++) {
		bool want = false;
		for (unsigned int s = 0; s < NSERVICE; s++)
			want = want || (bits & bit(i, s));
		if (range_set_contains(set, addr_from[i]) != want)
			return false;
	}
	return true;
}

static bool first_holds(struct region x, u128 bits)
{
	size_t boxes = 0;

	for (size_t i = 0; i < x.n; i++)
		boxes += x.v[i].addr.n;
	if (region_boxes(x) != boxes || region_is_empty(x) != (bits == 0))
		return false;
	if (!bits)
		return true;
	struct box b = region_first(x);

	for (unsigned int s = 0; s < NSERVICE; s++)
		for (unsigned int i = 0; i < NADDR; i++)
			if (bits & bit(i, s))
				return b.addr.lo == addr_from[i] && b.service.lo == service_from[s];
	return false;
}

static bool slabs_hold(struct prng *p, struct arena *a)
{
	struct slab slab[6];
	struct service service[6];
	size_t n = prng_below(p, 7);
	u128 bits = 0, product = 0;
	struct range_set first = { NULL, 0 };

	for (size_t i = 0; i < n; i++) {
		struct cells c = random_cells(p), d = random_cells(p);
		struct range r[2] = { box_of(c).addr, box_of(d).addr };
		slab[i] = (struct slab){ box_of(c).service, range_set_make(a, r, 2) };
		service[i] = slab[i].service;
		if (!i)
			first = slab[i].addr;
		for (unsigned int k = 0; k < NADDR; k++)
			for (unsigned int s = c.s0; s <= c.s1; s++) {
				bits |= range_set_contains(slab[i].addr, addr_from[k]) ? bit(k, s) : 0;
				product |= range_set_contains(first, addr_from[k]) ? bit(k, s) : 0;
			}
	}
	return is(region_from_slabs(a, slab, n), bits) && is(region_product(a, first, service, n), product);
}

static void try(struct prng *p, bool ok[LAW_COUNT])
{
	struct arena a;
	u128 bx, by;

	arena_init(&a);
	struct region x = random_region(p, &a, &bx), y = random_region(p, &a, &by);
	struct region both = region_intersect(&a, x, y);
	struct region again = region_union(&a, region_union(&a, region_subtract(&a, x, y), region_subtract(&a, y, x)),
					   both);

	ok[LAW_MAKE] &= is(x, bx) && is(y, by);
	ok[LAW_UNION] &= is(region_union(&a, x, y), bx | by);
	ok[LAW_INTERSECT] &= is(both, bx & by);
	ok[LAW_SUBTRACT] &= is(region_subtract(&a, x, y), bx & ~by);
	ok[LAW_OVERLAPS] &= region_overlaps(x, y) == ((bx & by) != 0);
	ok[LAW_EQUAL] &= region_equal(again, region_union(&a, y, x)) && region_equal(x, y) == (bx == by);
	ok[LAW_ADDRESSES] &= addresses_hold(&a, x, bx);
	ok[LAW_FIRST] &= first_holds(x, bx);
	ok[LAW_SLABS] &= slabs_hold(p, &a);
	arena_release(&a);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 250000);
	bool ok[LAW_COUNT], was[LAW_COUNT];
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { seed + c };
		try(&p, ok);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i],
				       (unsigned long long)(seed + c));
			was[i] = ok[i];
		}
	}
	printf("# %llu pairs of sets, %llu results compared with brute force\n", (unsigned long long)cases,
	       (unsigned long long)cases * LAW_COUNT);
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, ok[i], law_name[i]);
	return tap_done(&t);
}
