/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "apply/enforce.h"
#include "base/clock.h"
#include "observe/host.h"
#include "report/text.h"
#include "role.h"
#include "seckey.h"

struct apply {
	char gateway[64];
	enum wg_backend backend;
	struct seckey *key;
	struct kernel kernel;
	bool open;
	struct arena arena; /* of the plan */
	struct gw_plan plan;
	bool has_plan;
	uint64_t same_table; /* see struct enforce */
};

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	struct apply *x = ctx;

	(void)sock;
	snprintf(x->gateway, sizeof(x->gateway), "%.*s", (int)strnlen(req->gateway, sizeof(req->gateway)), req->gateway);
	x->backend = (enum wg_backend)req->backend;
	if (x->key != NULL)
		return -EBADMSG; /* one hello a life */
	if (sodium_init() < 0) {
		snprintf(err, err_size, "libsodium cannot start");
		return -EIO;
	}
	return seckey_load(req->private_key_file, &x->key, err, err_size);
}

static void drop_plan(struct apply *x)
{
	arena_release(&x->arena);
	memset(&x->plan, 0, sizeof(x->plan));
	x->has_plan = false;
	x->same_table = 0;
}

static int take_plan(struct apply *x, int fd, char *err, size_t err_size)
{
	const void *data;
	size_t len;

	drop_plan(x);
	int ret = ipc_map(fd, GW_PLAN_BYTES_MAX, &data, &len);
	if (ret < 0) {
		snprintf(err, err_size, "the plan cannot be used: %s", strerror(-ret));
		return ret;
	}
	ret = gw_plan_decode(&x->plan, data, len, &x->arena, err, err_size);
	munmap((void *)(uintptr_t)data, len);
	if (ret < 0)
		drop_plan(x);
	else
		x->has_plan = true;
	return ret;
}

/* A plan for another gateway or another key is never ours to apply, whoever sent it. */
static int check_plan(const struct apply *x, char *err, size_t err_size)
{
	struct pubkey ours;
	char want[KEY_TEXT_MAX], have[KEY_TEXT_MAX];

	if (strcmp(x->plan.gateway, x->gateway) != 0) {
		snprintf(err, err_size, "the plan is for the gateway %s and this is %s", x->plan.gateway, x->gateway);
		return -EINVAL;
	}
	seckey_public(x->key, &ours);
	if (pubkey_cmp(&ours, &x->plan.public_key) != 0) {
		snprintf(err, err_size,
			 "the tree gives the gateway %s the public key %s, but private_key_file belongs to %s [E_GATEWAY_KEY]",
			 x->gateway, pubkey_format(&x->plan.public_key, want), pubkey_format(&ours, have));
		return -EKEYREJECTED;
	}
	return host_check_zone(&x->plan, host_minutes_west(), err, err_size);
}

static int open_kernel(struct apply *x, char *err, size_t err_size)
{
	if (x->open)
		return 0;
	int ret = kernel_open(&x->kernel, x->backend, err, err_size);
	x->open = ret == 0;
	return ret;
}

static int run(struct apply *x, const struct ipc_apply_req *req, int fd, struct ipc_apply_res *res, struct buf *text,
	       char *err, size_t err_size)
{
	int ret = fd >= 0 ? take_plan(x, fd, err, err_size) : 0;

	if (ret == 0 && !x->has_plan) {
		snprintf(err, err_size, "the apply role has no plan");
		ret = -ENOENT;
	}
	if (ret == 0)
		ret = check_plan(x, err, err_size);
	if (ret == 0)
		ret = open_kernel(x, err, err_size);
	if (ret < 0)
		return ret;
	const struct enforce e = {
		.kernel = &x->kernel, .want = &x->plan, .key = x->key, .now = clock_now(), .mode = (enum apply_mode)req->mode,
		.same_table = &x->same_table,
	};
	snprintf(res->interface, sizeof(res->interface), "%s", x->plan.interface);
	res->next_change = gw_plan_next_change(&x->plan, e.now);
	res->warnings = host_forwarding(&x->plan, "");
	ret = enforce_run(&e, res, text, err, err_size);
	if (ret < 0) { /* whatever state its sockets are in */
		kernel_close(&x->kernel);
		x->open = false;
		x->same_table = 0;
	}
	return ret;
}

static int answer(int sock, uint32_t job, const struct ipc_apply_res *res, const struct buf *text)
{
	int fd = text->len > MESSAGE_TEXT_MAX / 2 ? ipc_memfd("text", text->p, text->len) : -1;
	int ret = message_send(sock, IPC_APPLY_RES, job, res, sizeof(*res), buf_str(text), fd >= 0 ? 0 : text->len, fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	struct apply *x = ctx;
	struct ipc_apply_req req;
	struct ipc_apply_res res;
	struct buf text BUF_CLEANUP = BUF_INIT;
	char err[2048] = "";
	uint64_t start = text_clock_us();

	memset(&res, 0, sizeof(res));
	memcpy(&req, f->body, sizeof(req));
	if (req.mode < APPLY_ENFORCE || req.mode > APPLY_CHANGE || (req.reuse == 0) != (f->fd >= 0) || x->key == NULL)
		return -EBADMSG;
	res.next_change = CLOCK_NEVER;
	res.error = run(x, &req, f->fd, &res, &text, err, sizeof(err));
	res.elapsed_us = text_clock_us() - start;
	if (res.error < 0) {
		buf_reset(&text);
		buf_adds(&text, *err ? err : strerror(-res.error));
	}
	return answer(sock, f->h.job, &res, &text);
}

int apply_main(int sock)
{
	static const struct role_ops ops = { ROLE_APPLY, hello, request };
	struct apply *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return 70;
	arena_init(&x->arena);
	int status = role_serve(&ops, x, sock);
	if (x->open)
		kernel_close(&x->kernel);
	drop_plan(x);
	seckey_free(x->key);
	free(x);
	return status;
}
