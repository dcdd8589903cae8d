/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - two plans of one gateway in one table: packets go by the new one while the elements of a set live, else by the old one.
 *
 * The set's elements have a timeout, so the kernel goes back to the old rules by itself when nobody confirms the new ones. What both plans
 * have in common stands once. Keys of the class maps that change lie in a map of their own, looked up before the shared one; chains of the new plan
 * that differ from the old plan's of the same name have "n_" before theirs.
 *
 * What does not fall back with the rules must not gain by it: addresses that belong to another peer in the new plan, and those of peers
 * that it revokes, are denied by the old rules too.
 */
#pragma once

#include "plan/gw_plan.h"

#define GATE_ALIVE "alive"
#define GATE_MOVED4 "moved4"
#define GATE_MOVED6 "moved6"
#define GATE_NEW "n_"

/* Whose way in stays open under the old rules even if the new plan revokes it: the administrator's own. */
struct gate_exempt {
	const struct pubkey *key;
	size_t nkeys;
	const struct prefix *network;
	size_t nnetworks;
};

/*
 * *out points into base, next and the arena. Peers, addresses and routes are those of next, and those of base that it has not given to
 * another peer. Without a set named GATE_ALIVE the tables are alike and nothing needs a gate. NULL, or a sentence that says why the two cannot
 * stand together.
 */
const char *gate_plan(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a,
		      struct gw_plan *out);
/* Gives the gate's elements that many milliseconds to live; 0: it is closed and has none. */
void gate_open(struct gw_plan *gated, uint64_t ms, struct arena *a);
