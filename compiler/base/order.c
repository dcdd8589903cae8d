/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A radix sort over the bytes in which keys differ, the least of them first; of many such bytes the PASSES highest, which leaves few items
 * together that are still to be told apart by comparison.
 */
#include "base/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define FEW 64	   /* items that are sorted by comparison alone */
#define PASSES 6
#define ORDER_BYTES 16

struct item {
	uint64_t high, low;
	size_t at; /* where it was */
};

struct sorting {
	const char *v;
	size_t size;
	int (*cmp)(const void *a, const void *b);
};

static void *room(size_t n, size_t size)
{
	void *p = reallocarray(NULL, n, size);

	if (p == NULL)
		arena_oom(n * size);
	return p;
}

static unsigned int byte_of(const struct item *i, unsigned int byte)
{
	return (unsigned int)((byte < 8 ? i->low >> 8 * byte : i->high >> 8 * (byte - 8)) & 0xff);
}

/* Those that are not the same in all keys, the highest last; at most PASSES. */
static size_t bytes_that_differ(const struct item *v, size_t n, unsigned int out[static PASSES])
{
	struct item all = { 0, 0, 0 };
	unsigned int differs[ORDER_BYTES];
	size_t count = 0, from;

	for (size_t i = 1; i < n; i++) {
		all.high |= v[i].high ^ v[0].high;
		all.low |= v[i].low ^ v[0].low;
	}
	for (unsigned int b = 0; b < ORDER_BYTES; b++)
		if (byte_of(&all, b) != 0)
			differs[count++] = b;
	from = count > PASSES ? count - PASSES : 0;
	memcpy(out, differs + from, (count - from) * sizeof(*out));
	return count - from;
}

static void scatter(const struct item *from, struct item *to, size_t n, unsigned int byte)
{
	size_t start[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		start[byte_of(&from[i], byte) + 1]++;
	for (size_t k = 1; k < 256; k++)
		start[k] += start[k - 1];
	for (size_t i = 0; i < n; i++)
		to[start[byte_of(&from[i], byte)]++] = from[i];
}

static int cmp_item(const void *pa, const void *pb, void *ctx)
{
	const struct sorting *s = ctx;
	const struct item *a = pa, *b = pb;
	int c;

	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	c = s->cmp(s->v + a->at * s->size, s->v + b->at * s->size);
	return c != 0 ? c : a->at < b->at ? -1 : a->at > b->at;
}

static bool same_bytes(const struct item *a, const struct item *b, const unsigned int *byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (byte_of(a, byte[i]) != byte_of(b, byte[i]))
			return false;
	return true;
}

/* Runs that the passes could not tell apart. */
static void finish_runs(const struct sorting *s, struct item *v, size_t n, const unsigned int *byte, size_t nbytes)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_bytes(&v[i], &v[end], byte, nbytes);)
			end++;
		if (end - i > 1)
			qsort_r(v + i, end - i, sizeof(*v), cmp_item, (void *)(uintptr_t)s);
	}
}

/* False: they are in order as they stand. */
static bool read_keys(const struct sorting *s, struct item *item, size_t n, u128 (*key)(const void *item))
{
	bool sorted = true;

	for (size_t i = 0; i < n; i++) {
		u128 k = key(s->v + i * s->size);
		item[i] = (struct item){ (uint64_t)(k >> 64), (uint64_t)k, i };
		sorted = sorted && (i == 0 || cmp_item(&item[i - 1], &item[i], (void *)(uintptr_t)s) < 0);
	}
	return !sorted;
}

static void sort_items(const struct sorting *s, struct item **item, size_t n)
{
	unsigned int byte[PASSES];
	size_t nbytes = bytes_that_differ(*item, n, byte);
	struct item *other = room(n, sizeof(*other));

	for (size_t i = 0; i < nbytes; i++) {
		struct item *from = *item;
		scatter(from, other, n, byte[i]);
		*item = other;
		other = from;
	}
	free(other);
	finish_runs(s, *item, n, byte, nbytes);
}

static void permute(char *v, size_t size, const struct item *item, size_t n)
{
	char *copy = room(n, size);

	memcpy(copy, v, n * size);
	for (size_t i = 0; i < n; i++)
		memcpy(v + i * size, copy + item[i].at * size, size);
	free(copy);
}

void order_sort(void *v, size_t n, size_t size, u128 (*key)(const void *item), int (*cmp)(const void *a, const void *b))
{
	const struct sorting s = { v, size, cmp };

	if (n <= FEW) {
		if (n > 1)
			qsort(v, n, size, cmp);
		return;
	}
	struct item *item = room(n, sizeof(*item));
	if (read_keys(&s, item, n, key)) {
		sort_items(&s, &item, n);
		permute(v, size, item, n);
	}
	free(item);
}

u128 order_key_bytes(const void *p, size_t n)
{
	uint8_t b[16] = { 0 };
	u128 key = 0;

	memcpy(b, p, n < sizeof(b) ? n : sizeof(b));
	for (size_t i = 0; i < sizeof(b); i++)
		key = key << 8 | b[i];
	return key;
}

u128 order_key_text(const char *s)
{
	return order_key_bytes(s, strnlen(s, 16));
}
