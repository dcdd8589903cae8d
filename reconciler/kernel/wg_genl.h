/* SPDX-License-Identifier: Apache-2.0 */
/* wg_genl - WireGuard's generic netlink messages (linux/wireguard.h), apart from the socket that carries them. */
#pragma once

#include <libmnl/libmnl.h>

#include "kernel/wg.h"

#define WG_MESSAGE_MAX 32768 /* bytes of one request */

/* Reads one message of a WG_CMD_GET_DEVICE dump; a peer may go on in the next. 0 or -EBADMSG. */
int wg_genl_parse(const struct nlmsghdr *nlh, struct wg_peers *w, struct gw_plan *p);

/* Requests under construction: whenever buf is full it is sent and begun anew. */
struct wg_genl_writer {
	char *buf; /* WG_MESSAGE_MAX bytes */
	uint16_t family;
	const char *interface;
	int (*send)(void *arg, struct nlmsghdr *nlh); /* 0 or a negative errno, after which nothing more is written */
	void *arg;
	int rc;
	struct nlmsghdr *nlh;
	struct nlattr *peers;
	size_t npeers;              /* in the message so far */
	const struct gw_peer *first; /* of them */
};

void wg_genl_begin(struct wg_genl_writer *w);
/* The peers' device: key is NULL and port negative where they stay. */
void wg_genl_put_device(struct wg_genl_writer *w, const struct seckey *key, int32_t port);
void wg_genl_put_peer(struct wg_genl_writer *w, const struct wg_change *c);
/* Sends what is left. Returns rc. */
int wg_genl_end(struct wg_genl_writer *w);
