/* SPDX-License-Identifier: Apache-2.0 */
/* vacant - addresses of the pools that nobody has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "resolve/resolve.h"

/* The free addresses of one family in the pools, from a place that the name gives. */
struct vacant {
	struct range *slot; /* what may be given out, sorted, disjoint */
	size_t nslots;
	u128 *taken; /* sorted */
	size_t ntaken;
	u128 count;  /* addresses in slot */
	u128 next;   /* index of the one that is looked at next */
	u128 left;   /* how many were not looked at */
};

/*
 * False when the network has no pool of this family. Everything lies in arena a. The search starts at a hash of name, so
 * that two people who add devices at the same time rarely propose the same address.
 */
bool vacant_open(struct vacant *v, const struct resolved *r, bool v4, const char *name, struct arena *a);
/* The next free one; false when there is none left. */
bool vacant_next(struct vacant *v, u128 *out);
