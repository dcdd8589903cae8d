/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "kernel/wg_socket.h"
#include "log.h"
#include "role.h"

#define ANSWER_MS 20000 /* connecting and ending a role take less */

enum launch_op { LAUNCH_ROLE = 1, LAUNCH_END, LAUNCH_WIREGUARD };

struct launch_req {
	uint32_t op, role;
	int32_t wait_ms;
	char interface[16];
};

struct launch_res {
	int32_t error; /* 0, or a negative errno */
	int32_t pid, status;
};

/* In the launcher's own process. */
struct launching {
	const struct config *config;
	const struct users *users;
	struct {
		pid_t pid; /* 0: not running */
		int door;  /* -1: it has none */
	} role[ROLE_COUNT];
	int sock;
};

/* ---- messages: one struct, perhaps a descriptor ---- */

union control {
	struct cmsghdr h;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_struct(int sock, const void *p, size_t len, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;

	if (fd >= 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = c.room;
		m.msg_controllen = sizeof(c.room);
		struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* fd NULL: none is accepted. -EPIPE when the other side is gone, -EBADMSG on another size. */
static int recv_struct(int sock, void *p, size_t len, int *fd)
{
	struct iovec iov = { p, len };
	union control c;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = fd ? c.room : NULL, .msg_controllen = fd ? sizeof(c.room) : 0 };
	ssize_t n;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : -EPIPE;
	struct cmsghdr *cm = fd ? CMSG_FIRSTHDR(&m) : NULL;
	if (cm != NULL && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(cm), sizeof(int));
	return (size_t)n == len && !(m.msg_flags & MSG_TRUNC) ? 0 : -EBADMSG;
}

/* ---- the launcher's process ---- */

/*
 * Another user's process may be killed by one of that user, and we may become him: so the launcher needs no right to signal
 * whom it likes.
 */
static void kill_role(const struct launching *x, enum role_id id)
{
	const enum sandbox_who who = role_sandbox(id);
	pid_t pid = x->role[id].pid;

	if (kill(pid, SIGKILL) == 0 || errno != EPERM || x->users->uid[who] == (uid_t)-1)
		return;
	pid_t helper = fork();
	if (helper == 0) {
		uid_t uid = x->users->uid[who];
		_exit(setresuid(uid, uid, uid) == 0 && kill(pid, SIGKILL) == 0 ? 0 : 1);
	}
	while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
}

static int end_role(struct launching *x, enum role_id id, int wait_ms, int *status)
{
	int64_t end = role_clock_ms() + wait_ms;
	pid_t pid = x->role[id].pid, gone = 0;

	if (pid == 0)
		return -ESRCH;
	while ((gone = waitpid(pid, status, WNOHANG)) == 0 && role_clock_ms() < end)
		poll(NULL, 0, 1);
	if (gone == 0) {
		kill_role(x, id);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
	}
	if (x->role[id].door >= 0)
		close(x->role[id].door);
	x->role[id].pid = 0;
	x->role[id].door = -1;
	return 0;
}

static int start_role(struct launching *x, enum role_id id, struct launch_res *res, int *fd)
{
	if (x->role[id].pid != 0)
		return -EBUSY;
	int ret = role_spawn(id, x->config, x->users, &x->role[id].pid, fd, &x->role[id].door);
	res->pid = x->role[id].pid;
	return ret;
}

static int serve_supervisor(struct launching *x)
{
	struct launch_req req;
	struct launch_res res = { 0 };
	int fd = -1, status = 0;
	int ret = recv_struct(x->sock, &req, sizeof(req), NULL);

	if (ret < 0)
		return ret;
	if (req.role >= ROLE_COUNT || (req.op != LAUNCH_ROLE && req.op != LAUNCH_END))
		return -EBADMSG;
	if (req.op == LAUNCH_ROLE)
		res.error = start_role(x, (enum role_id)req.role, &res, &fd);
	else
		res.error = end_role(x, (enum role_id)req.role, req.wait_ms, &status);
	res.status = status;
	ret = send_struct(x->sock, &res, sizeof(res), fd);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* What comes from the apply role is not believed further than the name of an interface. A role that says anything else is left alone. */
static void serve_door(struct launching *x, enum role_id id)
{
	struct launch_req req;
	struct launch_res res = { 0 };
	int *door = &x->role[id].door, fd = -1;
	int ret = recv_struct(*door, &req, sizeof(req), NULL);

	if (ret == 0 && (req.op != LAUNCH_WIREGUARD || memchr(req.interface, '\0', sizeof(req.interface)) == NULL))
		ret = -EBADMSG;
	if (ret == 0) {
		fd = wg_socket_connect(req.interface);
		res.error = fd < 0 ? fd : 0;
		ret = send_struct(*door, &res, sizeof(res), fd);
	}
	if (fd >= 0)
		close(fd);
	if (ret < 0) {
		close(*door);
		*door = -1;
	}
}

static int work(struct launching *x)
{
	struct pollfd p[1 + ROLE_COUNT] = { { .fd = x->sock, .events = POLLIN } };

	for (size_t i = 0; i < ROLE_COUNT; i++)
		p[1 + i] = (struct pollfd){ .fd = x->role[i].door, .events = POLLIN };
	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (p[1 + i].revents != 0)
			serve_door(x, (enum role_id)i);
	return p[0].revents != 0 ? serve_supervisor(x) : 0;
}

static void lock_down(void)
{
	struct sandbox s;
	char err[256] = "";

	sandbox_init(&s, SANDBOX_LAUNCHER);
	s.without = GUARD_USER | GUARD_LIMITS | GUARD_LANDLOCK | GUARD_PORTS | GUARD_SCOPES; /* its children would inherit them */
	if (sandbox_become(&s, err, sizeof(err)) < 0 || sandbox_close(&s, err, sizeof(err)) < 0) {
		log_line("%s", err);
		_exit(70);
	}
}

static _Noreturn void launch(int sock, const struct config *c, const struct users *u)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE };
	struct launching x = { .config = c, .users = u, .sock = sock };
	int ret = 0;

	/* Whoever ends the daemon ends the supervisor, and that ends us. */
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		x.role[i].door = -1;
	lock_down();
	while (ret == 0)
		ret = work(&x);
	if (ret != -EPIPE)
		log_line("the launcher ends: %s", strerror(-ret));
	_exit(ret == -EPIPE ? 0 : 70); /* the roles that are left are killed with it */
}

/* ---- the supervisor's side ---- */

int launcher_start(struct launcher *l, const struct config *c, const struct users *u)
{
	pid_t parent = getpid();
	int pair[2];

	*l = (struct launcher){ .sock = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(pair[1], ROLE_SOCKET) < 0 ||
		    fcntl(ROLE_SOCKET, F_SETFD, FD_CLOEXEC) < 0 || close_range(ROLE_SOCKET + 1, ~0u, 0) < 0)
			_exit(70);
		launch(ROLE_SOCKET, c, u);
	}
	int ret = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (ret < 0) {
		close(pair[0]);
		return ret;
	}
	*l = (struct launcher){ .pid = pid, .sock = pair[0] };
	return 0;
}

