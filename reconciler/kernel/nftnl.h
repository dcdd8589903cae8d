/* SPDX-License-Identifier: Apache-2.0 */
/* nftnl - table `inet yett` over netlink, by libnftnl and libmnl. */
#pragma once

#include "kernel/kernel.h"
#include "kernel/nft_keep.h"
#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

struct nftnl_conn {
	struct nl_sock sock;
	struct nft_keep keep;
	/* What was found around our table when the ruleset was at that generation. */
	struct nft_neighbour neighbour;
	uint32_t neighbour_generation; /* 0: never */
};

int nftnl_open(struct nftnl_conn *c, char *err, size_t err_size);
void nftnl_close(struct nftnl_conn *c);
/*
 * The whole table, in one generation of the ruleset: the one kept when nobody else has changed the ruleset since and it was read as a whole in
 * the last max_age seconds; else it is read, which max_age 0 forces. -EAGAIN when others changed the ruleset at each of
 * several tries. What *t points to is the connection's until the next call.
 */
int nftnl_observe(struct nftnl_conn *c, int64_t max_age, struct nft_table *t, char *err, size_t err_size);
/* The sets of quotas of the table that was observed, with their elements as they are now, into a. */
int nftnl_usage(struct nftnl_conn *c, struct arena *a, struct nft_set **set, size_t *n, char *err, size_t err_size);
/* struct kernel's neighbour(); costs one question while nobody has changed the ruleset. */
int nftnl_neighbour(struct nftnl_conn *c, const char *interface, struct nft_neighbour *out);
/* struct kernel's counters(). */
int nftnl_counters(struct nftnl_conn *c, struct arena *a, struct nft_counted **rule, size_t *n);
/* The comment of the only rule of a chain, "" where there is none; see kernel.h. */
int nftnl_mark(struct nftnl_conn *c, const char *chain, char *out, size_t out_size, char *err, size_t err_size);
/* Whether the kernel would take all nft ops of the delta; nothing is changed. */
int nftnl_check(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);
/*
 * All nft ops of the delta in one batch; -ERESTART is retried inside; nothing is sent when there is none. Then what was written is read,
 * so that the next nftnl_observe() has it.
 */
int nftnl_apply(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);
