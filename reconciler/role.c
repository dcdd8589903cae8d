/* SPDX-License-Identifier: Apache-2.0 */
#include "role.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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
#include "judge/judge_role.h"
#include "launcher.h"
#include "log.h"
#include "sandbox/seccomp.h"
#include "serve/serve.h"

static const struct role_row {
	const char *name;
	const char *option;
	int (*main)(int sock);
	enum sandbox_who sandbox;
	bool door; /* to the launcher */
} rows[ROLE_COUNT] = {
	[ROLE_FETCH] = { "fetch", "--role=fetch", fetch_main, SANDBOX_FETCH, false },
	[ROLE_JUDGE] = { "judge", "--role=judge", judge_main, SANDBOX_JUDGE, false },
	[ROLE_COMPILE] = { "compile", "--role=compile", build_main, SANDBOX_COMPILE, false },
	[ROLE_APPLY] = { "apply", "--role=apply", apply_main, SANDBOX_APPLY, true },
	[ROLE_STATUS] = { "status", "--role=status", serve_main, SANDBOX_STATUS, false },
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
	if (id == ROLE_JUDGE)
		return c->trust.mode == TRUST_COMMIT;
	return id != ROLE_STATUS || *c->watch.listen != '\0';
}

enum sandbox_who role_sandbox(enum role_id id)
{
	return rows[id].sandbox;
}

void role_init(struct role *r, enum role_id id)
{
	*r = (struct role){ .id = id, .sock = -1, .wait_ms = ROLE_WAIT_MIN_MS, .denied = -1 };
}

/* In the child: nothing of the launcher goes along but standard error, the socket and perhaps the door. */
static _Noreturn void exec_role(const struct role_row *row, int sock, int door, pid_t parent)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGXFSZ };
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
	/* Both above where they go, so that neither overwrites the other. */
	int s = fcntl(sock, F_DUPFD, ROLE_DOOR + 1), d = door >= 0 ? fcntl(door, F_DUPFD, ROLE_DOOR + 1) : -1;
	if (s < 0 || dup2(s, ROLE_SOCKET) < 0 || (door >= 0 && (d < 0 || dup2(d, ROLE_DOOR) < 0)) ||
	    close_range(door >= 0 ? ROLE_DOOR + 1 : ROLE_DOOR, ~0u, 0) < 0)
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
		snprintf(h->mirror, sizeof(h->mirror), "%s/" USERS_FETCH_FOLDER "/repo.git", c->state_dir);
		for (size_t i = 0; i < c->confirm.ntargets; i++)
			h->probe_port[i] = c->confirm.target[i].port;
		snprintf(h->ssh_key_file, sizeof(h->ssh_key_file), "%s", c->ssh_key_file);
		snprintf(h->credentials_file, sizeof(h->credentials_file), "%s", c->credentials_file);
		snprintf(h->ca_file, sizeof(h->ca_file), "%s", c->ca_file);
		snprintf(h->known_hosts, sizeof(h->known_hosts), "%s", c->known_hosts);
		snprintf(h->host_key, sizeof(h->host_key), "%s", c->host_key);
		break;
	case ROLE_JUDGE:
		snprintf(h->path, sizeof(h->path), "%s", c->path);
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

static int send_hello(int sock, enum role_id id, const struct config *c, const struct users *u)
{
	struct ipc_hello_req hello;

	hello_fill(&hello, id, c);
	hello.uid = u->uid[rows[id].sandbox];
	hello.gid = u->gid[rows[id].sandbox];
	return message_send(sock, IPC_HELLO_REQ, 0, &hello, sizeof(hello), NULL, 0, -1);
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	pair[0] = pair[1] = -1;
}

int role_spawn(enum role_id id, const struct config *c, const struct users *u, pid_t *pid, int *sock, int *door)
{
	int pair[2] = { -1, -1 }, knock[2] = { -1, -1 };
	pid_t parent = getpid(), child = -1;
	int ret = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    (rows[id].door && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, knock) < 0))
		ret = -errno;
	if (ret == 0) /* waits in the socket */
		ret = send_hello(pair[0], id, c, u);
	if (ret == 0)
		child = fork();
	if (child == 0)
		exec_role(&rows[id], pair[1], knock[1], parent);
	if (ret == 0 && child < 0)
		ret = -errno;
	if (ret < 0) {
		close_pair(pair);
		close_pair(knock);
		return ret;
	}
	close(pair[1]);
	if (knock[1] >= 0)
		close(knock[1]);
	*pid = child;
	*sock = pair[0];
	*door = knock[0];
	return 0;
}

int role_start(struct role *r, struct launcher *l)
{
	r->launcher = l;
	r->ready = r->worn = false;
	r->jobs = 0;
	r->denied = -1;
	r->starts++;
	r->started_ms = role_clock_ms();
	memset(&r->rights, 0, sizeof(r->rights));
	return launcher_role(l, r->id, &r->pid, &r->sock);
}

static int end(struct role *r, int wait_ms)
{
	int status = -1;

	if (r->pid > 0 && r->launcher != NULL && launcher_end(r->launcher, r->id, wait_ms, &status) < 0)
		status = -1;
	r->pid = 0;
	r->ready = false;
	return status;
}

int role_lost(struct role *r)
{
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	int status = end(r, 0);
	int64_t now = role_clock_ms();
	if (now - r->started_ms > ROLE_HEALTHY_MS)
		r->wait_ms = ROLE_WAIT_MIN_MS;
	r->retry_ms = now + r->wait_ms;
	r->wait_ms = r->wait_ms * 2 < ROLE_WAIT_MAX_MS ? r->wait_ms * 2 : ROLE_WAIT_MAX_MS;
	return status;
}

void role_stop(struct role *r, int wait_ms)
{
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	end(r, wait_ms);
}

