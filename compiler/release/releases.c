/* SPDX-License-Identifier: Apache-2.0 */
#include "release/releases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "release/descent.h"
#include "trust/revocation.h"

void releases_init(struct releases *c, const struct source_repo *repo, const struct ledger *ledger, int64_t now)
{
	*c = (struct releases){ .repo = repo, .ledger = ledger, .now = now };
	c->archive = archive_open(repo, &(struct source_limits){ 0 });
	arena_init(&c->kept);
	arena_init(&c->step);
}

static void drop_candidates(struct releases *c)
{
	for (size_t i = 0; i < c->ncandidates; i++)
		manifest_release(&c->candidate[i].manifest);
	c->candidate = NULL;
	c->ncandidates = 0;
}

void releases_release(struct releases *c)
{
	drop_candidates(c);
	manifest_release(&c->manifest);
	archive_close(c->archive);
	arena_release(&c->kept);
	arena_release(&c->step);
	*c = (struct releases){ .serial = 0 };
}

static enum releases_state stop(struct releases *c, const char *code, const char *why)
{
	c->code = code;
	c->why = why;
	return RELEASES_STOPPED;
}

/* ---- trust files ---- */

static git_tree *subtree(const struct source_repo *r, git_tree *tree, const char *name)
{
	const git_tree_entry *e = git_tree_entry_byname(tree, name);
	git_tree *out = NULL;

	if (e == NULL || git_tree_entry_type(e) != GIT_OBJECT_TREE || git_tree_lookup(&out, r->git, git_tree_entry_id(e)) < 0)
		return NULL;
	return out;
}

static int read_named(const struct source_repo *r, const git_tree *dir, const char *name, struct arena *a, const char **data,
		      size_t *len, char *err, size_t err_size)
{
	const git_tree_entry *e = git_tree_entry_byname(dir, name);

	if (e == NULL || git_tree_entry_type(e) != GIT_OBJECT_BLOB || git_tree_entry_filemode_raw(e) == GIT_FILEMODE_LINK) {
		snprintf(err, err_size, "there is no file trust/%s", name);
		return -ENOENT;
	}
	return manifest_blob(r, git_tree_entry_id(e), TRUST_BYTES_MAX, a, data, len, err, err_size);
}

static int parse_file(struct releases_trust *t, const char *data, size_t len, struct arena *a, char *err, size_t err_size)
{
	struct diags d;

	diags_init(&d, a);
	uint32_t file = diags_add_file(&d, "trust/trust.yaml", data, len);
	int ret = trust_file_parse(&t->file, file, data, len, a, &d);
	if (ret < 0)
		snprintf(err, err_size, "trust/trust.yaml:%u: %s", d.n > 0 ? d.v[0].loc.line : 0,
			 d.n > 0 ? d.v[0].message : "it has mistakes");
	diags_release(&d);
	return ret;
}

static int read_files(struct releases_trust *t, const struct source_repo *r, git_tree *dir, struct arena *a, char *err, size_t err_size)
{
	const char *data;
	size_t len;
	char why[200];

	if (read_named(r, dir, "trust.yaml", a, &data, &len, err, err_size) < 0 || parse_file(t, data, len, a, err, err_size) < 0 ||
	    read_named(r, dir, "allowed_signers", a, &data, &len, err, err_size) < 0)
		return -1;
	if (signers_parse(&t->signers, data, len, a, why, sizeof(why)) < 0) {
		snprintf(err, err_size, "trust/allowed_signers: %s", why);
		return -1;
	}
	return 0;
}

