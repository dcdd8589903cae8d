/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "fetch/blobs.h"
#include "fetch/local.h"
#include "fetch/mirror.h"
#include "fetch/probe.h"
#include "fetch/remote.h"
#include "report/text.h"
#include "role.h"
#include "source/proof.h"
#include "source/source.h"

#define DNS_PORT 53 /* a long answer comes by TCP */

struct fetch {
	struct ipc_hello_req settings;
	struct remote remote;
	struct proof proof;
	char folder[SETTING_MAX]; /* the only one that it may write to; the mirror is in it */
	int sock;
	uint32_t job;
	bool set_aside; /* a damaged mirror is replaced once in a life, not for ever */
	char held[COMMIT_TEXT_MAX]; /* what the mirror holds since the newest update; "" */
	struct local local;
	struct source_repo repo; /* the mirror, opened for reading; git is NULL when it is not */
	struct blobs blobs;
};

/* The tree of one commit, read for one request. */
struct reading {
	struct arena arena;
	struct diags diags;
	struct source source;
	char err[1024];
};

static void on_progress(void *ctx, uint64_t bytes, uint64_t objects)
{
	const struct fetch *f = ctx;
	const struct ipc_fetch_progress p = { bytes, objects };

	/* A lost supervisor shows at the next receive. */
	(void)message_send(f->sock, IPC_FETCH_PROGRESS, f->job, &p, sizeof(p), NULL, 0, -1);
}

/* Files that resolving names and checking certificates read; those that are links lead to other places too. */
static void allow_system(struct sandbox *s)
{
	static const char *const files[] = {
		"/etc/resolv.conf", "/run/systemd/resolve", "/run/resolvconf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf",
		"/etc/gai.conf", "/etc/services", "/etc/protocols",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		sandbox_allow(s, files[i], PLACE_READ);
}

static int prepare(void *ctx, const struct ipc_hello_req *req, struct sandbox *s, char *err, size_t err_size)
{
	struct fetch *f = ctx;

	f->settings = *req;
	if (!remote_parse(f->settings.repository, &f->remote)) {
		snprintf(err, err_size, "repository is no address that can be fetched from");
		return -EINVAL;
	}
	snprintf(f->folder, sizeof(f->folder), "%.*s", (int)(strrchr(req->mirror, '/') - req->mirror), req->mirror);
	sandbox_allow(s, f->folder, PLACE_WRITE);
	for (size_t i = 0; i < PROBE_TARGETS_MAX && f->settings.probe_port[i] != 0; i++)
		sandbox_allow_port(s, f->settings.probe_port[i]);
	int ret = mirror_setup();

	if (f->remote.kind == REMOTE_LOCAL) {
		sandbox_allow(s, f->remote.path, PLACE_READ);
		return ret;
	}
	if (ret < 0)
		snprintf(err, err_size, "libgit2 cannot start");
	if (ret == 0)
		ret = proof_load(&f->proof, req, &f->remote, err, err_size);
	if (ret < 0)
		return ret;
	allow_system(s);
	sandbox_allow_port(s, f->remote.port);
	sandbox_allow_port(s, DNS_PORT);
	s->unix_sockets = f->remote.kind == REMOTE_SSH && *req->ssh_key_file == '\0' && getenv("SSH_AUTH_SOCK") != NULL;
	return 0;
}

/* libgit2 packs what it takes from a folder with a thread for each processor. This process starts none, so it is shown one. */
static bool stay_on_one_processor(void)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)(cpu < 0 || cpu >= CPU_SETSIZE ? 0 : cpu), &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	struct fetch *f = ctx;
	(void)req;
	f->sock = sock;
	if (f->remote.kind == REMOTE_LOCAL && !stay_on_one_processor()) {
		snprintf(err, err_size, "a repository in a folder needs the system call sched_setaffinity; with systemd, add SystemCallFilter=sched_setaffinity to the unit");
		return -EPERM;
	}
	return proof_settle(&f->proof, f->folder, err, err_size);
}

static struct mirror mirror_of(struct fetch *f)
{
	return (struct mirror){
		.path = f->settings.mirror, .repository = f->settings.repository, .branch = f->settings.branch,
		.host = f->remote.host, .proof = &f->proof, .progress = on_progress, .ctx = f,
	};
}

