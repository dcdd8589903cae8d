/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_lower - rules to the kernel's expressions, laid out as nft lays them out, so that `nft list` reads them back.
 */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"

#define TCP_FLAGS_OFFSET 13
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCPOPT_MAXSEG 2

/* libnftnl fails only without memory or on an expression name that it does not know. */
static struct nftnl_expr *expr_add(struct nftnl_rule *nr, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (e == NULL)
		BUG("libnftnl made no expression %s", name);
	nftnl_rule_add_expr(nr, e);
	return e;
}

static void put_meta(struct nftnl_rule *nr, uint32_t key, uint32_t dreg)
{
	struct nftnl_expr *e = expr_add(nr, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, dreg);
}

static void put_meta_set(struct nftnl_rule *nr, uint32_t key, uint32_t sreg)
{
	struct nftnl_expr *e = expr_add(nr, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, sreg);
}

static void put_ct(struct nftnl_rule *nr, uint32_t key, bool original, uint32_t dreg)
{
	struct nftnl_expr *e = expr_add(nr, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, dreg);
	if (original)
		nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, 0); /* IP_CT_DIR_ORIGINAL */
}

static void put_hton(struct nftnl_rule *nr, uint32_t width)
{
	struct nftnl_expr *e = expr_add(nr, "byteorder");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, width);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, width);
}

static void put_mask(struct nftnl_rule *nr, const void *mask, uint32_t width)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = expr_add(nr, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, width);
	nftnl_expr_set_data(e, NFTNL_EXPR_BITWISE_MASK, mask, width);
	nftnl_expr_set_data(e, NFTNL_EXPR_BITWISE_XOR, zero, width);
}

