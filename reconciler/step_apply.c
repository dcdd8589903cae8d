/* SPDX-License-Identifier: Apache-2.0 */
/* Apply, enforce, diff: one request, three ends. */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "base/clock.h"
#include "log.h"
#include "observe/host.h"
#include "report/text.h"

#define RETRY_MIN_MS 5000
#define RETRY_MAX_MS (15 * 60000)
#define CHANGES_MAX ((size_t)1 << 20)
#define APPLY_LIMIT_MS 60000

/* The apply role compares with the plan in force: mostly the one that it holds, when another comes. */
static int send_base(struct turn *t, bool held, struct ipc_apply_req *req)
{
	struct ipc_base base;

	if (t->good.fd < 0 || strcmp(t->apply_base, t->good.digest) == 0)
		return 0;
	snprintf(t->apply_base, sizeof(t->apply_base), "%s", t->good.digest);
	if (!held && strcmp(t->apply_holds, t->good.digest) == 0) {
		req->keep = 1;
		return 0;
	}
	memset(&base, 0, sizeof(base));
	return message_send(t->role[ROLE_APPLY].sock, IPC_APPLY_BASE, 0, &base, sizeof(base), NULL, 0, t->good.fd);
}

static void set_terms(const struct turn *t, struct ipc_apply_req *req)
{
	const struct config *c = t->config;

	req->noted = t->noted;
	req->terms = (struct apply_terms){
		.when = (uint32_t)c->confirm.when,
		.share = (uint32_t)c->confirm.share,
		.removed_share = (uint32_t)c->limits.removed_share,
		.removed_peers = (uint32_t)c->limits.removed_peers,
		.mass_allowed = t->retry,
	};
}

int turn_send_plan(struct turn *t, uint32_t job, const struct plan_ref *p, enum apply_mode mode)
{
	const struct role *r = &t->role[ROLE_APPLY];
	bool gate = t->window.open && p == &t->good;
	const struct plan_ref *plan = gate ? &t->window.pending : p;
	struct ipc_apply_req req;
	int ret = 0;

	if (t->apply_starts != r->starts)
		t->apply_holds[0] = t->apply_base[0] = '\0';
	t->apply_starts = r->starts;
	bool held = strcmp(t->apply_holds, plan->digest) == 0;
	memset(&req, 0, sizeof(req));
	req.mode = mode;
	req.reuse = held;
	if (t->trust.on)
		hwm_mark(mode == APPLY_CHANGE ? trust_mark_of(&t->trust, p->commit) : &t->trust.mark, req.mark);
	req.gate = gate;
	req.deadline_ms = gate ? t->window.deadline_ms : 0;
	if (gate || mode == APPLY_CHANGE || mode == APPLY_WEIGH)
		ret = send_base(t, held, &req);
	else if (mode == APPLY_ENFORCE)
		t->apply_base[0] = '\0'; /* the plan stands alone again */
	if (mode == APPLY_CHANGE || mode == APPLY_WEIGH)
		set_terms(t, &req);
	if (ret < 0)
		return ret;
	memcpy(t->apply_holds, plan->digest, sizeof(t->apply_holds));
	return message_send(r->sock, IPC_APPLY_REQ, job, &req, sizeof(req), NULL, 0, held ? -1 : plan->fd);
}

static int send_apply(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->candidate, APPLY_CHANGE);
}

static int send_enforce(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->good, APPLY_ENFORCE);
}

static int send_diff(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->good, APPLY_DRY);
}

void turn_apply_candidate(struct turn *t)
{
	char c[COMMIT_TEXT_MAX];

	t->noted = false;
	int ret = store_room(t->store);
	if (ret == 0)
		ret = store_begin(t->store, &t->good, &t->candidate);
	if (ret == 0) {
		turn_enter(t, STEP_APPLY);
		return;
	}
	log_line("cannot write the journal: %s", strerror(-ret));
	struct buf line BUF_CLEANUP = BUF_INIT;
	buf_addf(&line, "%s is not applied: what cannot be written down is not done", text_of_commit(t->candidate.commit, c));
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_enforce(t);
}

/* What may be otherwise the next time; a lost or late role counts too. */
bool turn_refusal_passes(const struct turn *t)
{
	static const int passing[] = { 0, -EBUSY, -ENOBUFS, -ENOMEM, -ERESTART, -EAGAIN, -EINTR, -ENODEV, -ENETDOWN, -EIO, -EPIPE, -ECONNREFUSED,
				       -ENOENT, -EPERM, -EKEYREJECTED, -ENOTSUP };

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (t->refusal == passing[i])
			return true;
	return false;
}

