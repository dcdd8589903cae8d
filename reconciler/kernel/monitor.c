/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "base/bug.h"
#include "kernel/nft_abi.h"
#include "kernel/nl_attr.h"
#include "kernel/rtnl.h"

#define DATAGRAM_MAX 65536
#define READS_MAX 4096 /* at one go; what is left makes the socket readable again */

/* mnl_nlmsg_ok() takes a length of more than 2 GiB for one that fits. */
static bool is_message(const struct nlmsghdr *h, int left)
{
	return left >= (int)sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= (uint32_t)left;
}

/* ---- nftables ---- */

/* In every message about a table or a part of one the first attribute (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, ...) is the table's name. */
static bool names_our_table(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) || nfg->nfgen_family != NFPROTO_INET)
		return false;
	attr_each(attr, nlh, sizeof(*nfg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
			return mnl_attr_get_payload_len(attr) == sizeof(NFT_TABLE) &&
			       memcmp(mnl_attr_get_payload(attr), NFT_TABLE, sizeof(NFT_TABLE)) == 0;
	}
	return false;
}

static void take_program(const struct nlattr *attr, char out[static DRIFT_PROGRAM_MAX])
{
	const char *name = mnl_attr_get_payload(attr);
	size_t n = strnlen(name, mnl_attr_get_payload_len(attr));

	if (n >= DRIFT_PROGRAM_MAX)
		n = DRIFT_PROGRAM_MAX - 1;
	for (size_t i = 0; i < n; i++) /* anybody names his program as he likes */
		out[i] = name[i] > 0x20 && name[i] < 0x7f ? name[i] : '?';
	out[n] = '\0';
}

/* The end of a transaction: NFT_MSG_NEWGEN says who made it. */
static void take_generation(const struct nlmsghdr *nlh, struct drift *d)
{
	const struct nlattr *attr;

	d->kinds |= DRIFT_TABLE;
	if (d->program[0] != '\0' || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID && mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			d->process = ntohl(mnl_attr_get_u32(attr));
		else if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_NAME)
			take_program(attr, d->program);
	}
}

static void take_nft(struct monitor *m, const struct nlmsghdr *nlh, const struct kernel_self *self, struct drift *d)
{
	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES || nlh->nlmsg_pid == self->nft_port)
		return;
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWGEN) {
		m->touched = m->touched || names_our_table(nlh);
		return;
	}
	if (m->touched)
		take_generation(nlh, d);
	m->touched = false;
}

void monitor_nft(struct monitor *m, const void *data, size_t len, const struct kernel_self *self, struct drift *d)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = data; is_message(h, left); h = mnl_nlmsg_next(h, &left))
		take_nft(m, h, self, d);
}

/* ---- links, addresses, routes ---- */

static bool holds(const struct prefix *v, size_t n, struct prefix p)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].addr == p.addr && v[i].len == p.len)
			return true;
	return false;
}

/* Another link under our name, or ours in another state than the plan's. */
static bool link_differs(const struct nlmsghdr *nlh, const struct gw_plan *want, const struct kernel_self *self)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	char name[IFNAMSIZ] = "";
	uint32_t mtu = 0;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return false;
	attr_each(attr, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(name, sizeof(name), "%.*s", (int)mnl_attr_get_payload_len(attr),
				 (const char *)mnl_attr_get_payload(attr));
		else if (mnl_attr_get_type(attr) == IFLA_MTU && mnl_attr_get_payload_len(attr) == sizeof(mtu))
			mtu = mnl_attr_get_u32(attr);
	}
	bool named = strcmp(name, want->interface) == 0, ours = (uint32_t)ifi->ifi_index == self->link;
	if (nlh->nlmsg_type == RTM_DELLINK || !ours || !named)
		return named || ours;
	return !(ifi->ifi_flags & IFF_UP) || (mtu != 0 && mtu != want->mtu);
}

static uint32_t drift_of(const struct nlmsghdr *nlh, const struct gw_plan *want, const struct kernel_self *self)
{
	struct prefix p;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_differs(nlh, want, self) ? DRIFT_LINK : 0;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (!rtnl_address_of(nlh, self->link, &p))
			return 0;
		return holds(want->address, want->naddresses, p) != (nlh->nlmsg_type == RTM_NEWADDR) ? DRIFT_ADDRESS : 0;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!rtnl_route_of(nlh, self->link, &p))
			return 0;
		return holds(want->route, want->nroutes, p) != (nlh->nlmsg_type == RTM_NEWROUTE) ? DRIFT_ROUTE : 0;
	default:
		return 0;
	}
}

void monitor_rtnl(const void *data, size_t len, const struct gw_plan *want, const struct kernel_self *self, struct drift *d)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = data; is_message(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_pid == self->rtnl_port && h->nlmsg_pid != 0)
			continue;
		uint32_t kind = drift_of(h, want, self);
		if (kind != 0 && d->port == 0)
			d->port = h->nlmsg_pid;
		d->kinds |= kind;
	}
}

/* ---- sockets ---- */

static int join(struct nl_sock *s, int bus, const int *group, size_t n)
{
	int rc = nl_open(s, bus);

	for (size_t i = 0; i < n && rc == 0; i++)
		if (mnl_socket_setsockopt(s->nl, NETLINK_ADD_MEMBERSHIP, (void *)(uintptr_t)&group[i], sizeof(group[i])) < 0)
			rc = -errno;
	return rc;
}

int monitor_open(struct monitor *m, char *err, size_t err_size)
{
	static const int nft[] = { NFNLGRP_NFTABLES };
	static const int rtnl[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };

	memset(m, 0, sizeof(*m));
	int rc = join(&m->nft, NETLINK_NETFILTER, nft, ARRAY_SIZE(nft));
	if (rc == 0)
		rc = join(&m->rtnl, NETLINK_ROUTE, rtnl, ARRAY_SIZE(rtnl));
	if (rc < 0) {
		snprintf(err, err_size, "cannot watch the kernel for changes: %s", strerror(-rc));
		monitor_close(m);
	}
	return rc;
}

void monitor_close(struct monitor *m)
{
	nl_close(&m->nft);
	nl_close(&m->rtnl);
}

void monitor_polls(const struct monitor *m, struct pollfd p[static MONITOR_POLLS])
{
	p[0] = (struct pollfd){ .fd = m->nft.nl ? mnl_socket_get_fd(m->nft.nl) : -1, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = m->rtnl.nl ? mnl_socket_get_fd(m->rtnl.nl) : -1, .events = POLLIN };
}

/* One datagram of each call; a negative errno when there is none. */
static int receive(struct nl_sock *s, void *data, struct drift *d)
{
	int n = s->nl ? nl_recv(s, data, DATAGRAM_MAX, MSG_DONTWAIT) : -EAGAIN;

	if (n != -ENOBUFS && n != -EMSGSIZE)
		return n;
	d->kinds |= DRIFT_LOST;
	return 0;
}

void monitor_read(struct monitor *m, const struct gw_plan *want, const struct kernel_self *self, struct drift *d)
{
	_Alignas(struct nlmsghdr) char data[DATAGRAM_MAX];
	struct drift unheard = { .kinds = 0 };
	int n;

	if (want == NULL)
		d = &unheard;
	for (int i = 0; i < READS_MAX && (n = receive(&m->nft, data, d)) >= 0; i++)
		monitor_nft(m, data, (size_t)n, self, d);
	for (int i = 0; i < READS_MAX && (n = receive(&m->rtnl, data, d)) >= 0; i++)
		if (want != NULL)
			monitor_rtnl(data, (size_t)n, want, self, d);
}
