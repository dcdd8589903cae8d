/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/order.h"
#include "plan/bundle.h"
#include "plan/rules.h"
#include "resolve/place.h"

#define SMALL_BOXES 16    /* boxes of a bundle that is spelled out and merged with its neighbours */
#define RUN_BOXES 64      /* boxes of merged neighbours in all, so that a class chain stays short */
#define INLINE_RULES 8    /* rules of a bundle that stand in the class chain */
#define SHARED_CLASSES 64 /* classes from which on a bundle of more than SHARED_RULES rules is a chain of its own */
#define SHARED_RULES 2

enum piece_form { PIECE_UNKNOWN, PIECE_EMPTY, PIECE_SMALL, PIECE_INLINE, PIECE_CHAIN };

struct bounds {
	u128 lo, hi;
	uint32_t service_lo, service_hi;
};

/* A bundle as far as one carry reaches. */
struct piece {
	const struct bundle *bundle;
	enum piece_form form;
	struct region region;
	size_t boxes;
	struct bounds bounds;
	struct rule_verdict verdict;
	struct rule_list rules; /* PIECE_SMALL, PIECE_INLINE: rendered when first needed */
	const char *chain;      /* PIECE_CHAIN: likewise */
};

/* Sources with the same carry key may go to the same places through this gateway. */
struct carry {
	uint64_t key;
	uint32_t source; /* any of them */
	bool ready;
	struct region region;
	struct piece *piece; /* per bundle */
};

struct judged {
	uint32_t source, class, carry;
};

/* One step of a class chain. */
struct entry {
	struct piece *piece; /* NULL: a run of merged small pieces, below */
	struct region region;
	struct bounds bounds;
	const struct cond *cond;
	bool deny;
	const char *policy;
	uint32_t npolicies;
	bool gone;
};

struct chain_name {
	struct digest digest;
	const char *name;
	uint32_t number;
};

struct builder {
	const struct access *x;
	const struct resolved *r;
	uint32_t gateway;
	struct table *t;
	struct arena work;    /* dies with the build */
	struct arena scratch; /* dies with each class */
	struct bundles bundles;
	struct carry *carry;
	size_t ncarries;
	VEC(struct piece *) piece; /* of the class at hand */
	VEC(struct entry) entry;
	struct rule_list draft;
	VEC(struct chain_name) name; /* chains in the dispatch map */
	struct digest *of_source;    /* per judged source, all zero: none */
};

/* --- pieces --- */

static struct bounds bounds_of(struct region r)
{
	struct bounds b = { ADDR_LAST, 0, r.v[0].service.lo, r.v[r.n - 1].service.hi };

	for (size_t i = 0; i < r.n; i++) {
		struct range_set s = r.v[i].addr;
		b.lo = s.v[0].lo < b.lo ? s.v[0].lo : b.lo;
		b.hi = s.v[s.n - 1].hi > b.hi ? s.v[s.n - 1].hi : b.hi;
	}
	return b;
}

static bool bounds_meet(const struct bounds *a, const struct bounds *b)
{
	return a->lo <= b->hi && b->lo <= a->hi && a->service_lo <= b->service_hi && b->service_lo <= a->service_hi;
}

static const char *comment_text(struct arena *a, const char *policy, uint32_t n)
{
	if (policy == NULL)
		return NULL;
	return n > 1 ? arena_printf(a, "%s +%u", policy, n - 1) : arena_strdup(a, policy);
}

static enum piece_form piece_form(const struct piece *p)
{
	const struct bundle *b = p->bundle;
	size_t rules = rules_count(p->region, b->cond, b->log);
	size_t bare = rules_count(p->region, &cond_always, b->log);
	bool shared = b->nclasses >= SHARED_CLASSES && rules > SHARED_RULES;

	if (bare > 1 && (rules > INLINE_RULES || shared))
		return PIECE_CHAIN;
	return !b->log && rules <= INLINE_RULES && p->boxes <= SMALL_BOXES ? PIECE_SMALL : PIECE_INLINE;
}

