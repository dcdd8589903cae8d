/* SPDX-License-Identifier: Apache-2.0 */
/* enforce - observe, diff, apply, observe again: the kernel holds the plan afterwards, or somebody is told what it refused. */
#pragma once

#include "apply/tally.h"
#include "apply/tunnels.h"
#include "apply/usage.h"
#include "base/buf.h"
#include "kernel/kernel.h"
#include "message.h"

struct enforce {
	struct kernel *kernel;
	const struct gw_plan *want;
	const struct seckey *key;
	int64_t now;        /* UTC seconds */
	enum apply_mode mode;
	uint64_t *same_table; /* serial of a table that is known to be as the plan wants it; kept by the caller, 0 with each new plan */
	struct usage *usage;  /* or NULL */
	struct tally *tally;  /* or NULL: what is seen of devices is noted there */
	struct tunnels *tunnels; /* of a window; else NULL */
	const struct gw_plan *base; /* APPLY_GATE: the plan in force before */
};

/*
 * Fills counts (of what differed at first), stats, peers_* of *res, and the differences as text. Applies at most
 * ENFORCE_ROUNDS times: somebody else may be changing the kernel too; the second time after reading everything. 0, or a negative
 * errno and a sentence.
 */
#define ENFORCE_ROUNDS 2
int enforce_run(const struct enforce *e, struct ipc_apply_res *res, struct buf *text, char *err, size_t err_size);

void enforce_count(const struct plan_delta *d, struct change_counts *c);
