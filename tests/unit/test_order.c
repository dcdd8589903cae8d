/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting by keys: what qsort() gives, in all sizes and with keys of all sorts; and patches where things meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/order.h"
#include "prop/prop.h"
#include "state/patch.h"

struct thing {
	u128 key;
	uint32_t second, came;
	char text[24];
};

static u128 thing_key(const void *p)
{
	return ((const struct thing *)p)->key;
}

static int thing_cmp(const void *pa, const void *pb)
{
	const struct thing *a = pa, *b = pb;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->second < b->second ? -1 : a->second > b->second;
}

static u128 text_key(const void *p)
{
	return order_key_text(((const struct thing *)p)->text);
}

static int text_cmp(const void *pa, const void *pb)
{
	return strcmp(((const struct thing *)pa)->text, ((const struct thing *)pb)->text);
}

static u128 random_key(struct prng *p, unsigned int shape)
{
	switch (shape) {
	case 0: return (u128)prng_u64(p) << 64 | prng_u64(p);       /* all bytes */
	case 1: return ((u128)0xfd64 << 112) + prng_below(p, 3000); /* a few low ones */
	case 2: return prng_below(p, 4);                            /* many equal */
	case 3: return (u128)prng_below(p, 5) << 124 | prng_below(p, 300);
	default: return (u128)prng_u64(p) << 60;
	}
}

static void sorts_as_qsort_does(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 100, 1000, 5000 };
	struct prng p = { 7 };

	for (size_t round = 0; round < 60; round++) {
		size_t n = sizes[round % ARRAY_SIZE(sizes)];
		struct thing *a = calloc(n + 1, sizeof(*a)), *b = calloc(n + 1, sizeof(*b));
		for (size_t i = 0; i < n; i++) {
			a[i] = (struct thing){ .key = random_key(&p, (unsigned int)round % 5), .second = prng_below(&p, 3), .came = (uint32_t)i };
			snprintf(a[i].text, sizeof(a[i].text), "%.*s%u", (int)prng_below(&p, 18), "a-name-that-is-long", prng_below(&p, 900));
		}
		memcpy(b, a, n * sizeof(*a));
		order_sort(a, n, sizeof(*a), thing_key, thing_cmp);
		qsort(b, n, sizeof(*b), thing_cmp);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(thing_cmp(&a[i], &b[i]), 0);
			if (i > 0 && thing_cmp(&a[i - 1], &a[i]) == 0)
				assert_true(a[i - 1].came < a[i].came);
		}
		order_sort(a, n, sizeof(*a), text_key, text_cmp);
		for (size_t i = 1; i < n; i++)
			assert_true(strcmp(a[i - 1].text, a[i].text) <= 0);
		uint64_t sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += a[i].came;
		assert_int_equal(sum, n > 0 ? (uint64_t)n * (n - 1) / 2 : 0); /* each is still there */
		free(a);
		free(b);
	}
}

static void arenas_are_kept_and_joined(void **state)
{
	(void)state;
	struct arena a, b;

	arena_init(&a);
	arena_init(&b);
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < 300; i++) {
			char *p = arena_alloc(&a, 1 + (i * round) % 700);
			assert_int_equal(p[0], 0);
			memset(p, 0xff, 1 + (i * round) % 700);
		}
		if (round == 7)
			memset(arena_alloc(&a, 3 << 20), 0xff, 3 << 20);
		arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	const char *mine = arena_strdup(&a, "mine"), *other = arena_strdup(&b, "other");
	arena_adopt(&a, &b);
	assert_null(b.head);
	arena_adopt(&a, &b); /* nothing */
	arena_adopt(&b, &a);
	assert_string_equal(mine, "mine");
	assert_string_equal(other, "other");
	arena_release(&b);
	arena_release(&a);
}

/* A set's last element is new, and right behind it stands the next set's head with its count, which is another too. */
static void patches_where_two_things_change_together(void **state)
{
	(void)state;
	enum { N = 20000 };
	char *old = malloc(N + 64), *new = malloc(N + 64);
	struct prng p = { 3 };

	for (size_t i = 0; i < N; i++)
		old[i] = (char)prng_below(&p, 256);
	for (size_t behind = 1; behind < 24; behind++) {
		struct buf patch BUF_CLEANUP = BUF_INIT, made BUF_CLEANUP = BUF_INIT;
		memcpy(new, old, 9000);
		memcpy(new + 9000, "8 bytes!", 8);
		memcpy(new + 9008, old + 9000, N - 9000);
		new[9008 + behind] = (char)(new[9008 + behind] + 1);
		assert_int_equal(patch_make(old, N, new, N + 8, &patch), 0);
		assert_true(patch.len < 200);
		assert_int_equal(patch_apply(old, N, patch.p, patch.len, 1 << 20, &made), 0);
		assert_int_equal(made.len, N + 8);
		assert_memory_equal(made.p, new, N + 8);
		/* And back. */
		buf_reset(&patch);
		buf_reset(&made);
		assert_int_equal(patch_make(new, N + 8, old, N, &patch), 0);
		assert_true(patch.len < 200);
		assert_int_equal(patch_apply(new, N + 8, patch.p, patch.len, 1 << 20, &made), 0);
		assert_memory_equal(made.p, old, N);
	}
	free(old);
	free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_as_qsort_does),
		cmocka_unit_test(arenas_are_kept_and_joined),
		cmocka_unit_test(patches_where_two_things_change_together),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
