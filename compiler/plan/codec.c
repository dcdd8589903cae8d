/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/codec.h"

#include <string.h>

#include "base/bug.h"
#include "base/digest.h"
#include "plan/gw_plan.h"

/*
 * The encoded plan, integers little-endian, an address 16 bytes in network order, a string a u16 length and its bytes:
 *
 *	"YETTPLN1", u32 GW_PLAN_FORMAT, str gateway, str interface, u8 present | up << 1 | nft.present << 2, public key,
 *	u16 listen_port, u32 mtu, prefixes address, prefixes route, u32 count + peers, u32 count + sets,
 *	u32 count + chains, BLAKE2b-256
 *
 * What was observed begins with "YETTOBS1" and has u64 nft.foreign after the format, and i64 handshake after each peer.
 *
 * prefixes: u32 count, then address and u8 length each. Sets and chains hold counts of elements,
 * rules and items in the same way.
 */
static const char magic[2][8] = { { 'Y', 'E', 'T', 'T', 'P', 'L', 'N', '1' }, { 'Y', 'E', 'T', 'T', 'O', 'B', 'S', '1' } };

enum { HAS_LO = 1, HAS_HI = 2, HAS_NAME = 4, HAS_NAME2 = 8, IS_V6 = 16, IS_TEXT = 32 };
enum { CHAIN_IS_CLASS = 0x80 };

static void put_int(struct buf *out, uint64_t v, size_t bytes)
{
	uint8_t b[8];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(v >> (8 * i));
	buf_add(out, b, bytes);
}

static void put_addr(struct buf *out, u128 a)
{
	uint8_t b[16];

	addr_to_bytes(a, b);
	buf_add(out, b, sizeof(b));
}

static void put_str(struct buf *out, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	if (n > UINT16_MAX)
		BUG("a name of %zu bytes in a plan", n);
	put_int(out, n, 2);
	buf_add(out, s != NULL ? s : "", n);
}

static void put_count(struct buf *out, size_t n)
{
	if (n > UINT32_MAX)
		BUG("%zu things in a plan", n);
	put_int(out, n, 4);
}

static const unsigned int elem_parts[] = {
	[NFT_MAP_CLASS4] = CODEC_VALUE,
	[NFT_MAP_CLASS6] = CODEC_VALUE,
	[NFT_MAP_NET4] = CODEC_HI | CODEC_VALUE,
	[NFT_MAP_NET6] = CODEC_HI | CODEC_VALUE,
	[NFT_MAP_CHAIN] = CODEC_NUMBER | CODEC_CHAIN,
	[NFT_SET_ADDR4] = CODEC_HI,
	[NFT_SET_ADDR6] = CODEC_HI,
	[NFT_SET_BOX4] = CODEC_HI | CODEC_BOX,
	[NFT_SET_BOX6] = CODEC_HI | CODEC_BOX,
	[NFT_SET_RATE] = CODEC_NUMBER | CODEC_RATE,
	[NFT_SET_QUOTA] = CODEC_NUMBER,
	[NFT_SET_ALIVE] = CODEC_NUMBER,
};

unsigned int codec_elem_parts(enum nft_set_kind kind)
{
	return elem_parts[kind];
}

bool codec_elem_v6(enum nft_set_kind kind)
{
	return kind == NFT_MAP_CLASS6 || kind == NFT_MAP_NET6 || kind == NFT_SET_ADDR6 || kind == NFT_SET_BOX6;
}

static void put_key(struct buf *out, enum nft_set_kind kind, u128 a)
{
	if (codec_elem_v6(kind))
		put_addr(out, a);
	else
		put_int(out, (uint32_t)a, 4);
}

void codec_elem(struct buf *out, enum nft_set_kind kind, const struct nft_elem *e)
{
	unsigned int parts = elem_parts[kind];

	put_key(out, kind, e->lo);
	if (parts & CODEC_HI)
		put_key(out, kind, e->hi);
	if (parts & CODEC_RATE)
		put_int(out, (uint64_t)e->hi, 8);
	if (parts & CODEC_BOX) {
		put_int(out, e->proto_lo, 1);
		put_int(out, e->proto_hi, 1);
		put_int(out, e->port_lo, 2);
		put_int(out, e->port_hi, 2);
	}
	if (parts & CODEC_VALUE)
		put_int(out, e->value, 4);
	if (parts & CODEC_CHAIN)
		put_str(out, e->chain);
}

static bool item_uses_hi(const struct nft_item *i)
{
	return i->kind == NFT_LIMIT || (i->kind == NFT_MATCH && (i->op == NFT_RANGE || i->op == NFT_PREFIX));
}

