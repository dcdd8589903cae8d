/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sodium.h>

#include "base/bug.h"
#include "base/clock.h"
#include "lockdown.h"
#include "log.h"
#include "notify.h"
#include "report/status.h"
#include "report/text.h"
#include "report/ticket.h"
#include "sandbox/seccomp.h"
#include "state/denied.h"
#include "state/durable.h"
#include "state/quota.h"

#define POLL_MAX_MS 30000      /* the wall clock may be set: dates are looked at again by then */
#define ENFORCE_PAUSE_MS 5000  /* between two turns that dates ask for */
#define READ_BACK_MS 5000      /* after a change on a gateway with many peers: one reading then serves several changes */
#define SETTLE_MS 10000        /* after a turn: the file of the last good plan follows its patches */
#define SETTLE_RETRY_MS 60000
#define JITTER_FROM_S 5
#define BACK_OFF_MS 5000
#define BACK_OFF_MAX_MS (15 * 60000)
#define STOP_WAIT_MS 2000
#define AFTER_WINDOW_MS 1000
#define ALARM_MS 60000 /* between two reminders of what a suspension keeps waiting */

enum { POLL_SIGNAL, POLL_ROLE, POLL_CONTROL = POLL_ROLE + ROLE_COUNT, POLL_COUNT = POLL_CONTROL + CONTROL_POLLS };

static void end(struct supervisor *s, int status)
{
	s->stopping = true;
	s->status = status;
}

/* ---- turns ---- */

static int64_t interval_ms(const struct supervisor *s)
{
	int64_t ms = s->config->interval * 1000;

	if (s->config->interval < JITTER_FROM_S)
		return ms;
	/* Gateways that started together do not come to the git host together. */
	return ms - ms / 5 + (int64_t)randombytes_uniform((uint32_t)(ms / 5 * 2) + 1);
}

static void start_turn(struct supervisor *s, enum turn_kind kind)
{
	s->running = kind;
	s->in_turn = true;
	if (kind == TURN_FULL) {
		s->started++;
		s->turn.retry = s->retry;
		turn_start(&s->turn, kind, s->forced);
		s->forced = s->retry = false;
	} else {
		turn_start(&s->turn, kind, false);
	}
}

/* In the audit trail alone: nothing was done to the kernel. */
static void note_event(struct supervisor *s, const char *event, const char *text)
{
	const struct plan_ref *good = &s->turn.good;
	const struct audit_entry_new e = { event, good->fd >= 0 ? good->commit : NULL, good->fd >= 0 ? good->digest : NULL, text };

	audit_log_add(&s->store.audit, &e);
}

/* What is in force at a start was put there by this process, or by the one before it. */
static void note_enforced(struct supervisor *s)
{
	if (s->enforced || s->turn.good.fd < 0 || s->turn.last_at == 0)
		return;
	s->enforced = true;
	note_event(s, "enforced", NULL);
}

static void announce(struct supervisor *s)
{
	if (!s->announced)
		notify_send("READY=1\nMAINPID=%ld", (long)getpid());
	s->announced = true;
}

static void remember_turn(struct supervisor *s)
{
	const struct turn *t = &s->turn;

	/* A repair between two fetches does not hide that the last fetch failed; the next full turn tells anew. */
	if (s->running == TURN_ENFORCE && t->outcome == OUTCOME_UNCHANGED && s->ended_at != 0)
		return;
	s->outcome = t->outcome;
	s->ended_at = clock_now();
	s->took_us = t->took_us;
	buf_reset(&s->text);
	buf_adds(&s->text, buf_str(&t->text));
	buf_reset(&s->changes);
	buf_adds(&s->changes, buf_str(&t->changes));
	if (t->outcome >= OUTCOME_HELD) {
		s->error_at = s->ended_at;
		buf_reset(&s->error);
		buf_adds(&s->error, buf_str(&t->text));
	}
}

/* 5 s after the first failure, then twice as long each time up to 15 minutes, give or take a fifth. */
static int64_t back_off_ms(const struct supervisor *s)
{
	unsigned int n = s->unfetched < 8 ? s->unfetched : 8;
	int64_t ms = (int64_t)BACK_OFF_MS << (n - 1);

	ms = ms < BACK_OFF_MAX_MS ? ms : BACK_OFF_MAX_MS;
	return ms - ms / 5 + (int64_t)randombytes_uniform((uint32_t)(ms / 5 * 2) + 1);
}

