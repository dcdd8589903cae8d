/* SPDX-License-Identifier: Apache-2.0 */
/* nft_field - the packet and flow fields that our rules look at, as the kernel names them. */
#include <string.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"

#define NSEC 1000000000u

static const struct nft_field_row rows[] = {
	/* field, v6, expr, key, original, width, hton, unit */
	{ NFT_IIFNAME, false, "meta", NFT_META_IIFNAME, false, 16, false, 1 },
	{ NFT_OIFNAME, false, "meta", NFT_META_OIFNAME, false, 16, false, 1 },
	{ NFT_CT_DIRECTION, false, "ct", NFT_CTKEY_DIRECTION, false, 1, false, 1 },
	{ NFT_CT_L3PROTO, false, "ct", NFT_CT_L3PROTOCOL, true, 1, false, 1 },
	{ NFT_CT_PROTO, false, "ct", NFT_CT_PROTOCOL, true, 1, false, 1 },
	{ NFT_CT_SADDR, false, "ct", NFT_CT_SRC_IP, true, 4, false, 1 },
	{ NFT_CT_SADDR, true, "ct", NFT_CT_SRC_IP6, true, 16, false, 1 },
	{ NFT_CT_DADDR, false, "ct", NFT_CT_DST_IP, true, 4, false, 1 },
	{ NFT_CT_DADDR, true, "ct", NFT_CT_DST_IP6, true, 16, false, 1 },
	{ NFT_CT_DPORT, false, "ct", NFT_CT_PROTO_DST, true, 2, false, 1 },
	{ NFT_TIME, false, "meta", NFT_META_TIME_NS, false, 8, true, NSEC },
	{ NFT_DAY, false, "meta", NFT_META_TIME_DAY, false, 1, false, 1 },
	{ NFT_HOUR, false, "meta", NFT_META_TIME_HOUR, false, 4, true, 1 },
	{ NFT_NFPROTO, false, "meta", NFT_META_NFPROTO, false, 1, false, 1 },
};

const struct nft_field_row *nft_field_row(enum nft_field field, bool v6)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].field == field && rows[i].v6 == v6)
			return &rows[i];
	BUG("field %d has no row", field);
}

const struct nft_field_row *nft_field_row_of_key(const char *expr, uint32_t key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].key == key && strcmp(rows[i].expr, expr) == 0)
			return &rows[i];
	return NULL;
}

void nft_value_put(u128 v, uint8_t *out, size_t n)
{
	while (n-- > 0) {
		out[n] = (uint8_t)v;
		v >>= 8;
	}
}

u128 nft_value_get(const uint8_t *in, size_t n)
{
	u128 v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | in[i];
	return v;
}

u128 nft_addr_get(const uint8_t *in, size_t n)
{
	u128 v = nft_value_get(in, n);

	return n == 4 ? addr_from_v4((uint32_t)v) : v;
}
