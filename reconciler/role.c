/* SPDX-License-Identifier: Apache-2.0 */
#include "role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/bug.h"
#include "build/build.h"
#include "fetch/fetch.h"
#include "log.h"
#include "serve/serve.h"

static const struct role_row {
	const char *name;
	const char *option;
	int (*main)(int sock);
} rows[ROLE_COUNT] = {
	[ROLE_FETCH] = { "fetch", "--role=fetch", fetch_main },
	[ROLE_COMPILE] = { "compile", "--role=compile", build_main },
	[ROLE_APPLY] = { "apply", "--role=apply", apply_main },
	[ROLE_STATUS] = { "status", "--role=status", serve_main },
};

int64_t role_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *role_name(enum role_id id)
{
	return rows[id].name;
}

bool role_wanted(enum role_id id, const struct config *c)
{
	return id != ROLE_STATUS || *c->watch.listen != '\0';
}

void role_init(struct role *r, enum role_id id)
{
	*r = (struct role){ .id = id, .sock = -1, .wait_ms = ROLE_WAIT_MIN_MS };
}

/* In the child: nothing of the supervisor goes along but standard error and the socket. */
static void exec_role(const struct role_row *row, int sock, pid_t parent)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE };
	char name[] = "yettd";
	char option[32];
	char *argv[] = { name, option, NULL };
	sigset_t none;

	/* The supervisor decides about these: a role that holds half-done work ends when its socket does. */
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(70);
	int ret = sock == ROLE_SOCKET ? fcntl(sock, F_SETFD, 0) : dup2(sock, ROLE_SOCKET);
	if (ret < 0 || close_range(ROLE_SOCKET + 1, ~0u, 0) < 0)
		_exit(70);
	snprintf(option, sizeof(option), "%s", row->option);
	execv("/proc/self/exe", argv);
	_exit(71);
}

static void hello_fill(struct ipc_hello_req *h, enum role_id id, const struct config *c)
{
	memset(h, 0, sizeof(*h));
	snprintf(h->gateway, sizeof(h->gateway), "%s", c->gateway);
	switch (id) {
	case ROLE_FETCH:
		snprintf(h->repository, sizeof(h->repository), "%s", c->repository);
		snprintf(h->branch, sizeof(h->branch), "%s", c->branch);
		snprintf(h->path, sizeof(h->path), "%s", c->path);
		snprintf(h->mirror, sizeof(h->mirror), "%s/repo.git", c->state_dir);
		snprintf(h->ssh_key_file, sizeof(h->ssh_key_file), "%s", c->ssh_key_file);
		break;
	case ROLE_COMPILE:
		break;
	case ROLE_APPLY:
		snprintf(h->private_key_file, sizeof(h->private_key_file), "%s", c->private_key_file);
		h->backend = c->wireguard.backend;
		if (role_wanted(ROLE_STATUS, c))
			h->tally = TALLY_POLICIES | (c->watch.devices ? TALLY_DEVICES : 0);
		break;
	case ROLE_STATUS:
		break;
	case ROLE_COUNT:
		BUG("no such role");
	}
}

int role_start(struct role *r, const struct config *c)
{
	int pair[2];
	pid_t parent = getpid();
	struct ipc_hello_req hello;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		exec_role(&rows[r->id], pair[1], parent);
	int ret = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (ret < 0) {
		close(pair[0]);
		return ret;
	}
	r->pid = pid;
	r->sock = pair[0];
	r->ready = r->worn = false;
	r->jobs = 0;
	r->starts++;
	r->started_ms = role_clock_ms();
	hello_fill(&hello, r->id, c);
	ret = message_send(r->sock, IPC_HELLO_REQ, 0, &hello, sizeof(hello), NULL, 0, -1);
	if (ret < 0)
		role_lost(r);
	return ret;
}

static void reap(struct role *r)
{
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
}

void role_lost(struct role *r)
{
	int64_t now = role_clock_ms();

	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		reap(r);
	}
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	r->ready = false;
	if (now - r->started_ms > ROLE_HEALTHY_MS)
		r->wait_ms = ROLE_WAIT_MIN_MS;
	r->retry_ms = now + r->wait_ms;
	r->wait_ms = r->wait_ms * 2 < ROLE_WAIT_MAX_MS ? r->wait_ms * 2 : ROLE_WAIT_MAX_MS;
}

void role_stop(struct role *r, int wait_ms)
{
	int64_t end = role_clock_ms() + wait_ms;
	bool gone = r->pid <= 0;

	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	while (!gone && role_clock_ms() < end) {
		gone = waitpid(r->pid, NULL, WNOHANG) != 0;
		if (!gone)
			poll(NULL, 0, 1);
	}
	if (!gone) {
		kill(r->pid, SIGKILL);
		reap(r);
	}
	r->pid = 0;
	r->ready = false;
}

int role_main(const char *name)
{
	/* Keys and policies pass through here: no core dump, no debugger. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || fcntl(ROLE_SOCKET, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "yettd: --role is for yettd itself\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0) {
			log_inherit(rows[i].name);
			return rows[i].main(ROLE_SOCKET);
		}
	fprintf(stderr, "yettd: there is no role %s\n", name);
	return 2;
}

static int serve_hello(const struct role_ops *ops, void *ctx, int sock, const struct ipc_frame *f)
{
	struct ipc_hello_req req;
	struct ipc_hello_res res;
	char err[1024] = "";

	memset(&res, 0, sizeof(res));
	memcpy(&req, f->body, sizeof(req));
	res.error = ops->hello(ctx, sock, &req, err, sizeof(err));
	return message_send(sock, IPC_HELLO_RES, f->h.job, &res, sizeof(res), err, strlen(err), -1);
}

/* Until the supervisor has sent something, or is gone. */
static int wait_frame(const struct role_ops *ops, void *ctx, int sock)
{
	struct pollfd p[1 + ROLE_POLLS] = { { .fd = sock, .events = POLLIN } };
	int ret = 0;

	while (ret == 0 && ops->polls != NULL) {
		int wait_ms = -1;
		bool any = false;
		size_t n = ops->polls(ctx, p + 1, &wait_ms);
		int ready = poll(p, 1 + n, wait_ms);
		if (ready < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 1; i <= n && ready > 0; i++)
			any = any || p[i].revents != 0;
		if (any || ready == 0)
			ret = ops->work(ctx, sock, p + 1, n);
		if (ready > 0 && p[0].revents != 0)
			break;
	}
	return ret;
}

int role_serve(const struct role_ops *ops, void *ctx, int sock)
{
	struct ipc_frame *f = malloc(sizeof(*f));
	int ret = f ? 0 : -ENOMEM;

	while (ret == 0) {
		ret = wait_frame(ops, ctx, sock);
		if (ret < 0)
			break;
		ret = ipc_recv(sock, f, -1);
		if (ret < 0)
			break;
		ret = message_check(f, ops->id, TO_ROLE);
		if (ret < 0)
			break;
		if (f->h.type == IPC_HELLO_REQ)
			ret = serve_hello(ops, ctx, sock, f);
		else
			ret = ops->request(ctx, sock, f);
		if (f->fd >= 0)
			close(f->fd);
	}
	free(f);
	if (ret < 0 && ret != -EPIPE)
		log_at(LOG_ERROR, "the %s role ends: %s", role_name(ops->id), strerror(-ret));
	return ret == -EPIPE ? 0 : 70;
}
