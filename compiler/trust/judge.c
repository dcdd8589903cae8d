/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/judge.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "trust/commit_object.h"

static void reject(struct judgement *out, const char *code, const char *why)
{
	out->accepted = false;
	out->code = code;
	out->why = why;
}

static bool starts(const char *p, size_t n, const char *word)
{
	return n >= strlen(word) && memcmp(p, word, strlen(word)) == 0;
}

/* PGP and X.509 are signatures too, and people must learn why they do not count. */
static bool other_armor(const struct commit_object *c)
{
	return starts(c->armor, c->armor_len, "-----BEGIN PGP ") || starts(c->armor, c->armor_len, "-----BEGIN SIGNED MESSAGE");
}

/* The signature over the commit; true with *sig. */
static bool verified(const struct judge_case *c, struct sshsig *sig, struct judgement *out, struct arena *a)
{
	struct commit_object object;
	char *scratch = arena_alloc(a, 2 * c->commit_len + 1);
	enum commit_error e = commit_object_split(c->commit, c->commit_len, scratch, &object);

	if (e == COMMIT_UNSIGNED) {
		out->pending = true;
		reject(out, "E_UNSIGNED", "the commit carries no signature; sign on top of it: " JUDGE_WHAT_TO_TYPE);
		return false;
	}
	if (e != COMMIT_OK) {
		reject(out, commit_error_code(e), "the commit's header is not of the one form that is read");
		return false;
	}
	if (other_armor(&object)) {
		out->pending = true;
		reject(out, "E_SIGFORMAT", "the commit is signed with PGP or X.509, and only SSH signatures count; "
					   "sign on top of it: " JUDGE_WHAT_TO_TYPE);
		return false;
	}
	enum sshsig_error s = sshsig_verify(object.armor, object.armor_len, "git", object.payload, object.payload_len, sig);
	if (s != SSHSIG_OK) {
		reject(out, sshsig_error_code(s), "the signature does not hold");
		return false;
	}
	sshsig_fingerprint(sig, out->fingerprint);
	return true;
}

/* Who that is, by the file of the tree in force; NULL after a rejection. */
static const struct signer *known_signer(const struct judge_case *c, const struct sshsig *sig, struct judgement *out,
					 struct arena *a)
{
	const struct signer *s = signers_find(c->signers, sig);

	out->pending = true; /* until all of it is well */
	if (s == NULL) {
		reject(out, "E_SIGNER", arena_printf(a, "nobody in trust/allowed_signers has the key %s", out->fingerprint));
		return NULL;
	}
	out->principal = s->principal;
	if (!(s->namespaces & SIGNER_GIT)) {
		reject(out, "E_SIGNER", arena_printf(a, "%s's key %s may not sign commits: its namespaces lack git",
						     s->principal, out->fingerprint));
		return NULL;
	}
	if (c->now < s->valid_after || c->now >= s->valid_before) {
		char edge[CLOCK_TEXT_MAX];
		bool early = c->now < s->valid_after;
		reject(out, "E_KEY_EXPIRED", arena_printf(a, "%s's key %s is not valid %s %s", s->principal,
							  out->fingerprint, early ? "before" : "from",
							  clock_format(early ? s->valid_after : s->valid_before, edge)));
		return NULL;
	}
	out->pending = false;
	return s;
}

static bool is_member(const struct trust_role *role, const char *principal)
{
	for (size_t i = 0; i < role->nmembers; i++)
		if (strcmp(role->member[i], principal) == 0)
			return true;
	return false;
}

/* Whether the role's own wishes about keys are met, by any signature of that key. */
static const char *key_lacks(const struct trust_role *role, const struct signer *s, bool security_key, struct arena *a)
{
	if ((role->require_hardware || role->verify_required) && !security_key)
		return arena_printf(a, "role %s wants a security key, and %s signed with another", role->name, s->principal);
	return NULL;
}

static const char *needs_more(const struct trust_role *role, struct arena *a)
{
	if (role->threshold > 1)
		return arena_printf(a, "role %s needs %u signatures, and a commit carries one: that takes release mode",
				    role->name, role->threshold);
	return NULL;
}

const char *judge_lacks(const struct trust_role *role, const struct signer *s, const struct sshsig *sig, struct arena *a)
{
	struct buf others BUF_CLEANUP = BUF_INIT;
	const char *why = needs_more(role, a);

	if (why != NULL)
		return why;
	if (!is_member(role, s->principal)) {
		for (size_t i = 0; i < role->nmembers; i++)
			buf_addf(&others, "%s%s", i > 0 ? ", " : "", role->member[i]);
		return arena_printf(a, "role %s 0/1 (%s is no member; could sign: %s)", role->name, s->principal,
				    buf_str(&others));
	}
	why = key_lacks(role, s, sig->security_key, a);
	if (why == NULL && role->verify_required && !(sig->flags & SSHSIG_FLAG_VERIFIED))
		why = arena_printf(a, "role %s wants a PIN or a finger with the security key", role->name);
	return why;
}

