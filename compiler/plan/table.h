/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - an nft_table under construction.
 *
 * Sets and chains whose names derive from their content are kept once each, whoever asks for them. A name is a letter,
 * an underscore and 12 hexadecimal digits of the SHA-256 of the content, 24 where two contents of this table share the
 * first 12.
 */
#pragma once

#include "base/digest.h"
#include "base/vec.h"
#include "plan/nft.h"

struct table_name {
	struct digest digest;
	uint32_t index; /* into set or chain */
	bool is_chain, taken;
};

/* A rule before its chain is known to be new. */
struct draft_rule {
	struct nft_rule rule;
	bool kept; /* its items are in the table's arena, may be shared; else they are copied when the chain is new */
};

struct table {
	struct arena *arena; /* everything that stays */
	VEC(struct nft_set) set;
	VEC(struct nft_chain) chain;
	struct table_name *name; /* open addressing, a power of two */
	size_t nnames, cap_names;
};

void table_init(struct table *t, struct arena *a);
void table_release(struct table *t); /* the arena's part stays */

/* elem is sorted and disjoint; it is copied when the set is new. Returns the set's name. */
const char *table_set(struct table *t, char letter, enum nft_set_kind kind, const struct nft_elem *elem, size_t n);
/* Returns the chain's name; *digest is its content's, if wanted. */
const char *table_chain(struct table *t, char letter, bool class_chain, const struct draft_rule *draft, size_t n,
			struct digest *digest);
/* A set or chain with a name of its own; elem and rule are taken over, not copied. */
void table_add_set(struct table *t, const struct nft_set *s);
void table_add_chain(struct table *t, const struct nft_chain *c);

/* Everything in canonical order, in the arena. */
void table_finish(struct table *t, struct nft_table *out);
