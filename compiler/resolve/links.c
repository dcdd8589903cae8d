/* SPDX-License-Identifier: Apache-2.0 */
/* Links from what was declared to ways between sites. */
#include "resolve/links.h"

#include <string.h>

#include "resolve/place.h"
#include "resolve/resolver.h"

struct linker {
	struct resolver *s;
	struct links *l;
	struct { struct link_way *v; size_t n, cap; } way;
};

static const struct site_link *decl_of(const struct resolver *s, size_t i)
{
	return (const struct site_link *)s->m->object[KIND_LINK][i];
}

/* --- one link alone --- */

static bool check_transport(struct resolver *s, const struct site_link *d)
{
	if (d->transport == TRANSPORT_WIREGUARD)
		return true;
	diag_add(s->d, "E_LATER", object_loc(&d->o, "transport"),
		 "transport: ipsec is not supported by this version of yett");
	diag_hint(s->d, "leave it out: WireGuard carries the link");
	return false;
}

static bool check_count(struct resolver *s, const struct site_link *d)
{
	struct loc loc = object_loc(&d->o, "sites");
	if (d->sites.n >= 2 && (d->topology != TOPOLOGY_PAIR || d->sites.n == 2))
		return true;
	if (d->topology == TOPOLOGY_PAIR)
		diag_add(s->d, "E_LINK_SITES", loc, "a pair is two sites, and link \"%s\" has %zu", d->o.name,
			 d->sites.n);
	else
		diag_add(s->d, "E_LINK_SITES", loc, "link \"%s\" has %s and connects nothing",
			 d->o.name, d->sites.n ? "one site" : "no sites");
	diag_hint(s->d, d->sites.n < 2 ? "name the sites that it connects"
				       : "for more than two sites write topology: mesh");
	return false;
}

static bool check_site(struct resolver *s, const struct site_link *d, size_t i, const uint32_t *site)
{
	for (size_t k = 0; k < i; k++) {
		if (site[k] != site[i])
			continue;
		diag_add(s->d, "E_LINK_SITES", d->sites.loc[i], "site \"%s\" stands twice in link \"%s\"",
			 d->sites.v[i], d->o.name);
		return false;
	}
	if (s->r->site[site[i]].ngateways)
		return true;
	if (s->m->nbroken[KIND_GATEWAY])
		return false; /* perhaps its gateway is one of those */
	diag_add(s->d, "E_LINK_GATEWAY", d->sites.loc[i], "site \"%s\" has no gateway, so link \"%s\" cannot reach it",
		 d->sites.v[i], d->o.name);
	diag_hint(s->d, "declare a Gateway with site: %s, or take the site out of the link", d->sites.v[i]);
	return false;
}

static bool settle_sites(struct resolver *s, const struct site_link *d, struct r_link *l)
{
	bool good = true;
	l->site = arena_array(s->a, d->sites.n, uint32_t);
	l->nsites = d->sites.n;
	for (size_t i = 0; i < d->sites.n; i++) {
		l->site[i] = resolver_ref(s, KIND_SITE, d->sites.v[i], d->sites.loc[i]);
		good = l->site[i] != NONE && check_site(s, d, i, l->site) && good;
	}
	return good;
}

static bool settle_hub(struct resolver *s, const struct site_link *d, struct r_link *l)
{
	l->hub = NONE;
	if (d->topology != TOPOLOGY_HUB) {
		if (!d->hub)
			return true;
		diag_add(s->d, "E_LINK_HUB", object_loc(&d->o, "hub"), "only topology: hub has a hub");
		diag_hint(s->d, "leave it out, or write topology: hub");
		return false;
	}
	if (!d->hub) {
		diag_add(s->d, "E_LINK_HUB", object_loc(&d->o, "topology"),
			 "topology: hub needs to know which site it is");
		diag_hint(s->d, "write hub: and one of its sites");
		return false;
	}
	l->hub = resolver_ref(s, KIND_SITE, d->hub, object_loc(&d->o, "hub"));
	if (l->hub == NONE)
		return false;
	for (size_t i = 0; i < d->sites.n; i++)
		if (!strcmp(d->sites.v[i], d->hub))
			return true;
	diag_add(s->d, "E_LINK_HUB", object_loc(&d->o, "hub"), "the hub \"%s\" is not among the sites of link \"%s\"",
		 d->hub, d->o.name);
	diag_hint(s->d, "add it to sites");
	return false;
}

static int site_order(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	return a < b ? -1 : a > b;
}