/* Which rules the changed paths fall under. Every path is looked up once. */
struct touched {
	const char *rule[TRUST_RULES_MAX]; /* the first path under each, or NULL */
	const char *root;                  /* the first below trust/ */
	const char *none;                  /* the first that no rule matches */
};

static void touch(const struct judge_case *c, struct touched *t)
{
	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < c->nchanged; i++) {
		const char *path = c->changed[i];
		const struct trust_rule *rule = trust_is_own_path(path) ? NULL : trust_rule_of(c->trust, path);
		const char **to = trust_is_own_path(path) ? &t->root : rule == NULL ? &t->none : &t->rule[rule - c->trust->rule];
		if (*to == NULL)
			*to = path;
	}
}

static bool reject_paths(struct judgement *out, const char *code, const char *why)
{
	out->pending = true;
	reject(out, code, why);
	return false;
}

bool judge_paths(const struct judge_case *c, const struct signer *s, const struct sshsig *sig, struct judgement *out,
		 struct arena *a)
{
	struct touched t;

	touch(c, &t);
	const char *why = t.root != NULL ? judge_lacks(&c->trust->root, s, sig, a) : NULL;
	if (why != NULL)
		return reject_paths(out, "E_ROOT", arena_printf(a, "%s: %s", t.root, why));
	if (t.none != NULL) {
		reject(out, "E_APPROVALS", arena_printf(a, "%s: no rule of trust/trust.yaml lets anybody change it", t.none));
		return false;
	}
	for (size_t i = 0; i < c->trust->nrules; i++) {
		const struct trust_rule *rule = &c->trust->rule[i];
		for (size_t k = 0; t.rule[i] != NULL && k < rule->nroles; k++) {
			why = judge_lacks(&c->trust->role[rule->role[k]], s, sig, a);
			if (why != NULL)
				return reject_paths(out, "E_APPROVALS",
						    arena_printf(a, "%s: rule %zu: %s", t.rule[i], i + 1, why));
		}
	}
	return true;
}

static bool could_reach(const struct trust_role *role, const struct signer *s, struct arena *a)
{
	return role->threshold <= 1 && is_member(role, s->principal) && key_lacks(role, s, s->security_key, a) == NULL;
}

static bool could_sign(const struct judge_case *c, const struct touched *t, const struct signer *s, struct arena *a)
{
	if (!(s->namespaces & SIGNER_GIT) || c->now < s->valid_after || c->now >= s->valid_before || t->none != NULL)
		return false;
	if (t->root != NULL && !could_reach(&c->trust->root, s, a))
		return false;
	for (size_t i = 0; i < c->trust->nrules; i++)
		for (size_t k = 0; t->rule[i] != NULL && k < c->trust->rule[i].nroles; k++)
			if (!could_reach(&c->trust->role[c->trust->rule[i].role[k]], s, a))
				return false;
	return true;
}

static bool named_before(const char *const *name, size_t n, const char *principal)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name[i], principal) == 0)
			return true;
	return false;
}

const char *judge_could_sign(const struct judge_case *c, struct arena *a)
{
	enum { NAMES = 8 };
	const char *name[NAMES];
	struct buf text BUF_CLEANUP = BUF_INIT;
	struct touched t;
	size_t n = 0;

	touch(c, &t);
	for (size_t i = 0; i < c->signers->n && n < NAMES; i++) {
		const struct signer *s = &c->signers->v[i];
		if (!could_sign(c, &t, s, a) || named_before(name, n, s->principal))
			continue;
		buf_addf(&text, "%s%s", n > 0 ? ", " : "", s->principal);
		name[n++] = s->principal;
	}
	return arena_strdup(a, buf_str(&text));
}

const struct signer *judge_signature(const struct judge_case *c, struct sshsig *sig, struct judgement *out, struct arena *a)
{
	memset(out, 0, sizeof(*out));
	return verified(c, sig, out, a) ? known_signer(c, sig, out, a) : NULL;
}

void judge_commit(const struct judge_case *c, struct judgement *out, struct arena *a)
{
	struct sshsig sig;
	const struct signer *s = judge_signature(c, &sig, out, a);

	out->accepted = s != NULL && judge_paths(c, s, &sig, out, a);
	if (out->pending)
		out->could_sign = judge_could_sign(c, a);
}
