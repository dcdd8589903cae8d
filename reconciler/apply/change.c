/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/change.h"

#include <string.h>
#include <unistd.h>

#include "config_confirm.h"

static bool is_mass(const struct weight *w, const struct apply_terms *t)
{
	return t->mass_allowed == 0 && w->peers_removed > t->removed_peers &&
	       (uint64_t)w->peers_removed * 100 > (uint64_t)w->peers * t->removed_share;
}

static bool wants_window(const struct weight *w, const struct apply_terms *t)
{
	switch ((enum confirm_when)t->when) {
	case CONFIRM_RISKY: return w->risk != 0;
	case CONFIRM_ALWAYS: return true;
	case CONFIRM_NEVER: return false;
	}
	return true;
}

static bool tell_news(const struct plans *p, int sock)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	struct ipc_guard m;

	if (guard_news(&p->guard, p->base.there ? &p->base.plan : NULL, &p->next.plan, &text) == 0)
		return false;
	memset(&m, 0, sizeof(m));
	int fd = ipc_memfd("guard", text.p, text.len);
	if (fd < 0)
		return true; /* no memory: the supervisor misses the lines and goes no further */
	(void)message_send(sock, IPC_GUARD_NEWS, 0, &m, sizeof(m), NULL, 0, fd);
	close(fd);
	return true;
}

enum apply_verdict change_judge(const struct plans *p, const struct ipc_apply_req *req, int64_t now, int sock, struct weight *w)
{
	bool between = p->base.there;

	if (between)
		weigh(&p->base.plan, &p->next.plan, now, req->terms.share, w);
	if (req->mode == APPLY_WEIGH)
		return VERDICT_DONE;
	if (between && is_mass(w, &req->terms))
		return VERDICT_MASS;
	if (!req->noted && tell_news(p, sock))
		return VERDICT_NOTE;
	return between && wants_window(w, &req->terms) ? VERDICT_WINDOW : VERDICT_DONE;
}
