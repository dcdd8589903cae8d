/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_keep - our table as it was last read or written, with the ruleset's generation at which it was so.
 *
 * The kernel raises that number with every change of any table, so while it stands where we left it the table is what we kept.
 * After a small change of ours only what was written is read again. Whatever does not fit makes the copy void, and the next
 * one to ask reads the whole table.
 */
#pragma once

#include "base/vec.h"
#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

#define NFT_KEEP_OPS_MAX 4096 /* a change of more is followed by reading everything */

struct nft_keep {
	bool valid;
	uint32_t generation;
	int64_t read_at;    /* seconds since boot, of the whole reading that it began with */
	uint64_t serial;    /* of nft_table; grows over the life of the struct */
	struct nft_table t; /* what it points to lives in a, but for the two arrays */
	struct arena a;
	size_t read_used;   /* of a, after the whole reading */
	VEC(struct nft_chain) chain;
	VEC(struct nft_set) set;
	VEC(size_t) room;   /* for elements, of set.v[i] */
	/* The arrays before these: a delta that was just applied points into them. */
	struct nft_chain *old_chain;
	struct nft_set *old_set;
};

void nft_keep_init(struct nft_keep *k);
void nft_keep_release(struct nft_keep *k);
void nft_keep_drop(struct nft_keep *k);
/* Reads the whole table. -EAGAIN when others changed the ruleset at each of several tries. */
int nft_keep_read(struct nft_keep *k, struct nl_sock *s);
/*
 * After the batch of d was taken at k->generation: reads what it wrote and brings the copy up to date, or makes it void. Elements and
 * rules on the `have` side of d are no longer what they were.
 */
void nft_keep_follow(struct nft_keep *k, struct nl_sock *s, const struct plan_delta *d);
