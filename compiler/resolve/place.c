/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/links.h"
#include "resolve/place.h"
#include "resolve/resolver.h"

/* What a carry key is made of. */
enum {
	CARRY_SITE = 1,     /* the site's networks and resources, and the gateway's own addresses */
	CARRY_INTERNET = 2,
	CARRY_HOMED = 4,    /* devices whose home the site is, where they meet */
	CARRY_OWN = 8,      /* the gateway's own addresses alone */
	CARRY_BITS = 4,     /* above them stands what decides the paths over links */
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

uint64_t place_name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	return mix(h);
}

uint64_t place_weight(uint64_t one, uint64_t other)
{
	return mix(one ^ other);
}

static uint64_t weight(const struct resolved *r, uint32_t gateway, uint32_t device)
{
	return place_weight(r->gateway[gateway].name_hash, r->device[device].name_hash);
}

/* Whether x comes before y in the device's order at a site. */
static bool outweighs(const struct resolved *r, uint32_t x, uint32_t y, uint32_t device)
{
	uint64_t wx = weight(r, x, device), wy = weight(r, y, device);
	return wx != wy ? wx > wy : x < y;
}

static int state_of(const struct resolved *r, uint32_t gateway)
{
	return r->gateway[gateway].decl->state;
}

bool place_plan_allows(const struct resolved *r, uint32_t device, uint32_t site)
{
	uint32_t plan = r->device[device].plan;
	if (plan == NONE || !r->plan_sites[plan].n)
		return true;
	const struct source_set *sites = &r->plan_sites[plan];
	size_t lo = 0, hi = sites->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (sites->v[mid] < site)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sites->n && sites->v[lo] == site;
}

bool place_admits_all(const struct resolved *r, uint32_t site)
{
	const struct r_site *st = &r->site[site];
	return !st->decl->redundancy || (uint64_t)st->decl->redundancy >= st->ngateways;
}

/* Whether fewer than `redundancy` other gateways of the site that are active outweigh g. */
static bool is_chosen(const struct resolved *r, uint32_t gateway, uint32_t device)
{
	const struct r_site *st = &r->site[r->gateway[gateway].site];
	int64_t better = 0;
	for (size_t i = 0; i < st->ngateways; i++) {
		uint32_t other = st->gateway[i];
		if (other != gateway && state_of(r, other) == GATEWAY_ACTIVE &&
		    outweighs(r, other, gateway, device))
			better++;
	}
	return better < st->decl->redundancy;
}

bool place_admits(const struct resolved *r, uint32_t gateway, uint32_t device)
{
	uint32_t site = r->gateway[gateway].site;
	if (site == NONE || state_of(r, gateway) == GATEWAY_MAINTENANCE)
		return false;
	if (r->device[device].dead || !place_plan_allows(r, device, site))
		return false;
	return place_admits_all(r, site) || is_chosen(r, gateway, device);
}

bool place_meets_before(const struct resolved *r, uint32_t x, uint32_t y)
{
	uint64_t wx = r->gateway[x].meeting_weight, wy = r->gateway[y].meeting_weight;
	return wx != wy ? wx > wy : x < y;
}

bool place_meets(const struct resolved *r, uint32_t gateway, uint32_t device)
{
	const struct r_gateway *g = &r->gateway[gateway];
	const struct r_device *d = &r->device[device];
	if (!g->meeting || g->site != d->home)
		return false;
	return place_admits(r, gateway, device) || (d->meets && !d->dead && place_plan_allows(r, device, g->site));
}

bool place_has(const struct resolved *r, uint32_t gateway, uint32_t device)
{
	return place_admits(r, gateway, device) || place_meets(r, gateway, device);
}

static bool preferred(const struct resolved *r, uint32_t x, uint32_t y, uint32_t device)
{
	if (state_of(r, x) != state_of(r, y))
		return state_of(r, x) < state_of(r, y);
	return outweighs(r, x, y, device);
}

/* A list of gateways, best first, that keeps the best `max`. */
struct ranking {
	uint32_t *v;
	size_t n, max;
};

/* at: before how many of those ranked it belongs. */
static void rank_at(struct ranking *k, uint32_t gateway, size_t at)
{
	if (at == k->max)
		return;
	if (k->n < k->max)
		k->n++;
	for (size_t j = k->n - 1; j > at; j--)
		k->v[j] = k->v[j - 1];
	k->v[at] = gateway;
}

