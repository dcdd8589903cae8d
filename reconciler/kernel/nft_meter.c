/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_meter - sets whose elements have a limit or a quota each, to the kernel and back.
 *
 * The set itself says what an element is without its own: the quota, which all of them share, or for rates a limit that nothing
 * passes. Elements always come with their own, so that a quota begins with what has been used of it already.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <libnftnl/expr.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"
#include "kernel/nl_attr.h"
#include "plan/limits.h"

#define RATE_BURST 1 /* nft has no way to say 0, and the kernel's bucket holds a second's worth more than it */

void nft_meter_put_set(struct nftnl_set *ns, const struct nft_set *s)
{
	bool rate = s->kind == NFT_SET_RATE;
	struct nftnl_expr *e = nftnl_expr_alloc(rate ? "limit" : "quota");

	if (e == NULL)
		BUG("libnftnl knows no limits");
	if (rate) {
		nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, 1);
		nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
		nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, RATE_BURST);
		nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
		nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	} else {
		nftnl_expr_set_u64(e, NFTNL_EXPR_QUOTA_BYTES, s->bytes);
		nftnl_expr_set_u64(e, NFTNL_EXPR_QUOTA_CONSUMED, 0);
		nftnl_expr_set_u32(e, NFTNL_EXPR_QUOTA_FLAGS, NFT_QUOTA_F_INV);
	}
	nftnl_set_add_expr(ns, e);
}

/* The period stands in the name alone: the kernel has no use for it. */
static bool period_of(const char *name, uint64_t bytes, uint32_t *period)
{
	unsigned long long named = 0;
	char again[NFT_NAME_MAX];

	if (sscanf(name, LIMITS_QUOTA_PREFIX "%16llx_%8x", &named, period) != 2 || named != bytes || *period == 0)
		return false;
	snprintf(again, sizeof(again), LIMITS_QUOTA_PREFIX "%llx_%x", named, *period);
	return strcmp(again, name) == 0;
}

bool nft_meter_get_set(const struct nftnl_set *ns, struct nft_set *s)
{
	const struct nftnl_expr *e = nftnl_set_get(ns, NFTNL_SET_EXPR);

	if (e == NULL)
		return false;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	if (strcmp(name, "limit") == 0) {
		s->kind = NFT_SET_RATE;
		return true;
	}
	if (strcmp(name, "quota") != 0)
		return false;
	s->kind = NFT_SET_QUOTA;
	s->bytes = nftnl_expr_get_u64(e, NFTNL_EXPR_QUOTA_BYTES);
	return nftnl_expr_get_u32(e, NFTNL_EXPR_QUOTA_FLAGS) == NFT_QUOTA_F_INV && period_of(s->name, s->bytes, &s->period);
}

static void put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	mnl_attr_put_u64(nlh, type, htobe64(v));
}

static void put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(nlh, type, htonl(v));
}

void nft_meter_put_elem(struct nlmsghdr *nlh, const struct nft_set *s, const struct nft_elem *e)
{
	struct nlattr *expr = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR);

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, nft_set_row(s->kind)->expr);
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	if (s->kind == NFT_SET_RATE) {
		put_u64(nlh, NFTA_LIMIT_RATE, (uint64_t)e->hi);
		put_u64(nlh, NFTA_LIMIT_UNIT, 1);
		put_u32(nlh, NFTA_LIMIT_BURST, RATE_BURST);
		put_u32(nlh, NFTA_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
		put_u32(nlh, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	} else {
		put_u64(nlh, NFTA_QUOTA_BYTES, s->bytes);
		put_u64(nlh, NFTA_QUOTA_CONSUMED, e->used);
		put_u32(nlh, NFTA_QUOTA_FLAGS, NFT_QUOTA_F_INV);
	}
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expr);
}

static uint64_t get_number(const struct nlattr *attr)
{
	if (mnl_attr_get_payload_len(attr) == sizeof(uint64_t))
		return be64toh(mnl_attr_get_u64(attr));
	return mnl_attr_get_payload_len(attr) == sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

#define FIELDS_MAX 8

/* The expression's numbers by attribute; false when its name is another. */
static bool get_fields(const struct nlattr *nest, const char *name, uint64_t v[static FIELDS_MAX])
{
	const struct nlattr *attr, *field;
	bool named = false;

	attr_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
			named = strcmp(mnl_attr_get_str(attr), name) == 0;
		if (mnl_attr_get_type(attr) != NFTA_EXPR_DATA)
			continue;
		attr_each_nested(field, attr)
			if (mnl_attr_get_type(field) < FIELDS_MAX)
				v[mnl_attr_get_type(field)] = get_number(field);
	}
	return named;
}

bool nft_meter_get_elem(const struct nlattr *attr, enum nft_set_kind kind, struct nft_elem *e)
{
	uint64_t v[FIELDS_MAX] = { 0 };

	if (!get_fields(attr, nft_set_row(kind)->expr, v))
		return false;
	if (kind == NFT_SET_RATE) {
		e->hi = v[NFTA_LIMIT_RATE];
		return v[NFTA_LIMIT_UNIT] == 1 && v[NFTA_LIMIT_BURST] == RATE_BURST &&
		       v[NFTA_LIMIT_TYPE] == NFT_LIMIT_PKT_BYTES && v[NFTA_LIMIT_FLAGS] == NFT_LIMIT_F_INV;
	}
	e->used = v[NFTA_QUOTA_CONSUMED];
	return (v[NFTA_QUOTA_FLAGS] & ~(uint64_t)NFT_QUOTA_F_DEPLETED) == NFT_QUOTA_F_INV;
}
