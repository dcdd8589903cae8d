/* SPDX-License-Identifier: Apache-2.0 */
/* links - other gateways as peers of a gateway. Private to plan/. */
#pragma once

#include "base/vec.h"
#include "plan/gw_plan.h"
#include "resolve/resolve.h"

/* Appends a peer for each gateway that the gateway is linked with, in no particular order. */
typedef VEC(struct gw_peer) peer_vec;
void link_peers_add(const struct resolved *r, uint32_t gateway, struct arena *a, peer_vec *out);
/* Appends what is routed to them and lies in no pool, and so on no route yet. */
typedef VEC(struct prefix) prefix_vec;
void link_routes_add(const struct resolved *r, uint32_t gateway, prefix_vec *out);
