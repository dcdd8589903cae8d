/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/order.h"
#include "base/vec.h"
#include "plan/classes.h"
#include "plan/limits.h"
#include "plan/links.h"
#include "plan/rules.h"
#include "plan/table.h"
#include "resolve/links.h"
#include "resolve/place.h"

#define MAP_SIZE_MIN 1024
#define DENIED_RATE 10
#define DENIED_BURST 20

struct gateway_plan {
	struct gw_plan *p;
	const struct access *x;
	const struct resolved *r;
	uint32_t gateway;
	const struct r_gateway *g;
	struct arena *a;
	VEC(uint32_t) admitted; /* the devices that are its peers, ascending */
};

static int cmp_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : x->len - y->len;
}

static u128 prefix_key(const void *prefix)
{
	return ((const struct prefix *)prefix)->addr;
}

/* Sorts and drops repeats; returns how many stay. */
static size_t prefixes_settle(struct prefix *v, size_t n)
{
	size_t kept = 0;

	if (n > 0)
		order_sort(v, n, sizeof(*v), prefix_key, cmp_prefix);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || cmp_prefix(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

static struct prefix host_prefix(u128 addr)
{
	return (struct prefix){ addr, addr_is_v4(addr) ? 32 : 128 };
}

/* --- interface and peers --- */

static void plan_interface(struct gateway_plan *g)
{
	const struct gateway *decl = g->g->decl;
	prefix_vec route = VEC_INIT;

	*g->p = (struct gw_plan){ .gateway = decl->o.name,
				  .interface = decl->interface,
				  .present = true,
				  .up = true,
				  .public_key = decl->public_key,
				  .listen_port = g->g->listen_port,
				  .mtu = (uint32_t)g->r->network->mtu };
	g->p->address = arena_array(g->a, decl->addresses.n, struct prefix);
	for (size_t i = 0; i < decl->addresses.n; i++)
		g->p->address[i] = host_prefix(decl->addresses.v[i]);
	g->p->naddresses = prefixes_settle(g->p->address, decl->addresses.n);
	for (size_t i = 0; i < g->r->network->pools.n; i++)
		vec_push(&route, g->r->network->pools.v[i]);
	for (size_t i = 0; i < g->admitted.n; i++) {
		const struct device *d = g->r->device[g->admitted.v[i]].decl;
		for (size_t k = 0; k < d->networks.n; k++)
			vec_push(&route, d->networks.v[k]);
	}
	link_routes_add(g->r, g->gateway, &route);
	g->p->nroutes = prefixes_settle(route.v, route.n);
	g->p->route = arena_dup(g->a, route.v, g->p->nroutes * sizeof(*route.v));
	vec_release(&route);
}

static int cmp_peer(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct gw_peer *)a)->public_key, &((const struct gw_peer *)b)->public_key);
}

static u128 peer_key(const void *peer)
{
	return order_key_bytes(((const struct gw_peer *)peer)->public_key.b, KEY_BYTES);
}

/*
 * The device keeps its way through the NATs before it open with its own keepalive, which is in its profile; a gateway
 * that sent one as well would wake sleeping phones for nothing.
 */
static struct gw_peer device_peer(struct gateway_plan *g, const struct r_device *d)
{
	struct gw_peer p = { .public_key = d->decl->public_key,
			     .name = d->decl->o.name,
			     .not_before = d->not_before,
			     .expires = d->expires };
	const struct device *decl = d->decl;

	p.allowed_ips = arena_array(g->a, decl->addresses.n + decl->networks.n, struct prefix);
	for (size_t i = 0; i < decl->addresses.n; i++)
		p.allowed_ips[p.nallowed++] = host_prefix(decl->addresses.v[i]);
	for (size_t i = 0; i < decl->networks.n; i++)
		p.allowed_ips[p.nallowed++] = decl->networks.v[i];
	p.nallowed = prefixes_settle(p.allowed_ips, p.nallowed);
	return p;
}

