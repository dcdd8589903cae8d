/* SPDX-License-Identifier: Apache-2.0 */
/* region: the edges of both axes and the shapes that rulesets are made of (prop_region tries the rest). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/region.h"
#include "base/bug.h"

#define V4(x) (ADDR_V4_FIRST + (x))
#define TCP(port) { SERVICE(6, port), SERVICE(6, port) }

static const struct service any = { 0, SERVICE_LAST };

static void test_ranges_merge(void **state)
{
	const struct range v[] = { { V4(7), V4(9) }, { V4(1), V4(3) }, { V4(4), V4(5) }, { V4(8), V4(20) },
				   { ADDR_LAST, ADDR_LAST }, { ADDR_LAST - 1, ADDR_LAST }, { 0, 0 } };
	struct arena a;

	(void)state;
	arena_init(&a);
	struct range_set s = range_set_make(&a, v, ARRAY_SIZE(v));
	assert_int_equal(s.n, 4);
	assert_true(s.v[0].lo == 0 && s.v[0].hi == 0);
	assert_true(s.v[1].lo == V4(1) && s.v[1].hi == V4(5));
	assert_true(s.v[2].lo == V4(7) && s.v[2].hi == V4(20));
	assert_true(s.v[3].lo == ADDR_LAST - 1 && s.v[3].hi == ADDR_LAST);
	assert_int_equal(range_set_make(&a, NULL, 0).n, 0);
	assert_true(range_set_contains(s, V4(5)) && !range_set_contains(s, V4(6)));
	arena_release(&a);
}

static void test_all_minus_a_point(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	struct region all = region_all(&a);
	const struct box point = { { V4(5), V4(5) }, TCP(443) };
	struct region left = region_subtract(&a, all, region_make(&a, &point, 1));
	assert_int_equal(left.n, 3);
	assert_int_equal(region_boxes(left), 4);
	assert_false(region_contains(left, V4(5), SERVICE(6, 443)));
	assert_true(region_contains(left, V4(5), SERVICE(6, 442)));
	assert_true(region_contains(left, V4(4), SERVICE(6, 443)));
	assert_true(region_contains(left, ADDR_LAST, SERVICE_LAST) && region_contains(left, 0, 0));
	assert_true(region_equal(region_union(&a, left, region_make(&a, &point, 1)), all));
	assert_true(region_is_empty(region_subtract(&a, left, all)));
	arena_release(&a);
}

static void test_neighbours_become_one(void **state)
{
	struct arena a;
	const struct box v[] = { { { V4(0), V4(9) }, TCP(80) }, { { V4(0), V4(4) }, TCP(81) },
				 { { V4(5), V4(9) }, TCP(81) } };

	(void)state;
	arena_init(&a);
	struct region r = region_make(&a, v, ARRAY_SIZE(v));
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].service.lo, SERVICE(6, 80));
	assert_int_equal(r.v[0].service.hi, SERVICE(6, 81));
	assert_int_equal(r.v[0].addr.n, 1);
	struct box first = region_first(r);
	assert_true(first.addr.lo == V4(0) && first.addr.hi == V4(9));
	arena_release(&a);
}

/* One wide permission and a thousand narrow ones inside it: the wide one's list is shared, not repeated. */
static void test_many_ports_in_a_wide_one(void **state)
{
	enum { WIDE = 1000, PORTS = 1000 };
	static struct range wide[WIDE];
	static struct slab slab[PORTS + 1];
	struct arena a;

	(void)state;
	arena_init(&a);
	for (uint32_t i = 0; i < WIDE; i++)
		wide[i] = (struct range){ V4(i * 4), V4(i * 4 + 1) };
	struct range_set set = range_set_make(&a, wide, WIDE);
	for (uint32_t i = 0; i < PORTS; i++)
		slab[i] = (struct slab){ TCP(i * 2), { &set.v[i], 1 } };
	slab[PORTS] = (struct slab){ any, set };
	size_t before = a.used;
	struct region r = region_from_slabs(&a, slab, PORTS + 1);
	assert_int_equal(r.n, 1);
	assert_true(a.used - before < 4096);
	arena_release(&a);
}

static void test_product_of_unsorted_services(void **state)
{
	const struct service s[] = { TCP(443), TCP(22), TCP(23), TCP(22) };
	const struct range range = { V4(1), V4(2) };
	struct arena a;

	(void)state;
	arena_init(&a);
	struct range_set addr = range_set_make(&a, &range, 1);
	struct region r = region_product(&a, addr, s, ARRAY_SIZE(s));
	assert_int_equal(r.n, 2);
	assert_int_equal(r.v[0].service.hi, SERVICE(6, 23));
	assert_true(region_is_empty(region_product(&a, (struct range_set){ NULL, 0 }, s, ARRAY_SIZE(s))));
	assert_true(region_is_empty(region_product(&a, addr, s, 0)));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_ranges_merge),
		cmocka_unit_test(test_all_minus_a_point),
		cmocka_unit_test(test_neighbours_become_one),
		cmocka_unit_test(test_many_ports_in_a_wide_one),
		cmocka_unit_test(test_product_of_unsorted_services),
	};
	return cmocka_run_group_tests(test, NULL, NULL);
}