static void schedule(struct supervisor *s)
{
	int64_t now = role_clock_ms();
	const struct turn *t = &s->turn;

	s->unfetched = t->fetch_failed ? s->unfetched + 1 : 0;
	s->next_ms = now + (s->unfetched > 0 ? back_off_ms(s) : interval_ms(s));
	if (t->candidate.fd >= 0 && t->retry_ms < s->next_ms)
		s->next_ms = t->retry_ms > now ? t->retry_ms : now + 1000;
}

static bool must_read_back(const struct supervisor *s)
{
	return s->turn.good.fd >= 0 && s->turn.last.peers_unread;
}

static int exit_status(enum turn_outcome o)
{
	if (o == OUTCOME_REJECTED || o == OUTCOME_HELD || o == OUTCOME_PENDING)
		return YETTD_REJECTED;
	return o == OUTCOME_FAILED ? YETTD_CANNOT : YETTD_OK;
}

/* While nobody waits. */
static void settle_store(struct supervisor *s)
{
	int ret = store_settle(&s->store, &s->turn.good);

	if (ret < 0)
		log_line("cannot write the last good plan: %s", strerror(-ret)); /* its patch is in the journal */
	s->settle_ms = role_clock_ms() + (ret < 0 ? SETTLE_RETRY_MS : SETTLE_MS);
}

/* A repair beside the turns. */
static void remember_repair(struct supervisor *s)
{
	const struct watch *w = &s->watch;

	metrics_repair(&s->publish.m, &w->res.counts);
	s->outcome = OUTCOME_REPAIRED;
	s->ended_at = clock_now();
	s->took_us = w->res.elapsed_us;
	buf_reset(&s->text);
	buf_adds(&s->text, buf_str(&w->text));
	buf_reset(&s->changes);
	buf_adds(&s->changes, buf_str(&w->changes));
	notify_send("STATUS=%.400s", buf_str(&s->text));
}

static void take_watched(struct supervisor *s, const struct ipc_frame *f)
{
	s->publish.dirty = true;
	switch (watch_answer(&s->watch, f)) {
	case WATCH_NOTHING:
		break;
	case WATCH_REPAIRED:
		remember_repair(s);
		if (watch_repaired(&s->watch, &s->watch.res, role_clock_ms()))
			note_event(s, "contention", buf_str(&s->watch.text));
		break;
	case WATCH_FAILED:
		s->error_at = clock_now();
		buf_reset(&s->error);
		buf_adds(&s->error, buf_str(&s->watch.text));
		break;
	}
}

static void count_turn(struct supervisor *s)
{
	struct metrics *m = &s->publish.m;
	const struct turn *t = &s->turn;

	s->publish.dirty = true;
	if (s->running != TURN_FULL && s->running != TURN_ENFORCE)
		return;
	metrics_turn(m, t);
	if (t->outcome == OUTCOME_REPAIRED)
		metrics_repair(m, &t->last.counts);
	if (s->running == TURN_FULL && t->fetch_us > 0 && !t->fetch_failed)
		m->fetched_at = clock_now();
	m->fetch_failures += t->fetch_failed;
	m->refusals += t->refused;
}

/* A look at a window is over, and the window perhaps too. */
static void window_ended(struct supervisor *s)
{
	tickets_answer(s, VERB_CONFIRM, s->windows, status_sync_json);
	tickets_answer(s, VERB_ROLLBACK, s->windows, status_sync_json);
	if (s->turn.window.open)
		return;
	s->next_ms = role_clock_ms() + AFTER_WINDOW_MS; /* commits that came meanwhile have waited long enough */
	if (s->once && s->started > 0)
		end(s, exit_status(s->outcome));
}

