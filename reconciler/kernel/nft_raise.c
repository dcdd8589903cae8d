/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_raise - the kernel's expressions back to rule items.
 *
 * What is not exactly what nft_lower makes (an inverted lookup, a limit over instead of under, another register) is foreign: a rule that
 * nearly looks like ours must not pass for it. Range expressions, which newer nft writes for two comparisons, are read as well.
 */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "kernel/nft_wire.h"

struct cursor {
	struct nftnl_expr **v;
	size_t n, i;
	struct arena *a;
};

/* The next expression when it has that name, which is then consumed; or NULL. */
static struct nftnl_expr *take(struct cursor *c, const char *name)
{
	if (c->i == c->n || strcmp(nftnl_expr_get_str(c->v[c->i], NFTNL_EXPR_NAME), name) != 0)
		return NULL;
	return c->v[c->i++];
}

static bool reg_is(struct nftnl_expr *e, uint16_t attr, uint32_t reg)
{
	return nftnl_expr_is_set(e, attr) && nftnl_expr_get_u32(e, attr) == reg;
}

static bool take_hton(struct cursor *c, uint32_t width)
{
	struct nftnl_expr *e = take(c, "byteorder");

	return e != NULL && reg_is(e, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1) &&
	       reg_is(e, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1) &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_BYTEORDER_OP) == NFT_BYTEORDER_HTON &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_BYTEORDER_LEN) == width &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_BYTEORDER_SIZE) == width;
}

/* The bytes compared with, or NULL when the next expression is no such comparison. */
static const uint8_t *take_cmp(struct cursor *c, uint32_t op, uint32_t *len)
{
	size_t at = c->i;
	struct nftnl_expr *e = take(c, "cmp");

	if (e != NULL && reg_is(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1) && nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == op) {
		const uint8_t *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, len);
		if (data != NULL && *len > 0 && *len <= 16)
			return data;
	}
	c->i = at;
	return NULL;
}

static const uint8_t *take_mask(struct cursor *c, uint32_t width)
{
	static const uint8_t zero[16];
	size_t at = c->i;
	struct nftnl_expr *e = take(c, "bitwise");
	uint32_t mask_len = 0, xor_len = 0;

	if (e != NULL && reg_is(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1) && reg_is(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1) &&
	    nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL) {
		const uint8_t *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &mask_len);
		const uint8_t *flip = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_len);
		if (mask != NULL && flip != NULL && mask_len == width && xor_len == width && memcmp(flip, zero, width) == 0)
			return mask;
	}
	c->i = at;
	return NULL;
}

/* The set or map looked up, into *dreg where a map's value goes; a set has no *dreg. */
static const char *take_lookup(struct cursor *c, const uint32_t *dreg)
{
	size_t at = c->i;
	struct nftnl_expr *e = take(c, "lookup");

	if (e != NULL && reg_is(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1) &&
	    (!nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS) || nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) == 0) &&
	    (dreg != NULL ? reg_is(e, NFTNL_EXPR_LOOKUP_DREG, *dreg) : !nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG)))
		return nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET);
	c->i = at;
	return NULL;
}

/* A ct load into that register; -1 when it is none, else the key. */
static int64_t take_ct(struct cursor *c, uint32_t dreg, bool *original)
{
	size_t at = c->i;
	struct nftnl_expr *e = take(c, "ct");

	if (e != NULL && reg_is(e, NFTNL_EXPR_CT_DREG, dreg)) {
		bool dir = nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR);
		*original = dir && nftnl_expr_get_u8(e, NFTNL_EXPR_CT_DIR) == 0;
		if (!dir || *original)
			return nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY);
	}
	c->i = at;
	return -1;
}

/* The kernel does not tell the direction of these back: they are the same in both. */
static bool is_same_both_ways(int64_t key)
{
	return key == NFT_CT_L3PROTOCOL || key == NFT_CT_PROTOCOL;
}

