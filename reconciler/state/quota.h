/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota - what devices have used of their quotas, for as long as the kernel does not remember it.
 *
 * The kernel counts; this is what it said last. Periods are multiples of their length since the epoch: use that was read in an
 * earlier one is void. A counter that says less than it did has begun anew, and goes on from there; one in another
 * table than the last has, too.
 *
 *	yett-quota 1
 *	at 1767323045
 *	table 12
 *	0a090002 2592000 1048576          device number, period in seconds, bytes
 *	end <SHA-256 of all before this line>
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "plan/nft.h"

#define QUOTA_FILE "quota"
#define QUOTA_BYTES_MAX ((size_t)64 << 20)

struct quota_use {
	uint32_t number, period;
	uint64_t used;
};

struct quota_state {
	int64_t at;     /* UTC seconds of the newest reading; 0: none */
	uint64_t table; /* its nft_table.handle; 0: whichever the next one is, its counters go on from ours */
	VEC(struct quota_use) use; /* by number, unique */
};

void quota_release(struct quota_state *q);
void quota_encode(const struct quota_state *q, struct buf *out);
/* -EBADMSG: damaged; q is empty then. */
int quota_decode(struct quota_state *q, const char *data, size_t len);

/* Takes in counters as read now: sets of other kinds are passed over. True when anything but the time is new. */
bool quota_read(struct quota_state *q, const struct nft_set *set, size_t nsets, uint64_t table, int64_t now);
/* Gives each wanted element what it begins with, wherever it is to be written. */
void quota_seed(const struct quota_state *q, struct nft_set *set, size_t nsets);
/* The next moment after now at which a period of these sets begins; CLOCK_NEVER: none. */
int64_t quota_next(const struct nft_set *set, size_t nsets, int64_t now);
