/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meaning - one rule read back: which flows it matches, and what becomes of them.
 *
 * The opposite of rules.h. A rule is understood when all that it matches is what access is made of (the flow's first addresses, protocol, port,
 * time) or a fact about how the packet crosses the gateway; anything else is named and never guessed.
 */
#pragma once

#include "access/cond.h"
#include "access/region.h"
#include "plan/nft.h"

/* How a packet crosses the gateway, as far as rules may ask. */
struct crossing {
	const char *interface; /* ours */
	bool in, out;          /* comes in by it, leaves by it */
	bool reply;            /* against the direction of its flow */
};

/* Flows: from these sources to these destinations and services, while the condition holds. */
struct guard {
	bool any_source, any_target;
	struct range_set source; /* unless any_source */
	struct region target;    /* unless any_target */
	struct cond cond;
};

extern const struct guard guard_all;
bool guard_is_all(const struct guard *g);
/* Flows that both match. False: there are none, or (with *why) none that can be told. */
bool guard_meet(const struct guard *x, const struct guard *y, struct guard *out, struct arena *a, const char **why);

enum meaning_end {
	END_ON,       /* the next rule */
	END_ALLOW, END_DENY,
	END_LEAVE,    /* the rest of the chain is left out */
	END_JUMP, END_GOTO, /* to `name` */
	END_DISPATCH, /* source to number by map `name`, number to chain by map `name2`; a miss goes on */
	END_UNKNOWN,  /* `why` */
};

struct meaning {
	bool never; /* it matches nothing here */
	struct guard guard;
	enum meaning_end end;
	const char *name, *name2;
	const char *why;
};

/* What sets mean as addresses or boxes, each found once; in the arena of meaning_of(). */
struct meaning_sets {
	const struct nft_table *table;
	struct range_set *addr; /* per set; v NULL: not yet */
	struct region *box;
	bool *known;
};

void meaning_sets_make(struct meaning_sets *s, const struct nft_table *t, struct arena *a);
/* c NULL: wherever it is reached from; a rule that asks how the packet crosses is then unknown. */
void meaning_of(struct meaning *m, const struct nft_rule *r, const struct crossing *c, struct meaning_sets *s, struct arena *a);