static bool take_ct_original(struct cursor *c, uint32_t key, uint32_t dreg)
{
	bool original = false;

	return take_ct(c, dreg, &original) == key && (original || is_same_both_ways(key));
}

static u128 get(const struct nft_field_row *row, const uint8_t *in)
{
	if (row->field == NFT_CT_SADDR || row->field == NFT_CT_DADDR)
		return nft_addr_get(in, row->width);
	return nft_value_get(in, row->width) / row->unit;
}

static bool set_op(struct nft_item *it, enum nft_op op, u128 lo, u128 hi)
{
	it->op = op;
	it->lo = lo;
	it->hi = hi;
	return true;
}

/* One value: an address is its own range, a number has no hi. */
static bool set_value(struct nft_item *it, enum nft_op op, const struct nft_field_row *row, const uint8_t *v, uint32_t len)
{
	bool address = row->field == NFT_CT_SADDR || row->field == NFT_CT_DADDR;
	u128 lo = len == row->width ? get(row, v) : 0;

	return len == row->width && set_op(it, op, lo, address ? lo : 0);
}

/* An address under a mask of leading ones. */
static bool set_prefix(struct nft_item *it, const struct nft_field_row *row, const uint8_t *value, const uint8_t *mask)
{
	uint8_t last[16];
	bool ended = false;

	for (size_t i = 0; i < row->width; i++) {
		uint8_t host = (uint8_t)~mask[i];
		if ((value[i] & host) != 0 || (host & (host + 1)) != 0 || (ended && host != 0xff))
			return false;
		ended = ended || host != 0;
		last[i] = value[i] | host;
	}
	return set_op(it, NFT_PREFIX, get(row, value), get(row, last));
}

static bool raise_eq(struct nft_item *it, const struct nft_field_row *row, const uint8_t *v, uint32_t len)
{
	uint8_t value[16] = { 0 }, mask[16] = { 0 };

	if (len == row->width)
		return set_value(it, NFT_EQ, row, v, len);
	if (len > row->width || (row->field != NFT_CT_SADDR && row->field != NFT_CT_DADDR))
		return false;
	memcpy(value, v, len);
	memset(mask, 0xff, len);
	return set_prefix(it, row, value, mask);
}

static bool raise_range_expr(struct cursor *c, struct nft_item *it, const struct nft_field_row *row)
{
	struct nftnl_expr *e = take(c, "range");
	uint32_t from_len = 0, to_len = 0;

	if (e == NULL || !reg_is(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1) ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) != NFT_RANGE_EQ)
		return false;
	const uint8_t *from = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &from_len);
	const uint8_t *to = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &to_len);
	if (from == NULL || to == NULL || from_len != row->width || to_len != row->width)
		return false;
	return set_op(it, NFT_RANGE, get(row, from), get(row, to));
}

static bool raise_interface(struct cursor *c, struct nft_item *it)
{
	uint32_t len = 0;
	const uint8_t *v = take_cmp(c, NFT_CMP_EQ, &len);

	it->op = NFT_EQ;
	if (v == NULL) {
		v = take_cmp(c, NFT_CMP_NEQ, &len);
		it->op = NFT_NEQ;
	}
	if (v == NULL || len != 16 || v[15] != '\0') /* shorter: a wildcard */
		return false;
	it->name = arena_strndup(c->a, (const char *)v, 16);
	return true;
}

