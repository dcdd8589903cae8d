/* SPDX-License-Identifier: Apache-2.0 */
/* wireguard - a peer as wg(8) reads it. Private to emit/. */
#pragma once

#include "plan/gw_plan.h"

/* An empty line, a comment with its name, and the [Peer] section. */
void wireguard_peer(const struct gw_peer *p, struct buf *out);