static void plan_peers(struct gateway_plan *g)
{
	peer_vec peer = VEC_INIT;

	for (size_t i = 0; i < g->admitted.n; i++) {
		struct gw_peer p = device_peer(g, &g->r->device[g->admitted.v[i]]);
		vec_push(&peer, p);
	}
	for (size_t i = 0; i < g->r->ndevices; i++) {
		const struct device *d = g->r->device[i].decl;
		struct gw_peer p = { .public_key = d->public_key,
				     .name = d->o.name,
				     .not_before = CLOCK_EVER,
				     .expires = CLOCK_NEVER,
				     .revoked = true };
		if (d->revoked)
			vec_push(&peer, p);
	}
	link_peers_add(g->r, g->gateway, g->a, &peer);
	order_sort(peer.v, peer.n, sizeof(*peer.v), peer_key, cmp_peer);
	g->p->peer = vec_freeze(&peer, g->a);
	g->p->npeers = peer.n;
	vec_release(&peer);
}

/* --- the table's fixed part --- */

static const struct {
	const char *name;
	bool v6, inside; /* inside: sources that come in by WireGuard */
} maps[] = {
	{ "class4", false, true },  { "class6", true, true },     { "network4", false, true },
	{ "network6", true, true }, { "outside4", false, false }, { "outside6", true, false },
};

struct chain_draft {
	struct nft_rule rule[8];
	size_t n;
};

static void draft_rule(struct arena *a, struct chain_draft *c, const struct nft_item *item, size_t n)
{
	c->rule[c->n++] = (struct nft_rule){ .item = arena_dup(a, item, n * sizeof(*item)), .nitems = n };
}

static void draft_add(struct arena *a, struct table *t, const char *name, enum nft_hook hook,
		      const struct chain_draft *c)
{
	const struct nft_chain chain = {
		.name = name, .hook = hook, .nrules = c->n, .rule = arena_dup(a, c->rule, c->n * sizeof(*c->rule))
	};

	table_add_chain(t, &chain);
}

static struct nft_item by_interface(enum nft_field field, enum nft_op op, const char *interface)
{
	struct nft_item i = item_match(field, op, 0, 0);

	i.name = interface;
	return i;
}

static void add_hooks(struct gateway_plan *g, struct table *t)
{
	const char *name = g->p->interface;
	const struct nft_item in = by_interface(NFT_IIFNAME, NFT_EQ, name),
			      out = by_interface(NFT_OIFNAME, NFT_EQ, name);
	const struct nft_item ours = item_name(NFT_GOTO, "ours");
	struct chain_draft forward = { .n = 0 }, input = { .n = 0 }, output = { .n = 0 }, nat = { .n = 0 };

	draft_rule(g->a, &forward, (struct nft_item[]){ out, item_plain(NFT_MSS_CLAMP) }, 2);
	draft_rule(g->a, &forward, (struct nft_item[]){ in, ours }, 2);
	draft_rule(g->a, &forward, (struct nft_item[]){ out, ours }, 2);
	draft_add(g->a, t, "forward", NFT_HOOK_FORWARD, &forward);
	draft_rule(g->a, &input, (struct nft_item[]){ in, ours }, 2);
	draft_add(g->a, t, "input", NFT_HOOK_INPUT, &input);
	draft_rule(g->a, &output, (struct nft_item[]){ out, ours }, 2);
	draft_add(g->a, t, "output", NFT_HOOK_OUTPUT, &output);
	if (g->g->decl->nat != NAT_MASQUERADE)
		return;
	const struct nft_item elsewhere = by_interface(NFT_OIFNAME, NFT_NEQ, name);
	draft_rule(g->a, &nat, (struct nft_item[]){ in, elsewhere, item_plain(NFT_MASQUERADE) }, 3);
	draft_add(g->a, t, "postrouting", NFT_HOOK_POSTROUTING_NAT, &nat);
}