static void piece_make(struct builder *b, struct piece *p, const struct bundle *bundle, struct region carried)
{
	p->bundle = bundle;
	p->region = region_intersect(&b->work, bundle->region, carried);
	p->form = PIECE_EMPTY;
	if (region_is_empty(p->region))
		return;
	p->boxes = region_boxes(p->region);
	p->bounds = bounds_of(p->region);
	p->form = piece_form(p);
	p->verdict.deny = bundle->deny;
	p->verdict.comment = comment_text(b->t->arena, bundle->policy, bundle->npolicies);
	if (bundle->log)
		p->verdict.log_prefix = arena_printf(b->t->arena, "yett %s: ", bundle->policy);
}

static void carry_ready(struct builder *b, struct carry *c)
{
	const struct service any = { 0, SERVICE_LAST };
	struct range *v;

	if (c->ready)
		return;
	size_t n = place_carry(b->r, b->gateway, c->source, &b->work, &v);
	c->region = region_product(&b->work, range_set_make(&b->work, v, n), &any, 1);
	c->piece = arena_array(&b->work, b->bundles.n, struct piece);
	c->ready = true;
}

static struct piece *piece_get(struct builder *b, struct carry *c, uint32_t bundle)
{
	struct piece *p = &c->piece[bundle];

	if (p->form == PIECE_UNKNOWN)
		piece_make(b, p, &b->bundles.v[bundle], c->region);
	return p;
}

static void pieces_release(struct builder *b)
{
	for (size_t i = 0; i < b->ncarries; i++)
		for (size_t k = 0; b->carry[i].ready && k < b->bundles.n; k++)
			rules_release(&b->carry[i].piece[k].rules);
}

/* --- the steps of one class --- */

static void gather_pieces(struct builder *b, uint32_t class, struct carry *c)
{
	uint32_t *id = arena_array(&b->scratch, b->x->class[class].nparts, uint32_t);
	size_t n = bundles_of_class(&b->bundles, b->x, class, id);

	b->piece.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct piece *p = piece_get(b, c, id[i]);
		if (p->form != PIECE_EMPTY)
			vec_push(&b->piece, p);
	}
}

/* Default is to drop, so a denial matters only above an allowance that it meets. What logs stays. */
static void drop_idle_denials(struct builder *b)
{
	size_t n = b->piece.n, kept = n;

	for (size_t i = n; i-- > 0;) { /* what is kept gathers at the end */
		struct piece *p = b->piece.v[i];
		bool matters = !p->bundle->deny || p->bundle->log;
		for (size_t k = kept; !matters && k < n; k++) {
			const struct piece *q = b->piece.v[k];
			matters = !q->bundle->deny && bounds_meet(&p->bounds, &q->bounds) &&
				  region_overlaps(p->region, q->region);
		}
		if (matters)
			b->piece.v[--kept] = p;
	}
	if (kept > 0)
		memmove(b->piece.v, b->piece.v + kept, (n - kept) * sizeof(struct piece *));
	b->piece.n = n - kept;
}

static void entry_of_piece(struct entry *e, struct piece *p)
{
	*e = (struct entry){ .piece = p,
			     .region = p->region,
			     .bounds = p->bounds,
			     .cond = p->bundle->cond,
			     .deny = p->bundle->deny,
			     .policy = p->bundle->policy,
			     .npolicies = p->bundle->npolicies };
}

static void entry_merge(struct entry *e, const struct piece *p, struct arena *a)
{
	e->region = region_union(a, e->region, p->region);
	e->bounds = bounds_of(e->region);
	e->piece = NULL;
	if (strcmp(p->bundle->policy, e->policy) < 0)
		e->policy = p->bundle->policy;
	e->npolicies += p->bundle->npolicies;
}

/* Neighbours that decide alike become one entry while they are small. */
static void make_entries(struct builder *b)
{
	size_t boxes = 0;
	bool open = false; /* the newest entry takes more */

	b->entry.n = 0;
	for (size_t i = 0; i < b->piece.n; i++) {
		struct piece *p = b->piece.v[i];
		struct entry *last = open ? &b->entry.v[b->entry.n - 1] : NULL;
		if (last != NULL && p->form == PIECE_SMALL && last->deny == p->bundle->deny &&
		    cond_cmp(last->cond, p->bundle->cond) == 0 && boxes + p->boxes <= RUN_BOXES) {
			entry_merge(last, p, &b->scratch);
			boxes += p->boxes;
			continue;
		}
		struct entry e;
		entry_of_piece(&e, p);
		vec_push(&b->entry, e);
		open = p->form == PIECE_SMALL;
		boxes = p->boxes;
	}
}

