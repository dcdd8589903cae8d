/* SPDX-License-Identifier: Apache-2.0 */
/* Paths over links, and what follows from them for each gateway. */
#include "resolve/links.h"
#include "resolve/place.h"
#include "resolve/resolver.h"

#define CHAIN_MAX 3 /* a gateway of each side, and the hub's */

/* One side of a path. */
struct end {
	uint32_t site, gateway;
	uint32_t device; /* NONE: fixed at its gateway */
};

const struct link_way *links_way(const struct resolved *r, uint32_t from, uint32_t to)
{
	const struct links *l = r->links;
	if (!l || from == NONE || to == NONE)
		return NULL;
	size_t lo = l->first[from], hi = l->first[from + 1];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->way[mid].to == to)
			return &l->way[mid];
		if (l->way[mid].to < to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool is_site(const struct resolved *r, uint32_t source)
{
	return source >= r->ndevices && source < r->ndevices + r->nsites;
}

static uint32_t gateway_source(const struct resolved *r, uint32_t gateway)
{
	return (uint32_t)(r->ndevices + r->nsites) + gateway;
}

static uint32_t site_of(const struct resolved *r, uint32_t source)
{
	if (source < r->ndevices)
		return r->device[source].home;
	if (is_site(r, source))
		return source - (uint32_t)r->ndevices;
	return r->gateway[source - r->ndevices - r->nsites].site;
}

static bool runs(const struct resolved *r, uint32_t gateway)
{
	return r->gateway[gateway].decl->state != GATEWAY_MAINTENANCE;
}

/* The one gateway of a site in a link. */
static uint32_t carrier_of(const struct r_link *l, uint32_t site)
{
	size_t lo = 0, hi = l->nsites;
	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->site[mid] <= site)
			lo = mid;
		else
			hi = mid;
	}
	return l->gateway[lo];
}

static struct end end_of(const struct resolved *r, const struct link_way *w, uint32_t source)
{
	struct end e = { site_of(r, source), NONE, NONE };
	if (source < r->ndevices) {
		e.device = source;
		e.gateway = r->links->at[source];
	} else if (is_site(r, source)) {
		e.gateway = carrier_of(&r->links->link[w->link], e.site);
	} else if (runs(r, source - (uint32_t)(r->ndevices + r->nsites))) {
		e.gateway = source - (uint32_t)(r->ndevices + r->nsites);
	}
	return e;
}

static bool stands_at(const struct resolved *r, const struct end *e, uint32_t gateway)
{
	return e->device == NONE ? gateway == e->gateway : place_admits(r, gateway, e->device);
}

/* x is the side whose site comes first, so that both directions take the same gateways. */
static size_t chain(const struct resolved *r, const struct link_way *w, const struct end *x, const struct end *y,
		    uint32_t out[static CHAIN_MAX])
{
	uint32_t all[CHAIN_MAX] = { x->gateway };
	size_t n = 1;
	if (w->via != NONE)
		all[n++] = carrier_of(&r->links->link[w->link], w->via);
	all[n++] = y->gateway;
	for (size_t i = 0; i < n; i++)
		if (all[i] == NONE)
			return 0;
	size_t in = 0, last = n - 1;
	for (size_t i = 1; i < n; i++)
		if (stands_at(r, x, all[i]))
			in = i;
	for (size_t i = n - 1; i-- > 0;)
		if (stands_at(r, y, all[i]))
			last = i;
	if (last < in) /* both attach to some of them: at their homes they surely do */
		in = last = last ? n - 1 : 0;
	for (size_t i = in; i <= last; i++)
		out[i - in] = all[i];
	return last - in + 1;
}

static size_t chain_of(const struct resolved *r, uint32_t from, uint32_t to, uint32_t out[static CHAIN_MAX])
{
	const struct link_way *w = links_way(r, site_of(r, from), site_of(r, to));
	if (!w || (from < r->ndevices && is_site(r, to)))
		return 0;
	struct end x = end_of(r, w, from), y = end_of(r, w, to);
	if (x.site < y.site)
		return chain(r, w, &x, &y, out);
	uint32_t back[CHAIN_MAX];
	size_t n = chain(r, w, &y, &x, back);
	for (size_t i = 0; i < n; i++)
		out[i] = back[n - 1 - i];
	return n;
}

