/* SPDX-License-Identifier: Apache-2.0 */
#include "report/ticket.h"

#include <string.h>

#include "log.h"
#include "report/history.h"
#include "report/operate.h"
#include "report/status.h"
#include "state/evidence.h"

void tickets_answer(struct supervisor *s, enum control_verb verb, uint64_t ticket,
		    void (*json)(const struct supervisor *, struct buf *))
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *k = &s->control.client[i];
		if (k->fd < 0 || k->verb != verb || k->ticket == 0 || k->ticket > ticket)
			continue;
		if (b.len == 0)
			json(s, &b);
		control_answer(k, buf_str(&b), role_clock_ms());
	}
}

bool tickets_any(const struct supervisor *s, enum control_verb verb)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (s->control.client[i].fd >= 0 && s->control.client[i].verb == verb)
			return true;
	return false;
}

const char *tickets_take_verify(struct supervisor *s, uint64_t ticket)
{
	const char *pick = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *k = &s->control.client[i];
		if (k->fd < 0 || k->verb != VERB_VERIFY || k->ticket != 0 || (pick != NULL && strcmp(pick, k->args.commit) != 0))
			continue;
		k->ticket = ticket;
		pick = k->args.commit;
	}
	return pick;
}

void tickets_give(struct supervisor *s)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *k = &s->control.client[i];
		if (k->fd < 0 || k->ticket != 0)
			continue;
		if (control_verb_operates(k->verb)) {
			operate(s, k);
			continue;
		}
		if (k->verb == VERB_SYNC) {
			log_line("sync asked for by user %lu, process %ld", (unsigned long)k->uid, (long)k->pid);
			k->ticket = s->started + 1;
			s->forced = true;
		} else if (k->verb == VERB_DIFF) {
			k->ticket = s->diffs + 1;
		} else if (k->verb == VERB_STATUS) {
			k->ticket = 1;
		} else if (k->verb == VERB_EVIDENCE) {
			struct buf b BUF_CLEANUP = BUF_INIT;
			status_put(&b, json_pack("{sb so}", "ok", 1, "evidence", evidence_json(s->store.dirfd)));
			control_answer(k, buf_str(&b), role_clock_ms());
		} else if (k->verb == VERB_HISTORY) {
			struct buf b BUF_CLEANUP = BUF_INIT;
			history_json(s->store.dirfd, &b);
			control_answer(k, buf_str(&b), role_clock_ms());
		}
	}
	tickets_answer(s, VERB_STATUS, 1, status_json);
}
