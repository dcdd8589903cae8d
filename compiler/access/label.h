/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label - regions in the tree's own words.
 *
 * A destination that is whole gets its name: any, internet, site, resource (within its own ports), device, gateway; in
 * this order, what one name covers needs no other. What is left are addresses, prefixes and ranges.
 */
#pragma once

#include "access/diff.h"

struct label_index; /* in the arena it was made in */

struct label_index *label_index_make(const struct resolved *r, struct arena *a);
/* The items together are exactly the region. */
size_t label_region(const struct label_index *x, struct region region, struct arena *a, struct diff_item **out);
