/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - declared to settled: names, groups, addresses, activity, placement.
 *
 * Everything is an index into sorted arrays. A *source* is what packets come from: devices, then sites,
 * then gateways, in one index space (source 0..ndevices-1 is that device; ndevices + i is site i;
 * ndevices + nsites + i is gateway i).
 */
#pragma once

#include "base/service.h"
#include "kinds.h"
#include "model/model.h"

#define NONE UINT32_MAX

struct links;
struct lookup; /* names, tags and placement of a resolved tree; private to resolve/ */

struct r_device {
	const struct device *decl;
	uint32_t owner; /* user index, or NONE */
	uint32_t plan;  /* of the owner, or NONE */
	uint32_t home;  /* site index, or NONE where the tree has no site */
	bool dead;      /* revoked, disabled, or its owner disabled: never active */
	bool meets;     /* a policy speaks of it and another device of its home, which admits each to some gateways only */
	int64_t not_before, expires; /* device and owner together; active while not_before <= t < expires */
	struct profile_settings profile; /* settled: no UNSET left */
	uint64_t name_hash; /* for rendezvous, see place.h */
};

struct r_site {
	const struct site *decl;
	uint32_t *gateway; /* indices, ascending, all states */
	size_t ngateways;
	/*
	 * What its gateways carry: networks, and addresses of resources placed here; sorted, disjoint, merged. No address
	 * is carried by two sites: the narrowest network or placed resource has it, and a resource before a network that
	 * is as wide. Nothing that a device or gateway owns is in it.
	 */
	struct range *carried;
	size_t ncarried;
	/*
	 * What its gateways carry between devices: addresses and networks of the devices whose home it is; at the
	 * network's home the whole pools but for what stands elsewhere, so that a new device there changes nothing.
	 * Sorted, disjoint, merged.
	 */
	struct range *homed;
	size_t nhomed;
};

struct r_gateway {
	const struct gateway *decl;
	uint32_t site; /* NONE only where the tree has errors */
	uint16_t listen_port;
	uint64_t name_hash; /* for rendezvous, see place.h */
	bool meeting;            /* devices whose home its site is may meet here, see place.h */
	uint64_t meeting_weight; /* which of the site's they prefer for that */
};

struct r_resource {
	const struct resource *decl;
	uint32_t *site; /* per address of decl->addresses: site index; NONE only where the tree has errors */
	const struct service *service; /* its ports, sorted and merged; NULL: any */
	size_t nservices;
};

/* A destination of a policy or test: addresses and the services it narrows to. */
struct r_dest {
	struct range range;
	const struct service *service; /* a resource's own ports; NULL: any */
	size_t nservices;
};

/* Sorted unique source indices. */
struct source_set {
	uint32_t *v;
	size_t n;
};

struct r_policy {
	const struct policy *decl;
	struct source_set from;
	struct r_dest *to;
	size_t nto;
	bool to_self;           /* also the other devices of each source device's owner */
	struct service *port;   /* sorted, merged; never empty */
	size_t nports;
};

struct r_case {
	const struct test_case *decl;
	struct r_dest *to;
	size_t nto;
	bool to_self;
	struct service *port; /* NULL: not said */
	size_t nports;
};

struct r_test {
	const struct test *decl;
	struct source_set from;
	struct r_case *allow, *deny;
	size_t nallow, ndeny;
};

/* What a guardrail does not speak of: an exception, or a waiver. */
struct r_leave {
	const struct waiver *waiver; /* NULL: an exception */
	struct loc loc;
	bool any_from, any_to; /* not said: whoever, whatever the rule names */
	struct source_set from;
	struct r_dest *to;
	size_t nto;
	bool to_self;
	struct service *port; /* NULL: not said */
	size_t nports;
};

struct r_guardrail {
	const struct guardrail *decl;
	struct source_set from; /* never: who may not; only: who alone may; require: of whom a policy speaks */
	struct r_dest *to;
	size_t nto;
	bool to_self;
	bool any_from, any_to; /* require: not said */
	struct service *port;  /* NULL: any */
	size_t nports;
	struct r_leave *leave; /* the exceptions, then the waivers */
	size_t nleaves;
};

struct resolved {
	const struct model *model;
	const struct network *network;
	uint32_t home; /* the network's home site, or NONE */
	const struct user **user;
	const struct group **group;
	const struct plan **plan;
	struct source_set *group_devices; /* per group, nested ones included */
	struct r_device *device;
	struct r_site *site;
	struct r_gateway *gateway;
	struct r_resource *resource;
	struct r_policy *policy; /* enabled, and every selector settled; by name */
	struct r_test *test;
	struct r_guardrail *guardrail; /* by name */
	size_t nusers, ngroups, nplans, ndevices, nsites, ngateways, nresources, npolicies, ntests,
		nguardrails;
	struct source_set *user_devices; /* per user */
	struct source_set *plan_sites;   /* per plan: site indices; n == 0: every site */
	/* What `internet` means here: the IANA table minus pools and site networks; sorted, disjoint. */
	struct range *internet;
	size_t ninternet;
	struct range *pools; /* sorted, merged */
	size_t npools;
	/* VPN addresses to their device or gateway: sorted by addr; networks: prefix owners. */
	struct addr_owner {
		struct range range;
		uint32_t source; /* device or gateway source index */
		bool network;    /* a device's routed network, not its own address */
	} *owner;
	size_t nowners;
	size_t nsources;
	const struct links *links; /* NULL where the tree has no Link; see links.h */
	const struct lookup *lookup;
};

/* Mistakes go to diags. With errors in diags the result may be partial but is safe to read. */
void resolve(struct resolved *r, const struct model *m, struct arena *a, struct diags *d);

/* The source's kind and name, as a selector writes them: "device:alice-laptop"; into the arena. */
const char *source_text(const struct resolved *r, uint32_t source, struct arena *a);
/* The device, site or gateway named by text ("alice-laptop", "device:alice-laptop", "site:hq", "gateway:g"); NONE. */
uint32_t source_find(const struct resolved *r, const char *text);
/* Index of an object by name in a sorted array of this kind, or NONE. */
uint32_t resolved_find(const struct resolved *r, enum kind kind, const char *name);

/*
 * Resolves a selector given on a command line, as `from` (sources) or as `to` (destinations). Bare words: an
 * address, prefix or range, or the name of exactly one resource or device. 0, or -1 with a sentence in *why (arena).
 */
int resolve_sources_text(const struct resolved *r, const char *text, struct arena *a,
			 struct source_set *out, const char **why);
int resolve_dests_text(const struct resolved *r, const char *text, struct arena *a, struct r_dest **out,
		       size_t *n, bool *to_self, const char **why);
