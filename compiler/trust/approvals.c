/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/approvals.h"

#include <string.h>

#include "base/clock.h"
#include "base/vec.h"

struct judging {
	const struct approvals_case *c;
	struct arena *a;
	struct approvals *out;
	struct { /* those by the keys of the release before, and of this one */
		VEC(struct approver) by;
	} side[2];
	VEC(struct approval_refused) refused;
	VEC(struct approval_need) need;
	VEC(const void *) asked; /* per need: the rule and role that it stands for */
};

static void refuse(struct judging *j, const char *code, const char *why)
{
	j->out->accepted = false;
	j->out->code = code;
	j->out->why = why;
}

/* ---- signatures ---- */

static bool is_revoked(const struct trust_file *t, const char *fingerprint, uint64_t serial)
{
	for (size_t i = 0; i < t->nrevoked; i++)
		if (serial > t->revoked[i].after_serial && strcmp(t->revoked[i].key, fingerprint) == 0)
			return true;
	return false;
}

/* Why a verified signature does not count by one side's files, or NULL with *by filled in. */
static const char *known(const struct approvals_case *c, const struct trust_file *t, const struct signers *signers,
			 const struct sshsig *sig, struct approver *by, struct arena *a, const char **why)
{
	const struct signer *s = signers_find(signers, sig);

	sshsig_fingerprint(sig, by->fingerprint);
	if (s == NULL) {
		*why = arena_printf(a, "nobody in trust/allowed_signers has the key %s", by->fingerprint);
		return "E_SIGNER";
	}
	by->principal = s->principal;
	if (!(s->namespaces & SIGNER_RELEASE)) {
		*why = arena_printf(a, "%s's key %s may not sign releases: its namespaces lack " RECORD_NAMESPACE, s->principal,
				    by->fingerprint);
		return "E_SIGNER";
	}
	if (is_revoked(t, by->fingerprint, c->record->serial)) {
		*why = arena_printf(a, "%s's key %s is revoked for this serial", s->principal, by->fingerprint);
		return "E_SIGNER_REVOKED";
	}
	if (c->now < s->valid_after || c->now >= s->valid_before) {
		*why = arena_printf(a, "%s's key %s is outside its validity window", s->principal, by->fingerprint);
		return "E_KEY_EXPIRED";
	}
	by->security_key = sig->security_key;
	by->flags = sig->flags;
	by->counter = sig->counter;
	return NULL;
}

static void count_signature(struct judging *j, const struct approval_signature *s)
{
	const struct approvals_case *c = j->c;
	const struct trust_file *const trust[] = { c->trust, c->next };
	const struct signers *const signers[] = { c->signers, c->next_signers };
	struct sshsig sig;
	enum sshsig_error e = sshsig_verify(s->armor, s->len, RECORD_NAMESPACE, c->text, c->len, &sig);

	if (e != SSHSIG_OK) {
		vec_push(&j->refused, ((struct approval_refused){ sshsig_error_code(e), "the signature does not hold" }));
		return;
	}
	for (int side = 0; side < 2; side++) {
		struct approver by = { .principal = NULL };
		struct approval_refused no = { NULL, NULL };
		no.code = known(c, trust[side], signers[side], &sig, &by, j->a, &no.why);
		if (no.code == NULL)
			vec_push(&j->side[side].by, by);
		else if (side == 0)
			vec_push(&j->refused, no);
	}
}

/* ---- roles ---- */

static bool meets(const struct trust_role *role, const struct approver *by)
{
	if (role->require_hardware && !by->security_key)
		return false;
	return !role->verify_required || (by->flags & SSHSIG_FLAG_VERIFIED) != 0;
}

static bool signed_by(const struct judging *j, int side, const struct trust_role *role, const char *principal)
{
	for (size_t i = 0; i < j->side[side].by.n; i++)
		if (strcmp(j->side[side].by.v[i].principal, principal) == 0 && meets(role, &j->side[side].by.v[i]))
			return true;
	return false;
}

/* Each member once, whatever keys he signed with. */
static uint32_t have(const struct judging *j, int side, const struct trust_role *role)
{
	uint32_t n = 0;

	for (size_t i = 0; i < role->nmembers; i++)
		n += signed_by(j, side, role, role->member[i]);
	return n;
}

static const char *members(const struct judging *j, int side, const struct trust_role *role, bool that_signed)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; i < role->nmembers; i++)
		if (signed_by(j, side, role, role->member[i]) == that_signed)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", role->member[i]);
	return arena_strdup(j->a, buf_str(&b));
}

