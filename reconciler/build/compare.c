/* SPDX-License-Identifier: Apache-2.0 */
#include "build/compare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/text.h"
#include "report/verdict.h"

void compare_init(struct compare *c)
{
	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
}

void compare_release(struct compare *c)
{
	arena_release(&c->arena);
	memset(&c->plan, 0, sizeof(c->plan));
	c->has_plan = false;
}

static void take_plan(struct compare *c, int fd)
{
	const void *data;
	size_t len;

	compare_release(c);
	int ret = ipc_map(fd, GW_PLAN_BYTES_MAX, &data, &len);
	if (ret < 0) {
		snprintf(c->err, sizeof(c->err), "the plan cannot be read: %s", strerror(-ret));
		return;
	}
	c->has_plan = gw_plan_decode(&c->plan, data, len, &c->arena, c->err, sizeof(c->err)) == 0;
	munmap((void *)(uintptr_t)data, len);
}

static int compare_with(const struct compare *c, int fd, struct ipc_compare_res *res, struct buf *document, char *err,
			size_t err_size)
{
	struct arena a;
	struct gw_plan have;
	const void *data;
	size_t len;

	if (!c->has_plan) {
		snprintf(err, err_size, "%s", *c->err ? c->err : "there is no plan to compare with");
		return -ENOENT;
	}
	int ret = ipc_map(fd, GW_PLAN_BYTES_MAX, &data, &len);
	if (ret < 0) {
		snprintf(err, err_size, "what the kernel holds cannot be read: %s", strerror(-ret));
		return ret;
	}
	arena_init(&a);
	ret = gw_plan_decode_observed(&have, data, len, &a, err, err_size);
	munmap((void *)(uintptr_t)data, len);
	if (ret == 0)
		res->equal = verdict_write(&have, &c->plan, clock_now(), document);
	arena_release(&a);
	return ret;
}

int compare_request(struct compare *c, int sock, const struct ipc_frame *f)
{
	struct ipc_compare_req req;
	struct ipc_compare_res res;
	struct buf document BUF_CLEANUP = BUF_INIT;
	char err[1024] = "";
	uint64_t start = text_clock_us();
	int fd = -1;

	memset(&res, 0, sizeof(res));
	memcpy(&req, f->body, sizeof(req));
	if (req.half == COMPARE_PLAN) {
		take_plan(c, f->fd);
		return 0;
	}
	if (req.half != COMPARE_OBSERVED)
		return -EBADMSG;
	res.error = compare_with(c, f->fd, &res, &document, err, sizeof(err));
	compare_release(c);
	if (res.error == 0)
		fd = ipc_memfd("verdict", document.p, document.len);
	if (res.error == 0 && fd < 0) {
		res.error = fd;
		snprintf(err, sizeof(err), "no memory for what the comparison says");
	}
	res.elapsed_us = text_clock_us() - start;
	int ret = message_send(sock, IPC_COMPARE_RES, f->h.job, &res, sizeof(res), err, strlen(err), fd);
	if (fd >= 0)
		close(fd);
	return ret;
}
