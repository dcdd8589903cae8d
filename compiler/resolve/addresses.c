/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and addresses: who claims what, and that nobody claims what is another's. Sorting and one sweep each. */
#include <string.h>

#include "base/order.h"
#include "resolve/resolver.h"

/* Keys. */

/* Small, and mostly told apart by its head: 100 000 of these are sorted. */
struct key_claim {
	uint64_t head; /* of the key, as it lies in memory: any order will do */
	const struct pubkey *key;
	const struct object *o;
};

static int key_order(const void *pa, const void *pb)
{
	const struct key_claim *a = pa, *b = pb;
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	int c = pubkey_cmp(a->key, b->key);
	if (c)
		return c;
	return loc_before(a->o->loc, b->o->loc) ? -1 : loc_before(b->o->loc, a->o->loc);
}

static u128 key_head(const void *claim)
{
	return ((const struct key_claim *)claim)->head;
}

static struct key_claim key_claim(const struct pubkey *key, const struct object *o)
{
	struct key_claim c = { .key = key, .o = o };
	memcpy(&c.head, key->b, sizeof(c.head));
	return c;
}

static struct key_claim *collect_keys(const struct resolved *r, size_t *n)
{
	struct { struct key_claim *v; size_t n, cap; } keys = VEC_INIT;
	vec_reserve(&keys, r->ndevices + r->ngateways);
	for (size_t i = 0; i < r->ndevices; i++) {
		const struct device *d = r->device[i].decl;
		vec_push(&keys, key_claim(&d->public_key, &d->o));
	}
	for (size_t i = 0; i < r->ngateways; i++) {
		const struct gateway *g = r->gateway[i].decl;
		vec_push(&keys, key_claim(&g->public_key, &g->o));
	}
	*n = keys.n;
	return keys.v;
}

static bool is_revoked(const struct object *o)
{
	return o->kind == KIND_DEVICE && ((const struct device *)o)->revoked;
}

void resolver_keys(struct resolver *s)
{
	size_t n;
	struct key_claim *key = collect_keys(s->r, &n);
	order_sort(key, n, sizeof(*key), key_head, key_order);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (key[first].head != key[i].head || pubkey_cmp(key[first].key, key[i].key)) {
			first = i;
			continue;
		}
		const struct object *o = key[i].o, *was = key[first].o;
		struct loc there = object_loc(was, "public_key");
		diag_add(s->d, "E_KEY_DUP", object_loc(o, "public_key"), "%s \"%s\" has the public key of %s \"%s\"%s",
			 kind_word[o->kind], o->name, kind_word[was->kind], was->name,
			 is_revoked(was) ? ", which is revoked: that key never comes back" : "");
		diag_hint(s->d, "that key stands at %s; make a key pair for each", diag_loc_text(s->d, s->a, there));
	}
	free(key);
}

/* Addresses. */

enum claim_kind { CLAIM_POOL, CLAIM_SITE, CLAIM_ROUTED, CLAIM_OWN };

/* What someone says is theirs. */
struct claim {
	struct range range;
	const struct object *o;
	uint32_t source; /* CLAIM_ROUTED, CLAIM_OWN */
	enum claim_kind kind;
	struct loc loc;
	struct prefix written; /* but CLAIM_OWN */
};

struct claims {
	struct claim *v;
	size_t n, cap;
};

/* Sorting moves these and not the claims. */
struct claim_key {
	u128 lo;
	const struct claim *claim;
};

static int claim_order(const void *pa, const void *pb)
{
	const struct claim_key *a = pa, *b = pb;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->claim->range.hi != b->claim->range.hi)
		return a->claim->range.hi > b->claim->range.hi ? -1 : 1; /* the wider first */
	return loc_before(a->claim->loc, b->claim->loc) ? -1 : loc_before(b->claim->loc, a->claim->loc);
}

static u128 claim_lo(const void *key)
{
	return ((const struct claim_key *)key)->lo;
}

static struct claim_key *claims_sorted(const struct claims *c)
{
	struct claim_key *key = calloc(c->n + 1, sizeof(*key));
	if (!key)
		abort();
	for (size_t i = 0; i < c->n; i++)
		key[i] = (struct claim_key){ c->v[i].range.lo, &c->v[i] };
	order_sort(key, c->n, sizeof(*key), claim_lo, claim_order);
	return key;
}

static void claim_prefixes(struct claims *out, const prefix_list *l, enum claim_kind kind, const struct object *o,
			   uint32_t source)
{
	for (size_t i = 0; i < l->n; i++) {
		struct ranges parts RANGES_CLEANUP = VEC_INIT;
		ranges_add_written(&parts, prefix_range(l->v[i]));
		for (size_t j = 0; j < parts.n; j++)
			vec_push(out, ((struct claim){ parts.v[j], o, source, kind, l->loc[i], l->v[i] }));
	}
}

static void claim_own(struct claims *out, const addr_list *l, const struct object *o, uint32_t source)
{
	for (size_t i = 0; i < l->n; i++)
		vec_push(out, ((struct claim){ .range = { l->v[i], l->v[i] }, .o = o, .source = source,
					       .kind = CLAIM_OWN, .loc = l->loc[i] }));
}