static void describe_signal(const struct role *r, int sig, char *why, size_t why_size)
{
	const char *name = role_name(r->id), *call = r->denied >= 0 ? call_name(r->denied) : NULL;

	if (sig == SIGSYS && r->denied >= 0)
		snprintf(why, why_size, "the %s role asked for the system call %s (%d), which is not on its list, and was killed [E_SANDBOX]",
			 name, call != NULL ? call : "without a name", r->denied);
	else if (sig == SIGSYS)
		snprintf(why, why_size, "the %s role asked for a system call that no role may make, and was killed [E_SANDBOX]", name);
	else if (sig == SIGXCPU)
		snprintf(why, why_size, "the %s role used more than %u s of processor time for one job and was killed [E_ROLE_LIMIT]", name,
			 sandbox_job_seconds(rows[r->id].sandbox));
	else
		snprintf(why, why_size, "the %s role was killed by signal %d (%s)", name, sig, strsignal(sig));
}

void role_describe_end(const struct role *r, int status, char *why, size_t why_size)
{
	if (status != -1 && WIFSIGNALED(status))
		describe_signal(r, WTERMSIG(status), why, why_size);
	else
		snprintf(why, why_size, "the %s role ended with status %d", role_name(r->id), status != -1 ? WEXITSTATUS(status) : -1);
}

int role_main(const char *name)
{
	/* Keys and policies pass through here: no core dump, no debugger. */
	(void)fcntl(ROLE_DOOR, F_SETFD, FD_CLOEXEC); /* where there is one */
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

/* Between the first frame, which is the launcher's, and the second there is the whole lock-down. */
static int begin(const struct role_ops *ops, void *ctx, int sock, const struct ipc_frame *f, struct ipc_rights *rights, char *err,
		 size_t err_size)
{
	struct ipc_hello_req req;
	struct sandbox s;

	memcpy(&req, f->body, sizeof(req));
	sandbox_init(&s, rows[ops->id].sandbox);
	s.uid = req.uid;
	s.gid = req.gid;
	int ret = ops->prepare != NULL ? ops->prepare(ctx, &req, &s, err, err_size) : 0;
	if (ret == 0)
		ret = sandbox_become(&s, err, err_size);
	/* The change of user has cleared it. A launcher that died before this closed the socket too. */
	if (ret == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		ret = -errno;
	if (ret == 0)
		ret = ops->hello(ctx, sock, &req, err, err_size);
	if (ret == 0)
		ret = seccomp_on_denied(s.who);
	if (ret == 0)
		ret = sandbox_close(&s, err, err_size);
	*rights = (struct ipc_rights){
		.guards = s.guards, .landlock_abi = s.landlock_abi, .cap_eff = s.seen.cap_eff, .uid = s.seen.uid,
		.no_new_privs = s.seen.no_new_privs, .seccomp = s.seen.seccomp, .known = s.seen.known,
	};
	return ret;
}

static int serve_hello(const struct role_ops *ops, void *ctx, int sock, const struct ipc_frame *f)
{
	struct ipc_hello_res res;
	char err[1024] = "";

	memset(&res, 0, sizeof(res));
	res.error = begin(ops, ctx, sock, f, &res.rights, err, sizeof(err));
	int ret = message_send(sock, IPC_HELLO_RES, f->h.job, &res, sizeof(res), err, strlen(err), -1);
	/* Half locked down is not for work. */
	return ret < 0 ? ret : res.error < 0 ? -EPIPE : 0;
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

/*
 * A job may have needed a hundred times what a role keeps. What is free goes back to the system when nothing has come for a while, and not before:
 * the next change is as quick as the last. True: there is nothing more to give.
 */
static bool give_back(const struct role_ops *ops, void *ctx, int sock)
{
	struct pollfd p[1 + ROLE_POLLS] = { { .fd = sock, .events = POLLIN } };
	int wait_ms = -1;

	if (mallinfo2().fordblks < ROLE_SPARE_BYTES)
		return true;
	size_t n = ops->polls != NULL ? ops->polls(ctx, p + 1, &wait_ms) : 0;
	bool sooner = wait_ms >= 0 && wait_ms < ROLE_QUIET_MS;
	if (poll(p, 1 + n, sooner ? wait_ms : ROLE_QUIET_MS) != 0 || sooner)
		return false;
	malloc_trim(0);
	return true;
}

int role_serve(const struct role_ops *ops, void *ctx, int sock)
{
	struct ipc_frame *f = malloc(sizeof(*f));
	int ret = f ? 0 : -ENOMEM;
	bool used = false; /* memory, as one may guess from the time */
	bool greeted = false;

	while (ret == 0) {
		if (used)
			used = !give_back(ops, ctx, sock);
		ret = wait_frame(ops, ctx, sock);
		if (ret < 0)
			break;
		ret = ipc_recv(sock, f, -1);
		if (ret < 0)
			break;
		ret = message_check(f, ops->id, TO_ROLE);
		if (ret == 0 && (f->h.type == IPC_HELLO_REQ) == greeted)
			ret = -EBADMSG; /* one hello a life, and first */
		if (ret < 0)
			break;
		sandbox_job(rows[ops->id].sandbox);
		int64_t start_ms = role_clock_ms();
		if (!greeted)
			ret = serve_hello(ops, ctx, sock, f);
		else
			ret = ops->request(ctx, sock, f);
		greeted = true;
		used = used || role_clock_ms() - start_ms >= ROLE_BIG_MS;
		if (f->fd >= 0)
			close(f->fd);
	}
	free(f);
	if (ret < 0 && ret != -EPIPE)
		log_at(LOG_ERROR, "the %s role ends: %s", role_name(ops->id), strerror(-ret));
	return ret == -EPIPE ? 0 : 70;
}
