/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - drift, put back at once: when the apply role has heard of a change, and by a look every WATCH_MS, for WireGuard tells nothing of
 * its peers. Beside the turns: a fetch that hangs holds up no repair.
 *
 * Whoever undoes more than WATCH_REPAIRS repairs in WATCH_WINDOW_MS is left alone for WATCH_PAUSE_MS, which is told as contention.
 */
#pragma once

#include "turn.h"

#define WATCH_MS 15000
#define WATCH_COST 50           /* of the time at most a fiftieth is spent looking */
#define WATCH_FAILED_MIN_MS 1000
#define WATCH_FAILED_MAX_MS 300000
#define WATCH_REPAIRS 5
#define WATCH_WINDOW_MS 60000
#define WATCH_PAUSE_MS 60000
#define WATCH_RIVALS 8

/* Who was repaired after, and when. */
struct rival {
	char name[64];                  /* a program's name, or what was changed; "": free */
	int64_t at_ms[WATCH_REPAIRS + 1]; /* the newest last */
	size_t n;
};

enum watch_event { WATCH_NOTHING, WATCH_REPAIRED, WATCH_FAILED };

struct watch {
	struct turn *turn;
	bool due;             /* something differs, or may */
	bool failing;         /* the newest look or repair was refused */
	int64_t next_ms;      /* the next look; monotonic */
	int64_t failed_ms;    /* the wait after a refusal, doubling up to WATCH_FAILED_MAX_MS; anew with each change that is told */
	int64_t paused_ms;    /* no repair until then */
	uint32_t job;         /* of the request that is out; 0: none */
	uint32_t jobs;
	enum apply_mode mode; /* of it */
	int64_t deadline_ms;
	struct rival rival[WATCH_RIVALS];
	struct ipc_apply_res res; /* of the newest answer */
	struct buf text;          /* the newest event in one line */
	struct buf changes;
	/* Since the start. */
	uint64_t told, lost, looks, repairs, failures, contentions;
};

void watch_init(struct watch *w, struct turn *t);
void watch_release(struct watch *w);
/* The apply role has heard something. */
void watch_drift(struct watch *w, const struct drift *d);
/* Sends what is due, unless the apply role is at work for a turn. */
void watch_begin(struct watch *w, int64_t now_ms);
/* Whether a frame answers what was sent. */
bool watch_expects(const struct watch *w, enum role_id id, const struct ipc_frame *f);
/* What came of it; text, changes and res tell more. */
enum watch_event watch_answer(struct watch *w, const struct ipc_frame *f);
/* A repair, by a turn or by ourselves, for the sake of contention. True: its author is left alone from now on, and text says so. */
bool watch_repaired(struct watch *w, const struct ipc_apply_res *res, int64_t now_ms);
/* The apply role is gone. */
void watch_lost(struct watch *w);
/* When something is to be done next. */
int64_t watch_deadline(const struct watch *w);
/* The apply role does not answer and has to go. */
bool watch_overdue(const struct watch *w, int64_t now_ms);
