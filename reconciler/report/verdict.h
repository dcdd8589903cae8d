/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict - whether the kernel holds what a plan says, as a JSON document for `yettctl verify` and `yettctl diff`, and its words.
 *
 *	{"equal": bool, "access_equal": bool,
 *	 "access": [{"who": ["ana-laptop", …], "more_who": N, "way": "…", "more": [GRANT, …], "less": [GRANT, …]}, …], "more_access": N,
 *	 "unknown": [{"where": "chain denied, rule 3", "what": "…"}, …], "link": "…" or null,
 *	 "objects": N, "object": ["…", …]}
 *	GRANT: {"to": "10.0.0.0/8", "ports": "tcp/443", "when": "always", "policy": "…"}
 *
 * access: who reaches what more (only the kernel lets it through) or less (only the plan does); way is "" when it is so on every way that the
 * sources have. unknown: rules in the kernel whose access nobody can tell. objects counts the things that differ (peers, rules, …), object has
 * a line for each of the first. Lists are cut at their maxima, the more_* say by how many.
 */
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

#define VERDICT_LINES_MAX 200  /* of objects, of what is unknown */
#define VERDICT_GROUPS_MAX 200
#define VERDICT_WHO_MAX 100    /* of one group */
#define VERDICT_GRANTS_MAX 50  /* of one group and direction */
#define VERDICT_RANGES_MAX 12  /* of one grant */

/* True when they do not differ. */
bool verdict_write(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct buf *out);

/* The whole of it for people, below a line that says which commit; or only what differs as access. */
void verdict_print(const json_t *v);
void verdict_print_access(const json_t *v);
