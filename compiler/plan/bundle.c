/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* What decides whether two parts share a bundle. */
struct part_key {
	const struct access_part *part;
	uint32_t index, nclasses;
	uint64_t users[2]; /* a sum over the classes that use it: equal sums, equal classes */
	uint32_t alone;    /* with log: the index, so that each policy logs under its own name */
};

/* Finaliser of splitmix64: spreads small integers over 64 bits. */
static uint64_t mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

static int cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Priority descending, deny first, logged first: what follows inside such a group decides alike. */
static int cmp_rank(bool deny_a, bool log_a, int32_t prio_a, bool deny_b, bool log_b, int32_t prio_b)
{
	if (prio_a != prio_b)
		return prio_a > prio_b ? -1 : 1;
	if (deny_a != deny_b)
		return deny_a ? -1 : 1;
	return log_a == log_b ? 0 : log_a ? -1 : 1;
}

static int cmp_alike(const struct part_key *a, const struct part_key *b)
{
	int c = cmp_rank(a->part->deny, a->part->log, a->part->priority, b->part->deny, b->part->log,
			 b->part->priority);

	if (c == 0)
		c = cmp_u64(a->alone, b->alone);
	if (c == 0)
		c = cond_cmp(&a->part->cond, &b->part->cond);
	if (c == 0)
		c = cmp_u64(a->users[0], b->users[0]);
	return c != 0 ? c : cmp_u64(a->users[1], b->users[1]);
}

static int cmp_key(const void *a, const void *b)
{
	const struct part_key *x = a, *y = b;
	int c = cmp_alike(x, y);

	return c != 0 ? c : cmp_u64(x->index, y->index);
}

/* The order must not hang on the class numbers in `users`, or an unrelated class would reorder chains. */
static int cmp_bundle(const void *a, const void *b)
{
	const struct bundle *x = a, *y = b;
	int c = cmp_rank(x->deny, x->log, x->priority, y->deny, y->log, y->priority);

	if (c == 0 && x->log)
		c = cmp_u64(x->first, y->first);
	if (c == 0)
		c = cond_cmp(x->cond, y->cond);
	return c != 0 ? c : cmp_u64(x->first, y->first);
}

static size_t gather(struct part_key *key, const struct access *x, const uint32_t *class, size_t n)
{
	size_t nkeys = 0;

	for (size_t i = 0; i < n; i++) {
		const struct access_class *c = &x->class[class[i]];
		for (size_t k = 0; k < c->nparts; k++) {
			struct part_key *p = &key[c->part[k]];
			p->nclasses++;
			p->users[0] += mix(i);
			p->users[1] += mix(~(uint64_t)i);
		}
	}
	for (size_t i = 0; i < x->nparts; i++) {
		const struct access_part *part = &x->part[i];
		if (key[i].nclasses == 0 || cond_is_never(&part->cond))
			continue;
		struct part_key k = key[i];
		k.part = part;
		k.index = (uint32_t)i;
		k.alone = part->log ? (uint32_t)i : 0;
		key[nkeys++] = k;
	}
	return nkeys;
}

static struct region bundle_region(const struct access *x, const struct bundle *b, struct arena *a)
{
	VEC(struct slab) slab = VEC_INIT;

	if (b->nparts == 1)
		return x->part[b->part[0]].region;
	for (uint32_t i = 0; i < b->nparts; i++)
		for (size_t k = 0; k < x->part[b->part[i]].region.n; k++)
			vec_push(&slab, x->part[b->part[i]].region.v[k]);
	struct region out = region_from_slabs(a, slab.v, slab.n);
	vec_release(&slab);
	return out;
}

static void bundle_fill(struct bundle *b, const struct access *x, const struct part_key *key, uint32_t n,
			struct arena *a)
{
	const struct access_part *p = key->part;

	*b = (struct bundle){ .deny = p->deny,
			      .log = p->log,
			      .priority = p->priority,
			      .cond = &p->cond,
			      .first = key->index,
			      .nparts = n,
			      .nclasses = key->nclasses,
			      .policy = p->policy };
	b->part = arena_array(a, n, uint32_t);
	for (uint32_t i = 0; i < n; i++) {
		b->part[i] = key[i].index;
		if (strcmp(key[i].part->policy, b->policy) < 0)
			b->policy = key[i].part->policy;
		b->npolicies += i == 0 || strcmp(key[i].part->policy, key[i - 1].part->policy) != 0;
	}
	b->region = bundle_region(x, b, a);
}

void bundles_make(struct bundles *b, const struct access *x, const uint32_t *class, size_t n, struct arena *a)
{
	struct part_key *key = calloc(x->nparts + 1, sizeof(*key));

	if (key == NULL)
		BUG("out of memory");
	size_t nkeys = gather(key, x, class, n);
	if (nkeys > 0)
		qsort(key, nkeys, sizeof(*key), cmp_key);
	b->v = arena_array(a, nkeys, struct bundle);
	b->n = 0;
	for (size_t i = 0; i < nkeys;) {
		size_t end = i + 1;
		while (end < nkeys && cmp_alike(&key[i], &key[end]) == 0)
			end++;
		bundle_fill(&b->v[b->n++], x, &key[i], (uint32_t)(end - i), a);
		i = end;
	}
	free(key);
	if (b->n > 0)
		qsort(b->v, b->n, sizeof(*b->v), cmp_bundle);
	b->of_part = arena_array(a, x->nparts, uint32_t);
	memset(b->of_part, 0xff, x->nparts * sizeof(uint32_t)); /* NONE */
	for (size_t i = 0; i < b->n; i++)
		for (uint32_t k = 0; k < b->v[i].nparts; k++)
			b->of_part[b->v[i].part[k]] = (uint32_t)i;
}

static int cmp_u32(const void *a, const void *b)
{
	return cmp_u64(*(const uint32_t *)a, *(const uint32_t *)b);
}

size_t bundles_of_class(const struct bundles *b, const struct access *x, uint32_t class, uint32_t *out)
{
	const struct access_class *c = &x->class[class];
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < c->nparts; i++)
		if (b->of_part[c->part[i]] != NONE)
			out[n++] = b->of_part[c->part[i]];
	if (n > 0)
		qsort(out, n, sizeof(*out), cmp_u32);
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || out[unique - 1] != out[i])
			out[unique++] = out[i];
	return unique;
}
