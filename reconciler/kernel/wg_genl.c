/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wg_genl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "kernel/nl_attr.h"

#define PEER_ROOM 160 /* what one peer takes before its allowed IPs */
#define IP_ROOM 64    /* what one allowed IP takes, with the ends of its nests */

static bool ip_get(const struct nlattr *nest, struct prefix *ip)
{
	const struct nlattr *attr, *addr = NULL;
	uint16_t family = 0;
	uint8_t len = 0, b[16] = { [10] = 0xff, [11] = 0xff };

	attr_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case WGALLOWEDIP_A_FAMILY:
			family = mnl_attr_get_u16(attr);
			break;
		case WGALLOWEDIP_A_IPADDR:
			addr = attr;
			break;
		case WGALLOWEDIP_A_CIDR_MASK:
			len = mnl_attr_get_u8(attr);
			break;
		}
	}
	size_t n = family == AF_INET ? 4 : 16;
	if (addr == NULL || (family != AF_INET && family != AF_INET6) || mnl_attr_get_payload_len(addr) != n || len > n * 8)
		return false;
	memcpy(b + 16 - n, mnl_attr_get_payload(addr), n);
	*ip = (struct prefix){ addr_from_bytes(b), len };
	return true;
}

/* An address of another family leaves what no plan asks for. */
static struct gw_endpoint endpoint_get(const struct nlattr *attr)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct gw_endpoint e = { .port = 0 };

	if (mnl_attr_get_payload_len(attr) == sizeof(v4)) {
		memcpy(&v4, mnl_attr_get_payload(attr), sizeof(v4));
		e.addr = addr_from_v4(ntohl(v4.sin_addr.s_addr));
		e.port = ntohs(v4.sin_port);
	} else if (mnl_attr_get_payload_len(attr) == sizeof(v6)) {
		memcpy(&v6, mnl_attr_get_payload(attr), sizeof(v6));
		e.addr = v6.sin6_scope_id != 0 ? 0 : addr_from_bytes(v6.sin6_addr.s6_addr);
		e.port = ntohs(v6.sin6_port);
	}
	return e;
}

static void endpoint_put(struct nlmsghdr *nlh, const struct gw_endpoint *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(e->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(e->port) };

	if (addr_is_v4(e->addr)) {
		v4.sin_addr.s_addr = htonl(addr_v4(e->addr));
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(v4), &v4);
	} else {
		addr_to_bytes(e->addr, v6.sin6_addr.s6_addr);
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(v6), &v6);
	}
}

/* struct __kernel_timespec: two 64-bit words, seconds first. */
static int64_t seconds_get(const struct nlattr *attr)
{
	int64_t seconds = 0;

	if (mnl_attr_get_payload_len(attr) >= sizeof(seconds))
		memcpy(&seconds, mnl_attr_get_payload(attr), sizeof(seconds));
	return seconds;
}

static int ips_get(const struct nlattr *list, struct wg_peers *w)
{
	const struct nlattr *attr;
	struct prefix ip;

	attr_each_nested(attr, list) {
		if (!ip_get(attr, &ip))
			return -EBADMSG;
		wg_peers_ip(w, ip);
	}
	return 0;
}

static int peer_get(const struct nlattr *nest, struct wg_peers *w)
{
	const struct nlattr *attr, *key = NULL;
	struct pubkey public_key;
	int rc = 0;

	attr_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == WGPEER_A_PUBLIC_KEY && mnl_attr_get_payload_len(attr) == sizeof(public_key))
			key = attr;
	if (key == NULL)
		return -EBADMSG;
	memcpy(public_key.b, mnl_attr_get_payload(key), sizeof(public_key.b));
	struct gw_peer *peer = wg_peers_get(w, &public_key);
	attr_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
			peer->keepalive = mnl_attr_get_u16(attr);
			break;
		case WGPEER_A_ENDPOINT:
			peer->endpoint = endpoint_get(attr);
			break;
		case WGPEER_A_LAST_HANDSHAKE_TIME:
			peer->handshake = seconds_get(attr);
			break;
		case WGPEER_A_RX_BYTES:
			peer->rx_bytes = mnl_attr_get_u64(attr);
			break;
		case WGPEER_A_TX_BYTES:
			peer->tx_bytes = mnl_attr_get_u64(attr);
			break;
		case WGPEER_A_ALLOWEDIPS:
			rc = ips_get(attr, w);
			break;
		}
	}
	return rc;
}