/* ---- needs ---- */

/* The same rule and role is asked for once, however many paths ask. */
static void need(struct judging *j, int side, const void *rule, const char *rule_text, const struct trust_role *role,
		 uint32_t want, const char *code, const char *what)
{
	for (size_t i = 0; i < j->need.n; i++) {
		struct approval_need *n = &j->need.v[i];
		if (j->asked.v[i] == rule && n->want == want && n->role == role->name) {
			n->more++;
			return;
		}
	}
	vec_push(&j->asked, rule);
	vec_push(&j->need, ((struct approval_need){
				   .code = code, .what = what, .rule = rule_text, .role = role->name,
				   .have = have(j, side, role), .want = want, .who = members(j, side, role, true),
				   .others = members(j, side, role, false) }));
}

static void need_root(struct judging *j, const char *what)
{
	need(j, 0, &j->c->trust->root, "trust/", &j->c->trust->root, j->c->trust->root.threshold, "E_ROOT", what);
	if (j->c->next != j->c->trust)
		need(j, 1, &j->c->next->root, "trust/ of this release", &j->c->next->root, j->c->next->root.threshold, "E_ROOT",
		     what);
}

static void need_path(struct judging *j, const struct approval_path *p)
{
	const struct trust_file *t = j->c->trust;

	if (trust_is_own_path(p->path)) {
		need_root(j, p->path);
		return;
	}
	const struct trust_rule *rule = trust_rule_of(t, p->path);
	if (rule == NULL)
		need(j, 0, t->rule, "no rule", &t->root, t->root.threshold, "E_APPROVALS", p->path);
	for (size_t i = 0; rule != NULL && i < rule->nroles; i++) {
		const struct trust_role *role = &t->role[rule->role[i]];
		bool fewer = rule->revoke > 0 && rule->revoke < role->threshold && p->revokes && j->c->shrinks;
		need(j, 0, rule, arena_printf(j->a, "rule %zu", (size_t)(rule - t->rule) + 1), role,
		     fewer ? rule->revoke : role->threshold, "E_APPROVALS", p->path);
	}
}

static void need_effect(struct judging *j, const struct approval_effect *e)
{
	const struct trust_file *t = j->c->trust;
	const struct trust_effect *effect = &t->effect[e->rule];

	for (size_t i = 0; i < effect->nroles; i++) {
		const struct trust_role *role = &t->role[effect->role[i]];
		need(j, 0, effect, arena_printf(j->a, "effect %zu", e->rule + 1), role, role->threshold, "E_APPROVALS", e->what);
	}
}

static void gather_needs(struct judging *j)
{
	const struct approvals_case *c = j->c;

	if (c->record->flags & RECORD_CHECKPOINT)
		need(j, 0, &c->record->flags, "flag", &c->trust->root, c->trust->root.threshold, "E_ROOT", "flag checkpoint");
	for (size_t i = 0; i < c->npaths; i++)
		need_path(j, &c->path[i]);
	for (size_t i = 0; i < c->neffects; i++)
		need_effect(j, &c->effect[i]);
}

const char *approval_need_text(const struct approval_need *n, struct arena *a)
{
	const char *more = n->more > 0 ? arena_printf(a, " and %zu more", n->more) : "";
	const char *who = *n->who != '\0' ? arena_printf(a, "have %s; ", n->who) : "";

	return arena_printf(a, "%s%s: %s: role %s %u/%u (%scould add: %s)", n->what, more, n->rule, n->role, n->have, n->want, who,
			    *n->others != '\0' ? n->others : "nobody");
}

/* ---- the verdict ---- */

/* What is wrong whoever signs. */
static bool record_fits(struct judging *j)
{
	const struct approvals_case *c = j->c;
	bool moves = false;

	for (size_t i = 0; i < c->npaths; i++)
		moves |= trust_is_own_path(c->path[i].path);
	if (memcmp(c->record->repo, c->trust->repo_id, sizeof(c->record->repo)) != 0 ||
	    memcmp(c->next->repo_id, c->trust->repo_id, sizeof(c->next->repo_id)) != 0)
		refuse(j, "E_RECORD", "the record is of another repository");
	else if (c->record->has_profiles)
		refuse(j, "E_RECORD", "the record has sealed profiles, which this version does not have");
	else if (c->record->trust != c->next->version)
		refuse(j, "E_RECORD", arena_printf(j->a, "the record says version %u of the trust file, and its content has %u",
						   c->record->trust, c->next->version));
	else if (c->record->serial > 1 && moves && c->next->version != c->trust->version + 1)
		refuse(j, "E_ROOT", arena_printf(j->a, "trust/ changes, so its version goes from %u to %u, not to %u",
						 c->trust->version, c->trust->version + 1, c->next->version));
	else if (c->next->mode != TRUST_MODE_RELEASE)
		refuse(j, "E_RECORD", "the trust file of this content does not say mode: release");
	return j->out->code == NULL;
}

