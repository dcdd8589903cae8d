/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn - one round of the supervisor: fetch, compile, journal, apply, remember; as a table of steps that wait for a role.
 *
 * Whatever fails on the way, a turn ends with the last good plan enforced: git away, a tree with errors and a refused plan
 * all lead to the step that repairs drift. Nothing here blocks; the supervisor feeds in frames, losses and the time.
 */
#pragma once

#include "base/buf.h"
#include "config.h"
#include "role.h"
#include "state/held.h"
#include "state/store.h"
#include "state/suspend.h"
#include "trust.h"
#include "window.h"

enum turn_step {
	STEP_IDLE,
	STEP_MARK,    /* what the kernel says was accepted last; once */
	STEP_FETCH,
	STEP_JUDGE,   /* whether what was fetched may come into force */
	STEP_COMPILE,
	STEP_APPLY,   /* a new plan */
	STEP_ENFORCE, /* the last good plan: repairs drift, and what a refused plan left half done */
	STEP_BLAME,   /* who asked for what the kernel refused */
	STEP_WEIGH,   /* a new plan that waits, without touching anything */
	STEP_REACH,   /* a probe's target, before a change that may lock somebody out */
	STEP_GATE,    /* such a change, behind its gate */
	STEP_PROBE,   /* git and the targets again */
	STEP_CHECK,   /* the kernel, behind the gate */
	STEP_FOLD,    /* what was confirmed, without the gate */
	STEP_DIFF,    /* the last good plan against the kernel, changing nothing */
	STEP_PICK,    /* a commit out of the mirror, to compare with */
	STEP_MAKE,    /* its plan */
	STEP_READ,    /* what the kernel holds */
	STEP_COMPARE, /* the two, as access */
	STEP_COUNT
};

enum turn_kind {
	TURN_FULL,
	TURN_ENFORCE, /* no fetch: at start, and when a peer's dates begin or end */
	TURN_WINDOW,  /* probes of a change that waits, and its end */
	TURN_DIFF,
	TURN_VERIFY,
};

/* Of TURN_VERIFY, and of TURN_DIFF where something differs. */
struct verify {
	char pick[COMMIT_TEXT_MAX];   /* what was asked for; "": what is in force */
	char commit[COMMIT_TEXT_MAX]; /* compared with */
	struct plan_ref plan;         /* of the picked commit */
	int observed_fd;              /* -1: not read yet */
	struct buf document;          /* JSON, as report/verdict.h says; empty: nothing was compared */
	bool equal;
};

void verify_release(struct verify *v);

enum turn_outcome { /* the worst of a turn, ascending */
	OUTCOME_UNCHANGED, OUTCOME_REPAIRED, OUTCOME_APPLIED,
	OUTCOME_WAITING,  /* a window is open */
	OUTCOME_HELD,     /* there is a new plan that is not applied: rolled back or refused before, too much at once, suspended */
	OUTCOME_PENDING,  /* the newest commit waits for a signature */
	OUTCOME_REJECTED, /* the tree has errors, or the commit may not come into force */
	OUTCOME_FAILED,   /* git, the kernel or the disk */
	OUTCOME_COUNT
};

struct turn {
	const struct config *config;
	struct store *store;
	struct role *role; /* ROLE_COUNT of them */
	const char *repository; /* as it may be printed */

	/* What lasts over turns. */
	struct plan_ref good, candidate;
	char judged[COMMIT_TEXT_MAX]; /* the newest commit that was compiled, or rejected */
	bool judged_bad;
	struct buf judged_text;       /* why, as the compile role or the judge said */
	struct trust trust;
	struct refusals rejected;        /* what was offered and refused, since the start */
	int64_t retry_ms;             /* the candidate was refused: not before */
	unsigned int refusals;
	int refusal;                  /* the newest one's negative errno; 0: the role said nothing */
	char apply_holds[DIGEST_HEX_MAX]; /* the plan that the apply role has decoded */
	char apply_base[DIGEST_HEX_MAX];  /* and the one that it compares it with */
	uint32_t apply_starts;            /* and which life of that role it was */
	struct ipc_apply_res last;        /* newest successful answer of the apply role */
	int64_t last_at;                  /* its UTC second, 0: none yet */
	int64_t seen_ms;                  /* the same on the monotonic clock */
	uint32_t warned;                  /* enum host_warning bits already logged */
	struct held held;                 /* plans that are not tried again by themselves */
	struct suspend suspend;
	struct window window;             /* the change that waits for confirmation */
	uint32_t denied;                  /* peers of the plan that stay out */
	bool removals_wait;               /* suspended, and the candidate would take access away */

	/* This turn. */
	enum turn_step step;
	enum turn_kind kind;
	bool sent;          /* the step's request is out; else the role is not ready yet */
	bool fetch_failed;  /* git, in this turn */
	bool refused;       /* the kernel refused a new plan in this turn */
	bool forced;        /* yettctl sync: a refused plan is tried again at once */
	bool blamed;        /* it was asked already who asked for what was refused */
	enum turn_step refused_step;
	struct buf refused_why;
	bool noted;         /* the keys that the candidate revokes are kept; set by the supervisor */
	bool retry;         /* yettctl retry: one that is held too; set before turn_start() */
	uint32_t job;
	int64_t deadline_ms, limit_ms;
	uint64_t start_us, fetch_us, judge_us, compile_us, apply_us;
	int bundle_fd;
	char fetched[COMMIT_TEXT_MAX];
	enum turn_outcome outcome;
	struct buf text;    /* one line for the log and yettctl; of a failure the first */
	struct buf changes; /* the differences that were found */
	struct verify verify;
	/* Of the newest finished full or enforcing turn. */
	uint64_t took_us;
};

void turn_init(struct turn *t, const struct config *c, struct store *s, struct role *roles, const char *repository);
void turn_release(struct turn *t);

/* Reads what lasts over restarts, from the open store; what cannot be read is logged. */
void turn_load(struct turn *t);
/* A line of the journal about that plan; what cannot be written is logged. 0 or a negative errno. */
int turn_journal(struct turn *t, const char *event, const struct plan_ref *p, const char *text);

/* Begins one; the one before must have ended. */
void turn_start(struct turn *t, enum turn_kind kind, bool forced);
static inline bool turn_running(const struct turn *t)
{
	return t->step != STEP_IDLE;
}
/* True while the kernel is being changed. */
bool turn_applying(const struct turn *t);
/* True while t->good is what the kernel should hold and no request is with the apply role: others may ask it for that plan. */
bool turn_kernel_free(const struct turn *t);

/* Each of these may end the turn. */
void turn_role_ready(struct turn *t, enum role_id id);
void turn_role_lost(struct turn *t, enum role_id id, const char *why);
/* -EBADMSG: not a frame that this step waits for; the sender must go. */
int turn_frame(struct turn *t, enum role_id id, const struct ipc_frame *f);
/* Past the deadline: the role to kill before turn_timeout(); else ROLE_COUNT. */
enum role_id turn_overdue(const struct turn *t, int64_t now_ms);
void turn_timeout(struct turn *t);

const char *turn_outcome_text(enum turn_outcome o);