static void turn_ended(struct supervisor *s)
{
	count_turn(s);
	if (s->running != TURN_DIFF && s->turn.outcome == OUTCOME_REPAIRED &&
	    watch_repaired(&s->watch, &s->turn.last, role_clock_ms()))
		note_event(s, "contention", buf_str(&s->watch.text));
	note_enforced(s);
	s->settle_ms = role_clock_ms() + SETTLE_MS;
	switch (s->running) {
	case TURN_WINDOW:
		if (s->turn.outcome != OUTCOME_WAITING || s->outcome != OUTCOME_WAITING)
			remember_turn(s);
		window_ended(s);
		break;
	case TURN_DIFF:
		tickets_answer(s, VERB_DIFF, s->diffs, status_diff_json);
		return;
	case TURN_VERIFY:
		tickets_answer(s, VERB_VERIFY, s->verifies, status_verify_json);
		return;
	case TURN_ENFORCE:
		remember_turn(s);
		s->next_enforce_ms = role_clock_ms() + ENFORCE_PAUSE_MS;
		if (s->once)
			end(s, exit_status(s->outcome));
		break;
	case TURN_FULL:
		remember_turn(s);
		if (s->reloading && !s->forced) {
			s->reloading = false;
			notify_send("READY=1");
		}
		schedule(s);
		tickets_answer(s, VERB_SYNC, s->started, status_sync_json);
		tickets_answer(s, VERB_RETRY, s->started, status_sync_json);
		if (s->once && s->outcome == OUTCOME_UNCHANGED)
			log_line("%s", buf_str(&s->text));
		if (must_read_back(s))
			s->next_enforce_ms = role_clock_ms() + (s->once ? 0 : READ_BACK_MS);
		else if (s->once && !s->turn.window.open)
			end(s, exit_status(s->outcome));
		break;
	}
	announce(s);
	notify_send("STATUS=%.400s", buf_str(&s->text));
}

static bool window_due(const struct supervisor *s, int64_t now)
{
	const struct window *w = &s->turn.window;

	return w->open && (w->confirm || w->rollback || now >= w->look_ms || window_expired(w));
}

/* Whoever suspended should not forget what it costs. */
static void alarm_removals(struct supervisor *s, int64_t now)
{
	struct turn *t = &s->turn;

	if (!t->removals_wait)
		return;
	if (!suspend_holds(&t->suspend, clock_now()) || t->candidate.fd < 0) {
		t->removals_wait = false;
		return;
	}
	if (now < s->alarm_ms)
		return;
	s->alarm_ms = now + ALARM_MS;
	log_line("REVOCATION_WAITING: a change that takes access away waits until the suspension ends; to apply it, type: yettctl resume");
}

static bool enforce_due(const struct supervisor *s, int64_t now)
{
	return s->turn.good.fd >= 0 && now >= s->next_enforce_ms &&
	       (must_read_back(s) || clock_now() >= s->turn.last.next_change);
}

/* ---- roles ---- */

static void start_role(struct supervisor *s, struct role *r)
{
	int ret = role_start(r, &s->launcher);

	if (ret == 0)
		return;
	if (ret == -EPIPE || ret == -ETIMEDOUT) {
		log_at(LOG_ERROR, "the process that starts roles is gone; yettd ends, what is in force stays in force");
		end(s, YETTD_BROKEN);
		return;
	}
	log_at(LOG_ERROR, "cannot start the %s role: %s", role_name(r->id), strerror(-ret));
	role_lost(r); /* sets when to try again */
}

static bool full_due(const struct supervisor *s, int64_t now)
{
	return s->forced || now >= s->next_ms;
}

/* Who fetches is replaced as late as can be: what it may read is settled when it begins. */
static void renew_roles(struct supervisor *s, int64_t now)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (!s->role[i].worn || s->role[i].pid == 0 || (i == ROLE_FETCH && !full_due(s, now)))
			continue;
		role_stop(&s->role[i], STOP_WAIT_MS);
		start_role(s, &s->role[i]);
	}
}

static void begin_what_is_due(struct supervisor *s)
{
	int64_t now = role_clock_ms();
	const char *pick;

	audit_log_work(&s->store.audit, now, !turn_running(&s->turn));
	if (s->stopping || turn_running(&s->turn))
		return;
	renew_roles(s, now);
	alarm_removals(s, now);
	if (tickets_any(s, VERB_DIFF)) {
		s->diffs++;
		start_turn(s, TURN_DIFF);
	} else if ((pick = tickets_take_verify(s, s->verifies + 1)) != NULL) {
		s->verifies++;
		snprintf(s->turn.verify.pick, sizeof(s->turn.verify.pick), "%s", pick);
		start_turn(s, TURN_VERIFY);
	} else if (window_due(s, now)) {
		s->windows++;
		start_turn(s, TURN_WINDOW);
	} else if (!s->turn.window.open && full_due(s, now)) {
		start_turn(s, TURN_FULL);
	} else if (enforce_due(s, now)) {
		start_turn(s, TURN_ENFORCE);
	} else if (s->store.behind > 0 && now >= s->settle_ms) {
		settle_store(s);
	}
}

