/* SPDX-License-Identifier: Apache-2.0 */
/* wg_machines - the machines of a network, put together from all files that speak of them; private to this folder. */
#pragma once

#include "import/wireguard.h"
#include "resolve/ranges.h"

struct machine {
	struct pubkey key;
	const struct wg_conf *conf; /* its own file, or NULL */
	const char *name;	    /* as its files call it, or NULL */
	struct loc loc;
	const char *host; /* where others reach it, or NULL */
	uint16_t port;
	struct loc endpoint_loc;
	wg_addresses address; /* its own addresses in the VPN, at most one a family once settled */
	wg_addresses network; /* what is routed to it beside them */
	wg_texts comment;
	struct wg_number keepalive;
	size_t npeers;	   /* in how many [Peer]s it stands, or how many stand in its own file */
	bool relays, exit; /* others send it what is for the network, for the internet */
	bool gateway, full_tunnel, written;
	const char *id; /* its name in the tree */
};

struct machines {
	struct import *im;
	VEC(struct machine) v;
	struct strmap of;	 /* key -> index */
	VEC(struct prefix) pool; /* disjoint, ascending */
};

void machines_init(struct machines *m, struct import *im);
void machines_release(struct machines *m);
/* Fills v and pool, chooses gateways and settles addresses and networks. false: an E_IMPORT was added. */
bool machines_collect(struct machines *m, const struct wireguard_input *in);
/* The first or the last address of an IPv4 pool, which no machine may have. */
bool machines_reserved(const struct machines *m, u128 addr);
bool machines_in_pool(const struct machines *m, u128 addr);
