/* SPDX-License-Identifier: Apache-2.0 */
/* nft_chain - chains' declarations, to the kernel and back. */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"

static const struct hook_row {
	enum nft_hook hook;
	const char *type;
	uint32_t hooknum; /* NF_INET_* */
	int32_t priority;
} rows[] = {
	{ NFT_HOOK_INPUT, "filter", NF_INET_LOCAL_IN, NFT_FILTER_PRIORITY },
	{ NFT_HOOK_FORWARD, "filter", NF_INET_FORWARD, NFT_FILTER_PRIORITY },
	{ NFT_HOOK_OUTPUT, "filter", NF_INET_LOCAL_OUT, NFT_FILTER_PRIORITY },
	{ NFT_HOOK_FORWARD_AFTER, "filter", NF_INET_FORWARD, NFT_FILTER_PRIORITY + 1 },
	{ NFT_HOOK_POSTROUTING_NAT, "nat", NF_INET_POST_ROUTING, NFT_NAT_PRIORITY },
};

static void put_hook(struct nftnl_chain *nc, enum nft_hook hook)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].hook != hook)
			continue;
		nftnl_chain_set_str(nc, NFTNL_CHAIN_TYPE, rows[i].type);
		nftnl_chain_set_u32(nc, NFTNL_CHAIN_HOOKNUM, rows[i].hooknum);
		nftnl_chain_set_s32(nc, NFTNL_CHAIN_PRIO, rows[i].priority);
		nftnl_chain_set_u32(nc, NFTNL_CHAIN_POLICY, NF_ACCEPT);
		return;
	}
	BUG("hook %d has no row", hook);
}

struct nftnl_chain *nft_lower_chain(const struct nft_chain *c)
{
	struct nftnl_chain *nc = nftnl_chain_alloc();

	if (nc == NULL)
		BUG("no memory for a chain");
	nftnl_chain_set_u32(nc, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(nc, NFTNL_CHAIN_TABLE, NFT_TABLE);
	nftnl_chain_set_str(nc, NFTNL_CHAIN_NAME, c->name);
	if (c->hook != NFT_HOOK_NONE)
		put_hook(nc, c->hook);
	return nc;
}

bool nft_raise_chain(const struct nftnl_chain *nc, struct arena *a, struct nft_chain *c)
{
	*c = (struct nft_chain){ .name = arena_strdup(a, nftnl_chain_get_str(nc, NFTNL_CHAIN_NAME)) };
	if (!nftnl_chain_is_set(nc, NFTNL_CHAIN_HOOKNUM))
		return true;
	if (nftnl_chain_get_u32(nc, NFTNL_CHAIN_POLICY) != NF_ACCEPT ||
	    (nftnl_chain_is_set(nc, NFTNL_CHAIN_FLAGS) &&
	     (nftnl_chain_get_u32(nc, NFTNL_CHAIN_FLAGS) & ~(uint32_t)NFT_CHAIN_BASE) != 0))
		return false;
	const char *type = nftnl_chain_get_str(nc, NFTNL_CHAIN_TYPE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (nftnl_chain_get_u32(nc, NFTNL_CHAIN_HOOKNUM) != rows[i].hooknum ||
		    nftnl_chain_get_s32(nc, NFTNL_CHAIN_PRIO) != rows[i].priority || type == NULL ||
		    strcmp(type, rows[i].type) != 0)
			continue;
		c->hook = rows[i].hook;
		return true;
	}
	return false;
}
