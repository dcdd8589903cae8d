/* SPDX-License-Identifier: Apache-2.0 */
/* yett approve - sign the release of a commit: what this machine computed, shown first, and pushed to the log of releases. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "access/changes.h"
#include "access/diff.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"
#include "diff_text.h"
#include "release/draft.h"
#include "release_text.h"

struct approve {
	const struct cmd *cmd;
	const struct cmd_common *common;
	struct release_log log;
	struct draft draft;
	const struct ledger_record *theirs; /* a record in the log that says the same; NULL: the draft is new */
	const char *key, *note, *not_before;
	bool yes, mass_change, rewind, checkpoint;
	int64_t now;
};

/* ---- what would be signed ---- */

static void print_access(struct approve *a)
{
	struct draft *d = &a->draft;
	struct access_diff diff;
	struct changes changes;

	if (d->before == NULL) {
		printf("Access: all of the tree is new; yett access and yett who tell what it allows\n");
		return;
	}
	const struct diff_text text = { &a->log.releases.step, { &d->before->diags, &d->tree->diags } };
	access_diff(&diff, (struct diff_side){ &d->before->access, &d->before->resolved },
		    (struct diff_side){ &d->tree->access, &d->tree->resolved }, a->now, text.arena);
	changes_between(&changes, &d->before->resolved, &d->tree->resolved, text.arena);
	struct buf lines BUF_CLEANUP = BUF_INIT;
	diff_text_groups(&text, diff.group, diff.ngroups, &lines);
	printf("Access%s\n%s", diff.ngroups == 0 ? ": nobody gains or loses any" : "", buf_str(&lines));
	printf("Peers: %zu changed; gateways: %zu; sites and routes: %zu\n", changes.peers.n, changes.gateways.n, changes.sites.n);
}

static void print_trust(struct approve *a)
{
	const struct releases_candidate *x = &a->draft.x;

	for (size_t i = 0; i < x->nchanges; i++)
		if (trust_is_own_path(x->change[i].path))
			printf("Trust: %s %s\n", x->change[i].path,
			       x->change[i].was == NULL ? "is new" : x->change[i].is == NULL ? "goes" : "changes");
}

/* By name, since roots say nothing to people. */
static void print_draft(struct approve *a)
{
	const struct record *r = a->theirs != NULL ? &a->theirs->record : &a->draft.record;
	struct arena *arena = &a->log.arena;
	char flags[RECORD_FLAGS_TEXT_MAX];
	const char *why = NULL;

	printf("Release %llu, after %llu\n", (unsigned long long)r->serial, (unsigned long long)a->log.releases.serial);
	printf("  commit  %s\n  content %s\n  plans   %s (%zu gateway%s)\n  trust   version %u\n  flags   %s\n", r->commit,
	       release_digest_text(&r->content, arena), release_digest_text(&r->plans, arena), a->draft.plans.n,
	       a->draft.plans.n == 1 ? "" : "s", r->trust, record_flags_text(r->flags, flags));
	if (r->note[0] != '\0')
		printf("  note    %s\n", r->note);
	print_access(a);
	print_trust(a);
	const char *unknown = effects_unknown(a->draft.before, a->draft.tree, &a->draft.x.trust->file, &why, arena);
	if (unknown != NULL)
		printf("warning: trust/trust.yaml guards %s, which the tree does not know: %s\n", unknown, why);
	printf("Approvals that it needs\n");
	release_text_needs(&a->log, &a->draft.x.approvals);
}

/* ---- which record ---- */

/* One that waits in the log and says what this machine computed; its signatures are counted too. */
static void find_theirs(struct approve *a)
{
	struct releases *c = &a->log.releases;

	for (size_t i = 0; a->theirs == NULL && i < c->ncandidates; i++)
		if (draft_matches(&a->draft, &c->candidate[i].r.record)) {
			a->theirs = &c->candidate[i].r;
			a->draft.x.approvals = c->candidate[i].approvals;
			a->draft.x.code = c->candidate[i].code;
			a->draft.x.why = c->candidate[i].why;
		}
}

static bool make_draft(struct approve *a, const char *rev)
{
	struct draft_wish wish = { .not_before = CLOCK_EVER, .note = a->note != NULL ? a->note : "" };
	char id[GIT_OID_HEXSZ + 1];
	git_commit *commit = NULL;

	if (source_repo_commit(&a->log.repo, rev, &commit, a->log.err, sizeof(a->log.err)) < 0)
		return false;
	wish.commit = git_oid_tostr(id, sizeof(id), git_commit_id(commit));
	git_commit_free(commit);
	wish.flags = (a->mass_change ? (unsigned int)RECORD_MASS_CHANGE : 0u) | (a->rewind ? (unsigned int)RECORD_REWIND : 0u) |
		     (a->checkpoint ? (unsigned int)RECORD_CHECKPOINT : 0u);
	if (a->not_before != NULL && !clock_parse(a->not_before, strlen(a->not_before), &wish.not_before)) {
		snprintf(a->log.err, sizeof(a->log.err), "--not-before takes a time such as 2026-12-31T18:00:00Z, not %s", a->not_before);
		return false;
	}
	int ret = draft_make(&a->draft, &a->log.releases, &wish, a->log.err, sizeof(a->log.err));
	if (ret == -EBADMSG && a->draft.tree != NULL)
		cmd_print_diags(a->common, a->draft.tree);
	if (ret == 0)
		find_theirs(a);
	return ret == 0;
}