static void lose_role(struct supervisor *s, struct role *r, const char *why)
{
	if (r->sock >= 0)
		role_lost(r);
	log_at(LOG_WARNING, "%s; it is started again", why);
	note_event(s, "role-lost", why);
	if (r->id == ROLE_APPLY)
		watch_lost(&s->watch);
	turn_role_lost(&s->turn, r->id, why);
}

/* Its end of the socket closes only with the process. */
static void role_gone(struct supervisor *s, struct role *r)
{
	char why[200];
	int status = role_lost(r);

	role_describe_end(r, status, why, sizeof(why));
	lose_role(s, r, why);
}

/* ---- what is used of quotas: kept for the apply role, which may write nothing ---- */

static void keep_quota(struct supervisor *s, int fd)
{
	const void *data;
	size_t len;
	int own = dup(fd), ret = own < 0 ? -errno : ipc_map(own, QUOTA_BYTES_MAX, &data, &len);

	if (ret == 0) {
		ret = durable_write(s->store.dirfd, QUOTA_FILE, data, len);
		munmap((void *)(uintptr_t)data, len);
		if (s->quota_fd >= 0)
			close(s->quota_fd);
		s->quota_fd = own;
	} else if (own >= 0) {
		close(own);
	}
	if (ret < 0)
		log_line("what is used of quotas cannot be kept: %s", strerror(-ret));
}

static void load_quota(struct supervisor *s)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	struct quota_state q = { .at = 0 };
	int ret = durable_read(s->store.dirfd, QUOTA_FILE, QUOTA_BYTES_MAX, &text);

	if (ret == 0)
		ret = quota_decode(&q, text.p, text.len);
	if (ret == 0)
		ret = s->quota_fd = ipc_memfd("quota", text.p, text.len);
	if (ret < 0 && ret != -ENOENT)
		log_line("what was used of quotas cannot be read and counts as nothing: %s", strerror(-ret));
	quota_release(&q);
}

static int send_quota(const struct role *r, enum ipc_type type, int fd)
{
	const struct ipc_quota m = { .asked = 0 };

	return message_send(r->sock, type, 0, &m, sizeof(m), NULL, 0, fd);
}

/* The newest reading, before everything ends. */
static void last_quota(struct supervisor *s, struct ipc_frame *f)
{
	struct role *r = &s->role[ROLE_APPLY];
	struct ipc_quota m = { .asked = 0 };
	int64_t end_ms = role_clock_ms() + STOP_WAIT_MS;

	if (s->quota_fd < 0 || !r->ready || send_quota(r, IPC_QUOTA_ASK, -1) < 0)
		return;
	while (m.asked == 0 && role_clock_ms() < end_ms) {
		if (ipc_recv(r->sock, f, (int)(end_ms - role_clock_ms())) < 0 || message_check(f, ROLE_APPLY, FROM_ROLE) < 0)
			return;
		if (f->h.type == IPC_QUOTA_STATE) {
			memcpy(&m, f->body, sizeof(m));
			keep_quota(s, f->fd);
		}
		if (f->fd >= 0)
			close(f->fd);
	}
}

/* Whether what this machine enforces on that role is enough for the configuration; else the daemon ends. */
static bool lockdown_enough(struct supervisor *s, const struct role *r)
{
	char why[512];

	if (lockdown_allows(s->config, &s->users, role_name(r->id), &r->rights, why, sizeof(why)))
		return true;
	log_line("%s", why);
	end(s, YETTD_CANNOT);
	return false;
}

