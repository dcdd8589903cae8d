/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

static const char *const tunnel_words[] = { "split", "full", NULL };

const struct field profile_fields[] = {
	{ .name = "tunnel", .words = tunnel_words, .offset = offsetof(struct profile_settings, tunnel),
	  .doc = "What a device sends into the tunnel: what it may reach (split), or everything (full)." },
	SCALAR(struct profile_settings, kill_switch, type_switch,
	       "Whether nothing leaves the device beside the tunnel."),
	SCALAR(struct profile_settings, block_ipv6, type_switch,
	       "Whether the device's IPv6 is blocked where the tunnel carries none."),
	END,
};

const struct field dns_fields[] = {
	SCALAR(struct dns_settings, servers, type_address, "Addresses of name servers.", .flags = FIELD_LIST),
	SCALAR(struct dns_settings, search, type_domain, "Domains that are tried after a short name.",
	       .flags = FIELD_LIST),
	END,
};

static const struct field devices_fields[] = {
	{ .name = "max_per_user", .type = &type_int, .offset = SUB(struct network, devices, max_per_user), .min = 1,
	  .max = 1000000, .doc = "How many devices a user may have at most." },
	{ .name = "max_key_age", .type = &type_duration, .offset = SUB(struct network, devices, max_key_age), .min = 1,
	  .max = INT64_MAX, .doc = "How old a device's key may grow, from its key_created." },
	{ .name = "require_preshared_key", .type = &type_bool, .flags = FIELD_LATER,
	  .offset = SUB(struct network, devices, require_preshared_key),
	  .doc = "Whether every device needs a preshared key." },
	END,
};

const struct field network_fields[] = {
	SCALAR(struct network, domain, type_domain, "The domain that names of devices and gateways stand in."),
	SCALAR(struct network, home, type_name,
	       "The Site that carries traffic between devices (default: the site whose name sorts first).",
	       .flags = FIELD_REF, .ref = KIND_SITE),
	SCALAR(struct network, pools, type_prefix,
	       "Prefixes that the addresses of devices and gateways come from.",
	       .flags = FIELD_REQUIRED | FIELD_LIST),
	{ .name = "dns", .object = dns_fields, .offset = offsetof(struct network, dns),
	  .doc = "What devices ask for names." },
	SCALAR(struct network, mtu, type_int, "Size of the biggest packet in the tunnel, in bytes.",
	       .fallback = "1420", .min = 1280, .max = 9000),
	SCALAR(struct network, keepalive, type_duration,
	       "How often an idle device sends a packet, so that its NAT keeps the way open; 0s: never.",
	       .fallback = "25s", .min = 0, .max = 65535),
	SCALAR(struct network, listen_port, type_int, "The UDP port on which gateways listen.", .fallback = "51820",
	       .min = 1, .max = 65535),
	{ .name = "profile", .object = profile_fields, .offset = offsetof(struct network, profile),
	  .doc = "Defaults for the devices' profiles." },
	{ .name = "devices", .object = devices_fields, .offset = offsetof(struct network, devices),
	  .doc = "What holds for every device." },
	END,
};

void network_init(void *object)
{
	struct network *n = object;
	n->profile = (struct profile_settings){ TUNNEL_UNSET, UNSET, UNSET };
}