static void put_item(struct buf *out, const struct nft_item *i)
{
	bool match = i->kind == NFT_MATCH;
	bool hi = item_uses_hi(i);
	unsigned int has = (i->lo != 0 ? HAS_LO : 0) | (hi && i->hi != 0 ? HAS_HI : 0) |
			   (i->name != NULL ? HAS_NAME : 0) | (i->name2 != NULL ? HAS_NAME2 : 0);

	/* The family of a single address shows in the address itself. */
	if (i->v6 && (i->kind == NFT_DISPATCH || i->kind == NFT_METER || (match && i->op == NFT_IN_SET)))
		has |= IS_V6;
	if (i->text)
		has |= IS_TEXT;
	put_int(out, i->kind, 1);
	put_int(out, has, 1);
	if (match) {
		put_int(out, i->field, 1);
		put_int(out, i->op, 1);
	}
	if (has & HAS_LO)
		put_addr(out, i->lo);
	if (has & HAS_HI)
		put_addr(out, i->hi);
	if (has & HAS_NAME)
		put_str(out, i->name);
	if (has & HAS_NAME2)
		put_str(out, i->name2);
}

void codec_rule(struct buf *out, const struct nft_rule *r)
{
	put_str(out, r->comment);
	put_int(out, r->nitems, 1);
	for (size_t i = 0; i < r->nitems; i++)
		put_item(out, &r->item[i]);
}

static void put_prefixes(struct buf *out, const struct prefix *v, size_t n)
{
	put_count(out, n);
	for (size_t i = 0; i < n; i++) {
		put_addr(out, v[i].addr);
		put_int(out, v[i].len, 1);
	}
}

static void put_peer(struct buf *out, const struct gw_peer *p, bool observed)
{
	bool placed = p->endpoint.port != 0;

	buf_add(out, p->public_key.b, KEY_BYTES);
	put_str(out, p->name);
	put_prefixes(out, p->allowed_ips, p->nallowed);
	put_int(out, p->keepalive, 2);
	put_int(out, (uint64_t)p->not_before, 8);
	put_int(out, (uint64_t)p->expires, 8);
	put_int(out, (unsigned int)p->revoked | (unsigned int)placed << 1, 1);
	if (placed) {
		put_addr(out, p->endpoint.addr);
		put_int(out, p->endpoint.port, 2);
	}
	if (observed)
		put_int(out, (uint64_t)p->handshake, 8);
}

static void put_set(struct buf *out, const struct nft_set *s)
{
	put_str(out, s->name);
	put_int(out, s->kind, 1);
	put_int(out, s->size, 4);
	if (s->kind == NFT_SET_QUOTA) {
		put_int(out, s->bytes, 8);
		put_int(out, s->period, 4);
	}
	put_count(out, s->nelems);
	for (size_t i = 0; i < s->nelems; i++)
		codec_elem(out, s->kind, &s->elem[i]);
}

static void put_chain(struct buf *out, const struct nft_chain *c)
{
	put_str(out, c->name);
	put_int(out, (unsigned int)c->hook | (c->class_chain ? CHAIN_IS_CLASS : 0), 1);
	put_count(out, c->nrules);
	for (size_t i = 0; i < c->nrules; i++)
		codec_rule(out, &c->rule[i]);
}

static void encode(const struct gw_plan *p, bool observed, struct buf *out)
{
	size_t start = out->len;

	buf_add(out, magic[observed], sizeof(magic[observed]));
	put_int(out, GW_PLAN_FORMAT, 4);
	if (observed)
		put_int(out, p->nft.foreign, 8);
	put_str(out, p->gateway);
	put_str(out, p->interface);
	put_int(out, (unsigned int)p->present | (unsigned int)p->up << 1 | (unsigned int)p->nft.present << 2, 1);
	buf_add(out, p->public_key.b, KEY_BYTES);
	put_int(out, p->listen_port, 2);
	put_int(out, p->mtu, 4);
	put_prefixes(out, p->address, p->naddresses);
	put_prefixes(out, p->route, p->nroutes);
	put_count(out, p->npeers);
	for (size_t i = 0; i < p->npeers; i++)
		put_peer(out, &p->peer[i], observed);
	put_count(out, p->nft.nsets);
	for (size_t i = 0; i < p->nft.nsets; i++)
		put_set(out, &p->nft.set[i]);
	put_count(out, p->nft.nchains);
	for (size_t i = 0; i < p->nft.nchains; i++)
		put_chain(out, &p->nft.chain[i]);
	struct digest d = digest_fast(out->p + start, out->len - start);
	buf_add(out, d.b, DIGEST_BYTES);
}

void gw_plan_encode(const struct gw_plan *p, struct buf *out)
{
	encode(p, false, out);
}

void gw_plan_encode_observed(const struct gw_plan *p, struct buf *out)
{
	encode(p, true, out);
}
