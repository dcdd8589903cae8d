/* SPDX-License-Identifier: Apache-2.0 */
/* nftnl - table `inet yett` over netlink, by libnftnl and libmnl. */
#pragma once

#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

struct nftnl_conn {
	struct nl_sock sock;
};

int nftnl_open(struct nftnl_conn *c, char *err, size_t err_size);
void nftnl_close(struct nftnl_conn *c);
/* The whole table, read in one generation; -EAGAIN when others changed the ruleset at each of several tries. */
int nftnl_observe(struct nftnl_conn *c, struct arena *a, struct nft_table *t, char *err, size_t err_size);
/* All nft ops of the delta in one batch; -ERESTART is retried inside; nothing is sent when there is none. */
int nftnl_apply(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);
