/* SPDX-License-Identifier: Apache-2.0 */
/* nftnl - table `inet yett` over netlink, by libnftnl and libmnl. */
#pragma once

#include "plan/gw_plan.h"

struct mnl_socket;

struct nftnl_conn {
	struct mnl_socket *nl;
	uint32_t portid;
	uint32_t seq;
	uint64_t sent_bytes, messages; /* since nftnl_open; the caller subtracts */
};

int nftnl_open(struct nftnl_conn *c, char *err, size_t err_size);
void nftnl_close(struct nftnl_conn *c);
int nftnl_observe(struct nftnl_conn *c, struct arena *a, struct nft_table *t, char *err, size_t err_size);
/* All nft ops of the delta in one batch; -ERESTART is retried inside; nothing is sent when there is none. */
int nftnl_apply(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);
