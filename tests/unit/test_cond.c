/* SPDX-License-Identifier: Apache-2.0 */
/* cond: `when` and dates as canonical UTC weeks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/cond.h"
#include "base/bug.h"
#include "base/clock.h"

#define H 3600
#define DAY 86400
#define MONDAY 1609718400 /* 2021-01-04T00:00:00Z */

static struct policy when(uint8_t days, uint32_t from, uint32_t until, int32_t offset)
{
	struct policy p = { .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };

	p.when.set = true;
	p.when.days = days;
	p.when.hours.set = from != until;
	p.when.hours.from = from;
	p.when.hours.until = until;
	p.when.timezone = offset;
	return p;
}

enum { MON = 1, TUE = 2, WED = 4, THU = 8, FRI = 16, SAT = 32, SUN = 64, WORK = 31 };

/* One `when` and what it means. */
static const struct sample {
	uint8_t days;
	uint32_t from, until; /* minutes; equal: no hours */
	int32_t offset;
	const char *text;
	int64_t in[3], out[3]; /* seconds after a Monday 00:00 UTC */
} sample[] = {
	{ WORK, 480, 1080, 0, "mon-fri 08:00-18:00 UTC",
	  { 8 * H, 18 * H - 1, 4 * DAY + 8 * H }, { 8 * H - 1, 18 * H, 5 * DAY + 12 * H } },
	{ WORK, 480, 1080, 2 * H, "mon-fri 06:00-16:00 UTC",
	  { 6 * H, 16 * H - 1, 4 * DAY + 6 * H }, { 6 * H - 1, 16 * H, 5 * DAY + 12 * H } },
	{ MON, 60, 120, 2 * H, "sun 23:00-24:00 UTC",
	  { 7 * DAY - H, 7 * DAY - 1, -1 }, { 0, H, 7 * DAY - H - 1 } },
	{ MON, 60, 180, 2 * H, "sun 23:00-01:00 UTC",
	  { 0, H - 1, 7 * DAY - H }, { H, 7 * DAY - H - 1, DAY } },
	{ SUN, 1320, 360, 0, "sun 22:00-06:00 UTC",
	  { 6 * DAY + 22 * H, 7 * DAY, 6 * H - 1 }, { 6 * H, 6 * DAY + 22 * H - 1, 5 * DAY + 23 * H } },
	{ MON | WED, 1320, 360, 0, "mon,wed 22:00-06:00 UTC",
	  { 22 * H, DAY + 6 * H - 1, 2 * DAY + 22 * H }, { 0, DAY + 6 * H, 6 * DAY + 23 * H } },
	{ SAT | SUN, 0, 0, 0, "sat,sun UTC",
	  { 5 * DAY, 7 * DAY - 1, 6 * DAY }, { 0, 5 * DAY - 1, 3 * DAY } },
	{ SUN | MON, 0, 0, 0, "sun,mon UTC", { 0, DAY - 1, 6 * DAY }, { DAY, 6 * DAY - 1, 3 * DAY } },
	{ FRI | SAT | SUN, 0, 0, 0, "fri-sun UTC", { 4 * DAY, 6 * DAY, 5 * DAY }, { 0, DAY, 4 * DAY - 1 } },
	{ MON, 0, 0, 2 * H, "sun 22:00 to mon 22:00 UTC",
	  { 0, 22 * H - 1, 7 * DAY - 2 * H }, { 22 * H, DAY, 7 * DAY - 2 * H - 1 } },
	{ 0, 1020, 480, 0, "17:00-08:00 UTC", { 0, 8 * H - 1, 17 * H }, { 8 * H, 17 * H - 1, 3 * DAY + 9 * H } },
	{ 0, 1080, 1440, 0, "18:00-24:00 UTC", { 18 * H, DAY - 1, DAY + 19 * H }, { 0, DAY, 18 * H - 1 } },
	{ SUN, 1080, 1440, -14 * H, "mon 08:00-14:00 UTC", { 8 * H, 14 * H - 1, 9 * H }, { 7 * H, 14 * H, -1 } },
	{ 127, 0, 0, 0, "always", { 0, 7 * DAY - 1, DAY }, { 0 } },
	{ 0, 0, 1440, 5 * H, "always", { 0, 7 * DAY - 1, DAY }, { 0 } },
	{ 127, 360, 359, 0, "06:00-05:59 UTC", { 0, 6 * H, 6 * H - 61 }, { 6 * H - 1, 6 * H - 60, DAY + 6 * H - 60 } },
	{ 0, 0, 0, 3 * H, "always", { 0, 7 * DAY - 1, DAY }, { 0 } },
};

