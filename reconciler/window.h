/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window - a change that waits for confirmation: the new plan behind a gate beside the one in force, until a deadline.
 *
 * window.json and plan/pending are on the disk before the kernel is touched and go after the change was confirmed or taken back. A yettd that finds them at its
 * start goes on in the same boot until the deadline; else the change is as if it had not been.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "state/store.h"

#define WINDOW_FILE "window.json"
#define WINDOW_LOOK_MS 2000 /* between two rounds of probes */
#define WINDOW_MAX_MS (600 * 1000) /* no deadline lies further ahead */

struct window {
	bool open;
	struct plan_ref pending;
	int64_t deadline_ms; /* CLOCK_BOOTTIME */
	int64_t until;       /* about the same in UTC seconds, for people */
	bool manual;         /* only a person confirms it */
	bool gated;          /* the kernel goes back by itself */
	bool resumed;        /* after a restart */
	bool placed;         /* the kernel has it */
	int64_t look_ms;     /* the next round of probes, monotonic */
	bool confirm, rollback; /* a person said so */
	struct buf why;      /* it was opened */
	struct buf waits;    /* what has not passed yet */
	/* Probes of targets: which passed before, and the one at hand. */
	uint32_t reached;    /* bit per target */
	size_t at;
	bool failed;         /* one of this round */
};

int64_t window_clock_ms(void); /* CLOCK_BOOTTIME */
void window_release(struct window *w);
/* Writes the plan and the deadline down; the window is open in memory only when both are. */
int window_open(struct window *w, struct store *s, const struct plan_ref *p, int64_t seconds);
/* Nothing waits any more; the plan is the caller's business. What cannot be removed is harmless and comes back as an error. */
int window_close(struct window *w, struct store *s);
/*
 * What a run before left: 1 and the window is open, when it was of this boot, its deadline has not passed and its plan is not the one
 * in force; else 0 and the files are gone, or a negative errno. *over says whether a change was taken back by that.
 */
int window_load(struct window *w, struct store *s, const struct plan_ref *good, bool *over);
static inline bool window_expired(const struct window *w)
{
	return window_clock_ms() >= w->deadline_ms;
}
