/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_batch - one nf_tables transaction: built in memory, sent as one message, its refusal named.
 */
#pragma once

#include "base/vec.h"
#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

/* What one message of the batch is about. */
struct batch_note {
	const struct plan_op *op;     /* the first of those in the message */
	const struct nft_rule *rule;  /* OP_RULES_ADD */
	size_t offset;                /* of the message, in data */
	size_t nelems;                /* OP_ELEM_* */
};

struct nft_batch {
	char *data;
	size_t len, cap;
	size_t last;        /* offset of the last message */
	size_t end;         /* offset of NFNL_MSG_BATCH_END */
	uint32_t first_seq; /* of NFNL_MSG_BATCH_BEGIN; every message has the next */
	uint32_t seq;
	uint32_t set_id;
	VEC(struct batch_note) note; /* note.v[i] is message first_seq + 1 + i */
};

/* Builds from the nft ops of d, in their order; b->note.n is 0 when there are none. */
void nft_batch_build(struct nft_batch *b, const struct plan_delta *d, uint32_t seq);
void nft_batch_release(struct nft_batch *b);
/*
 * Sends it without its end: the kernel judges every message and then drops them all. 0: it would take it, now. It waits for a grace period of the
 * kernel (some milliseconds).
 */
int nft_batch_check(const struct nft_batch *b, struct nl_sock *s, char *err, size_t err_size);
/* Sends it for that generation of the ruleset. -ERESTART: the generation has passed. Else as nftnl_apply. */
int nft_batch_commit(struct nft_batch *b, struct nl_sock *s, uint32_t generation, char *err, size_t err_size);