static void take_hello(struct supervisor *s, struct role *r, const struct ipc_frame *f)
{
	struct ipc_hello_res res;
	char text[1025];

	memcpy(&res, f->body, sizeof(res));
	message_text(f, text, sizeof(text));
	r->rights = res.rights;
	if (res.error == 0 && !lockdown_enough(s, r))
		return;
	if (res.error == 0) {
		r->ready = true;
		s->publish.dirty = true;
		if (r->id == ROLE_STATUS && publish_begin(s) < 0)
			return; /* its end is seen by the next read */
		if (r->id == ROLE_APPLY && s->quota_fd >= 0)
			send_quota(r, IPC_QUOTA_USE, s->quota_fd);
		if (r->id == ROLE_APPLY)
			keepout_send(&s->keepout, s->config, r);
		turn_role_ready(&s->turn, r->id);
		return;
	}
	if (r->starts == 1) {
		log_line("%s", text);
		end(s, YETTD_CANNOT);
		return;
	}
	lose_role(s, r, text);
}

/* Kept before the plan that revokes them is carried out. What cannot be kept shows in the turn. */
static int take_news(struct supervisor *s, struct role *r, const struct ipc_frame *f)
{
	int ret = keepout_take(&s->keepout, s->config, &s->store, f->fd);

	if (ret == -EBADMSG)
		return ret;
	if (ret < 0)
		log_line("cannot write down which keys are revoked: %s", strerror(-ret));
	else
		ret = keepout_send(&s->keepout, s->config, r);
	s->turn.noted = ret == 0;
	return 0;
}

static void take_drift(struct supervisor *s, const struct ipc_frame *f)
{
	struct drift d;

	memcpy(&d, f->body, sizeof(d));
	metrics_drift(&s->publish.m, &d);
	watch_drift(&s->watch, &d);
}

static void take_denied(struct role *r, const struct ipc_frame *f)
{
	struct ipc_denied m;

	memcpy(&m, f->body, sizeof(m));
	r->denied = m.call; /* it ends in a moment, and that is when it is told */
}

static void work_role(struct supervisor *s, struct role *r, struct ipc_frame *f)
{
	char why[160];
	int ret = ipc_recv(r->sock, f, 0);

	if (ret == -EAGAIN)
		return;
	if (ret == 0)
		ret = message_check(f, r->id, FROM_ROLE);
	if (ret == -EPIPE) {
		role_gone(s, r);
		return;
	}
	if (ret == 0 && f->h.type == IPC_HELLO_RES && !r->ready)
		take_hello(s, r, f);
	else if (ret == 0 && f->h.type == IPC_QUOTA_STATE)
		keep_quota(s, f->fd);
	else if (ret == 0 && f->h.type == IPC_TALLY)
		publish_tally(s, f->fd);
	else if (ret == 0 && f->h.type == IPC_SYNC)
		publish_hook(s);
	else if (ret == 0 && f->h.type == IPC_GUARD_NEWS)
		ret = take_news(s, r, f);
	else if (ret == 0 && f->h.type == IPC_DRIFT)
		take_drift(s, f);
	else if (ret == 0 && watch_expects(&s->watch, r->id, f))
		take_watched(s, f);
	else if (ret == 0 && f->h.type == IPC_DENIED)
		take_denied(r, f);
	else if (ret == 0)
		ret = turn_frame(&s->turn, r->id, f);
	if (f->fd >= 0)
		close(f->fd);
	if (ret < 0) {
		snprintf(why, sizeof(why), "the %s role said something wrong and was killed (%s)", role_name(r->id), strerror(-ret));
		lose_role(s, r, why);
	}
}

static bool starts_role(const struct supervisor *s, enum role_id id)
{
	if (s->boot)
		return id == ROLE_APPLY;
	return role_wanted(id, s->config) && (id != ROLE_STATUS || !s->once);
}

static void restart_roles(struct supervisor *s, int64_t now)
{
	for (size_t i = 0; i < ROLE_COUNT && !s->stopping; i++)
		if (s->role[i].pid == 0 && now >= s->role[i].retry_ms && starts_role(s, s->role[i].id))
			start_role(s, &s->role[i]);
}

static void check_overdue(struct supervisor *s, int64_t now)
{
	enum role_id id = turn_overdue(&s->turn, now);

	if (watch_overdue(&s->watch, now))
		lose_role(s, &s->role[ROLE_APPLY], "the apply role did not answer in time and was killed");
	if (id == ROLE_COUNT)
		return;
	role_lost(&s->role[id]);
	if (id == ROLE_APPLY)
		watch_lost(&s->watch);
	turn_timeout(&s->turn);
}

