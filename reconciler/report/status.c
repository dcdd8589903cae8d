/* SPDX-License-Identifier: Apache-2.0 */
#include "report/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "lockdown.h"
#include "observe/host.h"
#include "supervisor.h"

/* Texts come from other processes: what is no UTF-8 is left out rather than the whole answer. */
static json_t *text_json(const char *s)
{
	json_t *t = json_string(s);

	return t != NULL ? t : json_string("(not readable)");
}

static json_t *time_json(int64_t utc)
{
	char text[CLOCK_TEXT_MAX];

	return utc > 0 && utc != CLOCK_NEVER ? json_string(clock_format(utc, text)) : json_null();
}

void status_put(struct buf *out, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	buf_adds(out, text ? text : "{\"ok\":false,\"text\":\"no memory\"}");
	free(text);
	json_decref(o);
}

/* What a process may do, as the kernel said after its lock-down. */
static void put_rights(json_t *o, const struct ipc_rights *r)
{
	char caps[24];
	json_t *guards = json_array();

	snprintf(caps, sizeof(caps), "%016llx", (unsigned long long)r->cap_eff);
	for (uint32_t bit = 1; bit < GUARD_ALL; bit <<= 1)
		if (r->guards & bit)
			json_array_append_new(guards, json_string(sandbox_guard_name((enum sandbox_guard)bit)));
	json_object_set_new(o, "guards", guards);
	json_object_set_new(o, "landlock_abi", json_integer(r->landlock_abi));
	if (!r->known)
		return;
	json_object_set_new(o, "uid", json_integer((json_int_t)r->uid));
	json_object_set_new(o, "cap_eff", json_string(caps));
	json_object_set_new(o, "no_new_privs", json_integer((json_int_t)r->no_new_privs));
	json_object_set_new(o, "seccomp", json_integer((json_int_t)r->seccomp));
}

static json_t *roles_json(const struct supervisor *s)
{
	json_t *o = json_object(), *own = json_pack("{si}", "pid", (int)getpid());

	put_rights(own, &s->rights);
	json_object_set_new(o, "supervisor", own);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		const struct role *r = &s->role[i];
		if (!role_wanted(r->id, s->config))
			continue;
		json_t *role = json_pack("{si sb sI}", "pid", (int)r->pid, "ready", (int)r->ready, "starts", (json_int_t)r->starts);
		if (r->ready)
			put_rights(role, &r->rights);
		json_object_set_new(o, role_name((enum role_id)i), role);
	}
	return o;
}

/* {"state": "enforced" or "degraded", "missing": [sentences], "users": "separate" or why not} */
/* A checkpoint of the trail: kept elsewhere, it tells whether lines were taken off the end. */
static json_t *audit_json(const struct audit_log *a)
{
	char hex[DIGEST_HEX_MAX];

	return json_pack("{sI ss sI}", "seq", (json_int_t)a->seq, "head", digest_hex(&a->head, DIGEST_BYTES, hex), "missed",
			 (json_int_t)a->missed);
}

static json_t *sandbox_json(const struct supervisor *s)
{
	struct buf missing BUF_CLEANUP = BUF_INIT;
	json_t *list = json_array();

	lockdown_missing(s, &missing);
	for (const char *line = buf_str(&missing); *line;) {
		const char *end = strchrnul(line, '\n');
		json_array_append_new(list, json_stringn(line, (size_t)(end - line)));
		line = *end ? end + 1 : end;
	}
	return json_pack("{ss so ss}", "state", missing.len > 0 ? "degraded" : "enforced", "missing", list, "users",
			 s->users.separate ? "separate" : s->users.why);
}

static json_t *peers_json(const struct ipc_apply_res *r)
{
	return json_pack("{sI sI sI}", "planned", (json_int_t)r->peers_planned, "configured",
			 (json_int_t)r->peers_configured, "recent", (json_int_t)r->peers_recent);
}

static json_t *warnings_json(const struct ipc_apply_res *r)
{
	json_t *a = json_array();

	for (uint32_t bit = 1; bit <= HOST_WARNINGS; bit <<= 1) {
		struct buf text BUF_CLEANUP = BUF_INIT;
		if (!(r->warnings & HOST_WARNINGS & bit))
			continue;
		host_warning_print(bit, r, &text);
		json_array_append_new(a, text_json(buf_str(&text)));
	}
	return a;
}

static json_t *held_json(const struct turn *t)
{
	json_t *a = json_array();

	for (size_t i = 0; i < t->held.n; i++)
		json_array_append_new(a, json_pack("{ss ss so so}", "commit", t->held.v[i].commit, "plan", t->held.v[i].plan, "reason",
						   text_json(t->held.v[i].reason), "at", time_json(t->held.v[i].at)));
	return a;
}

static json_t *window_json(const struct window *w)
{
	if (!w->open)
		return json_null();
	return json_pack("{ss ss so sb sb so so}", "commit", w->pending.commit, "plan", w->pending.digest, "until", time_json(w->until), "manual",
			 (int)w->manual, "gated", (int)w->gated, "why", text_json(buf_str(&w->why)), "waits", text_json(buf_str(&w->waits)));
}

static json_t *suspended_json(const struct turn *t)
{
	if (!suspend_holds(&t->suspend, clock_now()))
		return json_null();
	return json_pack("{so sI sb}", "until", time_json(t->suspend.until), "by", (json_int_t)t->suspend.by, "removals_wait",
			 (int)t->removals_wait);
}

static json_t *rejected_json(const struct refusals *t)
{
	json_t *o = json_object();

	for (size_t i = 0; i < t->nrows; i++)
		json_object_set_new(o, t->row[i].code, json_integer((json_int_t)t->row[i].n));
	if (t->other > 0)
		json_object_set_new(o, "other", json_integer((json_int_t)t->other));
	return o;
}

