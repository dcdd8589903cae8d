/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg - WireGuard devices: generic netlink where the kernel has it, the userspace socket (/var/run/wireguard/IF.sock,
 * wireguard.com/xplatform "Cross-platform userspace implementation") where not, behind one interface.
 */
#pragma once

#include "base/vec.h"
#include "kernel/kernel.h"

#define WG_SOCKET_DIR "/var/run/wireguard"

struct wg_conn;

/* Peer operations come in the phases of struct kernel's apply. */
enum wg_phase { WG_REVOKE, WG_GRANT, WG_CLEAN };

struct wg_ops {
	/* Fills public_key, listen_port, peers. -ENODEV: no such device. A dump holds private and preshared keys: wiped on arrival. */
	int (*observe)(struct wg_conn *c, const char *interface, struct arena *a, struct gw_plan *p, char *err, size_t err_size);
	/* Sets key and port as asked by the delta's link bits. */
	int (*set_device)(struct wg_conn *c, const struct plan_delta *d, const struct seckey *key, char *err, size_t err_size);
	/* Carries out the delta's peer ops of one phase. Other peers are not mentioned. */
	int (*set_peers)(struct wg_conn *c, const struct plan_delta *d, enum wg_phase phase, char *err, size_t err_size);
	void (*close)(struct wg_conn *c);
};

struct wg_conn {
	const struct wg_ops *ops;
	uint64_t sent_bytes, messages;
};

/* -EOPNOTSUPP: this kernel has no WireGuard. */
int wg_kernel_open(struct wg_conn **c, char *err, size_t err_size);
/* door: see kernel_open(). */
int wg_userspace_open(struct wg_conn **c, const struct kernel_door *door, char *err, size_t err_size);

/* "... [E_NO_WIREGUARD]" for that interface. Returns -ENODEV. */
int wg_missing(const char *interface, char *err, size_t err_size);

/* What one peer op asks of a device. */
struct wg_change {
	const struct gw_peer *peer;
	bool remove;
	bool replace;       /* the allowed IPs are all there are; else they are more */
	bool set_keepalive;
	bool set_endpoint;
	struct prefix *ip;  /* on the heap */
	size_t nips, cap;
};

/* False when the op is none of that phase. ip's memory is kept from call to call: zero c first, wg_change_release() last. */
bool wg_change_get(struct wg_change *c, const struct plan_op *op, enum wg_phase phase);
void wg_change_release(struct wg_change *c);

/* Collects the peers of a device as they are read. */
struct wg_peers {
	struct arena *a;
	VEC(struct gw_peer) peer;
	VEC(struct prefix) ip; /* of the last peer */
};

/* The peer of that key, which is the last one again when a dump goes on with it. Valid until the next call. */
struct gw_peer *wg_peers_get(struct wg_peers *w, const struct pubkey *key);
void wg_peers_ip(struct wg_peers *w, struct prefix ip);
/* Sorts all and gives them to *p; frees what was collected. */
void wg_peers_finish(struct wg_peers *w, struct gw_plan *p);
