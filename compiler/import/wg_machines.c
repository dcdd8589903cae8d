/* SPDX-License-Identifier: Apache-2.0 */
#include "import/wg_machines.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

#define WIDE_V4 7 /* prefixes this short or shorter stand for the internet: 0.0.0.0/0, or its halves */
#define WIDE_V6 3
#define POOL_V4 24 /* the pool around addresses that no file gives a prefix for */
#define POOL_V6 64
#define POOLS_MAX 1000u
#define OWN_MAX 16u /* addresses of one machine that are looked at; it keeps one a family */

void machines_init(struct machines *m, struct import *im)
{
	*m = (struct machines){.im = im};
	strmap_init(&m->of, im->a);
}

void machines_release(struct machines *m)
{
	for (size_t i = 0; i < m->v.n; i++) {
		vec_release(&m->v.v[i].address);
		vec_release(&m->v.v[i].network);
		vec_release(&m->v.v[i].comment);
	}
	vec_release(&m->v);
	vec_release(&m->pool);
}

static size_t find_or_add(struct machines *m, const struct pubkey *key, struct loc loc)
{
	uint32_t i = strmap_get(&m->of, key->b, sizeof(key->b));

	if (i != STRMAP_NONE)
		return i;
	strmap_add(&m->of, key->b, sizeof(key->b), (uint32_t)m->v.n);
	vec_push(&m->v, ((struct machine){.key = *key, .loc = loc}));
	return m->v.n - 1;
}

static bool is_v4(const struct wg_address *a)
{
	return addr_is_v4(a->addr);
}

static bool is_host(const struct wg_address *a)
{
	return a->len == (is_v4(a) ? 32 : 128);
}

static bool is_wide(const struct wg_address *a)
{
	return a->len <= (is_v4(a) ? WIDE_V4 : WIDE_V6);
}

static struct prefix masked(u128 addr, unsigned int len)
{
	unsigned int bits = addr_is_v4(addr) ? 32 : 128;
	u128 host = len == bits ? 0 : bits - len == 128 ? ~(u128)0 : (((u128)1 << (bits - len)) - 1);

	return (struct prefix){addr & ~host, (uint8_t)len};
}

/* ---- who there is ---- */

static void add_conf(struct machines *m, const struct wg_conf *c)
{
	if (!c->has_key) {
		import_note(m->im, c->loc,
			    "this [Interface] has no PrivateKey, so its public key is not known; the machine of this "
			    "file is known by what others say");
		return;
	}
	size_t i = find_or_add(m, &c->key, c->loc);
	struct machine *x = &m->v.v[i];
	if (x->conf != NULL) {
		import_note(m->im, c->loc, "another file is of the same key; what this one says of itself is left out");
		return;
	}
	x->conf = c;
	x->loc = c->loc;
	x->name = c->name ? c->name : c->file_name;
	x->npeers = c->peer.n;
	for (size_t k = 0; k < c->comment.n; k++)
		vec_push(&x->comment, c->comment.v[k]);
	for (size_t k = 0; k < c->address.n; k++)
		vec_push(&x->address, c->address.v[k]);
}

static void learn_endpoint(struct machines *m, struct machine *x, const struct wg_peer *p)
{
	if (p->host == NULL)
		return;
	if (x->host == NULL) {
		x->host = p->host;
		x->port = p->port;
		x->endpoint_loc = p->endpoint_loc;
	} else if (strcmp(x->host, p->host) != 0 || x->port != p->port) {
		import_note(m->im, p->endpoint_loc,
			    "another [Peer] gives this machine another Endpoint; that one is kept");
	}
}

static void learn_peer(struct machines *m, const struct wg_conf *c, const struct wg_peer *p)
{
	size_t i = find_or_add(m, &p->key, p->loc);
	struct machine *x = &m->v.v[i];

	if (x->conf == NULL)
		x->npeers++;
	if (x->name == NULL)
		x->name = p->name ? p->name : p->hint;
	else if (x->conf != NULL && x->conf->name == NULL && x->name == x->conf->file_name && p->name != NULL)
		x->name = p->name;
	learn_endpoint(m, x, p);
	for (size_t k = 0; k < p->comment.n; k++)
		vec_push(&x->comment, p->comment.v[k]);
	if (!p->keepalive.set || p->keepalive.value == 0)
		return;
	uint32_t own = c->has_key ? strmap_get(&m->of, c->key.b, sizeof(c->key.b)) : STRMAP_NONE;
	if (own != STRMAP_NONE && !m->v.v[own].keepalive.set)
		m->v.v[own].keepalive = p->keepalive;
}

/* ---- pools ---- */

static void add_pool(struct machines *m, struct prefix p)
{
	if (prefix_range(p).hi - prefix_range(p).lo == 0)
		return;
	vec_push(&m->pool, p);
}

static int cmp_pool(const void *pa, const void *pb)
{
	const struct prefix *a = pa, *b = pb;
	int c = addr_cmp(a->addr, b->addr);

	return c ? c : a->len < b->len ? -1 : a->len > b->len;
}

