/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of sources: a bitmap that is filled, read off in order and cleared where it was touched. */
#include "resolve/resolver.h"

void set_builder_init(struct set_builder *b, size_t nsources)
{
	*b = (struct set_builder){ .nwords = nsources / 64 + 1 };
	b->bit = calloc(b->nwords, sizeof(*b->bit));
	if (!b->bit)
		abort();
	b->first = b->nwords;
}

void set_builder_release(struct set_builder *b)
{
	free(b->bit);
	b->bit = NULL;
}

static void set_bit(struct set_builder *b, uint32_t source)
{
	size_t w = source / 64;
	b->bit[w] |= (uint64_t)1 << source % 64;
	if (w < b->first)
		b->first = w;
	if (w > b->last)
		b->last = w;
}

void set_add(struct set_builder *b, uint32_t source)
{
	set_bit(b, source);
	b->mixed = true;
}

static void set_bits(struct set_builder *b, const struct source_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		set_bit(b, s->v[i]);
}

void set_add_set(struct set_builder *b, const struct source_set *s)
{
	if (!s->n || s == b->whole)
		return;
	if (!b->whole) {
		b->whole = s;
		return;
	}
	/* The largest stays aside: when the others add nothing to it, it is the result. */
	const struct source_set *smaller = s;
	if (s->n > b->whole->n) {
		smaller = b->whole;
		b->whole = s;
	}
	set_bits(b, smaller);
	b->mixed = true;
}

struct source_set set_take(struct set_builder *b, struct arena *a)
{
	struct source_set out = { NULL, 0 };
	if (b->mixed) {
		if (b->whole)
			set_bits(b, b->whole);
		for (size_t w = b->first; w <= b->last; w++)
			out.n += (size_t)__builtin_popcountll(b->bit[w]);
		bool same = b->whole && b->whole->n == out.n;
		out.v = same ? b->whole->v : arena_array(a, out.n, uint32_t);
		size_t n = 0;
		for (size_t w = b->first; w <= b->last; w++) {
			for (uint64_t word = same ? 0 : b->bit[w]; word; word &= word - 1)
				out.v[n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(word));
			b->bit[w] = 0;
		}
	} else if (b->whole) {
		out = *b->whole;
	}
	b->first = b->nwords;
	b->last = 0;
	b->whole = NULL;
	b->mixed = false;
	return out;
}
