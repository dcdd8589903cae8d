/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wg_keep.h"

#include <string.h>

#include "base/clock.h"

void wg_keep_init(struct wg_keep *k)
{
	memset(k, 0, sizeof(*k));
	arena_init(&k->a);
}

void wg_keep_release(struct wg_keep *k)
{
	arena_release(&k->a);
	memset(&k->p, 0, sizeof(k->p));
	k->room = 0;
	k->valid = false;
}

int wg_keep_read(struct wg_keep *k, struct wg_conn *c, const char *interface, uint32_t link, char *err, size_t err_size)
{
	wg_keep_release(k);
	int rc = c->ops->observe(c, interface, &k->a, &k->p, err, err_size);
	k->room = k->p.npeers;
	k->link = link;
	k->valid = rc == 0;
	return rc;
}

/* What becomes of one key. */
struct edit {
	struct pubkey key; /* copied: the op may point into the array that is edited */
	const struct gw_peer *to; /* NULL: goes */
	bool set_endpoint;
};

static size_t peer_at(const struct wg_keep *k, const struct pubkey *key)
{
	size_t lo = 0, hi = k->p.npeers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pubkey_cmp(&k->p.peer[mid].public_key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void make_room(struct wg_keep *k)
{
	if (k->p.npeers < k->room)
		return;
	k->room += k->room / 4 + 16;
	struct gw_peer *peer = arena_array(&k->a, k->room, struct gw_peer);
	if (k->p.npeers > 0)
		memcpy(peer, k->p.peer, k->p.npeers * sizeof(*peer));
	k->p.peer = peer;
}

static void edit_peer(struct wg_keep *k, const struct edit *e)
{
	size_t i = peer_at(k, &e->key), n = k->p.npeers;
	bool there = i < n && pubkey_cmp(&k->p.peer[i].public_key, &e->key) == 0;

	if (e->to == NULL && !there)
		return;
	if (e->to == NULL) {
		memmove(&k->p.peer[i], &k->p.peer[i + 1], (n - i - 1) * sizeof(*k->p.peer));
		k->p.npeers--;
		return;
	}
	if (!there) {
		make_room(k);
		memmove(&k->p.peer[i + 1], &k->p.peer[i], (n - i) * sizeof(*k->p.peer));
		k->p.peer[i] = (struct gw_peer){ .public_key = e->key, .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };
		k->p.npeers++;
	}
	struct gw_peer *p = &k->p.peer[i];
	p->keepalive = e->to->keepalive;
	if (e->set_endpoint)
		p->endpoint = e->to->endpoint;
	p->allowed_ips = arena_dup(&k->a, e->to->allowed_ips, e->to->nallowed * sizeof(struct prefix));
	p->nallowed = e->to->nallowed;
}

void wg_keep_follow(struct wg_keep *k, const struct plan_delta *d)
{
	struct edit edit[WG_KEEP_OPS_MAX];
	size_t n = 0;

	if (d->link & (LINK_CREATE | LINK_KEY | LINK_PORT))
		k->valid = false;
	for (size_t i = 0; i < d->nops && k->valid; i++) {
		const struct plan_op *op = &d->op[i];
		if (op->kind != OP_PEER_REMOVE && op->kind != OP_PEER_ADD && op->kind != OP_PEER_UPDATE)
			continue;
		if (n == WG_KEEP_OPS_MAX)
			k->valid = false;
		else
			edit[n++] = (struct edit){ op->peer->public_key, op->kind == OP_PEER_REMOVE ? NULL : op->peer,
						   op->set_endpoint };
	}
	for (size_t i = 0; i < n && k->valid; i++)
		edit_peer(k, &edit[i]);
}