static void test_samples(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_SIZE(sample); i++) {
		const struct sample *s = &sample[i];
		struct policy p = when(s->days, s->from, s->until, s->offset);
		struct cond c;
		cond_of_policy(&p, &c);
		assert_string_equal(cond_text(&c, &a), s->text);
		assert_int_equal(cond_is_always(&c), c.nweek == 0);
		for (size_t k = 0; k < 3; k++) {
			assert_true(cond_holds(&c, MONDAY + s->in[k]));
			if (c.nweek)
				assert_false(cond_holds(&c, MONDAY + s->out[k]));
		}
	}
	arena_release(&a);
}

static void test_equal_windows_are_equal_conditions(void **state)
{
	struct policy p = when(WORK, 480, 1080, 0), q = when(WORK, 600, 1200, 2 * H), r = when(WORK, 480, 1081, 0);
	struct cond x, y, z;

	(void)state;
	cond_of_policy(&p, &x);
	cond_of_policy(&q, &y);
	cond_of_policy(&r, &z);
	assert_int_equal(cond_cmp(&x, &y), 0);
	assert_true(cond_cmp(&x, &z) < 0 && cond_cmp(&z, &x) > 0);
	assert_int_equal(cond_cmp(&cond_always, &cond_always), 0);
}

static void test_spans_are_canonical(void **state)
{
	(void)state;
	for (uint32_t days = 0; days < 128; days++)
		for (uint32_t from = 0; from < 1440; from += 90)
			for (uint32_t until = 0; until <= 1440; until += 90) {
				struct policy p = when((uint8_t)days, from, until, (int32_t)days * 600 - 12 * H);
				struct cond c;
				cond_of_policy(&p, &c);
				for (uint32_t i = 0; i < c.nweek; i++) {
					assert_true(c.week[i].from < c.week[i].until);
					assert_true(c.week[i].until <= WEEK_SECONDS);
					assert_true(!i || c.week[i - 1].until < c.week[i].from);
				}
				assert_true(c.nweek != 1 || c.week[0].from || c.week[0].until < WEEK_SECONDS);
			}
}

static void test_dates(void **state)
{
	struct policy p = { .not_before = MONDAY, .expires = MONDAY + DAY };
	struct arena a;
	struct cond c;

	(void)state;
	arena_init(&a);
	cond_of_policy(&p, &c);
	assert_false(cond_holds(&c, MONDAY - 1));
	assert_true(cond_holds(&c, MONDAY));
	assert_true(cond_holds(&c, MONDAY + DAY - 1));
	assert_false(cond_holds(&c, MONDAY + DAY));
	assert_string_equal(cond_text(&c, &a), "from 2021-01-04T00:00:00Z until 2021-01-05T00:00:00Z");
	p.not_before = CLOCK_EVER;
	cond_of_policy(&p, &c);
	assert_string_equal(cond_text(&c, &a), "until 2021-01-05T00:00:00Z");
	p.not_before = p.expires;
	cond_of_policy(&p, &c);
	assert_true(cond_is_never(&c));
	assert_string_equal(cond_text(&c, &a), "never");
	p = when(WORK, 480, 1080, 0);
	p.not_before = MONDAY;
	cond_of_policy(&p, &c);
	assert_string_equal(cond_text(&c, &a), "from 2021-01-04T00:00:00Z, mon-fri 08:00-18:00 UTC");
	arena_release(&a);
}

static void test_next(void **state)
{
	struct policy p = when(SAT | SUN | MON, 600, 660, 0);
	struct cond c;

	(void)state;
	p.not_before = MONDAY;
	p.expires = MONDAY + 14 * DAY;
	cond_of_policy(&p, &c);
	assert_int_equal(cond_next(&c, 0), MONDAY + 10 * H);
	assert_int_equal(cond_next(&c, MONDAY + 10 * H + 5), MONDAY + 10 * H + 5);
	assert_int_equal(cond_next(&c, MONDAY + 11 * H), MONDAY + 5 * DAY + 10 * H);
	assert_int_equal(cond_next(&c, MONDAY + 6 * DAY + 12 * H), MONDAY + 7 * DAY + 10 * H);
	assert_true(cond_next(&c, MONDAY + 13 * DAY + 12 * H) == CLOCK_NEVER);
	assert_int_equal(cond_next(&cond_always, 17), 17);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_equal_windows_are_equal_conditions),
		cmocka_unit_test(test_spans_are_canonical),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_next),
	};
	return cmocka_run_group_tests(test, NULL, NULL);
}
