/* SPDX-License-Identifier: Apache-2.0 */
/* flow - what decompiling is made of: parts, the lists of chains, and the steps of one way across the gateway. Private to decompile.c and cells.c. */
#pragma once

#include "base/vec.h"
#include "plan/decompile.h"
#include "plan/meaning.h"

enum part_end { PART_DENY, PART_ALLOW, PART_LEAVE };

/* One decision. */
struct flow_part {
	struct guard guard;
	enum part_end end;
	const char *policy;
	bool total; /* decides everything that reaches it */
};

/* What a chain decides, in order, wherever it is reached from. */
struct flow_list {
	enum { LIST_NEW, LIST_BUSY, LIST_DONE } state;
	uint32_t *part; /* into flow.part */
	size_t n;
	bool total;  /* its last part is */
	bool leaves; /* it has parts that leave */
	bool sourced; /* it has parts that ask for the source */
};

enum step_kind { STEP_PART, STEP_MAP };

struct flow_step {
	enum step_kind kind;
	uint32_t part;             /* STEP_PART */
	const struct nft_set *map, *chains; /* STEP_MAP: a hit in both ends it */
};

typedef VEC(struct flow_step) step_vec;

struct flow {
	const struct nft_table *table;
	const char *interface;
	struct arena *a;
	struct meaning_sets sets;
	VEC(struct flow_part) part;
	struct flow_list *list; /* per chain */
	uint32_t **of_rule;     /* per chain, per rule: the part that it is by itself, + 1 */
	uint32_t policy_part;   /* what a hook does with packets that no rule decides: accepts */
	size_t nids;            /* of all lists and classes */
	VEC(struct decompile_note) note;
};

void flow_note(struct flow *f, const struct nft_chain *c, size_t rule, const char *what);
/* The list of a chain by name; NULL: there is none. */
struct flow_list *flow_list(struct flow *f, const char *name, int depth);
/* False, with a note: it would be too much. */
bool flow_take(struct flow *f, size_t ids);

/* All sources by what the steps, of which the last is total, make of them; makes classes in out. */
struct cells;
struct cells *cells_open(struct flow *f);
struct decompile_cells cells_make(struct cells *x, const struct flow_step *step, size_t n);
/* The parts and classes, and the end. */
void cells_close(struct cells *x, struct access *out);