static void put_cmp(struct nftnl_rule *nr, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr_add(nr, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set_data(e, NFTNL_EXPR_CMP_DATA, data, len);
}

/* No dreg: a set. A verdict register: the packet goes on where the map says. */
static void put_lookup(struct nftnl_rule *nr, const char *set, const uint32_t *dreg)
{
	struct nftnl_expr *e = expr_add(nr, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	if (dreg != NULL)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, *dreg);
}

static void put_verdict(struct nftnl_rule *nr, int32_t code, const char *chain)
{
	struct nftnl_expr *e = expr_add(nr, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (chain != NULL)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void put_ifname(struct nftnl_rule *nr, uint32_t op, const char *name)
{
	char padded[16] = { 0 };
	size_t n = strlen(name);

	if (n >= sizeof(padded))
		BUG("interface name %s is too long", name);
	memcpy(padded, name, n);
	put_cmp(nr, op, padded, sizeof(padded));
}

/* A prefix at a byte's edge compares fewer bytes, as nft has it; any other is masked first. */
static void put_prefix(struct nftnl_rule *nr, const struct nft_field_row *row, const struct nft_item *it)
{
	uint8_t value[16], last[16], mask[16];
	unsigned int bits = 0;

	nft_value_put(it->lo, value, row->width);
	nft_value_put(it->hi, last, row->width);
	for (size_t i = 0; i < row->width; i++) {
		mask[i] = (uint8_t) ~(value[i] ^ last[i]);
		bits += (unsigned int)__builtin_popcount(mask[i]);
	}
	if (bits > 0 && bits % 8 == 0 && bits < row->width * 8u) {
		put_cmp(nr, NFT_CMP_EQ, value, bits / 8);
		return;
	}
	put_mask(nr, mask, row->width);
	put_cmp(nr, NFT_CMP_EQ, value, row->width);
}

static void put_value(struct nftnl_rule *nr, uint32_t op, const struct nft_field_row *row, u128 v)
{
	uint8_t b[16];

	nft_value_put(v, b, row->width);
	put_cmp(nr, op, b, row->width);
}

static void put_op(struct nftnl_rule *nr, const struct nft_field_row *row, const struct nft_item *it)
{
	u128 lo = it->lo * row->unit, hi = it->hi * row->unit + (row->unit - 1); /* to the end of its last second */

	switch (it->op) {
	case NFT_EQ:
		put_value(nr, NFT_CMP_EQ, row, lo);
		return;
	case NFT_NEQ:
		put_value(nr, NFT_CMP_NEQ, row, lo);
		return;
	case NFT_GE:
		put_value(nr, NFT_CMP_GTE, row, lo);
		return;
	case NFT_LT:
		put_value(nr, NFT_CMP_LT, row, lo);
		return;
	case NFT_RANGE:
		put_value(nr, NFT_CMP_GTE, row, lo);
		put_value(nr, NFT_CMP_LTE, row, hi);
		return;
	case NFT_PREFIX:
		put_prefix(nr, row, it);
		return;
	case NFT_IN_SET:
		put_lookup(nr, it->name, NULL);
		return;
	}
	BUG("operator %d", it->op);
}

/* `ct state invalid`: the bit is a host-order word's. */
static void put_invalid(struct nftnl_rule *nr)
{
	uint32_t mask = 1u, zero = 0; /* NF_CT_STATE_INVALID_BIT */

	put_ct(nr, NFT_CT_STATE, false, NFT_REG_1);
	put_mask(nr, &mask, sizeof(mask));
	put_cmp(nr, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* Address, protocol and port side by side in the registers: the key of a NFT_SET_BOX*. */
static void put_box(struct nftnl_rule *nr, const struct nft_item *it)
{
	put_ct(nr, it->v6 ? NFT_CT_DST_IP6 : NFT_CT_DST_IP, true, NFT_REG_1);
	put_ct(nr, NFT_CT_PROTOCOL, true, it->v6 ? NFT_REG_2 : NFT_REG32_01);
	put_ct(nr, NFT_CT_PROTO_DST, true, it->v6 ? NFT_REG32_05 : NFT_REG32_02);
	put_lookup(nr, it->name, NULL);
}

static void put_match(struct nftnl_rule *nr, const struct nft_item *it)
{
	bool address = it->field == NFT_CT_SADDR || it->field == NFT_CT_DADDR;
	bool v6 = address && (it->op == NFT_IN_SET ? it->v6 : !addr_is_v4(it->lo));

	if (it->field == NFT_CT_INVALID) {
		put_invalid(nr);
		return;
	}
	if (it->field == NFT_CT_DBOX) {
		put_box(nr, it);
		return;
	}
	const struct nft_field_row *row = nft_field_row(it->field, v6);
	if (strcmp(row->expr, "ct") == 0)
		put_ct(nr, row->key, row->original, NFT_REG_1);
	else
		put_meta(nr, row->key, NFT_REG_1);
	if (it->field == NFT_IIFNAME || it->field == NFT_OIFNAME) {
		put_ifname(nr, it->op == NFT_NEQ ? NFT_CMP_NEQ : NFT_CMP_EQ, it->name);
		return;
	}
	if (row->hton)
		put_hton(nr, row->width);
	put_op(nr, row, it);
}

static void put_counter(struct nftnl_rule *nr)
{
	struct nftnl_expr *e = expr_add(nr, "counter");

	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, 0);
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, 0);
}

static void put_limit(struct nftnl_rule *nr, const struct nft_item *it)
{
	struct nftnl_expr *e = expr_add(nr, "limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, (uint64_t)it->lo);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1); /* a second */
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, (uint32_t)it->hi);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

static void put_log(struct nftnl_rule *nr, const struct nft_item *it)
{
	struct nftnl_expr *e = expr_add(nr, "log");

	nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, it->name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_LEVEL, NFT_LOG_LEVEL);
}

/* Through the mark and back, as it was: see below. */
static void put_number(struct nftnl_rule *nr)
{
	put_meta(nr, NFT_META_MARK, NFT_REG_2);
	put_meta_set(nr, NFT_META_MARK, NFT_REG_1);
	put_meta(nr, NFT_META_MARK, NFT_REG_1);
	put_meta_set(nr, NFT_META_MARK, NFT_REG_2);
}

/*
 * The number could stay in its register, but nft (seen with 1.0.6) aborts when it lists a lookup of what a lookup gave: it knows no length of
 * it. So it goes through the mark, which is put back at once: nobody sees it there.
 */
static void put_dispatch(struct nftnl_rule *nr, const struct nft_item *it)
{
	uint32_t number = NFT_REG_1, verdict = NFT_REG_VERDICT;

	put_ct(nr, it->v6 ? NFT_CT_SRC_IP6 : NFT_CT_SRC_IP, true, NFT_REG_1);
	put_lookup(nr, it->name, &number);
	put_number(nr);
	put_lookup(nr, it->name2, &verdict);
}

static void put_payload(struct nftnl_rule *nr, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *e = expr_add(nr, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

/* ip saddr map @name, then the number looked up in @name2, whose element decides. */
static void put_meter(struct nftnl_rule *nr, const struct nft_item *it)
{
	uint8_t family = it->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	uint32_t number = NFT_REG_1;

	put_meta(nr, NFT_META_NFPROTO, NFT_REG_1);
	put_cmp(nr, NFT_CMP_EQ, &family, 1);
	put_payload(nr, NFT_PAYLOAD_NETWORK_HEADER, nft_meter_offset(it->v6, it->lo != 0), it->v6 ? 16 : 4);
	put_lookup(nr, it->name, &number);
	put_number(nr);
	put_lookup(nr, it->name2, NULL);
}

/* tcp flags syn / syn,rst tcp option maxseg size set rt mtu */
static void put_mss_clamp(struct nftnl_rule *nr)
{
	static const uint8_t tcp = 6, mask = TCP_FLAG_SYN | TCP_FLAG_RST, syn = TCP_FLAG_SYN;

	put_meta(nr, NFT_META_L4PROTO, NFT_REG_1);
	put_cmp(nr, NFT_CMP_EQ, &tcp, 1);
	put_payload(nr, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	put_mask(nr, &mask, 1);
	put_cmp(nr, NFT_CMP_EQ, &syn, 1);
	struct nftnl_expr *e = expr_add(nr, "rt");
	nftnl_expr_set_u32(e, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RT_DREG, NFT_REG_1);
	put_hton(nr, 2);
	e = expr_add(nr, "exthdr");
	nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1);
	nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, TCPOPT_MAXSEG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_LEN, 2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

static void put_item(struct nftnl_rule *nr, const struct nft_item *it)
{
	switch (it->kind) {
	case NFT_MATCH:
		put_match(nr, it);
		return;
	case NFT_COUNTER:
		put_counter(nr);
		return;
	case NFT_LIMIT:
		put_limit(nr, it);
		return;
	case NFT_LOG:
		put_log(nr, it);
		return;
	case NFT_ACCEPT:
		put_verdict(nr, NF_ACCEPT, NULL);
		return;
	case NFT_DROP:
		put_verdict(nr, NF_DROP, NULL);
		return;
	case NFT_RETURN:
		put_verdict(nr, NFT_VERDICT_RETURN, NULL);
		return;
	case NFT_JUMP:
		put_verdict(nr, NFT_VERDICT_JUMP, it->name);
		return;
	case NFT_GOTO:
		put_verdict(nr, NFT_VERDICT_GOTO, it->name);
		return;
	case NFT_DISPATCH:
		put_dispatch(nr, it);
		return;
	case NFT_MASQUERADE:
		expr_add(nr, "masq");
		return;
	case NFT_METER:
		put_meter(nr, it);
		return;
	case NFT_MSS_CLAMP:
		put_mss_clamp(nr);
		return;
	case NFT_FOREIGN:
	case NFT_CLEAR_MARK:
		break;
	}
	BUG("rule item %d cannot be written", it->kind);
}

static void put_comment(struct nftnl_rule *nr, const char *comment)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_COMMENT_MAX + 8);

	if (u == NULL || !nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment))
		BUG("rule comment of %zu bytes", strlen(comment));
	nftnl_rule_set_data(nr, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

struct nftnl_rule *nft_lower_rule(const char *chain, const struct nft_rule *r)
{
	struct nftnl_rule *nr = nftnl_rule_alloc();

	if (nr == NULL)
		BUG("no memory for a rule");
	nftnl_rule_set_u32(nr, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(nr, NFTNL_RULE_TABLE, NFT_TABLE);
	nftnl_rule_set_str(nr, NFTNL_RULE_CHAIN, chain);
	for (size_t i = 0; i < r->nitems; i++)
		put_item(nr, &r->item[i]);
	if (r->comment != NULL && *r->comment != '\0')
		put_comment(nr, r->comment);
	return nr;
}
