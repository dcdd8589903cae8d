/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct line_row {
	const char *word;
	enum { LINE_DENY, LINE_KEY, LINE_NETWORK } kind;
} line_rows[] = {
	{ "deny ", LINE_DENY },
	{ "except-key ", LINE_KEY },
	{ "except-network ", LINE_NETWORK },
};

void guard_release(struct guard *g)
{
	vec_release(&g->deny);
	vec_release(&g->key);
	vec_release(&g->network);
}

static int cmp_key(const void *a, const void *b)
{
	return pubkey_cmp(a, b);
}

static int take_key(const char *text, size_t len, struct pubkey *k)
{
	return pubkey_parse(text, len, k) == KEY_OK ? 0 : -EBADMSG;
}

static int take_line(struct guard *g, const char *line, size_t len)
{
	struct pubkey k;
	struct prefix p, fixed;

	for (size_t i = 0; i < sizeof(line_rows) / sizeof(line_rows[0]); i++) {
		size_t n = strlen(line_rows[i].word);
		if (len < n || memcmp(line, line_rows[i].word, n) != 0)
			continue;
		if (line_rows[i].kind == LINE_NETWORK) {
			if (prefix_parse(line + n, len - n, &p, &fixed) != ADDR_OK)
				return -EBADMSG;
			vec_push(&g->network, p);
			return 0;
		}
		if (take_key(line + n, len - n, &k) < 0)
			return -EBADMSG;
		if (line_rows[i].kind == LINE_DENY)
			vec_push(&g->deny, k);
		else
			vec_push(&g->key, k);
		return 0;
	}
	return -EBADMSG;
}

static void settle(struct guard *g)
{
	size_t kept = 0;

	if (g->deny.n > 1)
		qsort(g->deny.v, g->deny.n, sizeof(*g->deny.v), cmp_key);
	for (size_t i = 0; i < g->deny.n; i++)
		if (kept == 0 || pubkey_cmp(&g->deny.v[kept - 1], &g->deny.v[i]) != 0)
			g->deny.v[kept++] = g->deny.v[i];
	g->deny.n = kept;
}

int guard_parse(struct guard *g, const void *data, size_t len)
{
	const char *text = data;

	guard_release(g);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - (text + at)) : 0;
		if (end == NULL || take_line(g, text + at, n) < 0) {
			guard_release(g);
			return -EBADMSG;
		}
		at += n + 1;
	}
	settle(g);
	return 0;
}

bool guard_denies(const struct guard *g, const struct pubkey *key)
{
	return g->deny.n > 0 && bsearch(key, g->deny.v, g->deny.n, sizeof(*g->deny.v), cmp_key) != NULL;
}

struct gate_exempt guard_exempt(const struct guard *g)
{
	return (struct gate_exempt){ .key = g->key.v, .nkeys = g->key.n, .network = g->network.v, .nnetworks = g->network.n };
}

/* ---- out of a plan ---- */

static struct gw_peer *peer_of(const struct gw_plan *p, const struct pubkey *key)
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

static void drop_range(struct nft_set *s, struct range r)
{
	size_t lo = 0, hi = s->nelems;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->elem[mid].lo < r.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == s->nelems || s->elem[lo].lo != r.lo || s->elem[lo].hi != r.hi)
		return;
	s->nelems--;
	memmove(&s->elem[lo], &s->elem[lo + 1], (s->nelems - lo) * sizeof(*s->elem));
}

static void drop_address(struct gw_plan *p, struct prefix address)
{
	static const char *const maps[] = { "class4", "class6", "network4", "network6" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		const struct nft_set *s = nft_find_set(&p->nft, maps[i]);
		if (s != NULL)
			drop_range(&p->nft.set[s - p->nft.set], prefix_range(address));
	}
}

size_t guard_apply(const struct guard *g, struct gw_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < g->deny.n; i++) {
		struct gw_peer *peer = peer_of(p, &g->deny.v[i]);
		if (peer == NULL || peer->revoked)
			continue;
		for (size_t k = 0; k < peer->nallowed; k++)
			drop_address(p, peer->allowed_ips[k]);
		peer->revoked = true;
		peer->nallowed = 0;
		peer->endpoint = (struct gw_endpoint){ .port = 0 };
		n++;
	}
	return n;
}

/* ---- what is new ---- */

static bool is_exempt(const struct guard *g, const struct gw_plan *base, const struct pubkey *key)
{
	const struct gw_peer *p = base != NULL ? peer_of(base, key) : NULL;

	for (size_t i = 0; i < g->key.n; i++)
		if (pubkey_cmp(&g->key.v[i], key) == 0)
			return true;
	for (size_t i = 0; p != NULL && i < p->nallowed; i++) {
		struct range r = prefix_range(p->allowed_ips[i]);
		for (size_t k = 0; k < g->network.n; k++) {
			struct range n = prefix_range(g->network.v[k]);
			if (n.lo <= r.lo && r.hi <= n.hi)
				return true;
		}
	}
	return false;
}

size_t guard_news(const struct guard *g, const struct gw_plan *base, const struct gw_plan *next, struct buf *out)
{
	char text[KEY_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < next->npeers; i++) {
		const struct gw_peer *p = &next->peer[i];
		if (!p->revoked || guard_denies(g, &p->public_key) || is_exempt(g, base, &p->public_key))
			continue;
		buf_addf(out, "deny %s\n", pubkey_format(&p->public_key, text));
		n++;
	}
	return n;
}
