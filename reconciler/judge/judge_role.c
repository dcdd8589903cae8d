/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/judge_role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "judge/judged_tree.h"
#include "log.h"
#include "report/text.h"
#include "role.h"
#include "trust/chain.h"

struct judge {
	char path[SETTING_MAX]; /* of the policy root */
	int tree_fd;            /* the policy files that the next request is about; -1 */
	int signers_fd;         /* the gateway's own allowed_signers; -1: it has none */
	struct judged_tree kept; /* what was hashed for the newest accepted tree */
};

/* One request and what it has to say. */
struct job {
	struct judge *g;
	struct ipc_judge_req req;
	struct ipc_judge_res res;
	struct arena arena;
	struct objects objects;
	struct signers first;
	struct chain_verdict v;
	const char *text;
	int evidence_fd;
};

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	struct judge *g = ctx;

	(void)sock;
	memcpy(g->path, req->path, sizeof(g->path));
	g->path[sizeof(g->path) - 1] = '\0';
	if (sodium_init() < 0) {
		snprintf(err, err_size, "libsodium cannot start");
		return -EIO;
	}
	return 0;
}

static void refuse(struct job *j, const char *code, const char *text)
{
	j->res.verdict = JUDGE_REJECTED;
	snprintf(j->res.code, sizeof(j->res.code), "%s", code);
	j->text = text;
}

/* Its text has to outlive the mapping; -EBADMSG: the file changed since it was read at start. */
static int read_signers(struct job *j)
{
	const void *data;
	size_t len;
	char why[256];
	int ret = ipc_map(j->g->signers_fd, SIGNERS_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = signers_parse(&j->first, data, len, &j->arena, why, sizeof(why)) < 0 ? -EBADMSG : 0;
	munmap((void *)(uintptr_t)data, len);
	return ret;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

static void give_verdict(struct job *j)
{
	const struct judgement *s = &j->v.j;

	j->res.verdict = s->accepted ? JUDGE_ACCEPTED : s->pending ? JUDGE_PENDING : JUDGE_REJECTED;
	j->res.steps = j->v.steps;
	j->res.version = j->v.version;
	copy(j->res.code, sizeof(j->res.code), s->code);
	copy(j->res.signer, sizeof(j->res.signer), s->principal);
	copy(j->res.key, sizeof(j->res.key), s->fingerprint);
	copy(j->res.could_sign, sizeof(j->res.could_sign), s->could_sign);
	j->text = s->why != NULL ? s->why : "";
	if (s->accepted)
		sodium_bin2hex(j->res.repo, sizeof(j->res.repo), j->v.repo_id, sizeof(j->v.repo_id));
}

/* Both commits, one after the other: whoever signed them cannot say that he did not. */
static void give_evidence(struct job *j)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	const struct raw_object *have = j->v.have, *offered = j->v.offered;

	if (offered == NULL || offered->len > JUDGE_EVIDENCE_MAX || (have != NULL && have->len > JUDGE_EVIDENCE_MAX))
		return;
	if (have != NULL)
		buf_add(&b, have->data, have->len);
	buf_add(&b, offered->data, offered->len);
	j->evidence_fd = ipc_memfd("evidence", buf_str(&b), b.len);
	if (j->evidence_fd < 0)
		return;
	j->res.have_len = have != NULL ? (uint32_t)have->len : 0;
	j->res.offered_len = (uint32_t)offered->len;
}

/* The files that the compiler would read are those of the accepted tree, all of them and no others. */
static void check_tree(struct job *j)
{
	struct object_error e = { NULL, NULL };
	int ret = judged_tree_check(&j->g->kept, &j->objects, &j->v.root, j->req.tip, j->g->tree_fd, j->res.content, &j->arena, &e);

	j->g->tree_fd = -1; /* taken */
	if (ret == 0)
		return;
	refuse(j, e.code != NULL ? e.code : "E_CONTENT", e.why != NULL ? e.why : "the policy files cannot be judged");
}

static void judge(struct job *j, const void *data, size_t len)
{
	struct chain_case c = { .objects = &j->objects, .path = j->g->path, .now = clock_now() };

	if (c.now < j->req.seen) /* a clock that was set back revives no expired key */
		c.now = j->req.seen;
	if (objects_open(&j->objects, data, len, &j->arena) < 0) {
		refuse(j, "E_CONTENT", "what the fetch role read of the repository is no list of objects");
		return;
	}
	object_id_parse(&c.base, j->req.base);
	object_id_parse(&c.tip, j->req.tip);
	if (j->req.first && j->g->signers_fd >= 0) {
		if (read_signers(j) < 0) {
			refuse(j, "E_SIGNERS", "this gateway's own allowed_signers cannot be read");
			return;
		}
		c.first = &j->first;
	}
	chain_judge(&c, &j->v, &j->arena);
	give_verdict(j);
	give_evidence(j);
	if (j->v.j.accepted)
		check_tree(j);
}

static int request_judge(struct judge *g, int sock, const struct ipc_frame *f)
{
	struct job j = { .g = g, .text = "", .evidence_fd = -1 };
	const void *data;
	size_t len;
	uint64_t start = text_clock_us();

	memcpy(&j.req, f->body, sizeof(j.req));
	if (!commit_text_ok(j.req.base) || !commit_text_ok(j.req.tip) || j.req.tip[0] == '\0' || g->tree_fd < 0)
		return -EBADMSG;
	memset(&j.res, 0, sizeof(j.res));
	arena_init(&j.arena);
	int ret = ipc_map(f->fd, OBJECTS_BYTES_MAX, &data, &len);
	if (ret < 0) {
		refuse(&j, "E_CONTENT", "what the fetch role read of the repository cannot be used");
	} else {
		judge(&j, data, len);
		munmap((void *)(uintptr_t)data, len);
	}
	if (g->tree_fd >= 0)
		close(g->tree_fd);
	g->tree_fd = -1;
	j.res.elapsed_us = text_clock_us() - start;
	ret = message_send(sock, IPC_JUDGE_RES, f->h.job, &j.res, sizeof(j.res), j.text, strlen(j.text), j.evidence_fd);
	if (j.evidence_fd >= 0)
		close(j.evidence_fd);
	arena_release(&j.arena);
	return ret;
}

static int keep(int *to, int fd)
{
	int own = dup(fd);

	if (own < 0)
		return -errno;
	if (*to >= 0)
		close(*to);
	*to = own;
	return 0;
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	struct judge *g = ctx;

	if (f->h.type == IPC_JUDGE_TREE)
		return keep(&g->tree_fd, f->fd);
	if (f->h.type == IPC_JUDGE_SIGNERS)
		return keep(&g->signers_fd, f->fd);
	return request_judge(g, sock, f);
}

int judge_main(int sock)
{
	static const struct role_ops ops = { .id = ROLE_JUDGE, .hello = hello, .request = request };
	struct judge g = { .tree_fd = -1, .signers_fd = -1 };

	judged_tree_init(&g.kept);
	int status = role_serve(&ops, &g, sock);
	judged_tree_release(&g.kept);
	return status;
}