const struct releases_trust *releases_trust_read(const struct source_repo *repo, const git_oid *root, struct arena *a, char *err,
					   size_t err_size)
{
	struct releases_trust *t = arena_new(a, struct releases_trust);
	git_tree *tree = NULL;

	if (git_tree_lookup(&tree, repo->git, root) < 0) {
		snprintf(err, err_size, "the policy tree cannot be read");
		return NULL;
	}
	git_tree *dir = subtree(repo, tree, "trust");
	if (dir == NULL)
		snprintf(err, err_size, "there is no folder trust");
	bool read = dir != NULL && read_files(t, repo, dir, a, err, err_size) == 0;
	if (read)
		git_oid_cpy(&t->id, git_tree_id(dir));
	git_tree_free(dir);
	git_tree_free(tree);
	return read ? t : NULL;
}

/* The same, taken over from the release before where trust/ is the same. */
static const struct releases_trust *trust_of(struct releases *c, const git_oid *root, char *err, size_t err_size)
{
	git_tree *tree = NULL;
	bool same = false;

	if (c->trust != NULL && git_tree_lookup(&tree, c->repo->git, root) == 0) {
		const git_tree_entry *e = git_tree_entry_byname(tree, "trust");
		same = e != NULL && git_tree_entry_type(e) == GIT_OBJECT_TREE && git_oid_equal(git_tree_entry_id(e), &c->trust->id);
	}
	git_tree_free(tree);
	return same ? c->trust : releases_trust_read(c->repo, root, &c->kept, err, err_size);
}

int releases_root(const struct source_repo *repo, const char *commit, git_oid *root, char *err, size_t err_size)
{
	git_commit *found = NULL;
	git_oid id;

	if (strlen(commit) != GIT_OID_HEXSZ || git_oid_fromstr(&id, commit) < 0 || git_commit_lookup(&found, repo->git, &id) < 0) {
		snprintf(err, err_size, "the repository lacks commit %.12s", commit);
		return -ENOENT;
	}
	int ret = source_repo_root(repo, found, root, err, err_size);
	git_commit_free(found);
	return ret;
}

/* ---- one candidate ---- */

static void refuse(struct releases_candidate *x, const char *code, const char *why)
{
	x->code = code;
	x->why = why;
}

/* Trust files and signatures: what nobody known signed goes no further. */
static bool open_candidate(struct releases *c, struct releases_candidate *x, git_oid *root)
{
	char err[300];

	if (releases_root(c->repo, x->r.record.commit, root, err, sizeof(err)) < 0 ||
	    (x->trust = trust_of(c, root, err, sizeof(err))) == NULL) {
		refuse(x, "E_CONTENT", arena_strdup(&c->step, err));
		return false;
	}
	const struct releases_trust *before = c->trust != NULL ? c->trust : x->trust;
	const struct signers *const keys[] = { &before->signers, &x->trust->signers };
	if (x->r.signature == NULL)
		ledger_signatures(c->ledger, &x->r, keys, before == x->trust ? 1 : 2, &c->step);
	return true;
}

static struct approvals_case case_of(const struct releases *c, const struct releases_candidate *x)
{
	const struct releases_trust *before = c->trust != NULL ? c->trust : x->trust;

	return (struct approvals_case){
		.trust = &before->file, .signers = &before->signers, .next = &x->trust->file, .next_signers = &x->trust->signers,
		.record = &x->r.record, .text = x->r.text, .len = x->r.len, .signature = x->r.signature,
		.nsignatures = x->r.nsignatures, .now = c->now,
	};
}

static bool content_fits(struct releases *c, struct releases_candidate *x, const git_oid *root)
{
	char err[300];

	if (manifest_read(&x->manifest, c->repo, root, &x->trust->file, c->serial > 0 ? &c->manifest : NULL, &c->kept, err,
			  sizeof(err)) < 0) {
		refuse(x, "E_CONTENT", arena_strdup(&c->step, err));
		return false;
	}
	if (memcmp(x->manifest.content.b, x->r.record.content.b, DIGEST_BYTES) != 0) {
		refuse(x, "E_CONTENT", "the commit's tree is not the content that the record says");
		return false;
	}
	return true;
}

