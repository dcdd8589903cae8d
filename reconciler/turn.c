/* SPDX-License-Identifier: Apache-2.0 */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "log.h"
#include "report/text.h"
#include "step.h"

static const struct step_row idle = { .name = "idle", .role = ROLE_COUNT };

static const struct step_row *const steps[STEP_COUNT] = {
	[STEP_IDLE] = &idle,
	[STEP_MARK] = &step_mark,
	[STEP_FETCH] = &step_fetch,
	[STEP_JUDGE] = &step_judge,
	[STEP_COMPILE] = &step_compile,
	[STEP_APPLY] = &step_apply,
	[STEP_ENFORCE] = &step_enforce,
	[STEP_BLAME] = &step_blame,
	[STEP_WEIGH] = &step_weigh,
	[STEP_REACH] = &step_reach,
	[STEP_GATE] = &step_gate,
	[STEP_PROBE] = &step_probe,
	[STEP_CHECK] = &step_check,
	[STEP_FOLD] = &step_fold,
	[STEP_DIFF] = &step_diff,
	[STEP_PICK] = &step_pick,
	[STEP_MAKE] = &step_make,
	[STEP_READ] = &step_read,
	[STEP_COMPARE] = &step_compare,
};

const struct step_row *turn_step(const struct turn *t)
{
	return steps[t->step];
}

/* ---- moving on ---- */

static void try_send(struct turn *t)
{
	const struct step_row *row = steps[t->step];

	if (t->sent || !t->role[row->role].ready)
		return;
	t->sent = true;
	t->job++;
	int ret = row->send(t);
	if (ret < 0)
		row->failed(t, strerror(-ret));
}

void turn_enter(struct turn *t, enum turn_step step)
{
	int64_t now = role_clock_ms();

	t->step = step;
	t->sent = false;
	t->deadline_ms = now + steps[step]->limit_ms;
	t->limit_ms = now + FETCH_LIMIT_MS;
	if (step == STEP_PROBE) { /* a fetch that hangs must not outlast the window */
		int64_t left = t->window.deadline_ms - window_clock_ms(), end = now + (left > 0 ? left : 0);
		t->deadline_ms = end < t->deadline_ms ? end : t->deadline_ms;
	}
	try_send(t);
}

void turn_fail(struct turn *t, enum turn_outcome o, const char *text)
{
	log_at(LOG_ERROR, "%s", text);
	turn_fail_quietly(t, o, text);
}

void turn_fail_quietly(struct turn *t, enum turn_outcome o, const char *text)
{
	if (t->outcome >= OUTCOME_HELD)
		return;
	t->outcome = o;
	buf_reset(&t->text);
	buf_adds(&t->text, text);
}

void turn_drop_bundle(struct turn *t)
{
	if (t->bundle_fd >= 0)
		close(t->bundle_fd);
	t->bundle_fd = -1;
}

void turn_drop_proof(struct turn *t)
{
	if (t->trust.proof_fd >= 0)
		close(t->trust.proof_fd);
	t->trust.proof_fd = -1;
}

void turn_finish(struct turn *t)
{
	turn_drop_bundle(t);
	turn_drop_proof(t);
	verify_release(&t->verify);
	if (t->kind == TURN_FULL || t->kind == TURN_ENFORCE)
		t->took_us = text_clock_us() - t->start_us;
	t->step = STEP_IDLE;
}

void turn_enforce(struct turn *t)
{
	turn_drop_bundle(t);
	if (t->good.fd >= 0) {
		turn_enter(t, STEP_ENFORCE);
		return;
	}
	if (t->outcome >= OUTCOME_HELD)
		log_line("there is no last good plan yet: nothing is enforced");
	turn_finish(t);
}

int turn_journal(struct turn *t, const char *event, const struct plan_ref *p, const char *text)
{
	const struct journal_entry e = { event, p->commit, p->digest, text, NULL };
	int ret = store_note(t->store, &t->good, &e);

	if (ret < 0)
		log_line("cannot write the journal: %s", strerror(-ret));
	return ret;
}

/* ---- who turns it ---- */

void turn_init(struct turn *t, const struct config *c, struct store *s, struct role *roles, const char *repository)
{
	*t = (struct turn){ .config = c, .store = s, .role = roles, .repository = repository,
			    .good = PLAN_REF_NONE, .candidate = PLAN_REF_NONE, .window = { .pending = PLAN_REF_NONE }, .bundle_fd = -1,
			    .verify = { .plan = PLAN_REF_NONE, .observed_fd = -1 } };
	t->last.next_change = CLOCK_NEVER;
	trust_init(&t->trust);
}