/* What no signature would mend. */
static const char *hopeless(const struct approve *a)
{
	static const char *const code[] = { "E_MASS_CHANGE", "E_REWIND", "E_RECORD", "E_CONTENT" };
	const struct releases_candidate *x = &a->draft.x;

	for (size_t i = 0; x->code != NULL && i < ARRAY_SIZE(code); i++)
		if (strcmp(x->code, code[i]) == 0)
			return x->code;
	return x->code != NULL && strcmp(x->code, "E_ROOT") == 0 && !x->pending ? x->code : NULL;
}

/* ---- signing ---- */

static bool confirmed(const struct approve *a)
{
	char answer[16] = "";

	if (a->yes)
		return true;
	fflush(stdout);
	fprintf(stderr, "Type yes to sign this release: ");
	return fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

/* Whose signature it is, by the files that will judge it; a sentence in err where it would not count. */
static const char *check_own(struct approve *a, const struct buf *text, const struct buf *armor, struct sshsig *sig)
{
	const struct releases *c = &a->log.releases;
	const struct releases_trust *judge = c->trust != NULL ? c->trust : a->draft.x.trust;
	enum sshsig_error e = sshsig_verify(armor->p, armor->len, RECORD_NAMESPACE, text->p, text->len, sig);

	if (e != SSHSIG_OK) {
		snprintf(a->log.err, sizeof(a->log.err), "%s: the signature that was made does not count; keys are ssh-ed25519 or sk-ssh-ed25519@openssh.com, touched",
			 sshsig_error_code(e));
		return NULL;
	}
	const struct approval_signature one = { armor->p, armor->len };
	const struct record *r = a->theirs != NULL ? &a->theirs->record : &a->draft.record;
	const struct approvals_case of = { .trust = &judge->file, .signers = &judge->signers, .next = &a->draft.x.trust->file,
					   .next_signers = &a->draft.x.trust->signers, .record = r, .text = text->p, .len = text->len,
					   .signature = &one, .nsignatures = 1, .now = a->now };
	struct approvals found;
	approvals_signatures(&of, &found, &a->log.arena);
	if (found.nby > 0)
		return found.by[0].principal;
	/* A new member of the root signs for the trust files that list him. */
	const struct signer *next = signers_find(&a->draft.x.trust->signers, sig);
	if (strcmp(found.refused[0].code, "E_SIGNER") == 0 && next != NULL && next->namespaces & SIGNER_RELEASE)
		return next->principal;
	snprintf(a->log.err, sizeof(a->log.err), "%s: %s", found.refused[0].code, found.refused[0].why);
	return NULL;
}

static int add_to_log(struct approve *a, const struct buf *text, const struct buf *armor, const struct sshsig *sig)
{
	struct digest d = record_digest(text->p, text->len);
	char name[LEDGER_NAME_MAX], key[LEDGER_NAME_MAX];
	struct arena *arena = &a->log.arena;
	const char *base = arena_printf(arena, "rel/%010llu/%s", (unsigned long long)a->draft.record.serial, ledger_digest_name(&d, name));
	const struct ledger_file file[] = {
		{ arena_printf(arena, "%s.sig.%s", base, ledger_key_name(sig->key, sig->key_len, key)), armor->p, armor->len },
		{ arena_printf(arena, "%s.rec", base), text->p, text->len },
		{ arena_printf(arena, "%s.plans", base), a->draft.plans_text.p, a->draft.plans_text.len },
	};

	return release_log_add(&a->log, file, ARRAY_SIZE(file), a->theirs != NULL ? NULL : a->draft.record.commit);
}

/* ssh-keygen, or a key's agent: it never comes here. */
static int sign_and_push(struct approve *a)
{
	BUF_CLEANUP struct buf text = BUF_INIT, armor = BUF_INIT;
	struct sshsig sig;

	if (a->theirs != NULL)
		buf_add(&text, a->theirs->text, a->theirs->len);
	else
		buf_add(&text, a->draft.text.p, a->draft.text.len);
	if (release_log_sign(&a->log, a->key, RECORD_NAMESPACE, &text, &armor) < 0)
		return -1;
	const char *who = check_own(a, &text, &armor, &sig);
	if (who == NULL || add_to_log(a, &text, &armor, &sig) < 0)
		return -1;
	printf("signed by %s and %s %s\n", who, *a->log.remote != '\0' ? "pushed to" : "added to the local",
	       *a->log.remote != '\0' ? arena_printf(&a->log.arena, "%s (%s)", a->log.remote, a->log.ref) : a->log.ref);
	return 0;
}

/* How it stands with the new signature. */
static void print_standing(struct approve *a, const struct release_options *o)
{
	struct release_options again = *o;
	struct release_log l;
	uint64_t serial = a->draft.record.serial;

	again.offline = true;
	again.ref = a->log.ref;
	if (release_log_open(&l, a->cmd, a->common, &again, a->now) < 0)
		fprintf(stderr, "yett: approve: %s\n", l.err);
	else if (l.releases.serial >= serial)
		printf("release %llu is approved\n", (unsigned long long)serial);
	else if (l.state == RELEASES_STOPPED)
		printf("%s: %s\n", l.releases.code, l.releases.why);
	else
		for (size_t i = 0; i < l.releases.ncandidates; i++)
			if (draft_matches(&a->draft, &l.releases.candidate[i].r.record))
				release_text_candidate(&l, &l.releases.candidate[i]);
	release_log_close(&l);
}

static int approve(struct approve *a, const struct release_options *o, const char *rev)
{
	if (release_log_open(&a->log, a->cmd, a->common, o, a->now) < 0 || (a->log.state != RELEASES_STOPPED && !make_draft(a, rev)))
		return cmd_fail(a->cmd, "%s", a->log.err);
	if (a->log.state == RELEASES_STOPPED)
		return cmd_fail(a->cmd, "%s: %s", a->log.releases.code, a->log.releases.why);
	if (a->draft.same && !a->checkpoint) {
		printf("nothing to approve: release %llu has this content already\n", (unsigned long long)a->log.releases.serial);
		return EXIT_HOLDS;
	}
	print_draft(a);
	if (hopeless(a) != NULL)
		return cmd_fail(a->cmd, "%s: %s", a->draft.x.code, a->draft.x.why);
	if (!a->yes && !isatty(STDIN_FILENO))
		return cmd_fail(a->cmd, "nothing was signed: it asks on a terminal; --yes says yes where there is none");
	if (!confirmed(a))
		return cmd_fail(a->cmd, "nothing was signed");
	if (sign_and_push(a) < 0)
		return cmd_fail(a->cmd, "%s", a->log.err);
	print_standing(a, o);
	return EXIT_HOLDS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct approve a = { .cmd = cmd, .common = &common, .now = clock_now() };
	struct release_options o = { .remote = NULL };
	const struct cmd_option own[] = {
		{ "key", 0, OPTION_TEXT, "FILE", "the key to sign with, as for ssh-keygen -Y sign (default: git's user.signingkey)", &a.key },
		{ "remote", 0, OPTION_TEXT, "NAME", "where the log of releases is (default: origin; \"\" for this repository alone)", &o.remote },
		{ "log", 0, OPTION_TEXT, "REF", "its ref (default: " LEDGER_REF ", else " LEDGER_BRANCH ")", &o.ref },
		{ "anchor", 0, OPTION_TEXT, "SERIAL:DIGEST", "a release that is known to be good (default: the log's first)", &o.anchor },
		{ "note", 0, OPTION_TEXT, "TEXT", "one line for the record", &a.note },
		{ "not-before", 0, OPTION_TEXT, "TIME", "gateways wait until then", &a.not_before },
		{ "mass-change", 0, OPTION_FLAG, NULL, "that so many peers go is meant", &a.mass_change },
		{ "rewind", 0, OPTION_FLAG, NULL, "that history goes back is meant", &a.rewind },
		{ "checkpoint", 0, OPTION_FLAG, NULL, "a release to begin from, signed by the root role", &a.checkpoint },
		{ "yes", 'y', OPTION_FLAG, NULL, "do not ask", &a.yes },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 1 || (npos == 1 && common.rev != NULL))
		return cmd_fail(cmd, "it takes one REV; see yett approve --help");
	int status = approve(&a, &o, npos == 1 ? argv[0] : common.rev != NULL ? common.rev : "HEAD");
	draft_release(&a.draft);
	release_log_close(&a.log);
	return status;
}

const struct cmd cmd_approve = {
	.name = "approve",
	.args = "[REV]",
	.summary = "Sign the release of a commit and push the signature",
	.help = "Judges the releases so far, compiles the commit (default HEAD), shows who gains and loses access and which approvals\n"
		"it needs, asks, and signs what this machine computed: content, plans of all gateways, flags. A record that already\n"
		"waits and says the same gets one more signature. The private key stays with ssh-keygen or its agent.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
