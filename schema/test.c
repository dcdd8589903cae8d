/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

const char *const test_allow_or_deny[] = { "allow", "deny", NULL };

static const struct field case_fields[] = {
	SCALAR(struct test_case, to, type_selector, "Destinations.", .flags = FIELD_REQUIRED | FIELD_LIST | FIELD_NONEMPTY),
	SCALAR(struct test_case, ports, type_ports,
	       "Protocols and ports (default: each destination's own in allow, any in deny).", .flags = FIELD_LIST),
	END,
};

const struct field test_fields[] = {
	SCALAR(struct test, from, type_selector, "The devices that are asked about.",
	       .flags = FIELD_REQUIRED | FIELD_LIST | FIELD_NONEMPTY),
	SCALAR(struct test, at, type_time, "The moment that is asked about (default: from now on)."),
	{ .name = "allow", .object = case_fields, .object_size = sizeof(struct test_case),
	  .object_loc = offsetof(struct test_case, loc), .offset = offsetof(struct test, allow), .flags = FIELD_LIST,
	  .doc = "What must be allowed: all of it, to each device." },
	{ .name = "deny", .object = case_fields, .object_size = sizeof(struct test_case),
	  .object_loc = offsetof(struct test_case, loc), .offset = offsetof(struct test, deny), .flags = FIELD_LIST,
	  .doc = "What must be denied: all of it, to each device." },
	END,
};

void test_init(void *object)
{
	struct test *t = object;
	t->at = CLOCK_EVER;
}
