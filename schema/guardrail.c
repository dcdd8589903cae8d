/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

const char *const guardrail_rules[] = { "never", "only", "require", NULL };

static const char *const severity_words[] = { "error", "warning", NULL };
static const char *const action_words[] = { "any", "allow", "deny", NULL };
/* In the order of enum require_field. */
static const char *const field_words[] = {
	"description", "tags", "ports", "when", "not_before", "expires", "log", NULL,
};

#define WANTED (FIELD_REQUIRED | FIELD_LIST | FIELD_NONEMPTY)
#define GIVEN (FIELD_LIST | FIELD_NONEMPTY)

static const struct field except_fields[] = {
	SCALAR(struct guardrail_case, from, type_selector, "These sources (default: all that the rule names).",
	       .flags = GIVEN),
	SCALAR(struct guardrail_case, to, type_selector, "These destinations (default: all that the rule names).",
	       .flags = GIVEN),
	SCALAR(struct guardrail_case, ports, type_ports,
	       "These protocols and ports (default: each destination's own, else all that the rule names).",
	       .flags = GIVEN),
	END,
};

static const struct field never_fields[] = {
	{ .name = "from", .type = &type_selector, .offset = SUB(struct guardrail, never, from), .flags = WANTED,
	  .doc = "The sources that may not." },
	{ .name = "to", .type = &type_selector, .offset = SUB(struct guardrail, never, to), .flags = WANTED,
	  .doc = "The destinations that they may not reach." },
	{ .name = "ports", .type = &type_ports, .offset = SUB(struct guardrail, never, ports), .flags = FIELD_LIST,
	  .doc = "Protocols and ports there (default: any, also those that a resource does not name)." },
	{ .name = "except", .object = except_fields, .object_size = sizeof(struct guardrail_case),
	  .object_loc = offsetof(struct guardrail_case, loc), .offset = SUB(struct guardrail, never, except),
	  .flags = FIELD_LIST, .doc = "What is right all the same: each item takes out what all its fields name." },
	END,
};

static const struct field only_fields[] = {
	{ .name = "to", .type = &type_selector, .offset = SUB(struct guardrail, only, to), .flags = WANTED,
	  .doc = "The destinations that are kept." },
	{ .name = "ports", .type = &type_ports, .offset = SUB(struct guardrail, only, ports), .flags = FIELD_LIST,
	  .doc = "Protocols and ports there (default: any, also those that a resource does not name)." },
	{ .name = "from", .type = &type_selector, .offset = SUB(struct guardrail, only, from), .flags = WANTED,
	  .doc = "The only sources that may reach them." },
	END,
};

static const struct field touched_fields[] = {
	{ .name = "from", .type = &type_selector, .offset = SUB(struct guardrail, require.policies, from), .flags = GIVEN,
	  .doc = "Policies that speak of one of these sources (default: of any)." },
	{ .name = "to", .type = &type_selector, .offset = SUB(struct guardrail, require.policies, to), .flags = GIVEN,
	  .doc = "Policies that speak of an address of these destinations (default: of any)." },
	{ .name = "action", .words = action_words, .offset = SUB(struct guardrail, require.policies, action),
	  .fallback = "any", .doc = "Policies with this action." },
	END,
};

static const struct field require_fields[] = {
	{ .name = "policies", .object = touched_fields, .offset = SUB(struct guardrail, require, policies),
	  .doc = "The policies that it speaks of (default: every enabled one)." },
	{ .name = "fields", .words = field_words, .words_as_bits = true, .flags = GIVEN,
	  .offset = SUB(struct guardrail, require, fields),
	  .doc = "Fields that each of them must have; log must be true, and no text or list empty." },
	{ .name = "expires_within", .type = &type_duration, .offset = SUB(struct guardrail, require, expires_within),
	  .min = 1, .max = INT64_MAX, .doc = "How far from now each of them may expire at most." },
	END,
};

static const struct field waiver_fields[] = {
	SCALAR(struct waiver, policy, type_name, "What this policy decides (default: whichever does).",
	       .flags = FIELD_REF, .ref = KIND_POLICY),
	SCALAR(struct waiver, from, type_selector, "The access of these sources (default: of all).", .flags = GIVEN),
	SCALAR(struct waiver, to, type_selector, "The access to these destinations (default: to all).", .flags = GIVEN),
	SCALAR(struct waiver, ports, type_ports,
	       "The access to these protocols and ports (default: each destination's own, else any).", .flags = GIVEN),
	SCALAR(struct waiver, reason, type_text, "Why, for whoever reads it next year.", .flags = FIELD_REQUIRED),
	SCALAR(struct waiver, expires, type_time, "The first moment at which it no longer excuses.",
	       .flags = FIELD_REQUIRED),
	END,
};

const struct field guardrail_fields[] = {
	{ .name = "severity", .words = severity_words, .offset = offsetof(struct guardrail, severity), .fallback = "error",
	  .doc = "Whether what it finds fails a check." },
	{ .name = "never", .object = never_fields, .offset = offsetof(struct guardrail, never), .flags = FIELD_SET,
	  .doc = "No such access, at any time from now on." },
	{ .name = "only", .object = only_fields, .offset = offsetof(struct guardrail, only), .flags = FIELD_SET,
	  .doc = "Nobody else may reach it, at any time from now on." },
	{ .name = "require", .object = require_fields, .offset = offsetof(struct guardrail, require), .flags = FIELD_SET,
	  .doc = "What policies must say of themselves." },
	{ .name = "waivers", .object = waiver_fields, .object_size = sizeof(struct waiver),
	  .object_loc = offsetof(struct waiver, loc), .offset = offsetof(struct guardrail, waivers), .flags = FIELD_LIST,
	  .doc = "Known breaches, each with a reason, that pass until a date." },
	END,
};