static bool settle_link(struct resolver *s, const struct site_link *d, struct r_link *l)
{
	int64_t inherited = s->r->network ? s->r->network->keepalive : 0;
	*l = (struct r_link){
		.decl = d,
		.keepalive = (uint16_t)(d->keepalive == LINK_KEEPALIVE_UNSET ? inherited : d->keepalive),
	};
	bool good = check_transport(s, d);
	good = check_count(s, d) && good;
	good = settle_sites(s, d, l) && good;
	good = settle_hub(s, d, l) && good;
	if (!good)
		return false;
	uint64_t hash = place_name_hash(d->o.name);
	qsort(l->site, l->nsites, sizeof(*l->site), site_order);
	l->gateway = arena_array(s->a, l->nsites, uint32_t);
	for (size_t i = 0; i < l->nsites; i++)
		l->gateway[i] = place_best(s->r, l->site[i], hash);
	return true;
}

/* --- all links together --- */

static void add_ways(struct linker *k, uint32_t index)
{
	const struct r_link *l = &k->l->link[index];
	for (size_t i = 0; i < l->nsites; i++) {
		for (size_t j = 0; j < l->nsites; j++) {
			uint32_t from = l->site[i], to = l->site[j];
			bool direct = l->hub == NONE || from == l->hub || to == l->hub;
			if (i != j)
				vec_push(&k->way, ((struct link_way){ from, to, index, direct ? NONE : l->hub }));
		}
	}
}

/* Of two links the one that stands later in the files comes second. */
static int way_order(const struct links *l, const struct link_way *a, const struct link_way *b)
{
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	struct loc x = l->link[a->link].decl->o.loc, y = l->link[b->link].decl->o.loc;
	return loc_before(x, y) ? -1 : loc_before(y, x);
}

static int cmp_way(const void *a, const void *b, void *links)
{
	return way_order(links, a, b);
}

static struct loc site_loc(const struct site_link *d, const char *site)
{
	for (size_t i = 0; i < d->sites.n; i++)
		if (!strcmp(d->sites.v[i], site))
			return d->sites.loc[i];
	return d->o.loc;
}

static void report_twice(struct linker *k, const struct link_way *first, const struct link_way *again)
{
	struct resolver *s = k->s;
	const struct site_link *was = k->l->link[first->link].decl, *d = k->l->link[again->link].decl;
	const char *a = s->r->site[again->from].decl->o.name, *b = s->r->site[again->to].decl->o.name;
	diag_add(s->d, "E_LINK_TWICE", site_loc(d, b), "the sites \"%s\" and \"%s\" are linked by \"%s\" already", a, b,
		 was->o.name);
	diag_hint(s->d, "that link stands at %s; two sites have one way to each other",
		  diag_loc_text(s->d, s->a, was->o.loc));
}

/* Each later link is told once; the ways that stay are unique. */
static void check_twice(struct linker *k)
{
	bool *told = arena_array(k->s->a, k->l->n, bool);
	size_t kept = 0;
	for (size_t i = 0; i < k->way.n; i++) {
		struct link_way *w = &k->way.v[i], *last = kept ? &k->way.v[kept - 1] : NULL;
		if (!last || last->from != w->from || last->to != w->to) {
			k->way.v[kept++] = *w;
			continue;
		}
		if (!told[w->link])
			report_twice(k, last, w);
		told[w->link] = true;
	}
	k->way.n = kept;
}

static void index_ways(struct linker *k)
{
	size_t nsites = k->s->r->nsites;
	struct links *l = k->l;
	l->way = k->way.n ? vec_freeze(&k->way, k->s->a) : NULL;
	l->first = arena_array(k->s->a, nsites + 1, size_t);
	for (size_t i = 0; i < k->way.n; i++)
		l->first[l->way[i].from + 1]++;
	for (size_t i = 0; i < nsites; i++)
		l->first[i + 1] += l->first[i];
}

/* --- endpoints --- */

u128 links_endpoint(const struct resolved *r, uint32_t gateway)
{
	const char *host = r->gateway[gateway].decl->endpoint.host;
	u128 addr;
	return addr_parse(host, strlen(host), &addr) == ADDR_OK ? addr : 0;
}

/* What a gateway of that site sends into its own tunnel, in words; NULL: not this address. */
static const char *tunnelled(const struct resolver *s, uint32_t site, u128 addr)
{
	if (ranges_contain(s->r->pools, s->r->npools, addr))
		return "in a pool of the network";
	uint32_t carrier = place_site(s->r, addr);
	if (carrier == NONE || carrier == site || !links_way(s->r, site, carrier))
		return NULL;
	return arena_printf(s->a, "in what site \"%s\" carries", s->r->site[carrier].decl->o.name);
}

