/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two plans. Encoding and decoding are in codec.c and decode.c. */
#include "plan/gw_plan.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"

#define SESSION_SECONDS 180 /* a session's life without a new handshake: REJECT_AFTER_TIME, the WireGuard paper, 6.1 */

/* An address that an added or updated peer has. */
struct gain {
	struct range range;
	const struct gw_peer *peer;
};

struct differ {
	const struct gw_plan *have, *want;
	struct arena *a;
	int64_t now;
	bool rebuild; /* the table is removed and made anew, so nothing of it is kept */
	VEC(struct plan_op) op;
	VEC(const struct nft_elem *) come; /* elements that are added, set by set */
	/* Sets and chains of both sides by name, side by side. */
	struct set_pair {
		const struct nft_set *have, *want; /* one may be NULL; elements sorted */
		bool reborn;                       /* both, of different shape */
		size_t come, ncome;                /* of differ.come */
	} *set;
	struct chain_pair {
		const struct nft_chain *have, *want;
		bool reborn, refill; /* refill: its rules are flushed and added */
	} *chain;
	size_t nsets, nchains, nreborn;
	/* What added and updated peers gain, sorted by lo; top[i] is the highest hi of 0..i. */
	VEC(struct gain) gain;
	u128 *top;
};

static struct plan_op *push(struct differ *x, enum plan_op_kind kind)
{
	struct plan_op op = { .kind = kind };

	vec_push(&x->op, op);
	return &x->op.v[x->op.n - 1];
}

/* --- sides in order: what was observed may come in any --- */

typedef int compare(const void *a, const void *b);

/* v itself when sorted, else a sorted copy. */
static const void *sorted(struct arena *a, const void *v, size_t n, size_t size, compare *cmp)
{
	const char *p = v;

	for (size_t i = 1; i < n; i++) {
		if (cmp(p + (i - 1) * size, p + i * size) <= 0)
			continue;
		void *copy = arena_dup(a, v, n * size);
		qsort(copy, n, size, cmp);
		return copy;
	}
	return v;
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : x->len - y->len;
}

static int cmp_peer(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct gw_peer *)a)->public_key, &((const struct gw_peer *)b)->public_key);
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

static int cmp_chain(const void *a, const void *b)
{
	return strcmp(((const struct nft_chain *)a)->name, ((const struct nft_chain *)b)->name);
}

