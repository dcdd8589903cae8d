/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held - plans that are not tried again by themselves: rolled back, refused for good, or removing too many peers.
 *
 * A plan is known by its digest, so another commit that makes the same plan is held too. Kept over restarts in held.json.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "message.h"

#define HELD_FILE "held.json"
#define HELD_MAX 32 /* the oldest goes */
#define HELD_REASON_MAX 512

struct held_plan {
	char plan[DIGEST_HEX_MAX];
	char commit[COMMIT_TEXT_MAX];
	char reason[HELD_REASON_MAX];
	int64_t at; /* UTC seconds */
};

struct held {
	struct held_plan v[HELD_MAX]; /* oldest first */
	size_t n;
};

/* 0, also when there is no file; -EBADMSG: it is none of ours, and h is empty. */
int held_load(struct held *h, int dirfd);
/* NULL: not held. */
const struct held_plan *held_find(const struct held *h, const char *plan);
/* Each of these writes the file. 0 or a negative errno; in memory it is done all the same. */
int held_add(struct held *h, int dirfd, const struct held_plan *p);
int held_drop(struct held *h, int dirfd, const char *plan);