/* What comes after the load of a field. */
static bool raise_op(struct cursor *c, struct nft_item *it, const struct nft_field_row *row)
{
	uint32_t len = 0, len2 = 0;
	bool address = row->field == NFT_CT_SADDR || row->field == NFT_CT_DADDR;
	const uint8_t *v, *v2;

	if (row->hton && !take_hton(c, row->width))
		return false;
	if ((v = take_mask(c, row->width)) != NULL) {
		v2 = take_cmp(c, NFT_CMP_EQ, &len);
		return address && v2 != NULL && len == row->width && set_prefix(it, row, v2, v);
	}
	if ((v = take_cmp(c, NFT_CMP_EQ, &len)) != NULL)
		return raise_eq(it, row, v, len);
	if ((v = take_cmp(c, NFT_CMP_NEQ, &len)) != NULL)
		return set_value(it, NFT_NEQ, row, v, len);
	if ((v = take_cmp(c, NFT_CMP_GTE, &len)) != NULL) {
		if (len != row->width)
			return false;
		if ((v2 = take_cmp(c, NFT_CMP_LTE, &len2)) != NULL)
			return len2 == row->width && set_op(it, NFT_RANGE, get(row, v), get(row, v2));
		return set_value(it, NFT_GE, row, v, len);
	}
	if ((v = take_cmp(c, NFT_CMP_LT, &len)) != NULL)
		return set_value(it, NFT_LT, row, v, len);
	const char *set = take_lookup(c, NULL);
	if (set == NULL)
		return raise_range_expr(c, it, row);
	it->op = NFT_IN_SET;
	it->name = arena_strdup(c->a, set);
	return address;
}

static bool raise_field(struct cursor *c, struct nft_item *it, const struct nft_field_row *row)
{
	it->kind = NFT_MATCH;
	it->field = row->field;
	it->v6 = row->v6;
	if (row->field == NFT_IIFNAME || row->field == NFT_OIFNAME)
		return raise_interface(c, it);
	return raise_op(c, it, row);
}

/* The mark, loaded into or set from that register. */
static bool take_mark(struct cursor *c, bool set, uint32_t reg)
{
	struct nftnl_expr *e = take(c, "meta");

	return e != NULL && nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) == NFT_META_MARK &&
	       reg_is(e, set ? NFTNL_EXPR_META_SREG : NFTNL_EXPR_META_DREG, reg);
}