void turn_load(struct turn *t)
{
	int ret = held_load(&t->held, t->store->dirfd);

	if (ret < 0)
		log_line("which plans are held cannot be read, and none counts as held: %s", strerror(-ret));
	bool over = false;
	ret = window_load(&t->window, t->store, &t->good, &over);
	if (ret < 0)
		log_line("what is left of a window cannot be removed: %s", strerror(-ret));
	if (t->window.open) {
		t->window.manual = t->config->confirm.mode == CONFIRM_MANUAL;
		buf_adds(&t->window.why, "yettd was started again while it waited for confirmation");
	} else if (over) {
		log_line("a change that waited for confirmation is taken back, because yettd or the machine stopped meanwhile");
		turn_journal(t, "rolled-back", &t->good, "yettd or the machine stopped while a change waited for confirmation");
	}
	ret = suspend_load(&t->suspend, t->store->dirfd);
	if (ret < 0)
		log_line("whether it is suspended cannot be read, and it counts as not: %s", strerror(-ret));
}

void turn_release(struct turn *t)
{
	turn_drop_bundle(t);
	trust_release(&t->trust);
	plan_ref_release(&t->good);
	plan_ref_release(&t->candidate);
	window_release(&t->window);
	buf_release(&t->judged_text);
	buf_release(&t->refused_why);
	buf_release(&t->text);
	buf_release(&t->changes);
	verify_release(&t->verify);
	buf_release(&t->verify.document);
}

void turn_start(struct turn *t, enum turn_kind kind, bool forced)
{
	if (turn_running(t))
		BUG("a turn inside a turn");
	t->kind = kind;
	t->forced = forced;
	t->outcome = OUTCOME_UNCHANGED;
	t->start_us = text_clock_us();
	t->fetch_us = t->judge_us = t->compile_us = t->apply_us = 0;
	t->fetch_failed = t->refused = false;
	t->fetched[0] = '\0';
	t->blamed = false;
	buf_reset(&t->text);
	buf_reset(&t->changes);
	buf_reset(&t->verify.document);
	if (t->trust.on && !t->trust.asked && (kind == TURN_FULL || kind == TURN_ENFORCE))
		turn_enter(t, STEP_MARK);
	else
		turn_first_step(t);
}

void turn_first_step(struct turn *t)
{
	switch (t->kind) {
	case TURN_FULL:
		turn_enter(t, STEP_FETCH);
		break;
	case TURN_ENFORCE:
		turn_enforce(t);
		break;
	case TURN_WINDOW:
		turn_window(t);
		break;
	case TURN_DIFF:
		if (t->good.fd >= 0)
			turn_enter(t, STEP_DIFF);
		else
			step_diff.failed(t, "there is no plan yet to compare with");
		break;
	case TURN_VERIFY:
		turn_verify(t);
		break;
	}
}

bool turn_applying(const struct turn *t)
{
	return t->sent && (t->step == STEP_APPLY || t->step == STEP_ENFORCE || t->step == STEP_GATE || t->step == STEP_CHECK ||
			   t->step == STEP_FOLD);
}

bool turn_kernel_free(const struct turn *t)
{
	return t->good.fd >= 0 && steps[t->step]->role != ROLE_APPLY && t->step != STEP_BLAME;
}

void turn_role_ready(struct turn *t, enum role_id id)
{
	if (turn_running(t) && steps[t->step]->role == id)
		try_send(t);
}

void turn_role_lost(struct turn *t, enum role_id id, const char *why)
{
	if (turn_running(t) && steps[t->step]->role == id && t->sent)
		steps[t->step]->failed(t, why);
}

int turn_frame(struct turn *t, enum role_id id, const struct ipc_frame *f)
{
	if (!turn_running(t) || steps[t->step]->role != id || !t->sent || f->h.job != t->job)
		return -EBADMSG;
	return steps[t->step]->frame(t, f);
}

void turn_timeout(struct turn *t)
{
	char why[160];

	if (!turn_running(t))
		return;
	if (t->step == STEP_FETCH)
		snprintf(why, sizeof(why), "the git host sent nothing for %lld s, or takes more than %d minutes [E_FETCH_LIMIT]",
			 (long long)t->config->fetch_timeout, FETCH_LIMIT_MS / 60000);
	else
		snprintf(why, sizeof(why), "the %s role did not answer in time", role_name(steps[t->step]->role));
	steps[t->step]->failed(t, why);
}

enum role_id turn_overdue(const struct turn *t, int64_t now_ms)
{
	return turn_running(t) && now_ms >= t->deadline_ms ? steps[t->step]->role : ROLE_COUNT;
}

const char *turn_outcome_text(enum turn_outcome o)
{
	static const char *const names[] = {
		[OUTCOME_UNCHANGED] = "unchanged", [OUTCOME_REPAIRED] = "repaired", [OUTCOME_APPLIED] = "applied",
		[OUTCOME_WAITING] = "waiting", [OUTCOME_HELD] = "held", [OUTCOME_PENDING] = "pending",
		[OUTCOME_REJECTED] = "rejected", [OUTCOME_FAILED] = "failed",
	};

	return names[o];
}
