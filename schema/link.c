/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const char *const topology_words[] = { "mesh", "hub", "pair", NULL };
static const char *const transport_words[] = { "wireguard", "ipsec", NULL };

const struct field site_link_fields[] = {
	{ .name = "topology", .words = topology_words, .offset = offsetof(struct site_link, topology),
	  .flags = FIELD_REQUIRED,
	  .doc = "mesh: each site with every other; hub: each with the hub, and through it with the rest; "
		 "pair: two sites." },
	SCALAR(struct site_link, hub, type_name, "The Site in the middle, one of sites.", .flags = FIELD_REF,
	       .ref = KIND_SITE),
	SCALAR(struct site_link, sites, type_name, "The Sites that it connects.",
	       .flags = FIELD_REQUIRED | FIELD_LIST | FIELD_REF, .ref = KIND_SITE),
	{ .name = "transport", .words = transport_words, .offset = offsetof(struct site_link, transport),
	  .fallback = "wireguard", .doc = "What carries packets from gateway to gateway." },
	{ .name = "ipsec", .flags = FIELD_LATER, .doc = "What the transport ipsec needs to know." },
	SCALAR(struct site_link, keepalive, type_duration,
	       "How often a gateway says a word to a quiet one, 0s: never (default: the network's).", .max = 65535),
	END,
};

void site_link_init(void *object)
{
	struct site_link *l = object;
	l->keepalive = LINK_KEEPALIVE_UNSET;
}