static bool flags_fit(struct judging *j)
{
	unsigned int lacks = j->c->flags_asked & ~j->c->record->flags;

	if (lacks & RECORD_MASS_CHANGE)
		refuse(j, "E_MASS_CHANGE", arena_printf(j->a, "more than %u%% of the peers go, and the record lacks the flag mass-change",
							j->c->trust->max_removed_percent));
	else if (lacks & RECORD_REWIND)
		refuse(j, "E_REWIND", "the commit does not come after the one of the release before, and the record lacks the flag rewind");
	return j->out->code == NULL;
}

/* The root role may sign anything; what it has to sign itself is in the needs. */
static bool root_reached(const struct judging *j)
{
	return have(j, 0, &j->c->trust->root) >= j->c->trust->root.threshold;
}

static void weigh(struct judging *j)
{
	bool root = root_reached(j);

	for (size_t i = 0; i < j->need.n; i++) {
		const struct approval_need *n = &j->need.v[i];
		if (n->have >= n->want || (root && strcmp(n->code, "E_ROOT") != 0))
			continue;
		j->out->pending = true;
		refuse(j, n->code, approval_need_text(n, j->a));
		return;
	}
	/* A release that changes nothing is still somebody's word. */
	if (j->side[0].by.n == 0) {
		j->out->pending = true;
		refuse(j, "E_APPROVALS", "nobody signed the record");
	}
}

static void wait_for_time(struct judging *j)
{
	char text[CLOCK_TEXT_MAX];

	if (j->out->code != NULL || j->c->record->not_before == CLOCK_EVER || j->c->now >= j->c->record->not_before)
		return;
	j->out->pending = true;
	refuse(j, "E_NOT_BEFORE", arena_printf(j->a, "the release waits until %s", clock_format(j->c->record->not_before, text)));
}

void approvals_judge(const struct approvals_case *c, struct approvals *out, struct arena *a)
{
	struct judging j = { .c = c, .a = a, .out = out };

	memset(out, 0, sizeof(*out));
	out->accepted = true;
	if (c->nsignatures > APPROVALS_SIGNATURES_MAX)
		refuse(&j, "E_TOOMANY", "the record has more than 64 signatures");
	for (size_t i = 0; out->accepted && i < c->nsignatures; i++)
		count_signature(&j, &c->signature[i]);
	if (out->accepted && record_fits(&j)) {
		gather_needs(&j);
		if (flags_fit(&j))
			weigh(&j);
		wait_for_time(&j);
	}
	out->accepted = out->code == NULL;
	out->by = vec_freeze(&j.side[0].by, a);
	out->nby = j.side[0].by.n;
	out->refused = vec_freeze(&j.refused, a);
	out->nrefused = j.refused.n;
	out->need = vec_freeze(&j.need, a);
	out->nneeds = j.need.n;
	vec_release(&j.side[0].by);
	vec_release(&j.side[1].by);
	vec_release(&j.refused);
	vec_release(&j.need);
	vec_release(&j.asked);
}

/* Reads the signatures alone. */
static void count_all(struct judging *j)
{
	for (size_t i = 0; i < j->c->nsignatures && i < APPROVALS_SIGNATURES_MAX; i++)
		count_signature(j, &j->c->signature[i]);
}

static void end_count(struct judging *j)
{
	vec_release(&j->side[0].by);
	vec_release(&j->side[1].by);
	vec_release(&j->refused);
}

void approvals_signatures(const struct approvals_case *c, struct approvals *out, struct arena *a)
{
	struct judging j = { .c = c, .a = a };

	*out = (struct approvals){ .accepted = false };
	count_all(&j);
	out->by = vec_freeze(&j.side[0].by, a);
	out->nby = j.side[0].by.n;
	out->refused = vec_freeze(&j.refused, a);
	out->nrefused = j.refused.n;
	end_count(&j);
}

bool approvals_root(const struct approvals_case *c, struct arena *a)
{
	struct judging j = { .c = c, .a = a };

	count_all(&j);
	bool root = root_reached(&j);
	end_count(&j);
	return root;
}
