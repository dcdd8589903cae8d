/* SPDX-License-Identifier: Apache-2.0 */
/* plan - classes to a gateway's plan and to a device's profile. */
#pragma once

#include "access/access.h"
#include "plan/gw_plan.h"

/* gateway: index into r->gateway. Of a tree without errors nothing can go wrong here. */
void plan_gateway(struct gw_plan *p, const struct access *x, const struct resolved *r, uint32_t gateway,
		  struct arena *a);

/*
 * Profiles. A device's AllowedIPs are the exact minimal prefixes of what it may ever reach, and of what may ever reach it (WireGuard drops a packet whose
 * source is not in AllowedIPs), as far as the gateway carries it for the device; networks behind the device itself never. At each site the preferred
 * gateway gets them and the others only what it does not carry, so no prefix stands on two peers. With tunnel full the preferred gateway of the first
 * exit (the home site, else by name) gets 0.0.0.0/0 and ::/0 instead: each where the network has pools of the family, both with block_ipv6 or kill_switch.
 */
struct profile_peer {
	const struct r_gateway *gateway;
	struct prefix *allowed_ips; /* minimal, sorted; may be empty, as on a standby gateway */
	size_t nallowed;
	bool preferred; /* the gateway of its site that carries traffic first */
};

struct device_profile {
	const struct r_device *device;
	struct prefix *address; /* /32, /128 */
	size_t naddresses;
	const u128 *dns;
	size_t ndns;
	const char *const *search;
	size_t nsearch;
	uint32_t mtu, keepalive;
	struct profile_settings settings;
	struct profile_peer *peer; /* by site name, then preference; gateways that are active */
	size_t npeers;
};

/* What the profiles of one tree have in common, worked out once. */
struct profiles;

struct profiles *profiles_open(const struct access *x, const struct resolved *r);
void profiles_close(struct profiles *s);
/* Devices that are dead get no profile; -1 then. The profile lives in a. */
int profiles_make(struct profiles *s, uint32_t device, struct arena *a, struct device_profile *p);

/* One profile alone. */
int plan_profile(struct device_profile *p, const struct access *x, const struct resolved *r, uint32_t device,
		 struct arena *a);
