/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const char *const platform_words[] = { "linux", "macos", "windows", "ios", "android", "router", NULL };

const char *const device_owner_or_tag[] = { "owner", "tags", NULL };

const struct field device_fields[] = {
	SCALAR(struct device, owner, type_name, "The User whose device this is; a server has none, but a tag.",
	       .flags = FIELD_REF, .ref = KIND_USER),
	SCALAR(struct device, public_key, type_key, "The device's WireGuard public key.", .flags = FIELD_REQUIRED),
	SCALAR(struct device, addresses, type_address,
	       "Its VPN addresses: one for each family that the network has pools for.",
	       .flags = FIELD_REQUIRED | FIELD_LIST),
	SCALAR(struct device, networks, type_prefix, "Prefixes that are routed behind the device.",
	       .flags = FIELD_LIST),
	SCALAR(struct device, home, type_name, "The Site that carries traffic to this device (default: the network's).",
	       .flags = FIELD_REF, .ref = KIND_SITE),
	{ .name = "platform", .words = platform_words, .words_as_text = true,
	  .offset = offsetof(struct device, platform), .doc = "What the device runs." },
	SCALAR(struct device, enabled, type_bool, "Whether the device may do anything at all.", .fallback = "true"),
	SCALAR(struct device, revoked, type_bool,
	       "True for good: its key never comes back, and its addresses are free again.", .fallback = "false"),
	SCALAR(struct device, not_before, type_time, "The first moment at which the device is active."),
	SCALAR(struct device, expires, type_time, "The first moment at which it no longer is."),
	SCALAR(struct device, key_created, type_time, "When its key was made."),
	{ .name = "preshared_keys", .flags = FIELD_LATER, .doc = "Sealed preshared keys." },
	{ .name = "seal_key", .flags = FIELD_LATER, .doc = "The key that what this device alone may read is sealed to." },
	{ .name = "profile", .object = profile_fields, .offset = offsetof(struct device, profile),
	  .doc = "Overrides the network's defaults." },
	END,
};

void device_init(void *object)
{
	struct device *d = object;
	d->not_before = CLOCK_EVER;
	d->expires = CLOCK_NEVER;
	d->key_created = CLOCK_EVER;
	d->profile = (struct profile_settings){ TUNNEL_UNSET, UNSET, UNSET };
}