static bool take_payload(struct cursor *c, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *e = take(c, "payload");

	return e != NULL && reg_is(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1) && reg_is(e, NFTNL_EXPR_PAYLOAD_BASE, base) &&
	       reg_is(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset) && reg_is(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

/* After the load of meta l4proto: `tcp flags syn / syn,rst tcp option maxseg size set rt mtu`. */
static bool raise_mss_clamp(struct cursor *c, struct nft_item *it)
{
	uint32_t len = 0;
	const uint8_t *v = take_cmp(c, NFT_CMP_EQ, &len);

	it->kind = NFT_MSS_CLAMP;
	if (v == NULL || len != 1 || *v != 6 || !take_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1))
		return false;
	v = take_mask(c, 1);
	if (v == NULL || *v != 6 /* syn, rst */)
		return false;
	v = take_cmp(c, NFT_CMP_EQ, &len);
	if (v == NULL || len != 1 || *v != 2 /* syn */)
		return false;
	struct nftnl_expr *e = take(c, "rt");
	if (e == NULL || !reg_is(e, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS) || !reg_is(e, NFTNL_EXPR_RT_DREG, NFT_REG_1) ||
	    !take_hton(c, 2))
		return false;
	e = take(c, "exthdr");
	return e != NULL && reg_is(e, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1) &&
	       nftnl_expr_get_u8(e, NFTNL_EXPR_EXTHDR_TYPE) == 2 && reg_is(e, NFTNL_EXPR_EXTHDR_OFFSET, 2) &&
	       reg_is(e, NFTNL_EXPR_EXTHDR_LEN, 2) && reg_is(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

/*
 * The number that a map gave into the mark and from there into a register again. Over netlink the mark is kept aside and put back; the text form
 * leaves the number in it.
 */
static bool take_number(struct cursor *c, struct nft_item *it)
{
	size_t at = c->i;

	if (take_mark(c, false, NFT_REG_2) && take_mark(c, true, NFT_REG_1) && take_mark(c, false, NFT_REG_1) &&
	    take_mark(c, true, NFT_REG_2))
		return true;
	c->i = at;
	it->text = true;
	return take_mark(c, true, NFT_REG_1) && take_mark(c, false, NFT_REG_1);
}

/* After the load of the packet's family: its own address, a number by one map, through the mark, in a set. */
static bool raise_meter(struct cursor *c, struct nft_item *it)
{
	uint32_t len = 0, number = NFT_REG_1;
	const uint8_t *family = take_cmp(c, NFT_CMP_EQ, &len);

	it->kind = NFT_METER;
	if (family == NULL || len != 1 || (*family != NFPROTO_IPV4 && *family != NFPROTO_IPV6))
		return false;
	it->v6 = *family == NFPROTO_IPV6;
	size_t at = c->i;
	for (it->lo = 0; it->lo < 2; it->lo++) {
		c->i = at;
		if (take_payload(c, NFT_PAYLOAD_NETWORK_HEADER, nft_meter_offset(it->v6, it->lo != 0), it->v6 ? 16 : 4))
			break;
	}
	const char *map = it->lo < 2 ? take_lookup(c, &number) : NULL;
	if (map == NULL || !take_number(c, it))
		return false;
	const char *set = take_lookup(c, NULL);
	it->name = arena_strdup(c->a, map);
	it->name2 = set != NULL ? arena_strdup(c->a, set) : NULL;
	return set != NULL;
}

/* After the load of the packet's family: whether a set has it. */
static bool raise_gate(struct cursor *c, struct nft_item *it)
{
	const char *set = take_lookup(c, NULL);

	if (set == NULL)
		return false;
	*it = (struct nft_item){ .kind = NFT_MATCH, .field = NFT_NFPROTO, .op = NFT_IN_SET, .name = arena_strdup(c->a, set) };
	return true;
}

static bool raise_meta(struct cursor *c, struct nft_item *it)
{
	struct nftnl_expr *e = take(c, "meta");

	if (e == NULL || !reg_is(e, NFTNL_EXPR_META_DREG, NFT_REG_1))
		return false;
	uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	if (key == NFT_META_L4PROTO)
		return raise_mss_clamp(c, it);
	if (key == NFT_META_NFPROTO)
		return raise_gate(c, it) || raise_meter(c, it);
	const struct nft_field_row *row = nft_field_row_of_key("meta", key);
	return row != NULL && raise_field(c, it, row);
}

static bool raise_invalid(struct cursor *c, struct nft_item *it)
{
	uint32_t len = 0, mask = 0, value = 1;
	const uint8_t *v = take_mask(c, sizeof(mask));

	it->kind = NFT_MATCH;
	it->field = NFT_CT_INVALID;
	if (v == NULL)
		return false;
	memcpy(&mask, v, sizeof(mask));
	v = take_cmp(c, NFT_CMP_NEQ, &len);
	if (v == NULL || len != sizeof(value))
		return false;
	memcpy(&value, v, sizeof(value));
	return mask == 1 && value == 0;
}

/* After the load of an original source address: class number by one map, through the mark, chain by the other. */
static bool raise_dispatch(struct cursor *c, struct nft_item *it, bool v6)
{
	uint32_t number = NFT_REG_1, verdict = NFT_REG_VERDICT;
	size_t at = c->i;
	const char *map = take_lookup(c, &number), *chains = NULL;

	if (map != NULL && take_number(c, it))
		chains = take_lookup(c, &verdict);

	if (chains == NULL) {
		c->i = at;
		it->text = false;
		return false;
	}
	it->kind = NFT_DISPATCH;
	it->name = arena_strdup(c->a, map);
	it->name2 = arena_strdup(c->a, chains);
	it->v6 = v6;
	return true;
}

/* After the load of an original destination address: protocol and port next to it, looked up as one key. */
static bool raise_box(struct cursor *c, struct nft_item *it, bool v6)
{
	size_t at = c->i;

	if (take_ct_original(c, NFT_CT_PROTOCOL, v6 ? NFT_REG_2 : NFT_REG32_01) &&
	    take_ct_original(c, NFT_CT_PROTO_DST, v6 ? NFT_REG32_05 : NFT_REG32_02)) {
		const char *set = take_lookup(c, NULL);
		if (set != NULL) {
			it->kind = NFT_MATCH;
			it->field = NFT_CT_DBOX;
			it->op = NFT_IN_SET;
			it->name = arena_strdup(c->a, set);
			it->v6 = v6;
			return true;
		}
	}
	c->i = at;
	return false;
}

static bool raise_ct(struct cursor *c, struct nft_item *it)
{
	bool original = false;
	int64_t key = take_ct(c, NFT_REG_1, &original);

	if (key < 0)
		return false;
	if (key == NFT_CT_STATE)
		return !original && raise_invalid(c, it);
	const struct nft_field_row *row = nft_field_row_of_key("ct", (uint32_t)key);
	if (row == NULL || (row->original != original && !is_same_both_ways(key)))
		return false;
	if (row->field == NFT_CT_SADDR && raise_dispatch(c, it, row->v6))
		return true;
	if (row->field == NFT_CT_DADDR && raise_box(c, it, row->v6))
		return true;
	return raise_field(c, it, row);
}

static bool raise_counter(struct cursor *c, struct nft_item *it)
{
	struct nftnl_expr *e = take(c, "counter");

	it->kind = NFT_COUNTER;
	it->packets = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS);
	it->bytes = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_BYTES);
	return true;
}

static bool raise_limit(struct cursor *c, struct nft_item *it)
{
	struct nftnl_expr *e = take(c, "limit");

	it->kind = NFT_LIMIT;
	it->lo = nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_RATE);
	it->hi = nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_BURST);
	return nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_UNIT) == 1 &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_TYPE) == NFT_LIMIT_PKTS &&
	       (!nftnl_expr_is_set(e, NFTNL_EXPR_LIMIT_FLAGS) || nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_FLAGS) == 0);
}

