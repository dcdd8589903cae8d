/* SPDX-License-Identifier: Apache-2.0 */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "log.h"
#include "observe/host.h"
#include "report/text.h"

#define FETCH_STALL_MS 60000
#define FETCH_LIMIT_MS (30 * 60000) /* with bytes coming in all the while */
#define RETRY_MIN_MS 5000
#define RETRY_MAX_MS (15 * 60000)
#define CHANGES_MAX ((size_t)1 << 20)

struct step_row {
	const char *name;
	enum role_id role;
	int64_t limit_ms;
	int (*send)(struct turn *t);
	int (*frame)(struct turn *t, const struct ipc_frame *f);
	void (*failed)(struct turn *t, const char *why);
};

static const struct step_row steps[STEP_COUNT];

/* ---- moving on ---- */

static void try_send(struct turn *t)
{
	const struct step_row *row = &steps[t->step];

	if (t->sent || !t->role[row->role].ready)
		return;
	t->sent = true;
	t->job++;
	int ret = row->send(t);
	if (ret < 0)
		row->failed(t, strerror(-ret));
}

static void enter(struct turn *t, enum turn_step step)
{
	int64_t now = role_clock_ms();

	t->step = step;
	t->sent = false;
	t->deadline_ms = now + steps[step].limit_ms;
	t->limit_ms = now + FETCH_LIMIT_MS;
	try_send(t);
}

/* The first failure of a turn is what it tells; later ones follow from it and go to the log. */
static void fail(struct turn *t, enum turn_outcome o, const char *text)
{
	log_line("%s", text);
	if (t->outcome >= OUTCOME_REJECTED)
		return;
	t->outcome = o;
	buf_reset(&t->text);
	buf_adds(&t->text, text);
}

static void drop_bundle(struct turn *t)
{
	if (t->bundle_fd >= 0)
		close(t->bundle_fd);
	t->bundle_fd = -1;
}

static void finish(struct turn *t)
{
	drop_bundle(t);
	if (t->kind != TURN_DIFF)
		t->took_us = text_clock_us() - t->start_us;
	t->step = STEP_IDLE;
}

/* After all else: the last good plan, unless there is none. */
static void enforce(struct turn *t)
{
	drop_bundle(t);
	if (t->good.fd >= 0) {
		enter(t, STEP_ENFORCE);
		return;
	}
	if (t->outcome >= OUTCOME_REJECTED)
		log_line("there is no last good plan yet: nothing is enforced");
	finish(t);
}

static int journal(struct turn *t, const char *event, const struct plan_ref *p, const char *text)
{
	const struct journal_entry e = { event, p->commit, p->digest, text };
	int ret = journal_append(&t->store->journal, &e);

	if (ret < 0)
		log_line("cannot write the journal: %s", strerror(-ret));
	return ret;
}

/* ---- fetch ---- */

static int send_fetch(struct turn *t)
{
	struct ipc_fetch_req req;

	memset(&req, 0, sizeof(req));
	memcpy(req.known, t->judged, sizeof(req.known));
	return message_send(t->role[ROLE_FETCH].sock, IPC_FETCH_REQ, t->job, &req, sizeof(req), NULL, 0, -1);
}

static void fetch_failed(struct turn *t, const char *why)
{
	fail(t, OUTCOME_FAILED, why);
	enforce(t);
}

/* Remembers the verdict on a commit, so that the next turn needs not judge it again. */
static void judge(struct turn *t, const char *commit, bool bad, const char *text)
{
	snprintf(t->judged, sizeof(t->judged), "%s", commit);
	t->judged_bad = bad;
	buf_reset(&t->judged_text);
	buf_adds(&t->judged_text, text);
}

