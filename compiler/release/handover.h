/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover - the log of releases and all that they hold as one run of git objects (source/objects.h), read by a process that fetches and judged
 * from the bytes by one that opens nothing: each object is found again by the hash that is computed there.
 */
#pragma once

#include "base/digest.h"
#include "source/objects.h"
#include "source/repo.h"
#include "trust/tick.h"

/*
 * Of the log at tip: what stands in it from serial `from` on, and ticks; of each record in it the commit, the commits back to the one before,
 * all its trees and its files. Appends to out. 0, or a negative errno and one line in err.
 */
int handover_collect(const struct source_repo *r, const git_oid *tip, uint64_t from, struct buf *out, char *err, size_t err_size);

struct handover_question {
	const char *path;      /* of the policy root in each commit, "" for the top */
	const char *tip;       /* of the log, hexadecimal; "": there is none */
	uint64_t serial;       /* of the release in force, or of the anchor; 0: begin with the first */
	struct digest record;  /* its record's */
	bool in_force;         /* it is in force: other releases of its serial are a fork */
	const char *gateway;   /* whose plan is asked for; "": none */
	int64_t now;           /* UTC seconds */
};

enum handover_state {
	HANDOVER_ACCEPTED, /* the newest release that may be applied is told; it may be the one in force */
	HANDOVER_NONE,     /* no release is approved yet */
	HANDOVER_STOPPED,  /* E_FORK and others: nothing may be applied */
};

struct handover_answer {
	enum handover_state state;
	const char *code, *why;   /* of HANDOVER_STOPPED; also E_FORMAT, E_PLAN_MISMATCH */
	uint64_t serial;          /* HANDOVER_ACCEPTED, and what follows */
	struct digest record, content;
	const char *commit;       /* hexadecimal */
	bool has_plan;
	struct digest plan;       /* merkle.h's leaf of the gateway's plan */
	const char *signers;      /* of the last step, "alice, bob"; "" when nothing was judged */
	uint64_t waiting;         /* serial of a release that waits; 0: none */
	const char *waiting_code, *waiting_why;
	enum tick_state tick;
	bool withheld;            /* a tick names a later release */
};

/* Everything in *out lives in a. 0, or -EBADMSG where the bytes are no objects. */
int handover_judge(const struct handover_question *q, const void *objects, size_t len, struct handover_answer *out, struct arena *a);
