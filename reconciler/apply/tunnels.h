/* SPDX-License-Identifier: Apache-2.0 */
/* tunnels - whether peers that a change does not concern are still heard from after it. */
#pragma once

#include "base/vec.h"
#include "plan/gw_plan.h"

#define TUNNELS_RECENT 180 /* seconds since a handshake: WireGuard's REJECT_AFTER_TIME */
#define TUNNELS_MIN 5      /* fewer say nothing */
#define TUNNELS_SHARE 80   /* per cent that must come back */

struct tunnel_peer {
	struct pubkey key;
	int64_t handshake;
	uint64_t rx_bytes;
};

struct tunnels {
	VEC(struct tunnel_peer) before; /* by key */
	uint32_t back;             /* of them, at the newest look */
	bool begun;
};

void tunnels_release(struct tunnels *t);
/* Before the change: the active peers that both plans have alike. */
void tunnels_begin(struct tunnels *t, const struct gw_plan *have, const struct gw_plan *base, const struct gw_plan *next, int64_t now);
/* After it. */
void tunnels_look(struct tunnels *t, const struct gw_plan *have);
