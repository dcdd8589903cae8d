/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "apply/change.h"
#include "apply/enforce.h"
#include "apply/mark.h"
#include "apply/plans.h"
#include "apply/tunnels.h"
#include "base/clock.h"
#include "launcher.h"
#include "log.h"
#include "observe/host.h"
#include "report/text.h"
#include "role.h"
#include "seckey.h"
#include "state/hwm.h"

struct apply {
	char gateway[64];
	enum wg_backend backend;
	struct seckey *key;
	struct host host;
	struct kernel kernel;
	bool open;
	struct plans plans;
	const struct gw_plan *want; /* of the newest request: one of them, or both; NULL: none yet */
	struct tunnels tunnels;
	uint64_t same_table; /* see struct enforce */
	struct nft_neighbour neighbour; /* as it was seen last */
	bool looked;
	struct usage usage;
	struct tally tally;
	struct monitor monitor;
	struct kernel_self self; /* how it was at the end of the last request */
	struct drift seen;       /* since then */
	bool told;               /* the supervisor knows that there is something */
	int sock;
};

/* What only its owner may read. The user that this process becomes is nobody's owner. */
static int prepare(void *ctx, const struct ipc_hello_req *req, struct sandbox *s, char *err, size_t err_size)
{
	struct apply *x = ctx;

	(void)s;
	if (sodium_init() < 0) {
		snprintf(err, err_size, "libsodium cannot start");
		return -EIO;
	}
	return seckey_load(req->private_key_file, &x->key, err, err_size);
}

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	struct apply *x = ctx;

	(void)sock;
	x->tally.wanted = req->tally;
	snprintf(x->gateway, sizeof(x->gateway), "%.*s", (int)strnlen(req->gateway, sizeof(req->gateway)), req->gateway);
	x->backend = (enum wg_backend)req->backend;
	host_open(&x->host, "");
	return monitor_open(&x->monitor, err, err_size);
}

static int ask_launcher(void *ctx, const char *interface)
{
	(void)ctx;
	return launcher_wireguard(ROLE_DOOR, interface);
}

/* A plan for another gateway or another key is never ours to apply, whoever sent it. */
static int check_plan(const struct apply *x, char *err, size_t err_size)
{
	struct pubkey ours;
	char want[KEY_TEXT_MAX], have[KEY_TEXT_MAX];

	if (strcmp(x->want->gateway, x->gateway) != 0) {
		snprintf(err, err_size, "the plan is for the gateway %s and this is %s", x->want->gateway, x->gateway);
		return -EINVAL;
	}
	seckey_public(x->key, &ours);
	if (pubkey_cmp(&ours, &x->want->public_key) != 0) {
		snprintf(err, err_size,
			 "the tree gives the gateway %s the public key %s, but private_key_file belongs to %s [E_GATEWAY_KEY]",
			 x->gateway, pubkey_format(&x->want->public_key, want), pubkey_format(&ours, have));
		return -EKEYREJECTED;
	}
	return host_check_zone(x->want, host_minutes_west(), err, err_size);
}

static int open_kernel(struct apply *x, char *err, size_t err_size)
{
	if (x->open)
		return 0;
	static const struct kernel_door door = { .wireguard = ask_launcher };
	int ret = kernel_open(&x->kernel, x->backend, &door, err, err_size);
	x->open = ret == 0;
	return ret;
}

/* Before the plan: two interfaces cannot listen on one port, nor the same peer be behind both. */
static int claim(struct apply *x, char *err, size_t err_size)
{
	int left = x->kernel.claim(x->kernel.ctx, x->want->interface, err, err_size);
	if (left > 0)
		log_line("%s is kept now; what was kept under another name is empty and down", x->want->interface);
	return left < 0 ? left : 0;
}

/* What the kernel holds, encoded; everything is read anew. */
static int read_state(struct apply *x, struct buf *out, char *err, size_t err_size)
{
	struct arena a;
	struct gw_plan have;

	arena_init(&a);
	int ret = x->kernel.observe(x->kernel.ctx, x->want->interface, LOOK_ALL, &a, &have, err, err_size);
	if (ret == 0) {
		mark_remove(&have, &a);
		gw_plan_encode_observed(&have, out);
	}
	if (out->len > GW_PLAN_BYTES_MAX) {
		snprintf(err, err_size, "the kernel holds more than %u MiB", GW_PLAN_BYTES_MAX >> 20);
		ret = -EFBIG;
	}
	arena_release(&a);
	return ret;
}

