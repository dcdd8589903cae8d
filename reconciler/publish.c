/* SPDX-License-Identifier: Apache-2.0 */
#include "publish.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "listen.h"
#include "lockdown.h"
#include "log.h"
#include "report/status.h"
#include "supervisor.h"

int publish_open(struct publish *p, const struct config *c, char *err, size_t err_size)
{
	*p = (struct publish){ .listen_fd = -1, .m.started_at = clock_now() };
	if (*c->watch.listen == '\0')
		return 0;
	int ret = listen_secret(c->watch.hook_secret, &p->settings, err, err_size);
	if (ret == 0)
		ret = p->listen_fd = listen_open(c->watch.listen, err, err_size);
	return ret < 0 ? ret : 0;
}

void publish_close(struct publish *p)
{
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	p->listen_fd = -1;
	sodium_memzero(&p->settings, sizeof(p->settings));
}

int publish_begin(struct supervisor *s)
{
	s->publish.dirty = true;
	s->publish.sent_ms = role_clock_ms();
	return message_send(s->role[ROLE_STATUS].sock, IPC_LISTEN, 0, &s->publish.settings, sizeof(s->publish.settings), NULL, 0,
			    s->publish.listen_fd);
}

/* ---- a snapshot ---- */

/* Enforcement is what health means: a gateway whose git host is away does its work. */
static void say_health(const struct supervisor *s, struct snapshot *n)
{
	const char *why = "";

	if (s->turn.good.fd < 0)
		why = "there is no plan yet";
	else if (s->turn.last_at == 0)
		why = "the kernel has not been looked at yet";
	else if (s->watch.paused_ms > role_clock_ms())
		why = "repairs pause, because another program undoes them";
	else if (s->watch.failing)
		why = "the kernel does not agree with the plan, and the repair was refused";
	snprintf(n->unhealthy, sizeof(n->unhealthy), "%s", why);
}

static void fill_roles(const struct supervisor *s, struct metrics *m)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		m->role_wanted[i] = role_wanted((enum role_id)i, s->config);
		m->role_starts[i] = s->role[i].starts;
		m->role_ready[i] = s->role[i].ready;
	}
}

static bool sandboxed(const struct supervisor *s)
{
	struct buf lacks BUF_CLEANUP = BUF_INIT;

	lockdown_missing(s, &lacks);
	return lacks.len == 0;
}

static void fill(const struct supervisor *s, struct snapshot *n)
{
	const struct turn *t = &s->turn;
	const struct ipc_apply_res *r = &t->last;
	struct metrics *m = &n->m;

	*m = s->publish.m;
	snprintf(n->version, sizeof(n->version), "%s", YETT_VERSION);
	snprintf(n->gateway, sizeof(n->gateway), "%s", s->config->gateway);
	if (t->good.fd >= 0) {
		memcpy(n->commit, t->good.commit, sizeof(n->commit));
		memcpy(n->plan, t->good.digest, sizeof(n->plan));
	}
	say_health(s, n);
	m->turn_at = s->ended_at;
	m->enforced_at = t->last_at;
	m->next_change = r->next_change;
	m->rejected = t->judged_bad;
	m->pending = t->candidate.fd >= 0;
	m->held = t->held.n;
	m->suspended_until = suspend_holds(&t->suspend, clock_now()) ? t->suspend.until : 0;
	m->sandboxed = sandboxed(s);
	m->paused = s->watch.paused_ms > role_clock_ms();
	m->contentions = s->watch.contentions;
	m->watch_failures = s->watch.failures;
	m->peers_planned = r->peers_planned;
	m->peers_configured = r->peers_configured;
	m->peers_recent = r->peers_recent;
	m->forwarding_off[0] = (r->warnings & HOST_FORWARDING4_OFF) != 0;
	m->forwarding_off[1] = (r->warnings & HOST_FORWARDING6_OFF) != 0;
	fill_roles(s, m);
}

static int send_snapshot(struct supervisor *s)
{
	struct buf status BUF_CLEANUP = BUF_INIT, all BUF_CLEANUP = BUF_INIT;
	struct snapshot n;

	memset(&n, 0, sizeof(n));
	n.magic = SNAPSHOT_MAGIC;
	fill(s, &n);
	status_json(s, &status);
	buf_addc(&status, '\n');
	n.status_len = (uint32_t)status.len;
	buf_add(&all, &n, sizeof(n));
	buf_add(&all, status.p, status.len);
	int fd = all.len <= SNAPSHOT_BYTES_MAX ? ipc_memfd("snapshot", all.p, all.len) : -EFBIG;
	if (fd < 0)
		return fd;
	int ret = message_send(s->role[ROLE_STATUS].sock, IPC_SNAPSHOT, 0, NULL, 0, NULL, 0, fd);
	close(fd);
	return ret;
}

/* Nothing waits for a role that answers strangers. */
static bool takes(const struct supervisor *s)
{
	struct pollfd p = { .fd = s->role[ROLE_STATUS].sock, .events = POLLOUT };

	return s->role[ROLE_STATUS].ready && poll(&p, 1, 0) == 1 && p.revents & POLLOUT;
}

static bool wanted(const struct supervisor *s)
{
	return s->publish.listen_fd >= 0 && s->role[ROLE_STATUS].ready;
}

static int64_t due_ms(const struct publish *p)
{
	int64_t next = p->tried_ms + (p->dirty ? PUBLISH_PAUSE_MS : PUBLISH_MS);

	return p->hook_waits && p->hook_ms < next ? p->hook_ms : next;
}

int64_t publish_deadline(const struct supervisor *s)
{
	return wanted(s) ? due_ms(&s->publish) : INT64_MAX;
}

static void begin_fetch(struct supervisor *s, int64_t now_ms)
{
	struct publish *p = &s->publish;

	if (!p->hook_waits || now_ms < p->hook_ms)
		return;
	p->hook_waits = false;
	p->hook_ms = now_ms + HOOK_PAUSE_MS;
	p->m.hooks++;
	s->next_ms = now_ms;
}

int publish_work(struct supervisor *s, int64_t now_ms)
{
	struct publish *p = &s->publish;

	begin_fetch(s, now_ms);
	if (!wanted(s) || now_ms < p->tried_ms + (p->dirty ? PUBLISH_PAUSE_MS : PUBLISH_MS))
		return 0;
	p->tried_ms = now_ms;
	if (!takes(s))
		return now_ms - p->sent_ms > PUBLISH_STUCK_MS ? -ETIMEDOUT : 0;
	int ret = send_snapshot(s);
	if (ret == 0) {
		p->sent_ms = now_ms;
		p->dirty = false;
	}
	return ret == -EPIPE ? 0 : ret; /* its end is seen where all ends are */
}

void publish_tally(struct supervisor *s, int fd)
{
	if (takes(s))
		(void)message_send(s->role[ROLE_STATUS].sock, IPC_TALLY_SHOW, 0, NULL, 0, NULL, 0, fd);
}

void publish_hook(struct supervisor *s)
{
	if (!s->publish.hook_waits)
		log_line("a webhook asks for a fetch");
	s->publish.hook_waits = true;
}
