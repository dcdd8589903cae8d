/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "plan/rules.h"

#define SET_SIZE_MIN 1024
#define NUMBER_V6 0xf0000000u /* numbers of devices without an IPv4 address: no IPv4 unicast address is there */
#define BITS_A_BYTE 8

static const struct {
	const char *name;
	enum nft_set_kind kind;
} maps[] = {
	{ "limited4", NFT_MAP_CLASS4 },
	{ "limited6", NFT_MAP_CLASS6 },
	{ "limitednet4", NFT_MAP_NET4 },
	{ "limitednet6", NFT_MAP_NET6 },
};

static const struct {
	const char *chain, *set;
	enum nft_field field; /* our interface's, for this direction */
} sides[] = {
	{ "limits_up", "rate_up", NFT_IIFNAME },
	{ "limits_down", "rate_down", NFT_OIFNAME },
};

struct limited {
	const struct device *decl;
	const struct plan *plan;
	uint64_t rate; /* bytes a second; 0: none */
	uint32_t number;
};

struct quota_set {
	uint64_t bytes;
	uint32_t period;
	const char *name;
	VEC(struct nft_elem) elem;
};

struct limits {
	struct table *t;
	VEC(struct limited) device;
	VEC(struct nft_elem) map[ARRAY_SIZE(maps)];
	VEC(struct nft_elem) rate;
	VEC(struct quota_set) quota;
};