/* Whether the device attaches to the site whose networks the packet comes from: no link is in between. */
static bool attaches(const struct resolved *r, uint32_t from, uint32_t to)
{
	uint32_t gateway;
	return is_site(r, from) && to < r->ndevices && r->links->at[to] != NONE &&
	       place_gateways(r, site_of(r, from), to, &gateway, 1);
}

size_t links_path(const struct resolved *r, uint32_t from, uint32_t to, uint32_t *out, size_t max)
{
	uint32_t all[CHAIN_MAX];
	if (!links_way(r, site_of(r, from), site_of(r, to)))
		return 0;
	if (attaches(r, from, to))
		return place_gateways(r, site_of(r, from), to, out, max);
	size_t n = chain_of(r, from, to, all);
	for (size_t i = 0; i < n && i < max; i++)
		out[i] = all[i];
	return n < max ? n : max;
}

bool links_is_chain(const struct resolved *r, uint32_t from, uint32_t to)
{
	return links_way(r, site_of(r, from), site_of(r, to)) && !attaches(r, from, to);
}

static bool on_path(const struct resolved *r, uint32_t gateway, uint32_t from, uint32_t to)
{
	uint32_t all[CHAIN_MAX];
	if (attaches(r, from, to))
		return r->gateway[gateway].site == site_of(r, from) && place_admits(r, gateway, to);
	size_t n = chain_of(r, from, to, all);
	for (size_t i = 0; i < n; i++)
		if (all[i] == gateway)
			return true;
	return false;
}

/* --- what a gateway carries --- */

static void add_device(const struct resolved *r, uint32_t device, struct ranges *out)
{
	const struct device *d = r->device[device].decl;
	for (size_t i = 0; i < d->addresses.n; i++)
		vec_push(out, ((struct range){ d->addresses.v[i], d->addresses.v[i] }));
	for (size_t i = 0; i < d->networks.n; i++)
		ranges_add_written(out, prefix_range(d->networks.v[i]));
}

static void add_gateway(const struct resolved *r, uint32_t gateway, struct ranges *out)
{
	const addr_list *l = &r->gateway[gateway].decl->addresses;
	for (size_t i = 0; i < l->n; i++)
		vec_push(out, ((struct range){ l->v[i], l->v[i] }));
}

static void carry_to(const struct resolved *r, uint32_t gateway, uint32_t source, uint32_t site, struct ranges *out)
{
	const struct links *l = r->links;
	const struct source_set *homed = &l->homed[site];
	for (size_t i = 0; i < homed->n; i++)
		if (on_path(r, gateway, source, homed->v[i]))
			add_device(r, homed->v[i], out);
	for (size_t i = 0; i < r->site[site].ngateways; i++) {
		uint32_t other = r->site[site].gateway[i];
		if (on_path(r, gateway, source, gateway_source(r, other)))
			add_gateway(r, other, out);
	}
	if (on_path(r, gateway, source, (uint32_t)r->ndevices + site))
		ranges_add(out, l->behind[site].v, l->behind[site].n);
}

void links_carry(const struct resolved *r, uint32_t gateway, uint32_t source, struct ranges *out)
{
	const struct links *l = r->links;
	uint32_t from = site_of(r, source), here = r->gateway[gateway].site;
	if (!links_carry_key(r, gateway, source))
		return;
	for (size_t i = l->first[from]; i < l->first[from + 1]; i++) {
		const struct link_way *w = &l->way[i];
		if (here == from || here == w->to || here == w->via)
			carry_to(r, gateway, source, w->to, out);
	}
}

uint64_t links_carry_key(const struct resolved *r, uint32_t gateway, uint32_t source)
{
	uint32_t from = site_of(r, source), here = r->gateway[gateway].site;
	if (!r->links || from == NONE || here == NONE || r->links->first[from] == r->links->first[from + 1])
		return 0;
	if (here != from && !links_way(r, from, here))
		return 0;
	return source < r->ndevices ? r->links->key[source] : (uint64_t)source + 1;
}

size_t links_sources(const struct resolved *r, uint32_t gateway, struct arena *a, uint32_t **out)
{
	const struct links *l = r->links;
	uint32_t here = r->gateway[gateway].site;
	VEC(uint32_t) v = VEC_INIT;
	*out = NULL;
	if (!l || here == NONE || !runs(r, gateway))
		return 0;
	for (uint32_t d = 0; d < r->ndevices; d++)
		if (l->at[d] != NONE && links_way(r, here, r->device[d].home) && !place_admits(r, gateway, d))
			vec_push(&v, d);
	for (size_t i = l->first[here]; i < l->first[here + 1]; i++)
		vec_push(&v, (uint32_t)r->ndevices + l->way[i].to);
	for (uint32_t g = 0; g < r->ngateways; g++)
		if (runs(r, g) && links_way(r, here, r->gateway[g].site))
			vec_push(&v, gateway_source(r, g));
	*out = v.n ? vec_freeze(&v, a) : NULL;
	size_t n = v.n;
	vec_release(&v);
	return n;
}

