/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

int wg_missing(const char *interface, char *err, size_t err_size)
{
	snprintf(err, err_size,
		 "the kernel has no WireGuard and no wireguard-go listens on %s/%s.sock; start `wireguard-go %s` or load the module [E_NO_WIREGUARD]",
		 WG_SOCKET_DIR, interface, interface);
	return -ENODEV;
}

static int prefix_cmp(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : (int)x->len - (int)y->len;
}

static void change_ip(struct wg_change *c, struct prefix ip)
{
	if (c->nips == c->cap)
		c->ip = vec_grow(c->ip, &c->cap, c->nips + 1, sizeof(*c->ip));
	c->ip[c->nips++] = ip;
}

/* A list that only grew is added to, so that the peer's other addresses are not taken away for a moment. */
static bool only_grew(const struct gw_peer *old, const struct gw_peer *new)
{
	size_t i = 0;

	for (size_t k = 0; k < new->nallowed && i < old->nallowed; k++)
		if (prefix_cmp(&old->allowed_ips[i], &new->allowed_ips[k]) == 0)
			i++;
	return i == old->nallowed;
}

static void change_update(struct wg_change *c, const struct gw_peer *old, const struct gw_peer *new)
{
	size_t i = 0;

	c->replace = old == NULL || !only_grew(old, new);
	c->set_keepalive = old == NULL || old->keepalive != new->keepalive;
	for (size_t k = 0; k < new->nallowed; k++) {
		if (!c->replace && i < old->nallowed && prefix_cmp(&old->allowed_ips[i], &new->allowed_ips[k]) == 0)
			i++;
		else
			change_ip(c, new->allowed_ips[k]);
	}
}

bool wg_change_get(struct wg_change *c, const struct plan_op *op, enum wg_phase phase)
{
	c->peer = op->peer != NULL ? op->peer : op->old_peer;
	c->remove = c->replace = c->set_keepalive = c->set_endpoint = false;
	c->nips = 0;
	if (op->kind == OP_PEER_REMOVE) {
		c->remove = true;
		return phase == (op->early ? WG_REVOKE : WG_CLEAN);
	}
	if (phase != WG_GRANT || (op->kind != OP_PEER_ADD && op->kind != OP_PEER_UPDATE))
		return false;
	c->set_endpoint = op->set_endpoint;
	change_update(c, op->kind == OP_PEER_UPDATE ? op->old_peer : NULL, op->peer);
	return true;
}

void wg_change_release(struct wg_change *c)
{
	free(c->ip);
	memset(c, 0, sizeof(*c));
}

static void close_peer(struct wg_peers *w)
{
	if (w->peer.n == 0)
		return;
	struct gw_peer *last = &w->peer.v[w->peer.n - 1];
	if (w->ip.n > 1)
		qsort(w->ip.v, w->ip.n, sizeof(*w->ip.v), prefix_cmp);
	last->allowed_ips = vec_freeze(&w->ip, w->a);
	last->nallowed = w->ip.n;
	w->ip.n = 0;
}

struct gw_peer *wg_peers_get(struct wg_peers *w, const struct pubkey *key)
{
	if (w->peer.n > 0 && pubkey_cmp(&w->peer.v[w->peer.n - 1].public_key, key) == 0)
		return &w->peer.v[w->peer.n - 1];
	close_peer(w);
	struct gw_peer peer = { .public_key = *key, .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };
	vec_push(&w->peer, peer);
	return &w->peer.v[w->peer.n - 1];
}

void wg_peers_ip(struct wg_peers *w, struct prefix ip)
{
	vec_push(&w->ip, ip);
}

static int peer_cmp(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct gw_peer *)a)->public_key, &((const struct gw_peer *)b)->public_key);
}

void wg_peers_finish(struct wg_peers *w, struct gw_plan *p)
{
	close_peer(w);
	if (w->peer.n > 1)
		qsort(w->peer.v, w->peer.n, sizeof(*w->peer.v), peer_cmp);
	p->peer = vec_freeze(&w->peer, w->a);
	p->npeers = w->peer.n;
	vec_release(&w->peer);
	vec_release(&w->ip);
}
