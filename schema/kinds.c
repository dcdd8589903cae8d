/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rows.h"

/* In the order of enum kind, so that the word's index is the kind. */
static const char *const kind_words[] = {
	"Network", "User", "Group", "Device", "Site", "Gateway", "Resource", "Plan", "Policy", "Test", "Link", "Guardrail",
	NULL,
};

const struct field common_fields[] = {
	{ .name = "kind", .words = kind_words, .offset = offsetof(struct object, kind), .flags = FIELD_REQUIRED,
	  .doc = "What the document declares." },
	SCALAR(struct object, name, type_name, "Unique within its kind.", .flags = FIELD_REQUIRED),
	SCALAR(struct object, description, type_text, "For people."),
	SCALAR(struct object, tags, type_tag, "Names that `tag:` selectors match.", .flags = FIELD_LIST),
	END,
};

#define ROW(enum_kind, type, d, ...) \
	[enum_kind] = { .kind = enum_kind, .name = #type, .doc = d, __VA_ARGS__ }
#define NOW(low, ...) .size = sizeof(struct low), .fields = low##_fields, __VA_ARGS__

const struct kind_row kind_rows[KIND_COUNT] = {
	ROW(KIND_NETWORK, Network, "The one VPN.", NOW(network, .init = network_init)),
	ROW(KIND_USER, User, "A person.", NOW(user, .init = user_init)),
	ROW(KIND_GROUP, Group, "People and devices that policies name together.", NOW(group)),
	ROW(KIND_DEVICE, Device, "Something with a WireGuard key.",
	    NOW(device, .init = device_init, .one_of = device_owner_or_tag,
		.one_of_why = "needs an owner, or at least one tag")),
	ROW(KIND_SITE, Site, "A place reached through one or more interchangeable gateways.",
	    NOW(site, .init = site_init)),
	ROW(KIND_GATEWAY, Gateway, "A Linux machine that runs the reconciler.", NOW(gateway)),
	ROW(KIND_RESOURCE, Resource, "Something people want to reach.", NOW(resource)),
	ROW(KIND_PLAN, Plan, "A tier.", NOW(plan)),
	ROW(KIND_POLICY, Policy, "Who may reach what.", NOW(policy, .init = policy_init)),
	ROW(KIND_TEST, Test, "An example that the compiler checks.",
	    NOW(test, .init = test_init, .one_of = test_allow_or_deny, .one_of_why = "needs something in allow or deny")),
	ROW(KIND_LINK, Link, "Connects sites.", NOW(site_link, .init = site_link_init)),
	ROW(KIND_GUARDRAIL, Guardrail, "What must stay true whatever anyone merges.",
	    NOW(guardrail, .one_of = guardrail_rules, .one_of_why = "needs one of never, only and require",
		.one_only = true)),
};

const struct kind_row *kind_by_name(const char *name)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(kind_rows[i].name, name) == 0)
			return &kind_rows[i];
	return NULL;
}
