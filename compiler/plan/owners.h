/* SPDX-License-Identifier: Apache-2.0 */
/* owners - which peer an inner source address belongs to: the longest allowed prefix (WireGuard's cryptokey routing). */
#pragma once

#include "plan/gw_plan.h"

struct owner_cell {
	u128 lo, hi;
	const struct gw_peer *peer;
};

struct owner_cells {
	const struct owner_cell *v; /* ascending, disjoint */
	size_t n;
};

/* Peers that are revoked, or whose dates are over at now, own nothing. */
struct owner_cells owners_make(const struct gw_plan *p, int64_t now, struct arena *a);