void turn_try_later(struct turn *t)
{
	int64_t wait = RETRY_MIN_MS;

	for (unsigned int i = 0; i < t->refusals && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	t->refusals++;
	t->refused = true;
	t->retry_ms = role_clock_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

static void apply_failed(struct turn *t, const char *why)
{
	char a[COMMIT_TEXT_MAX], b[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (turn_blame(t, why, STEP_APPLY))
		return;
	turn_try_later(t);
	if (!turn_refusal_passes(t))
		turn_hold_candidate(t, why);
	t->refusal = 0;
	t->apply_holds[0] = '\0'; /* it may have died before it decoded the plan */
	buf_addf(&line, "%s could not be applied: %s", text_of_commit(t->candidate.commit, a), why);
	if (t->good.fd >= 0)
		buf_addf(&line, "; going back to %s", text_of_commit(t->good.commit, b));
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_journal(t, "failed", &t->candidate, why);
	turn_enforce(t);
}

static void enforce_failed(struct turn *t, const char *why)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	t->apply_holds[0] = '\0';
	buf_addf(&line, "%s could not be enforced: %s", text_of_commit(t->good.commit, c), why);
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_finish(t);
}

static void diff_failed(struct turn *t, const char *why)
{
	t->apply_holds[0] = '\0';
	t->outcome = OUTCOME_FAILED;
	buf_reset(&t->text);
	buf_adds(&t->text, why);
	turn_finish(t);
}

static void warn_host(struct turn *t, const struct ipc_apply_res *res)
{
	uint32_t now = res->warnings & HOST_WARNINGS;

	for (uint32_t bit = 1; bit <= HOST_WARNINGS; bit <<= 1) {
		struct buf text BUF_CLEANUP = BUF_INIT;
		if (!(now & ~t->warned & bit))
			continue;
		host_warning_print(bit, res, &text);
		log_at(LOG_WARNING, "warning: %s", buf_str(&text));
	}
	t->warned = now;
}

static void remember_good(struct turn *t)
{
	int ret = store_applied(t->store, &t->candidate, buf_str(&t->text));

	if (ret < 0) {
		char c[COMMIT_TEXT_MAX];
		struct buf line BUF_CLEANUP = BUF_INIT;
		buf_addf(&line, "%s is in force but could not be kept for the next start: %s",
			 text_of_commit(t->candidate.commit, c), strerror(-ret));
		turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	}
	if (trust_in_force(&t->trust, t->store->dirfd, t->candidate.commit) < 0)
		turn_fail(t, OUTCOME_FAILED, "the commit is in force, but its high-water mark is in the kernel alone");
	plan_ref_release(&t->good);
	t->good = t->candidate;
	t->candidate = (struct plan_ref)PLAN_REF_NONE;
}

static void say_applied(struct turn *t, const struct ipc_apply_res *res)
{
	char c[COMMIT_TEXT_MAX];

	buf_reset(&t->text);
	buf_addf(&t->text, "applied %s in ", text_of_commit(t->candidate.commit, c));
	text_of_us(text_clock_us() - t->start_us, &t->text);
	buf_adds(&t->text, ": ");
	text_of_counts(&res->counts, &t->text);
	buf_adds(&t->text, " (fetch ");
	text_of_us(t->fetch_us, &t->text);
	if (t->judge_us > 0) {
		buf_adds(&t->text, ", judge ");
		text_of_us(t->judge_us, &t->text);
	}
	buf_adds(&t->text, ", compile ");
	text_of_us(t->compile_us, &t->text);
	buf_adds(&t->text, ", apply ");
	text_of_us(t->apply_us, &t->text);
	buf_addf(&t->text, "; %llu bytes to the kernel)", (unsigned long long)res->stats.sent_bytes);
	log_line("%s", buf_str(&t->text));
}

static void apply_done(struct turn *t, const struct ipc_apply_res *res)
{
	t->outcome = OUTCOME_APPLIED;
	say_applied(t, res); /* the moment of enforcement is before the disk's */
	remember_good(t);
	turn_finish(t);
}

static void hold_mass(struct turn *t, const struct weight *w)
{
	char a[COMMIT_TEXT_MAX], b[COMMIT_TEXT_MAX], why[128];
	struct buf line BUF_CLEANUP = BUF_INIT;

	snprintf(why, sizeof(why), "it would remove %u of %u peers [E_MASS_CHANGE]", w->peers_removed, w->peers);
	turn_hold_candidate(t, why);
	buf_addf(&line, "%s is held: %s; if that is meant, type: yettctl retry; %s stays in force", text_of_commit(t->candidate.commit, a),
		 why, text_of_commit(t->good.commit, b));
	turn_fail(t, OUTCOME_HELD, buf_str(&line));
	turn_enforce(t);
}

/* What has to come before the change; the turn goes on with it. False: it is done. */
static bool before_change(struct turn *t, const struct ipc_apply_res *res)
{
	switch ((enum apply_verdict)res->verdict) {
	case VERDICT_DONE:
		return false;
	case VERDICT_NOTE:
		if (t->noted)
			turn_enter(t, STEP_APPLY);
		else
			apply_failed(t, "the keys that it revokes could not be written down");
		return true;
	case VERDICT_MASS:
		hold_mass(t, &res->weight);
		return true;
	case VERDICT_WINDOW:
		turn_open_window(t, &res->weight);
		return true;
	}
	apply_failed(t, "the apply role gave no verdict");
	return true;
}

static void weighed(struct turn *t, const struct ipc_apply_res *res)
{
	t->removals_wait = res->weight.removals;
	turn_say_suspended(t);
}

static void weigh_failed(struct turn *t, const char *why)
{
	log_line("what waits could not be weighed: %s", why);
	t->apply_holds[0] = t->apply_base[0] = '\0';
	t->removals_wait = true; /* it may */
	turn_say_suspended(t);
}

static int send_weigh(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->candidate, APPLY_WEIGH);
}

static void enforce_done(struct turn *t, const struct ipc_apply_res *res)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (res->counts.total == 0) {
		if (t->outcome == OUTCOME_UNCHANGED)
			buf_addf(&line, "unchanged: %s is in force", text_of_commit(t->good.commit, c));
	} else {
		text_of_repair(res, t->good.commit, &line);
		log_line("%s", buf_str(&line));
		log_text(buf_str(&t->changes));
		turn_journal(t, "repaired", &t->good, buf_str(&line));
	}
	if (t->outcome < OUTCOME_HELD) {
		t->outcome = res->counts.total == 0 ? OUTCOME_UNCHANGED : OUTCOME_REPAIRED;
		buf_reset(&t->text);
		buf_adds(&t->text, buf_str(&line));
	}
	turn_finish(t);
}