/* Another program's rules around ours: not for a change, which costs what changes, but after the first. */
static void look_around(struct apply *x, enum apply_mode mode, struct ipc_apply_res *res)
{
	struct nft_neighbour n;

	if (x->kernel.neighbour == NULL)
		return;
	if ((mode != APPLY_CHANGE && mode != APPLY_WATCH) || !x->looked) {
		x->looked = x->kernel.neighbour(x->kernel.ctx, x->want->interface, &n) == 0;
		x->neighbour = x->looked ? n : (struct nft_neighbour){ .kind = NEIGHBOUR_NONE };
	}
	res->neighbour = x->neighbour;
	if (x->neighbour.kind != NEIGHBOUR_NONE)
		res->warnings |= HOST_FOREIGN_DROP;
}

static int64_t boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The plans of the request, and what it wants of the kernel. */
static int choose(struct apply *x, const struct ipc_apply_req *req, int fd, struct ipc_apply_res *res, char *err, size_t err_size)
{
	const struct gw_plan *before = x->want;
	const char *why = NULL;
	int ret = 0;

	if (fd >= 0) {
		x->want = before = NULL;
		ret = plans_take(&x->plans, fd, req->keep != 0, err, err_size);
	}
	if (ret < 0)
		return ret;
	if (req->gate == 0) {
		x->want = x->plans.next.there ? &x->plans.next.plan : NULL;
	} else {
		int64_t left = req->deadline_ms - boot_ms();
		x->want = plans_both(&x->plans, left > 0 ? (uint64_t)left : 0, &why);
		res->gated = x->want != NULL && x->plans.gated;
	}
	if (why != NULL)
		log_line("this change is behind no gate of the kernel: %s; yettd takes it back by itself if need be", why);
	if (x->want != before)
		x->same_table = 0;
	res->denied = (uint32_t)x->plans.next.denied;
	if (x->want != NULL)
		return 0;
	snprintf(err, err_size, "the apply role has no plan");
	return -ENOENT;
}

static bool changes_nothing(enum apply_mode mode)
{
	return mode == APPLY_DRY || mode == APPLY_READ || mode == APPLY_WATCH;
}

/* The request's plan is to be the kernel's. */
static int work_on(struct apply *x, const struct ipc_apply_req *req, struct ipc_apply_res *res, struct buf *text, char *err,
		   size_t err_size)
{
	const struct enforce e = {
		.kernel = &x->kernel, .want = x->want, .key = x->key, .now = clock_now(), .mode = (enum apply_mode)req->mode,
		.same_table = &x->same_table,
		.usage = req->mode == APPLY_WATCH ? NULL : &x->usage,
		.tally = &x->tally,
		.tunnels = req->gate ? &x->tunnels : NULL,
		.base = req->mode == APPLY_GATE ? &x->plans.base.plan : NULL,
	};
	int64_t quotas = usage_next(x->want, e.now);

	if (e.mode == APPLY_GATE)
		tunnels_release(&x->tunnels); /* what was before is seen anew */
	snprintf(res->interface, sizeof(res->interface), "%s", x->want->interface);
	res->next_change = gw_plan_next_change(x->want, e.now);
	if (quotas < res->next_change)
		res->next_change = quotas;
	res->warnings = host_forwarding(x->want, &x->host);
	int ret = changes_nothing(e.mode) ? 0 : claim(x, err, err_size);
	if (ret == 0 && e.mode == APPLY_READ)
		ret = read_state(x, text, err, err_size);
	else if (ret == 0)
		ret = enforce_run(&e, res, text, err, err_size);
	if (ret == 0)
		look_around(x, e.mode, res);
	return ret;
}

static int run(struct apply *x, const struct ipc_apply_req *req, int fd, struct ipc_apply_res *res, struct buf *text,
	       char *err, size_t err_size)
{
	int ret = choose(x, req, fd, res, err, err_size);

	if (ret == 0)
		ret = check_plan(x, err, err_size);
	if (ret == 0 && (req->mode == APPLY_CHANGE || req->mode == APPLY_WEIGH) && plans_mark(&x->plans, false, ""))
		x->same_table = 0;
	if (ret == 0 && (req->mode == APPLY_CHANGE || req->mode == APPLY_WEIGH))
		res->verdict = change_judge(&x->plans, req, clock_now(), x->sock, &res->weight);
	if (ret == 0 && (res->verdict != VERDICT_DONE || req->mode == APPLY_WEIGH))
		return 0;
	if (ret == 0 && plans_mark(&x->plans, req->gate != 0, req->mark))
		x->same_table = 0;
	if (ret == 0)
		ret = open_kernel(x, err, err_size);
	if (ret < 0)
		return ret;
	ret = work_on(x, req, res, text, err, err_size);
	if (ret < 0) { /* whatever state its sockets are in */
		kernel_close(&x->kernel);
		x->open = false;
		x->same_table = 0;
	} else if (req->gate == 0 && req->mode == APPLY_ENFORCE) {
		plans_settle(&x->plans);
	}
	return ret;
}

