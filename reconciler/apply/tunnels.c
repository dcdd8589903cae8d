/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/tunnels.h"

#include <stdlib.h>

void tunnels_release(struct tunnels *t)
{
	vec_release(&t->before);
	t->back = 0;
	t->begun = false;
}

static int cmp_tunnel(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct tunnel_peer *)a)->key, &((const struct tunnel_peer *)b)->key);
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

static bool same_peer(const struct gw_peer *a, const struct gw_peer *b)
{
	if (a == NULL || b == NULL || a->revoked || b->revoked || a->nallowed != b->nallowed)
		return false;
	for (size_t i = 0; i < a->nallowed; i++)
		if (a->allowed_ips[i].addr != b->allowed_ips[i].addr || a->allowed_ips[i].len != b->allowed_ips[i].len)
			return false;
	return true;
}

void tunnels_begin(struct tunnels *t, const struct gw_plan *have, const struct gw_plan *base, const struct gw_plan *next, int64_t now)
{
	tunnels_release(t);
	for (size_t i = 0; i < have->npeers; i++) {
		const struct gw_peer *p = &have->peer[i];
		if (p->handshake == 0 || p->handshake <= now - TUNNELS_RECENT ||
		    !same_peer(peer_of(base, &p->public_key), peer_of(next, &p->public_key)))
			continue;
		vec_push(&t->before, ((struct tunnel_peer){ p->public_key, p->handshake, p->rx_bytes }));
	}
	if (t->before.n > 1)
		qsort(t->before.v, t->before.n, sizeof(*t->before.v), cmp_tunnel);
	t->begun = true;
}

void tunnels_look(struct tunnels *t, const struct gw_plan *have)
{
	t->back = 0;
	for (size_t i = 0; i < have->npeers; i++) {
		const struct gw_peer *p = &have->peer[i];
		for (size_t lo = 0, hi = t->before.n; lo < hi;) {
			size_t mid = lo + (hi - lo) / 2;
			int c = pubkey_cmp(&p->public_key, &t->before.v[mid].key);
			if (c == 0) {
				t->back += p->handshake > t->before.v[mid].handshake || p->rx_bytes > t->before.v[mid].rx_bytes;
				break;
			}
			if (c < 0)
				hi = mid;
			else
				lo = mid + 1;
		}
	}
}
