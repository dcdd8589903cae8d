/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region - exact sets of (destination address, service): the algebra under every answer.
 *
 * Canonical: slabs of services, ascending and disjoint, each with the same sorted, disjoint, merged list of
 * address ranges over its whole width; neighbours that touch have different lists; no slab is empty. So two regions
 * are the same set exactly when they are the same bytes. Values live in the arena given; they are never changed.
 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/service.h"

struct range_set {
	const struct range *v;
	size_t n;
};

struct slab {
	struct service service;
	struct range_set addr;
};

struct region {
	const struct slab *v;
	size_t n;
};

struct box {
	struct range addr;
	struct service service;
};

#define REGION_EMPTY ((struct region){ NULL, 0 })

/* Sorts and merges any ranges. */
struct range_set range_set_make(struct arena *a, const struct range *v, size_t n);
struct range_set range_set_union(struct arena *a, struct range_set x, struct range_set y);
struct range_set range_set_intersect(struct arena *a, struct range_set x, struct range_set y);
struct range_set range_set_subtract(struct arena *a, struct range_set x, struct range_set y);
bool range_set_equal(struct range_set x, struct range_set y);
bool range_set_subset(struct range_set x, struct range_set y); /* all of x in y */
bool range_set_contains(struct range_set x, u128 a);

struct region region_make(struct arena *a, const struct box *v, size_t n); /* any boxes, overlapping or not */
/* Any slabs, overlapping or not; each one's address set is canonical (and may be shared by the result). */
struct region region_from_slabs(struct arena *a, const struct slab *v, size_t n);
struct region region_product(struct arena *a, struct range_set addr, const struct service *s, size_t ns);
struct region region_all(struct arena *a);
struct region region_union(struct arena *a, struct region x, struct region y);
struct region region_intersect(struct arena *a, struct region x, struct region y);
struct region region_subtract(struct arena *a, struct region x, struct region y);
bool region_is_empty(struct region x);
bool region_equal(struct region x, struct region y);
bool region_contains(struct region x, u128 addr, uint32_t service);
/* Whether they share any point; allocates nothing. */
bool region_overlaps(struct region x, struct region y);
/* Union over all services of the addresses. */
struct range_set region_addresses(struct arena *a, struct region x);
/* Number of (range, service interval) boxes. */
size_t region_boxes(struct region x);
/* The lowest box, for a counterexample; x must not be empty. */
struct box region_first(struct region x);