static void say_rejected(struct turn *t, bool again)
{
	char a[COMMIT_TEXT_MAX], b[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s %s rejected: the tree has errors", text_of_commit(t->judged, a), again ? "stays" : "is");
	if (t->good.fd >= 0)
		buf_addf(&line, "; %s stays in force", text_of_commit(t->good.commit, b));
	fail(t, OUTCOME_REJECTED, buf_str(&line));
	if (!again)
		log_text(buf_str(&t->judged_text));
}

static void reject(struct turn *t, const char *commit, const char *text)
{
	const struct plan_ref none = { .fd = -1, .commit = "", .digest = "" };
	struct plan_ref p = none;

	judge(t, commit, true, text);
	plan_ref_release(&t->candidate);
	say_rejected(t, false);
	snprintf(p.commit, sizeof(p.commit), "%s", commit);
	journal(t, "rejected", &p, NULL);
	enforce(t);
}

static void apply_candidate(struct turn *t);

/* Nothing new on the branch; but a plan that the kernel refused may be due again. */
static void same_commit(struct turn *t)
{
	if (t->judged_bad) {
		say_rejected(t, true);
		enforce(t);
		return;
	}
	if (t->candidate.fd < 0) {
		enforce(t);
		return;
	}
	if (t->forced || role_clock_ms() >= t->retry_ms) {
		apply_candidate(t);
		return;
	}
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;
	buf_addf(&line, "%s was refused by the kernel and is tried again in %lld s", text_of_commit(t->candidate.commit, c),
		 (long long)(t->retry_ms - role_clock_ms() + 999) / 1000);
	fail(t, OUTCOME_FAILED, buf_str(&line));
	enforce(t);
}

static int frame_fetch(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_fetch_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type == IPC_FETCH_PROGRESS) {
		int64_t end = role_clock_ms() + FETCH_STALL_MS;
		t->deadline_ms = end < t->limit_ms ? end : t->limit_ms;
		return 0;
	}
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if (f->h.type != IPC_FETCH_RES || !commit_text_ok(res.commit) || (res.verdict == FETCH_NEW) != (f->fd >= 0))
		return -EBADMSG;
	if (res.verdict != FETCH_FAILED && *res.commit == '\0')
		return -EBADMSG;
	t->fetch_us = res.elapsed_us;
	switch ((enum fetch_verdict)res.verdict) {
	case FETCH_NEW:
		memcpy(t->fetched, res.commit, sizeof(res.commit));
		t->bundle_fd = dup(f->fd);
		if (t->bundle_fd < 0)
			return -errno;
		enter(t, STEP_COMPILE);
		return 0;
	case FETCH_SAME:
		same_commit(t);
		return 0;
	case FETCH_TREE_ERRORS:
		reject(t, res.commit, text);
		return 0;
	case FETCH_FAILED:
		fetch_failed(t, text);
		return 0;
	}
	return -EBADMSG;
}

/* ---- compile ---- */

static int send_compile(struct turn *t)
{
	struct ipc_compile_req req;

	memset(&req, 0, sizeof(req));
	memcpy(req.commit, t->fetched, sizeof(req.commit));
	return message_send(t->role[ROLE_COMPILE].sock, IPC_COMPILE_REQ, t->job, &req, sizeof(req), NULL, 0, t->bundle_fd);
}

static void compile_failed(struct turn *t, const char *why)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s could not be compiled: %.*s", text_of_commit(t->fetched, c), (int)strcspn(why, "\n"), why);
	fail(t, OUTCOME_FAILED, buf_str(&line));
	enforce(t);
}

/* The commit says nothing new for this gateway: it counts as applied once the plan is enforced. */
static void same_plan(struct turn *t)
{
	plan_ref_release(&t->candidate);
	if (strcmp(t->good.commit, t->fetched) != 0) {
		memcpy(t->good.commit, t->fetched, sizeof(t->good.commit));
		journal(t, "applied", &t->good, "the plan is the same");
	}
	enforce(t);
}

static int take_compiled(struct turn *t, int fd, const struct ipc_compile_res *res, const char *text)
{
	int own = dup(fd);

	if (own < 0)
		return -errno;
	int ret = plan_ref_take(&t->candidate, own, t->fetched);
	if (ret < 0)
		return ret;
	judge(t, t->fetched, false, "");
	t->refusals = 0;
	if (res->warnings > 0) {
		char c[COMMIT_TEXT_MAX];
		log_line("%s has %u %s", text_of_commit(t->fetched, c), res->warnings,
			 res->warnings == 1 ? "warning" : "warnings");
		log_text(text);
	}
	drop_bundle(t);
	if (t->good.fd >= 0 && strcmp(t->good.digest, t->candidate.digest) == 0)
		same_plan(t);
	else
		apply_candidate(t);
	return 0;
}

static int frame_compile(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_compile_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_COMPILE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if ((res.verdict == COMPILE_PLAN) != (f->fd >= 0))
		return -EBADMSG;
	t->compile_us = res.elapsed_us;
	switch ((enum compile_verdict)res.verdict) {
	case COMPILE_PLAN:
		return take_compiled(t, f->fd, &res, text);
	case COMPILE_TREE_ERRORS:
		reject(t, t->fetched, text);
		return 0;
	case COMPILE_FAILED:
		compile_failed(t, text);
		return 0;
	}
	return -EBADMSG;
}

/* ---- apply, enforce, diff: one request, three ends ---- */

