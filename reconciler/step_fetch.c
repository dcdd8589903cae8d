/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "report/text.h"

#define SEEN_MS 20000 /* looks come every 15 s (watch.h): within that the turn need not look itself */

static int send_fetch(struct turn *t)
{
	struct ipc_fetch_req req;

	t->deadline_ms = role_clock_ms() + t->config->fetch_timeout * 1000;
	memset(&req, 0, sizeof(req));
	/* A key may have come of age: who asks for a sync has it judged again. */
	if (!(t->forced && trust_refuses(&t->trust, t->judged)))
		memcpy(req.known, t->judged, sizeof(req.known));
	req.proof = t->trust.on;
	turn_judge_base(t, req.base);
	return message_send(t->role[ROLE_FETCH].sock, IPC_FETCH_REQ, t->job, &req, sizeof(req), NULL, 0, -1);
}

static void fetch_failed(struct turn *t, const char *why)
{
	char code[CODE_TEXT_MAX];

	t->fetch_failed = true;
	if (code_in(why, code)[0] != '\0')
		refusals_count(&t->rejected, code);
	turn_fail(t, OUTCOME_FAILED, why);
	turn_enforce(t);
}

void turn_judge(struct turn *t, const char *commit, bool bad, const char *text)
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

	if (trust_refuses(&t->trust, t->judged)) {
		turn_say_refused(t, again);
		return;
	}
	buf_addf(&line, "%s %s rejected: the tree has errors", text_of_commit(t->judged, a), again ? "stays" : "is");
	if (t->good.fd >= 0)
		buf_addf(&line, "; %s stays in force", text_of_commit(t->good.commit, b));
	turn_fail(t, OUTCOME_REJECTED, buf_str(&line));
	if (!again)
		log_text(buf_str(&t->judged_text));
}

void turn_reject(struct turn *t, const char *commit, const char *text)
{
	const struct plan_ref none = { .fd = -1, .commit = "", .digest = "" };
	struct plan_ref p = none;

	turn_judge(t, commit, true, text);
	refusals_count(&t->rejected, text);
	plan_ref_release(&t->candidate);
	say_rejected(t, false);
	snprintf(p.commit, sizeof(p.commit), "%s", commit);
	turn_journal(t, "rejected", &p, NULL);
	turn_enforce(t);
}

/* The same life of the apply role has found the kernel as it should be a moment ago, and hears of changes. */
static bool just_seen(const struct turn *t)
{
	return !t->forced && t->good.fd >= 0 && t->last_at != 0 && t->last.counts.total == 0 && role_clock_ms() - t->seen_ms < SEEN_MS &&
	       t->role[ROLE_APPLY].ready && t->apply_starts == t->role[ROLE_APPLY].starts &&
	       strcmp(t->apply_holds, t->good.digest) == 0;
}

/* Nothing new on the branch; but a plan that the kernel refused may be due again. */
static void same_commit(struct turn *t)
{
	if (t->judged_bad) {
		say_rejected(t, true);
		turn_enforce(t);
		return;
	}
	if (t->candidate.fd < 0 && just_seen(t)) {
		char c[COMMIT_TEXT_MAX];
		buf_addf(&t->text, "unchanged: %s is in force", text_of_commit(t->good.commit, c));
		turn_finish(t);
		return;
	}
	if (t->candidate.fd < 0) {
		turn_enforce(t);
		return;
	}
	turn_consider_candidate(t);
}

static int frame_fetch(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_fetch_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type == IPC_FETCH_PROGRESS) {
		int64_t end = role_clock_ms() + t->config->fetch_timeout * 1000;
		t->deadline_ms = end < t->limit_ms ? end : t->limit_ms;
		return 0;
	}
	if (f->h.type == IPC_FETCH_PROOF) {
		turn_drop_proof(t);
		t->trust.proof_fd = dup(f->fd);
		return t->trust.on && t->trust.proof_fd >= 0 ? 0 : -EBADMSG;
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
		if (t->trust.on && t->trust.proof_fd < 0)
			return -EBADMSG;
		turn_enter(t, t->trust.on ? STEP_JUDGE : STEP_COMPILE);
		return 0;
	case FETCH_SAME:
		same_commit(t);
		return 0;
	case FETCH_TREE_ERRORS:
		turn_reject(t, res.commit, text);
		return 0;
	case FETCH_FAILED:
		/*
		 * Its lock-down holds on to the files that were there when it began; a resolv.conf or a repository that was replaced
		 * since then is seen by the next one. And what made it fail does not stay with it.
		 */
		t->role[ROLE_FETCH].worn = true;
		fetch_failed(t, text);
		return 0;
	}
	return -EBADMSG;
}

const struct step_row step_fetch = { "fetch", ROLE_FETCH, FETCH_STALL_MS, send_fetch, frame_fetch, fetch_failed };