static bool raise_log(struct cursor *c, struct nft_item *it)
{
	struct nftnl_expr *e = take(c, "log");
	const char *prefix = nftnl_expr_get_str(e, NFTNL_EXPR_LOG_PREFIX);

	it->kind = NFT_LOG;
	it->name = arena_strdup(c->a, prefix != NULL ? prefix : "");
	return !nftnl_expr_is_set(e, NFTNL_EXPR_LOG_GROUP) &&
	       (!nftnl_expr_is_set(e, NFTNL_EXPR_LOG_FLAGS) || nftnl_expr_get_u32(e, NFTNL_EXPR_LOG_FLAGS) == 0) &&
	       reg_is(e, NFTNL_EXPR_LOG_LEVEL, NFT_LOG_LEVEL);
}

/* A zero into the mark, as the text form's class chains begin. */
static bool raise_clear_mark(struct cursor *c, struct nft_item *it, struct nftnl_expr *e)
{
	uint32_t len = 0, value = 1;
	const void *data = nftnl_expr_is_set(e, NFTNL_EXPR_IMM_DATA) ? nftnl_expr_get(e, NFTNL_EXPR_IMM_DATA, &len) : NULL;

	if (data == NULL || len != sizeof(value))
		return false;
	memcpy(&value, data, sizeof(value));
	it->kind = NFT_CLEAR_MARK;
	return value == 0 && take_mark(c, true, NFT_REG_1);
}

static bool raise_verdict(struct cursor *c, struct nft_item *it)
{
	static const struct {
		int32_t code;
		enum nft_item_kind kind;
		bool chain;
	} rows[] = {
		{ NF_ACCEPT, NFT_ACCEPT, false },          { NF_DROP, NFT_DROP, false },
		{ NFT_VERDICT_RETURN, NFT_RETURN, false }, { NFT_VERDICT_JUMP, NFT_JUMP, true },
		{ NFT_VERDICT_GOTO, NFT_GOTO, true },
	};
	struct nftnl_expr *e = take(c, "immediate");

	if (reg_is(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1))
		return raise_clear_mark(c, it, e);
	if (!reg_is(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT) || !nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT))
		return false;
	int32_t code = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != code)
			continue;
		const char *chain = rows[i].chain ? nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN) : NULL;
		it->kind = rows[i].kind;
		it->name = chain != NULL ? arena_strdup(c->a, chain) : NULL;
		return rows[i].chain == (chain != NULL);
	}
	return false;
}