/* Whether the path's rule asks, and the change only takes. */
static bool change_revokes(struct releases *c, const struct trust_file *t, const struct manifest_change *m)
{
	const struct trust_rule *rule = trust_is_own_path(m->path) ? NULL : trust_rule_of(t, m->path);
	const char *was, *is = NULL;
	size_t was_len, is_len = 0;
	char err[200];

	if (rule == NULL || rule->revoke == 0 || m->was == NULL ||
	    manifest_blob(c->repo, m->was, SOURCE_FILE_MAX, &c->step, &was, &was_len, err, sizeof(err)) < 0)
		return false;
	if (m->is != NULL && manifest_blob(c->repo, m->is, SOURCE_FILE_MAX, &c->step, &is, &is_len, err, sizeof(err)) < 0)
		return false;
	return revocation_only(was, was_len, is, is_len);
}

/* Of a first release the trust files count alone: its root role signs for all of it. */
static bool list_paths(struct releases *c, struct releases_candidate *x, struct approvals_case *of)
{
	bool revokes = false;

	if (c->serial == 0) {
		static const struct approval_path whole = { .path = "trust/trust.yaml" };
		of->path = &whole;
		of->npaths = 1;
		return false;
	}
	x->nchanges = manifest_changes(&c->manifest, &x->manifest, of->trust, &c->step, &x->change);
	struct approval_path *path = arena_array(&c->step, x->nchanges, struct approval_path);
	for (size_t i = 0; i < x->nchanges; i++) {
		path[i] = (struct approval_path){ x->change[i].path, change_revokes(c, of->trust, &x->change[i]) };
		revokes |= path[i].revokes;
	}
	of->path = path;
	of->npaths = x->nchanges;
	return revokes;
}

/* Compiles both trees, where a rule asks for it. */
static bool list_effects(struct releases *c, struct releases_candidate *x, struct approvals_case *of, bool revokes)
{
	struct release_effects effects;
	char err[300];

	if (c->serial == 0 || x->nchanges == 0 || (of->trust->neffects == 0 && of->trust->max_removed_percent == 100 && !revokes))
		return true;
	struct compile *was = archive_get(c->archive, &c->manifest.root, err, sizeof(err));
	struct compile *is = was != NULL ? archive_get(c->archive, &x->manifest.root, err, sizeof(err)) : NULL;
	if (is == NULL || !is->ready) {
		refuse(x, "E_CONTENT", is == NULL ? arena_strdup(&c->step, err) : "the tree has errors: yett check tells them");
		return false;
	}
	effects_between(was->ready ? was : NULL, is, of->trust, &effects, &c->step);
	of->effect = effects.v;
	of->neffects = effects.n;
	of->shrinks = effects.shrinks;
	if (effects_mass_change(&effects, of->trust->max_removed_percent))
		of->flags_asked |= RECORD_MASS_CHANGE;
	return true;
}

static bool goes_back(const struct releases *c, const struct releases_candidate *x)
{
	git_oid was, is;

	if (c->serial == 0)
		return false;
	if (git_oid_fromstr(&was, c->record.commit) < 0 || git_oid_fromstr(&is, x->r.record.commit) < 0)
		return true;
	return !descent_holds(c->repo, &is, &was);
}

static void judge_content(struct releases *c, struct releases_candidate *x, const git_oid *root)
{
	struct approvals_case of = case_of(c, x);

	if (!content_fits(c, x, root))
		return;
	bool revokes = list_paths(c, x, &of);
	if (goes_back(c, x))
		of.flags_asked |= RECORD_REWIND;
	if (!list_effects(c, x, &of, revokes))
		return;
	approvals_judge(&of, &x->approvals, &c->step);
	x->accepted = x->approvals.accepted;
	x->pending = x->approvals.pending;
	refuse(x, x->approvals.code, x->approvals.why);
}

