/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/gate_peers.h"

#include <stdlib.h>
#include <string.h>

/* Who has which addresses in the new plan, by lowest address. */
struct owned {
	struct range range;
	const struct gw_peer *peer;
};

struct owners {
	struct owned *v;
	u128 *top; /* the highest address of v[0..i] */
	size_t n;
};

static int cmp_owned(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int c = addr_cmp(x->range.lo, y->range.lo);

	return c != 0 ? c : addr_cmp(x->range.hi, y->range.hi);
}

static struct owners owners_of(const struct gw_plan *p, struct arena *a)
{
	VEC(struct owned) v = VEC_INIT;

	for (size_t i = 0; i < p->npeers; i++)
		for (size_t k = 0; k < p->peer[i].nallowed; k++)
			vec_push(&v, ((struct owned){ prefix_range(p->peer[i].allowed_ips[k]), &p->peer[i] }));
	if (v.n > 1)
		qsort(v.v, v.n, sizeof(*v.v), cmp_owned);
	struct owners o = { v.v, arena_array(a, v.n, u128), v.n };
	for (size_t i = 0; i < v.n; i++)
		o.top[i] = i > 0 && o.top[i - 1] > v.v[i].range.hi ? o.top[i - 1] : v.v[i].range.hi;
	return o;
}

/* Whether a peer with another key has an address of r. Asked for peers that change only: a wide network makes it look at many. */
static bool owned_by_another(const struct owners *o, struct range r, const struct pubkey *key)
{
	size_t lo = 0, hi = o->n;

	while (lo < hi) { /* the first that begins after r */
		size_t mid = lo + (hi - lo) / 2;
		if (o->v[mid].range.lo <= r.hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo > 0 && o->top[lo - 1] >= r.lo; lo--)
		if (o->v[lo - 1].range.hi >= r.lo && pubkey_cmp(&o->v[lo - 1].peer->public_key, key) != 0)
			return true;
	return false;
}

static const struct gw_peer *peer_of(const struct gw_plan *p, const struct pubkey *key)
{
	size_t lo = 0, hi = p->npeers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pubkey_cmp(&p->peer[mid].public_key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->npeers && pubkey_cmp(&p->peer[lo].public_key, key) == 0 ? &p->peer[lo] : NULL;
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : x->len - y->len;
}

static bool same_allowed(const struct gw_peer *x, const struct gw_peer *y)
{
	if (x->nallowed != y->nallowed)
		return false;
	for (size_t i = 0; i < x->nallowed; i++)
		if (cmp_prefix(&x->allowed_ips[i], &y->allowed_ips[i]) != 0)
			return false;
	return true;
}

/* ---- addresses that change hands ---- */

static bool key_is_exempt(const struct gate_exempt *e, const struct pubkey *key)
{
	for (size_t i = 0; i < e->nkeys; i++)
		if (pubkey_cmp(&e->key[i], key) == 0)
			return true;
	return false;
}

static bool range_is_exempt(const struct gate_exempt *e, struct range r)
{
	for (size_t i = 0; i < e->nnetworks; i++) {
		struct range n = prefix_range(e->network[i]);
		if (n.lo <= r.lo && r.hi <= n.hi)
			return true;
	}
	return false;
}

static int cmp_range(const void *a, const void *b)
{
	return addr_cmp(((const struct range *)a)->lo, ((const struct range *)b)->lo);
}

static void merge(range_vec *v)
{
	size_t kept = 0;

	if (v->n > 1)
		qsort(v->v, v->n, sizeof(*v->v), cmp_range);
	for (size_t i = 0; i < v->n; i++) {
		if (kept > 0 && v->v[i].lo <= v->v[kept - 1].hi) {
			if (v->v[i].hi > v->v[kept - 1].hi)
				v->v[kept - 1].hi = v->v[i].hi;
			continue;
		}
		v->v[kept++] = v->v[i];
	}
	v->n = kept;
}

void gate_moved(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a, range_vec *v4,
		range_vec *v6)
{
	struct owners o = owners_of(next, a);

	for (size_t i = 0; i < base->npeers; i++) {
		const struct gw_peer *p = &base->peer[i], *n = peer_of(next, &p->public_key);
		if (n != NULL && !n->revoked && same_allowed(p, n))
			continue;
		bool revoked = n != NULL && n->revoked && !key_is_exempt(exempt, &p->public_key);
		for (size_t k = 0; k < p->nallowed; k++) {
			struct range r = prefix_range(p->allowed_ips[k]);
			if (!(revoked && !range_is_exempt(exempt, r)) && !owned_by_another(&o, r, &p->public_key))
				continue;
			if (addr_is_v4(r.lo))
				vec_push(v4, r);
			else
				vec_push(v6, r);
		}
	}
	free(o.v);
	merge(v4);
	merge(v6);
}

/* ---- what stands together ---- */

static struct prefix *both_prefixes(struct arena *a, const struct prefix *x, size_t nx, const struct prefix *y, size_t ny, size_t *n)
{
	struct prefix *out = arena_array(a, nx + ny, struct prefix);

	*n = 0;
	for (size_t i = 0, k = 0; i < nx || k < ny;) {
		int c = i == nx ? 1 : k == ny ? -1 : cmp_prefix(&x[i], &y[k]);
		out[(*n)++] = c <= 0 ? x[i] : y[k];
		i += c <= 0;
		k += c >= 0;
	}
	return out;
}

/* What of base's allowed IPs no other peer has in next. */
static struct prefix *still_free(struct arena *a, const struct owners *o, const struct gw_peer *p, size_t *n)
{
	struct prefix *out = arena_array(a, p->nallowed, struct prefix);

	*n = 0;
	for (size_t i = 0; i < p->nallowed; i++)
		if (!owned_by_another(o, prefix_range(p->allowed_ips[i]), &p->public_key))
			out[(*n)++] = p->allowed_ips[i];
	return out;
}

static struct gw_peer both_peers(struct arena *a, const struct owners *o, const struct gw_peer *b, const struct gw_peer *n, bool exempt)
{
	struct gw_peer out = n->revoked && exempt ? *b : *n;
	size_t nfree;

	if (out.revoked || same_allowed(b, n))
		return out;
	const struct prefix *v = still_free(a, o, b, &nfree);
	out.allowed_ips = both_prefixes(a, n->allowed_ips, n->nallowed, v, nfree, &out.nallowed);
	return out;
}

void gate_peers(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a,
		struct gw_plan *out)
{
	struct owners o = owners_of(next, a);
	size_t n = 0;

	out->peer = arena_array(a, base->npeers + next->npeers, struct gw_peer);
	for (size_t i = 0, k = 0; i < base->npeers || k < next->npeers;) {
		const struct gw_peer *b = i < base->npeers ? &base->peer[i] : NULL, *w = k < next->npeers ? &next->peer[k] : NULL;
		int c = b == NULL ? 1 : w == NULL ? -1 : pubkey_cmp(&b->public_key, &w->public_key);
		if (c < 0) {
			out->peer[n] = *b;
			out->peer[n].allowed_ips = still_free(a, &o, b, &out->peer[n].nallowed);
			n++;
		} else {
			out->peer[n++] = c == 0 ? both_peers(a, &o, b, w, key_is_exempt(exempt, &b->public_key)) : *w;
		}
		i += c <= 0;
		k += c >= 0;
	}
	out->npeers = n;
	free(o.v);
	out->address = both_prefixes(a, base->address, base->naddresses, next->address, next->naddresses, &out->naddresses);
	out->route = both_prefixes(a, base->route, base->nroutes, next->route, next->nroutes, &out->nroutes);
}
