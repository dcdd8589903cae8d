/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/nft.h"

#include <string.h>

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What the operator does not use is not compared: hi with EQ, NEQ, GE and LT; the numbers with names. */
static bool match_equal(const struct nft_item *a, const struct nft_item *b)
{
	if (a->field != b->field || a->op != b->op)
		return false;
	if (a->op == NFT_IN_SET)
		return text_equal(a->name, b->name) && a->v6 == b->v6;
	switch (a->field) {
	case NFT_IIFNAME:
	case NFT_OIFNAME:
		return text_equal(a->name, b->name);
	case NFT_CT_INVALID:
		return true;
	case NFT_CT_DIRECTION:
	case NFT_CT_L3PROTO:
	case NFT_CT_PROTO:
	case NFT_CT_SADDR:
	case NFT_CT_DADDR:
	case NFT_CT_DPORT:
	case NFT_CT_DBOX:
	case NFT_TIME:
	case NFT_DAY:
	case NFT_HOUR:
	case NFT_NFPROTO:
		return a->lo == b->lo && ((a->op != NFT_RANGE && a->op != NFT_PREFIX) || a->hi == b->hi);
	}
	return false;
}

static bool item_equal(const struct nft_item *a, const struct nft_item *b)
{
	if (a->kind != b->kind || a->text || b->text)
		return false;
	switch (a->kind) {
	case NFT_MATCH:
		return match_equal(a, b);
	case NFT_LIMIT:
		return a->lo == b->lo && a->hi == b->hi;
	case NFT_LOG:
	case NFT_JUMP:
	case NFT_GOTO:
		return text_equal(a->name, b->name);
	case NFT_METER:
		return a->lo == b->lo && text_equal(a->name, b->name) && text_equal(a->name2, b->name2) && a->v6 == b->v6;
	case NFT_DISPATCH:
		return text_equal(a->name, b->name) && text_equal(a->name2, b->name2) && a->v6 == b->v6;
	case NFT_COUNTER:
	case NFT_ACCEPT:
	case NFT_DROP:
	case NFT_RETURN:
	case NFT_MASQUERADE:
	case NFT_MSS_CLAMP:
		return true;
	case NFT_FOREIGN:
	case NFT_CLEAR_MARK:
		return false;
	}
	return false;
}

bool nft_rule_equal(const struct nft_rule *a, const struct nft_rule *b)
{
	if (a->nitems != b->nitems || !text_equal(a->comment, b->comment))
		return false;
	for (size_t i = 0; i < a->nitems; i++)
		if (!item_equal(&a->item[i], &b->item[i]))
			return false;
	return true;
}

bool nft_set_same_shape(const struct nft_set *a, const struct nft_set *b)
{
	return a->kind == b->kind && a->size == b->size && a->bytes == b->bytes && a->period == b->period;
}

int nft_elem_cmp(const struct nft_elem *a, const struct nft_elem *b)
{
	int c = addr_cmp(a->lo, b->lo);

	if (c == 0)
		c = addr_cmp(a->hi, b->hi);
	if (c == 0)
		c = (a->proto_lo > b->proto_lo) - (a->proto_lo < b->proto_lo);
	if (c == 0)
		c = (a->proto_hi > b->proto_hi) - (a->proto_hi < b->proto_hi);
	if (c == 0)
		c = (a->port_lo > b->port_lo) - (a->port_lo < b->port_lo);
	if (c == 0)
		c = (a->port_hi > b->port_hi) - (a->port_hi < b->port_hi);
	return c;
}

bool nft_elem_equal(const struct nft_elem *a, const struct nft_elem *b)
{
	return nft_elem_cmp(a, b) == 0 && a->value == b->value && text_equal(a->chain, b->chain);
}

const struct nft_chain *nft_find_chain(const struct nft_table *t, const char *name)
{
	for (size_t lo = 0, hi = t->nchains; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, t->chain[mid].name);
		if (c == 0)
			return &t->chain[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct nft_set *nft_find_set(const struct nft_table *t, const char *name)
{
	for (size_t lo = 0, hi = t->nsets; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, t->set[mid].name);
		if (c == 0)
			return &t->set[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}
