/* SPDX-License-Identifier: Apache-2.0 */
#include "build/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "base/vec.h"
#include "build/compare.h"
#include "build/blame.h"
#include "build/parts.h"
#include "compile.h"
#include "report/text.h"
#include "role.h"

/* source.h's bytes, and room for the paths and lengths of its most files. */
#define BUNDLE_BYTES_MAX ((size_t)SOURCE_BYTES_MAX * 2)

struct build {
	char gateway[64];
	struct parts parts;
	struct compare compare;
};

/* One compile and what it has to say. */
struct job {
	struct build *b;
	struct ipc_compile_req req;
	struct ipc_compile_res res;
	struct compile c;
	struct buf text;
	int plan_fd;
};

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	struct build *b = ctx;

	(void)sock;
	memcpy(b->gateway, req->gateway, sizeof(b->gateway));
	b->gateway[sizeof(b->gateway) - 1] = '\0';
	if (sodium_init() < 0) {
		snprintf(err, err_size, "libsodium cannot start");
		return -EIO;
	}
	return 0;
}

static void no_gateway(struct job *j)
{
	const struct resolved *r = &j->c.resolved;
	VEC(const char *) names = VEC_INIT;

	for (size_t i = 0; i < r->ngateways; i++)
		vec_push(&names, r->gateway[i].decl->o.name);
	const char *near = diag_nearest(j->b->gateway, names.v, names.n);
	buf_addf(&j->text, "the tree has no Gateway %s, which is this machine's name in its configuration", j->b->gateway);
	if (near != NULL)
		buf_addf(&j->text, "; did you mean %s?", near);
	vec_release(&names);
	j->res.verdict = COMPILE_TREE_ERRORS;
}

static void make_plan(struct job *j)
{
	struct compile *c = &j->c;
	struct gw_plan plan = { 0 };
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	uint32_t gateway = resolved_find(&c->resolved, KIND_GATEWAY, j->b->gateway);

	if (gateway == NONE) {
		no_gateway(j);
		return;
	}
	plan_gateway(&plan, &c->access, &c->resolved, gateway, &c->arena);
	if (c->diags.errors > 0) {
		j->res.verdict = COMPILE_TREE_ERRORS;
		return;
	}
	if (j->req.refusal[0] != '\0') {
		blame(j->req.refusal, &plan, c, &j->text);
		j->res.verdict = COMPILE_BLAME;
		return;
	}
	gw_plan_encode(&plan, &bytes);
	if (bytes.len > GW_PLAN_BYTES_MAX) {
		buf_addf(&j->text, "the plan has %zu bytes, more than a gateway takes", bytes.len);
		j->res.verdict = COMPILE_TREE_ERRORS;
		return;
	}
	j->plan_fd = ipc_memfd("plan", buf_str(&bytes), bytes.len);
	j->res.verdict = j->plan_fd < 0 ? COMPILE_FAILED : COMPILE_PLAN;
	if (j->plan_fd < 0)
		buf_addf(&j->text, "no memory for the plan: %s", strerror(-j->plan_fd));
}

static void read_model(void *ctx, struct compile *c)
{
	parts_read(ctx, c);
}

static void compile_bundle(struct job *j, const void *data, size_t len)
{
	const struct compile_input in = { .bundle = data, .bundle_len = len, .read_model = read_model, .ctx = &j->b->parts };
	char err[512] = "";

	compile_init(&j->c);
	if (compile_run(&j->c, &in, err, sizeof(err)) < 0) {
		j->res.verdict = COMPILE_FAILED;
		buf_adds(&j->text, err);
	} else if (j->c.source.commit == NULL || strcmp(j->c.source.commit, j->req.commit) != 0) {
		j->res.verdict = COMPILE_FAILED;
		buf_adds(&j->text, "the bundle is not of the commit that was asked for");
	} else if (!j->c.ready || j->c.diags.errors > 0) {
		j->res.verdict = COMPILE_TREE_ERRORS;
	} else {
		make_plan(j);
	}
	if (j->c.diags.n > 0 && j->res.verdict != COMPILE_BLAME) {
		if (j->text.len > 0)
			buf_addc(&j->text, '\n');
		text_of_diags(&j->c.diags, &j->text);
	}
	j->res.errors = (uint32_t)j->c.diags.errors;
	j->res.warnings = (uint32_t)j->c.diags.warnings;
	compile_release(&j->c);
}

static int request_compile(struct build *b, int sock, const struct ipc_frame *f)
{
	struct job j = { .b = b, .text = BUF_INIT, .plan_fd = -1 };
	const void *data;
	size_t len;
	uint64_t start = text_clock_us();

	memset(&j.res, 0, sizeof(j.res));
	memcpy(&j.req, f->body, sizeof(j.req));
	j.req.refusal[sizeof(j.req.refusal) - 1] = '\0';
	if (!commit_text_ok(j.req.commit))
		return -EBADMSG;
	int ret = ipc_map(f->fd, BUNDLE_BYTES_MAX, &data, &len);
	if (ret < 0) {
		j.res.verdict = COMPILE_FAILED;
		buf_addf(&j.text, "the bundle of policy files cannot be used: %s", strerror(-ret));
	} else {
		compile_bundle(&j, data, len);
		munmap((void *)(uintptr_t)data, len);
	}
	j.res.elapsed_us = text_clock_us() - start;
	ret = message_send(sock, IPC_COMPILE_RES, f->h.job, &j.res, sizeof(j.res), buf_str(&j.text), j.text.len, j.plan_fd);
	if (j.plan_fd >= 0)
		close(j.plan_fd);
	buf_release(&j.text);
	return ret;
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	struct build *b = ctx;

	if (f->h.type == IPC_COMPARE_REQ)
		return compare_request(&b->compare, sock, f);
	return request_compile(b, sock, f);
}

int build_main(int sock)
{
	static const struct role_ops ops = { .id = ROLE_COMPILE, .hello = hello, .request = request };
	struct build b = { .gateway = "" };

	parts_init(&b.parts);
	compare_init(&b.compare);
	int status = role_serve(&ops, &b, sock);
	parts_release(&b.parts);
	compare_release(&b.compare);
	return status;
}