/* The differences; a long text comes in a memfd. */
void turn_changes(const struct ipc_frame *f, const char *text, struct buf *out)
{
	const void *data;
	size_t len;

	buf_reset(out);
	if (f->fd < 0 || ipc_map(f->fd, CHANGES_MAX + 64, &data, &len) < 0) {
		buf_adds(out, text);
		return;
	}
	buf_add(out, data, len);
	munmap((void *)(uintptr_t)data, len);
}

void turn_seen(struct turn *t, const struct ipc_apply_res *res)
{
	t->last = *res;
	t->last.interface[sizeof(t->last.interface) - 1] = '\0';
	t->last.seen.program[sizeof(t->last.seen.program) - 1] = '\0';
	t->last.neighbour.family[sizeof(t->last.neighbour.family) - 1] = '\0';
	t->last.neighbour.table[sizeof(t->last.neighbour.table) - 1] = '\0';
	t->last.neighbour.chain[sizeof(t->last.neighbour.chain) - 1] = '\0';
	t->last_at = clock_now();
	t->seen_ms = role_clock_ms();
	warn_host(t, &t->last);
	if (res->denied > t->denied)
		log_line("%u of the plan's peers stay out: their keys were revoked before, and a key that was revoked never comes back", res->denied);
	t->denied = res->denied;
}

static int frame_apply(struct turn *t, const struct ipc_frame *f)
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
		turn_step(t)->failed(t, text);
		return 0;
	}
	if (t->step == STEP_WEIGH) {
		weighed(t, &res);
		return 0;
	}
	if (t->step == STEP_APPLY && before_change(t, &res))
		return 0;
	turn_changes(f, text, &t->changes);
	turn_seen(t, &res);
	res = t->last;
	if (t->step == STEP_APPLY)
		apply_done(t, &res);
	else if (t->step == STEP_ENFORCE)
		enforce_done(t, &res);
	else if (res.counts.total > 0)
		turn_enter(t, STEP_READ); /* and what it means */
	else
		turn_finish(t);
	return 0;
}

const struct step_row step_apply = { "apply", ROLE_APPLY, APPLY_LIMIT_MS, send_apply, frame_apply, apply_failed };
const struct step_row step_enforce = { "enforce", ROLE_APPLY, APPLY_LIMIT_MS, send_enforce, frame_apply, enforce_failed };
const struct step_row step_weigh = { "weigh", ROLE_APPLY, APPLY_LIMIT_MS, send_weigh, frame_apply, weigh_failed };
const struct step_row step_diff = { "diff", ROLE_APPLY, APPLY_LIMIT_MS, send_diff, frame_apply, diff_failed };