int wg_genl_parse(const struct nlmsghdr *nlh, struct wg_peers *w, struct gw_plan *p)
{
	const struct nlattr *attr, *peer;
	int rc = 0;

	attr_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case WGDEVICE_A_PUBLIC_KEY:
			if (mnl_attr_get_payload_len(attr) != sizeof(p->public_key))
				return -EBADMSG;
			memcpy(p->public_key.b, mnl_attr_get_payload(attr), sizeof(p->public_key.b));
			break;
		case WGDEVICE_A_LISTEN_PORT:
			p->listen_port = mnl_attr_get_u16(attr);
			break;
		case WGDEVICE_A_PEERS:
			attr_each_nested(peer, attr)
				if (rc == 0)
					rc = peer_get(peer, w);
			break;
		}
	}
	return rc;
}

void wg_genl_begin(struct wg_genl_writer *w)
{
	w->nlh = mnl_nlmsg_put_header(w->buf);
	w->nlh->nlmsg_type = w->family;
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(w->nlh, sizeof(*genl));
	genl->cmd = WG_CMD_SET_DEVICE;
	genl->version = WG_GENL_VERSION;
	mnl_attr_put_strz(w->nlh, WGDEVICE_A_IFNAME, w->interface);
	w->peers = NULL;
	w->npeers = 0;
	w->first = NULL;
}

void wg_genl_put_device(struct wg_genl_writer *w, const struct seckey *key, int32_t port)
{
	if (key != NULL)
		mnl_attr_put(w->nlh, WGDEVICE_A_PRIVATE_KEY, sizeof(key->b), key->b);
	if (port >= 0)
		mnl_attr_put_u16(w->nlh, WGDEVICE_A_LISTEN_PORT, (uint16_t)port);
}

static void send_message(struct wg_genl_writer *w)
{
	if (w->peers != NULL)
		mnl_attr_nest_end(w->nlh, w->peers);
	if (w->rc == 0)
		w->rc = w->send(w->arg, w->nlh);
}

/* Ends the message when it has no more room for that many bytes. */
static void make_room(struct wg_genl_writer *w, size_t bytes)
{
	if (w->nlh->nlmsg_len + bytes <= WG_MESSAGE_MAX)
		return;
	send_message(w);
	wg_genl_begin(w);
}

static struct nlattr *begin_peer(struct wg_genl_writer *w, const struct gw_peer *peer, uint32_t flags)
{
	if (w->peers == NULL)
		w->peers = mnl_attr_nest_start(w->nlh, WGDEVICE_A_PEERS);
	if (w->npeers++ == 0)
		w->first = peer;
	struct nlattr *nest = mnl_attr_nest_start(w->nlh, 0);
	mnl_attr_put(w->nlh, WGPEER_A_PUBLIC_KEY, sizeof(peer->public_key.b), peer->public_key.b);
	if (flags != 0)
		mnl_attr_put_u32(w->nlh, WGPEER_A_FLAGS, flags);
	return nest;
}

static void put_ip(struct nlmsghdr *nlh, struct prefix ip)
{
	uint8_t b[16];
	size_t n = addr_to_wire(ip.addr, b);
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);

	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, n == 4 ? AF_INET : AF_INET6);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, n, b);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, ip.len);
	mnl_attr_nest_end(nlh, nest);
}

void wg_genl_put_peer(struct wg_genl_writer *w, const struct wg_change *c)
{
	uint32_t flags = c->remove ? WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY :
			 c->replace ? WGPEER_F_REPLACE_ALLOWEDIPS : 0;

	make_room(w, PEER_ROOM);
	struct nlattr *peer = begin_peer(w, c->peer, flags);
	if (c->set_endpoint)
		endpoint_put(w->nlh, &c->peer->endpoint);
	if (c->set_keepalive)
		mnl_attr_put_u16(w->nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, c->peer->keepalive);
	struct nlattr *list = c->nips > 0 ? mnl_attr_nest_start(w->nlh, WGPEER_A_ALLOWEDIPS) : NULL;
	for (size_t i = 0; i < c->nips; i++) {
		if (w->nlh->nlmsg_len + IP_ROOM > WG_MESSAGE_MAX) { /* goes on in another message, adding */
			mnl_attr_nest_end(w->nlh, list);
			mnl_attr_nest_end(w->nlh, peer);
			send_message(w);
			wg_genl_begin(w);
			peer = begin_peer(w, c->peer, 0);
			list = mnl_attr_nest_start(w->nlh, WGPEER_A_ALLOWEDIPS);
		}
		put_ip(w->nlh, c->ip[i]);
	}
	if (list != NULL)
		mnl_attr_nest_end(w->nlh, list);
	mnl_attr_nest_end(w->nlh, peer);
}

int wg_genl_end(struct wg_genl_writer *w)
{
	if (w->npeers > 0)
		send_message(w);
	return w->rc;
}
