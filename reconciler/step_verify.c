/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the kernel agrees with a commit: its plan is made again from the mirror, the apply role hands over what the kernel holds, and the
 * compile role compares the two. Nothing of it changes what is in force.
 */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "report/text.h"

#define READ_LIMIT_MS 60000
#define COMPARE_LIMIT_MS 120000
#define DOCUMENT_MAX ((size_t)4 << 20)

static void verify_failed(struct turn *t, const char *why)
{
	if (t->kind == TURN_DIFF) { /* what differs is known, only not what it means */
		log_line("the difference could not be told as access: %s", why);
		turn_finish(t);
		return;
	}
	t->outcome = OUTCOME_FAILED;
	buf_reset(&t->text);
	buf_adds(&t->text, why);
	turn_finish(t);
}

void verify_release(struct verify *v)
{
	plan_ref_release(&v->plan);
	if (v->observed_fd >= 0)
		close(v->observed_fd);
	v->observed_fd = -1;
}

void turn_verify(struct turn *t)
{
	if (t->good.fd < 0)
		verify_failed(t, "there is no plan yet to compare with");
	else if (t->window.open)
		verify_failed(t, "a change waits for confirmation, so the kernel holds two plans; ask again when it is over");
	else
		turn_enter(t, *t->verify.pick ? STEP_PICK : STEP_READ);
}

/* ---- the commit's plan ---- */

static int send_pick(struct turn *t)
{
	struct ipc_fetch_req req;

	memset(&req, 0, sizeof(req));
	memcpy(req.pick, t->verify.pick, sizeof(req.pick));
	return message_send(t->role[ROLE_FETCH].sock, IPC_FETCH_REQ, t->job, &req, sizeof(req), NULL, 0, -1);
}

static int take_picked(struct turn *t, const struct ipc_frame *f, const struct ipc_fetch_res *res, const char *text)
{
	if ((res->verdict == FETCH_NEW) != (f->fd >= 0))
		return -EBADMSG;
	if (res->verdict != FETCH_NEW) {
		turn_step(t)->failed(t, text);
		return 0;
	}
	turn_drop_bundle(t);
	t->bundle_fd = dup(f->fd);
	if (t->bundle_fd < 0)
		return -errno;
	memcpy(t->fetched, res->commit, sizeof(t->fetched));
	turn_enter(t, STEP_MAKE);
	return 0;
}

static int frame_pick(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_fetch_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_FETCH_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	switch ((enum fetch_verdict)res.verdict) {
	case FETCH_NEW:
	case FETCH_TREE_ERRORS:
	case FETCH_FAILED:
		return commit_text_ok(res.commit) ? take_picked(t, f, &res, text) : -EBADMSG;
	case FETCH_SAME:
		break;
	}
	return -EBADMSG;
}

static int send_make(struct turn *t)
{
	struct ipc_compile_req req;

	memset(&req, 0, sizeof(req));
	memcpy(req.commit, t->fetched, sizeof(req.commit));
	return message_send(t->role[ROLE_COMPILE].sock, IPC_COMPILE_REQ, t->job, &req, sizeof(req), NULL, 0, t->bundle_fd);
}

static int take_made(struct turn *t, int fd)
{
	int own = dup(fd);

	if (own < 0)
		return -errno;
	plan_ref_release(&t->verify.plan);
	int ret = plan_ref_take(&t->verify.plan, own, t->fetched);
	if (ret == 0) {
		turn_drop_bundle(t);
		turn_enter(t, STEP_READ);
	}
	return ret;
}

static int frame_make(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_compile_res res;
	char text[MESSAGE_TEXT_MAX + 1], c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (f->h.type != IPC_COMPILE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if ((res.verdict == COMPILE_PLAN) != (f->fd >= 0))
		return -EBADMSG;
	struct role *r = &t->role[ROLE_COMPILE];
	r->worn = ++r->jobs >= ROLE_JOBS_MAX || res.verdict != COMPILE_PLAN;
	switch ((enum compile_verdict)res.verdict) {
	case COMPILE_PLAN:
		return take_made(t, f->fd);
	case COMPILE_TREE_ERRORS:
		buf_addf(&line, "%s has errors and never was a plan:\n%s", text_of_commit(t->fetched, c), text);
		verify_failed(t, buf_str(&line));
		return 0;
	case COMPILE_FAILED:
		verify_failed(t, text);
		return 0;
	case COMPILE_BLAME:
		break;
	}
	return -EBADMSG;
}

/* ---- what the kernel holds ---- */

static int send_read(struct turn *t)
{
	return turn_send_plan(t, t->job, &t->good, APPLY_READ);
}

static void read_failed(struct turn *t, const char *why)
{
	t->apply_holds[0] = '\0';
	verify_failed(t, why);
}

static int frame_read(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_apply_res res;
	char text[MESSAGE_TEXT_MAX + 1];

	if (f->h.type != IPC_APPLY_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	if (res.error < 0) {
		read_failed(t, text);
		return 0;
	}
	if (f->fd < 0)
		return -EBADMSG;
	if (t->verify.observed_fd >= 0)
		close(t->verify.observed_fd);
	t->verify.observed_fd = dup(f->fd);
	if (t->verify.observed_fd < 0)
		return -errno;
	turn_enter(t, STEP_COMPARE);
	return 0;
}

/* ---- the two side by side ---- */

static int send_half(struct turn *t, enum compare_half half, int fd)
{
	struct ipc_compare_req req;

	memset(&req, 0, sizeof(req));
	req.half = half;
	return message_send(t->role[ROLE_COMPILE].sock, IPC_COMPARE_REQ, t->job, &req, sizeof(req), NULL, 0, fd);
}

static int send_compare(struct turn *t)
{
	const struct plan_ref *p = t->verify.plan.fd >= 0 ? &t->verify.plan : &t->good;
	int ret = send_half(t, COMPARE_PLAN, p->fd);

	memcpy(t->verify.commit, p->commit, sizeof(t->verify.commit));
	return ret < 0 ? ret : send_half(t, COMPARE_OBSERVED, t->verify.observed_fd);
}

static int frame_compare(struct turn *t, const struct ipc_frame *f)
{
	struct ipc_compare_res res;
	char text[MESSAGE_TEXT_MAX + 1];
	const void *data;
	size_t len;

	if (f->h.type != IPC_COMPARE_RES)
		return -EBADMSG;
	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	struct role *r = &t->role[ROLE_COMPILE];
	r->worn |= ++r->jobs >= ROLE_JOBS_MAX || res.error < 0;
	if (res.error < 0) {
		verify_failed(t, text);
		return 0;
	}
	if (f->fd < 0 || ipc_map(f->fd, DOCUMENT_MAX, &data, &len) < 0)
		return -EBADMSG;
	buf_reset(&t->verify.document);
	buf_add(&t->verify.document, data, len);
	munmap((void *)(uintptr_t)data, len);
	t->verify.equal = res.equal != 0;
	turn_finish(t);
	return 0;
}

const struct step_row step_pick = { "pick", ROLE_FETCH, COMPARE_LIMIT_MS, send_pick, frame_pick, verify_failed };
const struct step_row step_make = { "make", ROLE_COMPILE, COMPARE_LIMIT_MS, send_make, frame_make, verify_failed };
const struct step_row step_read = { "read", ROLE_APPLY, READ_LIMIT_MS, send_read, frame_read, read_failed };
const struct step_row step_compare = { "compare", ROLE_COMPILE, COMPARE_LIMIT_MS, send_compare, frame_compare, verify_failed };