/* The newest commit that the judge holds back: who signed, who is missing, what to type. */
static json_t *refused_json(const struct trust *t, const char *newest)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	const struct ipc_judge_res *v = &t->verdict;

	if (!trust_refuses(t, newest))
		return json_null();
	trust_say(t, &text);
	return json_pack("{ss sb ss so ss* ss* ss}", "commit", t->tip, "pending", v->verdict == JUDGE_PENDING, "code", v->code, "text",
			 text_json(buf_str(&text)), "signer", v->signer[0] ? v->signer : NULL, "key", v->key[0] ? v->key : NULL,
			 "could_sign", v->could_sign);
}

static json_t *trust_json(const struct turn *t)
{
	const struct trust *r = &t->trust;

	if (!r->on)
		return json_pack("{ss}", "mode", "unsigned");
	json_t *o = json_pack("{ss sI so so}", "mode", "commit", "serial", (json_int_t)r->mark.serial, "commit",
			      r->mark.serial > 0 ? json_string(r->mark.commit) : json_null(), "refused", refused_json(r, t->judged));
	json_object_set_new(o, "content", r->content[0] ? json_string(r->content) : json_null());
	json_object_set_new(o, "alarm", r->alarm.len > 0 ? text_json(buf_str(&r->alarm)) : json_null());
	return o;
}

static json_t *turn_json(const struct supervisor *s)
{
	return json_pack("{ss so so sf}", "outcome", turn_outcome_text(s->outcome), "text", text_json(buf_str(&s->text)), "at",
			 time_json(s->ended_at), "took_ms", (double)s->took_us / 1000.0);
}

void status_json(const struct supervisor *s, struct buf *out)
{
	const struct turn *t = &s->turn;
	int64_t wait = s->next_ms - role_clock_ms();
	json_t *o = json_pack("{sb ss ss so ss}", "ok", 1, "version", YETT_VERSION, "gateway", s->config->gateway,
			      "repository", text_json(s->repository), "branch", s->config->branch);

	json_object_set_new(o, "commit", t->good.fd >= 0 && *t->good.commit ? json_string(t->good.commit) : json_null());
	json_object_set_new(o, "plan", t->good.fd >= 0 ? json_string(t->good.digest) : json_null());
	json_object_set_new(o, "pending", t->candidate.fd >= 0 ? json_string(t->candidate.commit) : json_null());
	json_object_set_new(o, "rejected", t->judged_bad ? json_string(t->judged) : json_null());
	json_object_set_new(o, "window", window_json(&t->window));
	json_object_set_new(o, "keys_kept_out", json_integer((json_int_t)s->keepout.n));
	json_object_set_new(o, "held", held_json(t));
	json_object_set_new(o, "suspended", suspended_json(t));
	json_object_set_new(o, "trust", trust_json(t));
	json_object_set_new(o, "counters", json_pack("{so}", "rejected", rejected_json(&t->rejected)));
	json_object_set_new(o, "last_turn", s->ended_at ? turn_json(s) : json_null());
	json_object_set_new(o, "last_error", s->error_at ? json_pack("{so so}", "text", text_json(buf_str(&s->error)), "at",
								     time_json(s->error_at)) : json_null());
	json_object_set_new(o, "turns", json_integer((json_int_t)s->started));
	json_object_set_new(o, "running", json_boolean(turn_running(t)));
	json_object_set_new(o, "next_turn_s", json_integer(wait > 0 ? (json_int_t)(wait / 1000) : 0));
	json_object_set_new(o, "interface", text_json(t->last.interface));
	json_object_set_new(o, "peers", peers_json(&t->last));
	json_object_set_new(o, "next_date", time_json(t->last.next_change));
	json_object_set_new(o, "warnings", warnings_json(&t->last));
	json_object_set_new(o, "roles", roles_json(s));
	json_object_set_new(o, "sandbox", sandbox_json(s));
	json_object_set_new(o, "audit", audit_json(&s->store.audit));
	status_put(out, o);
}

void status_sync_json(const struct supervisor *s, struct buf *out)
{
	bool held = trust_refuses(&s->turn.trust, s->turn.judged); /* the text says all of it */
	const char *detail = held ? "" : s->outcome == OUTCOME_REJECTED ? buf_str(&s->turn.judged_text) : buf_str(&s->changes);

	status_put(out, json_pack("{sb ss so so sf}", "ok", 1, "outcome", turn_outcome_text(s->outcome), "text",
			   text_json(buf_str(&s->text)), "detail", text_json(detail), "took_ms", (double)s->took_us / 1000.0));
}

/* The document that was made of the comparison, as one text: another process wrote it, and yettctl reads it. */
static json_t *document_json(const struct verify *v)
{
	return v->document.len > 0 ? text_json(buf_str(&v->document)) : json_null();
}

void status_diff_json(const struct supervisor *s, struct buf *out)
{
	bool failed = s->turn.outcome == OUTCOME_FAILED;

	status_put(out, json_pack("{sb so sI so}", "ok", (int)!failed, "text",
			   text_json(buf_str(failed ? &s->turn.text : &s->turn.changes)), "changes",
			   (json_int_t)(failed ? 0 : s->turn.last.counts.total), "verdict", document_json(&s->turn.verify)));
}

void status_verify_json(const struct supervisor *s, struct buf *out)
{
	const struct verify *v = &s->turn.verify;
	bool failed = s->turn.outcome == OUTCOME_FAILED;

	if (failed)
		status_put(out, json_pack("{sb so}", "ok", 0, "text", text_json(buf_str(&s->turn.text))));
	else
		status_put(out, json_pack("{sb sb ss so}", "ok", 1, "equal", (int)v->equal, "commit", v->commit, "verdict",
				   document_json(v)));
}
