/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gw_plan - the state of one gateway, desired or observed: the same type, so that one diff serves the reviewer, the drift
 * check and the apply.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/key.h"
#include "plan/nft.h"

#define GW_PLAN_FORMAT 3 /* raised with any change of the encoded bytes */
#define GW_PLAN_BYTES_MAX (256u << 20)

/* Where a peer is found; port 0: nowhere yet, it comes by itself. Observed: addr is 0 where it is none that we could ask for. */
struct gw_endpoint {
	u128 addr;
	uint16_t port;
};

struct gw_peer {
	struct pubkey public_key;
	const char *name; /* the device's or the gateway's name; NULL when observed */
	struct prefix *allowed_ips; /* sorted, unique */
	size_t nallowed;
	struct gw_endpoint endpoint;  /* desired: of another gateway, and only of those */
	uint16_t keepalive;           /* seconds, 0: off */
	int64_t not_before, expires;  /* peer is configured while inside; observed: CLOCK_EVER, CLOCK_NEVER */
	bool revoked;                 /* desired only: never configured, wherever it came from; allowed_ips is empty */
	/* Observed only; not compared. */
	int64_t handshake;            /* UTC seconds, 0: never */
	uint64_t rx_bytes, tx_bytes;
};

struct gw_plan {
	const char *gateway;   /* name; "" when observed */
	const char *interface;
	bool present;          /* observed: the interface exists and is a WireGuard device; desired: true */
	bool up;               /* observed; desired: true */
	struct pubkey public_key; /* desired: the gateway's; observed: the device's (all zero: none set) */
	uint16_t listen_port;
	uint32_t mtu;
	struct prefix *address; /* /32 and /128 on the interface; sorted */
	size_t naddresses;
	struct prefix *route; /* through the interface, our protocol number; sorted */
	size_t nroutes;
	struct gw_peer *peer; /* sorted by public key, unique */
	size_t npeers;
	struct nft_table nft;
};

/* "192.0.2.1:51820", "[2001:db8::1]:51820" */
void gw_endpoint_print(const struct gw_endpoint *e, struct buf *out);

/* Canonical bytes: the same plan gives the same bytes everywhere. Little-endian, "YETTPLN1" first, BLAKE2b-256 of all before it last. */
void gw_plan_encode(const struct gw_plan *p, struct buf *out);
/* Checks every bound, order, name and reference; -EBADMSG with one sentence in err on anything else. All strings go to a. */
int gw_plan_decode(struct gw_plan *p, const void *data, size_t len, struct arena *a, char *err, size_t err_size);

/*
 * The same for what was observed, with another beginning, so that neither passes for the other. It may hold what no plan does: things that we
 * never make (NFT_FOREIGN, nft.foreign), names that lead nowhere, texts of others (what is not printable comes back as '?'). Counters,
 * handshakes and handles are left out.
 */
void gw_plan_encode_observed(const struct gw_plan *p, struct buf *out);
/* Checks every bound; puts what is to be in order in order. -EBADMSG with one sentence in err. All strings go to a. */
int gw_plan_decode_observed(struct gw_plan *p, const void *data, size_t len, struct arena *a, char *err, size_t err_size);

/* One difference; `have` is observed (or base), `want` desired (or head); one of them NULL for a lone side. */
enum plan_op_kind {
	OP_LINK,          /* create interface, or set key, port, MTU, up: see plan_delta.link */
	OP_PEER_REMOVE, OP_PEER_ADD, OP_PEER_UPDATE,
	OP_ADDRESS_ADD, OP_ADDRESS_REMOVE,
	OP_ROUTE_ADD, OP_ROUTE_REMOVE,
	OP_TABLE_ADD, OP_TABLE_REMOVE,
	OP_SET_ADD, OP_SET_REMOVE,
	OP_ELEM_ADD, OP_ELEM_REMOVE,
	OP_CHAIN_ADD, OP_CHAIN_REMOVE, /* the chain alone: its rules come as OP_RULES_ADD, the old ones go as OP_RULES_FLUSH */
	OP_RULES_FLUSH, /* delete all rules of op.chain (named; a `have` chain) */
	OP_RULES_ADD,   /* append every rule of op.chain, in order; the chain is empty by then */
};

struct plan_op {
	enum plan_op_kind kind;
	bool set_endpoint; /* OP_PEER_ADD, OP_PEER_UPDATE: the endpoint is another */
	const struct gw_peer *peer, *old_peer;
	const struct prefix *prefix;
	const struct nft_set *set;
	const struct nft_elem *elem;
	const struct nft_chain *chain;
	bool early; /* OP_PEER_REMOVE: revoked, or an address of it now belongs to another peer: goes before the filter */
};

/* OP_LINK: LINK_CREATE comes with all the others that the new interface needs. */
enum link_change { LINK_CREATE = 1, LINK_KEY = 2, LINK_PORT = 4, LINK_MTU = 8, LINK_UP = 16 };

struct plan_delta {
	unsigned int link; /* enum link_change bits */
	struct plan_op *op; /* see below */
	size_t nops;
	const struct gw_plan *want;
};

/*
 * The order of plan_delta.op. One pass over it, each subsystem taking its own ops as they come, is always right; the nft ops are one valid
 * nf_tables batch exactly as they stand (an op names only what earlier ops left there, and nothing that is removed is still referred to):
 *
 *   1. OP_PEER_REMOVE with early
 *   2. OP_TABLE_REMOVE            with foreign things in the table it is removed and made anew; then no other op removes or flushes
 *   3. OP_TABLE_ADD
 *   4. OP_RULES_FLUSH             chains whose rules change, chains that go, chains that refer to a set or chain of another shape
 *   5. OP_ELEM_REMOVE             of sets that stay; also each element whose value changes (its OP_ELEM_ADD comes in 9)
 *   6. OP_SET_REMOVE              with whatever elements it still has
 *   7. OP_CHAIN_REMOVE            empty and unreferenced by now
 *   8. OP_SET_ADD, OP_CHAIN_ADD   all sets, then all chains, without contents; a set or chain of another shape was removed in 6, 7
 *   9. OP_ELEM_ADD                by set, in key order; verdict elements too: their chains exist
 *  10. OP_RULES_ADD               new and flushed chains
 *  11. OP_LINK, OP_ADDRESS_REMOVE, OP_ADDRESS_ADD, OP_ROUTE_REMOVE, OP_ROUTE_ADD
 *  12. OP_PEER_ADD, OP_PEER_UPDATE, then OP_PEER_REMOVE without early
 *
 * Elements of one set stand together in 5 and in 9, so an applier packs neighbours into one message. OP_LINK is there at most once.
 * A peer that stays but loses an address to another peer comes as an early OP_PEER_REMOVE and an OP_PEER_ADD.
 */

/*
 * Whether the endpoint is to be set. WireGuard follows a peer that moves, so what it has learnt stays for as long as the
 * session with that peer lives (have->handshake).
 */
bool gw_peer_misplaced(const struct gw_peer *have, const struct gw_peer *want, int64_t now);

/*
 * What turns `have` into `want` at time now (peers outside their dates are not wanted). Sorted merges: time and ops grow with what
 * differs after one linear pass. Elements of interval maps whose keys overlap are removed before others are added.
 */
void gw_plan_diff(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct arena *a,
		  struct plan_delta *out);
/* One line a difference, for people. */
void plan_delta_print(const struct plan_delta *d, struct buf *out);
/* The next moment after now at which a peer's dates begin or end, or CLOCK_NEVER. */
int64_t gw_plan_next_change(const struct gw_plan *p, int64_t now);