/*
 * Takes from small entries what is decided above them at all times. Where that leaves more boxes than before, the whole
 * stays: what is decided above never comes here, so both are right.
 */
static void drop_decided(struct builder *b)
{
	for (size_t i = 1; i < b->entry.n; i++) {
		struct entry *e = &b->entry.v[i];
		struct region rest = e->region;
		if (e->piece != NULL && e->piece->form != PIECE_SMALL)
			continue;
		for (size_t k = 0; k < i && !region_is_empty(rest); k++) {
			const struct entry *above = &b->entry.v[k];
			if (!above->gone && cond_is_always(above->cond) && bounds_meet(&above->bounds, &e->bounds) &&
			    region_overlaps(above->region, rest))
				rest = region_subtract(&b->scratch, rest, above->region);
		}
		e->gone = region_is_empty(rest);
		if (e->gone || region_equal(rest, e->region) || region_boxes(rest) > region_boxes(e->region))
			continue;
		e->region = rest;
		e->bounds = bounds_of(rest);
		e->piece = NULL;
	}
}

static bool allows_something(const struct builder *b)
{
	for (size_t i = 0; i < b->entry.n; i++)
		if (!b->entry.v[i].gone && !b->entry.v[i].deny)
			return true;
	return false;
}

/* --- rendering one class --- */

static void add_item_rule(struct builder *b, enum nft_item_kind kind, const char *chain)
{
	struct nft_item item = item_name(kind, chain);

	rules_add(&b->draft, &b->scratch, &item, 1, NULL);
}

static const char *piece_chain(struct builder *b, struct piece *p)
{
	struct rule_list rules = VEC_INIT;

	if (p->chain != NULL)
		return p->chain;
	rules_render(&rules, b->t, p->region, &cond_always, &p->verdict, b->t->arena, true);
	p->chain = table_chain(b->t, 'p', false, rules.v, rules.n, NULL);
	rules_release(&rules);
	return p->chain;
}

static void render_jumps(struct builder *b, struct piece *p)
{
	struct cond_form form[COND_FORMS_MAX];
	size_t n = cond_forms(p->bundle->cond, form);
	const char *chain = piece_chain(b, p);

	for (size_t i = 0; i < n; i++) {
		struct nft_item item[ARRAY_SIZE(form[i].item) + 1];
		memcpy(item, form[i].item, form[i].n * sizeof(*item));
		item[form[i].n] = item_name(NFT_JUMP, chain);
		rules_add(&b->draft, &b->scratch, item, form[i].n + 1, NULL);
	}
}

static void render_entry(struct builder *b, const struct entry *e)
{
	struct piece *p = e->piece;

	if (p == NULL) {
		const struct rule_verdict v = { .deny = e->deny,
						.comment = comment_text(b->t->arena, e->policy, e->npolicies) };
		rules_render(&b->draft, b->t, e->region, e->cond, &v, &b->scratch, false);
		return;
	}
	if (p->form == PIECE_CHAIN) {
		render_jumps(b, p);
		return;
	}
	if (p->rules.n == 0)
		rules_render(&p->rules, b->t, p->region, p->bundle->cond, &p->verdict, b->t->arena, true);
	for (size_t i = 0; i < p->rules.n; i++)
		vec_push(&b->draft, p->rules.v[i]);
}

/* The class chain of (class, carry), or NULL when it would allow nothing. */
static const char *class_chain(struct builder *b, uint32_t class, struct carry *c, struct digest *digest)
{
	const char *name = NULL;

	carry_ready(b, c);
	gather_pieces(b, class, c);
	drop_idle_denials(b);
	make_entries(b);
	drop_decided(b);
	if (allows_something(b)) {
		b->draft.n = 0;
		for (size_t i = 0; i < b->entry.n; i++)
			if (!b->entry.v[i].gone)
				render_entry(b, &b->entry.v[i]);
		add_item_rule(b, NFT_GOTO, "denied");
		name = table_chain(b->t, 'c', true, b->draft.v, b->draft.n, digest);
	}
	arena_reset(&b->scratch);
	return name;
}