static void add_denied(struct gateway_plan *g, struct table *t)
{
	struct nft_item limit = item_plain(NFT_LIMIT);
	struct chain_draft c = { .n = 0 };

	limit.lo = DENIED_RATE;
	limit.hi = DENIED_BURST;
	draft_rule(g->a, &c, (struct nft_item[]){ limit, item_name(NFT_LOG, "yett denied: ") }, 2);
	draft_rule(g->a, &c, (struct nft_item[]){ item_plain(NFT_COUNTER), item_plain(NFT_DROP) }, 2);
	draft_add(g->a, t, "denied", NFT_HOOK_NONE, &c);
}

static void add_ours(struct gateway_plan *g, struct table *t)
{
	struct chain_draft c = { .n = 0 };

	draft_rule(g->a, &c,
		   (struct nft_item[]){ item_match(NFT_CT_INVALID, NFT_EQ, 0, 0), item_plain(NFT_COUNTER),
					item_name(NFT_GOTO, "denied") },
		   3);
	draft_rule(g->a, &c,
		   (struct nft_item[]){ item_match(NFT_CT_DIRECTION, NFT_EQ, 1, 0), item_name(NFT_GOTO, "source_any") },
		   2);
	draft_rule(g->a, &c,
		   (struct nft_item[]){ by_interface(NFT_IIFNAME, NFT_EQ, g->p->interface),
					item_name(NFT_GOTO, "source_wg") },
		   2);
	draft_rule(g->a, &c, (struct nft_item[]){ item_name(NFT_GOTO, "source_out") }, 1);
	draft_add(g->a, t, "ours", NFT_HOOK_NONE, &c);
}

/* A chain that looks a flow's first source up in the maps of what comes in by WireGuard, of what does not, or both. */
static void add_dispatch(struct gateway_plan *g, struct table *t, const char *name, bool inside, bool outside)
{
	struct chain_draft c = { .n = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct nft_item d = item_name(NFT_DISPATCH, maps[i].name);
		d.name2 = "dispatch";
		d.v6 = maps[i].v6;
		if (maps[i].inside ? inside : outside)
			draft_rule(g->a, &c, &d, 1);
	}
	draft_rule(g->a, &c, (struct nft_item[]){ item_name(NFT_GOTO, "denied") }, 1);
	draft_add(g->a, t, name, NFT_HOOK_NONE, &c);
}

/* --- the maps from source to class --- */

struct map_draft {
	VEC(struct nft_elem) elem[ARRAY_SIZE(maps)];
};

enum map_index { MAP_CLASS, MAP_NETWORK, MAP_OUTSIDE }; /* half of an index into maps[] */

static void map_add(struct map_draft *m, enum map_index map, struct range r, uint32_t number)
{
	const struct nft_elem e = { .lo = r.lo, .hi = r.hi, .value = number };
	size_t i = 2 * (size_t)map + !addr_is_v4(r.lo);

	vec_push(&m->elem[i], e);
}

static void map_source(struct gateway_plan *g, struct map_draft *m, uint32_t source, uint32_t number)
{
	const struct resolved *r = g->r;

	if (source < r->ndevices) {
		const struct device *d = r->device[source].decl;
		for (size_t i = 0; i < d->addresses.n; i++)
			map_add(m, MAP_CLASS, (struct range){ d->addresses.v[i], d->addresses.v[i] }, number);
		for (size_t i = 0; i < d->networks.n; i++)
			map_add(m, MAP_NETWORK, prefix_range(d->networks.v[i]), number);
	} else if (source < r->ndevices + r->nsites) {
		const struct site *s = r->site[source - r->ndevices].decl;
		bool here = source - r->ndevices == g->g->site;
		for (size_t i = 0; i < s->networks.n; i++)
			map_add(m, here ? MAP_OUTSIDE : MAP_NETWORK, prefix_range(s->networks.v[i]), number);
	} else {
		const struct gateway *w = r->gateway[source - r->ndevices - r->nsites].decl;
		bool self = w == g->g->decl;
		for (size_t i = 0; i < w->addresses.n; i++)
			map_add(m, self ? MAP_OUTSIDE : MAP_CLASS, (struct range){ w->addresses.v[i], w->addresses.v[i] },
				number);
	}
}