static void judge(struct releases *c, struct releases_candidate *x, bool only_signed)
{
	git_oid root;

	if (!open_candidate(c, x, &root))
		return;
	struct approvals_case of = case_of(c, x);
	approvals_signatures(&of, &x->approvals, &c->step);
	x->known = x->approvals.nby > 0;
	if (!x->known && only_signed) {
		x->pending = true;
		refuse(x, "E_APPROVALS", "nobody whose signature counts signed the record");
		return;
	}
	judge_content(c, x, &root);
}

void releases_judge(struct releases *c, struct releases_candidate *x)
{
	judge(c, x, false);
}

/* ---- the next serial ---- */

/* Whether a checkpoint signed by the root of the release before names this one among several. */
static bool checkpoint_names(struct releases *c, const struct releases_candidate *x)
{
	struct ledger_record *r;
	size_t n, ignored = 0;
	bool named = false;

	ledger_records(c->ledger, x->r.record.serial + 1, &x->r.digest, &r, &n, &ignored, &c->step);
	for (size_t i = 0; !named && i < n; i++) {
		const struct releases_trust *before = c->trust != NULL ? c->trust : x->trust;
		const struct signers *const keys[] = { &before->signers };
		if (!(r[i].record.flags & RECORD_CHECKPOINT))
			continue;
		ledger_signatures(c->ledger, &r[i], keys, 1, &c->step);
		const struct releases_candidate next = { .r = r[i], .trust = before };
		const struct approvals_case of = case_of(c, &next);
		named = approvals_root(&of, &c->step);
	}
	return named;
}

/* The one candidate to go on with; NULL with the state otherwise. */
static struct releases_candidate *choose(struct releases *c, enum releases_state *state)
{
	struct releases_candidate *chosen = NULL, *named = NULL;
	size_t valid = 0, by_checkpoint = 0;

	for (size_t i = 0; i < c->ncandidates; i++)
		if (c->candidate[i].accepted) {
			chosen = &c->candidate[i];
			valid++;
		}
	for (size_t i = 0; valid > 1 && i < c->ncandidates; i++)
		if (c->candidate[i].accepted && checkpoint_names(c, &c->candidate[i])) {
			named = &c->candidate[i];
			by_checkpoint++;
		}
	if (valid == 1)
		return chosen;
	if (valid > 1 && by_checkpoint == 1)
		return named;
	*state = RELEASES_PENDING;
	if (valid > 1)
		*state = stop(c, "E_FORK", arena_printf(&c->step, "%zu approved releases have the serial %llu: somebody approved two futures",
							valid, (unsigned long long)c->serial + 1));
	return NULL;
}

static struct ledger_record keep_record(struct releases *c, const struct ledger_record *r)
{
	struct ledger_record out = *r;

	out.text = arena_strndup(&c->kept, r->text, r->len);
	out.plans = r->plans != NULL ? arena_strndup(&c->kept, r->plans, r->plans_len) : NULL;
	out.signature = NULL;
	out.nsignatures = 0;
	return out;
}

static void accept(struct releases *c, struct releases_candidate *x)
{
	manifest_release(&c->manifest);
	c->manifest = x->manifest;
	x->manifest = (struct manifest){ .v = NULL };
	c->accepted = keep_record(c, &x->r);
	c->record = x->r.record;
	c->serial = x->r.record.serial;
	c->digest = x->r.digest;
	c->trust = x->trust;
	x->change = NULL; /* its ids stood in the two manifests */
	x->nchanges = 0;
}

static void begin_step(struct releases *c)
{
	drop_candidates(c);
	arena_release(&c->step);
	archive_trim(c->archive);
	c->code = c->why = NULL;
	c->ignored = 0;
}

/* Judges the records of the next serial; false past the limit. */
static bool judge_all(struct releases *c, struct ledger_record *r, size_t n)
{
	size_t known = 0;

	c->candidate = arena_array(&c->step, n, struct releases_candidate);
	for (size_t i = 0; i < n; i++) {
		struct releases_candidate *x = &c->candidate[c->ncandidates++];
		*x = (struct releases_candidate){ .r = r[i] };
		judge(c, x, true);
		known += x->known;
		if (known > LEDGER_RECORDS_MAX)
			return false;
	}
	return true;
}

