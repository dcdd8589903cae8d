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
#include "kernel/nft_neighbour.h"
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

/*
 * How much of the state is read, and how much may be what the connection read or wrote last.
 *
 * The table is kept together with nftables' generation number, which grows with every change of the ruleset by anybody: while it stands
 * where this connection left it, the table is as it was kept. Peers have no such number.
 */
enum kernel_look {
	LOOK_ALL,    /* everything is read */
	LOOK_DRIFT,  /* all but a table that nobody has changed; that one too when KERNEL_KEEP_SECONDS have passed since it was read */
	/*
	 * Before and after a change: a table that nobody has changed at any age; of more than KERNEL_PEERS_READ peers those kept, while the
	 * interface is the same; right after apply() the link, its addresses and routes too, if apply() had nothing to do there.
	 */
	LOOK_CHANGE,
};

/* How our own changes are told from others': netlink ports are unique in a network namespace. */
struct kernel_self {
	uint32_t nft_port, rtnl_port;
	uint32_t link; /* index of the interface as last read, 0: there was none */
};

#define KERNEL_KEEP_SECONDS 900
#define KERNEL_PEERS_READ 256

/* A rule with its counter, as it is now. */
struct nft_counted {
	struct nft_rule rule;
	const char *chain;
};

struct kernel {
	void *ctx;
	/*
	 * The live state into *p, which points into a and into the connection's own memory: good until the next call. 0 or a negative errno and a
	 * sentence in err. -ENODEV with "... [E_NO_WIREGUARD]" when neither backend is there.
	 */
	int (*observe)(void *ctx, const char *interface, enum kernel_look look, struct arena *a, struct gw_plan *p, char *err,
		       size_t err_size);
	/*
	 * Carries out a delta: early peer removals, then one nftables transaction, then link, addresses, routes, peer additions and updates, then
	 * other peer removals. Stops at the first refusal: 0, or a negative errno and a sentence that names what was refused. key may be NULL when LINK_KEY is not asked.
	 * What it wrote to the table is read back by key before it returns, and is what the next observe() finds. d must be the difference from what
	 * was observed last, or the empty one; its `have` side is void afterwards.
	 */
	int (*apply)(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err, size_t err_size);
	/*
	 * Whether the kernel would take the table's part of a delta as it stands; nothing is changed. It costs some milliseconds, so it is for
	 * changes whose refusal half way would matter. NULL: a stand-in that has none.
	 */
	int (*check)(void *ctx, const struct plan_delta *d, char *err, size_t err_size);
	/*
	 * The sets of quotas in the table that was observed last, with their counters as they are now, into a. NULL: a stand-in that has none.
	 */
	int (*usage)(void *ctx, struct arena *a, struct nft_set **set, size_t *n, char *err, size_t err_size);
	/*
	 * Takes that interface as the one that is kept: marks it, and empties the one that was kept before it under another name (peers, addresses,
	 * our routes, its port; it is set down). Costs nothing when it is claimed already. How many were left, or a negative errno and a
	 * sentence. NULL: a stand-in that has none.
	 */
	int (*claim)(void *ctx, const char *interface, char *err, size_t err_size);
	/*
	 * All rules of the table with their counters as they are now, into a. -EINTR: they changed meanwhile. NULL: a stand-in that has none.
	 */
	int (*counters)(void *ctx, struct arena *a, struct nft_counted **rule, size_t *n);
	/* Another program's chain that drops what we forward. NULL: a stand-in that has none. */
	int (*neighbour)(void *ctx, const char *interface, struct nft_neighbour *out);
	/* NULL: a stand-in that has none. */
	void (*self)(const void *ctx, struct kernel_self *self);
	/*
	 * The comment of the only rule of a chain of ours, "" where there is no such table, chain, rule or comment. NULL: a stand-in that has none.
	 */
	int (*mark)(void *ctx, const char *chain, char *out, size_t out_size, char *err, size_t err_size);
	void (*close)(void *ctx);
};

/* How to reach a userspace WireGuard for a process that may connect to nothing itself: a connected socket or a negative errno. */
struct kernel_door {
	int (*wireguard)(void *ctx, const char *interface);
	void *ctx;
};

/* Opens the real kernel. door NULL: the process connects to a userspace WireGuard itself; else it is copied. */
int kernel_open(struct kernel *k, enum wg_backend backend, const struct kernel_door *door, char *err, size_t err_size);
void kernel_close(struct kernel *k);
