/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decompile - a gateway's table read back as access, be it the one that we plan or the one that a kernel was found with.
 *
 * The table is run on paper: every way across the gateway, from the hook on, for all sources and destinations at once. What comes out is made
 * of the same classes that policies come to, so whatever compares access compares tables as well. Nothing is taken from names: a chain is what
 * its rules do. A rule that is not understood is noted and left out; then nothing is proved about what passes it.
 */
#pragma once

#include "access/access.h"
#include "plan/nft.h"

/* How packets cross the gateway; flows begin at their source, replies go the way of their flow back. */
enum decompile_way {
	WAY_THROUGH,   /* in by our interface, out elsewhere */
	WAY_BETWEEN,   /* in and out by our interface */
	WAY_TO_SELF,   /* in by our interface, to the gateway itself */
	WAY_TOWARDS,   /* from elsewhere out by our interface */
	WAY_FROM_SELF, /* from the gateway itself out by our interface */
	WAY_COUNT
};

/* Sources that are treated alike: one class. Neighbours have different ones; together they cover all addresses. */
struct decompile_cell {
	u128 lo, hi;
	uint32_t class;
};

struct decompile_cells {
	const struct decompile_cell *v; /* ascending */
	size_t n;
};

struct decompile_note {
	const char *chain; /* NULL: the table as such */
	size_t rule;       /* from 1; 0: the chain as such */
	const char *what;
};

struct decompiled {
	struct access access; /* parts and classes alone: no members, sources or windows. A part's policy is the rule's comment or its place */
	struct decompile_cells way[WAY_COUNT][2]; /* [1]: of replies. Equal ones share their memory */
	struct decompile_note *note; /* in order of chain and rule, unique */
	size_t nnotes;
};

#define DECOMPILE_PARTS_MAX ((size_t)32 << 20) /* of all classes; what goes beyond is noted */
#define DECOMPILE_DEPTH_MAX 32                 /* chains inside chains; the kernel has 16 */

void decompile(struct decompiled *out, const struct nft_table *t, const char *interface, struct arena *a);
/* The class of a source. */
uint32_t decompile_class(const struct decompile_cells *c, u128 source);
