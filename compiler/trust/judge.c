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
		reject(out, "E_UNSIGNED", "the commit carries no signature; sign on top of it: git commit --allow-empty -S && git push");
		return false;
	}
	if (e != COMMIT_OK) {
		reject(out, commit_error_code(e), "the commit's header is not of the one form that is read");
		return false;
	}
	if (other_armor(&object)) {
		out->pending = true;
		reject(out, "E_SIGFORMAT", "the commit is signed with PGP or X.509, and only SSH signatures count; "
					   "sign on top of it: git commit --allow-empty -S && git push");
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
	return s;
}

static bool is_member(const struct trust_role *role, const char *principal)
{
	for (size_t i = 0; i < role->nmembers; i++)
		if (strcmp(role->member[i], principal) == 0)
			return true;
	return false;
}

/* Whether this one signature reaches the role's threshold; why not, else. */
static const char *lacks(const struct trust_role *role, const struct signer *s, const struct sshsig *sig, struct arena *a)
{
	struct buf others BUF_CLEANUP = BUF_INIT;

	if (role->threshold > 1)
		return arena_printf(a, "role %s needs %u signatures, and a commit carries one: that takes release mode",
				    role->name, role->threshold);
	if (!is_member(role, s->principal)) {
		for (size_t i = 0; i < role->nmembers; i++)
			buf_addf(&others, "%s%s", i > 0 ? ", " : "", role->member[i]);
		return arena_printf(a, "role %s 0/1 (%s is no member; could sign: %s)", role->name, s->principal,
				    buf_str(&others));
	}
	if (role->require_hardware && !sig->security_key)
		return arena_printf(a, "role %s wants a security key, and %s signed with another", role->name, s->principal);
	if (role->verify_required && !(sig->flags & SSHSIG_FLAG_VERIFIED))
		return arena_printf(a, "role %s wants a PIN or a finger with the security key", role->name);
	return NULL;
}

static bool may_change(const struct judge_case *c, const char *path, const struct signer *s, const struct sshsig *sig,
		       struct judgement *out, struct arena *a)
{
	if (trust_is_own_path(path)) {
		const char *why = lacks(&c->trust->root, s, sig, a);
		if (why != NULL)
			reject(out, "E_ROOT", arena_printf(a, "%s: %s", path, why));
		return why == NULL;
	}
	const struct trust_rule *rule = trust_rule_of(c->trust, path);
	if (rule == NULL) {
		reject(out, "E_APPROVALS", arena_printf(a, "%s: no rule of trust/trust.yaml lets anybody change it", path));
		return false;
	}
	for (size_t i = 0; i < rule->nroles; i++) {
		const char *why = lacks(&c->trust->role[rule->role[i]], s, sig, a);
		if (why == NULL)
			continue;
		reject(out, "E_APPROVALS",
		       arena_printf(a, "%s: rule %zu: %s", path, (size_t)(rule - c->trust->rule) + 1, why));
		return false;
	}
	return true;
}

void judge_commit(const struct judge_case *c, struct judgement *out, struct arena *a)
{
	struct sshsig sig;

	memset(out, 0, sizeof(*out));
	if (!verified(c, &sig, out, a))
		return;
	const struct signer *s = known_signer(c, &sig, out, a);
	for (size_t i = 0; s != NULL && i < c->nchanged; i++)
		if (!may_change(c, c->changed[i], s, &sig, out, a))
			return;
	out->accepted = s != NULL;
}
