/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const struct field quota_fields[] = {
	{ .name = "bytes", .type = &type_bytes, .offset = SUB(struct plan, quota, bytes), .flags = FIELD_REQUIRED, .min = 1,
	  .max = INT64_MAX, .doc = "How much a device may transfer in a period." },
	{ .name = "period", .type = &type_duration, .offset = SUB(struct plan, quota, period), .flags = FIELD_REQUIRED,
	  .min = 1, .max = 315360000, .doc = "How long a period is, at most ten years of 365 days." },
	END,
};

const struct field plan_fields[] = {
	SCALAR(struct plan, sites, type_name, "The Sites that its users may exit through or attach to (default: every site).",
	       .flags = FIELD_LIST | FIELD_REF, .ref = KIND_SITE),
	SCALAR(struct plan, max_devices, type_int, "How many devices a user on it may have at most.", .min = 1,
	       .max = 1000000),
	SCALAR(struct plan, rate, type_rate, "How fast each device may transfer, in each direction.", .min = 1,
	       .max = INT64_MAX),
	{ .name = "quota", .object = quota_fields, .offset = offsetof(struct plan, quota),
	  .doc = "How much each device may transfer." },
	END,
};