/* ---- signals, the loop ---- */

static int open_signals(struct supervisor *s)
{
	static const int wanted[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo i;

	if (read(s->signal_fd, &i, sizeof(i)) != sizeof(i))
		return;
	if (i.ssi_signo == SIGHUP) {
		s->forced = true;
		s->reloading = true;
		notify_send("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)text_clock_us());
		return;
	}
	log_line("stops on signal %u; what is in force stays in force", i.ssi_signo);
	notify_send("STOPPING=1");
	end(s, s->once ? YETTD_CANNOT : YETTD_OK);
}

/* When the open window is looked at again. */
static int64_t window_wait(const struct turn *t, int64_t now)
{
	int64_t left = t->window.deadline_ms - window_clock_ms(), end = now + (left > 0 ? left : 0);

	return t->window.look_ms < end ? t->window.look_ms : end;
}

static int poll_wait_ms(const struct supervisor *s)
{
	int64_t now = role_clock_ms(), first = now + POLL_MAX_MS;
	const struct turn *t = &s->turn;
	int64_t clients = control_deadline(&s->control);

	if (turn_running(t))
		first = t->deadline_ms < first ? t->deadline_ms : first;
	else if (t->window.open)
		first = window_wait(t, now) < first ? window_wait(t, now) : first;
	else if (s->next_ms < first)
		first = s->next_ms;
	if (!turn_running(t) && s->store.behind > 0)
		first = s->settle_ms < first ? s->settle_ms : first;
	if (!turn_running(t) && must_read_back(s))
		first = s->next_enforce_ms < first ? s->next_enforce_ms : first;
	if (!turn_running(t) && t->good.fd >= 0 && t->last.next_change != CLOCK_NEVER) {
		int64_t until = t->last.next_change - clock_now();
		int64_t at = now + (until < 0 ? 0 : until > POLL_MAX_MS / 1000 ? POLL_MAX_MS : until * 1000);
		at = at < s->next_enforce_ms ? s->next_enforce_ms : at;
		first = at < first ? at : first;
	}
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->role[i].pid == 0 && s->role[i].retry_ms < first && starts_role(s, s->role[i].id))
			first = s->role[i].retry_ms;
	first = clients < first ? clients : first;
	if (s->watchdog_ms > 0 && s->lived_ms + s->watchdog_ms < first)
		first = s->lived_ms + s->watchdog_ms;
	if (!s->once && !s->stopping && watch_deadline(&s->watch) < first)
		first = watch_deadline(&s->watch);
	if (audit_log_deadline(&s->store.audit) < first)
		first = audit_log_deadline(&s->store.audit);
	if (publish_deadline(s) < first)
		first = publish_deadline(s);
	return first <= now ? 0 : (int)(first - now);
}

static void fill_polls(const struct supervisor *s, struct pollfd p[static POLL_COUNT])
{
	p[POLL_SIGNAL] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	for (size_t i = 0; i < ROLE_COUNT; i++)
		p[POLL_ROLE + i] = (struct pollfd){ .fd = s->role[i].sock, .events = POLLIN };
	control_polls(&s->control, p + POLL_CONTROL);
}

/* A turn may end in any of the calls that move it, even while it begins. */
static void settle(struct supervisor *s)
{
	if (!s->in_turn || turn_running(&s->turn))
		return;
	s->in_turn = false;
	turn_ended(s);
}

static void work(struct supervisor *s, const struct pollfd p[static POLL_COUNT], struct ipc_frame *f)
{
	int64_t now = role_clock_ms();

	if (p[POLL_SIGNAL].revents)
		take_signal(s);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (p[POLL_ROLE + i].revents && s->role[i].sock == p[POLL_ROLE + i].fd)
			work_role(s, &s->role[i], f);
	check_overdue(s, now);
	if (publish_work(s, now) == -ETIMEDOUT)
		lose_role(s, &s->role[ROLE_STATUS], "the status role takes nothing any more and was killed");
	restart_roles(s, now);
	control_work(&s->control, p + POLL_CONTROL, now);
	tickets_give(s);
}

static void tell_alive(struct supervisor *s)
{
	int64_t now = role_clock_ms();

	if (s->watchdog_ms == 0 || now - s->lived_ms < s->watchdog_ms)
		return;
	s->lived_ms = now;
	notify_send("WATCHDOG=1");
}

static void loop(struct supervisor *s, struct ipc_frame *f)
{
	struct pollfd p[POLL_COUNT];

	/* A change of the kernel that has begun is seen to its end. */
	while (!s->stopping || turn_applying(&s->turn) || s->watch.job != 0) {
		tell_alive(s);
		begin_what_is_due(s);
		settle(s);
		if (!s->once && !s->stopping)
			watch_begin(&s->watch, role_clock_ms());
		if (s->stopping && !turn_applying(&s->turn) && s->watch.job == 0)
			break;
		fill_polls(s, p);
		if (poll(p, POLL_COUNT, poll_wait_ms(s)) < 0) {
			if (errno == EINTR)
				continue;
			BUG("poll: %s", strerror(errno));
		}
		work(s, p, f);
		settle(s);
	}
}

/* ---- beginning and end ---- */

static void count_event(void *ctx, const char *event, int ret)
{
	struct supervisor *s = ctx;

	s->publish.dirty = true;
	if (ret == 0)
		metrics_audit(&s->publish.m, event);
	else
		s->publish.m.audit_failures++;
}

static int open_store(struct supervisor *s)
{
	char err[2048] = "";
	int ret = store_open(&s->store, s->config->state_dir, err, sizeof(err));

	if (ret < 0) {
		log_line("%s", err);
		return ret == -EAGAIN ? YETTD_LOCKED : YETTD_CANNOT;
	}
	ret = store_load_good(&s->store, &s->turn.good, err, sizeof(err));
	if (ret < 0 && ret != -ENOENT)
		log_line("%s", err); /* a new one comes with the next good commit */
	load_quota(s);
	ret = keepout_load(&s->keepout, &s->store);
	if (ret < 0) {
		log_line("cannot read %s/" DENIED_FILE ", which says whose keys were revoked: %s; mend it or take it away", s->config->state_dir,
			 strerror(-ret));
		return YETTD_CANNOT;
	}
	turn_load(&s->turn);
	s->store.audit.gateway = s->config->gateway;
	s->store.audit.seen = count_event;
	s->store.audit.ctx = s;
	note_event(s, "started", "yettd " YETT_VERSION);
	if (trust_open(&s->turn.trust, s->config, s->store.dirfd, err, sizeof(err)) == 0)
		return YETTD_OK;
	log_line("%s", err);
	return YETTD_CANNOT;
}

static int open_control(struct supervisor *s)
{
	char err[512] = "";
	int ret = s->once ? 0 : control_open(&s->control, s->config->control_socket, err, sizeof(err));

	if (ret == 0)
		return YETTD_OK;
	log_line("%s", err);
	if (ret == -EADDRINUSE)
		return YETTD_LOCKED;
	/* Enforcement matters more than being asked about it. */
	log_line("yettctl will not work until yettd is started again");
	return YETTD_OK;
}

static int open_publish(struct supervisor *s)
{
	char err[2 * SETTING_MAX] = "";

	if (s->once || publish_open(&s->publish, s->config, err, sizeof(err)) >= 0)
		return YETTD_OK;
	log_line("%s", err);
	return YETTD_CANNOT;
}

/* While it is who started it: folders, the control socket, and the launcher, which stays so. */
static int start_launcher(struct supervisor *s)
{
	char err[512] = "";

	users_find(&s->users);
	if (users_own(&s->users, s->config->state_dir, err, sizeof(err)) < 0) {
		log_line("%s", err);
		return YETTD_CANNOT;
	}
	int status = open_publish(s);
	if (status == YETTD_OK)
		status = open_control(s);
	if (status != YETTD_OK)
		return status;
	int ret = control_give(&s->control, s->users.uid[SANDBOX_SUPERVISOR], s->users.gid[SANDBOX_SUPERVISOR]);
	if (ret < 0)
		log_line("cannot give %s to the user %s: %s", s->control.path, sandbox_user(SANDBOX_SUPERVISOR), strerror(-ret));
	if (ret == 0)
		ret = launcher_start(&s->launcher, s->config, &s->users);
	if (ret < 0)
		log_line("cannot start the process that starts roles: %s", strerror(-ret));
	return ret < 0 ? YETTD_CANNOT : YETTD_OK;
}

/* The supervisor's own lock-down; nothing foreign was read yet. */
static int lock_down(struct supervisor *s)
{
	struct sandbox b;
	char err[256] = "";
	int status = YETTD_OK;

	lockdown_supervisor(&b, s->config, &s->users, &s->control);
	int ret = sandbox_become(&b, err, sizeof(err));
	if (ret == 0)
		status = open_store(s);
	if (ret == 0 && status == YETTD_OK && open_signals(s) < 0) {
		log_line("cannot watch for signals");
		status = YETTD_CANNOT;
	}
	if (ret == 0 && status == YETTD_OK)
		ret = seccomp_on_denied(SANDBOX_SUPERVISOR);
	if (ret == 0 && status == YETTD_OK)
		ret = sandbox_close(&b, err, sizeof(err));
	if (ret < 0) {
		log_line("%s", err);
		return YETTD_CANNOT;
	}
	lockdown_rights(&b, &s->rights);
	return status == YETTD_OK && !lockdown_allows(s->config, &s->users, "supervisor", &s->rights, err, sizeof(err)) ?
		       (log_line("%s", err), YETTD_CANNOT) : status;
}

static int start(struct supervisor *s)
{
	int status = start_launcher(s);

	if (status == YETTD_OK)
		status = lock_down(s);
	if (status != YETTD_OK)
		return status;
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		role_init(&s->role[i], (enum role_id)i);
		if (starts_role(s, (enum role_id)i))
			start_role(s, &s->role[i]);
	}
	if (!s->once)
		log_line("%s runs for the gateway %s: follows %s of %s every %lld s", YETT_VERSION, s->config->gateway,
			 s->config->branch, s->repository, (long long)s->config->interval);
	/* What held before holds again before anybody waits for the network. */
	s->next_ms = role_clock_ms();
	if (s->boot && s->turn.good.fd < 0) {
		log_line("there is no last good plan yet: nothing is put in force");
		return YETTD_CANNOT;
	}
	if ((s->boot || !s->once) && s->turn.good.fd >= 0)
		start_turn(s, TURN_ENFORCE);
	else
		announce(s); /* the first fetch may take its time */
	return YETTD_OK;
}

