/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const char *const action_words[] = { "allow", "deny", NULL };
static const char *const day_words[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };

static const struct field when_fields[] = {
	{ .name = "days", .words = day_words, .words_as_bits = true, .flags = FIELD_LIST,
	  .offset = SUB(struct policy, when, days), .doc = "The days on which it holds (default: every day)." },
	{ .name = "hours", .type = &type_hours, .offset = SUB(struct policy, when, hours),
	  .doc = "The hours of those days, which may wrap midnight (default: the whole day)." },
	{ .name = "timezone", .type = &type_timezone, .offset = SUB(struct policy, when, timezone), .fallback = "UTC",
	  .doc = "What the days and hours are counted in: UTC, or a fixed offset." },
	END,
};

const struct field policy_fields[] = {
	{ .name = "action", .words = action_words, .offset = offsetof(struct policy, action), .fallback = "allow",
	  .doc = "What the policy says of what it matches." },
	SCALAR(struct policy, from, type_selector, "The devices that it speaks of.",
	       .flags = FIELD_REQUIRED | FIELD_LIST | FIELD_NONEMPTY),
	SCALAR(struct policy, to, type_selector, "The destinations that it speaks of.",
	       .flags = FIELD_REQUIRED | FIELD_LIST | FIELD_NONEMPTY),
	SCALAR(struct policy, ports, type_ports, "Protocols and ports, narrowed by each resource's own (default: any).",
	       .flags = FIELD_LIST),
	SCALAR(struct policy, priority, type_int,
	       "The highest among the policies that match decides; among equals a deny does.", .fallback = "0",
	       .min = -1000, .max = 1000),
	{ .name = "when", .object = when_fields, .offset = offsetof(struct policy, when), .flags = FIELD_SET,
	  .doc = "Days and hours at which it holds (default: always)." },
	SCALAR(struct policy, not_before, type_time, "The first moment at which it holds."),
	SCALAR(struct policy, expires, type_time, "The first moment at which it no longer does."),
	SCALAR(struct policy, log, type_bool, "Whether what it decides is logged.", .fallback = "false"),
	SCALAR(struct policy, enabled, type_bool, "Whether it counts at all.", .fallback = "true"),
	END,
};

void policy_init(void *object)
{
	struct policy *p = object;
	p->not_before = CLOCK_EVER;
	p->expires = CLOCK_NEVER;
}