static bool check_endpoint(struct resolver *s, const struct link_way *w, uint32_t gateway)
{
	const struct gateway *g = s->r->gateway[gateway].decl;
	const struct site_link *link = s->r->links->link[w->link].decl;
	struct loc loc = object_loc(&g->o, "endpoint");
	u128 addr = links_endpoint(s->r, gateway);
	if (!addr) {
		diag_add(s->d, "E_LINK_ENDPOINT", loc,
			 "gateway \"%s\" takes part in link \"%s\", so its endpoint is an address and not a name",
			 g->o.name, link->o.name);
		diag_hint(s->d, "write the address at which other gateways reach it, such as 192.0.2.1:%u",
			  g->endpoint.port);
		return false;
	}
	const char *where = tunnelled(s, w->from, addr);
	if (!where)
		return true;
	diag_add(s->d, "E_LINK_ENDPOINT", loc,
		 "the endpoint of gateway \"%s\" lies %s, so link \"%s\" would send its own packets into itself",
		 g->o.name, where, link->o.name);
	diag_hint(s->d, "write the address that it has outside the VPN");
	return false;
}

static void check_endpoints(struct linker *k)
{
	const struct resolved *r = k->s->r;
	bool *told = arena_array(k->s->a, r->ngateways, bool);
	for (size_t i = 0; i < k->way.n; i++) {
		const struct link_way *w = &k->way.v[i];
		const struct r_site *to = &r->site[w->to];
		for (size_t j = 0; w->via == NONE && j < to->ngateways; j++)
			if (!told[to->gateway[j]])
				told[to->gateway[j]] = !check_endpoint(k->s, w, to->gateway[j]);
	}
}

/* --- devices, and what lies behind sites --- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Where the device is found, and which gateways that could stand on its paths admit it. */
static uint64_t device_key(const struct resolved *r, uint32_t device)
{
	const struct links *l = r->links;
	uint32_t home = r->device[device].home;
	uint64_t h = mix(mix(1, home), l->at[device]);
	for (size_t i = l->first[home]; i < l->first[home + 1]; i++) {
		const struct r_site *to = &r->site[l->way[i].to];
		for (size_t j = 0; j < to->ngateways; j++)
			h = mix(h, (uint64_t)to->gateway[j] << 1 | place_admits(r, to->gateway[j], device));
	}
	return h | 1; /* 0 is for those that are found nowhere */
}

static void settle_devices(struct linker *k)
{
	const struct resolved *r = k->s->r;
	struct links *l = k->l;
	struct pairs homed = VEC_INIT;
	l->at = arena_array(k->s->a, r->ndevices, uint32_t);
	l->key = arena_array(k->s->a, r->ndevices, uint64_t);
	for (uint32_t d = 0; d < r->ndevices; d++) {
		uint32_t home = r->device[d].home;
		l->at[d] = NONE;
		if (home == NONE || l->first[home] == l->first[home + 1] || !place_gateways(r, home, d, &l->at[d], 1))
			continue;
		l->key[d] = device_key(r, d);
		vec_push(&homed, ((struct pair){ home, d }));
	}
	l->homed = pairs_index(k->s->a, &homed, r->nsites);
	vec_release(&homed);
}

static void settle_behind(struct linker *k)
{
	const struct resolved *r = k->s->r;
	struct ranges owned RANGES_CLEANUP = VEC_INIT;
	for (size_t i = 0; i < r->nowners; i++)
		vec_push(&owned, r->owner[i].range);
	ranges_merge(&owned);
	k->l->behind = arena_array(k->s->a, r->nsites, struct link_behind);
	for (size_t i = 0; i < r->nsites; i++) {
		struct ranges carried RANGES_CLEANUP = VEC_INIT, rest RANGES_CLEANUP = VEC_INIT;
		if (k->l->first[i] == k->l->first[i + 1])
			continue;
		ranges_add(&carried, r->site[i].carried, r->site[i].ncarried);
		ranges_merge(&carried);
		ranges_subtract(&carried, &owned, &rest);
		k->l->behind[i].v = ranges_freeze(&rest, k->s->a, &k->l->behind[i].n);
	}
}

void resolver_links(struct resolver *s)
{
	size_t n = s->m->n[KIND_LINK];
	struct linker k = { .s = s, .way = VEC_INIT };
	if (!n)
		return;
	k.l = arena_new(s->a, struct links);
	k.l->link = arena_array(s->a, n, struct r_link);
	for (size_t i = 0; i < n; i++)
		if (settle_link(s, decl_of(s, i), &k.l->link[k.l->n]))
			add_ways(&k, (uint32_t)k.l->n++);
	if (k.way.n)
		qsort_r(k.way.v, k.way.n, sizeof(*k.way.v), cmp_way, k.l);
	check_twice(&k);
	index_ways(&k);
	s->r->links = k.l;
	check_endpoints(&k);
	settle_devices(&k);
	settle_behind(&k);
	vec_release(&k.way);
}
