/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/links.h"

#include "resolve/links.h"

static void add_prefix(void *arg, struct prefix p)
{
	prefix_vec *v = arg;

	vec_push(v, p);
}

static struct gw_peer gateway_peer(const struct resolved *r, const struct link_peer *peer, struct arena *a)
{
	const struct gateway *decl = r->gateway[peer->gateway].decl;
	prefix_vec allowed = VEC_INIT;
	struct gw_peer p = { .public_key = decl->public_key,
			     .name = decl->o.name,
			     .endpoint = { links_endpoint(r, peer->gateway), decl->endpoint.port },
			     .keepalive = r->links->link[peer->link].keepalive,
			     .not_before = CLOCK_EVER,
			     .expires = CLOCK_NEVER };

	for (size_t i = 0; i < peer->nranges; i++)
		range_to_prefixes(peer->range[i], add_prefix, &allowed);
	p.allowed_ips = allowed.n > 0 ? vec_freeze(&allowed, a) : NULL;
	p.nallowed = allowed.n;
	vec_release(&allowed);
	return p;
}

void link_peers_add(const struct resolved *r, uint32_t gateway, struct arena *a, peer_vec *out)
{
	struct link_peer *peer;
	size_t n = links_peers(r, gateway, a, &peer);

	for (size_t i = 0; i < n; i++) {
		struct gw_peer p = gateway_peer(r, &peer[i], a);
		vec_push(out, p);
	}
}

static bool in_pools(const struct resolved *r, struct range x)
{
	for (size_t i = 0; i < r->npools; i++)
		if (r->pools[i].lo <= x.lo && x.hi <= r->pools[i].hi)
			return true;
	return false;
}

void link_routes_add(const struct resolved *r, uint32_t gateway, prefix_vec *out)
{
	struct arena scratch;
	peer_vec peer = VEC_INIT;

	if (r->links == NULL)
		return;
	arena_init(&scratch);
	link_peers_add(r, gateway, &scratch, &peer);
	for (size_t i = 0; i < peer.n; i++)
		for (size_t k = 0; k < peer.v[i].nallowed; k++)
			if (!in_pools(r, prefix_range(peer.v[i].allowed_ips[k])))
				vec_push(out, peer.v[i].allowed_ips[k]);
	vec_release(&peer);
	arena_release(&scratch);
}
