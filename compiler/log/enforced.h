/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enforced - from when to when each gateway enforced which commit, as the gateways' audit trails say (trust/trail.h).
 *
 * A stay begins when a plan was applied, or found in force at a start of yettd, and ends when another commit's was. A machine that was down enforced
 * nothing: a stay ends with the newest line before the machine was started anew. While yettd alone is down, the kernel goes on.
 */
#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "trust/trail.h"

enum enforced_end {
	ENFORCED_STILL,   /* as far as the trail goes: until is its newest line */
	ENFORCED_REPLACED, /* by the next stay of the gateway */
	ENFORCED_BACK,     /* it was taken back, and the stay before goes on as the next one */
	ENFORCED_DOWN,    /* the machine was started anew */
};

struct enforced_stay {
	const char *gateway, *commit, *plan; /* commit "": the gateway did not know */
	const char *boot;
	int64_t since, until; /* UTC seconds */
	enum enforced_end end;
	uint64_t repairs;     /* drift that was put back meanwhile */
};

struct enforced {
	struct arena a;
	VEC(struct enforced_stay) stay; /* by gateway, then time */
};

void enforced_init(struct enforced *e);
void enforced_release(struct enforced *e);
/* Adds the trail of a file or folder. 0, or what trail_walk_paths() returns. */
int enforced_read(struct enforced *e, const char *path, char *err, size_t err_size);
/* After the last: puts them in order. */
void enforced_sort(struct enforced *e);
