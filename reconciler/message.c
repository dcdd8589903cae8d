/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"

enum fd_rule { FD_NONE, FD_ONE, FD_MAYBE };

/* Who may say what to whom; ROLE_COUNT: every role. */
static const struct message_rule {
	enum ipc_type type;
	enum role_id role;
	enum message_direction dir;
	size_t fixed;
	bool text;
	enum fd_rule fd;
} rules[] = {
	{ IPC_HELLO_REQ, ROLE_COUNT, TO_ROLE, sizeof(struct ipc_hello_req), false, FD_NONE },
	{ IPC_HELLO_RES, ROLE_COUNT, FROM_ROLE, sizeof(struct ipc_hello_res), true, FD_NONE },
	{ IPC_DENIED, ROLE_COUNT, FROM_ROLE, sizeof(struct ipc_denied), false, FD_NONE },
	{ IPC_FETCH_REQ, ROLE_FETCH, TO_ROLE, sizeof(struct ipc_fetch_req), false, FD_NONE },
	{ IPC_FETCH_PROGRESS, ROLE_FETCH, FROM_ROLE, sizeof(struct ipc_fetch_progress), false, FD_NONE },
	{ IPC_FETCH_RES, ROLE_FETCH, FROM_ROLE, sizeof(struct ipc_fetch_res), true, FD_MAYBE },
	{ IPC_FETCH_PROOF, ROLE_FETCH, FROM_ROLE, sizeof(struct ipc_fetch_proof), false, FD_ONE },
	{ IPC_JUDGE_TREE, ROLE_JUDGE, TO_ROLE, sizeof(struct ipc_judge_bytes), false, FD_ONE },
	{ IPC_JUDGE_SIGNERS, ROLE_JUDGE, TO_ROLE, sizeof(struct ipc_judge_bytes), false, FD_ONE },
	{ IPC_JUDGE_REQ, ROLE_JUDGE, TO_ROLE, sizeof(struct ipc_judge_req), false, FD_ONE },
	{ IPC_JUDGE_RES, ROLE_JUDGE, FROM_ROLE, sizeof(struct ipc_judge_res), true, FD_MAYBE },
	{ IPC_MARK_ASK, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_mark), false, FD_NONE },
	{ IPC_MARK_STATE, ROLE_APPLY, FROM_ROLE, sizeof(struct ipc_mark), true, FD_NONE },
	{ IPC_COMPILE_REQ, ROLE_COMPILE, TO_ROLE, sizeof(struct ipc_compile_req), false, FD_ONE },
	{ IPC_COMPILE_RES, ROLE_COMPILE, FROM_ROLE, sizeof(struct ipc_compile_res), true, FD_MAYBE },
	{ IPC_COMPARE_REQ, ROLE_COMPILE, TO_ROLE, sizeof(struct ipc_compare_req), false, FD_ONE },
	{ IPC_COMPARE_RES, ROLE_COMPILE, FROM_ROLE, sizeof(struct ipc_compare_res), true, FD_MAYBE },
	{ IPC_APPLY_REQ, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_apply_req), false, FD_MAYBE },
	{ IPC_QUOTA_USE, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_quota), false, FD_ONE },
	{ IPC_QUOTA_ASK, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_quota), false, FD_NONE },
	{ IPC_QUOTA_STATE, ROLE_APPLY, FROM_ROLE, sizeof(struct ipc_quota), false, FD_ONE },
	{ IPC_DRIFT, ROLE_APPLY, FROM_ROLE, sizeof(struct drift), false, FD_NONE },
	{ IPC_LISTEN, ROLE_STATUS, TO_ROLE, sizeof(struct ipc_listen), false, FD_ONE },
	{ IPC_SNAPSHOT, ROLE_STATUS, TO_ROLE, 0, false, FD_ONE },
	{ IPC_SYNC, ROLE_STATUS, FROM_ROLE, 0, false, FD_NONE },
	{ IPC_TALLY, ROLE_APPLY, FROM_ROLE, 0, false, FD_ONE },
	{ IPC_TALLY_SHOW, ROLE_STATUS, TO_ROLE, 0, false, FD_ONE },
	{ IPC_APPLY_BASE, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_base), false, FD_ONE },
	{ IPC_GUARD_USE, ROLE_APPLY, TO_ROLE, sizeof(struct ipc_guard), false, FD_ONE },
	{ IPC_GUARD_NEWS, ROLE_APPLY, FROM_ROLE, sizeof(struct ipc_guard), false, FD_ONE },
	{ IPC_PROBE_REQ, ROLE_FETCH, TO_ROLE, sizeof(struct ipc_probe_req), false, FD_NONE },
	{ IPC_PROBE_RES, ROLE_FETCH, FROM_ROLE, sizeof(struct ipc_probe_res), true, FD_NONE },
	{ IPC_APPLY_RES, ROLE_APPLY, FROM_ROLE, sizeof(struct ipc_apply_res), true, FD_MAYBE },
};

static const struct message_rule *rule_of(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static bool allowed(const struct ipc_frame *f, enum role_id role, enum message_direction dir)
{
	const struct message_rule *r = rule_of(f->h.type);

	if (r == NULL || r->dir != dir || (r->role != ROLE_COUNT && r->role != role))
		return false;
	if (r->text ? f->h.len < r->fixed : f->h.len != r->fixed)
		return false;
	return r->fd == FD_MAYBE || (r->fd == FD_ONE) == (f->fd >= 0);
}

int message_check(struct ipc_frame *f, enum role_id role, enum message_direction dir)
{
	if (allowed(f, role, dir))
		return 0;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	return -EBADMSG;
}

int message_send(int sock, enum ipc_type type, uint32_t job, const void *fixed, size_t fixed_len, const char *text,
		 size_t text_len, int fd)
{
	uint8_t body[IPC_BODY_MAX];

	if (fixed_len > sizeof(body))
		return -EMSGSIZE;
	if (fixed_len > 0)
		memcpy(body, fixed, fixed_len);
	size_t room = sizeof(body) - fixed_len < MESSAGE_TEXT_MAX ? sizeof(body) - fixed_len : MESSAGE_TEXT_MAX;
	if (text == NULL)
		text_len = 0;
	if (text_len > room)
		text_len = room;
	if (text_len > 0)
		memcpy(body + fixed_len, text, text_len);
	return ipc_send(sock, type, job, body, fixed_len + text_len, fd);
}

char *message_text(const struct ipc_frame *f, char *out, size_t out_size)
{
	const struct message_rule *r = rule_of(f->h.type);

	if (r == NULL || !r->text || f->h.len < r->fixed)
		BUG("text of a message without one");
	size_t n = f->h.len - r->fixed < out_size - 1 ? f->h.len - r->fixed : out_size - 1;
	const uint8_t *p = f->body + r->fixed;
	for (size_t i = 0; i < n; i++)
		out[i] = (p[i] < 0x20 && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f ? '?' : (char)p[i];
	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return out;
}

bool commit_text_ok(const char text[static COMMIT_TEXT_MAX])
{
	size_t n = strnlen(text, COMMIT_TEXT_MAX);

	return (n == 0 || n == 40 || n == 64) && strspn(text, "0123456789abcdef") == n;
}

bool commit_pick_ok(const char text[static COMMIT_TEXT_MAX])
{
	size_t n = strnlen(text, COMMIT_TEXT_MAX);

	return n >= COMMIT_PICK_MIN && n < COMMIT_TEXT_MAX && strspn(text, "0123456789abcdef") == n;
}
