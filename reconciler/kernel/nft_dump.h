/* SPDX-License-Identifier: Apache-2.0 */
/* nft_dump - what the kernel holds of table `inet yett`: all of it, or only some chains, sets and elements. */
#pragma once

#include "kernel/kernel.h"
#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

/* The number of the ruleset's newest change, whoever's (NFTA_GEN_ID). */
int nft_dump_generation(struct nl_sock *s, uint32_t *generation);
/* The whole table as of *generation; everything lives in a. -EINTR: the ruleset changed meanwhile. */
int nft_dump_table(struct nl_sock *s, struct arena *a, struct nft_table *t, uint32_t *generation);

/*
 * Parts of it, for what was just written. None checks the generation: the caller does, after the last.
 * All return 0 or a negative errno; -ENOENT when a chain, set or element is not there.
 */
/* All rules of the table as they are now, of chains' names too; in the kernel's order. */
int nft_dump_counters(struct nl_sock *s, struct arena *a, struct nft_counted **rule, size_t *n);
int nft_dump_rules(struct nl_sock *s, struct arena *a, struct nft_chain *c);
/* -EBADMSG: an element in it is none that we make. */
int nft_dump_set(struct nl_sock *s, struct arena *a, struct nft_set *set);
/* The elements of n OP_ELEM_ADD ops of one hash map, asked for by their keys. -EBADMSG when something else is answered. */
int nft_dump_elems(struct nl_sock *s, struct arena *a, const struct nft_set *set, const struct plan_op *op, size_t n,
		   struct nft_elem *out);