static int cmp_elem(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static u128 elem_key(const void *elem)
{
	return ((const struct nft_elem *)elem)->lo;
}

/* The declared size is a hard cap that makes loading cheap: with room, so that it rarely changes. */
static uint32_t map_size(size_t n)
{
	uint32_t size = MAP_SIZE_MIN;

	while (size < 2 * n)
		size *= 2;
	return size;
}

static void add_maps(struct gateway_plan *g, struct table *t, const struct classes *c)
{
	static const enum nft_set_kind kinds[ARRAY_SIZE(maps)] = { NFT_MAP_CLASS4, NFT_MAP_CLASS6, NFT_MAP_NET4,
								   NFT_MAP_NET6,   NFT_MAP_NET4,   NFT_MAP_NET6 };
	struct map_draft m = { .elem = { VEC_INIT } };

	for (size_t i = 0; i < c->nsources; i++)
		if (c->source[i].number != 0)
			map_source(g, &m, c->source[i].source, c->source[i].number);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		order_sort(m.elem[i].v, m.elem[i].n, sizeof(*m.elem[i].v), elem_key, cmp_elem);
		bool hash = kinds[i] == NFT_MAP_CLASS4 || kinds[i] == NFT_MAP_CLASS6;
		const struct nft_set s = { .name = maps[i].name,
					   .kind = kinds[i],
					   .nelems = m.elem[i].n,
					   .size = hash ? map_size(m.elem[i].n) : 0,
					   .elem = vec_freeze(&m.elem[i], g->a) };
		table_add_set(t, &s);
		vec_release(&m.elem[i]);
	}
	const struct nft_set dispatch = {
		.name = "dispatch", .kind = NFT_MAP_CHAIN, .elem = c->dispatch, .nelems = c->ndispatch
	};
	table_add_set(t, &dispatch);
}

static int cmp_source(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * The sources whose packets this gateway judges, ascending: its devices, its own site's networks, itself, and those
 * whose packets other gateways hand to it.
 */
static size_t judged_sources(struct gateway_plan *g, uint32_t **out)
{
	uint32_t *linked;
	size_t nlinked = links_sources(g->r, g->gateway, g->a, &linked), n = 0;
	uint32_t *v = arena_array(g->a, g->admitted.n + nlinked + 2, uint32_t);

	for (size_t i = 0; i < g->admitted.n; i++)
		v[n++] = g->admitted.v[i];
	for (size_t i = 0; i < nlinked; i++)
		v[n++] = linked[i];
	if (g->g->site != NONE)
		v[n++] = (uint32_t)g->r->ndevices + g->g->site;
	v[n++] = (uint32_t)(g->r->ndevices + g->r->nsites) + g->gateway;
	if (nlinked > 0)
		qsort(v, n, sizeof(*v), cmp_source);
	*out = v;
	return n;
}

static void plan_table(struct gateway_plan *g)
{
	struct table t;
	struct classes c;
	uint32_t *source;
	size_t nsources = judged_sources(g, &source);

	table_init(&t, g->a);
	add_hooks(g, &t);
	add_denied(g, &t);
	add_ours(g, &t);
	add_dispatch(g, &t, "source_wg", true, false);
	add_dispatch(g, &t, "source_out", false, true);
	add_dispatch(g, &t, "source_any", true, true);
	classes_build(&c, &t, g->x, g->r, g->gateway, source, nsources);
	add_maps(g, &t, &c);
	limits_build(&t, g->r, g->admitted.v, g->admitted.n, g->p->interface);
	table_finish(&t, &g->p->nft);
	table_release(&t);
}

void plan_gateway(struct gw_plan *p, const struct access *x, const struct resolved *r, uint32_t gateway,
		  struct arena *a)
{
	struct gateway_plan g = { .p = p, .x = x, .r = r, .gateway = gateway, .g = &r->gateway[gateway], .a = a };

	for (size_t i = 0; i < r->ndevices; i++)
		if (place_has(r, gateway, (uint32_t)i))
			vec_push(&g.admitted, (uint32_t)i);
	plan_interface(&g);
	plan_peers(&g);
	plan_table(&g);
	vec_release(&g.admitted);
}
