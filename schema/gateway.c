/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const char *const state_words[] = { "active", "draining", "maintenance", NULL };
static const char *const nat_words[] = { "masquerade", "none", NULL };

const struct field gateway_fields[] = {
	SCALAR(struct gateway, site, type_name, "The Site that is reached through it.",
	       .flags = FIELD_REQUIRED | FIELD_REF, .ref = KIND_SITE),
	SCALAR(struct gateway, endpoint, type_endpoint, "Where devices send to, from anywhere.", .flags = FIELD_REQUIRED),
	SCALAR(struct gateway, public_key, type_key, "The gateway's WireGuard public key.", .flags = FIELD_REQUIRED),
	SCALAR(struct gateway, addresses, type_address, "Its own addresses inside the pools.",
	       .flags = FIELD_REQUIRED | FIELD_LIST),
	SCALAR(struct gateway, interface, type_interface, "The name of its WireGuard interface.", .fallback = "wg0"),
	SCALAR(struct gateway, listen_port, type_int, "The UDP port on which it listens (default: the network's).",
	       .min = 1, .max = 65535),
	{ .name = "state", .words = state_words, .offset = offsetof(struct gateway, state), .fallback = "active",
	  .doc = "active: in profiles and admitting; draining: admitting, left out of profiles; maintenance: neither." },
	SCALAR(struct gateway, capacity, type_int, "How many devices it admits at most.", .min = 1, .max = 1000000),
	{ .name = "nat", .words = nat_words, .offset = offsetof(struct gateway, nat), .fallback = "masquerade",
	  .doc = "Whether devices appear behind it under its own address (masquerade) or under theirs (none)." },
	SCALAR(struct gateway, health_url, type_url, "What answers while the gateway is well."),
	{ .name = "seal_key", .flags = FIELD_LATER, .doc = "The key that what this gateway alone may read is sealed to." },
	{ .name = "status_key", .flags = FIELD_LATER, .doc = "The key with which it signs its reports." },
	END,
};
