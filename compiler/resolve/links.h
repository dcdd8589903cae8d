/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links - which sites are connected, and by which gateways packets go from one to the other.
 *
 * Of each site one gateway carries the site's networks in a link: the best by rendezvous of (link, gateway), active
 * before draining. A device is found at the gateway that it prefers at its home, so a packet for it goes there.
 * Gateways of directly connected sites are peers of each other; sites that a hub connects reach each other by the hub's
 * one gateway.
 *
 * WireGuard gives each address to one peer of an interface. So a device that a gateway admits stands there as itself,
 * never behind another gateway, and a path over links starts at the last gateway that admits the one side and ends at
 * the first that admits the other: two devices that both attach to one gateway on the way meet there.
 */
#pragma once

#include "resolve/resolve.h"

struct r_link {
	const struct site_link *decl;
	uint32_t *site;	   /* ascending */
	uint32_t *gateway; /* per site: the one that carries its networks; NONE: all are in maintenance */
	size_t nsites;
	uint32_t hub; /* a site, or NONE */
	uint16_t keepalive;
};

/* That one site reaches another. */
struct link_way {
	uint32_t from, to, link;
	uint32_t via; /* the hub between them, or NONE */
};

/* struct resolved has it where the tree has a Link. */
struct links {
	struct r_link *link; /* by name; those without mistakes */
	size_t n;
	struct link_way *way;	  /* by from, then to; each way stands in both directions */
	size_t *first;		  /* per site, and one more: where its ways start */
	uint32_t *at;		  /* per device: the gateway of its home where it is found; NONE: nowhere */
	uint64_t *key;		  /* per device: what decides its paths, hashed */
	struct source_set *homed; /* per site: the devices that are found there */
	struct link_behind {
		struct range *v; /* what the site carries, but for addresses of the VPN */
		size_t n;
	} * behind; /* per site */
};

struct resolver;
/* Fills resolved.links. */
void resolver_links(struct resolver *s);

/* The way from one site to another, or NULL. */
const struct link_way *links_way(const struct resolved *r, uint32_t from, uint32_t to);

/*
 * The gateways that a packet passes from one source (as resolve.h counts them) to another at a different site, in this
 * order; a site stands for what lies behind it. 0: no link leads there, or the other side attaches directly. Devices
 * reach the networks of other sites by attaching to them, so no link carries that. From a site to a device that
 * attaches to it: the gateways that have it, each of which will do.
 */
size_t links_path(const struct resolved *r, uint32_t from, uint32_t to, uint32_t *out, size_t max);
/* Whether consecutive gateways of links_path() hand packets on, rather than being alternatives. */
bool links_is_chain(const struct resolved *r, uint32_t from, uint32_t to);

/* Sources with one key have the same links_carry() at this gateway; 0: nothing. */
uint64_t links_carry_key(const struct resolved *r, uint32_t gateway, uint32_t source);
struct ranges;
/* Adds where the gateway stands on a path from the source. */
void links_carry(const struct resolved *r, uint32_t gateway, uint32_t source, struct ranges *out);

/* The sources whose packets come to the gateway from other gateways, ascending. */
size_t links_sources(const struct resolved *r, uint32_t gateway, struct arena *a, uint32_t **out);
/* Networks of other sites from which packets come to the device by this gateway, merged. */
size_t links_senders(const struct resolved *r, uint32_t gateway, uint32_t device, struct arena *a, struct range **out);

/* Another gateway as a WireGuard peer. */
struct link_peer {
	uint32_t gateway, link;
	struct range *range; /* what lies behind it, merged; disjoint among the peers of a gateway */
	size_t nranges;
};

/* By gateway. */
size_t links_peers(const struct resolved *r, uint32_t gateway, struct arena *a, struct link_peer **out);

/* The address of a linked gateway's endpoint; resolve has made sure that it is one. */
u128 links_endpoint(const struct resolved *r, uint32_t gateway);
