/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weigh - what a change of plans could take away: whether somebody may be locked out by it, and how many peers go.
 *
 * It compares forms, not meanings: rules that only gain acceptances take nothing away, any other difference of rules may. So it can see a loss where there is none, and
 * never the other way round.
 */
#pragma once

#include "plan/gw_plan.h"

enum weigh_risk {
	WEIGH_INTERFACE = 1, /* its name, key, port or MTU */
	WEIGH_ADDRESS = 2,   /* an address of the gateway goes */
	WEIGH_ROUTE = 4,     /* a route comes: what was reached another way may now go into the tunnel */
	WEIGH_RULES = 8,     /* the rules that all packets pass */
	WEIGH_OWN = 16,      /* the gateway's own access, or its site's */
	WEIGH_SHARE = 32,    /* access of more than a share of the sources */
};

struct weight {
	unsigned int risk;            /* enum weigh_risk bits */
	uint32_t sources, losing;     /* addresses and networks that had access, and those that may lose some or all of it */
	uint32_t peers, peers_removed; /* configured by base now, and not by next */
	bool removals;                /* anything at all may be taken away: a peer, some access */
};

/* share: per cent; one source may always lose. */
void weigh(const struct gw_plan *base, const struct gw_plan *next, int64_t now, unsigned int share, struct weight *out);
/* The bits in words, for the log. */
void weigh_print(const struct weight *w, struct buf *out);