static int send_plan(struct turn *t, const struct plan_ref *p, enum apply_mode mode)
{
	const struct role *r = &t->role[ROLE_APPLY];
	bool held = t->apply_starts == r->starts && strcmp(t->apply_holds, p->digest) == 0;
	struct ipc_apply_req req;

	memset(&req, 0, sizeof(req));
	req.mode = mode;
	req.reuse = held;
	t->apply_starts = r->starts;
	memcpy(t->apply_holds, p->digest, sizeof(t->apply_holds));
	return message_send(r->sock, IPC_APPLY_REQ, t->job, &req, sizeof(req), NULL, 0, held ? -1 : p->fd);
}

static int send_apply(struct turn *t)
{
	return send_plan(t, &t->candidate, APPLY_CHANGE);
}

static int send_enforce(struct turn *t)
{
	return send_plan(t, &t->good, APPLY_ENFORCE);
}

static int send_diff(struct turn *t)
{
	return send_plan(t, &t->good, APPLY_DRY);
}

static void apply_candidate(struct turn *t)
{
	char c[COMMIT_TEXT_MAX];

	if (journal(t, "applying", &t->candidate, NULL) == 0) {
		enter(t, STEP_APPLY);
		return;
	}
	struct buf line BUF_CLEANUP = BUF_INIT;
	buf_addf(&line, "%s is not applied: what cannot be written down is not done", text_of_commit(t->candidate.commit, c));
	fail(t, OUTCOME_FAILED, buf_str(&line));
	enforce(t);
}

static void apply_failed(struct turn *t, const char *why)
{
	char a[COMMIT_TEXT_MAX], b[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;
	int64_t wait = RETRY_MIN_MS;

	for (unsigned int i = 0; i < t->refusals && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	t->refusals++;
	t->retry_ms = role_clock_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
	t->apply_holds[0] = '\0'; /* it may have died before it decoded the plan */
	buf_addf(&line, "%s could not be applied: %s", text_of_commit(t->candidate.commit, a), why);
	if (t->good.fd >= 0)
		buf_addf(&line, "; going back to %s", text_of_commit(t->good.commit, b));
	fail(t, OUTCOME_FAILED, buf_str(&line));
	journal(t, "failed", &t->candidate, why);
	enforce(t);
}

static void enforce_failed(struct turn *t, const char *why)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	t->apply_holds[0] = '\0';
	buf_addf(&line, "%s could not be enforced: %s", text_of_commit(t->good.commit, c), why);
	fail(t, OUTCOME_FAILED, buf_str(&line));
	finish(t);
}

static void diff_failed(struct turn *t, const char *why)
{
	t->apply_holds[0] = '\0';
	t->outcome = OUTCOME_FAILED;
	buf_reset(&t->text);
	buf_adds(&t->text, why);
	finish(t);
}

static void warn_host(struct turn *t, uint32_t now)
{
	for (uint32_t bit = 1; bit != 0 && bit <= (now | t->warned); bit <<= 1)
		if (now & ~t->warned & bit & (HOST_FORWARDING4_OFF | HOST_FORWARDING6_OFF))
			log_line("warning: %s", host_warning_text(bit));
	t->warned = now;
}

static void remember_good(struct turn *t)
{
	int ret = store_save_good(t->store, &t->candidate);

	if (ret < 0) {
		char c[COMMIT_TEXT_MAX];
		struct buf line BUF_CLEANUP = BUF_INIT;
		buf_addf(&line, "%s is in force but could not be kept for the next start: %s",
			 text_of_commit(t->candidate.commit, c), strerror(-ret));
		fail(t, OUTCOME_FAILED, buf_str(&line));
	}
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
	struct plan_ref p = t->candidate;
	remember_good(t);
	p.fd = -1;
	journal(t, "applied", &p, buf_str(&t->text));
	finish(t);
}

static void enforce_done(struct turn *t, const struct ipc_apply_res *res)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (res->counts.total == 0) {
		if (t->outcome == OUTCOME_UNCHANGED)
			buf_addf(&line, "unchanged: %s is in force", text_of_commit(t->good.commit, c));
	} else {
		buf_addf(&line, "repaired in ");
		text_of_us(t->apply_us, &line);
		buf_addf(&line, ": ");
		text_of_counts(&res->counts, &line);
		buf_addf(&line, "; %s is in force", text_of_commit(t->good.commit, c));
		log_line("%s", buf_str(&line));
		log_text(buf_str(&t->changes));
		journal(t, "repaired", &t->good, buf_str(&line));
	}
	if (t->outcome < OUTCOME_REJECTED) {
		t->outcome = res->counts.total == 0 ? OUTCOME_UNCHANGED : OUTCOME_REPAIRED;
		buf_reset(&t->text);
		buf_adds(&t->text, buf_str(&line));
	}
	finish(t);
}