/* The chain of a source that is active only for a time: the class chain inside its dates. */
static const char *dated_chain(struct builder *b, const struct access_window *w, const char *chain,
			       struct digest *digest)
{
	struct cond c = { .not_before = w->from, .expires = w->until };
	struct cond_form form[COND_FORMS_MAX];
	struct nft_item item[ARRAY_SIZE(form[0].item) + 1];

	cond_forms(&c, form);
	memcpy(item, form[0].item, form[0].n * sizeof(*item));
	item[form[0].n] = item_name(NFT_GOTO, chain);
	b->draft.n = 0;
	rules_add(&b->draft, &b->scratch, item, form[0].n + 1, NULL);
	add_item_rule(b, NFT_GOTO, "denied");
	const char *name = table_chain(b->t, 'd', true, b->draft.v, b->draft.n, digest);
	arena_reset(&b->scratch);
	return name;
}

/* --- all classes --- */

static int cmp_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int cmp_carry(const void *a, const void *b)
{
	const struct carry *x = a, *y = b;
	int c = (x->key > y->key) - (x->key < y->key);

	return c != 0 ? c : cmp_u32(x->source, y->source);
}

static int cmp_judged(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;
	int c = cmp_u32(x->class, y->class);

	if (c == 0)
		c = cmp_u32(x->carry, y->carry);
	return c != 0 ? c : cmp_u32(x->source, y->source);
}

static u128 carry_order(const void *carry)
{
	const struct carry *c = carry;

	return (u128)c->key << 32 | c->source;
}

static u128 judged_order(const void *judged)
{
	const struct judged *j = judged;

	return (u128)j->class << 64 | (u128)j->carry << 32 | j->source;
}

static uint32_t carry_find(const struct builder *b, uint64_t key)
{
	size_t lo = 0, hi = b->ncarries;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->carry[mid].key <= key)
			lo = mid;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

static void find_carries(struct builder *b, const uint32_t *source, struct judged *judged, size_t n)
{
	uint64_t *key = arena_array(&b->work, n, uint64_t);

	b->carry = arena_array(&b->work, n, struct carry);
	for (size_t i = 0; i < n; i++) {
		key[i] = place_carry_key(b->r, b->gateway, source[i]);
		b->carry[i] = (struct carry){ .key = key[i], .source = source[i] };
	}
	order_sort(b->carry, n, sizeof(*b->carry), carry_order, cmp_carry);
	for (size_t i = 0; i < n; i++)
		if (b->ncarries == 0 || b->carry[b->ncarries - 1].key != b->carry[i].key)
			b->carry[b->ncarries++] = b->carry[i];
	for (size_t i = 0; i < n; i++)
		judged[i] = (struct judged){ source[i], b->x->class_of[source[i]], carry_find(b, key[i]) };
}

static void find_bundles(struct builder *b, const struct judged *judged, size_t n)
{
	uint32_t *class = arena_array(&b->work, n, uint32_t);
	size_t nclasses = 0;

	for (size_t i = 0; i < n; i++)
		if (nclasses == 0 || class[nclasses - 1] != judged[i].class)
			class[nclasses++] = judged[i].class;
	bundles_make(&b->bundles, b->x, class, nclasses, &b->work);
}

static void name_source(struct builder *b, uint32_t index, const char *name, const struct digest *digest)
{
	struct chain_name n = { .digest = *digest, .name = name };

	if (b->name.n == 0 || b->name.v[b->name.n - 1].name != name)
		vec_push(&b->name, n);
	b->of_source[index] = *digest;
}

