/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark - the high-water mark as a part of the plan: one rule without effect, in a chain of its own that nothing leads to, whose comment it is.
 * So it is written in one transaction with the rules that it stands for, and comes back with them when somebody takes it away.
 */
#pragma once

#include "message.h"
#include "plan/gw_plan.h"

struct mark {
	char text[MARK_TEXT_MAX];
	struct nft_rule rule;
	struct nft_chain *with, *without; /* the plan's chains, with room for one more; as decoded */
	size_t nwithout;
};

void mark_init(struct mark *m);
/* Makes text, "" for none, the mark of p, whose chains must be those of the call before (or as decoded). True when it changed. */
bool mark_set(struct mark *m, struct gw_plan *p, const char *text, struct arena *a);
/* Whether an operation is about the mark alone. */
bool mark_owns(const struct plan_op *op);
/* Takes the mark out of what was observed: it is no rule of access. */
void mark_remove(struct gw_plan *p, struct arena *a);