/* The differences; a long text comes in a memfd. */
static void take_changes(struct turn *t, const struct ipc_frame *f, const char *text)
{
	const void *data;
	size_t len;

	buf_reset(&t->changes);
	if (f->fd < 0 || ipc_map(f->fd, CHANGES_MAX + 64, &data, &len) < 0) {
		buf_adds(&t->changes, text);
		return;
	}
	buf_add(&t->changes, data, len);
	munmap((void *)(uintptr_t)data, len);
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
		steps[t->step].failed(t, text);
		return 0;
	}
	res.interface[sizeof(res.interface) - 1] = '\0';
	take_changes(t, f, text);
	t->last = res;
	t->last_at = clock_now();
	warn_host(t, res.warnings);
	if (t->step == STEP_APPLY)
		apply_done(t, &res);
	else if (t->step == STEP_ENFORCE)
		enforce_done(t, &res);
	else
		finish(t);
	return 0;
}

/* ---- the table, and who turns it ---- */

static const struct step_row steps[STEP_COUNT] = {
	[STEP_IDLE] = { .name = "idle", .role = ROLE_COUNT },
	[STEP_FETCH] = { "fetch", ROLE_FETCH, FETCH_STALL_MS, send_fetch, frame_fetch, fetch_failed },
	[STEP_COMPILE] = { "compile", ROLE_COMPILE, 120000, send_compile, frame_compile, compile_failed },
	[STEP_APPLY] = { "apply", ROLE_APPLY, 60000, send_apply, frame_apply, apply_failed },
	[STEP_ENFORCE] = { "enforce", ROLE_APPLY, 60000, send_enforce, frame_apply, enforce_failed },
	[STEP_DIFF] = { "diff", ROLE_APPLY, 60000, send_diff, frame_apply, diff_failed },
};

void turn_init(struct turn *t, const struct config *c, struct store *s, struct role *roles, const char *repository)
{
	*t = (struct turn){ .config = c, .store = s, .role = roles, .repository = repository,
			    .good = PLAN_REF_NONE, .candidate = PLAN_REF_NONE, .bundle_fd = -1 };
	t->last.next_change = CLOCK_NEVER;
}

void turn_release(struct turn *t)
{
	drop_bundle(t);
	plan_ref_release(&t->good);
	plan_ref_release(&t->candidate);
	buf_release(&t->judged_text);
	buf_release(&t->text);
	buf_release(&t->changes);
}

void turn_start(struct turn *t, enum turn_kind kind, bool forced)
{
	if (turn_running(t))
		BUG("a turn inside a turn");
	t->kind = kind;
	t->forced = forced;
	t->outcome = OUTCOME_UNCHANGED;
	t->start_us = text_clock_us();
	t->fetch_us = t->compile_us = t->apply_us = 0;
	t->fetched[0] = '\0';
	buf_reset(&t->text);
	buf_reset(&t->changes);
	switch (kind) {
	case TURN_FULL:
		enter(t, STEP_FETCH);
		break;
	case TURN_ENFORCE:
		enforce(t);
		break;
	case TURN_DIFF:
		if (t->good.fd >= 0)
			enter(t, STEP_DIFF);
		else
			diff_failed(t, "there is no plan yet to compare with");
		break;
	}
}

bool turn_applying(const struct turn *t)
{
	return t->sent && (t->step == STEP_APPLY || t->step == STEP_ENFORCE);
}

void turn_role_ready(struct turn *t, enum role_id id)
{
	if (turn_running(t) && steps[t->step].role == id)
		try_send(t);
}

void turn_role_lost(struct turn *t, enum role_id id, const char *why)
{
	if (turn_running(t) && steps[t->step].role == id && t->sent)
		steps[t->step].failed(t, why);
}

int turn_frame(struct turn *t, enum role_id id, const struct ipc_frame *f)
{
	if (!turn_running(t) || steps[t->step].role != id || !t->sent || f->h.job != t->job)
		return -EBADMSG;
	return steps[t->step].frame(t, f);
}

void turn_timeout(struct turn *t)
{
	char why[64];

	if (!turn_running(t))
		return;
	snprintf(why, sizeof(why), "the %s role did not answer in time", role_name(steps[t->step].role));
	steps[t->step].failed(t, why);
}

enum role_id turn_overdue(const struct turn *t, int64_t now_ms)
{
	return turn_running(t) && now_ms >= t->deadline_ms ? steps[t->step].role : ROLE_COUNT;
}

const char *turn_outcome_text(enum turn_outcome o)
{
	static const char *const names[] = {
		[OUTCOME_UNCHANGED] = "unchanged", [OUTCOME_REPAIRED] = "repaired", [OUTCOME_APPLIED] = "applied",
		[OUTCOME_REJECTED] = "rejected", [OUTCOME_FAILED] = "failed",
	};

	return names[o];
}
