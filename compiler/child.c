/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"

enum { CANNOT_EXEC = 127 };

/* [0] is ours; [1] the child's. */
struct pipes {
	int in[2], out[2], err[2];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_all(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->in[i]);
		close_fd(&p->out[i]);
		close_fd(&p->err[i]);
	}
}

static int open_pipe(int fd[2], bool ours_writes)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	fd[0] = ours_writes ? p[1] : p[0];
	fd[1] = ours_writes ? p[0] : p[1];
	return 0;
}

static int open_null(int fd[2])
{
	fd[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd[1] < 0 ? -errno : 0;
}

static int open_pipes(struct pipes *p, const struct child_io *io)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int ret = io->in != NULL ? open_pipe(p->in, true) : open_null(p->in);
	if (ret == 0 && io->out != NULL)
		ret = open_pipe(p->out, false);
	if (ret == 0 && io->err != NULL)
		ret = open_pipe(p->err, false);
	if (ret < 0)
		close_all(p);
	return ret;
}

static void become(const char *const argv[], const struct pipes *p)
{
	if (dup2(p->in[1], STDIN_FILENO) < 0 || (p->out[1] >= 0 && dup2(p->out[1], STDOUT_FILENO) < 0) ||
	    (p->err[1] >= 0 && dup2(p->err[1], STDERR_FILENO) < 0))
		_exit(CANNOT_EXEC);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(CANNOT_EXEC);
}

/* What has come; closes the descriptor at its end. Past the limit it is thrown away. */
static void take(int *fd, struct buf *to)
{
	char part[4096];
	ssize_t n = read(*fd, part, sizeof(part));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		close_fd(fd);
	else if (to->len < CHILD_OUTPUT_MAX)
		buf_add(to, part, (size_t)n);
}

static void gather(struct pipes *p, const struct child_io *io)
{
	while (p->out[0] >= 0 || p->err[0] >= 0) {
		struct pollfd fds[2] = { { p->out[0], POLLIN, 0 }, { p->err[0], POLLIN, 0 } };
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents != 0)
			take(&p->out[0], io->out);
		if (fds[1].revents != 0)
			take(&p->err[0], io->err);
	}
}

static void feed(struct pipes *p, const struct child_io *io)
{
	const char *at = io->in;
	size_t left = io->in != NULL ? io->in_len : 0;

	while (left > 0) {
		ssize_t n = write(p->in[0], at, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* it did not want it; its status tells */
		at += n;
		left -= (size_t)n;
	}
	close_fd(&p->in[0]);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(const char *const argv[], const struct child_io *io)
{
	struct pipes p;

	if (io->in_len > CHILD_INPUT_MAX)
		BUG("%zu bytes for a child", io->in_len);
	int ret = open_pipes(&p, io);
	if (ret < 0)
		return ret;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, &p);
	ret = pid < 0 ? -errno : 0;
	close_fd(&p.in[1]);
	close_fd(&p.out[1]);
	close_fd(&p.err[1]);
	if (ret == 0) {
		feed(&p, io);
		gather(&p, io);
		ret = wait_for(pid);
	}
	close_all(&p);
	signal(SIGPIPE, old);
	return ret == CANNOT_EXEC ? -ENOENT : ret;
}

int child_git(const char *dir, const char *const words[], struct buf *out, struct buf *err)
{
	const char *argv[16] = { "git", "-C", dir };
	size_t n = 3;

	while (*words != NULL && n + 1 < ARRAY_SIZE(argv))
		argv[n++] = *words++;
	int status = child_run(argv, &(struct child_io){ .out = out, .err = err });
	if (status == -ENOENT)
		buf_adds(err, "the program git is not there");
	return status;
}