static void stop(struct supervisor *s, struct ipc_frame *f)
{
	last_quota(s, f);
	if (s->store.dirfd >= 0)
		note_event(s, "stopped", NULL);
	if (s->quota_fd >= 0)
		close(s->quota_fd);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		role_stop(&s->role[i], STOP_WAIT_MS);
	launcher_stop(&s->launcher);
	publish_close(&s->publish);
	control_close(&s->control);
	if (s->turn.good.fd >= 0 && s->store.dirfd >= 0)
		settle_store(s);
	watch_release(&s->watch);
	turn_release(&s->turn);
	keepout_release(&s->keepout);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	store_close(&s->store);
	buf_release(&s->text);
	buf_release(&s->error);
	buf_release(&s->changes);
}

int supervisor_run(const struct config *c, enum supervisor_for what)
{
	struct arena a;
	struct ipc_frame *f = malloc(sizeof(*f));
	struct supervisor *s = calloc(1, sizeof(*s));

	if (f == NULL || s == NULL)
		BUG("out of memory");
	arena_init(&a);
	*s = (struct supervisor){ .config = c, .repository = config_redact(c->repository, &a), .once = what != RUN_DAEMON,
				  .boot = what == RUN_BOOT, .signal_fd = -1,
				  .quota_fd = -1, .launcher.sock = -1,
				  .store = { .dirfd = -1, .plan_dirfd = -1, .lock_fd = -1, .journal.fd = -1, .audit = AUDIT_LOG_NONE } };
	s->publish.listen_fd = -1;
	s->watchdog_ms = notify_watchdog_ms();
	control_init(&s->control);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		role_init(&s->role[i], (enum role_id)i);
	turn_init(&s->turn, c, &s->store, s->role, s->repository);
	watch_init(&s->watch, &s->turn);
	int status = start(s);
	if (status == YETTD_OK) {
		loop(s, f);
		status = s->status;
	}
	stop(s, f);
	free(s);
	free(f);
	arena_release(&a);
	return status;
}
