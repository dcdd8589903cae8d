/* SPDX-License-Identifier: Apache-2.0 */
/* Commit mode: the kernel's copy of the high-water mark is read once, and what was fetched is judged before the compiler sees it. */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "report/text.h"
#include "state/evidence.h"

/* ---- the mark ---- */

static int send_mark(struct turn *t)
{
	const struct ipc_mark m = { .error = 0 };

	return message_send(t->role[ROLE_APPLY].sock, IPC_MARK_ASK, t->job, &m, sizeof(m), NULL, 0, -1);
}

/* Nothing may be enforced over a mark that was not read: it would be lost. */
static void mark_failed(struct turn *t, const char *why)
{
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "cannot ask the kernel which commit is in force: %s", why);
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_finish(t);
}

static int frame_mark(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_mark m;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_MARK_STATE)
		return -EBADMSG;
	memcpy(&m, f->body, sizeof(m));
	message_text(f, text, sizeof(text));
	if (m.error < 0) {
		mark_failed(t, text);
		return 0;
	}
	m.mark[sizeof(m.mark) - 1] = '\0';
	trust_take_mark(&t->trust, t->store->dirfd, m.mark);
	turn_first_step(t);
	return 0;
}

/* ---- the judge ---- */

static int give_signers(struct turn *t, const struct role *r)
{
	const struct ipc_judge_bytes none = { 0 };

	if (t->trust.signers_fd < 0 || t->trust.signers_given == r->starts)
		return 0;
	t->trust.signers_given = r->starts;
	return message_send(r->sock, IPC_JUDGE_SIGNERS, t->job, &none, sizeof(none), NULL, 0, t->trust.signers_fd);
}

void turn_judge_base(const struct turn *t, char base[static COMMIT_TEXT_MAX])
{
	const struct hwm *m = &t->trust.mark;

	memset(base, 0, COMMIT_TEXT_MAX);
	snprintf(base, COMMIT_TEXT_MAX, "%s", m->serial > 0 ? m->commit : t->config->trust.anchor);
}

static int send_judge(struct turn *t)
{
	const struct role *r = &t->role[ROLE_JUDGE];
	const struct ipc_judge_bytes none = { 0 };
	struct ipc_judge_req req;

	memset(&req, 0, sizeof(req));
	turn_judge_base(t, req.base);
	memcpy(req.tip, t->fetched, sizeof(req.tip));
	req.first = t->trust.mark.serial == 0;
	req.seen = t->trust.mark.seen;
	int ret = give_signers(t, r);
	if (ret == 0)
		ret = message_send(r->sock, IPC_JUDGE_TREE, t->job, &none, sizeof(none), NULL, 0, t->bundle_fd);
	if (ret == 0)
		ret = message_send(r->sock, IPC_JUDGE_REQ, t->job, &req, sizeof(req), NULL, 0, t->trust.proof_fd);
	return ret;
}

static void judge_failed(struct turn *t, const char *why)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s could not be judged: %s", text_of_commit(t->fetched, c), why);
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_enforce(t);
}

void turn_say_refused(struct turn *t, bool again)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;
	bool pending = t->trust.verdict.verdict == JUDGE_PENDING;

	trust_say(&t->trust, &line);
	if (t->good.fd >= 0)
		buf_addf(&line, "; %s stays in force", text_of_commit(t->good.commit, c));
	if (again)
		turn_fail_quietly(t, pending ? OUTCOME_PENDING : OUTCOME_REJECTED, buf_str(&line));
	else
		turn_fail(t, pending ? OUTCOME_PENDING : OUTCOME_REJECTED, buf_str(&line));
}

/* Both commits of a branch that went back or aside, where an administrator finds them. */
static void keep_evidence(struct turn *t, const struct ipc_judge_res *res, int fd)
{
	struct evidence e = { .code = res->code, .offered = t->fetched, .why = buf_str(&t->trust.why), .fd = fd,
			      .have_len = res->have_len, .offered_len = res->offered_len };
	char base[COMMIT_TEXT_MAX];

	turn_judge_base(t, base);
	e.have = base;
	int ret = evidence_keep(t->store->dirfd, &e);
	if (ret < 0)
		log_line("the evidence could not be kept: %s", strerror(-ret));
	else if (ret > 0)
		log_line("alarm: both commits are kept in " EVIDENCE_DIR "; yettctl evidence shows them");
}

static void refused(struct turn *t, const struct ipc_judge_res *res, int evidence_fd)
{
	struct plan_ref p = PLAN_REF_NONE;
	struct buf text BUF_CLEANUP = BUF_INIT;
	bool again = strcmp(t->judged, t->fetched) == 0; /* somebody asked for it */

	buf_addf(&text, "%s: %s", res->code, buf_str(&t->trust.why));
	turn_judge(t, t->fetched, true, buf_str(&text));
	if (!again)
		refusals_count(&t->rejected, res->code);
	if (evidence_fd >= 0)
		keep_evidence(t, res, evidence_fd);
	plan_ref_release(&t->candidate);
	turn_say_refused(t, again);
	snprintf(p.commit, sizeof(p.commit), "%s", t->fetched);
	if (!again)
		turn_journal(t, "rejected", &p, buf_str(&text));
	turn_enforce(t);
}

static int frame_judge(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_judge_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_JUDGE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if (trust_take_verdict(&t->trust, t->fetched, &res, text) < 0)
		return -EBADMSG;
	t->judge_us = res.elapsed_us;
	turn_drop_proof(t);
	if (res.verdict != JUDGE_ACCEPTED) {
		refused(t, &t->trust.verdict, f->fd);
		return 0;
	}
	if (strcmp(t->trust.mark.commit, t->fetched) != 0) {
		char c[COMMIT_TEXT_MAX];
		log_line("%s is accepted as commit %llu: signed by %s (%s)", text_of_commit(t->fetched, c),
			 (unsigned long long)t->trust.next.serial, res.signer[0] ? res.signer : "nobody; it is the anchor", res.key);
	}
	turn_enter(t, STEP_COMPILE);
	return 0;
}

const struct step_row step_mark = { "mark", ROLE_APPLY, 30000, send_mark, frame_mark, mark_failed };
const struct step_row step_judge = { "judge", ROLE_JUDGE, 60000, send_judge, frame_judge, judge_failed };
