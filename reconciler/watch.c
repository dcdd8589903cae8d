/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "log.h"
#include "report/text.h"
#include "step.h"

#define JOB_BIT 0x80000000u /* the turns count below it */
#define ANSWER_MS 60000

void watch_init(struct watch *w, struct turn *t)
{
	*w = (struct watch){ .turn = t, .failed_ms = WATCH_FAILED_MIN_MS, .next_ms = role_clock_ms() + WATCH_MS };
}

void watch_release(struct watch *w)
{
	buf_release(&w->text);
	buf_release(&w->changes);
}

void watch_drift(struct watch *w, const struct drift *d)
{
	w->told++;
	w->lost += (d->kinds & DRIFT_LOST) != 0;
	w->due = true;
	w->failed_ms = WATCH_FAILED_MIN_MS;
}

static bool paused(const struct watch *w, int64_t now_ms)
{
	return now_ms < w->paused_ms;
}

static bool can_send(const struct watch *w)
{
	return w->job == 0 && turn_kernel_free(w->turn) && w->turn->role[ROLE_APPLY].ready;
}

void watch_begin(struct watch *w, int64_t now_ms)
{
	if (!can_send(w) || paused(w, now_ms) || (!w->due && now_ms < w->next_ms))
		return;
	w->mode = w->due ? APPLY_ENFORCE : APPLY_WATCH;
	w->looks += !w->due;
	w->due = false;
	w->job = JOB_BIT | (++w->jobs & ~JOB_BIT);
	w->deadline_ms = now_ms + ANSWER_MS;
	if (turn_send_plan(w->turn, w->job, &w->turn->good, w->mode) < 0)
		watch_lost(w); /* the supervisor sees its end of the socket close */
}

bool watch_expects(const struct watch *w, enum role_id id, const struct ipc_frame *f)
{
	return w->job != 0 && id == ROLE_APPLY && f->h.type == IPC_APPLY_RES && f->h.job == w->job;
}

/* The kernel refuses, or WireGuard is not there: looked at again later and later, and told when it is another refusal. */
static enum watch_event refused(struct watch *w, const char *why)
{
	struct buf line BUF_CLEANUP = BUF_INIT;
	char c[COMMIT_TEXT_MAX];

	w->failing = true;
	w->turn->apply_holds[0] = '\0';
	w->next_ms = role_clock_ms() + w->failed_ms;
	w->failed_ms = w->failed_ms * 2 < WATCH_FAILED_MAX_MS ? w->failed_ms * 2 : WATCH_FAILED_MAX_MS;
	buf_addf(&line, "%s could not be enforced: %s", text_of_commit(w->turn->good.commit, c), why);
	if (strcmp(buf_str(&line), buf_str(&w->text)) == 0)
		return WATCH_NOTHING;
	w->failures++;
	buf_reset(&w->text);
	buf_adds(&w->text, buf_str(&line));
	log_at(LOG_ERROR, "%s", buf_str(&w->text));
	return WATCH_FAILED;
}

static enum watch_event repaired(struct watch *w, const struct ipc_frame *f, const char *text)
{
	turn_changes(f, text, &w->changes);
	w->repairs++;
	text_of_repair(&w->res, w->turn->good.commit, &w->text);
	log_at(LOG_WARNING, "%s", buf_str(&w->text));
	log_text(buf_str(&w->changes));
	turn_journal(w->turn, "repaired", &w->turn->good, buf_str(&w->text));
	return WATCH_REPAIRED;
}

enum watch_event watch_answer(struct watch *w, const struct ipc_frame *f)
{
	char text[MESSAGE_TEXT_MAX + 1];

	w->job = 0;
	memcpy(&w->res, f->body, sizeof(w->res));
	message_text(f, text, sizeof(text));
	if (w->res.error < 0)
		return refused(w, text);
	turn_seen(w->turn, &w->res);
	w->res = w->turn->last;
	int64_t cost = (int64_t)(w->res.elapsed_us / 1000) * WATCH_COST;
	w->next_ms = role_clock_ms() + (cost > WATCH_MS ? cost : WATCH_MS);
	w->failed_ms = WATCH_FAILED_MIN_MS;
	w->failing = false;
	buf_reset(&w->text);
	if (w->mode == APPLY_WATCH)
		w->due = w->due || w->res.counts.total > 0;
	return w->mode == APPLY_ENFORCE && w->res.counts.total > 0 ? repaired(w, f, text) : WATCH_NOTHING;
}

/* ---- contention ---- */

static void rival_name(const struct drift *d, struct buf *out)
{
	static const char *const names[DRIFT_KINDS] = { "the table", "the interface", "addresses", "routes", "the kernel" };

	if (d->program[0] != '\0') {
		buf_adds(out, d->program);
		return;
	}
	buf_adds(out, "whoever changes");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (d->kinds & (1u << i))
			buf_addf(out, "%s%s", out->len > strlen("whoever changes") ? ", " : " ", names[i]);
	if (d->kinds == 0)
		buf_adds(out, " peers"); /* all else is told by the kernel */
}

/* The one of that name, or the place of the one that was quiet for longest. */
static struct rival *rival_of(struct watch *w, const char *name)
{
	struct rival *oldest = &w->rival[0];

	for (size_t i = 0; i < WATCH_RIVALS; i++) {
		struct rival *r = &w->rival[i];
		if (strcmp(r->name, name) == 0)
			return r;
		if (r->n == 0 || (oldest->n > 0 && r->at_ms[r->n - 1] < oldest->at_ms[oldest->n - 1]))
			oldest = r;
	}
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	return oldest;
}

bool watch_repaired(struct watch *w, const struct ipc_apply_res *res, int64_t now_ms)
{
	struct buf name BUF_CLEANUP = BUF_INIT;

	rival_name(&res->seen, &name);
	struct rival *r = rival_of(w, buf_str(&name));
	if (r->n == ARRAY_SIZE(r->at_ms))
		memmove(r->at_ms, r->at_ms + 1, --r->n * sizeof(r->at_ms[0]));
	r->at_ms[r->n++] = now_ms;
	if (r->n < ARRAY_SIZE(r->at_ms) || now_ms - r->at_ms[0] > WATCH_WINDOW_MS)
		return false;
	r->n = 0;
	w->contentions++;
	w->paused_ms = now_ms + WATCH_PAUSE_MS;
	w->due = true; /* then */
	buf_reset(&w->text);
	buf_addf(&w->text, "contention: %s undid %d repairs in %d s; repairs pause for %d s. Stop what fights over this gateway",
		 buf_str(&name), WATCH_REPAIRS + 1, WATCH_WINDOW_MS / 1000, WATCH_PAUSE_MS / 1000);
	log_at(LOG_WARNING, "%s", buf_str(&w->text));
	return true;
}

/* ---- the loop ---- */

void watch_lost(struct watch *w)
{
	/* What the role had heard is lost with it, so its successor looks at once. */
	w->due = w->due || w->job != 0 || w->turn->good.fd >= 0;
	w->job = 0;
}

int64_t watch_deadline(const struct watch *w)
{
	if (w->job != 0)
		return w->deadline_ms;
	if (!can_send(w))
		return INT64_MAX;
	int64_t first = w->due ? 0 : w->next_ms;
	return first < w->paused_ms ? w->paused_ms : first;
}

bool watch_overdue(const struct watch *w, int64_t now_ms)
{
	return w->job != 0 && now_ms >= w->deadline_ms;
}
