/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

const struct field user_fields[] = {
	SCALAR(struct user, email, type_string, "Where mail reaches this person."),
	SCALAR(struct user, plan, type_name, "The Plan of this person.", .flags = FIELD_REF, .ref = KIND_PLAN),
	SCALAR(struct user, enabled, type_bool, "Whether this person's devices may do anything at all.",
	       .fallback = "true"),
	SCALAR(struct user, not_before, type_time, "The first moment at which this person's devices are active."),
	SCALAR(struct user, expires, type_time, "The first moment at which they no longer are."),
	SCALAR(struct user, external_id, type_string, "The subject in the company's directory."),
	END,
};

void user_init(void *object)
{
	struct user *u = object;
	u->not_before = CLOCK_EVER;
	u->expires = CLOCK_NEVER;
}
