/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg - WireGuard devices: generic netlink where the kernel has it, the userspace socket (/var/run/wireguard/IF.sock,
 * wireguard.com/xplatform "Cross-platform userspace implementation") where not, behind one interface.
 */
#pragma once

#include "kernel/kernel.h"

struct wg_conn;

struct wg_ops {
	/* Fills public_key, listen_port, peers. -ENODEV: no such device. A dump holds private and preshared keys: wiped on arrival. */
	int (*observe)(struct wg_conn *c, const char *interface, struct arena *a, struct gw_plan *p, char *err, size_t err_size);
	/* Sets key and port as asked by the delta's link bits. */
	int (*set_device)(struct wg_conn *c, const struct plan_delta *d, const struct seckey *key, char *err, size_t err_size);
	/* Carries out the delta's peer ops of one phase: early removals (0), additions and updates (1), other removals (2). Other peers are not mentioned. */
	int (*set_peers)(struct wg_conn *c, const struct plan_delta *d, int phase, char *err, size_t err_size);
	void (*close)(struct wg_conn *c);
};

struct wg_conn {
	const struct wg_ops *ops;
	uint64_t sent_bytes, messages;
};

/* -EOPNOTSUPP: this kernel has no WireGuard. */
int wg_kernel_open(struct wg_conn **c, char *err, size_t err_size);
int wg_userspace_open(struct wg_conn **c, char *err, size_t err_size);
