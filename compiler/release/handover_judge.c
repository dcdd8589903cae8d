/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of handover.c: the releases judged from bytes, in a repository that is memory alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include "plan/gw_plan.h"
#include "release/handover.h"
#include "release/plans.h"
#include "release/releases.h"

struct judging {
	const struct handover_question *q;
	struct handover_answer *out;
	struct arena *a;
	struct source_repo repo;
	struct ledger ledger;
	struct releases releases;
	char err[300];
};

static void stop(struct judging *j, const char *code, const char *why)
{
	j->out->state = HANDOVER_STOPPED;
	j->out->code = code;
	j->out->why = arena_strdup(j->a, why);
}

/* ---- a repository of bytes ---- */

static int open_memory(struct judging *j)
{
	git_odb_backend *memory = NULL;

	git_libgit2_init();
	j->repo.name = "memory";
	j->repo.root = strdup(j->q->path);
	if (j->repo.root == NULL)
		arena_oom(strlen(j->q->path));
	if (git_odb_new(&j->repo.odb) < 0 || git_mempack_new(&memory) < 0 || git_odb_add_backend(j->repo.odb, memory, 1) < 0 ||
	    git_repository_wrap_odb(&j->repo.git, j->repo.odb) < 0)
		return -ENOMEM;
	return 0;
}

/* libgit2 hashes what it is given, so each object has the name that its bytes make. */
static int fill(struct judging *j, const void *data, size_t len)
{
	static const git_object_t types[] = { [OBJECT_COMMIT] = GIT_OBJECT_COMMIT, [OBJECT_TREE] = GIT_OBJECT_TREE, [OBJECT_BLOB] = GIT_OBJECT_BLOB };
	struct objects o;
	struct arena own;
	git_oid id;

	arena_init(&own);
	int ret = objects_open(&o, data, len, &own);
	if (ret == 0 && o.id_len != GIT_OID_RAWSZ)
		ret = -EBADMSG;
	for (size_t i = 0; ret == 0 && i < o.n; i++)
		if (git_odb_write(&id, j->repo.odb, o.v[i].data, o.v[i].len, types[o.v[i].type]) < 0)
			ret = -EBADMSG;
	arena_release(&own);
	return ret;
}

/* ---- the answer ---- */

static void tell_signers(struct judging *j, const struct releases *c)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (size_t i = 0; i < c->ncandidates; i++)
		for (size_t k = 0; c->candidate[i].accepted && k < c->candidate[i].approvals.nby; k++)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", c->candidate[i].approvals.by[k].principal);
	j->out->signers = arena_strdup(j->a, buf_str(&b));
}

/* As far as it goes; who signed the last accepted one is told. */
static enum releases_state run(struct judging *j, enum releases_state state)
{
	struct releases *c = &j->releases;

	for (size_t i = 0; state == RELEASES_ACCEPTED && i < RELEASES_STEPS_MAX; i++) {
		if (c->ncandidates > 0)
			tell_signers(j, c);
		state = releases_step(c);
	}
	if (state != RELEASES_ACCEPTED)
		return state;
	c->code = "E_TOOMANY";
	c->why = "the log has more releases than are caught up with at once; use a later anchor";
	return RELEASES_STOPPED;
}

static void tell_waiting(struct judging *j)
{
	const struct releases *c = &j->releases;

	if (c->ncandidates == 0 || c->code == NULL)
		return;
	j->out->waiting = c->candidate[0].r.record.serial;
	j->out->waiting_code = c->code;
	j->out->waiting_why = arena_strdup(j->a, c->why);
}

