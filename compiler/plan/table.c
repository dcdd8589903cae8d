/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/table.h"

#include <string.h>

#include "base/bug.h"
#include "plan/codec.h"

#define NAME_BYTES 6       /* of the digest, in a content name */
#define NAME_LONG_BYTES 12 /* where the short name is taken by another content */

void table_init(struct table *t, struct arena *a)
{
	memset(t, 0, sizeof(*t));
	t->arena = a;
}

void table_release(struct table *t)
{
	vec_release(&t->set);
	vec_release(&t->chain);
	free(t->name);
	memset(t, 0, sizeof(*t));
}

static size_t slot_of(const struct digest *d, size_t cap)
{
	size_t h;

	memcpy(&h, d->b, sizeof(h));
	return h & (cap - 1);
}

static void names_grow(struct table *t)
{
	size_t cap = t->cap_names ? 2 * t->cap_names : 256;
	struct table_name *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		BUG("out of memory");
	for (size_t i = 0; i < t->cap_names; i++) {
		if (!t->name[i].taken)
			continue;
		size_t s = slot_of(&t->name[i].digest, cap);
		while (v[s].taken)
			s = (s + 1) & (cap - 1);
		v[s] = t->name[i];
	}
	free(t->name);
	t->name = v;
	t->cap_names = cap;
}

/* The entry of this digest, or a free one. *clash: another content of the same kind starts with the same NAME_BYTES. */
static struct table_name *name_find(struct table *t, const struct digest *d, bool is_chain, bool *clash)
{
	if (4 * (t->nnames + 1) > 3 * t->cap_names)
		names_grow(t);
	*clash = false;
	size_t s = slot_of(d, t->cap_names);
	for (; t->name[s].taken; s = (s + 1) & (t->cap_names - 1)) {
		const struct table_name *e = &t->name[s];
		if (e->is_chain != is_chain)
			continue;
		if (memcmp(&e->digest, d, sizeof(*d)) == 0)
			return &t->name[s];
		*clash |= memcmp(e->digest.b, d->b, NAME_BYTES) == 0;
	}
	return &t->name[s];
}

static const char *name_take(struct table *t, struct table_name *e, const struct digest *d, char letter, bool is_chain,
			     size_t index, bool clash)
{
	char hex[DIGEST_HEX_MAX];

	*e = (struct table_name){ .digest = *d, .index = (uint32_t)index, .is_chain = is_chain, .taken = true };
	t->nnames++;
	digest_hex(d, clash ? NAME_LONG_BYTES : NAME_BYTES, hex);
	return arena_printf(t->arena, "%c_%s", letter, hex);
}

const char *table_set(struct table *t, char letter, enum nft_set_kind kind, const struct nft_elem *elem, size_t n)
{
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	bool clash;

	buf_addc(&bytes, letter);
	for (size_t i = 0; i < n; i++)
		codec_elem(&bytes, kind, &elem[i]);
	buf_addc(&bytes, (char)kind);
	struct digest d = digest_of(bytes.p, bytes.len);
	struct table_name *e = name_find(t, &d, false, &clash);
	if (e->taken)
		return t->set.v[e->index].name;
	const char *name = name_take(t, e, &d, letter, false, t->set.n, clash);
	struct nft_set s = {
		.name = name, .kind = kind, .elem = arena_dup(t->arena, elem, n * sizeof(*elem)), .nelems = n
	};
	vec_push(&t->set, s);
	return name;
}

static struct nft_rule *rules_keep(struct arena *a, const struct draft_rule *draft, size_t n)
{
	struct nft_rule *v = arena_array(a, n, struct nft_rule);

	for (size_t i = 0; i < n; i++) {
		v[i] = draft[i].rule;
		if (!draft[i].kept)
			v[i].item = arena_dup(a, v[i].item, v[i].nitems * sizeof(*v[i].item));
	}
	return v;
}

const char *table_chain(struct table *t, char letter, bool class_chain, const struct draft_rule *draft, size_t n,
			struct digest *digest)
{
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	bool clash;

	buf_addc(&bytes, letter);
	for (size_t i = 0; i < n; i++)
		codec_rule(&bytes, &draft[i].rule);
	struct digest d = digest_of(bytes.p, bytes.len);
	if (digest != NULL)
		*digest = d;
	struct table_name *e = name_find(t, &d, true, &clash);
	if (e->taken)
		return t->chain.v[e->index].name;
	const char *name = name_take(t, e, &d, letter, true, t->chain.n, clash);
	struct nft_chain c = {
		.name = name, .class_chain = class_chain, .rule = rules_keep(t->arena, draft, n), .nrules = n
	};
	vec_push(&t->chain, c);
	return name;
}

void table_add_set(struct table *t, const struct nft_set *s)
{
	vec_push(&t->set, *s);
}

void table_add_chain(struct table *t, const struct nft_chain *c)
{
	vec_push(&t->chain, *c);
}

static int set_cmp(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

static int chain_cmp(const void *a, const void *b)
{
	return strcmp(((const struct nft_chain *)a)->name, ((const struct nft_chain *)b)->name);
}

void table_finish(struct table *t, struct nft_table *out)
{
	*out = (struct nft_table){ .present = true, .nsets = t->set.n, .nchains = t->chain.n };
	if (t->set.n > 0)
		qsort(t->set.v, t->set.n, sizeof(*t->set.v), set_cmp);
	if (t->chain.n > 0)
		qsort(t->chain.v, t->chain.n, sizeof(*t->chain.v), chain_cmp);
	out->set = vec_freeze(&t->set, t->arena);
	out->chain = vec_freeze(&t->chain, t->arena);
}
