/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally - what the kernel has counted, for those who watch: packets by policy, and by opt-in transfer and handshakes by device.
 *
 * A rule's counter begins at 0 whenever its chain is made anew; a tally only grows, for as long as the apply role lives. It is read at
 * most once in TALLY_MS, and so that it takes a fiftieth of the time at most.
 */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "kernel/kernel.h"
#include "report/metrics.h"

#define TALLY_MS 15000
#define TALLY_COST 50

/* A rule as last read. */
struct tally_rule {
	uint64_t handle, packets, bytes;
};

struct tally {
	uint32_t wanted; /* enum tally_want bits */
	uint64_t next_us;
	VEC(struct tally_rule) rule; /* by handle */
	VEC(struct tally_policy) policy; /* by name */
	VEC(struct tally_device) device;
	uint64_t denied_packets, denied_bytes;
};

void tally_release(struct tally *t);
/* Notes the devices of an observation; the names are those of the plan. */
void tally_devices(struct tally *t, const struct gw_plan *have, const struct gw_plan *want);
/* Adds what the rules have counted since they were last given. They may be in any order. */
void tally_rules(struct tally *t, const struct nft_counted *rule, size_t n);
/* Reads the rules, and gives all as a sealed memfd (struct tally_head and rows). -EAGAIN: not yet. */
int tally_take(struct tally *t, struct kernel *k, uint64_t now_us);
