/* SPDX-License-Identifier: Apache-2.0 */
#include "report/operate.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "log.h"
#include "report/status.h"

static void say(struct control_client *k, bool ok, const char *text)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	status_put(&b, json_pack("{sb ss}", "ok", (int)ok, "text", text));
	control_answer(k, buf_str(&b), role_clock_ms());
}

static void note(struct supervisor *s, const char *event, const char *text)
{
	log_line("%s", text);
	turn_journal(&s->turn, event, &s->turn.good, text);
}

static void operate_suspend(struct supervisor *s, struct control_client *k)
{
	char until[CLOCK_TEXT_MAX], text[160];
	int64_t wanted = k->args.seconds < 0 ? SUSPEND_DEFAULT_S : k->args.seconds;

	if (wanted == 0 || wanted > SUSPEND_MAX_S) {
		say(k, false, "a suspension lasts from one second to 24 hours");
		return;
	}
	int64_t end = clock_now() + wanted;
	int ret = suspend_set(&s->turn.suspend, s->store.dirfd, end, k->uid);
	snprintf(text, sizeof(text), "suspended until %s by user %lu: drift is repaired, nothing new is applied%s",
		 clock_format(end, until), (unsigned long)k->uid, ret < 0 ? "; a restart ends it, because it could not be written down" : "");
	note(s, "suspended", text);
	say(k, true, text);
}

static void operate_resume(struct supervisor *s, struct control_client *k)
{
	char text[96];

	if (s->turn.suspend.until == 0) {
		say(k, true, "it was not suspended");
		return;
	}
	int ret = suspend_set(&s->turn.suspend, s->store.dirfd, 0, k->uid);
	snprintf(text, sizeof(text), "resumed by user %lu%s", (unsigned long)k->uid,
		 ret < 0 ? "; but the file of the suspension could not be removed" : "");
	note(s, "resumed", text);
	s->forced = true;
	say(k, true, text);
}

/* The turn that does it answers. */
static void operate_retry(struct supervisor *s, struct control_client *k)
{
	if (s->turn.held.n == 0 && s->turn.candidate.fd < 0) {
		say(k, true, "nothing is held");
		return;
	}
	s->retry = s->forced = true;
	k->ticket = s->started + 1;
}

/* NULL, or why there is nothing to confirm or take back. */
static const char *window_mismatch(const struct window *w, const char *commit)
{
	if (!w->open)
		return "no change waits for confirmation";
	if (strncmp(w->pending.commit, commit, strlen(commit)) != 0)
		return "another commit waits for confirmation; yettctl status names it";
	return NULL;
}

/* The turn that does it answers. */
static void operate_window(struct supervisor *s, struct control_client *k)
{
	struct window *w = &s->turn.window;
	const char *why = window_mismatch(w, k->args.commit);

	if (why != NULL) {
		say(k, false, why);
		return;
	}
	w->confirm = w->confirm || k->verb == VERB_CONFIRM;
	w->rollback = w->rollback || k->verb == VERB_ROLLBACK;
	/* A look that runs already may not have seen it. */
	k->ticket = s->windows + 1;
}

/* Commits are judged by that one's tree from now on; what is in force stays until one is accepted. */
static void operate_reanchor(struct supervisor *s, struct control_client *k)
{
	struct trust *t = &s->turn.trust;
	const char *id = k->args.commit;
	char text[256], was[COMMIT_TEXT_MAX];
	const char *wrong = !t->on ? "there is no anchor: trust.mode is unsigned" :
			    k->uid != 0 ? "only root may name another anchor" :
			    *id == '\0' || !commit_text_ok(id) ? "name the whole id of a commit: --commit=ID" :
			    turn_running(&s->turn) ? "a turn runs just now; ask again when it has ended" : NULL;

	if (wrong != NULL) {
		say(k, false, wrong);
		return;
	}
	snprintf(was, sizeof(was), "%s", t->mark.serial > 0 ? t->mark.commit : "nothing");
	int ret = trust_reanchor(t, s->store.dirfd, id);
	snprintf(text, sizeof(text), ret < 0 ? "the anchor could not be written: %s" : "%s", strerror(-ret));
	if (ret == 0)
		snprintf(text, sizeof(text), "reanchored by user %lu from %.12s to %.12s: the next commit is judged by that one's tree",
			 (unsigned long)k->uid, was, id);
	note(s, "reanchored", text);
	s->turn.judged[0] = '\0';
	s->forced = true;
	say(k, ret == 0, text);
}

static void (*const actions[VERB_COUNT])(struct supervisor *, struct control_client *) = {
	[VERB_CONFIRM] = operate_window,  [VERB_ROLLBACK] = operate_window, [VERB_RETRY] = operate_retry,
	[VERB_SUSPEND] = operate_suspend, [VERB_RESUME] = operate_resume,
	[VERB_REANCHOR] = operate_reanchor,
};

void operate(struct supervisor *s, struct control_client *k)
{
	char text[160];

	if (!config_may_operate(s->config, k->uid)) {
		snprintf(text, sizeof(text), "user %lu may not %s; root may, and who stands in operators of yettd.yaml",
			 (unsigned long)k->uid, control_verb_name(k->verb));
		log_line("%s", text);
		say(k, false, text);
		return;
	}
	log_line("%s asked for by user %lu, process %ld", control_verb_name(k->verb), (unsigned long)k->uid, (long)k->pid);
	actions[k->verb](s, k);
}
