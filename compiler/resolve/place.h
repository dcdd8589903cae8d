/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - which gateway carries what for whom.
 *
 * A destination in a site's networks (or a resource placed there) is carried by that site's gateways;
 * `internet` by exit sites that the device's plan allows; other devices by the home site's gateways;
 * a gateway's own addresses by itself. A site may admit a device to only some gateways (redundancy): those
 * with the highest rendezvous weight of (device, gateway), which only names decide: so a gateway that comes or goes
 * moves no device between two others.
 *
 * An active gateway admits a device when it is among the site's best `redundancy` active ones; a draining one when it would be, if it were
 * active: so those it served stay admitted, however many drain at once, while their profiles already name others.
 *
 * Where two sites are linked, what is found at one reaches what is found at the other: see links.h.
 *
 * Devices of one home meet at the same gateways in the same order, which the names of site and gateway decide: were it each device's own, the
 * answer would come from a peer whose allowed IPs do not hold its source. Where the site admits each device to all of its
 * gateways, all are meeting gateways; else its best `redundancy`, and what policies let meet there is admitted there too, for that traffic
 * and the gateway's own addresses alone.
 *
 * Unassigned addresses of the pools count as carried at the network's home (see r_site.homed), but no path leads to
 * them.
 */
#pragma once

#include "resolve/resolve.h"

/* A name's share of the rendezvous weight: FNV-1a (64 bits) and a finishing mix, the same on every machine. */
uint64_t place_name_hash(const char *name);
/* The weight of two names' hashes; symmetric. */
uint64_t place_weight(uint64_t one, uint64_t other);
/* Whether the device may attach to and exit through the site: its owner's plan. */
bool place_plan_allows(const struct resolved *r, uint32_t device, uint32_t site);
/* Whether the site admits each device that may attach to all of its gateways that admit at all. */
bool place_admits_all(const struct resolved *r, uint32_t site);
/* Whether gateway g admits device d to what its site offers (state, plan, redundancy; not dates). Dead devices: never. */
bool place_admits(const struct resolved *r, uint32_t gateway, uint32_t device);
/* Whether the device meets others of its home at the gateway, which then has it as a peer. */
bool place_meets(const struct resolved *r, uint32_t gateway, uint32_t device);
/* Whether gateway g has device d as a peer for any of these. */
bool place_has(const struct resolved *r, uint32_t gateway, uint32_t device);
/* Of two gateways of a site: whether devices rather meet at the first, if both are in the same state. */
bool place_meets_before(const struct resolved *r, uint32_t x, uint32_t y);
/*
 * The gateways at which both devices meet (which may be the same), active before draining, then in the site's order; 0: their
 * homes differ, or there is none.
 */
size_t place_meeting(const struct resolved *r, uint32_t device, uint32_t other, uint32_t *out, size_t max);
/* The device's gateways at a site in order of preference: active before draining, then rendezvous order; returns their number (<= max). */
size_t place_gateways(const struct resolved *r, uint32_t site, uint32_t device, uint32_t *out, size_t max);
/* A site's best gateway by rendezvous with a name, active before draining; NONE where all are in maintenance. */
uint32_t place_best(const struct resolved *r, uint32_t site, uint64_t name_hash);
/* The site whose networks or placed resources hold the address, or NONE. */
uint32_t place_site(const struct resolved *r, u128 addr);
/*
 * What gateway g carries for a source (device, site or gateway), as sorted disjoint ranges in the arena.
 * Sources with the same carry key (place_carry_key) have the same ranges.
 */
uint64_t place_carry_key(const struct resolved *r, uint32_t gateway, uint32_t source);
size_t place_carry(const struct resolved *r, uint32_t gateway, uint32_t source, struct arena *a, struct range **out);
/*
 * The gateways on the path of (source, address); 0: nothing carries it. Each of them will do, preferred first; over
 * links (place_is_chain) it passes them all, in this order.
 */
size_t place_path(const struct resolved *r, uint32_t source, u128 addr, uint32_t *out, size_t max);
/* Whether the gateways of place_path() hand packets on to each other. */
bool place_is_chain(const struct resolved *r, uint32_t source, u128 addr);