void launcher_stop(struct launcher *l)
{
	if (l->sock >= 0)
		close(l->sock);
	l->sock = -1;
	while (l->pid > 0 && waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	l->pid = 0;
}

static int ask(int sock, const struct launch_req *req, struct launch_res *res, int *fd)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int ret = sock < 0 ? -EPIPE : send_struct(sock, req, sizeof(*req), -1);

	if (ret < 0)
		return ret == -ECONNRESET ? -EPIPE : ret;
	do
		ret = poll(&p, 1, ANSWER_MS);
	while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return ret < 0 ? -errno : -ETIMEDOUT;
	ret = recv_struct(sock, res, sizeof(*res), fd);
	return ret < 0 ? ret : res->error;
}

int launcher_role(struct launcher *l, enum role_id id, pid_t *pid, int *sock)
{
	const struct launch_req req = { .op = LAUNCH_ROLE, .role = id };
	struct launch_res res = { 0 };

	*sock = -1;
	int ret = ask(l->sock, &req, &res, sock);
	*pid = res.pid;
	if (ret == 0 && *sock < 0)
		ret = -EBADMSG;
	return ret;
}

int launcher_end(struct launcher *l, enum role_id id, int wait_ms, int *status)
{
	const struct launch_req req = { .op = LAUNCH_END, .role = id, .wait_ms = wait_ms };
	struct launch_res res = { 0 };
	int ret = ask(l->sock, &req, &res, NULL);

	*status = res.status;
	return ret;
}

int launcher_wireguard(int door, const char *interface)
{
	struct launch_req req = { .op = LAUNCH_WIREGUARD };
	struct launch_res res = { 0 };
	int fd = -1;

	snprintf(req.interface, sizeof(req.interface), "%s", interface);
	int ret = ask(door, &req, &res, &fd);
	if (ret == 0 && fd < 0)
		ret = -EBADMSG;
	return ret < 0 ? ret : fd;
}