size_t place_gateways(const struct resolved *r, uint32_t site, uint32_t device, uint32_t *out, size_t max)
{
	struct ranking k = { out, 0, max };
	if (site == NONE)
		return 0;
	for (size_t i = 0; i < r->site[site].ngateways; i++) {
		uint32_t g = r->site[site].gateway[i];
		size_t at = k.n;
		if (!place_admits(r, g, device))
			continue;
		while (at && preferred(r, g, out[at - 1], device))
			at--;
		rank_at(&k, g, at);
	}
	return k.n;
}

static bool preferred_to_meet(const struct resolved *r, uint32_t x, uint32_t y)
{
	if (state_of(r, x) != state_of(r, y))
		return state_of(r, x) < state_of(r, y);
	return place_meets_before(r, x, y);
}

size_t place_meeting(const struct resolved *r, uint32_t device, uint32_t other, uint32_t *out, size_t max)
{
	uint32_t home = r->device[device].home;
	struct ranking k = { out, 0, max };
	if (home == NONE || r->device[other].home != home)
		return 0;
	for (size_t i = 0; i < r->site[home].ngateways; i++) {
		uint32_t g = r->site[home].gateway[i];
		size_t at = k.n;
		if (!place_meets(r, g, device) || !place_meets(r, g, other))
			continue;
		while (at && preferred_to_meet(r, g, out[at - 1]))
			at--;
		rank_at(&k, g, at);
	}
	return k.n;
}

uint32_t place_best(const struct resolved *r, uint32_t site, uint64_t name_hash)
{
	uint32_t best = NONE;
	uint64_t best_weight = 0;
	for (size_t i = 0; i < r->site[site].ngateways; i++) {
		uint32_t g = r->site[site].gateway[i];
		uint64_t w = mix(r->gateway[g].name_hash ^ name_hash);
		if (state_of(r, g) == GATEWAY_MAINTENANCE)
			continue;
		bool better = best == NONE || (state_of(r, g) != state_of(r, best) ? state_of(r, g) < state_of(r, best) :
										  w > best_weight);
		best_weight = better ? w : best_weight;
		best = better ? g : best;
	}
	return best;
}

/* What the gateway carries without links. */
static uint64_t carry_here(const struct resolved *r, uint32_t gateway, uint32_t source)
{
	const struct r_gateway *g = &r->gateway[gateway];
	if (source < r->ndevices) {
		uint64_t meets = place_meets(r, gateway, source) ? CARRY_HOMED | CARRY_OWN : 0;
		if (!place_admits(r, gateway, source))
			return meets;
		return CARRY_SITE | (r->site[g->site].decl->exit ? CARRY_INTERNET : 0) | meets;
	}
	if (source == r->ndevices + g->site)
		return CARRY_HOMED | CARRY_OWN;
	if (source == r->ndevices + r->nsites + gateway)
		return CARRY_HOMED;
	return 0;
}

uint64_t place_carry_key(const struct resolved *r, uint32_t gateway, uint32_t source)
{
	const struct r_gateway *g = &r->gateway[gateway];
	if (g->site == NONE || g->decl->state == GATEWAY_MAINTENANCE)
		return 0;
	return carry_here(r, gateway, source) | links_carry_key(r, gateway, source) << CARRY_BITS;
}

size_t place_carry(const struct resolved *r, uint32_t gateway, uint32_t source, struct arena *a, struct range **out)
{
	uint64_t key = place_carry_key(r, gateway, source);
	struct ranges all RANGES_CLEANUP = VEC_INIT;
	*out = NULL;
	if (!key)
		return 0;
	const struct r_gateway *g = &r->gateway[gateway];
	const struct r_site *site = &r->site[g->site];
	if (key & CARRY_SITE)
		ranges_add(&all, site->carried, site->ncarried);
	if (key & CARRY_INTERNET)
		ranges_add(&all, r->internet, r->ninternet);
	if (key & CARRY_HOMED)
		ranges_add(&all, site->homed, site->nhomed);
	for (size_t i = 0; key & (CARRY_SITE | CARRY_OWN) && i < g->decl->addresses.n; i++)
		vec_push(&all, ((struct range){ g->decl->addresses.v[i], g->decl->addresses.v[i] }));
	links_carry(r, gateway, source, &all);
	ranges_merge(&all);
	size_t n;
	*out = ranges_freeze(&all, a, &n);
	return n;
}