bool limits_owns(const char *name)
{
	static const char *const prefixes[] = { "limit", "rate_", LIMITS_QUOTA_PREFIX };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* --- numbers --- */

static const u128 *address_v4(const struct device *d)
{
	for (size_t i = 0; i < d->addresses.n; i++)
		if (addr_is_v4(d->addresses.v[i]))
			return &d->addresses.v[i];
	return NULL;
}

static uint32_t wish(const struct limited *l)
{
	const u128 *v4 = address_v4(l->decl);
	uint8_t b[16];

	if (v4 != NULL)
		return (uint32_t)*v4;
	addr_to_bytes(l->decl->addresses.v[0], b);
	struct digest d = digest_of(b, sizeof(b));
	return NUMBER_V6 | ((uint32_t)d.b[0] << 24 | (uint32_t)d.b[1] << 16 | (uint32_t)d.b[2] << 8 | d.b[3]);
}

/* By number; among equal wishes IPv4 addresses, which are unique, come first. */
static int cmp_wish(const void *a, const void *b)
{
	const struct limited *x = a, *y = b;
	int c = (x->number > y->number) - (x->number < y->number);
	bool x6 = address_v4(x->decl) == NULL, y6 = address_v4(y->decl) == NULL;

	if (c == 0)
		c = (int)x6 - (int)y6;
	return c != 0 ? c : addr_cmp(x->decl->addresses.v[0], y->decl->addresses.v[0]);
}

static bool number_taken(const struct limits *x, uint32_t number)
{
	for (size_t i = 0; i < x->device.n; i++)
		if (x->device.v[i].number == number)
			return true;
	return false;
}

/* Two hashes that meet are rarer than one tree in a thousand, of thousands of devices without IPv4. */
static void number_devices(struct limits *x)
{
	uint32_t last = 0;

	for (size_t i = 0; i < x->device.n; i++)
		x->device.v[i].number = wish(&x->device.v[i]);
	qsort(x->device.v, x->device.n, sizeof(*x->device.v), cmp_wish);
	for (size_t i = 0; i < x->device.n; i++) {
		uint32_t number = x->device.v[i].number;
		bool met = i > 0 && number == last;
		last = number;
		while (met && (number == 0 || number_taken(x, number)))
			number++;
		x->device.v[i].number = number;
	}
}

/* --- elements --- */

static void add_addresses(struct limits *x, const struct limited *l)
{
	for (size_t i = 0; i < l->decl->addresses.n; i++) {
		u128 a = l->decl->addresses.v[i];
		const struct nft_elem e = { .lo = a, .hi = a, .value = l->number };
		vec_push(&x->map[!addr_is_v4(a)], e);
	}
	for (size_t i = 0; i < l->decl->networks.n; i++) {
		struct range r = prefix_range(l->decl->networks.v[i]);
		const struct nft_elem e = { .lo = r.lo, .hi = r.hi, .value = l->number };
		vec_push(&x->map[2 + !addr_is_v4(r.lo)], e);
	}
}

static struct quota_set *quota_of(struct limits *x, const struct plan *p)
{
	uint64_t bytes = (uint64_t)p->quota.bytes;
	uint32_t period = (uint32_t)p->quota.period;

	for (size_t i = 0; i < x->quota.n; i++)
		if (x->quota.v[i].bytes == bytes && x->quota.v[i].period == period)
			return &x->quota.v[i];
	const struct quota_set q = {
		.bytes = bytes,
		.period = period,
		.name = arena_printf(x->t->arena, LIMITS_QUOTA_PREFIX "%" PRIx64 "_%" PRIx32, bytes, period),
	};
	vec_push(&x->quota, q);
	return &x->quota.v[x->quota.n - 1];
}

static void add_elements(struct limits *x)
{
	for (size_t i = 0; i < x->device.n; i++) {
		const struct limited *l = &x->device.v[i];
		add_addresses(x, l);
		if (l->rate > 0)
			vec_push(&x->rate, ((struct nft_elem){ .lo = l->number, .hi = l->rate }));
		if (l->plan->quota.bytes > 0) {
			struct quota_set *q = quota_of(x, l->plan);
			vec_push(&q->elem, ((struct nft_elem){ .lo = l->number, .hi = l->number }));
		}
	}
}

static int cmp_elem(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static uint32_t set_size(size_t n)
{
	uint32_t size = SET_SIZE_MIN;

	while (size < 2 * n)
		size *= 2;
	return size;
}

static void add_set(struct limits *x, struct nft_set s, struct nft_elem *v, size_t n)
{
	bool hash = s.kind != NFT_MAP_NET4 && s.kind != NFT_MAP_NET6;

	if (n > 0)
		qsort(v, n, sizeof(*v), cmp_elem);
	s.size = hash ? set_size(n) : 0;
	s.elem = arena_dup(x->t->arena, v, n * sizeof(*v));
	s.nelems = n;
	table_add_set(x->t, &s);
}

static void add_sets(struct limits *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		add_set(x, (struct nft_set){ .name = maps[i].name, .kind = maps[i].kind }, x->map[i].v, x->map[i].n);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		add_set(x, (struct nft_set){ .name = sides[i].set, .kind = NFT_SET_RATE }, x->rate.v, x->rate.n);
	for (size_t i = 0; i < x->quota.n; i++) {
		const struct quota_set *q = &x->quota.v[i];
		add_set(x,
			(struct nft_set){
				.name = q->name, .kind = NFT_SET_QUOTA, .bytes = q->bytes, .period = q->period },
			q->elem.v, q->elem.n);
	}
}

/* --- rules --- */

static void add_meters(struct limits *x, size_t side, const char *set, struct rule_list *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct nft_item item[] = { item_name(NFT_METER, maps[i].name), item_plain(NFT_COUNTER),
					   item_plain(NFT_DROP) };
		if (x->map[i].n == 0 && (maps[i].kind == NFT_MAP_NET4 || maps[i].kind == NFT_MAP_NET6))
			continue; /* routed networks are few: most trees have none under a limit */
		item[0].name2 = set;
		item[0].v6 = maps[i].kind == NFT_MAP_CLASS6 || maps[i].kind == NFT_MAP_NET6;
		item[0].lo = side;
		rules_add(l, x->t->arena, item, ARRAY_SIZE(item), NULL);
	}
}

static void chain_add(struct table *t, const char *name, enum nft_hook hook, const struct rule_list *l)
{
	struct nft_chain c = { .name = name, .hook = hook, .nrules = l->n };

	c.rule = arena_array(t->arena, l->n, struct nft_rule);
	for (size_t i = 0; i < l->n; i++)
		c.rule[i] = l->v[i].rule;
	table_add_chain(t, &c);
}

/* The rate comes first: what it drops is not counted as used. */
static void add_chains(struct limits *x, const char *interface)
{
	struct rule_list base = VEC_INIT;

	for (size_t side = 0; side < ARRAY_SIZE(sides); side++) {
		struct rule_list l = VEC_INIT;
		struct nft_item item[] = { item_match(sides[side].field, NFT_EQ, 0, 0),
					   item_name(NFT_JUMP, sides[side].chain) };
		item[0].name = interface;
		rules_add(&base, x->t->arena, item, ARRAY_SIZE(item), NULL);
		if (x->rate.n > 0)
			add_meters(x, side, sides[side].set, &l);
		for (size_t i = 0; i < x->quota.n; i++)
			add_meters(x, side, x->quota.v[i].name, &l);
		chain_add(x->t, sides[side].chain, NFT_HOOK_NONE, &l);
		rules_release(&l);
	}
	chain_add(x->t, "limits", NFT_HOOK_FORWARD_AFTER, &base);
	rules_release(&base);
}

/* Shorter first, so that the order of the rules follows from the quotas alone. */
static int cmp_quota(const void *a, const void *b)
{
	const struct quota_set *x = a, *y = b;
	int c = (x->period > y->period) - (x->period < y->period);

	return c != 0 ? c : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static void limits_release(struct limits *x)
{
	vec_release(&x->device);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		vec_release(&x->map[i]);
	vec_release(&x->rate);
	for (size_t i = 0; i < x->quota.n; i++)
		vec_release(&x->quota.v[i].elem);
	vec_release(&x->quota);
}

static uint64_t rate_of(const struct plan *p)
{
	uint64_t rate = ((uint64_t)p->rate + BITS_A_BYTE - 1) / BITS_A_BYTE;

	return rate > LIMITS_RATE_MAX ? 0 : rate;
}

void limits_build(struct table *t, const struct resolved *r, const uint32_t *device, size_t n, const char *interface)
{
	struct limits x = { .t = t };

	for (size_t i = 0; i < n; i++) {
		const struct r_device *d = &r->device[device[i]];
		const struct plan *p = d->plan != NONE ? r->plan[d->plan] : NULL;
		if (p == NULL || d->decl->addresses.n == 0 || (rate_of(p) == 0 && p->quota.bytes == 0))
			continue;
		vec_push(&x.device, ((struct limited){ .decl = d->decl, .plan = p, .rate = rate_of(p) }));
	}
	if (x.device.n > 0) {
		number_devices(&x);
		add_elements(&x);
		if (x.quota.n > 0)
			qsort(x.quota.v, x.quota.n, sizeof(*x.quota.v), cmp_quota);
		add_sets(&x);
		add_chains(&x, interface);
	}
	limits_release(&x);
}
