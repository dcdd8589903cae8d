/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/bug.h"
#include "base/vec.h"
#include "kernel/kernel.h"
#include "kernel/nl_attr.h"

#define REQUEST_MAX 512

int rtnl_open(struct rtnl_conn *c, char *err, size_t err_size)
{
	int rc = nl_open(&c->sock, NETLINK_ROUTE);

	if (rc < 0)
		snprintf(err, err_size, "cannot open a routing netlink socket: %s", strerror(-rc));
	return rc;
}

void rtnl_close(struct rtnl_conn *c)
{
	nl_close(&c->sock);
}

struct link_state {
	uint32_t index, mtu;
	bool up, ours;
	char kind[RTNL_KIND_MAX];
	char name[IFNAMSIZ];
};

static int see_link(const struct nlmsghdr *nlh, void *arg)
{
	struct link_state *l = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *info;

	l->index = (uint32_t)ifi->ifi_index;
	l->up = (ifi->ifi_flags & IFF_UP) != 0;
	attr_each(attr, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(attr) == IFLA_MTU)
			l->mtu = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(l->name, sizeof(l->name), "%.*s", (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
		if (mnl_attr_get_type(attr) == IFLA_IFALIAS)
			l->ours = mnl_attr_get_payload_len(attr) == sizeof(RTNL_MARK) &&
				  memcmp(mnl_attr_get_str(attr), RTNL_MARK, sizeof(RTNL_MARK)) == 0;
		if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
			continue;
		attr_each_nested(info, attr)
			if (mnl_attr_get_type(info) == IFLA_INFO_KIND)
				snprintf(l->kind, sizeof(l->kind), "%.*s", (int)mnl_attr_get_payload_len(info),
					 mnl_attr_get_str(info));
	}
	return 0;
}

static struct nlmsghdr *link_request(char buf[static REQUEST_MAX], uint16_t type, uint16_t flags, struct ifinfomsg **ifi)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	*ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(**ifi));
	return nlh;
}

/* -ENODEV: no such link. */
static int get_link(struct nl_sock *s, const char *interface, struct link_state *l)
{
	char buf[REQUEST_MAX];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_GETLINK, 0, &ifi);

	memset(l, 0, sizeof(*l));
	if (strlen(interface) >= IFNAMSIZ)
		return -ENODEV;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, interface);
	return nl_talk(s, nlh, see_link, l);
}

struct sighting {
	uint32_t index;
	struct arena *a;
	VEC(struct prefix) address;
	VEC(struct prefix) route;
};

static bool prefix_get(const struct nlattr *attr, uint8_t family, uint8_t len, struct prefix *p)
{
	uint8_t b[16] = { [10] = 0xff, [11] = 0xff };
	size_t n = family == AF_INET ? 4 : 16;

	if (attr == NULL || mnl_attr_get_payload_len(attr) != n)
		return false;
	memcpy(b + 16 - n, mnl_attr_get_payload(attr), n);
	*p = (struct prefix){ addr_from_bytes(b), len };
	return true;
}

static bool is_link_local6(u128 a)
{
	return a >> 118 == 0x3fa; /* fe80::/10 */
}

bool rtnl_address_of(const struct nlmsghdr *nlh, uint32_t index, struct prefix *p)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *local = NULL, *address = NULL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) || ifa->ifa_index != index ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return false;
	attr_each(attr, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			address = attr;
	}
	return prefix_get(local != NULL ? local : address, ifa->ifa_family, ifa->ifa_prefixlen, p) && !is_link_local6(p->addr);
}

static int see_address(const struct nlmsghdr *nlh, void *arg)
{
	struct sighting *o = arg;
	struct prefix p;

	if (rtnl_address_of(nlh, o->index, &p))
		vec_push(&o->address, p);
	return 0;
}

static uint32_t number(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr) : 0;
}

bool rtnl_route_of(const struct nlmsghdr *nlh, uint32_t index, struct prefix *p)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *dst = NULL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return false;
	uint32_t table = rtm->rtm_table, oif = 0;
	attr_each(attr, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST:
			dst = attr;
			break;
		case RTA_OIF:
			oif = number(attr);
			break;
		case RTA_TABLE:
			table = number(attr);
			break;
		}
	}
	if (rtm->rtm_protocol != KERNEL_ROUTE_PROTOCOL || table != RT_TABLE_MAIN || oif != index ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || (rtm->rtm_flags & RTM_F_CLONED))
		return false;
	*p = (struct prefix){ rtm->rtm_family == AF_INET ? ADDR_V4_FIRST : 0, rtm->rtm_dst_len };
	return dst == NULL || prefix_get(dst, rtm->rtm_family, rtm->rtm_dst_len, p);
}

