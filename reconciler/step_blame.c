/* SPDX-License-Identifier: Apache-2.0 */
/* After a refusal: which document asked for what the kernel refused. The compile role makes the plan once more to say it. */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLAME_LIMIT_MS 60000

bool turn_blame(struct turn *t, const char *why, enum turn_step refused)
{
	if (t->bundle_fd < 0 || t->blamed || turn_refusal_passes(t))
		return false;
	t->blamed = true;
	t->refused_step = refused;
	buf_reset(&t->refused_why);
	buf_addf(&t->refused_why, "%.*s", (int)strcspn(why, "\n"), why);
	turn_enter(t, STEP_BLAME);
	return true;
}

static int send_blame(struct turn *t)
{
	struct ipc_compile_req req;

	memset(&req, 0, sizeof(req));
	memcpy(req.commit, t->fetched, sizeof(req.commit));
	snprintf(req.refusal, sizeof(req.refusal), "%s", buf_str(&t->refused_why));
	return message_send(t->role[ROLE_COMPILE].sock, IPC_COMPILE_REQ, t->job, &req, sizeof(req), NULL, 0, t->bundle_fd);
}

static void go_on(struct turn *t)
{
	struct buf why BUF_CLEANUP = BUF_INIT;

	buf_adds(&why, buf_str(&t->refused_why));
	turn_drop_bundle(t);
	t->step = t->refused_step;
	turn_step(t)->failed(t, buf_str(&why));
}

static int frame_blame(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_compile_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_COMPILE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if ((res.verdict == COMPILE_PLAN) != (f->fd >= 0))
		return -EBADMSG;
	struct role *r = &t->role[ROLE_COMPILE];
	r->worn = r->worn || ++r->jobs >= ROLE_JOBS_MAX;
	if (res.verdict == COMPILE_BLAME && *text != '\0')
		buf_addf(&t->refused_why, "; asked for by %.*s", (int)strcspn(text, "\n"), text);
	go_on(t);
	return 0;
}

static void blame_failed(struct turn *t, const char *why)
{
	(void)why;
	go_on(t);
}

const struct step_row step_blame = { "blame", ROLE_COMPILE, BLAME_LIMIT_MS, send_blame, frame_blame, blame_failed };
