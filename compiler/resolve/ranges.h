/* SPDX-License-Identifier: Apache-2.0 */
/* ranges - small algebra on lists of address ranges, private to this folder (access/region is a later stage). */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "base/vec.h"

/* Grows on the heap; works with the macros of base/vec.h. "Canonical": sorted, disjoint, neighbours merged. */
struct ranges {
	struct range *v;
	size_t n, cap;
};

#define RANGES_CLEANUP __attribute__((cleanup(ranges_release)))

void ranges_release(struct ranges *x);
void ranges_add(struct ranges *x, const struct range *v, size_t n);
/* A range as the language writes it: an IPv6 one that reaches around the IPv4 block does not hold that block. */
void ranges_add_written(struct ranges *x, struct range r);
void ranges_merge(struct ranges *x); /* makes x canonical */
/* x minus y, both canonical; appended to out, which must be another list. */
void ranges_subtract(const struct ranges *x, const struct ranges *y, struct ranges *out);
/* Copies into the arena. */
struct range *ranges_freeze(const struct ranges *x, struct arena *a, size_t *n);
/* Index of the first range of a canonical list that ends at or after addr; n where none does. */
size_t ranges_seek(const struct range *v, size_t n, u128 addr);
bool ranges_contain(const struct range *v, size_t n, u128 addr);