static int see_route(const struct nlmsghdr *nlh, void *arg)
{
	struct sighting *o = arg;
	struct prefix p;

	if (rtnl_route_of(nlh, o->index, &p))
		vec_push(&o->route, p);
	return 0;
}

static int dump_addresses(struct nl_sock *s, struct sighting *o)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_DUMP;
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_index = o->index;
	return nl_talk(s, nlh, see_address, o);
}

static int dump_routes(struct nl_sock *s, struct sighting *o, uint8_t family)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = family;
	rtm->rtm_protocol = KERNEL_ROUTE_PROTOCOL;
	rtm->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put_u32(nlh, RTA_OIF, o->index);
	int rc = nl_talk(s, nlh, see_route, o);
	return rc == -ENOENT || rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP ? 0 : rc; /* no such table yet, or no IPv6 */
}

static int prefix_cmp(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : (int)x->len - (int)y->len;
}

static size_t sort_unique(struct prefix *v, size_t n)
{
	size_t k = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), prefix_cmp);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || prefix_cmp(&v[k - 1], &v[i]) != 0)
			v[k++] = v[i];
	return k;
}

static int sight(struct nl_sock *s, struct sighting *o, struct gw_plan *p)
{
	int rc = -EINTR;

	for (int i = 0; i < NL_TRIES && rc == -EINTR; i++) {
		o->address.n = o->route.n = 0;
		rc = dump_addresses(s, o);
		if (rc == 0)
			rc = dump_routes(s, o, AF_INET);
		if (rc == 0)
			rc = dump_routes(s, o, AF_INET6);
	}
	if (rc == 0) {
		o->address.n = sort_unique(o->address.v, o->address.n);
		o->route.n = sort_unique(o->route.v, o->route.n);
		p->address = vec_freeze(&o->address, o->a);
		p->naddresses = o->address.n;
		p->route = vec_freeze(&o->route, o->a);
		p->nroutes = o->route.n;
	}
	vec_release(&o->address);
	vec_release(&o->route);
	return rc == -EINTR ? -EAGAIN : rc;
}

static struct rtnl_link link_of(const struct link_state *l)
{
	struct rtnl_link link = { .index = l->index, .ours = l->ours };

	memcpy(link.kind, l->kind, sizeof(link.kind));
	return link;
}

int rtnl_observe(struct rtnl_conn *c, const char *interface, struct arena *a, struct gw_plan *p,
		 struct rtnl_link *link, char *err, size_t err_size)
{
	struct link_state l;
	int rc = get_link(&c->sock, interface, &l);

	memset(link, 0, sizeof(*link));
	p->present = rc == 0;
	if (rc == -ENODEV)
		return 0;
	if (rc == 0) {
		struct sighting o = { .index = l.index, .a = a };
		p->up = l.up;
		p->mtu = l.mtu;
		*link = link_of(&l);
		rc = sight(&c->sock, &o, p);
	}
	if (rc < 0)
		snprintf(err, err_size, "cannot read interface %s, its addresses and routes: %s", interface, strerror(-rc));
	return rc;
}

struct links {
	rtnl_link_fn fn;
	void *ctx;
};

static int give_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct links *x = arg;
	struct link_state l = { 0 };
	int rc = see_link(nlh, &l);

	const struct rtnl_link link = link_of(&l);
	return rc < 0 ? rc : x->fn(x->ctx, l.name, &link);
}

int rtnl_links(struct rtnl_conn *c, rtnl_link_fn fn, void *ctx, char *err, size_t err_size)
{
	char buf[REQUEST_MAX];
	struct ifinfomsg *ifi;
	struct links x = { fn, ctx };
	int rc = nl_talk(&c->sock, link_request(buf, RTM_GETLINK, NLM_F_DUMP, &ifi), give_link, &x);

	if (rc < 0)
		snprintf(err, err_size, "cannot list the interfaces: %s", strerror(-rc));
	return rc;
}

int rtnl_mark(struct rtnl_conn *c, uint32_t index, bool ours, char *err, size_t err_size)
{
	char buf[REQUEST_MAX];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, 0, &ifi);

	ifi->ifi_index = (int)index;
	mnl_attr_put(nlh, IFLA_IFALIAS, ours ? strlen(RTNL_MARK) : 0, RTNL_MARK);
	int rc = nl_talk(&c->sock, nlh, NULL, NULL);
	if (rc < 0)
		snprintf(err, err_size, "cannot %s interface %u as ours: %s", ours ? "mark" : "unmark", index, strerror(-rc));
	return rc;
}

int rtnl_create_wireguard(struct rtnl_conn *c, const char *interface, char *err, size_t err_size)
{
	char buf[REQUEST_MAX];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, interface);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "wireguard");
	mnl_attr_nest_end(nlh, info);
	int rc = nl_talk(&c->sock, nlh, NULL, NULL);
	if (rc < 0)
		snprintf(err, err_size, "the kernel refused to create WireGuard interface %s: %s", interface, strerror(-rc));
	return rc;
}