static int answer(const struct fetch *f, const struct ipc_fetch_res *res, const char *text, int fd)
{
	return message_send(f->sock, IPC_FETCH_RES, f->job, res, sizeof(*res), text, strlen(text), fd);
}

static int answer_tree_errors(const struct fetch *f, struct ipc_fetch_res *res, struct reading *r)
{
	struct buf text BUF_CLEANUP = BUF_INIT;

	res->verdict = FETCH_TREE_ERRORS;
	text_of_diags(&r->diags, &text);
	return answer(f, res, buf_str(&text), -1);
}

/* What the judge needs; 0, or a negative errno with r->err, or the socket's. */
static int give_proof(struct fetch *f, const char *base, const char *tip, struct reading *r)
{
	const struct ipc_fetch_proof none = { 0 };
	struct buf proof BUF_CLEANUP = BUF_INIT;
	int ret = source_proof(&f->repo, base, tip, &proof, r->err, sizeof(r->err));

	if (ret < 0)
		return ret;
	int fd = ipc_memfd("proof", proof.p, proof.len);
	if (fd < 0) {
		snprintf(r->err, sizeof(r->err), "no memory for what is to be judged");
		return fd;
	}
	ret = message_send(f->sock, IPC_FETCH_PROOF, f->job, &none, sizeof(none), NULL, 0, fd);
	close(fd);
	return ret;
}

static int answer_bundle(const struct fetch *f, struct ipc_fetch_res *res, const struct reading *r)
{
	struct buf bundle BUF_CLEANUP = BUF_INIT;

	source_to_bundle(&r->source, &bundle);
	int fd = ipc_memfd("bundle", buf_str(&bundle), bundle.len);
	if (fd < 0) {
		res->verdict = FETCH_FAILED;
		return answer(f, res, "no memory for the policy files", -1);
	}
	res->verdict = FETCH_NEW;
	int ret = answer(f, res, "", fd);
	close(fd);
	return ret;
}

static void close_repo(struct fetch *f)
{
	if (f->repo.git != NULL)
		source_repo_close(&f->repo);
	f->repo = (struct source_repo){ .git = NULL };
	blobs_release(&f->blobs);
}

static int open_repo(struct fetch *f, char *err, size_t err_size)
{
	if (f->repo.git != NULL)
		return 0;
	int ret = source_repo_open(&f->repo, f->settings.mirror, f->settings.path, err, err_size);
	if (ret < 0)
		source_repo_close(&f->repo);
	return ret;
}

static int read_commit(struct fetch *f, const char *commit, struct reading *r)
{
	const struct source_limits limits = { 0 };
	const struct source_blobs door = blobs_door(&f->blobs);
	git_commit *c = NULL;
	git_oid root;

	blobs_begin(&f->blobs);
	int ret = open_repo(f, r->err, sizeof(r->err));
	if (ret == 0)
		ret = source_repo_commit(&f->repo, commit, &c, r->err, sizeof(r->err));
	if (ret == 0)
		ret = source_repo_root(&f->repo, c, &root, r->err, sizeof(r->err));
	if (ret == 0)
		ret = source_repo_read(&f->repo, &root, &limits, &door, &r->source, &r->arena, &r->diags, r->err, sizeof(r->err));
	r->source.commit = arena_strdup(&r->arena, commit);
	git_commit_free(c);
	if (ret < 0)
		close_repo(f); /* the next time from the start */
	return ret;
}

/* base: NULL where nothing is to be judged. */
static int answer_commit(struct fetch *f, const char *base, struct ipc_fetch_res *res, struct reading *r)
{
	const struct mirror m = mirror_of(f);
	uint64_t start = text_clock_us();
	int ret = read_commit(f, res->commit, r);

	if (ret == 0 && r->diags.errors == 0 && base != NULL)
		ret = give_proof(f, base, res->commit, r);
	res->elapsed_us += text_clock_us() - start;
	if (ret == 0 && r->diags.errors == 0)
		return answer_bundle(f, res, r);
	if (ret == 0)
		return answer_tree_errors(f, res, r);
	bool damaged = ret == -EIO || strncmp(r->err, "E_ODB_MISSING", 13) == 0;
	if (damaged && !f->set_aside) {
		f->set_aside = true;
		if (mirror_set_aside(&m) == 0)
			snprintf(r->err + strlen(r->err), sizeof(r->err) - strlen(r->err),
				 "; the mirror was set aside and is fetched anew");
	}
	res->verdict = FETCH_FAILED;
	return answer(f, res, r->err, -1);
}