/* The gateway's own leaf, if the list of leaves is the one that was signed. */
static bool find_plan(struct judging *j)
{
	const struct releases *c = &j->releases;
	struct plans p;

	if (*j->q->gateway == '\0' || !c->record.has_plans)
		return true;
	if (c->record.format != GW_PLAN_FORMAT) {
		stop(j, "E_FORMAT", arena_printf(j->a, "release %llu was made for format %u of plans, and this program makes format %d",
						 (unsigned long long)c->serial, c->record.format, GW_PLAN_FORMAT));
		return false;
	}
	if (c->accepted.plans == NULL || plans_parse(&p, c->accepted.plans, c->accepted.plans_len, j->a) < 0) {
		stop(j, "E_PLAN_MISMATCH", "the log has no list of the plans that were approved");
		return false;
	}
	struct digest root = plans_root(&p);
	const struct digest *leaf = plans_leaf(&p, j->q->gateway);
	if (memcmp(root.b, c->record.plans.b, DIGEST_BYTES) != 0 || leaf == NULL) {
		stop(j, "E_PLAN_MISMATCH", leaf == NULL ? "the approved release has no plan for this gateway" :
							  "the log's list of plans is not the one that was approved");
		return false;
	}
	j->out->has_plan = true;
	j->out->plan = *leaf;
	return true;
}

static void find_tick(struct judging *j)
{
	const struct releases *c = &j->releases;
	struct ledger_tick *v;
	struct tick newest = { .serial = 0 };
	size_t n = ledger_ticks(&j->ledger, &v, j->a);

	for (size_t i = 0; i < n; i++) {
		struct tick t;
		const char *why;
		if (tick_verify(&t, &c->trust->file, &c->trust->signers, v[i].text, v[i].len, v[i].armor, v[i].armor_len, j->q->now,
				j->a, &why) != NULL)
			continue;
		j->out->withheld |= t.serial > c->serial;
		if (t.serial == c->serial && memcmp(t.record.b, c->digest.b, DIGEST_BYTES) == 0 && t.time >= newest.time)
			newest = t;
	}
	j->out->tick = tick_state_at(newest.serial > 0 ? &newest : NULL, c->trust->file.tick_ttl, j->q->now);
}

static void tell(struct judging *j, enum releases_state state)
{
	const struct releases *c = &j->releases;

	if (state == RELEASES_STOPPED) {
		stop(j, c->code, c->why);
		return;
	}
	if (c->serial == 0) {
		j->out->state = HANDOVER_NONE;
		tell_waiting(j);
		return;
	}
	j->out->state = HANDOVER_ACCEPTED;
	j->out->serial = c->serial;
	j->out->record = c->digest;
	j->out->content = c->record.content;
	j->out->commit = arena_strdup(j->a, c->record.commit);
	tell_waiting(j);
	find_tick(j);
	(void)find_plan(j);
}

static void judge(struct judging *j)
{
	const struct handover_question *q = j->q;
	enum releases_state state = RELEASES_ACCEPTED;
	git_oid tip;

	if (*q->tip == '\0') {
		if (q->serial > 0)
			stop(j, "E_ROLLBACK", "the repository no longer has a log of releases");
		return;
	}
	if (git_oid_fromstr(&tip, q->tip) < 0 || ledger_open_at(&j->ledger, &j->repo, &tip, j->err, sizeof(j->err)) < 0) {
		stop(j, "E_ODB_MISSING", "the log of releases was not handed over");
		return;
	}
	releases_init(&j->releases, &j->repo, &j->ledger, q->now);
	if (q->serial > 0)
		state = q->in_force ? releases_resume(&j->releases, q->serial, &q->record) :
				      releases_anchor(&j->releases, q->serial, &q->record);
	/* What is in force is not in the log any more: somebody shows an older one. */
	if (state == RELEASES_STOPPED && q->in_force && strcmp(j->releases.code, "E_ANCHOR") == 0)
		j->releases.code = "E_ROLLBACK";
	tell(j, run(j, state));
	releases_release(&j->releases);
}

int handover_judge(const struct handover_question *q, const void *objects, size_t len, struct handover_answer *out, struct arena *a)
{
	struct judging j = { .q = q, .out = out, .a = a };

	*out = (struct handover_answer){ .state = HANDOVER_NONE, .signers = "", .commit = "" };
	int ret = open_memory(&j);
	if (ret == 0 && len > 0)
		ret = fill(&j, objects, len);
	if (ret == 0)
		judge(&j);
	ledger_close(&j.ledger);
	source_repo_close(&j.repo);
	return ret;
}
