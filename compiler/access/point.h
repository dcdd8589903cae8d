/* SPDX-License-Identifier: Apache-2.0 */
/* point - one address and port out of a region, for people: a counterexample need not show more. */
#pragma once

#include "access/region.h"

struct point {
	u128 addr;
	uint32_t service;
};

/* The lowest address, by a service that says something where there is one; of a region that begins at zero, an address
 * that does. */
struct point point_of(struct region r);
/* "10.0.0.5 tcp/443"; into the arena. */
const char *point_text(struct point p, struct arena *a);