static void merge_pools(struct machines *m)
{
	size_t kept = 0;

	if (m->pool.n > 1)
		qsort(m->pool.v, m->pool.n, sizeof(*m->pool.v), cmp_pool);
	for (size_t i = 0; i < m->pool.n; i++)
		if (kept == 0 || prefix_range(m->pool.v[kept - 1]).hi < m->pool.v[i].addr)
			m->pool.v[kept++] = m->pool.v[i];
	m->pool.n = kept;
}

/* The first pool that ends at or after addr, or pool.n. */
static size_t seek_pool(const struct machines *m, u128 addr)
{
	size_t lo = 0, hi = m->pool.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (prefix_range(m->pool.v[mid]).hi < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool overlaps_pool(const struct machines *m, struct range r)
{
	size_t i = seek_pool(m, r.lo);
	return i < m->pool.n && m->pool.v[i].addr <= r.hi;
}

bool machines_in_pool(const struct machines *m, u128 addr)
{
	return overlaps_pool(m, (struct range){addr, addr});
}

bool machines_reserved(const struct machines *m, u128 addr)
{
	size_t i = seek_pool(m, addr);

	if (!addr_is_v4(addr) || i == m->pool.n)
		return false;
	struct range r = prefix_range(m->pool.v[i]);
	return addr == r.lo || addr == r.hi;
}

/* An IPv4 pool's first and last address are nobody's: a pool grows until they are not in use. */
static struct prefix grown(struct prefix p, u128 used)
{
	while (addr_is_v4(p.addr) && p.len > WIDE_V4 + 1 && (prefix_range(p).lo == used || prefix_range(p).hi == used))
		p = masked(p.addr, p.len - 1u);
	return p;
}

static bool holds_own_address(const struct wg_conf *c, const struct wg_address *a)
{
	struct range r = prefix_range(masked(a->addr, a->len));

	for (size_t i = 0; i < c->address.n; i++)
		if (c->address.v[i].addr >= r.lo && c->address.v[i].addr <= r.hi)
			return true;
	return false;
}

static void find_pools(struct machines *m, const struct wireguard_input *in)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct wg_conf *c = &in->conf[i];
		for (size_t k = 0; k < c->address.n; k++)
			if (!is_host(&c->address.v[k]) && !is_wide(&c->address.v[k]))
				add_pool(m, masked(c->address.v[k].addr, c->address.v[k].len));
		for (size_t p = 0; p < c->peer.n; p++)
			for (size_t k = 0; k < c->peer.v[p].allowed.n; k++) {
				const struct wg_address *a = &c->peer.v[p].allowed.v[k];
				if (!is_host(a) && !is_wide(a) && holds_own_address(c, a))
					add_pool(m, masked(a->addr, a->len));
			}
	}
	merge_pools(m);
	for (size_t i = 0; i < in->n; i++)
		for (size_t k = 0; k < in->conf[i].address.n; k++) {
			u128 a = in->conf[i].address.v[k].addr;
			if (!machines_in_pool(m, a) && m->pool.n <= POOLS_MAX) {
				add_pool(m, masked(a, addr_is_v4(a) ? POOL_V4 : POOL_V6));
				merge_pools(m);
			}
		}
	for (size_t i = 0; i < in->n; i++)
		for (size_t k = 0; k < in->conf[i].address.n; k++) {
			u128 a = in->conf[i].address.v[k].addr;
			size_t p = seek_pool(m, a);
			struct prefix wide = p < m->pool.n ? grown(m->pool.v[p], a) : (struct prefix){0, 0};
			if (p < m->pool.n && wide.len != m->pool.v[p].len) {
				m->pool.v[p] = wide;
				merge_pools(m);
			}
		}
}

/* Without any [Interface] address in it, the network is around the single addresses of its peers. */
static void pools_of_peers(struct machines *m, const struct wireguard_input *in)
{
	for (size_t i = 0; i < in->n && m->pool.n == 0; i++)
		for (size_t p = 0; p < in->conf[i].peer.n; p++)
			for (size_t k = 0; k < in->conf[i].peer.v[p].allowed.n; k++) {
				const struct wg_address *a = &in->conf[i].peer.v[p].allowed.v[k];
				if (is_host(a))
					add_pool(m, grown(masked(a->addr, is_v4(a) ? POOL_V4 : POOL_V6), a->addr));
			}
	merge_pools(m);
}

/* ---- what is whose ---- */

static bool has_address(const struct machine *x, u128 addr)
{
	for (size_t i = 0; i < x->address.n; i++)
		if (x->address.v[i].addr == addr)
			return true;
	return false;
}