uint32_t place_site(const struct resolved *r, u128 addr)
{
	const struct lookup *l = r->lookup;
	size_t lo = 0, hi = l->ncarriers;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->carrier[mid].range.hi < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->ncarriers && l->carrier[lo].range.lo <= addr ? l->carrier[lo].site : NONE;
}

static uint32_t owner_of(const struct resolved *r, u128 addr)
{
	size_t lo = 0, hi = r->nowners;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->owner[mid].range.hi < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->nowners && r->owner[lo].range.lo <= addr ? r->owner[lo].source : NONE;
}

/* Exits: the device's home first, then the others by name. */
static size_t exits(const struct resolved *r, uint32_t device, uint32_t *out, size_t max)
{
	uint32_t home = r->device[device].home;
	size_t n = 0;
	if (home != NONE && r->site[home].decl->exit)
		n = place_gateways(r, home, device, out, max);
	for (uint32_t i = 0; i < r->nsites && n < max; i++)
		if (i != home && r->site[i].decl->exit)
			n += place_gateways(r, i, device, out + n, max - n);
	return n;
}

static size_t device_path(const struct resolved *r, uint32_t device, uint32_t peer, uint32_t *out, size_t max)
{
	if (peer >= r->ndevices) {
		uint32_t g = peer - (uint32_t)(r->ndevices + r->nsites);
		if (!max || !place_has(r, g, device))
			return links_path(r, device, peer, out, max);
		out[0] = g;
		return 1;
	}
	if (r->device[device].home != r->device[peer].home)
		return links_path(r, device, peer, out, max);
	return place_meeting(r, device, peer, out, max);
}

/* What a site's networks and its gateways reach at the site itself: the gateways and the devices whose home it is. */
static size_t path_at_site(const struct resolved *r, uint32_t source, uint32_t site, uint32_t peer, uint32_t *out,
			   size_t max)
{
	bool from_site = source < r->ndevices + r->nsites;
	if (peer >= r->ndevices) {
		uint32_t to = peer - (uint32_t)(r->ndevices + r->nsites);
		if (!from_site || state_of(r, to) == GATEWAY_MAINTENANCE)
			return 0;
		out[0] = to;
		return 1;
	}
	if (from_site)
		return place_gateways(r, site, peer, out, max);
	out[0] = source - (uint32_t)(r->ndevices + r->nsites);
	return place_has(r, out[0], peer);
}

/* The site at which a device or gateway is found. */
static uint32_t site_of_peer(const struct resolved *r, uint32_t peer)
{
	return peer < r->ndevices ? r->device[peer].home : r->gateway[peer - r->ndevices - r->nsites].site;
}

/* From a site's networks or a gateway itself: to what is at its site, and over links. */
static size_t fixed_path(const struct resolved *r, uint32_t source, uint32_t peer, u128 addr, uint32_t *out, size_t max)
{
	bool from_site = source < r->ndevices + r->nsites;
	uint32_t site = from_site ? source - (uint32_t)r->ndevices
				  : r->gateway[source - r->ndevices - r->nsites].site;
	if (!max || site == NONE)
		return 0;
	if (peer == NONE) {
		uint32_t to = place_site(r, addr);
		return to == NONE ? 0 : links_path(r, source, (uint32_t)r->ndevices + to, out, max);
	}
	if (site_of_peer(r, peer) == site)
		return path_at_site(r, source, site, peer, out, max);
	return links_path(r, source, peer, out, max);
}

size_t place_path(const struct resolved *r, uint32_t source, u128 addr, uint32_t *out, size_t max)
{
	uint32_t peer = owner_of(r, addr);
	if (source >= r->ndevices)
		return fixed_path(r, source, peer, addr, out, max);
	size_t n = place_gateways(r, place_site(r, addr), source, out, max);
	if (!n && peer != NONE)
		n = device_path(r, source, peer, out, max);
	if (!n && ranges_contain(r->internet, r->ninternet, addr))
		n = exits(r, source, out, max);
	return n;
}

bool place_is_chain(const struct resolved *r, uint32_t source, u128 addr)
{
	uint32_t peer = owner_of(r, addr), gateway, site = place_site(r, addr);
	if (source < r->ndevices && (peer == NONE || place_gateways(r, site, source, &gateway, 1)))
		return false;
	if (peer == NONE)
		return site != NONE && links_is_chain(r, source, (uint32_t)r->ndevices + site);
	return links_is_chain(r, source, peer);
}