static int set_link(struct rtnl_conn *c, const struct plan_delta *d, uint32_t index, char *err, size_t err_size)
{
	char buf[REQUEST_MAX];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, 0, &ifi);

	ifi->ifi_index = (int)index;
	if (d->link & LINK_UP) {
		ifi->ifi_change = IFF_UP;
		ifi->ifi_flags = d->want->up ? IFF_UP : 0;
	}
	if (d->link & LINK_MTU)
		mnl_attr_put_u32(nlh, IFLA_MTU, d->want->mtu);
	int rc = nl_talk(&c->sock, nlh, NULL, NULL);
	if (rc < 0)
		snprintf(err, err_size, "the kernel refused to set%s%s interface %s: %s%s%s",
			 d->link & LINK_MTU ? " the MTU of" : "", !(d->link & LINK_UP) ? "" : d->want->up ? " up" : " down", d->want->interface,
			 strerror(-rc), c->sock.ext[0] ? ": " : "", c->sock.ext);
	return rc;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, u128 addr)
{
	uint8_t b[16];

	mnl_attr_put(nlh, type, addr_to_wire(addr, b), b);
}

static struct nlmsghdr *address_request(char buf[static REQUEST_MAX], const struct prefix *p, uint32_t index, bool add)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = addr_is_v4(p->addr) ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = index;
	put_addr(nlh, IFA_LOCAL, p->addr);
	put_addr(nlh, IFA_ADDRESS, p->addr);
	return nlh;
}

static struct nlmsghdr *route_request(char buf[static REQUEST_MAX], const struct prefix *p, uint32_t index, bool add)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	bool v4 = addr_is_v4(p->addr);

	nlh->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0; /* another's route to the same place is left alone */
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = p->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = KERNEL_ROUTE_PROTOCOL;
	rtm->rtm_scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	put_addr(nlh, RTA_DST, p->addr);
	mnl_attr_put_u32(nlh, RTA_OIF, index);
	return nlh;
}

static const struct prefix_op {
	enum plan_op_kind kind;
	struct nlmsghdr *(*request)(char buf[static REQUEST_MAX], const struct prefix *p, uint32_t index, bool add);
	bool add;
	int gone; /* the removal of what is not there: someone was faster */
	const char *what;
} prefix_ops[] = {
	{ OP_ADDRESS_REMOVE, address_request, false, EADDRNOTAVAIL, "remove address" },
	{ OP_ADDRESS_ADD, address_request, true, 0, "add address" },
	{ OP_ROUTE_REMOVE, route_request, false, ESRCH, "remove the route to" },
	{ OP_ROUTE_ADD, route_request, true, 0, "add a route to" },
};

static const struct prefix_op *find_prefix_op(enum plan_op_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefix_ops); i++)
		if (prefix_ops[i].kind == kind)
			return &prefix_ops[i];
	return NULL;
}

static int apply_prefix(struct rtnl_conn *c, const struct prefix_op *row, const struct prefix *p, const struct link_state *l,
			char *err, size_t err_size)
{
	char buf[REQUEST_MAX], text[ADDR_TEXT_MAX];
	int rc = nl_talk(&c->sock, row->request(buf, p, l->index, row->add), NULL, NULL);

	if (rc == 0 || (!row->add && rc == -row->gone))
		return 0;
	snprintf(err, err_size, "the kernel refused to %s %s: %s%s%s", row->what, prefix_format(*p, text),
		 rc == -EEXIST ? "one that is not ours is in the way" : strerror(-rc), c->sock.ext[0] ? ": " : "", c->sock.ext);
	return rc;
}

static bool has_work(const struct plan_delta *d)
{
	if (d->link & (LINK_MTU | LINK_UP))
		return true;
	for (size_t i = 0; i < d->nops; i++)
		if (find_prefix_op(d->op[i].kind) != NULL)
			return true;
	return false;
}

int rtnl_apply(struct rtnl_conn *c, const struct plan_delta *d, char *err, size_t err_size)
{
	struct link_state l;

	if (!has_work(d))
		return 0;
	int rc = get_link(&c->sock, d->want->interface, &l);
	if (rc < 0) {
		snprintf(err, err_size, "there is no interface %s: %s", d->want->interface, strerror(-rc));
		return rc;
	}
	if (d->link & (LINK_MTU | LINK_UP))
		rc = set_link(c, d, l.index, err, err_size);
	for (size_t i = 0; i < d->nops && rc == 0; i++) {
		const struct prefix_op *row = find_prefix_op(d->op[i].kind);
		if (row != NULL)
			rc = apply_prefix(c, row, d->op[i].prefix, &l, err, err_size);
	}
	return rc;
}
