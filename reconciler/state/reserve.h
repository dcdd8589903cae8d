/* SPDX-License-Identifier: Apache-2.0 */
/* reserve - some room on the disk that is ours already, let go when there is no other, so that what has begun can be written to its end. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define RESERVE_FILE "reserve"
#define RESERVE_BYTES ((off_t)8 << 20)

struct reserve {
	int dirfd; /* not owned */
	bool there;
};

/* Makes sure that it is there. 0, also where a file system cannot set room aside, or a negative errno: the disk is full or fails. */
int reserve_take(struct reserve *r);
/* True: it was there, and the write that failed is worth another try. */
bool reserve_let_go(struct reserve *r, int error);