size_t links_senders(const struct resolved *r, uint32_t gateway, uint32_t device, struct arena *a, struct range **out)
{
	const struct links *l = r->links;
	uint32_t home = r->device[device].home, all[CHAIN_MAX];
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	size_t count;
	*out = NULL;
	if (!l || home == NONE || l->at[device] == NONE)
		return 0;
	for (size_t i = l->first[home]; i < l->first[home + 1]; i++) {
		uint32_t site = l->way[i].to, from = (uint32_t)r->ndevices + site;
		if (attaches(r, from, device))
			continue;
		size_t n = chain_of(r, from, device, all);
		if (n && all[n - 1] == gateway)
			ranges_add(&x, l->behind[site].v, l->behind[site].n);
	}
	ranges_merge(&x);
	*out = ranges_freeze(&x, a, &count);
	return count;
}

/* --- peers --- */

/* Devices of a site that the gateway does not admit itself; at: those that are found at that gateway, or all (NONE). */
static void add_homed(const struct resolved *r, uint32_t gateway, uint32_t site, uint32_t at, struct ranges *out)
{
	const struct source_set *homed = &r->links->homed[site];
	for (size_t i = 0; i < homed->n; i++) {
		uint32_t d = homed->v[i];
		if ((at == NONE || r->links->at[d] == at) && !place_admits(r, gateway, d))
			add_device(r, d, out);
	}
}

/* What a spoke reaches by the hub's gateway: the other spokes, whole. */
static void add_spokes(const struct resolved *r, uint32_t gateway, const struct r_link *l, struct ranges *out)
{
	uint32_t here = r->gateway[gateway].site;
	for (size_t i = 0; i < l->nsites; i++) {
		uint32_t spoke = l->site[i];
		if (spoke == here || spoke == l->hub)
			continue;
		ranges_add(out, r->links->behind[spoke].v, r->links->behind[spoke].n);
		add_homed(r, gateway, spoke, NONE, out);
		for (size_t k = 0; k < r->site[spoke].ngateways; k++)
			if (runs(r, r->site[spoke].gateway[k]))
				add_gateway(r, r->site[spoke].gateway[k], out);
	}
}

static struct link_peer peer_of(const struct resolved *r, uint32_t gateway, const struct link_way *w, uint32_t other,
				struct arena *a)
{
	const struct r_link *l = &r->links->link[w->link];
	struct link_peer p = { .gateway = other, .link = w->link };
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	add_gateway(r, other, &x);
	add_homed(r, gateway, w->to, other, &x);
	if (carrier_of(l, w->to) == other) {
		ranges_add(&x, r->links->behind[w->to].v, r->links->behind[w->to].n);
		if (w->to == l->hub)
			add_spokes(r, gateway, l, &x);
	}
	ranges_merge(&x);
	p.range = ranges_freeze(&x, a, &p.nranges);
	return p;
}

static int peer_order(const void *pa, const void *pb)
{
	const struct link_peer *a = pa, *b = pb;
	return a->gateway < b->gateway ? -1 : a->gateway > b->gateway;
}

size_t links_peers(const struct resolved *r, uint32_t gateway, struct arena *a, struct link_peer **out)
{
	const struct links *l = r->links;
	uint32_t here = r->gateway[gateway].site;
	VEC(struct link_peer) v = VEC_INIT;
	*out = NULL;
	if (!l || here == NONE || !runs(r, gateway))
		return 0;
	for (size_t i = l->first[here]; i < l->first[here + 1]; i++) {
		const struct link_way *w = &l->way[i];
		const struct r_site *to = &r->site[w->to];
		for (size_t k = 0; w->via == NONE && k < to->ngateways; k++) {
			if (!runs(r, to->gateway[k]))
				continue;
			struct link_peer p = peer_of(r, gateway, w, to->gateway[k], a);
			vec_push(&v, p);
		}
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), peer_order);
	*out = v.n ? vec_freeze(&v, a) : NULL;
	size_t n = v.n;
	vec_release(&v);
	return n;
}