static int answer_state(int sock, uint32_t job, struct ipc_apply_res *res, const struct buf *state)
{
	static const char none[] = "no memory for what the kernel holds";
	int fd = ipc_memfd("observed", state->p, state->len);

	res->error = fd < 0 ? fd : 0;
	int ret = message_send(sock, IPC_APPLY_RES, job, res, sizeof(*res), none, fd < 0 ? strlen(none) : 0, fd);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* ---- what others do to the kernel ---- */

static void hear(struct apply *x)
{
	monitor_read(&x->monitor, x->want, &x->self, &x->seen);
}

/* What was heard up to here is repaired by the request that begins, if it repairs at all. */
static struct drift begin_hearing(struct apply *x, enum apply_mode mode)
{
	hear(x);
	struct drift d = x->seen;
	if (mode == APPLY_ENFORCE || mode == APPLY_CHANGE || mode == APPLY_GATE) {
		memset(&x->seen, 0, sizeof(x->seen));
		x->told = false;
	}
	return d;
}

/* What we did ourselves is known by its sender, and by leaving things as the plan has them. */
static void end_hearing(struct apply *x)
{
	if (x->open && x->kernel.self != NULL)
		x->kernel.self(x->kernel.ctx, &x->self);
	hear(x);
}

static size_t polls(void *ctx, struct pollfd p[static ROLE_POLLS], int *wait_ms)
{
	const struct apply *x = ctx;

	(void)wait_ms;
	if (x->told) /* until it is looked at there is nothing more to tell; the kernel keeps what comes, or says that it did not */
		return 0;
	monitor_polls(&x->monitor, p);
	return MONITOR_POLLS;
}

static int tell_drift(struct apply *x)
{
	if (x->seen.kinds == 0 || x->told)
		return 0;
	x->told = true;
	return message_send(x->sock, IPC_DRIFT, 0, &x->seen, sizeof(x->seen), NULL, 0, -1);
}

static int work(void *ctx, int sock, const struct pollfd *p, size_t n)
{
	struct apply *x = ctx;

	(void)sock, (void)p, (void)n;
	hear(x);
	return tell_drift(x);
}

static int answer(int sock, uint32_t job, const struct ipc_apply_res *res, const struct buf *text)
{
	int fd = text->len > MESSAGE_TEXT_MAX / 2 ? ipc_memfd("text", text->p, text->len) : -1;
	int ret = message_send(sock, IPC_APPLY_RES, job, res, sizeof(*res), buf_str(text), fd >= 0 ? 0 : text->len, fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

static int tell_usage(const struct apply *x, const struct quota_state *q, bool asked)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	const struct ipc_quota m = { .asked = asked };

	quota_encode(q, &text);
	int fd = ipc_memfd("quota", text.p, text.len);
	if (fd < 0)
		return fd;
	int ret = message_send(x->sock, IPC_QUOTA_STATE, 0, &m, sizeof(m), NULL, 0, fd);
	close(fd);
	return ret;
}

static int tell(void *ctx, const struct quota_state *q)
{
	return tell_usage(ctx, q, false);
}

/* What was used before this life of ours; the supervisor vouches for it. */
static int take_usage(struct apply *x, int fd)
{
	const void *data;
	size_t len;
	int ret = ipc_map(fd, QUOTA_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = quota_decode(&x->usage.state, data, len);
	munmap((void *)(uintptr_t)data, len);
	return ret;
}

static int take_guard(struct apply *x, int fd)
{
	const void *data;
	size_t len;
	int ret = ipc_map(fd, GUARD_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = plans_guard(&x->plans, data, len);
	x->want = NULL;
	munmap((void *)(uintptr_t)data, len);
	return ret;
}

/* One that cannot be read shows when it is needed. */
static int take_base(struct apply *x, int fd)
{
	char err[256];

	x->want = NULL;
	if (plans_take_base(&x->plans, fd, err, sizeof(err)) < 0)
		log_line("%s", err);
	return 0;
}

/* Once more before the supervisor ends. What cannot be read now is what was read last. */
static int answer_usage(struct apply *x)
{
	char err[256];

	if (x->open && x->want != NULL) {
		struct arena a;
		struct gw_plan have;
		arena_init(&a);
		int ret = x->kernel.observe(x->kernel.ctx, x->want->interface, LOOK_CHANGE, &a, &have, err, sizeof(err));
		if (ret == 0)
			ret = usage_look(&x->usage, &x->kernel, &have, x->want, &a, clock_now(), err, sizeof(err));
		if (ret == 0)
			usage_end(&x->usage, &x->kernel, x->want, &a, err, sizeof(err));
		usage_drop(&x->usage);
		arena_release(&a);
	}
	return tell_usage(x, &x->usage.state, true);
}

/* After the answer: nobody waits for it. */
static int tell_tally(struct apply *x)
{
	int fd = x->tally.wanted != 0 ? tally_take(&x->tally, &x->kernel, text_clock_us()) : -EAGAIN;

	if (fd < 0)
		return 0;
	int ret = message_send(x->sock, IPC_TALLY, 0, NULL, 0, NULL, 0, fd);
	close(fd);
	return ret;
}

static int request_apply(struct apply *x, int sock, const struct ipc_frame *f)
{
	struct ipc_apply_req req;
	struct ipc_apply_res res;
	struct buf text BUF_CLEANUP = BUF_INIT;
	char err[2048] = "";
	uint64_t start = text_clock_us();

	memset(&res, 0, sizeof(res));
	memcpy(&req, f->body, sizeof(req));
	req.mark[sizeof(req.mark) - 1] = '\0';
	if (req.mode < APPLY_ENFORCE || req.mode > APPLY_WEIGH || (req.reuse == 0) != (f->fd >= 0) || x->key == NULL)
		return -EBADMSG;
	res.next_change = CLOCK_NEVER;
	res.seen = begin_hearing(x, (enum apply_mode)req.mode);
	res.error = run(x, &req, f->fd, &res, &text, err, sizeof(err));
	res.elapsed_us = text_clock_us() - start;
	end_hearing(x);
	if (res.error < 0) {
		buf_reset(&text);
		buf_adds(&text, *err ? err : strerror(-res.error));
	}
	bool state = res.error == 0 && req.mode == APPLY_READ;
	int ret = state ? answer_state(sock, f->h.job, &res, &text) : answer(sock, f->h.job, &res, &text);
	if (ret == 0)
		ret = tell_drift(x);
	if (ret == 0 && res.error == 0)
		ret = tell_tally(x);
	return ret;
}

/* The kernel's copy of the high-water mark, before anything is written over it. */
static int answer_mark(struct apply *x, const struct ipc_frame *f)
{
	struct ipc_mark m = { .error = 0 };
	char err[512] = "";

	m.error = open_kernel(x, err, sizeof(err));
	if (m.error == 0)
		m.error = x->kernel.mark(x->kernel.ctx, HWM_CHAIN, m.mark, sizeof(m.mark), err, sizeof(err));
	return message_send(x->sock, IPC_MARK_STATE, f->h.job, &m, sizeof(m), err, strlen(err), -1);
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	struct apply *x = ctx;

	if (f->h.type == IPC_QUOTA_USE)
		return take_usage(x, f->fd);
	if (f->h.type == IPC_QUOTA_ASK)
		return answer_usage(x);
	if (f->h.type == IPC_MARK_ASK)
		return answer_mark(x, f);
	if (f->h.type == IPC_GUARD_USE)
		return take_guard(x, f->fd);
	if (f->h.type == IPC_APPLY_BASE)
		return take_base(x, f->fd);
	return request_apply(x, sock, f);
}

int apply_main(int sock)
{
	static const struct role_ops ops = { .id = ROLE_APPLY, .prepare = prepare, .hello = hello, .request = request, .polls = polls, .work = work };
	struct apply *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return 70;
	x->host = (struct host)HOST_NONE;
	plans_init(&x->plans);
	x->sock = sock;
	x->usage.tell = tell;
	x->usage.ctx = x;
	int status = role_serve(&ops, x, sock);
	if (x->open)
		kernel_close(&x->kernel);
	usage_release(&x->usage);
	tally_release(&x->tally);
	plans_release(&x->plans);
	tunnels_release(&x->tunnels);
	seckey_free(x->key);
	monitor_close(&x->monitor);
	host_close(&x->host);
	free(x);
	return status;
}
