/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yettd with one role in a stranger's hands: YETT_DRILL=ROLE:WAY. The role locks down as it must, greets, and from its first job on breaks the
 * rules in that way. All else is yettd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/bug.h"
#include "log.h"
#include "role.h"
#include "supervisor.h"

#define COMMIT "1111111111111111111111111111111111111111"

static int send_raw(int sock, const struct ipc_header *h, const int *fds, size_t n)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(64 * sizeof(int))];
	} c;
	struct iovec iov = { (void *)(uintptr_t)h, sizeof(*h) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = c.room;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static struct ipc_header header(enum ipc_type type, uint32_t job)
{
	return (struct ipc_header){ .magic = IPC_MAGIC, .version = IPC_VERSION, .type = (uint16_t)type, .job = job };
}

/* A memory file that can still be changed, or one that cannot and holds nonsense. */
static int memory(bool sealed)
{
	static const char nonsense[] = "nonsense nonsense nonsense nonsense";

	if (sealed)
		return ipc_memfd("drill", nonsense, sizeof(nonsense));
	int fd = memfd_create("drill", MFD_ALLOW_SEALING);
	(void)!write(fd, nonsense, sizeof(nonsense));
	return fd;
}

static int answer(int sock, enum role_id id, uint32_t job, int fd)
{
	struct ipc_fetch_res f = { .verdict = FETCH_NEW, .commit = COMMIT };
	struct ipc_compile_res c = { .verdict = COMPILE_PLAN };

	if (id == ROLE_FETCH)
		return message_send(sock, IPC_FETCH_RES, job, &f, sizeof(f), "", 0, fd);
	return message_send(sock, IPC_COMPILE_RES, job, &c, sizeof(c), "", 0, fd);
}

static int way_type(int sock, enum role_id id, uint32_t job)
{
	struct ipc_apply_res r = { .error = 0 };

	(void)id;
	return message_send(sock, IPC_APPLY_RES, job, &r, sizeof(r), "", 0, -1);
}

static int way_length(int sock, enum role_id id, uint32_t job)
{
	struct ipc_header h = header(id == ROLE_FETCH ? IPC_FETCH_RES : IPC_COMPILE_RES, job);

	h.len = UINT32_MAX;
	return send_raw(sock, &h, NULL, 0);
}

static int way_descriptors(int sock, enum role_id id, uint32_t job)
{
	struct ipc_header h = header(id == ROLE_FETCH ? IPC_FETCH_RES : IPC_COMPILE_RES, job);
	int fds[16];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = sock;
	return send_raw(sock, &h, fds, ARRAY_SIZE(fds));
}

static int way_unsealed(int sock, enum role_id id, uint32_t job) { return answer(sock, id, job, memory(false)); }
static int way_nonsense(int sock, enum role_id id, uint32_t job) { return answer(sock, id, job, memory(true)); }

static int way_resized(int sock, enum role_id id, uint32_t job)
{
	int fd = memory(false), ret = answer(sock, id, job, fd);

	for (off_t i = 0; i < 2000 && ret == 0; i++)
		(void)!write(fd, "more and more", 13);
	return ret;
}

static int way_flood(int sock, enum role_id id, uint32_t job)
{
	const struct ipc_fetch_progress p = { 1, 1 };
	int ret = 0;

	(void)id;
	while (ret == 0)
		ret = message_send(sock, IPC_FETCH_PROGRESS, job, &p, sizeof(p), NULL, 0, -1);
	return ret;
}

static int way_silence(int sock, enum role_id id, uint32_t job)
{
	(void)id, (void)job;
	struct ipc_frame *f = malloc(sizeof(*f));
	int ret = 0;
	while (f != NULL && ret == 0) /* listens, and says nothing */
		ret = ipc_recv(sock, f, -1);
	free(f);
	return ret;
}

static int way_call(int sock, enum role_id id, uint32_t job)
{
	(void)sock, (void)id, (void)job;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ -1, -1 }) < 0 ? -errno : 0; /* not on any role's list */
}

static const struct way {
	const char *name;
	int (*fn)(int sock, enum role_id id, uint32_t job);
} ways[] = {
	{ "type", way_type },         { "length", way_length },   { "descriptors", way_descriptors }, { "unsealed", way_unsealed },
	{ "nonsense", way_nonsense }, { "resized", way_resized }, { "flood", way_flood },             { "silence", way_silence },
	{ "call", way_call },
};

struct drill {
	enum role_id id;
	const struct way *way;
};

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	(void)ctx, (void)sock, (void)req, (void)err, (void)err_size;
	return 0;
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	const struct drill *d = ctx;
	int ret = d->way->fn(sock, d->id, f->h.job);

	return ret == -EPIPE || ret == 0 ? ret : -EIO;
}

static int drill_role(const char *name, const char *spec)
{
	static const enum role_id ids[] = { ROLE_FETCH, ROLE_COMPILE };
	const char *colon = strchr(spec, ':');
	struct drill d = { .way = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strcmp(ways[i].name, colon + 1) == 0)
			d.way = &ways[i];
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct role_ops ops = { .id = ids[i], .hello = hello, .request = request };
		d.id = ids[i];
		if (strcmp(role_name(ids[i]), name) == 0 && d.way != NULL)
			return role_serve(&ops, &d, ROLE_SOCKET);
	}
	return 2;
}

int main(int argc, char **argv)
{
	const char *spec = getenv("YETT_DRILL");
	char err[512] = "";
	struct arena a;
	struct diags diags;
	struct config c;

	if (argc == 2 && strncmp(argv[1], "--role=", 7) == 0) {
		const char *name = argv[1] + 7;
		size_t n = spec != NULL ? strcspn(spec, ":") : 0;
		bool mine = n > 0 && spec[n] == ':' && strlen(name) == n && strncmp(name, spec, n) == 0;
		return mine ? drill_role(name, spec) : role_main(name);
	}
	if (argc != 2 || sodium_init() < 0)
		return 2;
	arena_init(&a);
	diags_init(&diags, &a);
	if (config_load(&c, argv[1], &a, &diags, err, sizeof(err)) < 0 || diags.errors > 0) {
		fprintf(stderr, "%s\n", err);
		return 2;
	}
	umask(077);
	int status = supervisor_run(&c, false);
	diags_release(&diags);
	arena_release(&a);
	return status;
}
