/* SPDX-License-Identifier: Apache-2.0 */
/* rtnl - link state, addresses and routes of our interface (rtnetlink(7)). */
#pragma once

#include "kernel/nl_sock.h"
#include "plan/gw_plan.h"

#define RTNL_KIND_MAX 32

struct rtnl_conn {
	struct nl_sock sock;
};

struct rtnl_link {
	uint32_t index;            /* 0: there is none */
	char kind[RTNL_KIND_MAX];  /* "wireguard", "tun"; "" for none */
	bool ours;                 /* has our mark */
};

#define RTNL_MARK "yett" /* the alias of the interface that we keep */

int rtnl_open(struct rtnl_conn *c, char *err, size_t err_size);
void rtnl_close(struct rtnl_conn *c);
/*
 * Fills present (any kind of link), up, mtu, address (global and link-local alike, less fe80::/10), route (table main, our protocol, out of
 * this link). An address with a shorter prefix keeps its host bits, so that it can be removed.
 */
int rtnl_observe(struct rtnl_conn *c, const char *interface, struct arena *a, struct gw_plan *p,
		 struct rtnl_link *link, char *err, size_t err_size);
/* Creates a link of kind wireguard; -EOPNOTSUPP where the kernel has none. */
int rtnl_create_wireguard(struct rtnl_conn *c, const char *interface, char *err, size_t err_size);
/* Puts our mark on a link, or takes it off. */
int rtnl_mark(struct rtnl_conn *c, uint32_t index, bool ours, char *err, size_t err_size);
/* Calls fn for each link of the network namespace; its negative errno ends it. */
typedef int (*rtnl_link_fn)(void *ctx, const char *name, const struct rtnl_link *link);
int rtnl_links(struct rtnl_conn *c, rtnl_link_fn fn, void *ctx, char *err, size_t err_size);
/* MTU and up of d->link, then the address and route ops in their order. */
int rtnl_apply(struct rtnl_conn *c, const struct plan_delta *d, char *err, size_t err_size);

/*
 * What one message about an address or a route says, if it is one that rtnl_observe() would fill in for the link of that index; false:
 * it is none, or malformed.
 */
bool rtnl_address_of(const struct nlmsghdr *nlh, uint32_t index, struct prefix *p);
bool rtnl_route_of(const struct nlmsghdr *nlh, uint32_t index, struct prefix *p);
