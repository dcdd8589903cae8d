/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "sandbox/attempts.h"
#include "sandbox/users.h"

static int parse_without(const char *text, uint32_t *bits)
{
	*bits = 0;
	while (text != NULL && *text) {
		size_t len = strcspn(text, ",");
		uint32_t found = len == 3 && strncmp(text, "all", 3) == 0 ? GUARD_ALL : 0;
		for (uint32_t g = 1; g < GUARD_ALL && found == 0; g <<= 1) {
			const char *name = sandbox_guard_name((enum sandbox_guard)g);
			if (strlen(name) == len && strncmp(name, text, len) == 0)
				found = g;
		}
		if (found == 0) {
			fprintf(stderr, "yettd: there is no guard %.*s; they are user, caps, limits, landlock, ports, scopes, seccomp, all\n",
				(int)len, text);
			return -EINVAL;
		}
		*bits |= found;
		text += len + (text[len] == ',');
	}
	return 0;
}

/* ---- the ground: folders, a victim, listeners ---- */

static int listen_tcp(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	*port = ntohs(at.sin_port);
	return fd;
}

static int listen_unix(struct ground *g, bool abstract)
{
	struct sockaddr_un *at = abstract ? &g->abstract : &g->path_socket;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path + abstract, sizeof(at->sun_path) - abstract, "%s/socket", g->outside);
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) < 0 || listen(fd, 64) < 0)
		return -errno;
	return abstract ? fd : chmod(at->sun_path, 0777) < 0 ? -errno : fd;
}

static int write_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, "x\n", 2) != 2)
		return -errno;
	close(fd);
	return 0;
}

static pid_t start_victim(const struct sandbox *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (s->uid != (uid_t)-1 && setresuid(s->uid, s->uid, s->uid) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

static int make_ground(struct ground *g, const struct sandbox *s)
{
	snprintf(g->top, sizeof(g->top), "/tmp/yett-probe-XXXXXX");
	if (mkdtemp(g->top) == NULL)
		return -errno;
	snprintf(g->own, sizeof(g->own), "%s/own", g->top);
	snprintf(g->outside, sizeof(g->outside), "%s/outside", g->top);
	mode_t old = umask(0);
	int ret = chmod(g->top, 0755) < 0 || mkdir(g->own, 0777) < 0 || mkdir(g->outside, 0777) < 0 ? -errno : 0;
	if (ret == 0)
		ret = write_file(g->own, "file") < 0 || write_file(g->outside, "file") < 0 ? -EIO : 0;
	umask(old);
	g->fd[0] = listen_tcp(&g->open_port);
	g->fd[1] = listen_tcp(&g->other_port);
	g->fd[2] = listen_unix(g, true);
	g->fd[3] = listen_unix(g, false);
	for (size_t i = 0; i < ARRAY_SIZE(g->fd) && ret == 0; i++)
		ret = g->fd[i] < 0 ? g->fd[i] : 0;
	g->victim = start_victim(s);
	return ret;
}

static void clear_ground(struct ground *g)
{
	static const char *const names[] = { "own/file", "own/link", "own/symlink", "own/new", "own/big", "own/node", "outside/file",
					     "outside/new", "outside/moved", "outside/socket", "own", "outside", "" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", g->top, names[i]);
		(void)remove(path);
	}
	kill(g->victim, SIGKILL);
	waitpid(g->victim, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(g->fd); i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
}

/* ---- one attempt, in a process of its own ---- */

struct outcome {
	bool killed; /* by seccomp */
	bool locked; /* the lock-down itself went well */
	int error;   /* 0: it got through */
};

static _Noreturn void attempt_child(const struct attempt *a, struct sandbox *s, struct ground *g, int out)
{
	char err[256] = "";
	int error = -1;

	signal(SIGXFSZ, SIG_IGN); /* as in a role */
	if (sandbox_become(s, err, sizeof(err)) < 0 || sandbox_close(s, err, sizeof(err)) < 0)
		fprintf(stderr, "# %s\n", err);
	else
		error = a->fn(g, s);
	(void)!write(out, &error, sizeof(error));
	_exit(0);
}

static struct outcome try_it(const struct attempt *a, const struct sandbox *spec, struct ground *g)
{
	struct outcome o = { .error = EPROTO };
	struct sandbox s = *spec;
	int pipes[2], status = 0, error = -1;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return o;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		attempt_child(a, &s, g, pipes[1]);
	close(pipes[1]);
	bool told = read(pipes[0], &error, sizeof(error)) == sizeof(error);
	close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return o;
	o.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	o.locked = o.killed || (told && error >= 0);
	/* The call that got through may be what ended it, as a program that was executed does. */
	o.error = told ? error : o.killed ? EPERM : WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPROTO;
	o.locked = o.locked || (!told && o.error == 0);
	return o;
}

static bool report(size_t n, const struct attempt *a, const struct sandbox *s, const struct outcome *o)
{
	bool may = (a->may & 1u << s->who) != 0, through = o->error == 0;
	const char *how = o->killed ? "killed by seccomp" : through ? "got through" : strerror(o->error);

	if (s->without != 0 && o->error == ENOSYS) {
		printf("ok %zu - %s # SKIP this kernel has no such call\n", n, a->name);
		return true;
	}
	bool good = o->locked && may == through;
	printf("%sok %zu - %s%s: %s\n", good ? "" : "not ", n, may ? "may " : "may not ", a->name, how);
	return good;
}

static enum sandbox_who find_process(const char *name)
{
	for (size_t i = SANDBOX_SUPERVISOR; i < SANDBOX_COUNT; i++)
		if (strcmp(sandbox_name((enum sandbox_who)i), name) == 0)
			return (enum sandbox_who)i;
	return SANDBOX_COUNT;
}

int probe_run(const char *process, const char *without)
{
	enum sandbox_who who = find_process(process);
	struct sandbox s;
	struct users u;
	struct ground g = { .fd = { -1, -1, -1, -1 } };
	bool good = true;

	if (who == SANDBOX_COUNT) {
		fprintf(stderr, "yettd: there is no process %s; they are supervisor, fetch, compile, judge, apply, status\n", process);
		return 2;
	}
	sandbox_init(&s, who);
	if (parse_without(without, &s.without) < 0)
		return 2;
	users_find(&u);
	s.uid = u.uid[who];
	s.gid = u.gid[who];
	int ret = make_ground(&g, &s);
	if (ret < 0)
		printf("Bail out! cannot prepare in %s: %s\n", g.top, strerror(-ret));
	if (who == SANDBOX_SUPERVISOR || who == SANDBOX_FETCH)
		sandbox_allow(&s, g.own, PLACE_WRITE);
	if (who == SANDBOX_FETCH)
		sandbox_allow_port(&s, g.open_port);
	for (size_t i = 0; i < attempts_n && ret == 0; i++) {
		const struct outcome o = try_it(&attempts[i], &s, &g);
		good &= report(i + 1, &attempts[i], &s, &o);
	}
	printf("1..%zu\n", attempts_n);
	clear_ground(&g);
	return ret == 0 && good ? 0 : 1;
}
