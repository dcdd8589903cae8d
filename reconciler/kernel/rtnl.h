/* SPDX-License-Identifier: Apache-2.0 */
/* rtnl - link state, addresses and routes of our interface (rtnetlink(7)). */
#pragma once

#include "plan/gw_plan.h"

struct mnl_socket;

struct rtnl_conn {
	struct mnl_socket *nl;
	uint32_t portid;
	uint32_t seq;
	uint64_t sent_bytes, messages;
};

int rtnl_open(struct rtnl_conn *c, char *err, size_t err_size);
void rtnl_close(struct rtnl_conn *c);
/* Fills present (any kind of link), up, mtu, address (global and link-local alike, less fe80::/10), route (table main, our protocol, out of this link). */
int rtnl_observe(struct rtnl_conn *c, const char *interface, struct arena *a, struct gw_plan *p, char *err, size_t err_size);
/* Creates a link of kind wireguard; -EOPNOTSUPP where the kernel has none. */
int rtnl_create_wireguard(struct rtnl_conn *c, const char *interface, char *err, size_t err_size);
int rtnl_apply(struct rtnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);