enum releases_state releases_step(struct releases *c)
{
	static const struct digest zero;
	enum releases_state state = RELEASES_STOPPED;
	struct ledger_record *r;
	size_t n;

	begin_step(c);
	ledger_records(c->ledger, c->serial + 1, c->serial > 0 ? &c->digest : &zero, &r, &n, &c->ignored, &c->step);
	if (n == 0)
		return RELEASES_END;
	if (!judge_all(c, r, n))
		return stop(c, "E_TOOMANY", "the log has more than 8 signed records of one serial");
	struct releases_candidate *x = choose(c, &state);
	if (x == NULL) {
		if (state == RELEASES_PENDING) {
			c->code = c->candidate[0].code;
			c->why = c->candidate[0].why;
		}
		return state;
	}
	accept(c, x);
	return RELEASES_ACCEPTED;
}

enum releases_state releases_run(struct releases *c)
{
	enum releases_state state = RELEASES_ACCEPTED;

	for (size_t i = 0; state == RELEASES_ACCEPTED && i < RELEASES_STEPS_MAX; i++)
		state = releases_step(c);
	if (state == RELEASES_ACCEPTED)
		return stop(c, "E_TOOMANY", "the log has more than 10000 releases to catch up with; use a later anchor");
	return state;
}

/* ---- where it begins ---- */

enum releases_state releases_anchor(struct releases *c, uint64_t serial, const struct digest *record)
{
	struct releases_candidate x = { .known = true };
	char hex[DIGEST_HEX_MAX], err[300];
	git_oid root;

	begin_step(c);
	if (!ledger_record(c->ledger, serial, record, &x.r, &c->step))
		return stop(c, "E_ANCHOR", arena_printf(&c->step, "the log has no release %llu with the digest %s", (unsigned long long)serial,
							digest_hex(record, DIGEST_BYTES, hex)));
	if (releases_root(c->repo, x.r.record.commit, &root, err, sizeof(err)) < 0 ||
	    (x.trust = trust_of(c, &root, err, sizeof(err))) == NULL)
		return stop(c, "E_CONTENT", arena_strdup(&c->step, err));
	if (!content_fits(c, &x, &root)) {
		manifest_release(&x.manifest);
		return stop(c, x.code, x.why);
	}
	accept(c, &x);
	return RELEASES_ACCEPTED;
}

/* A checkpoint of the root chose among them. */
static bool several_accepted(const struct releases *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->ncandidates; i++)
		n += c->candidate[i].accepted;
	return n > 1;
}

enum releases_state releases_resume(struct releases *c, uint64_t serial, const struct digest *record)
{
	struct ledger_record r, before;

	begin_step(c);
	if (!ledger_record(c->ledger, serial, record, &r, &c->step))
		return releases_anchor(c, serial, record);
	struct digest prev = r.record.prev;
	if (serial > 1 && (!ledger_record(c->ledger, serial - 1, &prev, &before, &c->step) ||
			   releases_anchor(c, serial - 1, &prev) != RELEASES_ACCEPTED))
		return releases_anchor(c, serial, record);
	enum releases_state state = releases_step(c);
	if (state == RELEASES_ACCEPTED && memcmp(c->digest.b, record->b, DIGEST_BYTES) != 0 && !several_accepted(c))
		return stop(c, "E_FORK", "the release in force no longer counts, and another of its serial does");
	bool forked = state == RELEASES_STOPPED && strcmp(c->code, "E_FORK") == 0;
	/* Else time has passed: a key that was good then is out of its window. What was accepted stays so. */
	return state == RELEASES_ACCEPTED || forked ? state : releases_anchor(c, serial, record);
}
