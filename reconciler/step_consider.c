/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a new plan is applied now: not while it is held, refused a moment ago, or everything new is suspended. */
#include "step.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "report/text.h"

static void keep_back(struct turn *t, enum turn_outcome o, struct buf *line)
{
	char c[COMMIT_TEXT_MAX];

	if (t->good.fd >= 0)
		buf_addf(line, "; %s stays in force", text_of_commit(t->good.commit, c));
	turn_fail(t, o, buf_str(line));
	turn_enforce(t);
}

static void say_held(struct turn *t, const struct held_plan *h)
{
	char c[COMMIT_TEXT_MAX], at[CLOCK_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s is held since %s (%s); push another commit, or type: yettctl retry", text_of_commit(t->candidate.commit, c),
		 clock_format(h->at, at), h->reason);
	keep_back(t, OUTCOME_HELD, &line);
}

void turn_say_suspended(struct turn *t)
{
	char c[COMMIT_TEXT_MAX], until[CLOCK_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s waits%s: suspended until %s; to end that, type: yettctl resume", text_of_commit(t->candidate.commit, c),
		 t->removals_wait ? " and takes access away [REVOCATION_WAITING]" : "", clock_format(t->suspend.until, until));
	keep_back(t, OUTCOME_HELD, &line);
}

static void say_refused(struct turn *t)
{
	char c[COMMIT_TEXT_MAX];
	struct buf line BUF_CLEANUP = BUF_INIT;

	buf_addf(&line, "%s was refused by the kernel and is tried again in %lld s", text_of_commit(t->candidate.commit, c),
		 (long long)(t->retry_ms - role_clock_ms() + 999) / 1000);
	turn_fail(t, OUTCOME_FAILED, buf_str(&line));
	turn_enforce(t);
}

void turn_hold_candidate(struct turn *t, const char *reason)
{
	struct held_plan h = { .at = clock_now() };

	snprintf(h.plan, sizeof(h.plan), "%s", t->candidate.digest);
	snprintf(h.commit, sizeof(h.commit), "%s", t->candidate.commit);
	snprintf(h.reason, sizeof(h.reason), "%.*s", (int)strcspn(reason, "\n"), reason);
	int ret = held_add(&t->held, t->store->dirfd, &h);
	if (ret < 0)
		log_line("cannot write down that a plan is held: %s", strerror(-ret));
	turn_journal(t, "held", &t->candidate, h.reason);
}

void turn_consider_candidate(struct turn *t)
{
	const struct held_plan *h = held_find(&t->held, t->candidate.digest);

	if (h != NULL && !t->retry) {
		say_held(t, h);
	} else if (suspend_holds(&t->suspend, clock_now())) {
		turn_enter(t, STEP_WEIGH);
	} else if (!t->forced && !t->retry && role_clock_ms() < t->retry_ms) {
		say_refused(t);
	} else {
		if (h != NULL && held_drop(&t->held, t->store->dirfd, t->candidate.digest) < 0)
			log_line("cannot write down that a plan is no longer held");
		turn_apply_candidate(t);
	}
}
