/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_neighbour - other programs' tables: a chain that drops at the forward hook what we let through.
 *
 * An accept in our table does not end the judging: every chain at the hook has its say. Only the names of chains, their policies and a few
 * expressions are read, by hand: foreign rules do not go through libnftnl, which may end the process. Rules of the legacy iptables are not seen.
 */
#pragma once

#include "kernel/nl_sock.h"

#define NEIGHBOUR_NAME_MAX 64

enum neighbour_kind { NEIGHBOUR_NONE, NEIGHBOUR_OTHER, NEIGHBOUR_DOCKER, NEIGHBOUR_UFW, NEIGHBOUR_FIREWALLD };

/* All bytes are zero behind the NULs. What is not printable in a name is '?'. */
struct nft_neighbour {
	uint32_t kind; /* enum neighbour_kind */
	char family[8];
	char table[NEIGHBOUR_NAME_MAX];
	char chain[NEIGHBOUR_NAME_MAX];
};

/*
 * The first base chain at the forward hook (by family and table) whose policy or last rule is to drop, in a table where no rule asks for our
 * interface: who wrote one has thought of it. kind NEIGHBOUR_NONE: there is none. 0 or a negative errno.
 */
int nft_neighbour_find(struct nl_sock *s, const char *interface, struct nft_neighbour *out);
