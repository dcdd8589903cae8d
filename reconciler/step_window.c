/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change that could lock somebody out: carried out behind a gate that the kernel closes by itself, kept when the probes pass or a
 * person says so, taken back otherwise.
 *
 * reach, gate, probe, check, and then fold or enforce: the new plan alone, or the one before it.
 */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply/tunnels.h"
#include "base/clock.h"
#include "log.h"
#include "report/text.h"

#define PROBE_WAIT_MS 3000
#define GATE_LIMIT_MS 60000

/* ---- opening ---- */

static void keep_candidate_back(struct turn *t, const char *why)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s is not applied: %s", text_of_commit(t->candidate.commit, c), why);
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_enforce(t);
}

static void open_window(struct turn *t)
{
	struct window *w = &t->window;
	int ret = window_open(w, t->store, &t->candidate, t->config->confirm.window);

	if (ret < 0) {
		struct buf why BUF_CLEANUP = BUF_INIT;
		buf_addf(&why, "its window cannot be written down (%s), and what cannot be written down is not done", strerror(-ret));
		window_close(w, t->store);
		keep_candidate_back(t, buf_str(&why));
		return;
	}
	w->manual = t->config->confirm.mode == CONFIRM_MANUAL;
	turn_journal(t, "pending", &t->candidate, buf_str(&w->why));
	turn_enter(t, STEP_GATE);
}

void turn_open_window(struct turn *t, const struct weight *weight)
{
	window_release(&t->window);
	weigh_print(weight, &t->window.why);
	if (t->window.why.len == 0)
		buf_adds(&t->window.why, "every change waits here");
	if (t->config->confirm.ntargets > 0)
		turn_enter(t, STEP_REACH);
	else
		open_window(t);
}

/* ---- probes of targets, before and after ---- */

static int send_target(struct turn *t)
{
	const struct probe_target *p = &t->config->confirm.target[t->window.at];
	struct ipc_probe_req req;

	memset(&req, 0, sizeof(req));
	addr_to_bytes(p->addr, req.addr);
	req.port = p->port;
	req.wait_ms = PROBE_WAIT_MS;
	return message_send(t->role[ROLE_FETCH].sock, IPC_PROBE_REQ, t->job, &req, sizeof(req), NULL, 0, -1);
}

static int take_target(const struct ipc_frame *f, bool *ok)
{
	struct ipc_probe_res res;

	if (f->h.type != IPC_PROBE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	*ok = res.error == 0;
	return 0;
}

/* A target that cannot be reached before says nothing afterwards. */
static void reach_next(struct turn *t, bool ok)
{
	struct window *w = &t->window;

	w->reached |= (uint32_t)ok << w->at;
	if (!ok)
		log_line("probe %zu cannot be reached before the change and does not count", w->at + 1);
	if (++w->at < t->config->confirm.ntargets)
		turn_enter(t, STEP_REACH);
	else
		open_window(t);
}

static int frame_reach(struct turn *t, const struct ipc_frame *f)
{
	bool ok = false;
	int ret = take_target(f, &ok);

	if (ret == 0)
		reach_next(t, ok);
	return ret;
}

static void reach_failed(struct turn *t, const char *why)
{
	(void)why;
	reach_next(t, false);
}

/* ---- the gate ---- */

static int send_gate(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->good, APPLY_GATE);
}

