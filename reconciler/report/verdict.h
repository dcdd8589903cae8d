/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict - whether the kernel holds what a plan says, as a JSON document for `yettctl verify` and `yettctl diff`, and its words.
 *
 *	{"equal": bool, "objects": N, "object": ["…"], …}
 *
 * objects counts the things that differ (peers, rules, …), object has a line for each of the first VERDICT_LINES_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "plan/gw_plan.h"

#define VERDICT_LINES_MAX 200

/* True when they do not differ. */
bool verdict_write(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct buf *out);

/* The whole of it for people, below a line that says which commit; or only what differs as access. */
void verdict_print(const json_t *v);
void verdict_print_access(const json_t *v);
