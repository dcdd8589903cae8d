/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/vacant.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/vec.h"

typedef VEC(u128) addr_vec;

static int cmp_addr(const void *a, const void *b)
{
	return addr_cmp(*(const u128 *)a, *(const u128 *)b);
}

static int cmp_range(const void *a, const void *b)
{
	return addr_cmp(((const struct range *)a)->lo, ((const struct range *)b)->lo);
}

/*
 * What a pool gives out: of IPv4 neither its network nor its broadcast address (RFC 3021: a /31 has neither), of IPv6 not
 * the subnet-router anycast address (RFC 4291 section 2.6.1; a /127 needs none, RFC 6164).
 */
static struct range usable(struct prefix pool)
{
	struct range r = prefix_range(pool);
	bool v4 = addr_is_v4(pool.addr);
	if (pool.len < (v4 ? 31 : 127))
		r.lo++;
	if (v4 && pool.len < 31)
		r.hi--;
	return r;
}

/* Pools do not overlap in a tree without errors. */
static void collect_slots(struct vacant *v, const struct network *net, bool v4, struct arena *a)
{
	v->slot = arena_array(a, net->pools.n, struct range);
	for (size_t i = 0; i < net->pools.n; i++) {
		if (addr_is_v4(net->pools.v[i].addr) != v4)
			continue;
		struct range r = usable(net->pools.v[i]);
		u128 n = r.hi - r.lo + 1;
		v->slot[v->nslots++] = r;
		v->count = v->count + n < v->count || n == 0 ? ADDR_LAST : v->count + n;
	}
	if (v->nslots > 1)
		qsort(v->slot, v->nslots, sizeof(*v->slot), cmp_range);
}

/*
 * Addresses of devices and gateways, and those that a resource or the network's name servers have: whoever got one of
 * them would also get what is granted to it.
 */
static void collect_taken(struct vacant *v, const struct resolved *r, bool v4, struct arena *a)
{
	addr_vec taken = VEC_INIT;
	for (size_t i = 0; i < r->nowners; i++)
		if (r->owner[i].range.lo == r->owner[i].range.hi && addr_is_v4(r->owner[i].range.lo) == v4)
			vec_push(&taken, r->owner[i].range.lo);
	for (size_t i = 0; i < r->nresources; i++) {
		const range_list *l = &r->resource[i].decl->addresses;
		for (size_t k = 0; k < l->n; k++)
			if (l->v[k].lo == l->v[k].hi && addr_is_v4(l->v[k].lo) == v4)
				vec_push(&taken, l->v[k].lo);
	}
	for (size_t i = 0; i < r->network->dns.servers.n; i++)
		if (addr_is_v4(r->network->dns.servers.v[i]) == v4)
			vec_push(&taken, r->network->dns.servers.v[i]);
	if (taken.n > 1)
		qsort(taken.v, taken.n, sizeof(*taken.v), cmp_addr);
	v->ntaken = taken.n;
	v->taken = taken.n ? vec_freeze(&taken, a) : NULL;
	vec_release(&taken);
}

static u128 hash_of(const char *name, bool v4)
{
	struct digest_ctx c;
	u128 h = 0;
	digest_begin(&c);
	digest_add_str(&c, v4 ? "yett address 4" : "yett address 6");
	digest_add_str(&c, name);
	struct digest d = digest_end(&c);
	for (size_t i = 0; i < sizeof(h); i++)
		h = h << 8 | d.b[i];
	return h;
}

bool vacant_open(struct vacant *v, const struct resolved *r, bool v4, const char *name, struct arena *a)
{
	*v = (struct vacant){ .nslots = 0 };
	if (!r->network)
		return false;
	collect_slots(v, r->network, v4, a);
	if (v->nslots == 0)
		return false;
	collect_taken(v, r, v4, a);
	v->next = hash_of(name, v4) % v->count;
	v->left = v->count;
	return true;
}

static u128 address_at(const struct vacant *v, u128 index)
{
	for (size_t i = 0; i < v->nslots; i++) {
		u128 n = v->slot[i].hi - v->slot[i].lo + 1;
		if (index < n || n == 0)
			return v->slot[i].lo + index;
		index -= n;
	}
	return v->slot[0].lo;
}

bool vacant_next(struct vacant *v, u128 *out)
{
	while (v->left > 0) {
		u128 address = address_at(v, v->next);
		v->next = v->next + 1 < v->count ? v->next + 1 : 0;
		v->left--;
		if (v->ntaken && bsearch(&address, v->taken, v->ntaken, sizeof(address), cmp_addr))
			continue;
		*out = address;
		return true;
	}
	return false;
}