/* `pool 10.7.0.0/16`, `10.1.0.0/24 of site "hq"` */
static const char *claim_text(const struct claim *c, struct arena *a)
{
	char text[ADDR_TEXT_MAX];
	if (c->kind == CLAIM_OWN)
		addr_format(c->range.lo, text);
	else
		prefix_format(c->written, text);
	if (c->kind == CLAIM_POOL)
		return arena_printf(a, "pool %s", text);
	return arena_printf(a, "%s of %s \"%s\"", text, kind_word[c->o->kind], c->o->name);
}

static const struct claim *earlier(const struct claim *x, const struct claim *y)
{
	return loc_before(y->loc, x->loc) ? y : x;
}

static void report_overlap(struct resolver *s, const struct claim *x, const struct claim *y)
{
	const struct claim *first = earlier(x, y), *later = first == x ? y : x;
	diag_add(s->d, "E_IP_OVERLAP", later->loc, "%s overlaps %s", claim_text(later, s->a), claim_text(first, s->a));
	diag_hint(s->d, "the other stands at %s", diag_loc_text(s->d, s->a, first->loc));
}

void resolver_pools(struct resolver *s)
{
	struct ranges pools RANGES_CLEANUP = VEC_INIT;
	for (size_t i = 0; s->r->network && i < s->r->network->pools.n; i++)
		ranges_add_written(&pools, prefix_range(s->r->network->pools.v[i]));
	ranges_merge(&pools);
	s->r->pools = ranges_freeze(&pools, s->a, &s->r->npools);
}

/*
 * Pools, site networks and device networks are disjoint, but that one device may list a network inside another
 * of its own. Prefixes nest or are apart, so a sweep from the left keeps those it stands in on a stack, and each is
 * compared with the innermost.
 */
static void sweep_networks(struct resolver *s, const struct claims *c, struct claims *routed)
{
	struct claim_key *key = claims_sorted(c);
	struct { const struct claim **v; size_t n, cap; } around = VEC_INIT;
	for (size_t i = 0; i < c->n; i++) {
		const struct claim *x = key[i].claim;
		while (around.n && around.v[around.n - 1]->range.hi < x->range.lo)
			around.n--;
		const struct claim *y = around.n ? around.v[around.n - 1] : NULL;
		bool own = y && x->kind == CLAIM_ROUTED && y->kind == CLAIM_ROUTED && x->o == y->o;
		if (y && !own)
			report_overlap(s, y, x);
		if (x->kind == CLAIM_ROUTED && !own)
			vec_push(routed, *x);
		vec_push(&around, x);
	}
	vec_release(&around);
	free(key);
}

struct pool_rules {
	bool v4, v6;   /* the network has pools of this family */
	u128 *reserved; /* network and broadcast addresses of its IPv4 pools, ascending */
	size_t nreserved;
	const char *list; /* for hints */
};

static int addr_order(const void *a, const void *b)
{
	return addr_cmp(*(const u128 *)a, *(const u128 *)b);
}

static void pool_rules_init(struct pool_rules *p, const struct resolver *s)
{
	const prefix_list *l = &s->r->network->pools;
	struct buf text BUF_CLEANUP = BUF_INIT;
	char one[ADDR_TEXT_MAX];
	*p = (struct pool_rules){ .reserved = arena_array(s->a, 2 * l->n, u128) };
	for (size_t i = 0; i < l->n; i++) {
		bool v4 = addr_is_v4(l->v[i].addr);
		p->v4 |= v4;
		p->v6 |= !v4;
		if (i < 8)
			buf_addf(&text, "%s%s", i ? ", " : "", prefix_format(l->v[i], one));
		if (!v4 || l->v[i].len >= 31)
			continue; /* RFC 3021: a /31 has neither */
		struct range r = prefix_range(l->v[i]);
		p->reserved[p->nreserved++] = r.lo;
		p->reserved[p->nreserved++] = r.hi;
	}
	if (p->nreserved)
		qsort(p->reserved, p->nreserved, sizeof(u128), addr_order);
	p->list = l->n > 8 ? arena_printf(s->a, "%s, ...", buf_str(&text)) : arena_strdup(s->a, buf_str(&text));
}

static void check_in_pools(struct resolver *s, const struct pool_rules *p, const addr_list *l, const struct object *o)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < l->n; i++) {
		if (!ranges_contain(s->r->pools, s->r->npools, l->v[i])) {
			diag_add(s->d, "E_IP_POOL", l->loc[i], "%s of %s \"%s\" lies in no pool of the network",
				 addr_format(l->v[i], text), kind_word[o->kind], o->name);
			diag_hint(s->d, "the pools are %s", p->list);
		} else if (p->nreserved && bsearch(&l->v[i], p->reserved, p->nreserved, sizeof(u128), addr_order)) {
			diag_add(s->d, "E_IP_RESERVED", l->loc[i],
				 "%s of %s \"%s\" is the network or broadcast address of its pool",
				 addr_format(l->v[i], text), kind_word[o->kind], o->name);
			diag_hint(s->d, "take an address between the pool's first and last");
		}
	}
}