static void learn_allowed(struct machines *m, const struct wg_conf *c, const struct wg_peer *p)
{
	struct machine *x = &m->v.v[strmap_get(&m->of, p->key.b, sizeof(p->key.b))];
	uint32_t own = c->has_key ? strmap_get(&m->of, c->key.b, sizeof(c->key.b)) : STRMAP_NONE;

	for (size_t k = 0; k < p->allowed.n; k++) {
		const struct wg_address *a = &p->allowed.v[k];
		struct range r = prefix_range(masked(a->addr, a->len));
		if (is_wide(a)) {
			x->exit = true;
			if (own != STRMAP_NONE)
				m->v.v[own].full_tunnel = true;
		} else if (is_host(a) && machines_in_pool(m, a->addr)) {
			if (has_address(x, a->addr))
				continue;
			if (x->conf == NULL && x->address.n < OWN_MAX)
				vec_push(&x->address, *a);
			else
				import_note(m->im, a->loc,
					    x->conf ? "this address is not one that the machine's own file gives it; "
						      "it is left out"
						    : "a machine has one address of each family; this one is left out");
		} else if (overlaps_pool(m, r)) {
			x->relays = true;
		} else {
			x->relays |= !is_host(a);
			vec_push(&x->network, *a);
		}
	}
}

static int cmp_network(const void *pa, const void *pb)
{
	const struct wg_address *a = pa, *b = pb;
	int c = addr_cmp(masked(a->addr, a->len).addr, masked(b->addr, b->len).addr);

	c = c ? c : a->len < b->len ? -1 : a->len > b->len;
	if (c == 0)
		c = a->loc.file != b->loc.file	? (a->loc.file < b->loc.file ? -1 : 1)
		    : a->loc.line < b->loc.line ? -1
						: a->loc.line > b->loc.line;
	return c ? c : a->loc.col < b->loc.col ? -1 : a->loc.col > b->loc.col;
}

/* Each network once, the wider before the narrower that it holds. */
static void settle_networks(struct machine *x)
{
	size_t kept = 0;

	if (x->network.n > 1)
		qsort(x->network.v, x->network.n, sizeof(*x->network.v), cmp_network);
	for (size_t i = 0; i < x->network.n; i++) {
		struct wg_address *a = &x->network.v[i], *last = kept ? &x->network.v[kept - 1] : NULL;
		if (last == NULL || prefix_range(masked(last->addr, last->len)).hi < masked(a->addr, a->len).addr)
			x->network.v[kept++] = *a;
	}
	x->network.n = kept;
}

static void settle_addresses(struct machines *m, struct machine *x)
{
	size_t kept = 0;
	bool have[2] = {false, false};

	for (size_t i = 0; i < x->address.n; i++) {
		struct wg_address a = x->address.v[i];
		bool v4 = is_v4(&a);
		if (have[v4])
			import_note(m->im, a.loc, "a machine has one address of each family; this one is left out");
		else
			x->address.v[kept++] = a;
		have[v4] = true;
	}
	x->address.n = kept;
}

/* ---- who is a gateway ---- */

static void choose_gateways(struct machines *m)
{
	size_t n = 0, best = SIZE_MAX;

	for (size_t i = 0; i < m->v.n; i++) {
		struct machine *x = &m->v.v[i];
		bool hub = x->conf != NULL && x->npeers >= 2;
		x->gateway =
			hub ? x->host != NULL || x->conf->listen_port.set : x->host != NULL && (x->relays || x->exit);
		n += x->gateway;
		bool can = x->host != NULL || (x->conf != NULL && x->conf->listen_port.set && x->npeers > 0);
		if (can && (best == SIZE_MAX || x->npeers > m->v.v[best].npeers))
			best = i;
	}
	if (n == 0 && best != SIZE_MAX)
		m->v.v[best].gateway = true;
}

static void name_machines(struct machines *m)
{
	for (size_t i = 0; i < m->v.n; i++) {
		struct machine *x = &m->v.v[i];
		char key[KEY_TEXT_MAX];
		pubkey_format(&x->key, key);
		if (x->name == NULL)
			x->name = arena_printf(m->im->a, "peer-%.8s", key);
		x->id = import_name_like(m->im, x->gateway ? IMPORT_GATEWAY : IMPORT_DEVICE, key, x->name);
	}
}

bool machines_collect(struct machines *m, const struct wireguard_input *in)
{
	for (size_t i = 0; i < in->n; i++)
		add_conf(m, &in->conf[i]);
	find_pools(m, in);
	pools_of_peers(m, in);
	if (m->pool.n > POOLS_MAX)
		return import_refuse(m->im, in->conf[0].loc, "the files speak of more than %u networks", POOLS_MAX);
	for (size_t i = 0; i < in->n; i++)
		for (size_t p = 0; p < in->conf[i].peer.n; p++) {
			learn_peer(m, &in->conf[i], &in->conf[i].peer.v[p]);
			learn_allowed(m, &in->conf[i], &in->conf[i].peer.v[p]);
		}
	for (size_t i = 0; i < m->v.n; i++) {
		settle_addresses(m, &m->v.v[i]);
		settle_networks(&m->v.v[i]);
	}
	choose_gateways(m);
	name_machines(m);
	return true;
}
