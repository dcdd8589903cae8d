/* SPDX-License-Identifier: Apache-2.0 */
/* step - what one step of a turn asks its role, and what follows from the answer. Private to turn.c and step_*.c. */
#pragma once

#include "turn.h"

struct step_row {
	const char *name;
	enum role_id role;
	int64_t limit_ms;
	/* Sends the request; a negative errno fails the step. */
	int (*send)(struct turn *t);
	/* Takes an answer; -EBADMSG: it is none. */
	int (*frame)(struct turn *t, const struct ipc_frame *f);
	/* The role is lost, late, or said so. */
	void (*failed)(struct turn *t, const char *why);
};

#define FETCH_STALL_MS 60000
#define FETCH_LIMIT_MS (30 * 60000) /* with bytes coming in all the while */

extern const struct step_row step_mark, step_judge, step_fetch, step_compile, step_apply, step_enforce, step_diff;
extern const struct step_row step_blame, step_weigh, step_reach, step_gate, step_probe, step_check, step_fold;
extern const struct step_row step_pick, step_make, step_read, step_compare;

/* ---- moving on ---- */

/* The row of the step that the turn is in. */
const struct step_row *turn_step(const struct turn *t);
void turn_enter(struct turn *t, enum turn_step step);
/* The first failure of a turn is what it tells; later ones follow from it and go to the log. */
void turn_fail(struct turn *t, enum turn_outcome o, const char *text);
/* The same without a line in the log: it stands there since the turn that found it. */
void turn_fail_quietly(struct turn *t, enum turn_outcome o, const char *text);
void turn_finish(struct turn *t);
/* What this kind of turn begins with, once the high-water mark is known. */
void turn_first_step(struct turn *t);
void turn_drop_bundle(struct turn *t);
void turn_drop_proof(struct turn *t);
/* After all else: the last good plan, unless there is none. */
void turn_enforce(struct turn *t);

/* ---- what steps share ---- */

/* Remembers the verdict on a commit, so that the next turn needs not judge it again. */
void turn_judge(struct turn *t, const char *commit, bool bad, const char *text);
/* The commit that was just fetched has errors. */
void turn_reject(struct turn *t, const char *commit, const char *text);
/* Begins comparing the kernel with t->verify.pick, or with what is in force. */
void turn_verify(struct turn *t);
/* What becomes of the candidate now: applied, or kept from it; either way the turn goes on. */
void turn_consider_candidate(struct turn *t);
/* Tells that the newest commit is held back by the judge's word. again: it was told before. */
void turn_say_refused(struct turn *t, bool again);
/* The commit by whose tree the next one is judged; "": none. */
void turn_judge_base(const struct turn *t, char base[static COMMIT_TEXT_MAX]);
/* Writes down what is about to be done and goes to STEP_APPLY. */
void turn_apply_candidate(struct turn *t);
/* Asks the apply role for that plan, without sending it again when the role holds it. 0 or a negative errno. */
int turn_send_plan(struct turn *t, uint32_t job, const struct plan_ref *p, enum apply_mode mode);
/* Remembers what the kernel was found to be, and warns of what is new in it. */
void turn_seen(struct turn *t, const struct ipc_apply_res *res);
/* The differences that an answer of the apply role tells; a long text comes in a memfd. */
void turn_changes(const struct ipc_frame *f, const char *text, struct buf *out);
/* It is weighed, and everything new is suspended. */
void turn_say_suspended(struct turn *t);
/* Whether what the kernel said last may be otherwise the next time. */
bool turn_refusal_passes(const struct turn *t);
/*
 * What was just refused is looked up in the tree, and that step fails again with the answer in its sentence. False: there is nothing to ask, or it
 * was asked already.
 */
bool turn_blame(struct turn *t, const char *why, enum turn_step refused);
/* Sets when the candidate is tried again. */
void turn_try_later(struct turn *t);
/* The candidate goes behind a gate; weight says why. */
void turn_open_window(struct turn *t, const struct weight *weight);
/* A look at the window that is open: probes, the end of its time, a person's word. */
void turn_window(struct turn *t);
/* The candidate is not tried again by itself. */
void turn_hold_candidate(struct turn *t, const char *reason);