static void roll_back(struct turn *t, const char *why, bool hold)
{
	char a[COMMIT_TEXT_MAX], b[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s is taken back: %s", text_of_commit(t->window.pending.commit, a), why);
	buf_addf(&line, "; %s is in force again", text_of_commit(t->good.commit, b));
	turn_fail(t, hold ? OUTCOME_HELD : OUTCOME_FAILED, buf_str(&line));
	turn_journal(t, "rolled-back", &t->window.pending, why);
	plan_ref_release(&t->candidate);
	t->candidate = t->window.pending;
	t->window.pending = (struct plan_ref)PLAN_REF_NONE;
	if (hold)
		turn_hold_candidate(t, why);
	int ret = window_close(&t->window, t->store);
	if (ret < 0)
		log_line("what is left of the window could not be removed: %s", strerror(-ret));
	t->apply_holds[0] = '\0';
	turn_enforce(t);
}

static void gate_failed(struct turn *t, const char *why)
{
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (turn_blame(t, why, STEP_GATE))
		return;
	t->apply_holds[0] = t->apply_base[0] = '\0';
	buf_addf(&line, "it could not be applied: %s", why);
	turn_try_later(t);
	roll_back(t, buf_str(&line), !turn_refusal_passes(t));
	t->refusal = 0;
}

static void say_pending(struct turn *t)
{
	char c[COMMIT_TEXT_MAX], until[CLOCK_TEXT_MAX];
	const struct window *w = &t->window;

	if (t->outcome >= OUTCOME_HELD)
		return;
	t->outcome = OUTCOME_WAITING;
	buf_reset(&t->text);
	buf_addf(&t->text, "%s is in force until %s, because %s; it stays if ", text_of_commit(w->pending.commit, c),
		 clock_format(w->until, until), buf_str(&w->why));
	if (w->manual)
		buf_adds(&t->text, "somebody types: yettctl confirm");
	else
		buf_adds(&t->text, w->waits.len > 0 ? buf_str(&w->waits) : "its probes pass");
}

static void wait_on(struct turn *t)
{
	t->window.look_ms = t->window.manual ? INT64_MAX : role_clock_ms() + WINDOW_LOOK_MS;
	say_pending(t);
	turn_finish(t);
}

static void begin_probes(struct turn *t)
{
	t->window.at = 0;
	t->window.failed = false;
	buf_reset(&t->window.waits);
	turn_enter(t, STEP_PROBE);
}

static int frame_gate(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_apply_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_APPLY_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	t->apply_us = res.elapsed_us;
	if (res.error < 0) {
		t->refusal = res.error;
		gate_failed(t, text);
		return 0;
	}
	turn_seen(t, &res);
	turn_changes(f, text, &t->changes);
	t->window.gated = res.gated != 0;
	t->window.placed = true;
	plan_ref_release(&t->candidate);
	say_pending(t);
	log_line("%s", buf_str(&t->text));
	if (t->window.manual)
		wait_on(t);
	else
		begin_probes(t);
	return 0;
}

/* ---- probes ---- */

static void waits_for(struct turn *t, const char *what)
{
	t->window.failed = true;
	buf_addf(&t->window.waits, "%s%s", t->window.waits.len > 0 ? " and " : "", what);
}

/* Probe 0 is git, when it is asked for; targets that could be reached before follow. */
static bool next_probe(struct turn *t)
{
	const struct config_confirm *c = &t->config->confirm;
	struct window *w = &t->window;

	if (w->at == 0 && c->git)
		return true;
	if (w->at == 0)
		w->at = 1;
	while (w->at <= c->ntargets && !(w->resumed || w->reached & 1u << (w->at - 1)))
		w->at++;
	return w->at <= c->ntargets;
}

static int send_probe(struct turn *t)
{
	struct ipc_fetch_req req;

	if (!next_probe(t)) { /* nothing of this kind is asked for */
		turn_enter(t, STEP_CHECK);
		return 0;
	}
	if (t->window.at > 0) {
		t->window.at--;
		int ret = send_target(t);
		t->window.at++;
		return ret;
	}
	memset(&req, 0, sizeof(req));
	memcpy(req.known, t->judged, sizeof(req.known));
	return message_send(t->role[ROLE_FETCH].sock, IPC_FETCH_REQ, t->job, &req, sizeof(req), NULL, 0, -1);
}

static void probed(struct turn *t, bool ok)
{
	if (!ok && t->window.at == 0)
		waits_for(t, "git is reached again");
	else if (!ok)
		waits_for(t, "every probe's address is reached again");
	t->window.at++;
	turn_enter(t, next_probe(t) ? STEP_PROBE : STEP_CHECK);
}

static int frame_probe(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_fetch_res res;
	bool ok = false;

	if (t->window.at > 0) {
		int ret = take_target(f, &ok);
		if (ret == 0)
			probed(t, ok);
		return ret;
	}
	if (f->h.type == IPC_FETCH_PROGRESS)
		return 0;
	if (f->h.type != IPC_FETCH_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	/* Whatever stands on the branch by now: it was read. The next full turn takes it. */
	probed(t, res.verdict != FETCH_FAILED);
	return 0;
}

static void probe_failed(struct turn *t, const char *why)
{
	(void)why;
	probed(t, false);
}

/* ---- what the kernel says, and the decision ---- */

static int send_check(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->good, APPLY_ENFORCE);
}

static bool tunnels_fail(const struct turn *t, const struct ipc_apply_res *res)
{
	return t->config->confirm.tunnels && res->tunnels >= TUNNELS_MIN &&
	       (uint64_t)res->tunnels_back * 100 < (uint64_t)res->tunnels * TUNNELS_SHARE;
}

static void confirm(struct turn *t, const char *how)
{
	struct window *w = &t->window;
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s is confirmed %s", text_of_commit(w->pending.commit, c), how);
	int ret = store_applied(t->store, &w->pending, buf_str(&line));
	if (ret < 0) {
		struct buf why BUF_CLEANUP = BUF_INIT;
		buf_addf(&why, "that it is confirmed could not be written down (%s)", strerror(-ret));
		roll_back(t, buf_str(&why), false);
		return;
	}
	if (trust_in_force(&t->trust, t->store->dirfd, w->pending.commit) < 0)
		log_line("the commit is confirmed, but its high-water mark is not on the disk yet");
	plan_ref_release(&t->good);
	t->good = w->pending;
	w->pending = (struct plan_ref)PLAN_REF_NONE;
	ret = window_close(w, t->store);
	if (ret < 0)
		log_line("what is left of the window could not be removed: %s", strerror(-ret));
	t->outcome = OUTCOME_APPLIED;
	buf_reset(&t->text);
	buf_adds(&t->text, buf_str(&line));
	log_line("%s", buf_str(&t->text));
	turn_enter(t, STEP_FOLD);
}

static void decide(struct turn *t, const struct ipc_apply_res *res)
{
	struct window *w = &t->window;
	char text[96];

	if (w->gated && !res->alive) {
		roll_back(t, window_expired(w) ? "nobody confirmed it in time" : "its gate was closed by somebody else", true);
		return;
	}
	if (tunnels_fail(t, res)) {
		snprintf(text, sizeof(text), "tunnels come back (%u of %u so far)", res->tunnels_back, res->tunnels);
		waits_for(t, text);
	}
	if (!w->failed && !window_expired(w))
		confirm(t, "by its probes");
	else if (window_expired(w))
		roll_back(t, "its probes did not pass in time", true);
	else
		wait_on(t);
}

static int frame_check(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_apply_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_APPLY_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if (res.error < 0) {
		roll_back(t, text, true);
		return 0;
	}
	turn_seen(t, &res);
	decide(t, &res);
	return 0;
}

static void check_failed(struct turn *t, const char *why)
{
	t->apply_holds[0] = t->apply_base[0] = '\0';
	waits_for(t, why);
	wait_on(t);
}

/* ---- the new plan alone ---- */

static int frame_fold(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_apply_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_APPLY_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if (res.error < 0) {
		step_fold.failed(t, text);
		return 0;
	}
	turn_seen(t, &res);
	turn_finish(t);
	return 0;
}

/* It is the last good plan by now: the next look makes it whole. */
static void fold_failed(struct turn *t, const char *why)
{
	t->apply_holds[0] = '\0';
	log_line("the gate could not be removed: %s", why);
	turn_finish(t);
}

/* ---- a turn while a window is open ---- */

void turn_window(struct turn *t)
{
	struct window *w = &t->window;

	if (!w->open)
		turn_finish(t);
	else if (w->resumed && !w->placed)
		turn_enter(t, STEP_GATE);
	else if (w->rollback)
		roll_back(t, "a person said so", true);
	else if (window_expired(w))
		roll_back(t, w->manual ? "nobody confirmed it in time" : "its probes did not pass in time", true);
	else if (w->confirm)
		confirm(t, "by a person");
	else if (w->manual)
		wait_on(t);
	else
		begin_probes(t);
}

const struct step_row step_reach = { "reach", ROLE_FETCH, PROBE_WAIT_MS + 5000, send_target, frame_reach, reach_failed };
const struct step_row step_gate = { "gate", ROLE_APPLY, GATE_LIMIT_MS, send_gate, frame_gate, gate_failed };
const struct step_row step_probe = { "probe", ROLE_FETCH, FETCH_STALL_MS, send_probe, frame_probe, probe_failed };
const struct step_row step_check = { "check", ROLE_APPLY, GATE_LIMIT_MS, send_check, frame_check, check_failed };
const struct step_row step_fold = { "fold", ROLE_APPLY, GATE_LIMIT_MS, send_check, frame_fold, fold_failed };
