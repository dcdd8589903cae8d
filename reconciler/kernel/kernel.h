/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel - the only door to netlink: nftables, WireGuard, links, addresses and routes.
 *
 * Touches nothing but table `inet yett`, the interface named, addresses on it and routes with protocol KERNEL_ROUTE_PROTOCOL.
 * The functions are reached through struct kernel so that tests can stand in for faults that a real kernel won't produce on demand.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "plan/gw_plan.h"

#define KERNEL_ROUTE_PROTOCOL 199

struct seckey { /* 32 bytes in sodium_malloc memory; never printed, never copied elsewhere */
	uint8_t b[32];
};

enum wg_backend { WG_AUTO, WG_KERNEL, WG_USERSPACE };

struct kernel_stats { /* of the last apply */
	uint64_t sent_bytes, messages; /* netlink and WireGuard socket together */
	uint64_t nft_bytes, wg_bytes, rtnl_bytes;
};

struct kernel {
	void *ctx;
	/* Reads the whole live state into *p (arena memory). 0 or a negative errno and a sentence in err. -ENODEV with "E_NO_WIREGUARD ..." when neither backend is there. */
	int (*observe)(void *ctx, const char *interface, struct arena *a, struct gw_plan *p, char *err, size_t err_size);
	/*
	 * Carries out a delta: early peer removals, then one nftables transaction, then link, addresses, routes, peer additions and updates, then
	 * other peer removals. Stops at the first refusal: 0, or a negative errno and a sentence that names what was refused. key may be NULL when LINK_KEY is not asked.
	 */
	int (*apply)(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err, size_t err_size);
	void (*close)(void *ctx);
};

/* Opens the real kernel. */
int kernel_open(struct kernel *k, enum wg_backend backend, char *err, size_t err_size);
void kernel_close(struct kernel *k);