static int cmp_elem(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static int cmp_gain(const void *a, const void *b)
{
	return addr_cmp(((const struct gain *)a)->range.lo, ((const struct gain *)b)->range.lo);
}

/* --- peers --- */

static bool peer_wanted(const struct gw_peer *p, int64_t now)
{
	return !p->revoked && p->not_before <= now && now < p->expires;
}

bool gw_peer_misplaced(const struct gw_peer *have, const struct gw_peer *want, int64_t now)
{
	if (want->endpoint.port == 0 ||
	    (have->endpoint.addr == want->endpoint.addr && have->endpoint.port == want->endpoint.port))
		return false;
	return have->endpoint.port == 0 || have->handshake == 0 || now - have->handshake >= SESSION_SECONDS;
}

static bool peer_equal(struct arena *a, const struct gw_peer *have, const struct gw_peer *want)
{
	if (have->keepalive != want->keepalive || have->nallowed != want->nallowed)
		return false;
	const struct prefix *h = sorted(a, have->allowed_ips, have->nallowed, sizeof(*h), cmp_prefix);
	const struct prefix *w = sorted(a, want->allowed_ips, want->nallowed, sizeof(*w), cmp_prefix);
	for (size_t i = 0; i < want->nallowed; i++)
		if (cmp_prefix(&h[i], &w[i]) != 0)
			return false;
	return true;
}

static void gain_add(struct differ *x, const struct gw_peer *p)
{
	for (size_t i = 0; i < p->nallowed; i++)
		vec_push(&x->gain, ((struct gain){ prefix_range(p->allowed_ips[i]), p }));
}

static void gain_ready(struct differ *x)
{
	if (x->gain.n > 0)
		qsort(x->gain.v, x->gain.n, sizeof(*x->gain.v), cmp_gain);
	x->top = arena_array(x->a, x->gain.n, u128);
	for (size_t i = 0; i < x->gain.n; i++)
		x->top[i] = i > 0 && x->top[i - 1] > x->gain.v[i].range.hi ? x->top[i - 1] : x->gain.v[i].range.hi;
}

/* Whether an added or updated peer other than own gains an address of r. */
static bool gained(const struct differ *x, struct range r, const struct gw_peer *own)
{
	size_t lo = 0, hi = x->gain.n;

	while (lo < hi) { /* the first that starts beyond r */
		size_t mid = lo + (hi - lo) / 2;
		if (x->gain.v[mid].range.lo <= r.hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo > 0 && x->top[lo - 1] >= r.lo; lo--)
		if (x->gain.v[lo - 1].range.hi >= r.lo && x->gain.v[lo - 1].peer != own)
			return true;
	return false;
}

static bool keeps(const struct gw_peer *want, struct prefix p)
{
	struct range r = prefix_range(p);

	for (size_t i = 0; want != NULL && i < want->nallowed; i++) {
		struct range w = prefix_range(want->allowed_ips[i]);
		if (w.lo <= r.lo && r.hi <= w.hi)
			return true;
	}
	return false;
}

/* Whether the peer loses an address that another one gains. */
static bool loses_to_another(const struct differ *x, const struct gw_peer *have, const struct gw_peer *want)
{
	for (size_t i = 0; i < have->nallowed; i++)
		if (!keeps(want, have->allowed_ips[i]) && gained(x, prefix_range(have->allowed_ips[i]), want))
			return true;
	return false;
}

enum peer_change { PEER_SAME, PEER_GONE, PEER_NEW, PEER_CHANGED };

struct peer_walk {
	const struct gw_peer *have, *want; /* sorted */
	size_t nhave, nwant, i, k;
	const struct gw_peer *h, *w; /* the pair at hand; w also when it is not wanted now */
};

static bool peer_next(struct peer_walk *p)
{
	p->h = p->i < p->nhave ? &p->have[p->i] : NULL;
	p->w = p->k < p->nwant ? &p->want[p->k] : NULL;
	if (p->h != NULL && p->w != NULL) {
		int c = pubkey_cmp(&p->h->public_key, &p->w->public_key);
		if (c < 0)
			p->w = NULL;
		else if (c > 0)
			p->h = NULL;
	}
	p->i += p->h != NULL;
	p->k += p->w != NULL;
	return p->h != NULL || p->w != NULL;
}

static struct peer_walk peer_start(const struct differ *x)
{
	const struct gw_peer *have = sorted(x->a, x->have->peer, x->have->npeers, sizeof(*have), cmp_peer);
	const struct gw_peer *want = sorted(x->a, x->want->peer, x->want->npeers, sizeof(*want), cmp_peer);

	return (struct peer_walk){ .have = have,
				   .want = want,
				   .nhave = x->have->present ? x->have->npeers : 0,
				   .nwant = x->want->present ? x->want->npeers : 0 };
}

static enum peer_change peer_change(const struct differ *x, const struct peer_walk *p)
{
	bool wanted = p->w != NULL && peer_wanted(p->w, x->now);

	if (p->h == NULL)
		return wanted ? PEER_NEW : PEER_SAME;
	if (!wanted)
		return PEER_GONE;
	return peer_equal(x->a, p->h, p->w) && !gw_peer_misplaced(p->h, p->w, x->now) ? PEER_SAME : PEER_CHANGED;
}

/* The peers' changes, found once: early removals come first among all ops, the rest last. */
struct peer_changes {
	VEC(struct plan_op) early, grant, late;
};

static bool has_endpoint(const struct gw_peer *p)
{
	return p != NULL && p->endpoint.port != 0;
}

static bool goes_early(const struct differ *x, enum peer_change change, const struct gw_peer *h,
		       const struct gw_peer *w)
{
	if (change == PEER_GONE)
		return (w != NULL && w->revoked) || loses_to_another(x, h, NULL);
	return change == PEER_CHANGED && loses_to_another(x, h, w);
}

/* A peer that is not the same on both sides. */
struct changed_peer {
	enum peer_change change;
	const struct gw_peer *h, *w;
};

static void place_peer(struct differ *x, const struct changed_peer *p, struct peer_changes *out)
{
	bool early = goes_early(x, p->change, p->h, p->w);
	const struct plan_op remove = { .kind = OP_PEER_REMOVE, .peer = p->h, .old_peer = p->h, .early = early };
	const struct plan_op add = { .kind = OP_PEER_ADD, .peer = p->w, .set_endpoint = has_endpoint(p->w) };
	const struct plan_op update = { .kind = OP_PEER_UPDATE,
					.peer = p->w,
					.old_peer = p->h,
					.set_endpoint = p->change == PEER_CHANGED && gw_peer_misplaced(p->h, p->w, x->now) };

	if (early)
		vec_push(&out->early, remove);
	else if (p->change == PEER_GONE)
		vec_push(&out->late, remove);
	if (p->change == PEER_NEW || (p->change == PEER_CHANGED && early))
		vec_push(&out->grant, add);
	else if (p->change == PEER_CHANGED)
		vec_push(&out->grant, update);
}

static void peers_diff(struct differ *x, struct peer_changes *out)
{
	VEC(struct changed_peer) changed = VEC_INIT;
	struct peer_walk p = peer_start(x);

	while (peer_next(&p)) {
		enum peer_change c = peer_change(x, &p);
		if (c == PEER_SAME)
			continue;
		vec_push(&changed, ((struct changed_peer){ c, p.h, p.w }));
		if (c != PEER_GONE)
			gain_add(x, p.w);
	}
	gain_ready(x);
	for (size_t i = 0; i < changed.n; i++)
		place_peer(x, &changed.v[i], out);
	vec_release(&changed);
}

/* --- nftables: pairing --- */

static void pair_sets(struct differ *x)
{
	const struct nft_table *th = &x->have->nft, *tw = &x->want->nft;
	size_t nh = th->present && !x->rebuild ? th->nsets : 0, nw = tw->present ? tw->nsets : 0;
	const struct nft_set *h = sorted(x->a, th->set, nh, sizeof(*h), cmp_set);
	const struct nft_set *w = sorted(x->a, tw->set, nw, sizeof(*w), cmp_set);

	x->set = arena_array(x->a, nh + nw, struct set_pair);
	for (size_t i = 0, k = 0; i < nh || k < nw;) {
		int c = i == nh ? 1 : k == nw ? -1 : strcmp(h[i].name, w[k].name);
		struct set_pair *p = &x->set[x->nsets++];
		if (c <= 0)
			p->have = &h[i++];
		if (c >= 0)
			p->want = &w[k++];
		p->reborn = c == 0 && !nft_set_same_shape(p->have, p->want);
		x->nreborn += p->reborn;
	}
}

static void pair_chains(struct differ *x)
{
	const struct nft_table *th = &x->have->nft, *tw = &x->want->nft;
	size_t nh = th->present && !x->rebuild ? th->nchains : 0, nw = tw->present ? tw->nchains : 0;
	const struct nft_chain *h = sorted(x->a, th->chain, nh, sizeof(*h), cmp_chain);
	const struct nft_chain *w = sorted(x->a, tw->chain, nw, sizeof(*w), cmp_chain);

	x->chain = arena_array(x->a, nh + nw, struct chain_pair);
	for (size_t i = 0, k = 0; i < nh || k < nw;) {
		int c = i == nh ? 1 : k == nw ? -1 : strcmp(h[i].name, w[k].name);
		struct chain_pair *p = &x->chain[x->nchains++];
		if (c <= 0)
			p->have = &h[i++];
		if (c >= 0)
			p->want = &w[k++];
		p->reborn = c == 0 && p->have->hook != p->want->hook;
		x->nreborn += p->reborn;
	}
}

static bool set_reborn(const struct differ *x, const char *name)
{
	for (size_t lo = 0, hi = x->nsets; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		const struct set_pair *p = &x->set[mid];
		int c = strcmp(name, p->have != NULL ? p->have->name : p->want->name);
		if (c == 0)
			return p->reborn;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool chain_reborn(const struct differ *x, const char *name)
{
	for (size_t lo = 0, hi = x->nchains; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		const struct chain_pair *p = &x->chain[mid];
		int c = strcmp(name, p->have != NULL ? p->have->name : p->want->name);
		if (c == 0)
			return p->reborn;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool refers_to_reborn(const struct differ *x, const struct nft_chain *c)
{
	for (size_t i = 0; x->nreborn > 0 && i < c->nrules; i++) {
		for (size_t k = 0; k < c->rule[i].nitems; k++) {
			const struct nft_item *it = &c->rule[i].item[k];
			if ((it->kind == NFT_DISPATCH || it->kind == NFT_METER) && (set_reborn(x, it->name) || set_reborn(x, it->name2)))
				return true;
			if (it->kind == NFT_MATCH && it->op == NFT_IN_SET && it->name != NULL &&
			    set_reborn(x, it->name))
				return true;
			if ((it->kind == NFT_JUMP || it->kind == NFT_GOTO) && it->name != NULL &&
			    chain_reborn(x, it->name))
				return true;
		}
	}
	return false;
}

static bool rules_equal(const struct nft_chain *a, const struct nft_chain *b)
{
	if (a->nrules != b->nrules)
		return false;
	for (size_t i = 0; i < a->nrules; i++)
		if (!nft_rule_equal(&a->rule[i], &b->rule[i]))
			return false;
	return true;
}

/* --- nftables: ops --- */

static void chains_flush(struct differ *x)
{
	for (size_t i = 0; i < x->nchains; i++) {
		struct chain_pair *p = &x->chain[i];
		if (p->have == NULL)
			continue;
		p->refill =
			p->want == NULL || p->reborn || refers_to_reborn(x, p->have) || !rules_equal(p->have, p->want);
		if (p->refill && p->have->nrules > 0)
			push(x, OP_RULES_FLUSH)->chain = p->have;
	}
}

static void elem_op(struct differ *x, enum plan_op_kind kind, const struct nft_set *s, const struct nft_elem *e)
{
	struct plan_op *op = push(x, kind);

	op->set = s;
	op->elem = e;
}

static bool elem_stays(const struct differ *x, const struct nft_elem *have, const struct nft_elem *want)
{
	return nft_elem_equal(have, want) && (want->chain == NULL || x->nreborn == 0 || !chain_reborn(x, want->chain));
}

/* A merge of both sides' elements: those that go are ops at once, those that come wait in x->come. */
static void elems_diff(struct differ *x, struct set_pair *p)
{
	size_t nh = p->have != NULL && !p->reborn ? p->have->nelems : 0, nw = p->want->nelems;
	const struct nft_elem *h = nh > 0 ? sorted(x->a, p->have->elem, nh, sizeof(*h), cmp_elem) : NULL;
	const struct nft_elem *w = sorted(x->a, p->want->elem, nw, sizeof(*w), cmp_elem);

	p->come = x->come.n;
	if (p->want->kind == NFT_SET_ALIVE && p->have != NULL && !p->reborn)
		return; /* what has run out must not live again */
	for (size_t i = 0, k = 0; i < nh || k < nw;) {
		int c = i == nh ? 1 : k == nw ? -1 : nft_elem_cmp(&h[i], &w[k]);
		bool differs = c != 0 || !elem_stays(x, &h[i], &w[k]);
		if (c <= 0 && differs)
			elem_op(x, OP_ELEM_REMOVE, p->want, &h[i]);
		if (c >= 0 && differs)
			vec_push(&x->come, &w[k]);
		i += c <= 0;
		k += c >= 0;
	}
	p->ncome = x->come.n - p->come;
}

static void table_diff(struct differ *x)
{
	const struct nft_table *h = &x->have->nft, *w = &x->want->nft;

	x->rebuild = h->present && (!w->present || h->foreign > 0);
	pair_sets(x);
	pair_chains(x);
	if (x->rebuild)
		push(x, OP_TABLE_REMOVE);
	if (w->present && (!h->present || x->rebuild))
		push(x, OP_TABLE_ADD);
	chains_flush(x);
	for (size_t i = 0; i < x->nsets; i++)
		if (x->set[i].want != NULL)
			elems_diff(x, &x->set[i]);
	for (size_t i = 0; i < x->nsets; i++)
		if (x->set[i].have != NULL && (x->set[i].want == NULL || x->set[i].reborn))
			push(x, OP_SET_REMOVE)->set = x->set[i].have;
	for (size_t i = 0; i < x->nchains; i++)
		if (x->chain[i].have != NULL && (x->chain[i].want == NULL || x->chain[i].reborn))
			push(x, OP_CHAIN_REMOVE)->chain = x->chain[i].have;
	for (size_t i = 0; i < x->nsets; i++)
		if (x->set[i].want != NULL && (x->set[i].have == NULL || x->set[i].reborn))
			push(x, OP_SET_ADD)->set = x->set[i].want;
	for (size_t i = 0; i < x->nchains; i++)
		if (x->chain[i].want != NULL && (x->chain[i].have == NULL || x->chain[i].reborn))
			push(x, OP_CHAIN_ADD)->chain = x->chain[i].want;
	for (size_t i = 0; i < x->nsets; i++)
		for (size_t k = 0; k < x->set[i].ncome; k++)
			elem_op(x, OP_ELEM_ADD, x->set[i].want, x->come.v[x->set[i].come + k]);
	for (size_t i = 0; i < x->nchains; i++) {
		const struct chain_pair *p = &x->chain[i];
		if (p->want != NULL && p->want->nrules > 0 && (p->have == NULL || p->refill))
			push(x, OP_RULES_ADD)->chain = p->want;
	}
}

/* --- link, addresses, routes --- */

static unsigned int link_diff(const struct gw_plan *h, const struct gw_plan *w)
{
	static const struct pubkey none;
	bool key = pubkey_cmp(&w->public_key, &none) != 0;

	if (!w->present)
		return 0;
	if (!h->present)
		return LINK_CREATE | (key ? LINK_KEY : 0) | LINK_PORT | LINK_MTU | LINK_UP;
	return (key && pubkey_cmp(&h->public_key, &w->public_key) != 0 ? LINK_KEY : 0) |
	       (h->listen_port != w->listen_port ? LINK_PORT : 0) | (h->mtu != w->mtu ? LINK_MTU : 0) |
	       (h->up != w->up ? LINK_UP : 0);
}

struct prefix_list_pair {
	const struct prefix *have, *want;
	size_t nhave, nwant;
};

static void prefixes_diff(struct differ *x, struct prefix_list_pair l, enum plan_op_kind kind, bool removed)
{
	const struct prefix *h = sorted(x->a, l.have, l.nhave, sizeof(*h), cmp_prefix);
	const struct prefix *w = sorted(x->a, l.want, l.nwant, sizeof(*w), cmp_prefix);

	for (size_t i = 0, k = 0; i < l.nhave || k < l.nwant;) {
		int c = i == l.nhave ? 1 : k == l.nwant ? -1 : cmp_prefix(&h[i], &w[k]);
		if (c < 0 && removed)
			push(x, kind)->prefix = &h[i];
		if (c > 0 && !removed)
			push(x, kind)->prefix = &w[k];
		i += c <= 0;
		k += c >= 0;
	}
}

static void interface_diff(struct differ *x)
{
	const struct gw_plan *h = x->have, *w = x->want;
	size_t on = h->present ? 1 : 0;
	struct prefix_list_pair address = { h->address, w->address, on * h->naddresses, w->naddresses };
	struct prefix_list_pair route = { h->route, w->route, on * h->nroutes, w->nroutes };

	prefixes_diff(x, address, OP_ADDRESS_REMOVE, true);
	prefixes_diff(x, address, OP_ADDRESS_ADD, false);
	prefixes_diff(x, route, OP_ROUTE_REMOVE, true);
	prefixes_diff(x, route, OP_ROUTE_ADD, false);
}

void gw_plan_diff(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct arena *a,
		  struct plan_delta *out)
{
	struct differ x = { .have = have, .want = want, .a = a, .now = now };
	struct peer_changes peers = { VEC_INIT, VEC_INIT, VEC_INIT };

	peers_diff(&x, &peers);
	for (size_t i = 0; i < peers.early.n; i++)
		vec_push(&x.op, peers.early.v[i]);
	table_diff(&x);
	unsigned int link = link_diff(have, want);
	if (link != 0)
		push(&x, OP_LINK);
	interface_diff(&x);
	for (size_t i = 0; i < peers.grant.n; i++)
		vec_push(&x.op, peers.grant.v[i]);
	for (size_t i = 0; i < peers.late.n; i++)
		vec_push(&x.op, peers.late.v[i]);
	*out = (struct plan_delta){ .link = link, .op = vec_freeze(&x.op, a), .nops = x.op.n, .want = want };
	vec_release(&peers.early);
	vec_release(&peers.grant);
	vec_release(&peers.late);
	vec_release(&x.op);
	vec_release(&x.come);
	vec_release(&x.gain);
}

int64_t gw_plan_next_change(const struct gw_plan *p, int64_t now)
{
	int64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < p->npeers; i++) {
		const struct gw_peer *peer = &p->peer[i];
		if (peer->revoked || peer->expires <= peer->not_before)
			continue;
		if (peer->not_before > now && peer->not_before < next)
			next = peer->not_before;
		if (peer->expires > now && peer->expires < next)
			next = peer->expires;
	}
	return next;
}
