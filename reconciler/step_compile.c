/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "report/text.h"

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
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_enforce(t);
}

/* The commit says nothing new for this gateway: it counts as applied once the plan is enforced. */
static void same_plan(struct turn *t)
{
	plan_ref_release(&t->candidate);
	if (trust_in_force(&t->trust, t->store->dirfd, t->fetched) < 0)
		log_line("the commit counts all the same");
	if (strcmp(t->good.commit, t->fetched) != 0) {
		memcpy(t->good.commit, t->fetched, sizeof(t->good.commit));
		turn_journal(t, "applied", &t->good, "the plan is the same");
	}
	turn_enforce(t);
}

static int take_compiled(struct turn *t, int fd, const struct ipc_compile_res *res, const char *text)
{
	int own = dup(fd);

	if (own < 0)
		return -errno;
	int ret = plan_ref_take(&t->candidate, own, t->fetched);
	if (ret < 0)
		return ret;
	turn_judge(t, t->fetched, false, "");
	t->refusals = 0;
	t->retry_ms = 0;
	if (res->warnings > 0) {
		char c[COMMIT_TEXT_MAX];
		log_line("%s has %u %s", text_of_commit(t->fetched, c), res->warnings,
			 res->warnings == 1 ? "warning" : "warnings");
		log_text(text);
	}
	/* An accepted commit is written into the kernel even when its rules are the same. */
	bool raises = t->trust.on && t->trust.next.serial > t->trust.mark.serial;
	if (t->good.fd >= 0 && strcmp(t->good.digest, t->candidate.digest) == 0 && !raises)
		same_plan(t);
	else
		turn_consider_candidate(t);
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
	/* It has read what strangers wrote: whatever that did to it does not last. */
	struct role *r = &t->role[ROLE_COMPILE];
	r->worn = ++r->jobs >= ROLE_JOBS_MAX || res.verdict != COMPILE_PLAN;
	switch ((enum compile_verdict)res.verdict) {
	case COMPILE_PLAN:
		return take_compiled(t, f->fd, &res, text);
	case COMPILE_TREE_ERRORS:
		turn_reject(t, t->fetched, text);
		return 0;
	case COMPILE_FAILED:
		compile_failed(t, text);
		return 0;
	case COMPILE_BLAME:
		break;
	}
	return -EBADMSG;
}

const struct step_row step_compile = { "compile", ROLE_COMPILE, 120000, send_compile, frame_compile, compile_failed };