static bool raise_masquerade(struct cursor *c, struct nft_item *it)
{
	struct nftnl_expr *e = take(c, "masq");

	it->kind = NFT_MASQUERADE;
	return (!nftnl_expr_is_set(e, NFTNL_EXPR_MASQ_FLAGS) || nftnl_expr_get_u32(e, NFTNL_EXPR_MASQ_FLAGS) == 0) &&
	       !nftnl_expr_is_set(e, NFTNL_EXPR_MASQ_REG_PROTO_MIN);
}

/* Each is called with the cursor at an expression of its name. */
static const struct {
	const char *name;
	bool (*raise)(struct cursor *c, struct nft_item *it);
} raisers[] = {
	{ "meta", raise_meta },       { "ct", raise_ct },           { "counter", raise_counter }, { "limit", raise_limit },
	{ "log", raise_log },         { "immediate", raise_verdict }, { "masq", raise_masquerade },
};

static bool raise_item(struct cursor *c, struct nft_item *it)
{
	const char *name = nftnl_expr_get_str(c->v[c->i], NFTNL_EXPR_NAME);

	for (size_t i = 0; i < sizeof(raisers) / sizeof(raisers[0]); i++)
		if (strcmp(raisers[i].name, name) == 0)
			return raisers[i].raise(c, it);
	return false;
}

static int find_comment(const struct nftnl_udata *attr, void *data)
{
	const char **comment = data;
	uint8_t len = nftnl_udata_len(attr);
	const char *s = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_RULE_COMMENT && len > 1 && s[len - 1] == '\0')
		*comment = s;
	return 0;
}

static const char *raise_comment(const struct nftnl_rule *nr, struct arena *a)
{
	uint32_t len = 0;
	const char *comment = NULL;
	const void *data = nftnl_rule_is_set(nr, NFTNL_RULE_USERDATA) ?
				   nftnl_rule_get_data(nr, NFTNL_RULE_USERDATA, &len) : NULL;

	if (data == NULL || nftnl_udata_parse(data, len, find_comment, &comment) < 0 || comment == NULL)
		return NULL;
	return arena_strdup(a, comment);
}

static int push_expr(struct nftnl_expr *e, void *data)
{
	struct cursor *c = data;

	c->v[c->n++] = e;
	return 0;
}

static int count_expr(struct nftnl_expr *e, void *data)
{
	size_t *n = data;

	(void)e;
	(*n)++;
	return 0;
}

void nft_raise_rule(const struct nftnl_rule *nr, struct arena *a, struct nft_rule *r)
{
	struct nftnl_rule *nonconst = (struct nftnl_rule *)(uintptr_t)nr; /* the iterators take no const */
	struct cursor c = { .a = a };
	size_t n = 0;

	nftnl_expr_foreach(nonconst, count_expr, &n);
	c.v = arena_array(a, n, struct nftnl_expr *);
	nftnl_expr_foreach(nonconst, push_expr, &c);
	*r = (struct nft_rule){ .item = arena_array(a, n, struct nft_item),
				.comment = raise_comment(nr, a),
				.handle = nftnl_rule_get_u64(nr, NFTNL_RULE_HANDLE) };
	while (c.i < c.n) {
		struct nft_item it = { 0 };
		bool ours = raise_item(&c, &it);
		r->item[r->nitems++] = ours ? it : (struct nft_item){ .kind = NFT_FOREIGN };
		if (!ours)
			return;
	}
}
