/* SPDX-License-Identifier: Apache-2.0 */
/* The releases of a log, judged: for yett verify --release and yett log --pending. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "release/draft.h"
#include "release_text.h"

static bool stopped(const struct release_log *l)
{
	return l->state == RELEASES_STOPPED;
}

static void print_tick(struct release_log *l, int64_t now)
{
	struct release_tick t = release_tick_of(l, now);
	char time[CLOCK_TEXT_MAX];

	if (t.state != TICK_NONE)
		printf("  tick of %s: %s\n", clock_format(t.tick.time, time), tick_state_word(t.state));
	if (t.ahead)
		printf("  W_WITHHELD: a tick names a later release than this log shows\n");
	if (t.code != NULL)
		printf("  a tick does not count: %s: %s\n", t.code, t.why);
}

static json_t *tick_json(struct release_log *l, int64_t now)
{
	struct release_tick t = release_tick_of(l, now);
	char time[CLOCK_TEXT_MAX];

	return json_pack("{s:s, s:s?, s:b}", "state", tick_state_word(t.state), "time",
			 t.state != TICK_NONE ? clock_format(t.tick.time, time) : NULL, "withheld", t.ahead);
}

static const char *state_word(enum releases_state s)
{
	switch (s) {
	case RELEASES_ACCEPTED: return "accepted";
	case RELEASES_END: return "end";
	case RELEASES_PENDING: return "pending";
	case RELEASES_STOPPED: return "stopped";
	}
	return "stopped";
}

static json_t *whole_json(struct release_log *l, int64_t now)
{
	const struct releases *c = &l->releases;
	json_t *next = json_array();

	for (size_t i = 0; i < c->ncandidates; i++)
		json_array_append_new(next, release_json_candidate(l, &c->candidate[i]));
	return json_pack("{s:o, s:s, s:s?, s:s?, s:o, s:i, s:o, s:s}", "release", release_json_head(l), "state",
			 state_word(l->state), "code", stopped(l) ? c->code : NULL, "why", stopped(l) ? c->why : NULL, "next", next,
			 "ignored", (int)c->ignored, "tick", tick_json(l, now), "log", l->ref);
}

static void dump(json_t *out)
{
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static void print_next(struct release_log *l)
{
	const struct releases *c = &l->releases;

	for (size_t i = 0; i < c->ncandidates; i++)
		release_text_candidate(l, &c->candidate[i]);
	if (c->ignored > 0)
		printf("%zu damaged record%s left out\n", c->ignored, c->ignored == 1 ? " is" : "s are");
	if (stopped(l))
		printf("%s: %s\n", c->code, c->why);
}

/* ---- a commit that somebody wants released ---- */

/* The record in the log that releases the commit as this machine computes it; else the draft. */
static const struct releases_candidate *candidate_of(struct release_log *l, const struct draft *d)
{
	for (size_t i = 0; i < l->releases.ncandidates; i++)
		if (draft_matches(d, &l->releases.candidate[i].r.record))
			return &l->releases.candidate[i];
	return &d->x;
}

static void print_wanted(struct release_log *l, const struct releases_candidate *x, bool in_log)
{
	if (in_log) {
		release_text_candidate(l, x);
		return;
	}
	printf("commit %.12s as release %llu needs:\n", x->r.record.commit, (unsigned long long)x->r.record.serial);
	release_text_needs(l, &x->approvals);
	if (x->approvals.nneeds == 0)
		printf("  %s: %s\n", x->code, x->why);
	else if (strcmp(x->code, "E_APPROVALS") != 0 && strcmp(x->code, "E_ROOT") != 0)
		printf("  %s: %s\n", x->code, x->why);
	printf("  to approve it: yett approve %.12s\n", x->r.record.commit);
}

/* Whether the commit's tree is the newest release's, and else what it still needs. */
static int verify_commit(struct release_log *l, const char *rev)
{
	struct draft_wish wish = { .not_before = CLOCK_EVER, .note = "" };
	char id[GIT_OID_HEXSZ + 1];
	git_commit *commit = NULL;
	struct draft d;

	if (source_repo_commit(&l->repo, rev, &commit, l->err, sizeof(l->err)) < 0)
		return cmd_fail(l->cmd, "%s", l->err);
	wish.commit = git_oid_tostr(id, sizeof(id), git_commit_id(commit));
	git_commit_free(commit);
	int ret = draft_make(&d, &l->releases, &wish, l->err, sizeof(l->err));
	if (ret == -EBADMSG && d.tree != NULL)
		cmd_print_diags(l->common, d.tree);
	const struct releases_candidate *x = ret == 0 ? candidate_of(l, &d) : NULL;
	bool in_log = x != &d.x, released = ret == 0 && d.same;
	if (ret == 0 && l->common->format == FORMAT_JSON) {
		json_t *out = release_json_candidate(l, x);
		json_object_set_new(out, "released", json_boolean(released));
		json_object_set_new(out, "in_log", json_boolean(in_log));
		dump(out);
	} else if (released) {
		printf("commit %.12s is released: its content is that of release %llu\n", id, (unsigned long long)l->releases.serial);
	} else if (ret == 0) {
		print_wanted(l, x, in_log);
	}
	draft_release(&d);
	if (ret < 0)
		cmd_fail(l->cmd, "%s", l->err);
	return ret == -EBADMSG ? EXIT_FAILS : ret < 0 ? EXIT_CANNOT : released ? EXIT_HOLDS : EXIT_FAILS;
}

int release_verify(const struct cmd *cmd, const struct cmd_common *common, const struct release_options *o, const char *rev,
		   int64_t now)
{
	struct release_log l;
	int status = release_log_open(&l, cmd, common, o, now) < 0 ? cmd_fail(cmd, "%s", l.err) : EXIT_HOLDS;

	if (status == EXIT_HOLDS && rev != NULL && !stopped(&l)) {
		status = verify_commit(&l, rev);
	} else if (status == EXIT_HOLDS) {
		if (common->format == FORMAT_JSON) {
			dump(whole_json(&l, now));
		} else {
			release_text_head(&l);
			print_tick(&l, now);
			if (l.releases.serial > 0)
				printf("  anchor: %llu:%s\n", (unsigned long long)l.releases.serial,
				       release_digest_text(&l.releases.digest, &l.arena));
			print_next(&l);
		}
		status = stopped(&l) || l.releases.serial == 0 ? EXIT_FAILS : EXIT_HOLDS;
	}
	release_log_close(&l);
	return status;
}

int release_pending(const struct cmd *cmd, const struct cmd_common *common, const struct release_options *o, int64_t now)
{
	struct release_log l;
	int status = release_log_open(&l, cmd, common, o, now) < 0 ? cmd_fail(cmd, "%s", l.err) : EXIT_HOLDS;

	if (status == EXIT_HOLDS && common->format == FORMAT_JSON) {
		dump(whole_json(&l, now));
	} else if (status == EXIT_HOLDS) {
		if (l.releases.ncandidates == 0 && !stopped(&l))
			printf("nothing waits; release %llu is the newest\n", (unsigned long long)l.releases.serial);
		print_next(&l);
	}
	if (status == EXIT_HOLDS && stopped(&l))
		status = EXIT_FAILS;
	release_log_close(&l);
	return status;
}
