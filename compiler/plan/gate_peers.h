/* SPDX-License-Identifier: Apache-2.0 */
/* gate_peers - what of two plans stands together on the interface, and which addresses change hands. Private to gate.c. */
#pragma once

#include "base/vec.h"
#include "plan/gate.h"

typedef VEC(struct range) range_vec;

/* Addresses of base that another peer has in next, or whose peer next revokes; sorted, disjoint, by family. */
void gate_moved(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a, range_vec *v4,
		range_vec *v6);
/* Fills peers, addresses and routes of *out. */
void gate_peers(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a,
		struct gw_plan *out);
