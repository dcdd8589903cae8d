/* SPDX-License-Identifier: Apache-2.0 */
/* plan - classes to a gateway's plan and to a device's profile. */
#pragma once

#include "access/access.h"
#include "plan/gw_plan.h"

/* gateway: index into r->gateway. Mistakes that only show here (E_LIMIT_SET, E_CAPACITY) go to d. */
void plan_gateway(struct gw_plan *p, const struct access *x, const struct resolved *r, uint32_t gateway,
		  struct arena *a, struct diags *d);

struct profile_peer {
	const struct r_gateway *gateway;
	struct prefix *allowed_ips; /* minimal, sorted; may be empty on a standby gateway */
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
	struct profile_peer *peer; /* by site name, then preference */
	size_t npeers;
};

/* Devices that are dead get no profile; -1 then. */
int plan_profile(struct device_profile *p, const struct access *x, const struct resolved *r, uint32_t device,
		 struct arena *a);