static size_t source_index(const uint32_t *source, size_t n, uint32_t s)
{
	size_t lo = 0, hi = n;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (source[mid] <= s)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* All sources of one (class, carry). */
static void judge_group(struct builder *b, const uint32_t *source, size_t n, const struct judged *v, size_t count)
{
	struct digest plain, digest;
	const char *chain = class_chain(b, v->class, &b->carry[v->carry], &plain);

	for (size_t i = 0; chain != NULL && i < count; i++) {
		const struct access_window *w = &b->x->window[v[i].source];
		const char *name = chain;
		digest = plain;
		if (w->from >= w->until)
			continue;
		if (w->from != CLOCK_EVER || w->until != CLOCK_NEVER)
			name = dated_chain(b, w, chain, &digest);
		name_source(b, (uint32_t)source_index(source, n, v[i].source), name, &digest);
	}
}

static int cmp_name(const void *a, const void *b)
{
	return memcmp(&((const struct chain_name *)a)->digest, &((const struct chain_name *)b)->digest, DIGEST_BYTES);
}

static u128 name_order(const void *name)
{
	return order_key_bytes(&((const struct chain_name *)name)->digest, DIGEST_BYTES);
}

static bool number_taken(const struct chain_name *v, size_t n, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].number == number)
			return true;
	return false;
}

/*
 * A number is the first four bytes of the digest, read big-endian; 0 is no class, and in digest order one that is taken
 * goes to the next that is free. Digests ascend, so do numbers, until they would pass the largest.
 */
static void number_chains(struct builder *b)
{
	size_t n = 0;
	uint32_t next = 1;

	order_sort(b->name.v, b->name.n, sizeof(*b->name.v), name_order, cmp_name);
	for (size_t i = 0; i < b->name.n; i++) {
		struct chain_name c = b->name.v[i];
		if (n > 0 && cmp_name(&b->name.v[n - 1], &c) == 0)
			continue;
		const uint8_t *d = c.digest.b;
		uint32_t wish = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
		c.number = wish > next ? wish : next;
		if (next == 0) /* all above are taken */
			for (c.number = 1; number_taken(b->name.v, n, c.number);)
				c.number++;
		else
			next = c.number + 1;
		b->name.v[n++] = c;
	}
	b->name.n = n;
}

static uint32_t number_of(const struct builder *b, const struct digest *d)
{
	const struct chain_name key = { .digest = *d };
	const struct chain_name *c =
		b->name.n == 0 ? NULL : bsearch(&key, b->name.v, b->name.n, sizeof(*b->name.v), cmp_name);

	return c != NULL ? c->number : 0;
}

static int cmp_dispatch(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static u128 dispatch_order(const void *elem)
{
	return ((const struct nft_elem *)elem)->lo;
}

static void finish(struct builder *b, struct classes *out, const uint32_t *source, size_t n)
{
	number_chains(b);
	out->source = arena_array(b->t->arena, n, struct class_source);
	out->nsources = n;
	for (size_t i = 0; i < n; i++)
		out->source[i] = (struct class_source){ source[i], number_of(b, &b->of_source[i]) };
	out->dispatch = arena_array(b->t->arena, b->name.n, struct nft_elem);
	out->ndispatch = b->name.n;
	for (size_t i = 0; i < b->name.n; i++)
		out->dispatch[i] = (struct nft_elem){ .lo = b->name.v[i].number,
						      .hi = b->name.v[i].number,
						      .chain = b->name.v[i].name };
	order_sort(out->dispatch, out->ndispatch, sizeof(*out->dispatch), dispatch_order, cmp_dispatch);
}

void classes_build(struct classes *out, struct table *t, const struct access *x, const struct resolved *r,
		   uint32_t gateway, const uint32_t *source, size_t n)
{
	struct builder b = { .x = x, .r = r, .gateway = gateway, .t = t };

	arena_init(&b.work);
	arena_init(&b.scratch);
	struct judged *judged = arena_array(&b.work, n, struct judged);
	b.of_source = arena_array(&b.work, n, struct digest);
	find_carries(&b, source, judged, n);
	order_sort(judged, n, sizeof(*judged), judged_order, cmp_judged);
	find_bundles(&b, judged, n);
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && judged[end].class == judged[i].class && judged[end].carry == judged[i].carry)
			end++;
		judge_group(&b, source, n, &judged[i], end - i);
		i = end;
	}
	finish(&b, out, source, n);
	pieces_release(&b);
	vec_release(&b.piece);
	vec_release(&b.entry);
	vec_release(&b.name);
	rules_release(&b.draft);
	arena_release(&b.scratch);
	arena_release(&b.work);
}