/* One address of each family that the network has pools for; what lies in no pool was told already. */
static void check_family(struct resolver *s, const struct device *d, bool v4)
{
	const char *family = v4 ? "IPv4" : "IPv6";
	const u128 *first = NULL;
	for (size_t i = 0; i < d->addresses.n; i++) {
		const u128 *x = &d->addresses.v[i];
		if (addr_is_v4(*x) != v4)
			continue;
		if (first && *first != *x) {
			diag_add(s->d, "E_IP_FAMILY", d->addresses.loc[i], "device \"%s\" has more than one %s address",
				 d->o.name, family);
			diag_hint(s->d, "a device has one address of each family; "
					"what stands behind it belongs in \"networks\"");
			return;
		}
		first = x;
	}
	if (first)
		return;
	diag_add(s->d, "E_IP_FAMILY", object_loc(&d->o, "addresses"), "device \"%s\" has no %s address", d->o.name,
		 family);
	diag_hint(s->d, "the network has %s pools, so each device has one %s address", family, family);
}

static void check_addresses(struct resolver *s)
{
	struct resolved *r = s->r;
	struct pool_rules p;
	pool_rules_init(&p, s);
	for (size_t i = 0; i < r->ndevices; i++) {
		const struct device *d = r->device[i].decl;
		if (d->revoked)
			continue;
		check_in_pools(s, &p, &d->addresses, &d->o);
		if (p.v4)
			check_family(s, d, true);
		if (p.v6)
			check_family(s, d, false);
	}
	for (size_t i = 0; i < r->ngateways; i++)
		check_in_pools(s, &p, &r->gateway[i].decl->addresses, &r->gateway[i].decl->o);
}

static void collect_networks(const struct resolver *s, struct claims *out)
{
	const struct resolved *r = s->r;
	if (r->network)
		claim_prefixes(out, &r->network->pools, CLAIM_POOL, &r->network->o, NONE);
	for (size_t i = 0; i < r->nsites; i++)
		claim_prefixes(out, &r->site[i].decl->networks, CLAIM_SITE, &r->site[i].decl->o, NONE);
	for (uint32_t i = 0; i < r->ndevices; i++)
		if (!r->device[i].decl->revoked)
			claim_prefixes(out, &r->device[i].decl->networks, CLAIM_ROUTED, &r->device[i].decl->o, i);
}

static void collect_own(const struct resolved *r, struct claims *out)
{
	for (uint32_t i = 0; i < r->ndevices; i++)
		if (!r->device[i].decl->revoked)
			claim_own(out, &r->device[i].decl->addresses, &r->device[i].decl->o, i);
	for (uint32_t i = 0; i < r->ngateways; i++)
		claim_own(out, &r->gateway[i].decl->addresses, &r->gateway[i].decl->o,
			  (uint32_t)(r->ndevices + r->nsites) + i);
}

/* One address, one owner: of equal claims the first in file order comes first. */
static void report_repeats(struct resolver *s, const struct claim_key *key, size_t n)
{
	for (size_t i = 1, first = 0; i < n; i++) {
		const struct claim *was = key[first].claim, *x = key[i].claim;
		if (key[first].lo != key[i].lo) {
			first = i;
			continue;
		}
		diag_add(s->d, "E_IP_DUP", x->loc, "%s already belongs to %s \"%s\"", claim_text(x, s->a),
			 kind_word[was->o->kind], was->o->name);
		diag_hint(s->d, "it is claimed first at %s", diag_loc_text(s->d, s->a, was->loc));
	}
}

/* Merges two sorted lists into the table of owners; of several claims to one address the first in file order stays. */
static void make_owners(struct resolver *s, const struct claim_key *own, size_t nown, const struct claims *routed)
{
	struct resolved *r = s->r;
	r->owner = arena_array(s->a, nown + routed->n, struct addr_owner);
	for (size_t i = 0, j = 0; i < nown || j < routed->n;) {
		bool take_own = j == routed->n || (i < nown && own[i].lo < routed->v[j].range.lo);
		const struct claim *c = take_own ? own[i++].claim : &routed->v[j++];
		if (take_own && i > 1 && own[i - 2].lo == c->range.lo)
			continue;
		r->owner[r->nowners++] = (struct addr_owner){ c->range, c->source, !take_own };
	}
}

void resolver_addresses(struct resolver *s)
{
	struct claims networks = VEC_INIT, routed = VEC_INIT, own = VEC_INIT;
	collect_networks(s, &networks);
	sweep_networks(s, &networks, &routed);
	if (s->r->network)
		check_addresses(s);
	collect_own(s->r, &own);
	struct claim_key *key = claims_sorted(&own);
	report_repeats(s, key, own.n);
	make_owners(s, key, own.n, &routed);
	free(key);
	vec_release(&networks);
	vec_release(&routed);
	vec_release(&own);
}