/* What the mirror holds already. */
static int pick_commit(struct fetch *f, const char *pick, struct ipc_fetch_res *res, struct reading *r)
{
	git_commit *c = NULL;
	int ret = open_repo(f, r->err, sizeof(r->err));

	if (ret == 0)
		ret = source_repo_commit(&f->repo, pick, &c, r->err, sizeof(r->err));
	if (ret == 0)
		git_oid_tostr(res->commit, sizeof(res->commit), git_commit_id(c));
	git_commit_free(c);
	return ret;
}

static int request_pick(struct fetch *f, const char *pick)
{
	struct ipc_fetch_res res;
	struct reading r = { .err = "" };

	memset(&res, 0, sizeof(res));
	arena_init(&r.arena);
	diags_init(&r.diags, &r.arena);
	int ret = pick_commit(f, pick, &res, &r);
	if (ret == 0) {
		ret = answer_commit(f, NULL, &res, &r);
	} else {
		res.verdict = FETCH_FAILED;
		ret = answer(f, &res, r.err, -1);
	}
	diags_release(&r.diags);
	arena_release(&r.arena);
	return ret;
}

/* Of a repository on this machine that much is told by its reference alone. */
static bool nothing_new(struct fetch *f, const char *known, struct ipc_fetch_res *res)
{
	return *known != '\0' && strcmp(known, f->held) == 0 &&
	       local_tip(&f->local, f->settings.repository, f->settings.branch, res->commit) && strcmp(res->commit, known) == 0;
}

static int request_probe(int sock, const struct ipc_frame *frame)
{
	struct ipc_probe_req req;
	struct ipc_probe_res res;

	memset(&res, 0, sizeof(res));
	memcpy(&req, frame->body, sizeof(req));
	res.error = probe_connect(&req);
	const char *text = res.error < 0 ? strerror(-res.error) : "";
	return message_send(sock, IPC_PROBE_RES, frame->h.job, &res, sizeof(res), text, strlen(text), -1);
}

static int request(void *ctx, int sock, struct ipc_frame *frame)
{
	struct fetch *f = ctx;
	struct ipc_fetch_req req;
	struct ipc_fetch_res res;
	char err[1024] = "";
	uint64_t start = text_clock_us();

	if (frame->h.type == IPC_PROBE_REQ)
		return request_probe(sock, frame);
	memset(&res, 0, sizeof(res));
	memcpy(&req, frame->body, sizeof(req));
	if (!commit_text_ok(req.known) || !commit_text_ok(req.base))
		return -EBADMSG;
	f->job = frame->h.job;
	if (req.pick[0] != '\0')
		return commit_pick_ok(req.pick) ? request_pick(f, req.pick) : -EBADMSG;
	if (nothing_new(f, req.known, &res)) {
		res.elapsed_us = text_clock_us() - start;
		res.verdict = FETCH_SAME;
		return answer(f, &res, "", -1);
	}
	const struct mirror m = mirror_of(f);
	int ret = mirror_update(&m, res.commit, err, sizeof(err));
	res.elapsed_us = text_clock_us() - start;
	memcpy(f->held, ret < 0 ? "" : res.commit, ret < 0 ? 1 : sizeof(f->held));
	if (ret < 0) {
		close_repo(f); /* it may have been set aside */
		res.verdict = FETCH_FAILED;
		return answer(f, &res, err, -1);
	}
	if (strcmp(res.commit, req.known) == 0) {
		res.verdict = FETCH_SAME;
		return answer(f, &res, "", -1);
	}
	struct reading r = { .err = "" };
	arena_init(&r.arena);
	diags_init(&r.diags, &r.arena);
	ret = answer_commit(f, req.proof ? req.base : NULL, &res, &r);
	diags_release(&r.diags);
	arena_release(&r.arena);
	return ret;
}

int fetch_main(int sock)
{
	static const struct role_ops ops = { .id = ROLE_FETCH, .prepare = prepare, .hello = hello, .request = request };
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return 70;
	umask(077);
	blobs_init(&f->blobs);
	int status = role_serve(&ops, f, sock);
	close_repo(f);
	local_close(&f->local);
	mirror_teardown();
	proof_release(&f->proof);
	free(f);
	return status;
}
